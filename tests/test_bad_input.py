"""Input that cannot be read, through the whole program: file and line, exit code 2, no call, nothing lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_model import prompt_text
from fake_server import FakeServer
from program import Program, Result, at, audit, essays, read_rows, run_longwriter, texts, write_rows

GOOD = b'{"prompt": "Write 300 words on tea."}\n'
RUM = "Write 300 words on rum."


def assert_refused(result: Result, *said: str) -> None:
    """Code 2, and what is wrong in a few words."""
    assert result.code == 2, result
    for words in said:
        assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert "bug" not in result.stderr
    assert len(result.stderr) < 2000


# --- instructions -----------------------------------------------------------------------------------------------------


def second(**fields: Any) -> bytes:
    """A good row, and one of these fields behind it."""
    return GOOD + json.dumps(fields).encode() + b"\n"


def planned(*steps: Any) -> bytes:
    return second(prompt=RUM, plan=list(steps))


STEP = {"n": 1, "main_point": "The spring", "words": 200}

# Each is bad on its second line, for the reason said.
BAD_LINES: dict[str, tuple[bytes, str]] = {
    "cut in a string": (GOOD + b'{"prompt": "Write', "is cut off"),
    "cut before its brace": (GOOD + b'{"prompt": "Write"', "is cut off"),
    "a NUL byte": (GOOD + b'{"prompt": "a\0b"}\n', "NUL byte"),
    "nothing but NUL bytes": (GOOD + bytes(4096), "NUL byte"),
    "Latin-1": (GOOD + '{"prompt": "é"}\n'.encode("latin-1"), "not valid UTF-8"),
    "half a surrogate pair": (GOOD + b'{"prompt": "\\ud800"}\n', "surrogate"),
    "a hundred thousand brackets": (GOOD + b'{"prompt": "a", "x": ' + b"[" * 100_000 + b"\n", "not valid JSON"),
    "a list": (GOOD + b"[1]\n", "is a list"),
    "a number": (GOOD + b"5\n", "is a number"),
    "null": (GOOD + b"null\n", "is null"),
    "an object without a prompt": (second(text=RUM), "has no prompt"),
    "a prompt that is a number": (second(prompt=5), "is a number, not a string"),
    "a prompt that is an object": (second(prompt={}), "is an object, not a string"),
    "a prompt that is null": (second(prompt=None), "the prompt is empty"),
    "an empty prompt": (second(prompt=""), "the prompt is empty"),
    "a blank prompt": (second(prompt=" \n\t"), "the prompt is empty"),
    "an empty id": (second(prompt=RUM, id=""), "the id is empty"),
    "an id that is a list": (second(prompt=RUM, id=[1]), "the id is a list"),
    "an id with a newline": (second(prompt=RUM, id="a\nb"), "newline"),
    "an id with an escape sequence": (second(prompt=RUM, id="a\x1b[2J"), "control character"),
    "a length below zero": (second(prompt=RUM, length=-5), '"length" is -5'),
    "a length of zero": (second(prompt=RUM, required_words=0), '"required_words" is 0'),
    "a length of a word and a half": (second(prompt=RUM, length=1.5), '"length" is 1.5'),
    "a length beyond all bounds": (second(prompt=RUM, length=10**30), '"length" is 1e+30'),
    "a length of 400 digits": (GOOD + b'{"prompt": "a", "length": ' + b"9" * 400 + b"}\n", "infinity"),
    "NaN": (GOOD + b'{"prompt": "a", "length": NaN}\n', "not valid JSON"),
    "NaN as text": (second(prompt=RUM, length="NaN"), "is 'NaN'"),
    "true as a length": (second(prompt=RUM, length=True), "is True"),
    "a kind of length that there is not": (second(prompt=RUM, length={"words": 5, "kind": "some"}), "is 'some'"),
    "a range upside down": (
        second(prompt=RUM, length={"words": 5, "kind": "range", "low": 9, "high": 3}),
        "low 9 and high 3",
    ),
    "a plan in other words": (second(prompt=RUM, plan="as above"), "its plan cannot be used"),
    "a plan without steps": (planned(), "its plan cannot be used"),
    "a plan within a plan": (planned([STEP]), "its plan cannot be used"),
    "a step that is null": (planned(None), "its plan cannot be used"),
    "a step without a point": (planned({"n": 1, "words": 200}), "its plan cannot be used"),
    "a step of fewer than no words": (planned(STEP | {"words": -4}), "its plan cannot be used"),
    "a step of no words": (planned(STEP | {"words": 0}), "its plan cannot be used"),
    "a step of NaN words": (planned(STEP | {"words": "NaN"}), "its plan cannot be used"),
    "a step of a billion words": (planned(STEP | {"words": 10**12}), "its plan cannot be used"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_named_and_costs_nothing(name: str, tmp_path: Path, run: Path, server: FakeServer) -> None:
    content, problem = BAD_LINES[name]
    source = tmp_path / "in.jsonl"
    source.write_bytes(content)
    result = run_longwriter("build-dataset", source, "-r", run, "--json", *at(server), code=None)
    assert_refused(result, f"{source} line 2: ", problem, "tip: ")
    assert server.stats.calls == 0
    assert read_rows(run / "instructions.jsonl") == []


def test_the_good_lines_around_bad_ones_can_be_taken_and_the_mended_ones_later(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    """All the bad lines in one file: each is a row of `failures.jsonl` with its line."""
    source = tmp_path / "in.jsonl"
    bad = [content.removeprefix(GOOD).rstrip(b"\n") for content, _ in BAD_LINES.values()]
    source.write_bytes(GOOD + b"\n".join(bad) + b"\n" + json.dumps({"prompt": RUM}).encode() + b"\n")
    command = ("build-dataset", source, "-r", run, "--json", *at(server))
    summary = run_longwriter(*command, "--skip-bad-rows", code=3).summary
    assert (summary["records"], summary["failed"]) == (2, len(bad))
    assert [row["line"] for row in read_rows(run / "failures.jsonl")] == list(range(2, len(bad) + 2))
    source.write_bytes(GOOD + json.dumps({"prompt": RUM}).encode() + b"\n")
    summary = run_longwriter(*command).summary
    assert (summary["records"], summary["failed"], server.stats.repeats) == (2, 0, 0)


WIDE = '{"prompt": "Write 300 words on tea."}\n'

BAD_FILES: dict[str, tuple[bytes, str]] = {
    "utf16.jsonl": (WIDE.encode("utf-16"), "is UTF-16"),
    "utf16le.jsonl": (WIDE.encode("utf-16-le"), "is UTF-16LE"),
    "utf16be.csv": ("prompt\nTea\n".encode("utf-16-be"), "is UTF-16BE"),
    "utf32.txt": ("Tea".encode("utf-32"), "is UTF-32"),
    "bytes.jsonl": (bytes(range(1, 256)) * 9, "line 1"),
    "archive.jsonl": (b"PK\x03\x04 and so on", "ZIP archive"),
    "packed.jsonl": (b"\x1f\x8b\x08\0 and so on", "gzip"),
    "torn.json": (b'[{"prompt": "a"},\n{"prompt":', "line 2"),
    "two.json": (b'[{"prompt": "a"}]\n[{"prompt": "b"}]', "line 2"),
    "open.csv": (b'prompt\n"Tea\nRum\n', "line 2"),
    "wide.csv": (b"prompt,id\nTea,1,2\n", "line 2"),
    "twice.csv": (b"prompt,prompt\nTea,Rum\n", "line 1"),
    "nul.txt": (b"Tea\nR\0m\n", "line 2"),
    "blank.txt": (b"\n  \n", "holds no instruction"),
    "torn.parquet": (b"PAR1 and PAR1", "Parquet"),
    "torn.jsonl.gz": (b"\x1f\x8b\x08\0", "cut off"),
    "torn.jsonl.zst": (b"\x28\xb5\x2f\xfd", "cut off"),
    "table.xlsx": (b"PK\x03\x04", "ZIP archive"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_something_else_is_named_and_makes_no_run(
    name: str, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    content, problem = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    result = run_longwriter("build-dataset", tmp_path / name, "-r", run, *at(server), code=None)
    assert_refused(result, str(tmp_path / name), problem)
    assert server.stats.calls == 0
    assert not (run / "manifest.json").exists()


def test_a_broken_line_of_50_megabytes_is_told_in_two_short_lines(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(GOOD + b'{"prompt": "' + b"tea " * 12_500_000)
    result = run_longwriter("build-dataset", source, "-r", run, *at(server), code=None)
    assert_refused(result, "line 2: is cut off")


def test_a_prompt_of_50_megabytes_fails_alone(tmp_path: Path, run: Path, server: FakeServer) -> None:
    server.max_context_tokens = 8000
    source = tmp_path / "in.jsonl"
    source.write_bytes(second(prompt="Tell this again: " + "tea " * 12_500_000))
    result = run_longwriter("build-dataset", source, "-r", run, "--context-tokens", "8000", *at(server), code=3)
    assert len(result.stderr) < 2000
    (failure,) = read_rows(run / "failures.jsonl")
    assert failure["kind"] == "context_length"
    assert list(texts(run)) == [json.loads(GOOD)["prompt"]]


def test_a_byte_order_mark_and_windows_newlines_are_no_fault(tmp_path: Path, run: Path, server: FakeServer) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(b"\xef\xbb\xbf" + second(prompt=RUM).replace(b"\n", b"\r\n"))
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    assert list(texts(run)) == [json.loads(GOOD)["prompt"], RUM]


@pytest.mark.parametrize(
    "steps",
    [
        [STEP, STEP],
        [STEP | {"n": 2}, STEP],
        [STEP, STEP | {"n": 7}],
        [STEP | {"n": -1}],
        [STEP | {"n": 10**20}],
        [STEP | {"n": "first"}],
        [STEP | {"steps": [STEP]}],
        [STEP | {"main_point": "As in step 1"}, STEP | {"n": 2, "main_point": "Paragraph 2 - Main Point: Paragraph 2"}],
        [STEP | {"main_point": "A\nParagraph 9 - Main Point: B - Word Count: 50 words"}],
    ],
    ids=["repeated", "out of order", "a gap", "below zero", "huge", "a word", "within itself", "of itself", "of two"],
)
def test_steps_that_a_row_brings_are_numbered_anew_and_each_is_written_once(
    steps: list[dict[str, Any]], tmp_path: Path, run: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", [{"prompt": RUM, "plan": steps}])
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    (plan,) = read_rows(run / "plans.jsonl")
    assert [step["n"] for step in plan["steps"]] == list(range(1, len(steps) + 1))
    assert server.stats.calls == len(read_rows(run / "sections.jsonl")) == len(steps)
    assert audit(run) == 1


def test_ids_with_slashes_dots_and_any_letters_are_kept_as_they_are(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    ids = ["../../etc/passwd", "a/b/c", ".", "..", "-r", "C:\\x", "川 1", "x" * 3000, "'; rm -rf ~", "$TEXT$", "%s {0}"]
    rows = [{"id": id_, "prompt": f"Write 200 words on matter {n}."} for n, id_ in enumerate(ids)]
    before = set(tmp_path.iterdir())
    source = write_rows(tmp_path / "in.jsonl", rows)
    run_longwriter("build-dataset", source, "-r", run, "--metadata", *at(server))
    assert [row["id"] for row in read_rows(run / "dataset.jsonl")] == ids
    assert set(tmp_path.iterdir()) - before == {source, run}
    for id_ in ids[:4]:
        assert f"Instruction  {id_}" in run_longwriter("inspect", run, f"--id={id_}").stdout


# --- files of a run ---------------------------------------------------------------------------------------------------

FILES = ("manifest.json", "instructions.jsonl", "plans.jsonl", "sections.jsonl", "failures.jsonl")


def with_field(name: str, value: object) -> Callable[[bytes], bytes]:
    """Edits the first row, or the manifest."""

    def edit(content: bytes) -> bytes:
        if content.startswith(b"{\n"):
            return json.dumps(json.loads(content) | {name: value}).encode()
        first, _, rest = content.partition(b"\n")
        return json.dumps(json.loads(first) | {name: value}).encode() + b"\n" + rest

    return edit


# Nobody can say what such a file means.
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "the first line cut short": lambda content: content[:25] + b"\n" + content[25:],
    "NUL bytes in a row": lambda content: content[:20] + b"\0\0\0" + content[23:],
    "saved as UTF-16": lambda content: content.decode().encode("utf-16"),
    "a byte that is no UTF-8": lambda content: content[:12] + b"\xe9" + content[13:],
    "another file": lambda content: bytes(range(256)) * 8 + b"\n",
    "a list": lambda content: b"[1, 2]\n" + content,
    "nulls": lambda content: b"null\n" * 3,
    "thousands of brackets": lambda content: b"[" * 5000 + b"\n" + content,
}
# What is wrong in one file alone.
EDITS: dict[str, tuple[tuple[str, object], ...]] = {
    "manifest.json": (("format", "x"), ("format", 99), ("settings", []), ("settings", None)),
    "instructions.jsonl": (("id", 5), ("prompt", None), ("row", -3), ("required_words", {"words": -3})),
    "plans.jsonl": (("id", None), ("steps", [STEP, STEP]), ("steps", []), ("steps", "see step 1")),
    "sections.jsonl": (("words", -5), ("n", 10**20), ("usage", {"prompt_tokens": -1}), ("text", None)),
    "failures.jsonl": (("kind", "mood"), ("stage", 5), ("usage", "none"), ("n", 10**20)),
}
# What editors and careful people do.
HARMLESS: dict[str, Callable[[bytes], bytes]] = {
    "a byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "Windows newlines": lambda content: content.replace(b"\n", b"\r\n"),
    "blank lines": lambda content: b"\n\n" + content + b"\n",
    "a field that nobody knows": with_field("remark", "mine"),
    "no newline at the end": lambda content: content.rstrip(b"\n"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two records and a failure."""
    directory = tmp_path_factory.mktemp("made")
    source = write_rows(directory / "in.jsonl", essays(3))
    with FakeServer() as server:
        server.answer = lambda request: "No." if "number 2" in prompt_text(request) else None
        run_longwriter("build-dataset", source, "-r", directory / "run", *at(server), code=3)
    return directory / "run"


