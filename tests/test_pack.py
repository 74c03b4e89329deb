"""`longwriter pack` as a user runs it: every token of every record, once, whatever comes in between."""

from __future__ import annotations

import json
import os
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import numpy
import pytest
from made_tokenizer import CROOKED_TEMPLATE, ENDLESS_TEMPLATE, STRICT_TEMPLATE, make_tokenizer
from program import Program, Result, run_longwriter, snapshot, until, write_rows

from longwriter_cli.records import Message
from longwriter_cli.train.tokenize import TokenizerName, load_tokenizer

WORDS = ["the", "canal", "was", "dug", "in", "summer", "and", "filled", "in", "winter", "运河", "小说"]

SMALL_CHUNKS = "from longwriter_cli.stages import tokenizing; tokenizing._CHUNK_RECORDS = 5\n"
DIE_AT_CHUNK = SMALL_CHUNKS + (
    "import os, signal\n"
    "from longwriter_cli.store.samples import SampleStore\n"
    "add, SampleStore.added = SampleStore.add, 0\n"
    "def dying(self, chunk):\n"
    "    add(self, chunk)\n"
    "    SampleStore.added += 1\n"
    "    if SampleStore.added == {chunk}:\n"
    "        {dies}\n"
    "SampleStore.add = dying\n"
)
KILL = "os.kill(os.getpid(), signal.SIGKILL)"
DIE_BETWEEN_RENAMES = (
    "import os, signal\n"
    "replace = os.replace\n"
    "def dying(source, target):\n"
    "    replace(source, target)\n"
    "    if str(target).endswith('/old'): os.kill(os.getpid(), signal.SIGKILL)\n"
    "os.replace = dying\n"
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tokenizer(tmp_path_factory.mktemp("tokenizer"))


def record(number: int, words: int, turns: int = 1) -> dict[str, Any]:
    rng = random.Random(f"{number} {words}")
    messages = []
    for turn in range(turns):
        messages.append({"role": "user", "content": f"Write text {number}, part {turn}."})
        messages.append({"role": "assistant", "content": " ".join(rng.choices(WORDS, k=words))})
    return {"messages": messages}


def long_and_general(folder: Path) -> tuple[Path, Path]:
    """20 long records of 200 to 400 tokens, and 40 short ones, some of several turns."""
    rng = random.Random(3)
    long = [record(n, rng.randint(150, 350)) for n in range(20)]
    general = [record(100 + n, rng.randint(3, 60), turns=1 + n % 3) for n in range(40)]
    return write_rows(folder / "long.jsonl", long), write_rows(folder / "general.jsonl", general)


WARM = ("datasets", "transformers.models.auto.tokenization_auto", "longwriter_cli.cli.pack")


def pack(*arguments: object, code: int = 0, **options: Any) -> Result:
    return run_longwriter("pack", *arguments, code=code, timeout_s=180, warm=WARM, **options)


def read_packs(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = datasets.load_from_disk(str(folder)).with_format("numpy")[:].items()  # type: ignore[assignment]
    columns = dict(rows)
    return [{name: columns[name][n] for name in columns} for n in range(len(columns["input_ids"]))]


def samples_in(folder: Path) -> Counter[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The samples of all packs: ids and labels of each. Fails where a pack is not made as it should be."""
    found: Counter[tuple[tuple[int, ...], tuple[int, ...]]] = Counter()
    for row in read_packs(folder):
        assert len(row["input_ids"]) == len(row["labels"]) == len(row["position_ids"]) == len(row["loss_weights"])
        assert row["seq_lengths"].sum() == len(row["input_ids"])
        assert ((row["labels"] == -100) == (row["loss_weights"] == 0)).all()
        ends = numpy.cumsum(row["seq_lengths"])[:-1]
        for ids, labels, positions in zip(
            *(numpy.split(row[name], ends) for name in ("input_ids", "labels", "position_ids")), strict=True
        ):
            assert positions.tolist() == list(range(len(ids)))
            found[tuple(ids.tolist()), tuple(labels.tolist())] += 1
    return found


def samples_of(path: Path, tokenizer: Path) -> Counter[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The same for the records of a file, one by one."""
    made = load_tokenizer(TokenizerName(str(tokenizer)))
    found: Counter[tuple[tuple[int, ...], tuple[int, ...]]] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        sample = made.sample([Message(**message) for message in json.loads(line)["messages"]]).tolist()
        found[
            tuple(token if token >= 0 else ~token for token in sample),
            tuple(token if token >= 0 else -100 for token in sample),
        ] += 1
    return found


# --- what goes in comes out


def test_every_record_is_in_the_packs_once(tmp_path: Path, tokenizer: Path) -> None:
    long, general = long_and_general(tmp_path)
    out = tmp_path / "packs"
    figures = pack(long, general, "-o", out, "--tokenizer", tokenizer, "--max-tokens", 2048, "--json").summary
    assert samples_in(out) == samples_of(long, tokenizer) + samples_of(general, tokenizer)
    packs = read_packs(out)
    tokens = sum(len(row["input_ids"]) for row in packs)
    assert all(len(row["input_ids"]) <= 2048 for row in packs)
    assert figures["records"] == figures["samples"] == 60
    assert figures["tokens"] == tokens
    assert figures["target_tokens"] == sum(int((row["labels"] != -100).sum()) for row in packs)
    assert figures["packs"] == len(packs)
    assert figures["utilisation"] == pytest.approx(tokens / (len(packs) * 2048), abs=1e-6)
    assert [dataset["taken"] for dataset in figures["datasets"]] == [20, 40]
    assert sum(dataset["loss_share"] for dataset in figures["datasets"]) == pytest.approx(1)
    assert figures["overlong"] == figures["lost_tokens"] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["general.jsonl", "long.jsonl", "packs"]


def test_two_processes_make_the_same_packs_as_one(tmp_path: Path, tokenizer: Path) -> None:
    long, general = long_and_general(tmp_path)
    for processes in (1, 2):
        arguments = (long, general, "-o", tmp_path / f"packs-{processes}", "--tokenizer", tokenizer)
        pack(*arguments, "--max-tokens", 2048, "--processes", processes, patch=SMALL_CHUNKS)
    one, two = ((tmp_path / f"packs-{n}" / "data-00000-of-00001.arrow").read_bytes() for n in (1, 2))
    assert one == two


def test_parquet_and_saved_datasets_and_sharegpt_are_read_too(tmp_path: Path, tokenizer: Path) -> None:
    long, general = long_and_general(tmp_path)
    rows = [json.loads(line) for line in long.read_text(encoding="utf-8").splitlines()]
    datasets.Dataset.from_list(rows).to_parquet(str(tmp_path / "long.parquet"))
    datasets.Dataset.from_list(rows).save_to_disk(str(tmp_path / "saved"))
    names = {"user": "human", "assistant": "gpt"}
    share = [
        {"conversations": [{"from": names[turn["role"]], "value": turn["content"]} for turn in row["messages"]]}
        for row in rows
    ]
    write_rows(tmp_path / "share.jsonl", share)
    out = tmp_path / "packs"
    sources = [tmp_path / "long.parquet", tmp_path / "saved", tmp_path / "share.jsonl"]
    pack(*sources, "-o", out, "--tokenizer", tokenizer, "--max-tokens", 2048)
    once = samples_of(long, tokenizer)
    assert samples_in(out) == once + once + once
    assert general.exists()


@pytest.mark.parametrize("weighting", ["token", "sequence"])
def test_both_formats_hold_the_same(tmp_path: Path, tokenizer: Path, weighting: str) -> None:
    long, general = long_and_general(tmp_path)
    for kind in ("hf", "longalign"):
        arguments = (long, general, "-o", tmp_path / kind, "--tokenizer", tokenizer, "--max-tokens", 1024)
        pack(*arguments, "--format", kind, "--loss-weighting", weighting)
    rows = read_packs(tmp_path / "hf")
    inputs, labels, weights = (
        numpy.load(tmp_path / "longalign" / f"{name}_pack.npy") for name in ("inputs", "labels", "weights")
    )
    masks = json.loads((tmp_path / "longalign" / "attention_masks_pack.json").read_text(encoding="utf-8"))
    assert inputs.shape == labels.shape == weights.shape == (len(rows), 1024)
    for n, row in enumerate(rows):
        length = len(row["input_ids"])
        for dense, name, empty in ((inputs, "input_ids", 0), (labels, "labels", -100), (weights, "loss_weights", 0)):
            assert dense[n, :length].tolist() == row[name].tolist()
            assert set(dense[n, length:].tolist()) <= {empty}  # the padding token has the id 0
        ends = numpy.cumsum(row["seq_lengths"]).tolist()
        assert masks[n] == [0, *ends] + ([1024] if length < 1024 else [])
    total = sum(float(row["loss_weights"].sum()) for row in rows)
    targets = sum(int((row["labels"] != -100).sum()) for row in rows)
    assert total == pytest.approx(targets if weighting == "token" else 60)


# --- what is too long


@pytest.mark.parametrize("overlong", ["drop", "truncate", "split"])
def test_overlong_records_are_reported_and_handled_as_asked(tmp_path: Path, tokenizer: Path, overlong: str) -> None:
    long, general = long_and_general(tmp_path)
    out = tmp_path / "packs"
    arguments = (long, general, "-o", out, "--tokenizer", tokenizer, "--max-tokens", 300, "--overlong", overlong)
    figures = pack(*arguments, "--json").summary
    records = samples_of(long, tokenizer) + samples_of(general, tokenizer)
    fitting = Counter({sample: n for sample, n in records.items() if len(sample[0]) <= 300})
    too_long = [ids for (ids, _), n in records.items() if len(ids) > 300]
    assert len(too_long) > 3
    assert figures["overlong"] == len(too_long)
    found = samples_in(out)
    assert not fitting - found
    rest = sorted(ids for ids, _ in (found - fitting).elements())
    match overlong:
        case "drop":
            assert rest == []
            assert figures["lost_tokens"] == sum(map(len, too_long))
        case "truncate":
            assert rest == sorted(ids[:300] for ids in too_long)
            assert figures["lost_tokens"] == sum(len(ids) - 300 for ids in too_long)
        case "split":
            assert rest == sorted(ids[at : at + 300] for ids in too_long for at in range(0, len(ids), 300))
            assert figures["lost_tokens"] == 0
    assert max(dataset["longest_tokens"] for dataset in figures["datasets"]) == max(map(len, too_long))
    shown = pack(*arguments).stdout
    assert f"{len(too_long)} records are longer than 300 tokens" in shown


def test_records_with_nothing_left_to_learn_are_counted(tmp_path: Path, tokenizer: Path) -> None:
    rows = [
        record(1, 5),
        {"messages": [{"role": "user", "content": "canal " * 200}, {"role": "assistant", "content": "so"}]},
    ]
    arguments = (write_rows(tmp_path / "a.jsonl", rows), "-o", tmp_path / "packs", "--tokenizer", tokenizer)
    figures = pack(*arguments, "--max-tokens", 100, "--overlong", "truncate", "--json").summary
    assert (figures["samples"], figures["no_target"], figures["overlong"]) == (1, 1, 1)


def test_nothing_to_pack_names_the_length_that_would_do(tmp_path: Path, tokenizer: Path) -> None:
    long, _ = long_and_general(tmp_path)
    result = pack(long, "-o", tmp_path / "packs", "--tokenizer", tokenizer, "--max-tokens", 100, code=2)
    longest = max(len(ids) for ids, _ in samples_of(long, tokenizer))
    assert f"the longest record has {longest}" in result.stderr
    assert not (tmp_path / "packs").exists()


# --- mixtures


def test_weights_make_the_mixture_and_the_seed_draws_it(tmp_path: Path, tokenizer: Path) -> None:
    long, general = long_and_general(tmp_path)

    def mixed(seed: int) -> Counter[tuple[tuple[int, ...], tuple[int, ...]]]:
        out = tmp_path / f"packs-{seed}"
        names = (f"{general}:0.8", f"{long}:0.2")
        figures = pack(*names, "-o", out, "--tokenizer", tokenizer, "--seed", seed, "--json").summary
        assert [dataset["taken"] for dataset in figures["datasets"]] == [40, 10]
        assert [dataset["rows"] for dataset in figures["datasets"]] == [40, 20]
        return samples_in(out)

    one, other = mixed(1), mixed(2)
    assert not (one - samples_of(long, tokenizer)) - samples_of(general, tokenizer)
    assert one != other


def test_a_share_that_cannot_be_filled_is_told(tmp_path: Path, tokenizer: Path) -> None:
    long, general = long_and_general(tmp_path)
    result = pack(f"{general}:0.97", long, "-o", tmp_path / "packs", "--tokenizer", tokenizer)
    assert "general.jsonl is taken whole and makes up 66.7% of the records, not the 97.0% asked for" in result.stderr


def test_a_file_whose_name_ends_like_a_weight_is_a_file(tmp_path: Path, tokenizer: Path) -> None:
    long, _ = long_and_general(tmp_path)
    (tmp_path / "take:0.5").mkdir()
    long.rename(tmp_path / "take:0.5" / "long.jsonl")
    figures = pack(tmp_path / "take:0.5", "-o", tmp_path / "packs", "--tokenizer", tokenizer, "--json").summary
    assert figures["records"] == 20


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf"])
def test_a_weight_that_is_none_is_told(tmp_path: Path, tokenizer: Path, weight: str) -> None:
    long, _ = long_and_general(tmp_path)
    result = pack(f"{long}:{weight}", "-o", tmp_path / "packs", "--tokenizer", tokenizer, code=2)
    assert "a weight is a number above 0" in result.stderr


# --- stops


@pytest.mark.parametrize("chunk", [1, 3, 12])
def test_a_killed_command_goes_on_where_it_was(tmp_path: Path, tokenizer: Path, chunk: int) -> None:
    long, general = long_and_general(tmp_path)
    arguments = (long, general, "--tokenizer", tokenizer, "--max-tokens", 1024, "--progress", "none")
    pack(*arguments, "-o", tmp_path / "whole", patch=SMALL_CHUNKS)
    killed = (*arguments, "-o", tmp_path / "killed")
    pack(*killed, patch=DIE_AT_CHUNK.format(chunk=chunk, dies=KILL), code=-signal.SIGKILL)
    assert not (tmp_path / "killed").exists()
    # What is there is not tokenized again: the command would die at the chunk that is left out.
    left = 12 - chunk
    pack(*killed, patch=DIE_AT_CHUNK.format(chunk=left + 1, dies=KILL))
    for name in ("data-00000-of-00001.arrow", "pack.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (tmp_path / ".killed.pack").exists()


def test_a_kill_between_the_two_renames_loses_nothing(tmp_path: Path, tokenizer: Path) -> None:
    long, general = long_and_general(tmp_path)
    out = tmp_path / "packs"
    pack(long, "-o", out, "--tokenizer", tokenizer)
    arguments = (long, general, "-o", out, "--tokenizer", tokenizer)
    pack(*arguments, patch=DIE_BETWEEN_RENAMES, code=-signal.SIGKILL)
    assert not out.exists()
    pack(*arguments)
    assert samples_in(out) == samples_of(long, tokenizer) + samples_of(general, tokenizer)


def test_ctrl_c_ends_in_good_order_and_says_how_to_go_on(tmp_path: Path, tokenizer: Path) -> None:
    long, general = long_and_general(tmp_path)
    arguments = ("pack", long, general, "-o", tmp_path / "packs", "--tokenizer", tokenizer)
    stop = "os.kill(os.getpid(), signal.SIGINT)"
    program = Program(*arguments, "--processes", 2, patch=DIE_AT_CHUNK.format(chunk=2, dies=stop), warm=WARM)
    result = program.wait(180)
    assert result.code == 130
    assert "Go on with: longwriter pack" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "packs").exists()
    pack(*arguments[1:])
    assert samples_in(tmp_path / "packs") == samples_of(long, tokenizer) + samples_of(general, tokenizer)


def test_the_same_command_again_changes_nothing(tmp_path: Path, tokenizer: Path) -> None:
    long, _ = long_and_general(tmp_path)
    arguments = (long, "-o", tmp_path / "packs", "--tokenizer", tokenizer)
    first = pack(*arguments)
    before = snapshot(tmp_path)
    again = pack(*arguments)
    assert again.stdout == first.stdout
    assert "nothing was done" in again.stderr
    assert snapshot(tmp_path) == before


def test_other_options_or_data_are_packed_anew(tmp_path: Path, tokenizer: Path) -> None:
    long, general = long_and_general(tmp_path)
    out = tmp_path / "packs"
    pack(long, "-o", out, "--tokenizer", tokenizer, "--loss-weighting", "sequence")
    pack(long, "-o", out, "--tokenizer", tokenizer)
    assert {float(weight) for row in read_packs(out) for weight in row["loss_weights"]} == {0.0, 1.0}
    with long.open("a", encoding="utf-8") as file:
        file.write(general.read_text(encoding="utf-8"))
    pack(long, "-o", out, "--tokenizer", tokenizer)
    assert samples_in(out) == samples_of(long, tokenizer)


def test_what_was_begun_with_other_options_is_done_anew_and_told(tmp_path: Path, tokenizer: Path) -> None:
    long, general = long_and_general(tmp_path)
    arguments = (long, general, "-o", tmp_path / "packs", "--tokenizer", tokenizer)
    pack(*arguments, patch=DIE_AT_CHUNK.format(chunk=3, dies=KILL), code=-signal.SIGKILL)
    result = pack(*arguments, "--max-tokens", 1024)
    assert "it is done anew" in result.stderr
    assert samples_in(tmp_path / "packs") == samples_of(long, tokenizer) + samples_of(general, tokenizer)


def test_two_commands_do_not_share_a_place(tmp_path: Path, tokenizer: Path) -> None:
    long, general = long_and_general(tmp_path)
    arguments = ("pack", long, general, "-o", tmp_path / "packs", "--tokenizer", tokenizer)
    mark = tmp_path / "waits"
    waits = f"open({str(mark)!r}, 'w').close(); signal.pause()"
    first = Program(*arguments, patch=DIE_AT_CHUNK.format(chunk=1, dies=waits), warm=WARM)
    try:
        until(mark.exists, timeout_s=60)
        result = pack(*arguments[1:], code=75)
        assert f"process {first.pid}" in result.stderr
        assert "-o" in result.stderr
    finally:
        first.signal(signal.SIGKILL)
        first.wait()


# --- what is wrong


def test_a_bad_row_is_told_before_anything_is_tokenized(tmp_path: Path, tokenizer: Path) -> None:
    long, general = long_and_general(tmp_path)
    with general.open("a", encoding="utf-8") as file:
        file.write('{"prompt": "no record"}\n')
    result = pack(long, general, "-o", tmp_path / "packs", "--tokenizer", tokenizer, code=2)
    assert f"{general} line 41" in result.stderr
    assert "tokenizing" not in result.stderr
    figures = pack(
        long, general, "-o", tmp_path / "packs", "--tokenizer", tokenizer, "--skip-bad-rows", "--json"
    ).summary
    assert (figures["records"], figures["bad_rows"]) == (60, 1)


@pytest.mark.parametrize("said", ["", " \n\u3000"])
def test_an_empty_answer_is_no_lesson(tmp_path: Path, tokenizer: Path, said: str) -> None:
    rows = [record(1, 5), record(2, 5)]
    rows[1]["messages"][1]["content"] = said
    source = write_rows(tmp_path / "a.jsonl", rows)
    arguments = (source, "-o", tmp_path / "packs", "--tokenizer", tokenizer)
    error = pack(*arguments, code=2).stderr
    assert f"{source} line 2: message 2 is an empty answer" in error
    assert "--skip-bad-rows" in error
    figures = pack(*arguments, "--skip-bad-rows", "--json").summary
    assert (figures["records"], figures["bad_rows"]) == (1, 1)


def test_a_chat_that_the_template_refuses_is_told_with_its_line(tmp_path: Path, tokenizer: Path) -> None:
    template = tmp_path / "strict.jinja"
    template.write_text(STRICT_TEMPLATE, encoding="utf-8")
    rows = [record(1, 5), {"messages": [{"role": "assistant", "content": "me first"}]}, record(2, 5)]
    source = write_rows(tmp_path / "a.jsonl", rows)
    arguments = (source, "-o", tmp_path / "packs", "--tokenizer", tokenizer, "--chat-template", template)
    result = pack(*arguments, code=2)
    assert f"{source} line 2" in result.stderr
    assert "roles must alternate" in result.stderr
    figures = pack(*arguments, "--skip-bad-rows", "--json").summary
    assert (figures["samples"], figures["refused"]) == (2, 1)


def test_a_template_that_is_not_by_prefixes_is_an_error_that_names_it(tmp_path: Path) -> None:
    tokenizer = make_tokenizer(tmp_path / "crooked", CROOKED_TEMPLATE)
    source = write_rows(tmp_path / "a.jsonl", [record(1, 5)])
    result = pack(source, "-o", tmp_path / "packs", "--tokenizer", tokenizer, code=2)
    assert f"the chat template of {tokenizer}" in result.stderr


def test_a_template_without_an_end_is_told(tmp_path: Path) -> None:
    tokenizer = make_tokenizer(tmp_path / "endless", ENDLESS_TEMPLATE)
    source = write_rows(tmp_path / "a.jsonl", [record(1, 5)])
    result = pack(source, "-o", tmp_path / "packs", "--tokenizer", tokenizer)
    assert "does not learn to stop" in result.stderr


def test_without_transformers_the_hint_says_what_to_install(tmp_path: Path, tokenizer: Path) -> None:
    long, _ = long_and_general(tmp_path)
    missing = "import sys; sys.modules['transformers'] = None"
    result = pack(long, "-o", tmp_path / "packs", "--tokenizer", tokenizer, code=2, patch=missing)
    assert "pip install 'longwriter-cli[pack]'" in result.stderr


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["-"], "standard input"),
        (["missing.jsonl"], "missing.jsonl"),
        (["empty.jsonl"], "holds no record"),
        (["."], "neither a run nor a dataset"),
    ],
)
def test_a_dataset_that_is_none_is_told(tmp_path: Path, tokenizer: Path, given: list[str], told: str) -> None:
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    place = tmp_path / "empty" if given == ["."] else tmp_path
    result = pack(*given, "-o", tmp_path / "packs", "--tokenizer", tokenizer, code=2, cwd=place)
    assert told in result.stderr
    assert sorted(os.listdir(tmp_path)) == ["empty", "empty.jsonl"], "nothing is left of what came to nothing"


