"""Each exit code, in each of its ways, through the whole program: what it says, what it prints, what it leaves alone.

The README's table is held against the ways that are tested here, and both against the tree of errors.
"""

from __future__ import annotations

import re
import shlex
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_model import prompt_text
from fake_server import FakeServer
from program import SUMMARY_KEYS, Program, Result, at, essays, read_rows, run_longwriter, until, write_rows

from longwriter_cli import errors

README = Path(__file__).parent.parent / "README.md"
EXPORTED = {0, 3, 4}

FULL_DISK = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))
"""


@dataclass
class Scene:
    """A run of three instructions, the first of which is finished and exported."""

    directory: Path
    server: FakeServer
    source: Path = field(init=False)
    run: Path = field(init=False)

    def __post_init__(self) -> None:
        self.run = self.directory / "run"
        self.source = write_rows(self.directory / "in.jsonl", essays(3))
        run_longwriter(*self.command(), "--limit", "1")
        self.before = self.export()

    def command(self, *more: object) -> tuple[object, ...]:
        """The command under test, `more` options and all."""
        return "build-dataset", self.source, "-r", self.run, "-c", "2", *at(self.server), *more

    def export(self) -> bytes:
        return (self.run / "dataset.jsonl").read_bytes()

    def ends(self, *more: object, patch: str = "") -> Result:
        """How the command ends."""
        return run_longwriter(*self.command("--json", *more), patch=patch, code=None)

    def mend(self) -> None:
        """Takes away what stood in the way."""
        server = self.server
        server.mode, server.latency_s, server.answer = "ok", 0.0, None
        server.start()
        write_rows(self.source, essays(3))


def is_done(scene: Scene) -> Result:
    return scene.ends()


def is_a_bug(scene: Scene) -> Result:
    return scene.ends(patch="import longwriter_cli.stages.write as w; w.count_words = None")


def has_a_bad_row(scene: Scene) -> Result:
    with scene.source.open("a") as file:
        file.write('{"prompt": 5}\n')
    return scene.ends()


def has_another_setting(scene: Scene) -> Result:
    return scene.ends("--temperature", "0.7")


def has_an_unknown_option(scene: Scene) -> Result:
    return scene.ends("--max-costs", "5")


def has_a_wrong_value(scene: Scene) -> Result:
    return scene.ends("--max-failed", "-1")


def fails_an_instruction(scene: Scene) -> Result:
    scene.server.answer = lambda request: "No." if "number 2" in prompt_text(request) else None
    return scene.ends()


def reaches_its_tokens(scene: Scene) -> Result:
    return scene.ends("--max-total-tokens", "6000")


def reaches_its_cost(scene: Scene) -> Result:
    return scene.ends("--max-cost", "0.00001", "--price-in", "1", "--price-out", "1")


def is_refused(mode: str) -> Callable[[Scene], Result]:
    def way(scene: Scene) -> Result:
        scene.server.mode = mode
        return scene.ends()

    return way


def finds_the_run_held(scene: Scene) -> Result:
    scene.server.latency_s = 0.5
    other = Program(*scene.command())
    until(lambda: scene.server.stats.in_flight > 0)
    try:
        return scene.ends()
    finally:
        other.signal(signal.SIGKILL)
        other.wait()


def gets_no_success(scene: Scene) -> Result:
    scene.server.mode = "down"
    return scene.ends("--give-up-after", "0.2", "--max-attempts", "1000")


def reaches_nobody(scene: Scene) -> Result:
    scene.server.stop()
    return scene.ends("--max-attempts", "2", "--give-up-after", "0.2")


def has_no_room_for_rows(scene: Scene) -> Result:
    return scene.ends(patch=FULL_DISK.format(room=(scene.run / "sections.jsonl").stat().st_size + 3000))


def has_no_room_for_the_export(scene: Scene) -> Result:
    scene.ends("--limit", "2")
    (scene.run / "dataset.jsonl").write_bytes(scene.before)
    command = ("build-dataset", "-r", scene.run, "--export-only", "--json")
    return run_longwriter(*command, patch=FULL_DISK.format(room=2000), code=None)


def is_told(number: int) -> Callable[[Scene], Result]:
    def way(scene: Scene) -> Result:
        scene.server.latency_s = 0.2
        program = Program(*scene.command("--json"))
        until(lambda: scene.server.stats.in_flight > 0)
        program.signal(number)
        return program.wait()

    return way


@dataclass(frozen=True)
class Way:
    """One way to an exit code: `says` are patterns of what, where and what next, all to be found in what it says."""

    code: int
    end: Callable[[Scene], Result]
    says: tuple[str, ...]
    is_open: bool = True  # whether the run was open, so that `--json` prints its object

    def __str__(self) -> str:
        return f"{self.code} {getattr(self.end, '__name__', 'way')}"


WAYS = [
    Way(0, is_done, ("3/3 instructions",)),
    Way(1, is_a_bug, ("this is a bug in longwriter: TypeError", r"tip: The log to attach to a report: \S+\.log")),
    Way(2, has_a_bad_row, (r"in\.jsonl line 4: ", "prompt", "tip: .")),
    Way(2, has_another_setting, ("--temperature is not set there and 0.7 here", "tip: .*--new-settings")),
    Way(2, has_an_unknown_option, ("--max-costs", "--max-cost", "--?h"), is_open=False),
    Way(2, has_a_wrong_value, ("--max-failed -1", "tip: .*--max-failed 5"), is_open=False),
    Way(3, fails_an_instruction, ("failed", "bad_plan|plan")),
    Way(4, reaches_its_tokens, ("budget|--max-total-tokens", "tip: .*--max-total-tokens")),
    Way(4, reaches_its_cost, ("budget|--max-cost", "tip: .*--max-cost")),
    Way(5, is_refused("bad_key"), ("key", "tip: .*(OPENAI_API_KEY|--api-key-env)")),
    Way(5, is_refused("forbidden"), ("permission", "tip: .")),
    Way(5, is_refused("no_model"), ("no model 'fake-writer'", "tip: .")),
    Way(5, is_refused("no_quota"), ("quota", "tip: .")),
    Way(74, has_no_room_for_rows, (r"sections\.jsonl: .*grow", "tip: .*same command")),
    Way(74, has_no_room_for_the_export, (r"dataset\.jsonl: .*grow", "tip: .*same command")),
    Way(
        75, finds_the_run_held, (r"run is in use by process \d+ on .*\(longwriter build-dataset\)", "tip: Wait"), False
    ),
    Way(75, gets_no_success, ("no answer for", "tip: .")),
    Way(75, reaches_nobody, ("127.0.0.1", "tip: .")),
    Way(129, is_told(signal.SIGHUP), ("Stopped by SIGHUP", "tip: Go on with: longwriter build-dataset ")),
    Way(130, is_told(signal.SIGINT), ("Stopped by SIGINT", "tip: Go on with: longwriter build-dataset ")),
    Way(143, is_told(signal.SIGTERM), ("Stopped by SIGTERM", "tip: Go on with: longwriter build-dataset ")),
]


@pytest.fixture
def scene(tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    with tempfile.TemporaryDirectory() as logs:
        monkeypatch.setenv("TMPDIR", logs)  # for the log of a bug
        yield Scene(tmp_path, server)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The dataset of the three instructions when all goes well."""
    directory = tmp_path_factory.mktemp("calm")
    with FakeServer() as server:
        source = write_rows(directory / "in.jsonl", essays(3))
        run_longwriter("build-dataset", source, "-r", directory / "run", *at(server))
    return (directory / "run" / "dataset.jsonl").read_bytes()


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_code_comes_with_what_where_and_what_next_and_loses_nothing(
    way: Way, scene: Scene, undisturbed: bytes
) -> None:
    result = way.end(scene)
    assert result.code == way.code, result
    for pattern in way.says:
        assert re.search(pattern, result.stderr), f"{pattern!r} is not said:\n{result.stderr}"
    assert "Traceback" not in result.stderr + result.stdout
    if way.is_open:
        summary = result.summary
        assert list(summary) == SUMMARY_KEYS
        assert summary["exit_code"] == way.code
        assert (summary["dataset"] is not None) == (way.code in EXPORTED)
    else:
        assert result.stdout == ""
    if way.code in EXPORTED:
        assert len(read_rows(scene.run / "dataset.jsonl")) == result.summary["written"]
        assert scene.export().startswith(scene.before)
    else:
        assert scene.export() == scene.before, "the earlier export is not as it was"
    scene.mend()
    run_longwriter(*scene.command())
    assert scene.export() == undisturbed, "the same command ends otherwise than if nothing had been"