def damaged(made: Path, name: str, damage: Callable[[bytes], bytes], directory: Path) -> Path:
    """A copy of the run with one of its files damaged."""
    shutil.copytree(made, directory)
    (directory / name).write_bytes(damage((made / name).read_bytes()))
    return directory


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_of_a_run_is_named_with_its_line_and_nothing_is_lost(
    name: str, made: Path, tmp_path: Path
) -> None:
    edits = {f"{field} is {value!r}"[:40]: with_field(field, value) for field, value in EDITS[name]}
    damages = DAMAGES | edits
    runs = {
        damage: damaged(made, name, change, tmp_path / str(n)) for n, (damage, change) in enumerate(damages.items())
    }
    files = {damage: (run / name).read_bytes() for damage, run in runs.items()}
    programs = {damage: Program("build-dataset", "-r", run, "--export-only", "-m", "m") for damage, run in runs.items()}
    for damage, program in programs.items():
        result, run = program.wait(), runs[damage]
        assert result.code == 2, f"{damage}\n{result!r}"
        where = str(run / name) if name == "manifest.json" else f"{run / name} line [0-9]+: "
        assert re.search(where, result.stderr), f"{damage}\n{result.stderr}"
        assert "tip: " in result.stderr, damage
        assert "Traceback" not in result.stderr, damage
        assert files[damage].startswith((run / name).read_bytes()), f"{damage}: more than a torn tail is gone"
        assert (run / "dataset.jsonl").read_bytes() == (made / "dataset.jsonl").read_bytes(), damage
        for other in FILES:
            if other != name:
                assert (run / other).read_bytes() == (made / other).read_bytes(), f"{damage}: {other} was changed"