@pytest.mark.parametrize(
    ("options", "told"),
    [(("-o", "/"), "cannot be replaced"), (("-o", "packs", "--max-tokens", "99999999999"), "--max-tokens")],
)
def test_slips_that_would_cost_a_disk_are_wrong_usage(
    tmp_path: Path, tokenizer: Path, options: tuple[str, ...], told: str
) -> None:
    long, _ = long_and_general(tmp_path)
    result = pack(long, *options, "--tokenizer", tokenizer, "--format", "longalign", code=2, cwd=tmp_path)
    assert told in result.stderr


def test_something_else_is_not_replaced(tmp_path: Path, tokenizer: Path) -> None:
    long, _ = long_and_general(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "novel.txt").write_text("a novel", encoding="utf-8")
    result = pack(long, "-o", tmp_path / "out", "--tokenizer", tokenizer, code=2)
    assert "other things than packs" in result.stderr
    assert os.listdir(tmp_path / "out") == ["novel.txt"]


@pytest.mark.parametrize("mode", ["plain", "json", "none", "rich"])
def test_progress_is_on_standard_error_alone(tmp_path: Path, tokenizer: Path, mode: str) -> None:
    long, _ = long_and_general(tmp_path)
    often = "from longwriter_cli.cli import steps; steps.PLAIN_INTERVAL_S = steps.JSON_INTERVAL_S = 0\n" + SMALL_CHUNKS
    arguments = (long, "-o", tmp_path / "packs", "--tokenizer", tokenizer, "--progress", mode, "--json")
    result = pack(*arguments, patch=often)
    assert result.summary["exit_code"] == 0
    if mode == "json":
        rows = [json.loads(line) for line in result.stderr.splitlines()]
        assert [row for row in rows if row["step"] == "tokenizing"][-1] == {
            "step": "tokenizing",
            "done": 20,
            "total": 20,
            "eta_s": 0,
        }
    elif mode == "plain":
        assert "tokenizing: 20 of 20" in result.stderr
    elif mode == "none":
        assert result.stderr == ""
