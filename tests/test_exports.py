"""Exports through the program: forms, splits, shards and cards, each as a trainer would load it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml
from fake_server import FakeServer
from made_rows import contents
from program import at, essays, read_rows, run_longwriter, snapshot, write_rows

SPLIT = ("--split", "train=0.7,validation=0.3")
LANGUAGES = [{"prompt": f"写一篇{words}字的文章，谈谈茶。"} for words in (300, 310, 320)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 40 texts of 300 words, and of 3 in Chinese."""
    directory = tmp_path_factory.mktemp("exports")
    source = write_rows(directory / "in.jsonl", [*essays(40, 300), *LANGUAGES])
    with FakeServer() as server:
        run_longwriter("build-dataset", source, "-r", directory / "run", *at(server), "--price-in", 1, "--price-out", 2)
    return directory / "run"


@pytest.fixture(scope="module")
def records(finished: Path) -> list[dict[str, Any]]:
    return read_rows(finished / "dataset.jsonl")


def export(finished: Path, out: Path, *options: object, **more: Any) -> Any:
    """Exports to `out`. Of a run that is shared by the tests, only `rejects.jsonl` may change."""
    return run_longwriter("build-dataset", "-r", finished, "--export-only", "-o", out, *options, **more)


def load(path: Path, cache: Path) -> Any:
    """As a trainer's script would; a single file by its name."""
    if path.is_dir():
        return datasets.load_dataset(str(path), cache_dir=str(cache))
    kind = "parquet" if path.suffix == ".parquet" else "json"
    return datasets.load_dataset(kind, data_files=str(path), cache_dir=str(cache))


def texts_of(record: dict[str, Any]) -> tuple[str, str]:
    if "output" in record:
        assert (list(record)[:3], record["input"]) == (["instruction", "input", "output"], "")
        return record["instruction"], record["output"]
    ((key, (asked, answered)),) = list(record.items())[:1]
    role, content, user, assistant = (
        ("role", "content", "user", "assistant") if key == "messages" else ("from", "value", "human", "gpt")
    )
    assert (asked[role], answered[role], len(asked)) == (user, assistant, 2)
    return asked[content], answered[content]


# --- what trainers load -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["messages", "sharegpt", "alpaca"])
@pytest.mark.parametrize("layout", ["d.jsonl", "d.parquet", "jsonl", "parquet", "hf"])
def test_every_form_of_a_record_loads_from_every_layout(
    form: str, layout: str, finished: Path, records: list[dict[str, Any]], tmp_path: Path
) -> None:
    kind = layout.removeprefix("d.")
    out = tmp_path / layout
    options = () if "." in layout else (*SPLIT, "--shard-size", "20KB")
    export(finished, out, "--format", kind, "--record-format", form, "--metadata", *options)
    loaded = load(out, tmp_path / "cache")
    assert set(loaded) == ({"train"} if "." in layout else {"train", "validation"})
    rows = [row for part in loaded.values() for row in part]
    assert sorted(map(texts_of, rows)) == sorted(map(texts_of, records))
    assert {row["model"] for row in rows} == {"fake-writer"}
    assert run_longwriter("inspect", out, "--json").summary["records"] == 43


def test_a_saved_dataset_loads_from_disk_with_its_splits(
    finished: Path, records: list[dict[str, Any]], tmp_path: Path
) -> None:
    export(finished, tmp_path / "whole", "--format", "hf", "--shard-size", "20KB")
    whole = datasets.load_from_disk(str(tmp_path / "whole"))
    assert whole.to_list() == records
    assert len(list((tmp_path / "whole").glob("*.arrow"))) > 3
    export(finished, tmp_path / "split", "--format", "hf", *SPLIT)
    split = datasets.load_from_disk(str(tmp_path / "split"))
    assert sum(map(len, split.values())) == len(records)
    for name, part in split.items():
        rows = part.to_list()
        assert rows == [record for record in records if record in rows], f"{name} is not in instruction order"


# --- splits -----------------------------------------------------------------------------------------------------


def split_of(folder: Path) -> dict[str, str]:
    """The split of each prompt."""
    return {texts_of(row)[0]: path.name.partition("-")[0] for path in folder.glob("*.jsonl") for row in read_rows(path)}


