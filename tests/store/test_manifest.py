"""The manifest: there before any row, whole or not at all, and readable by none but who understands it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_rows import MANIFEST, contents, instruction, open_run, python, read_run, small_run, take_in

from longwriter_cli import __version__
from longwriter_cli.errors import DiskFailed, InputError, UsageError
from longwriter_cli.store.manifest import FORMAT, MANIFEST_NAME, Manifest, read_manifest, write_manifest, write_whole
from longwriter_cli.store.run import Run
from longwriter_cli.store.shard import Shard
from longwriter_cli.text.plan import plan_digest


def edit(directory: Path, **changes: Any) -> Path:
    path = directory / MANIFEST_NAME
    row = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({key: value for key, value in row.items() if value is not ...}), encoding="utf-8")
    return path


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write_manifest(tmp_path, MANIFEST)
    return tmp_path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    manifest = Manifest("2026-01-02T03:04:05Z", {"model": "模型", "seed": 7}, "ab", note="a small model")
    manifest = manifest.changed({"model": "other"}, "cd", "2026-01-03T00:00:00Z")
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest


def test_it_holds_what_the_run_was_begun_with(written: Path) -> None:
    assert json.loads((written / MANIFEST_NAME).read_text(encoding="utf-8")) == {
        "format": FORMAT,
        "tool_version": __version__,
        "created_at": MANIFEST.created_at,
        "settings": dict(MANIFEST.settings),
        "fingerprint": MANIFEST.fingerprint,
    }


def test_a_change_keeps_what_was_before_and_when_that_ended() -> None:
    changed = MANIFEST.changed({"model": "other"}, "cd", "2026-02-01T00:00:00Z")
    assert (changed.settings, changed.fingerprint) == ({"model": "other"}, "cd")
    assert changed.created_at == MANIFEST.created_at
    [change] = changed.changes
    assert change["settings"] == MANIFEST.settings
    assert change["at"] == "2026-02-01T00:00:00Z"


def test_where_there_is_none_there_is_none(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None
    assert read_manifest(tmp_path / "not there") is None


def test_a_newer_format_is_refused_and_says_what_to_do(written: Path) -> None:
    edit(written, format=FORMAT + 1)
    with pytest.raises(InputError, match=f"format {FORMAT + 1}.*up to {FORMAT}") as raised:
        read_manifest(written)
    assert "Upgrade" in raised.value.tip


def test_a_newer_format_is_refused_before_anything_is_mended(tmp_path: Path) -> None:
    small_run(tmp_path)
    edit(tmp_path, format=FORMAT + 1)
    with (tmp_path / "plans.jsonl").open("ab") as file:
        file.write(b"the future")
    before = contents(tmp_path)
    with pytest.raises(InputError, match="format"):
        open_run(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"format": ...},
        {"format": "1"},
        {"format": None},
        {"settings": ...},
        {"settings": []},
        {"settings": {}},
        {"settings": {"model": 7}},
        {"fingerprint": ...},
        {"created_at": ...},
        {"tool_version": ...},
        {"changes": 7},
        {"changes": [7]},
        {"created_at": 7},
        {"note": None},
        {"shard": "5/4"},
        {"shard": 1},
        {"fingerprint": "\ud800"},
        {"settings": {"model": "m", "plan_model": "\udfff"}},
    ],
    ids=ascii,
)
def test_a_manifest_that_lacks_something_is_named(written: Path, changes: dict[str, Any]) -> None:
    path = edit(written, **changes)
    with pytest.raises(InputError) as raised:
        read_manifest(written)
    assert str(path) in raised.value.message
    assert raised.value.tip


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '"format"', "null", '{"format": 1', "\x00\xff"])
def test_a_file_that_is_no_manifest_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST_NAME).write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=MANIFEST_NAME):
        read_manifest(tmp_path)


def test_a_shard_is_read_as_it_was_written(written: Path) -> None:
    write_manifest(written, replace(MANIFEST, shard=Shard(2, 3)))
    assert json.loads((written / MANIFEST_NAME).read_text(encoding="utf-8"))["shard"] == "2/3"
    assert read_manifest(written) == replace(MANIFEST, shard=Shard(2, 3))


def test_unknown_fields_and_a_mark_at_the_head_are_no_error(written: Path) -> None:
    path = edit(written, colour="blue", more={"by": "hand"})
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert read_manifest(written) == MANIFEST


@pytest.mark.parametrize("name", ["instructions.jsonl", "plans.jsonl", "sections.jsonl", "failures.jsonl"])
def test_rows_without_a_manifest_are_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("whatever it is")
    before = contents(tmp_path)
    for opener in (open_run, read_run):
        with pytest.raises(InputError, match="missing") as raised:
            opener(tmp_path)
        assert raised.value.exit_code == 2
    assert contents(tmp_path) == before


def test_empty_files_without_a_manifest_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / "instructions.jsonl").touch()
    with open_run(tmp_path) as run:
        take_in(run, instruction("a"))
    assert read_run(tmp_path).index.ids == ["a"]


def test_the_manifest_is_there_before_the_first_row(tmp_path: Path) -> None:
    with open_run(tmp_path) as run, run.staged([instruction("a")]) as staged:
        assert (tmp_path / MANIFEST_NAME).exists()
        assert not (tmp_path / "instructions.jsonl").exists()
        run.take_in(staged)


def test_the_templates_in_use_are_kept_beside_it(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        run.begin(MANIFEST, {"en/plan.txt": "Plan $INST$ — schön", "judge.txt": "Judge"})
        assert (run.templates() / "en" / "plan.txt").read_text(encoding="utf-8") == "Plan $INST$ — schön"
        assert (run.templates() / "judge.txt").exists()


def test_the_templates_are_there_before_the_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is killed in between begins anew; with a manifest alone it would go on with templates of another version."""
    replaced: list[str] = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (replaced.append(Path(b).name), replace(a, b)))
    with Run.open(tmp_path, plan_digest, create=True) as run:
        run.begin(MANIFEST, {"en/plan.txt": "Plan"})
    assert replaced == ["plan.txt", MANIFEST_NAME]


def test_the_same_manifest_is_not_written_again(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "replace", None)
    with open_run(written) as run:
        run.begin(MANIFEST)


# --- whole or not at all


def test_a_file_that_cannot_be_written_whole_leaves_the_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_whole(path, "before")
    result = python(
        "import resource\n"
        "from pathlib import Path\n"
        "from longwriter_cli.errors import DiskFailed\n"
        "from longwriter_cli.store.manifest import write_whole\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    write_whole(Path(sys.argv[1]), 'x' * 2000)\n"
        "except DiskFailed as error:\n"
        "    print(error.exit_code)\n",
        path,
    )
    assert result.stdout == "74\n", result.stderr
    assert contents(tmp_path) == {"file.txt": b"before"}


def test_a_rename_that_fails_leaves_the_earlier_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.txt"
    write_whole(path, "before")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(DiskFailed):
        write_whole(path, "after")
    assert contents(tmp_path) == {"file.txt": b"before"}


def test_what_a_killed_writer_left_behind_is_used_again(tmp_path: Path) -> None:
    (tmp_path / ".file.txt.tmp").write_text("half of i")
    write_whole(tmp_path / "file.txt", "whole")
    assert contents(tmp_path) == {"file.txt": b"whole"}


def test_a_place_that_cannot_be_written_to_is_an_error_of_usage(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file"):
        write_whole(tmp_path / "file" / "manifest.json", "text")