def test_a_person_is_told_where_to_look_when_instructions_failed(scene: Scene) -> None:
    fails_an_instruction(scene)
    result = run_longwriter(*scene.command(), code=3)
    assert f"what failed and why: longwriter inspect {shlex.quote(str(scene.run))}" in result.stdout
    looked = run_longwriter("inspect", scene.run)
    assert "bad_plan" in looked.stdout


# --- the table ----------------------------------------------------------------------------------------------------


def table() -> dict[int, list[str]]:
    """The README's rows: when it comes and what to do, for each code."""
    section = README.read_text(encoding="utf-8").split("\n## Exit codes\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\d[\d, ]*) \| (.+) \| (.+) \|$", section, flags=re.MULTILINE)
    return {int(code): [when, what] for codes, when, what in rows for code in codes.split(",")}


def test_the_table_has_a_row_for_each_code_that_is_tested_and_a_test_for_each_row() -> None:
    assert set(table()) == {way.code for way in WAYS}


def test_every_row_of_the_table_says_when_and_what_to_do() -> None:
    for code, (when, what) in table().items():
        assert when.strip(), code
        assert what.strip(), code


def test_every_error_ends_in_a_code_of_the_table() -> None:
    codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    kinds = [errors.LongwriterError]
    for kind in kinds:
        kinds += kind.__subclasses__()
        codes.add(kind.exit_code)
    signals = {errors.Stopped("", number).exit_code for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    assert codes | signals == set(table())
