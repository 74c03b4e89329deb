"""Coverage-guided fuzzing of all that reads what somebody else wrote, with atheris (libFuzzer).

    scripts/fuzz --minutes 10                    # the time is shared out among the targets
    scripts/fuzz --minutes 5 --seed 7 run plan   # these two, with the choices of seed 7

Each target runs in a process of its own, so that a crash, a hang or a lack of memory ends that target alone. An input
that breaks a promise is kept, once for each place it broke at, and told with the exception; a hang of more than 10 s
and more than 1.5 GB of memory count too. What comes up new is kept in the corpus, and the next run goes on from there.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import subprocess
import sys
import time
import traceback
from pathlib import Path

FOLDER = Path("runs/fuzz")  # ignored by git, like every run
_LONGEST_S, _MOST_MB, _LONGEST_BYTES = 10, 1500, 200_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)  # the process of one target
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    arguments = parser.parse_args()
    seed = random.randrange(1, 2**31) if arguments.seed is None else arguments.seed
    if arguments.alone:
        _fuzz(arguments.targets[0], arguments.minutes, seed)
    from fuzz.targets import TARGETS

    names = arguments.targets or [target.name for target in TARGETS]
    if unknown := set(names) - {target.name for target in TARGETS}:
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(target.name for target in TARGETS)}")
    print(f"seed {seed}; {arguments.minutes / len(names):.2f} minutes for each of {len(names)} targets", flush=True)  # noqa: T201
    broken = [name for name in names if not _holds(name, arguments.minutes / len(names), seed)]
    print(f"broken: {', '.join(broken)}; the inputs are in {FOLDER}" if broken else "every promise held")  # noqa: T201
    return 1 if broken else 0


def _holds(name: str, minutes: float, seed: int) -> bool:
    """Fuzzes one target in a process of its own."""
    began = time.time()
    command = [sys.executable, "-m", "fuzz", "--alone", "--minutes", str(minutes), "--seed", str(seed), name]
    process = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    # One that was found by an earlier run too is written again.
    new = [path for path in (FOLDER / name / "found").glob("*") if path.stat().st_mtime >= began]
    told = [line for line in process.stderr.splitlines() if line.startswith(("Done ", "==", "SUMMARY"))]
    print(f"{name:>18}  {told[-1] if told else process.stderr[-2000:]}", flush=True)  # noqa: T201
    for path in sorted(new):
        print(f"{'':>18}  {path}", flush=True)  # noqa: T201
    return process.returncode == 0 and not new


def _fuzz(name: str, minutes: float, seed: int) -> None:
    """Fuzzes one target here until the time is up; does not come back."""
    import atheris
    from fuzz.mutate import mutate

    with atheris.instrument_imports(include=["longwriter_cli"]):
        from fuzz.targets import TARGETS
    target = next(target for target in TARGETS if target.name == name)
    corpus, found = FOLDER / name / "corpus", FOLDER / name / "found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    seeds = target.seeds()
    for data in seeds:
        (corpus / f"seed-{_digest(data)}").write_bytes(data)
    places: set[str] = set()

    def one(data: bytes) -> None:
        try:
            target.check(data)
        except Exception as error:
            place = "\n".join(str(frame) for frame in traceback.extract_tb(error.__traceback__)[1:])
            if place not in places:
                places.add(place)
                path = found / f"{type(error).__name__}-{_digest(place.encode())}"
                path.write_bytes(data)
                print(f"--- {path}\n{traceback.format_exc(limit=-4)}", flush=True)  # noqa: T201

    def change(data: bytes, longest: int, number: int) -> bytes:
        chance = random.Random(number)
        if chance.random() < 0.4:
            return atheris.Mutate(data, longest)  # type: ignore[no-any-return]  # atheris has no types
        return mutate(data, chance, seeds)[:longest]

    options = [
        f"-seed={seed}",
        f"-max_total_time={max(1, round(60 * minutes))}",
        f"-timeout={_LONGEST_S}",
        f"-rss_limit_mb={_MOST_MB}",
        f"-max_len={_LONGEST_BYTES}",
        f"-artifact_prefix={found}/",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one, custom_mutator=change)
    atheris.Fuzz()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


if __name__ == "__main__":
    sys.exit(main())