def test_a_record_stays_in_its_split_as_the_dataset_grows_and_the_order_changes(
    tmp_path: Path, server: FakeServer
) -> None:
    rows = essays(60, 300)
    few = write_rows(tmp_path / "few.jsonl", rows[:20])
    many = write_rows(tmp_path / "many.jsonl", rows[::-1])
    first = ("build-dataset", few, "-r", tmp_path / "few", *at(server), *SPLIT)
    assert run_longwriter(*first, "--json").summary["dataset"] == str(tmp_path / "few" / "dataset")
    early = split_of(tmp_path / "few" / "dataset")
    run_longwriter("build-dataset", many, "-r", tmp_path / "few", *at(server), *SPLIT)
    run_longwriter("build-dataset", many, "-r", tmp_path / "many", *at(server), *SPLIT)
    late = split_of(tmp_path / "few" / "dataset")
    assert early.items() <= late.items()
    assert late == split_of(tmp_path / "many" / "dataset")
    assert len(late) == 60
    assert 5 <= list(late.values()).count("validation") <= 32  # 18 expected; ids are fixed, so this cannot change


def test_a_split_without_a_record_is_told_and_keeps_none_from_loading_the_other(
    tmp_path: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(1, 300))
    for kind in ("jsonl", "parquet", "hf"):
        out = tmp_path / kind
        command = ("build-dataset", source, "-r", tmp_path / "run", *at(server), "-o", out, "--format", kind)
        result = run_longwriter(*command, "--split", "train=0.5,test=0.5")
        assert "has no record yet" in result.stderr
        assert [len(part) for part in load(out, tmp_path / "cache").values()] == [1]


# --- shards -----------------------------------------------------------------------------------------------------


def test_shards_hold_the_records_in_order_and_none_is_larger_than_asked(finished: Path, tmp_path: Path) -> None:
    for number, size in enumerate((4_000, 10_000, 50_000)):
        out = tmp_path / str(number)
        export(finished, out, "--shard-size", f"{size}B")
        shards = sorted(out.glob("*.jsonl"))
        assert [path.name for path in shards] == [
            f"train-{n:05d}-of-{len(shards):05d}.jsonl" for n in range(len(shards))
        ]
        assert b"".join(path.read_bytes() for path in shards) == (finished / "dataset.jsonl").read_bytes()
        assert all(path.stat().st_size <= size for path in shards)
        total = (finished / "dataset.jsonl").stat().st_size
        assert len(shards) <= 2 * total / size + 1, "two shards that follow each other would fit into one"


def test_a_record_larger_than_a_shard_has_one_of_its_own(finished: Path, tmp_path: Path) -> None:
    export(finished, tmp_path / "d", "--shard-size", "1B")
    assert [len(read_rows(path)) for path in (tmp_path / "d").glob("*.jsonl")] == [1] * 43


# --- cards ------------------------------------------------------------------------------------------------------


def head(card: str) -> dict[str, Any]:
    assert card.startswith("---\n")
    value: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return value


def test_the_head_of_a_card_says_what_the_hub_wants_to_know(finished: Path, tmp_path: Path) -> None:
    export(finished, tmp_path / "d", *SPLIT, "--shard-size", "20KB", "--license", "cc-by-4.0")
    says = head((tmp_path / "d" / "README.md").read_text(encoding="utf-8"))
    assert says["license"] == "cc-by-4.0"
    assert says["task_categories"] == ["text-generation"]
    assert says["size_categories"] == ["n<1K"]
    assert "zh" in says["language"]
    assert says["configs"] == [
        {
            "config_name": "default",
            "data_files": [
                {"split": "train", "path": "train-*-of-*.jsonl"},
                {"split": "validation", "path": "validation-*-of-*.jsonl"},
            ],
        }
    ]
    message = {"name": "messages", "list": [{"name": n, "dtype": "string"} for n in ("role", "content")]}
    assert says["dataset_info"]["features"] == [message]
    export(finished, tmp_path / "d", *SPLIT)
    assert "license" not in head((tmp_path / "d" / "README.md").read_text(encoding="utf-8"))


def test_a_card_tells_sizes_lengths_settings_models_cost_and_rejects(
    finished: Path, records: list[dict[str, Any]], tmp_path: Path
) -> None:
    prices = ("--price-in", "1000", "--price-out", "1000")
    export(finished, tmp_path / "d", *SPLIT, "--min-words", "305", *prices)
    card = (tmp_path / "d" / "README.md").read_text(encoding="utf-8")
    seen = run_longwriter("inspect", finished, "--json", *prices).summary
    assert seen["records"] < 43
    assert f"| records | {seen['records']} |" in card
    assert f"| under 500 | {seen['records']} |" in card
    assert f"They dropped {seen['rejected']} finished texts (too\\_short {seen['rejected']})".replace("\\", "") in card
    assert "too_short 305" in card
    assert "| model | `fake-writer` |" in card
    assert f"`{seen['manifest']['settings']['templates']['en/write']}`" in card
    assert f"{seen['prompt_tokens']:,} | {seen['cached_tokens']:,} | {seen['completion_tokens']:,}" in card
    assert f"In all ${seen['cost_usd']:,.2f}." in card
    export(finished, tmp_path / "d", *SPLIT)
    assert "| not known |" in (tmp_path / "d" / "README.md").read_text(encoding="utf-8")


