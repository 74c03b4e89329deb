"""Logs of chats: where the prompt is, what the log says of it, and which rows stop the reading."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from longwriter_cli.errors import InputError, UsageError
from longwriter_cli.records import LoggedPrompt, Requirement
from longwriter_cli.store.source import check_logs, read_logs


def read(*paths: Path, **options: Any) -> list[LoggedPrompt]:
    return list(read_logs([str(path) for path in paths], required_words=_stated, **options))


def _stated(prompt: str) -> Requirement | None:
    return Requirement(1234, "at_least", 1234) if "1234" in prompt else None


@pytest.fixture
def log(tmp_path):
    """Writes rows to a log and gives its path."""

    def log(rows: Iterable[object], name: str = "log.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return log


USER = {"role": "user", "content": "U"}
ASSISTANT = {"role": "assistant", "content": "A"}


@pytest.mark.parametrize(
    ("row", "prompt"),
    [
        ({"conversation": [USER, ASSISTANT]}, "U"),  # WildChat, LMSYS-Chat
        ({"conversations": [{"from": "human", "value": "H"}, {"from": "gpt", "value": "G"}]}, "H"),  # ShareGPT
        ({"messages": [{"role": "system", "content": "S"}, USER]}, "U"),
        ({"prompt": "P"}, "P"),
        ({"instruction": "I", "input": "X"}, "I\n\nX"),
        ("a string", "a string"),
    ],
)
def test_each_form_of_a_log_is_read(log, row, prompt):
    [got] = read(log([row]))
    assert got.prompt == prompt
    assert (got.source.rsplit("/")[-1], got.line, got.problem, got.toxic, got.redacted) == ("log.jsonl", 1, "", "", "")


@pytest.mark.parametrize(
    "row",
    [
        {"conversation": []},
        {"conversation": [ASSISTANT]},
        {"prompt": " \n"},
        {"prompt": None},
        {"conversation": [{"role": "user", "content": None}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
    ],
)
def test_a_row_without_a_text_of_a_user_stops_nothing_and_says_why(log, row):
    [empty, other] = read(log([row, {"prompt": "P"}]))
    assert empty.prompt == ""
    assert empty.problem
    assert empty.id.endswith("log.jsonl:1")
    assert (other.prompt, other.problem) == ("P", "")


@pytest.mark.parametrize(
    ("marks", "toxic"),
    [
        ({"toxic": False}, ""),
        ({"toxic": True}, "toxic"),
        ({"toxic": "True"}, "toxic"),
        ({"toxic": "false", "openai_moderation": None, "detoxify_moderation": None}, ""),
        ({"conversation": [USER, ASSISTANT | {"toxic": True}]}, "toxic in turn 2"),
        ({"openai_moderation": [{"flagged": False}, {"flagged": False, "categories": {"hate": True}}]}, ""),
        (
            {
                "openai_moderation": [
                    {"flagged": False},
                    {"flagged": True, "categories": {"hate": True, "sexual": False}},
                ]
            },
            "openai_moderation: hate",
        ),
        ({"openai_moderation": {"flagged": True}}, "openai_moderation"),
        ({"detoxify_moderation": [{"toxicity": 0.49}]}, ""),
        (
            {"detoxify_moderation": [{"toxicity": 0.1}, {"toxicity": 0.5, "obscene": 0.9}]},
            "detoxify_moderation: toxicity, obscene",
        ),
    ],
)
def test_marks_of_a_toxic_chat_are_found(log, marks, toxic):
    [got] = read(log([{"conversation": [USER, ASSISTANT]} | marks]))
    assert got.toxic == toxic


@pytest.mark.parametrize(
    ("row", "redacted"),
    [
        ({"conversation": [USER, ASSISTANT], "redacted": True}, "redacted"),
        ({"conversation": [USER | {"redacted": False}, ASSISTANT | {"redacted": True}], "redacted": True}, ""),
        ({"conversation": [USER | {"redacted": True}], "redacted": False}, "redacted"),
        ({"conversation": [USER], "redacted": False}, ""),
    ],
)
def test_a_redaction_counts_where_it_is_the_prompts_own(log, row, redacted):
    [got] = read(log([row]))
    assert got.redacted == redacted


def test_the_language_is_the_rows_word_or_the_turns(log):
    rows = [
        {"conversation": [USER | {"language": "French"}], "language": "English"},
        {"conversation": [USER | {"language": "French"}]},
        {"prompt": "P", "language": 7},
    ]
    assert [got.language for got in read(log(rows))] == ["English", "French", ""]


def test_a_length_is_the_rows_or_the_prompts(log):
    rows = [{"prompt": "1234 words"}, {"prompt": "P", "length": 3000}, {"prompt": "at least 1234", "length": 1234}]
    assert [got.required_words for got in read(log(rows))] == [
        Requirement(1234, "at_least", 1234),
        Requirement(3000),
        Requirement(1234, "at_least", 1234),
    ]


def test_an_id_that_stood_before_gives_way_to_one_of_the_prompt_also_in_another_file(log):
    first = log([{"id": 1, "prompt": "one"}, {"id": 1, "prompt": "two"}])
    second = log([{"id": "1", "prompt": "three"}, {"prompt": "four"}], "second.jsonl")
    ids = [got.id for got in read(first, second)]
    assert ids[0] == "1"
    assert len(set(ids)) == 4
    assert [len(id) for id in ids[1:]] == [16, 16, 16]  # noqa: A001
    assert [got.id for got in read(first, second)] == ids


def test_a_plan_in_a_log_is_left_aside(log):
    [got] = read(log([{"prompt": "P", "plan": "nonsense"}]))
    assert got.prompt == "P"


@pytest.mark.parametrize("row", [[1], {"text": "no known field"}, {"prompt": 7}, {"conversation": ["a string"]}])
def test_a_row_that_cannot_be_read_stops_with_its_line_or_is_handed_over(log, row):
    path = log([{"prompt": "P"}, row, {"prompt": "Q"}])
    with pytest.raises(InputError) as caught:
        read(path)
    assert (caught.value.file, caught.value.line) == (str(path), 2)
    assert caught.value.tip
    bad: list[InputError] = []
    assert [got.prompt for got in read(path, on_bad_row=bad.append)] == ["P", "Q"]
    assert [error.line for error in bad] == [2]


def test_a_log_without_rows_is_named(log):
    with pytest.raises(InputError, match=r"empty\.jsonl: holds no row"):
        read(log([{"prompt": "P"}]), log([], "empty.jsonl"))


def test_wrong_names_are_told_before_anything_is_read(log, tmp_path):
    good = str(log([{"prompt": "P"}]))
    check_logs([good, "-", "hf:whatever/name"])
    with pytest.raises(InputError, match="no such file"):
        check_logs([good, good.replace("log.jsonl", "lag.jsonl")])
    with pytest.raises(InputError, match="directory"):
        check_logs([str(tmp_path)])
    with pytest.raises(UsageError, match="twice"):
        check_logs(["-", good, "-"])


def test_parquet_logs_are_read_with_their_marks(tmp_path):
    import pyarrow
    from pyarrow import parquet

    rows = [
        {
            "conversation_hash": "ab",
            "conversation": [{"content": "U", "role": "user", "toxic": False, "language": "English"}],
            "openai_moderation": [{"flagged": flagged, "categories": {"violence": flagged}}],
            "toxic": flagged,
        }
        for flagged in (False, True)
    ]
    path = tmp_path / "log.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    assert [(got.prompt, got.toxic, got.language) for got in read(path)] == [
        ("U", "", "English"),
        ("U", "toxic", "English"),
    ]


def test_an_id_of_its_own_never_meets_one_that_was_made(tmp_path: Path) -> None:
    first, second = "Write a story about a river.", "Write a story about a mountain."
    made = sha256(first.encode()).hexdigest()[:16]
    for rows in (
        [{"prompt": first}, {"id": made, "prompt": second}],
        [{"id": made, "prompt": second}, {"prompt": first}, {"prompt": first}],
    ):
        log = tmp_path / "log.jsonl"
        log.write_text("".join(json.dumps(row) + "\n" for row in rows))
        by_id = {logged.id: logged.prompt for logged in read_logs([str(log)], required_words=lambda prompt: None)}
        assert sorted(by_id.values()) == sorted([first, second])
