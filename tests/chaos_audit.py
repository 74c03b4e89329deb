"""The audit of a run that was disturbed: what is wrong with its files, held against a run that nothing disturbed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from fake_model import audit_record
from program import texts

from longwriter_cli.records import Language, Step
from longwriter_cli.text.plan import format_step

# What may stand in the directory of a run that has ended.
_FILES = {
    "manifest.json",
    "prompts",
    "instructions.jsonl",
    "plans.jsonl",
    "sections.jsonl",
    "failures.jsonl",
    "dataset.jsonl",
    "index.bin",
    "run.lock",
}
_ANSWERS = ("plans.jsonl", "sections.jsonl")
_KEYS = {"instructions.jsonl": ("id",), "plans.jsonl": ("id",), "sections.jsonl": ("id", "plan", "n")}


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file that may end in the middle of one. A last row that lacks its newline alone is one too."""
    found = []
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    for line in filter(None, lines):
        try:
            found.append(json.loads(line))
        except ValueError:
            assert line is lines[-1], f"{path}: a broken row that is not the last"
    return found


def answers_kept(run: Path) -> int:
    """How many rows hold an answer that was paid for; a plan of a single step may have needed none."""
    return sum(row["usage"]["completion_tokens"] > 0 for name in _ANSWERS for row in rows(run / name))


def tokens_spent(run: Path) -> int:
    """Tokens as the rows tell them."""
    used = [row["usage"] for name in (*_ANSWERS, "failures.jsonl") for row in rows(run / name)]
    return sum(usage["prompt_tokens"] + usage["completion_tokens"] for usage in used)


def lost_records(run: Path, calm: Path) -> int:
    """Records of the undisturbed run that the other one lacks or has otherwise."""
    found = texts(run)
    return sum(found.get(prompt) != text for prompt, text in texts(calm).items())


def problems(run: Path, calm: Path) -> list[str]:
    """What is wrong with a finished run; nothing where the list is empty."""
    found = []
    if (run / "dataset.jsonl").read_bytes() != (calm / "dataset.jsonl").read_bytes():
        found.append("the dataset is not byte-identical to the undisturbed one")
    found += [f"{name} lies in the run" for name in sorted({path.name for path in run.iterdir()} - _FILES)]
    found += [f"{path} was left behind" for path in run.rglob("*.tmp")]
    manifests = [json.loads((directory / "manifest.json").read_bytes()) for directory in (run, calm)]
    if len({json.dumps(manifest | {"created_at": None}) for manifest in manifests}) > 1:
        found.append("the manifest is not that of the undisturbed run")
    for name, key in _KEYS.items():
        if not (run / name).read_bytes().endswith(b"\n"):
            found.append(f"{name} ends in the middle of a row")
        counted = Counter(tuple(row[part] for part in key) for row in rows(run / name))
        found += [f"{name} holds {key} {times} times" for key, times in counted.items() if times > 1]
    # Step 0 is none: such a row only keeps what answers have cost that a stop made useless.
    found += [f"a failure is left: {row}" for row in rows(run / "failures.jsonl") if row["n"] != 0]
    return found + _chain_problems(run)


def _chain_problems(run: Path) -> list[str]:
    """Each section must have been written for its step, in the context of exactly the sections before it."""
    sections: dict[str, dict[int, str]] = {}
    for row in rows(run / "sections.jsonl"):
        sections.setdefault(row["id"], {})[row["n"]] = row["text"]
    found = []
    for plan in rows(run / "plans.jsonl"):
        written = sections.pop(plan["id"], {})
        first = next(iter(written.values()), "")
        language: Language = "zh" if first.startswith("记号") else "en"
        lines = [format_step(Step(**step), language) for step in plan["steps"]]
        found += [f"{plan['id']}: {what}" for what in audit_record([written[n] for n in sorted(written)], lines)]
    return found + [f"{id}: sections without a plan" for id in sections]  # noqa: A001 - the field's name