def test_the_same_export_is_the_same_to_the_byte(finished: Path, tmp_path: Path) -> None:
    for name in ("one", "two", "two"):
        export(finished, tmp_path / name, *SPLIT, "--shard-size", "20KB", "--metadata")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_single_file_has_a_card_only_when_asked(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "d.jsonl"
    export(finished, out)
    assert set(contents(tmp_path)) == {"d.jsonl"}
    export(finished, out, "--card", "--license", "mit")
    card = tmp_path / "d.jsonl.md"
    assert head(card.read_text())["configs"][0]["data_files"] == [{"split": "train", "path": "d.jsonl"}]
    card.write_text("My notes.\n")
    assert "left as it is" in export(finished, out, "--card").stderr
    assert card.read_text() == "My notes.\n"
    export(finished, tmp_path / "bare", *SPLIT, "--no-card")
    assert not (tmp_path / "bare" / "README.md").exists()
    assert len(load(tmp_path / "bare", tmp_path / "cache")) == 2


# --- what stands there ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "hf"])
def test_another_export_keeps_what_the_user_put_into_the_folder_and_nothing_of_the_earlier_one(
    kind: str, finished: Path, tmp_path: Path
) -> None:
    out = tmp_path / "d"
    export(finished, out, "--format", kind, *SPLIT, "--shard-size", "10KB")
    (out / "scripts").mkdir()
    (out / "scripts" / "look.py").write_text("print()")
    (out / "notes.txt").write_text("mine")
    own = {"scripts/look.py": b"print()", "notes.txt": b"mine"}
    export(finished, out, "--shard-size", "1MB")
    assert contents(out).keys() == {*own, "README.md", ".export.json", "train-00000-of-00001.jsonl"}
    edited = (out / "README.md").read_text(encoding="utf-8").replace("# run", "# Rivers")
    (out / "README.md").write_text(edited, encoding="utf-8")
    result = export(finished, out, "--format", kind, *SPLIT)
    assert "left as it is" in result.stderr
    assert contents(out).items() >= {*own.items(), ("README.md", edited.encode())}
    assert not (out / "train-00000-of-00001.jsonl").exists() or kind == "jsonl"


def test_a_file_of_the_user_s_that_stands_in_the_way_stops_the_export(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "d"
    export(finished, out, "--shard-size", "1MB")
    (out / "validation-00000-of-00001.jsonl").write_text("mine")
    before = contents(out)
    result = export(finished, out, *SPLIT, code=2)
    assert "validation-00000-of-00001.jsonl" in result.stderr
    assert contents(out) == before


@pytest.mark.parametrize("options", [SPLIT, ("--shard-size", "1MB"), ("--format", "hf", *SPLIT)])
def test_a_folder_that_is_no_export_is_never_replaced(options: tuple[str, ...], finished: Path, tmp_path: Path) -> None:
    for files in ({"thesis.tex": "years of work"}, {"README.md": "A project."}, {".export.json": "{}", "a": "b"}):
        out = tmp_path / str(len(list(tmp_path.iterdir())))
        out.mkdir()
        for name, text in files.items():
            (out / name).write_text(text)
        before = contents(out)
        assert "holds other things" in export(finished, out, *options, code=2).stderr
        assert contents(out) == before
    assert "holds other things" in export(finished, finished, *options, code=2).stderr


def test_instructions_as_alpaca_has_them_are_no_earlier_export(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "d.jsonl"
    out.write_text('{"instruction":"Write a book.","input":"On rivers."}\n')
    assert "no earlier export" in export(finished, out, "--record-format", "alpaca", code=2).stderr
    out.unlink()
    for _ in range(2):
        export(finished, out, "--record-format", "alpaca")


# --- options ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--split", "train=0.9,validation=0.2"), "add up to 1.1"),
        (("--split", "train=1,validation=0"), "above 0"),
        (("--split", "train"), "no share"),
        (("--split", "all=1"), "'all'"),
        (("--split", "../up=0.5,train=0.5"), "'../up'"),
        (("--split", "train=0.5,train=0.5"), "twice"),
        (("--split", "train=nan"), "above 0"),
        (("--shard-size", "large"), "no size"),
        (("--shard-size", "0"), "no size"),
        (("--shard-size", "5XB"), "no size"),
        (("--record-format", "chatml"), "record-format"),
        (("--license", "mit"), "--card"),
        (("--license", "mit", *SPLIT, "--no-card"), "--card"),
    ],
)
def test_an_option_that_is_wrong_ends_in_2_before_the_first_call(
    options: tuple[str, ...], words: str, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(1, 300))
    result = run_longwriter("build-dataset", source, "-r", run, *at(server), *options, code=2)
    assert words in re.sub(r"[\s│]+", " ", result.stderr)
    assert server.stats.calls == 0
    assert not run.exists()


def test_options_of_the_export_come_from_environment_and_config_file_too(finished: Path, tmp_path: Path) -> None:
    config = tmp_path / "my.toml"
    config.write_text('split = "train=0.5,test=0.5"\n[build-dataset]\nshard-size = "10KB"\nrecord-format = "alpaca"\n')
    export(finished, tmp_path / "d", "--config", config, env={"LONGWRITER_LICENSE": "mit", "LONGWRITER_METADATA": "1"})
    assert {path.name.partition("-")[0] for path in (tmp_path / "d").glob("*.jsonl")} == {"train", "test"}
    assert list(read_rows(next((tmp_path / "d").glob("train*")))[0])[:4] == ["instruction", "input", "output", "id"]
    assert head((tmp_path / "d" / "README.md").read_text(encoding="utf-8"))["license"] == "mit"


# --- what the look at a run says ---------------------------------------------------------------------------------


def test_inspect_shows_what_the_last_export_dropped_and_why(finished: Path, tmp_path: Path) -> None:
    export(finished, tmp_path / "d.jsonl", "--min-words", "305")
    rows = read_rows(finished / "rejects.jsonl")
    shown = run_longwriter("inspect", finished).stdout
    seen = run_longwriter("inspect", finished, "--json").summary
    assert seen["rejects"] == {"too_short": len(rows)}
    assert seen["reject_samples"]["too_short"] == [{"id": row["id"], "detail": row["detail"]} for row in rows[:3]]
    assert "Rejects" in shown
    assert rows[0]["id"] in shown
    assert rows[0]["detail"] in shown
    export(finished, tmp_path / "d.jsonl")
    assert "Rejects" not in run_longwriter("inspect", finished).stdout


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("out.parquet", (), "--format parquet"),
        ("out.csv", (), "the name says CSV"),
        ("out.jsonl.gz", ("--record-format", "alpaca"), "the name says gzip"),
        ("out.jsonl", ("--format", "parquet"), "--format jsonl"),
    ],
)
def test_a_file_is_what_its_name_says(
    finished: Path, tmp_path: Path, name: str, options: tuple[str, ...], said: str
) -> None:
    result = run_longwriter("build-dataset", "-r", finished, "--export-only", "-o", tmp_path / name, *options, code=2)
    assert said in result.stderr
    assert not (tmp_path / name).exists()