@pytest.mark.parametrize("name", FILES)
def test_what_editors_do_to_a_file_of_a_run_is_no_damage(name: str, made: Path, tmp_path: Path) -> None:
    runs = {harm: damaged(made, name, change, tmp_path / harm) for harm, change in HARMLESS.items()}
    programs = {harm: Program("build-dataset", "-r", run, "--export-only") for harm, run in runs.items()}
    for harm, program in programs.items():
        result = program.wait()
        assert result.code == 3, f"{harm}\n{result!r}"
        assert (runs[harm] / "dataset.jsonl").read_bytes() == (made / "dataset.jsonl").read_bytes(), harm


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_a_device_in_the_place_of_a_file_is_told_and_not_waited_for(
    kind: str, name: str, made: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(made, run)
    (run / name).unlink()
    if kind == "pipe":
        os.mkfifo(run / name)
    else:
        (run / name).symlink_to("/dev/zero")
    source = write_rows(tmp_path / "in.jsonl", essays(1))
    for command in (("inspect", run), ("build-dataset", source, "-r", run)):
        result = run_longwriter(*command, code=None, timeout_s=10)
        assert_refused(result, f"{run / name}: is a pipe or a device", "tip: ")


# --- paths and values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-r", ""), ("--run", "is empty", "variable")),
        (("-r", "in.jsonl"), ("in.jsonl is a file; a run is a directory", "tip: ")),
        (("-r", "/dev/null"), ("/dev/null is a file; a run is a directory", "tip: ")),
        (("-r", "in.jsonl/run"), ("in.jsonl/run is a file", "tip: ")),
        (("-r", "run", "-o", ""), ("--output", "is empty")),
        (("-r", "run", "-o", "-"), ("standard output", "tip: Name a file")),
        (("-r", "run", "-o", "/dev/null"), ("not a regular file", "tip: ")),
        (("-r", "run", "-o", "."), (". is a directory", "tip: ")),
        (("-r", "run", "-m", ""), ("--model", "is empty")),
    ],
    ids=str,
)
def test_a_path_that_cannot_be_meant_is_refused_before_anything_is_made(
    options: tuple[str, ...], said: tuple[str, ...], tmp_path: Path, server: FakeServer
) -> None:
    write_rows(tmp_path / "in.jsonl", essays(1))
    result = run_longwriter("build-dataset", "in.jsonl", *at(server), *options, cwd=tmp_path, code=None)
    assert_refused(result, *said)
    assert server.stats.calls == 0
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_source_that_is_a_device_is_refused(run: Path, server: FakeServer) -> None:
    for device in ("/dev/zero", "/dev/null", "/dev/urandom"):
        result = run_longwriter("build-dataset", device, "-r", run, *at(server), code=None, timeout_s=10)
        assert_refused(result, f"{device}: is a device")


