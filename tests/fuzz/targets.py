"""What is fuzzed: all that reads bytes which somebody else wrote. A target raises where a promise is broken."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from fuzz.runs import check_run, packed_runs, workplace

from longwriter_cli.errors import EndpointRefused, InputError, InstructionFailed, UsageError
from longwriter_cli.llm.answers import read_completion
from longwriter_cli.llm.base import Request
from longwriter_cli.llm.faults import CallFailed, sort_error
from longwriter_cli.llm.lenient_json import dumped, loaded
from longwriter_cli.llm.said import read_error
from longwriter_cli.prompts import Template, load_templates, shipped_directory
from longwriter_cli.records import Instruction, Step
from longwriter_cli.store.rows import instruction_row, read_record
from longwriter_cli.store.source import read_instructions
from longwriter_cli.text.clean import clean_section
from longwriter_cli.text.plan import format_steps, parse_plan, plan_digest, steps_from_json
from longwriter_cli.text.requirement import required_words

_GOLDEN = Path(__file__).parents[1] / "golden"


@dataclass(frozen=True)
class Target:
    """`check` takes one input and raises where a promise is broken; `seeds` gives the inputs to begin with."""

    name: str
    check: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]


# --- instruction files

_ROWS: tuple[dict[str, Any], ...] = (
    {"prompt": "Write 3,000 words about rivers."},
    {"id": 7, "prompt": "写一篇3000字的文章。", "required_words": 3000, "topic": {"a": [1.5, None]}},
    {"id": "é", "instruction": "Write.", "input": "About tea.", "length": "1,200"},
    {"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": [{"type": "text", "text": "Go"}]}]},
    {"conversations": [{"from": "human", "value": "Tell a tale."}], "plan": [{"main_point": "One", "words": 300}]},
    {"prompt": "A", "plan": "Paragraph 1 - Main Point: one - Word Count: 400 words"},
    {"prompt": "B", "required_words": {"words": 500, "kind": "range", "low": 400, "high": 600}},
)
_TABLE = (
    ("id", "prompt", "length"),
    ("1", "Write, please.", "500"),
    ("2", 'A "quoted"\nline', ""),
    ("3", "写", "1,000"),
)


def _steps(value: object) -> Sequence[Step]:
    return parse_plan(value) if isinstance(value, str) else steps_from_json(value)


def _check_source(suffix: str, data: bytes) -> None:
    """Every instruction can be kept in a run as it is; what cannot be read is named with its file."""
    with workplace() as place:
        path = place / f"in{suffix}"
        path.write_bytes(data)
        strict = _read(path, None)
        bad: list[InputError] = []
        lenient = _read(path, bad)
        assert lenient[: len(strict)] == strict
        for error in bad:
            assert str(path) in error.message
            assert error.line is not None
            assert error.line >= 1
        assert [instruction.row for instruction in lenient] == list(range(len(lenient)))
        for instruction in lenient:
            line = orjson.dumps(instruction_row(instruction))
            assert read_record(line, Instruction) == instruction


def _read(path: Path, bad: list[InputError] | None) -> list[Instruction]:
    """What can be read before the source as a whole is refused, if it is."""
    found: list[Instruction] = []
    refused: InputError | None = None
    on_bad_row = None if bad is None else bad.append
    try:
        for instruction in read_instructions(
            str(path), parse_plan=_steps, required_words=required_words, on_bad_row=on_bad_row
        ):
            found.append(instruction)
    except InputError as error:
        refused = error
    assert refused is None or str(path) in refused.message
    return found


def _separated(separator: str) -> bytes:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if set(text) & {'"', "\n", separator} else text

    return "".join(separator.join(map(cell, row)) + "\n" for row in _TABLE).encode()


def _json_lines() -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in _ROWS)


def _documents() -> list[bytes]:
    rows = list(_ROWS)
    return [
        json.dumps(rows, indent=1).encode(),
        orjson.dumps({"version": 1, "data": rows}),
        orjson.dumps(rows[1]),
        _json_lines(),
    ]


def _zstd() -> bytes:
    import zstandard

    return zstandard.compress(_json_lines())


def _parquet() -> bytes:
    import pyarrow
    from pyarrow import parquet

    file = io.BytesIO()
    table = pyarrow.table({"prompt": ["Write 500 words.", "写", None], "id": [1, 2, None], "length": [1.0, None, 9.5]})
    parquet.write_table(table, file)
    return file.getvalue()


# --- texts


def _check_plan(data: bytes) -> None:
    """Whatever the text: whole steps, numbered from 1, that are read back from the lines which show them."""
    text = data.decode("utf-8", "replace")
    _check_steps(parse_plan(text))
    try:
        _check_steps(steps_from_json(json.loads(text)))
    except (ValueError, RecursionError):
        return


def _check_steps(steps: Sequence[Step]) -> None:
    assert [step.n for step in steps] == list(range(1, len(steps) + 1))
    for step in steps:
        assert 1 <= step.words <= 1_000_000
        assert step.main_point.strip()
    assert len(plan_digest(steps)) == 8
    for language in ("en", "zh"):
        assert format_steps(steps, language).count("\n") == max(0, len(steps) - 1)


def _golden_plans() -> list[bytes]:
    return [path.read_bytes() for path in sorted((_GOLDEN / "plan").glob("*.txt"))]


def _check_cleaner(data: bytes) -> None:
    """Cleaning only takes away at the edges, and cleaning twice is cleaning once."""
    answer, previous, point = [*data.decode("utf-8", "replace").split("\x1e"), "", ""][:3]
    for step in (None, Step(3, point, 400)):
        clean = clean_section(answer, step, previous)
        assert len(clean) <= len(answer)
        assert clean_section(clean, step, previous) == clean


def _golden_answers() -> list[bytes]:
    cases = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((_GOLDEN / "clean").glob("*.json"))]
    return [
        "\x1e".join((case["answer"], case["previous"], (case["step"] or {}).get("main_point", ""))).encode()
        for case in cases
    ]


def _check_requirement(data: bytes) -> None:
    found = required_words(data.decode("utf-8", "replace"))
    if found is not None:
        assert 1 <= found.words <= 10_000_000
        assert (found.low is not None) == (found.kind in ("at_least", "range"))
        assert (found.high is not None) == (found.kind in ("at_most", "range"))
        assert found.low is None or found.high is None or found.low <= found.high


_PROMPTS = (
    "Write a 3,000-word essay on tea, at least 500 words a chapter, in six chapters.",
    "写一篇不少于三千字的文章，共5章，每章约600字。",
    "Between 2k and 3k words, please; the summary no more than 200 words.",
    '"""500 words""" Translate this, one hundred and twenty words at most.',
    "每篇1.5万字左右，写两篇。",
    "A 10-page report (about 250 words per page)",
)


# --- the endpoint's answers

_REQUEST = Request("section", "a", "m", "prompt")
_USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}}
_ANSWERS: tuple[dict[str, Any], ...] = (
    {"choices": [{"message": {"content": "Text. 长"}, "finish_reason": "stop"}], "usage": _USAGE, "model": "m"},
    {"choices": [{"message": {"content": [{"type": "text", "text": "x"}], "refusal": None}}], "usage": None},
    {"choices": [{"message": {"content": None, "refusal": "No."}, "finish_reason": "content_filter: SPII"}]},
    {"choices": [{"message": {"content": "x", "reasoning": "y"}, "finish_reason": "error"}], "usage": {"total": 5}},
    {"error": {"message": "max_tokens is too large", "type": "invalid_request_error", "param": "max_tokens"}},
    {"detail": [{"loc": ["body", "seed"], "msg": "not an integer", "type": "int"}]},
    {"error": {"code": 429, "message": "try again in 2.5s", "metadata": {"raw": '{"error":{"message":"busy"}}'}}},
)


def _check_answer(data: bytes) -> None:
    """An answer is a completion that can be kept, or a failed call; an error is sorted, whatever it says."""
    said = read_error(data.decode("utf-8", "replace"))
    for status in (400, 402, 403, 404, 413, 422, 429, 500, 503):
        headers = {"retry-after": said.message[:40], "x-ratelimit-limit-requests": said.parameter}
        error = sort_error(status, said, headers, endpoint="e", model="m", now=0.0, sent=("seed", "max_tokens"))
        assert isinstance(error, CallFailed | EndpointRefused | InstructionFailed)
        assert isinstance(error, EndpointRefused) or len(str(error)) < 1000
    try:
        answer = loaded(data)
    except ValueError:
        return
    if not isinstance(answer, dict):
        return
    loaded(dumped(answer))
    try:
        completion = read_completion(answer, _REQUEST)
    except CallFailed:
        return
    assert completion.usage.cached_tokens <= completion.usage.prompt_tokens
    orjson.dumps([completion.text, completion.finish_reason, completion.model, completion.usage])


# --- templates


def _check_template(data: bytes) -> None:
    """A template is refused by name or filled in one pass: what the values hold is never expanded."""
    with workplace() as place:
        for name in ("plan", "write"):
            (place / f"{name}.txt").write_bytes(data)
        try:
            templates = load_templates(place)
        except UsageError as error:
            if str(place) not in error.message:
                raise AssertionError("the file is not named") from error
            return
        template = templates.get("write", "en")
        values = {name: f"<{name} $INST$ $TEXT$ $STEP$>" for name in ("INST", "PLAN", "TEXT", "STEP")}
        filled = template.fill(**values)
        assert filled.count("<STEP $INST$ $TEXT$ $STEP$>") >= template.parts[1::2].count("STEP") >= 1
        assert template.fill(**{name: f"${name}$" for name in values}) == template.source
        for path, source in templates.files().items():
            assert Template.parse(source).digest() == templates.digests()[path.removesuffix(".txt")]
            source.encode()


def _shipped_templates() -> list[bytes]:
    both = [b"".join(path.read_bytes() for path in shipped_directory().rglob("*.txt"))]
    return both + [path.read_bytes() + b"\n$STEP$ $INST$" for path in sorted(shipped_directory().rglob("*.txt"))]


_SOURCES: dict[str, Callable[[], Sequence[bytes]]] = {
    ".jsonl": lambda: [_json_lines()],
    ".json": _documents,
    ".csv": lambda: [_separated(","), _separated(";")],
    ".tsv": lambda: [_separated("\t")],
    ".txt": lambda: ["\n".join(_PROMPTS).encode()],
    ".jsonl.gz": lambda: [gzip.compress(_json_lines(), mtime=0)],
    ".jsonl.zst": lambda: [_zstd()],
    ".parquet": lambda: [_parquet()],
}
TARGETS = (
    *(Target(f"reader{suffix}", partial(_check_source, suffix), seeds) for suffix, seeds in _SOURCES.items()),
    Target("plan", _check_plan, _golden_plans),
    Target("cleaner", _check_cleaner, _golden_answers),
    Target("requirement", _check_requirement, lambda: [prompt.encode() for prompt in _PROMPTS]),
    Target("run", check_run, packed_runs),
    Target("answers", _check_answer, lambda: [orjson.dumps(answer) for answer in _ANSWERS]),
    Target("templates", _check_template, _shipped_templates),
)