def test_a_shard_size_beyond_all_disks_is_no_size(finished: Path, tmp_path: Path) -> None:
    size = "9" * 400 + "MB"
    result = run_longwriter(
        "build-dataset", "-r", finished, "--export-only", "-o", tmp_path / "x", "--shard-size", size, code=2
    )
    assert "no size" in result.stderr


def test_a_folder_that_holds_the_run_is_no_place_for_its_export(finished: Path) -> None:
    before = snapshot(finished)
    result = run_longwriter("build-dataset", "-r", finished, "--export-only", "-o", finished.parent, *SPLIT, code=2)
    assert "holds the run itself" in result.stderr
    assert {**before, "run.lock": None} == {**snapshot(finished), "run.lock": None}


def test_lengths_that_no_text_can_have_are_refused(finished: Path) -> None:
    command = ("build-dataset", "-r", finished, "--export-only", "--min-words", "900", "--max-words", "100")
    assert "no text is both" in run_longwriter(*command, code=2).stderr


def test_a_card_names_no_setting_that_made_none_of_the_texts(finished: Path, tmp_path: Path) -> None:
    run_longwriter("build-dataset", "-r", finished, "--export-only", "-o", tmp_path / "parts", *SPLIT)
    card = (tmp_path / "parts" / "README.md").read_text()
    assert "`max_steps`" in card
    assert "`min_words`" not in card