# A user who may write nothing here; the tests may be run by one who may write everything.
NOBODY = "import os; os.setegid(65534); os.seteuid(65534)" if os.geteuid() == 0 else ""


def test_a_run_without_write_permission_is_refused_and_costs_nothing(made: Path, server: FakeServer) -> None:
    with tempfile.TemporaryDirectory() as name:  # not below the directory of the tests, which is this user's alone
        directory = Path(name)
        directory.chmod(0o755)
        source = write_rows(directory / "in.jsonl", essays(4))
        run = directory / "run"
        shutil.copytree(made, run)
        before = sorted(path.name for path in run.rglob("*"))
        for path in (*run.rglob("*"), run):
            path.chmod(0o555 if path.is_dir() else 0o444)
        directory.chmod(0o555)
        try:
            for target in (run, directory / "new"):
                command = ("build-dataset", source, "-r", target, *at(server))
                result = run_longwriter(*command, patch=NOBODY, code=None)
                assert result.code in (2, 74), result
                assert str(target) in result.stderr
                assert "ermi" in result.stderr
                assert "Traceback" not in result.stderr
            assert server.stats.calls == 0
            assert sorted(path.name for path in run.rglob("*")) == before
        finally:
            for path in (directory, run, *(path for path in run.rglob("*") if path.is_dir())):
                path.chmod(0o755)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ('rpm = "many"', "--rpm"),
        ("rpm = -4", "--rpm"),
        ("rpm = [1]", "--rpm"),
        ("rpm = nan", "--rpm"),
        ('mode = "both"', "--mode"),
        ("[plan]\nrpm = 0.5", "--rpm"),
        ('model = ""', "model is empty"),
        ("plan = 3", "plan is a command"),
        ("rpm = ", "not TOML"),
        ("model = my-model", 'As in model = "gpt-4o"'),
        ("rmp = 4", "Did you mean rpm?"),
    ],
)
def test_a_wrong_value_in_a_config_file_is_named_with_its_file(
    config: str, said: str, tmp_path: Path, run: Path
) -> None:
    file = tmp_path / "own.toml"
    file.write_text(config)
    assert_refused(run_longwriter("plan", "-r", run, "--config", file, code=None), said, str(file))


@pytest.mark.parametrize(
    ("name", "value"), [("RPM", "many"), ("MODE", "both"), ("GRACE", "-1"), ("JSON", "perhaps"), ("MAX_COST", "€5")]
)
def test_a_wrong_value_in_the_environment_is_named_with_its_variable(name: str, value: str, run: Path) -> None:
    result = run_longwriter("plan", "-r", run, env={f"LONGWRITER_{name}": value}, code=None)
    assert_refused(result, f"--{name.lower().replace('_', '-')}", f"LONGWRITER_{name}")


def test_the_usage_line_names_the_instructions_once(run: Path) -> None:
    result = run_longwriter("plan", "--no-such", code=None)
    assert_refused(result, "[OPTIONS] [INSTRUCTIONS]\n")


def test_a_misspelt_field_is_told_with_the_option_that_reads_it(tmp_path: Path, run: Path, server: FakeServer) -> None:
    source = write_rows(tmp_path / "in.jsonl", [{"promt": "Write an essay of 300 words on the river."}])
    told = run_longwriter("plan", source, "-r", run, *at(server), code=2).stderr
    assert "--field promt" in told
    run_longwriter("plan", source, "-r", run, "--field", "promt", *at(server))
