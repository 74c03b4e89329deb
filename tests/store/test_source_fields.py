"""What the fields of a row mean, and which of them make it a bad row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from longwriter_cli.errors import InputError
from longwriter_cli.records import Instruction, Requirement, Step
from longwriter_cli.store.source import read_instructions

STEPS = (Step(1, "Begin", 300), Step(2, "End", 200))


@pytest.fixture
def read_row(tmp_path):
    """Writes the JSON of one row to a file and reads it; a string is taken as JSON already."""

    def read_row(row: object, **options: Any) -> Instruction:
        path = tmp_path / "row.jsonl"
        path.write_text(row if isinstance(row, str) else json.dumps(row), encoding="utf-8")
        [got] = read_instructions(
            str(path),
            parse_plan=lambda value: STEPS if value in ("a plan", [{"n": 1}]) else (),
            required_words=lambda prompt: Requirement(1234) if "1234" in prompt else None,
            **options,
        )
        return got

    return read_row


@pytest.mark.parametrize(
    ("row", "prompt", "meta"),
    [
        ("Write it", "Write it", {}),
        ({"prompt": "P", "instruction": "I"}, "P", {"instruction": "I"}),
        ({"prompt": None, "instruction": "I", "input": "X", "tag": 1}, "I\n\nX", {"prompt": None, "tag": 1}),
        ({"instruction": "I", "input": ""}, "I", {}),
        ({"instruction": "I", "input": None}, "I", {}),
        ({"prompt": "P", "input": "kept"}, "P", {"input": "kept"}),
        ({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]}, "U", {}),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]}]},
            "A\nB",
            {},
        ),
        ({"conversations": [{"from": "human", "value": "H"}, {"from": "gpt", "value": "G"}]}, "H", {}),
        ({"conversations": [{"from": "user", "value": "H"}]}, "H", {}),
        ({"conversations": [{"role": "user", "content": "H"}]}, "H", {}),
        ({"prompt": " kept as it is\n"}, " kept as it is\n", {}),
        ({"prompt": "P", "length": None, "required_words": None, "id": None, "plan": None}, "P", {}),
    ],
)
def test_the_prompt_is_found_and_the_rest_is_meta(read_row, row, prompt, meta):
    got = read_row(json.dumps(row))
    assert (got.prompt, dict(got.meta)) == (prompt, meta)


def test_a_named_field_wins_over_the_usual_ones(read_row):
    got = read_row({"prompt": "P", "text": "T"}, field="text")
    assert (got.prompt, got.meta) == ("T", {"prompt": "P"})


def test_a_named_field_may_hold_turns(read_row):
    assert read_row({"conversation": [{"role": "user", "content": "U"}]}, field="conversation").prompt == "U"


@pytest.mark.parametrize(
    ("given", "kept"), [("a/b", "a/b"), (7, "7"), (7.0, "7"), (7.5, "7.5"), ("7.0", "7.0"), (-1, "-1")]
)
def test_ids_become_strings(read_row, given, kept):
    assert read_row({"id": given, "prompt": "P"}).id == kept


@pytest.mark.parametrize("value", [3000, 3000.0, "3000", "3,000", " 3000.0 "])
@pytest.mark.parametrize("field", ["length", "required_words"])
def test_the_rows_own_length_wins_over_the_prompts(read_row, field, value):
    got = read_row({"prompt": "1234 words", field: value})
    assert got.required_words == Requirement(3000)
    assert got.meta == {}


def test_a_row_without_a_length_is_asked_through_its_prompt(read_row):
    assert read_row({"prompt": "1234 words", "length": None}).required_words == Requirement(1234)
    assert read_row({"prompt": "some words"}).required_words is None


@pytest.mark.parametrize(
    ("value", "requirement"),
    [
        ({"words": 500}, Requirement(500)),
        ({"words": 500, "kind": "about", "low": None, "high": None}, Requirement(500)),
        ({"words": 500, "kind": "at_least"}, Requirement(500, "at_least", 500)),
        ({"words": 500, "kind": "at_most", "high": 500}, Requirement(500, "at_most", None, 500)),
        ({"words": 450, "kind": "range", "low": 400, "high": 500}, Requirement(450, "range", 400, 500)),
    ],
)
def test_a_requirement_can_be_given_in_full(read_row, value, requirement):
    assert read_row({"prompt": "P", "required_words": value}).required_words == requirement


@pytest.mark.parametrize("plan", ["a plan", [{"n": 1}]])
def test_a_plan_becomes_steps(read_row, plan):
    got = read_row({"prompt": "P", "plan": plan})
    assert got.plan == STEPS
    assert got.meta == {}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("[1]", "is a list where an object"),
        ("null", "is null where an object"),
        ("7", "is a number where an object"),
        ("true", "is a boolean where an object"),
        ("{}", "has no prompt; it holds nothing"),
        ({"text": "T"}, 'has no prompt; it holds "text"'),
        ({"\x1b[2J\n": "T"}, r"has no prompt; it holds '\\x1b"),
        ({"prompt": None}, "the prompt is empty"),
        ({"prompt": ""}, "the prompt is empty"),
        ('"  "', "the prompt is empty"),
        ({"prompt": 5}, '"prompt" is a number, not a string'),
        ({"prompt": {"a": 1}}, '"prompt" is an object, not a string'),
        ({"prompt": ["a"]}, '"prompt" holds a string where a turn'),
        ({"messages": []}, "holds no turn of the user"),
        ({"messages": [{"role": "assistant", "content": "A"}]}, "holds no turn of the user"),
        ({"messages": [{"role": "user", "content": None}]}, "is null, not a text"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "no text: 'image_url'"),
        ({"messages": [{"role": "user", "content": []}]}, "the prompt is empty"),
        ({"instruction": "I", "input": 3}, '"input" is a number'),
        ({"id": "", "prompt": "P"}, "the id is empty"),
        ({"id": " ", "prompt": "P"}, "the id is empty"),
        ({"id": True, "prompt": "P"}, "the id is a boolean"),
        ({"id": [1], "prompt": "P"}, "the id is a list"),
        ({"id": "a\nb", "prompt": "P"}, r"control character: 'a\\nb'"),
        ({"id": "\x1b[2J", "prompt": "P"}, r"control character: '\\x1b"),
        ({"prompt": "P", "length": "1" * 5000}, "not a whole number"),
        ({"id": 10**30, "prompt": "P"}, "too large to be exact"),
        ({"prompt": "P", "length": 0}, '"length" is 0, not a whole number from 1 to 10,000,000'),
        ({"prompt": "P", "length": -5}, '"length" is -5'),
        ({"prompt": "P", "length": 2.5}, '"length" is 2.5'),
        ({"prompt": "P", "length": True}, '"length" is True'),
        ({"prompt": "P", "length": "long"}, "\"length\" is 'long'"),
        ({"prompt": "P", "length": "30,00"}, "'30,00'"),
        ({"prompt": "P", "length": ""}, "''"),
        ({"prompt": "P", "length": [3]}, r"\[3\]"),
        ({"prompt": "P", "required_words": {}}, '"required_words.words" is None'),
        ({"prompt": "P", "required_words": {"words": 5, "kind": "some"}}, "kind\" is 'some'"),
        ({"prompt": "P", "required_words": {"words": 5, "kind": []}}, 'kind"'),
        ({"prompt": "P", "required_words": {"words": 5, "max": 9}}, 'unknown key, "max"'),
        ({"prompt": "P", "required_words": {"words": 5, "kind": "range", "low": 9, "high": 3}}, "low 9 and high 3"),
        ({"prompt": "P", "required_words": {"words": 5, "kind": "range"}}, "low None and high None"),
        ({"prompt": "P", "required_words": {"words": 5, "kind": "at_least", "high": 9}}, "of kind at_least"),
        ({"prompt": "P", "plan": ""}, "its plan cannot be used: ''"),
        ({"prompt": "P", "plan": []}, r"its plan cannot be used: \[\]"),
        ({"prompt": "P", "plan": 7}, "its plan cannot be used: 7"),
        ('{"prompt": "P", "m": ' + '{"a":' * 300 + "1" + "}" * 301, "cannot be kept as JSON"),
    ],
)
def test_a_bad_row_says_what_is_wrong_and_what_to_do(read_row, row, problem):
    with pytest.raises(InputError, match=rf"row\.jsonl line 1: .*{problem}") as caught:
        read_row(row)
    assert caught.value.tip
    assert "\n" not in caught.value.message
    assert "\x1b" not in caught.value.message


def test_what_a_row_carries_along_is_refused_as_deep_as_it_cannot_be_written_again(read_row):
    import orjson

    from longwriter_cli.store.rows import instruction_row

    refused = 0
    for depth in range(245, 260):
        try:
            orjson.dumps(instruction_row(read_row('{"prompt":"P","x":' + "[" * depth + "]" * depth + "}")))
        except InputError as error:
            refused += "cannot be kept as JSON" in error.message
    assert 0 < refused < 15


def test_a_long_value_is_shortened_in_the_message(read_row):
    with pytest.raises(InputError) as caught:
        read_row({"prompt": "P", "length": "x" * 10_000})
    assert len(caught.value.problem) < 120
