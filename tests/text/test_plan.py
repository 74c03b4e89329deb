"""The plan parser: golden pairs of what models return, the round trip of the exact form, what must never happen."""

from __future__ import annotations

import json
import re
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.records import Language, Step
from longwriter_cli.text.plan import format_step, format_steps, parse_plan, plan_digest, steps_from_json

GOLDEN = sorted((Path(__file__).parent.parent / "golden" / "plan").glob("*.txt"))

PIECES = (
    *(
        "-",
        " - ",
        ":",
        "：",
        "|",
        "**",
        "[",
        "]",
        "(",
        ")",
        "`",
        "#",
        ";",
        "\t",
        '"',
        "{",
        "…",
        "\ud800",
        "é",
        "№ 5",
        "1.",
        "40 words",
    ),
    *(
        "word count",
        "Word Count: ",
        "Main Point: ",
        "400 words",
        "Total",
        "Paragraph 2",
        "</think>",
        "<think>",
        "```",
    ),
    *(
        "第2段",
        "主要内容：",
        "字数要求：",
        "400字",
        "总字数",
        "，",
        "总计",
        "sailing",
        "tea in China",
        "10-20",
        "1,000",
    ),
)
COUNT_THEN_LABEL = re.compile(r"[0-9] words Paragraph [0-9]+ - Main Point: |[0-9]字[ 。；]?第[0-9]+段 - 主要内容：")


def one_line(text: str) -> str:
    return "".join(text.splitlines()).strip()


def stands_for_itself(point: str) -> bool:
    """All that the round trip leaves out: nothing at all, a point that is bracketed or bold as a whole, as the
    template's placeholder is, and the place where one step ends and another begins on the same line."""
    wrapped = re.fullmatch(r"\[.*\]|【.*】|\*\*.*\*\*", point)
    return bool(point) and not wrapped and not COUNT_THEN_LABEL.search(point)


any_text = st.text(st.characters())  # lone surrogates included
main_points = (
    (any_text | st.lists(st.sampled_from(PIECES) | any_text, max_size=8).map("".join))
    .map(one_line)
    .filter(stands_for_itself)
)
plans = st.lists(st.tuples(main_points, st.integers(1, 1_000_000)), min_size=1, max_size=6).map(
    lambda rows: [Step(n, point, words) for n, (point, words) in enumerate(rows, 1)]
)
languages = st.sampled_from(["en", "zh"])


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_an_answer_gives_the_steps_of_its_golden_pair(path: Path) -> None:
    expected = [Step(**step) for step in json.loads(path.with_suffix(".json").read_text("utf-8"))]
    assert parse_plan(path.read_bytes().decode()) == expected


def test_every_golden_answer_has_its_steps_and_there_are_many() -> None:
    assert len(GOLDEN) >= 40
    assert {path.stem for path in GOLDEN} == {path.stem for path in GOLDEN[0].parent.glob("*.json")}


@given(plans, languages)
def test_formatted_steps_are_read_back_as_they_were(steps: list[Step], language: Language) -> None:
    assert parse_plan(format_steps(steps, language)) == steps


@given(plans, languages)
def test_preamble_and_total_change_no_main_point(steps: list[Step], language: Language) -> None:
    text = f"Here is the plan:\n\n{format_steps(steps, language)}\n\nTotal word count: 3000 words\n"
    assert parse_plan(text) == steps


@given(
    any_text
    | st.lists(
        st.sampled_from(
            (
                *PIECES,
                "\n",
                "\n\n",
                "| ",
                "\n- ",
                "\n1. ",
                "\n## ",
                " (40 words)\n",
                "\n{'words': 4, 'point': 'x'",
                "}",
                ",",
            )
        ),
        max_size=60,
    ).map("".join)
)
def test_no_text_raises_and_every_step_is_whole(text: str) -> None:
    for n, step in enumerate(parse_plan(text), 1):
        assert step.n == n
        assert step.main_point.strip()
        assert 1 <= step.words <= 1_000_000


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text | st.sampled_from(["400 words", "0", "1-2k"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(any_text | st.sampled_from(["words", "main_point", "n", "steps"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(json_values)
def test_no_json_raises(value: object) -> None:
    for step in steps_from_json(value):
        assert step.main_point
        assert 1 <= step.words <= 1_000_000


MEGABYTE = 1_000_000
JUNK = {
    "spaces": " ",
    "digits": "9",
    "brackets": "[",
    "open arrays": '[{"a":',
    "open arrays on lines": '[{"a":\n',
    "open literals": "[{'a':",
    "signs in a literal": "\n['a', " + "-" * 40_000 + "1]",
    "template": "Paragraph 1 - Main Point: [a] - Word Count: [b] words\n",
    "plain lines": "Introduction (400 words)\n",
    "label without end": "Paragraph 1 - ",
    "counts without end": "Word Count: 400 words - ",
    "exact starts": "Paragraph 1 - Main Point: x - Word Count: 4 ",
    "Chinese numerals": "一千二百",
    "commas and spaces": "1, " + " " * 60,
    "thoughts": "<think></think>\n",
    "table": "| Words | b |\n",
    "long items": "\n1. " + "(4 words - " * 60,
    "long labelled items": "\nParagraph 1 " + "word count 4 " * 40,
    "one step, then prose": "and so it goes on and on\n",
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_a_megabyte_of_junk_is_read_in_no_time(junk: str) -> None:
    text = "Paragraph 1: It begins\n" * junk.startswith("and") + junk * (MEGABYTE // len(junk))
    start = time.process_time()
    parse_plan(text)
    assert time.process_time() - start < 5  # measured: 0.8 s at most; quadratic behaviour takes minutes


def test_a_long_block_costs_in_proportion_to_its_length() -> None:
    block = "Paragraph 1: It begins\n" + ("y" * 500 + "\n") * 1900
    start = time.process_time()
    assert parse_plan(block) == []
    assert time.process_time() - start < 5


def test_a_main_point_of_several_lines_becomes_one_line() -> None:
    step = Step(3, " The gate\n\n  opens \r\nslowly", 400)
    assert format_step(step, "en") == "Paragraph 3 - Main Point: The gate opens slowly - Word Count: 400 words"
    assert format_step(step, "zh") == "第3段 - 主要内容：The gate opens slowly - 字数要求：400字"


def test_a_main_point_with_braces_is_no_format_string() -> None:
    assert format_step(Step(1, "{words} {0}", 5), "en") == "Paragraph 1 - Main Point: {words} {0} - Word Count: 5 words"


def test_the_digest_is_the_one_that_other_tools_compute() -> None:
    # printf '[[1,"Intro – \\"tea\\"",400],[2,"结论",300]]' | sha256sum
    assert plan_digest([Step(1, 'Intro – "tea"', 400), Step(2, "结论", 300)]) == "63d39048"
    assert plan_digest(iter([])) == "4f53cda1"  # printf '[]' | sha256sum


@given(st.lists(st.tuples(st.integers(), any_text, st.integers())))
def test_the_digest_hashes_what_the_standard_library_writes(rows: list[tuple[int, str, int]]) -> None:
    import hashlib

    data = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    assert plan_digest(Step(*row) for row in rows) == hashlib.sha256(data).hexdigest()[:8]


def test_the_digest_tells_a_moved_boundary_from_the_same_text() -> None:
    assert plan_digest([Step(1, "a", 12)]) != plan_digest([Step(1, "a", 1), Step(2, "", 2)])


def test_steps_that_a_row_brings_are_numbered_in_order() -> None:
    rows = [{"main_point": "A", "words": 300}, {"n": 7, "main_point": " B\nb ", "words": "400"}]
    assert steps_from_json(rows) == [Step(1, "A", 300), Step(2, "B b", 400)]
    assert steps_from_json({"steps": rows}) == steps_from_json(rows)


@pytest.mark.parametrize(
    "rows",
    [
        None,
        "Paragraph",
        [],
        {},
        [[]],
        [{"main_point": "A"}],
        [{"main_point": "", "words": 300}],
        [{"main_point": "A", "words": 0}],
        [{"main_point": "A", "words": True}],
        [{"main_point": "A", "words": float("nan")}],
        [{"main_point": "A", "words": 300}, {"main_point": "B", "words": None}],
        [{"main_point": "A", "words": 300}, "B"],
    ],
)
def test_rows_with_a_hole_are_no_steps(rows: object) -> None:
    assert steps_from_json(rows) == []


@given(plans)
def test_own_steps_survive_the_way_through_json(steps: list[Step]) -> None:
    rows = [{"n": step.n, "main_point": step.main_point, "words": step.words} for step in steps]
    assert steps_from_json(json.loads(json.dumps(rows))) == steps


@pytest.mark.parametrize("point", ["X", "2", "One", "第一段", "[kept] as it is", "**so**"])
def test_a_main_point_that_looks_like_a_label_is_one_in_json(point: str) -> None:
    assert steps_from_json([{"n": 1, "main_point": point, "words": 300}]) == [Step(1, point, 300)]


@pytest.mark.parametrize(
    "literal",
    [
        "-" * 40_000 + "1",
        "(" * 150 + "-" * 3000 + "1" + ")" * 150,
        "1" + "+1" * 20_000,
        "9" * 5000,
        "[" * 20_000,
        "{[]: 1}",
        "__import__('os').getcwd()",
        "'\\d'",
    ],
)
def test_no_literal_is_too_strange_to_be_refused_in_silence(literal: str) -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        assert parse_plan(f"[{{'main_point': 'A', 'words': {literal}}}]") == []
    assert not shown


def test_every_kind_of_line_is_read_in_a_list_too() -> None:
    assert steps_from_json(["Introduction (400 words)", "The end (300 words)"]) == [
        Step(1, "Introduction", 400),
        Step(2, "The end", 300),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "The committee wrote the report in 400 words.",
        "In 400 words, describe the sea.\nIn 500 words, describe the land.",
        "我用了400字来描写大海。\n又用了500字来描写陆地。",
        "Paragraph 4 of the treaty - which holds 400 words - was never signed.",
        "Paragraph 4 of the treaty was never signed.\nIt has about 400 words",
        "He counted: 1, 2, 400 words.\nShe counted, too: 500 words.",
        "The council sent a letter (500 words).\nThe mayor answered with a note (20 words).",
    ],
)
def test_prose_that_names_a_count_is_no_step(text: str) -> None:
    assert parse_plan(text) == []


def test_prose_about_a_paragraph_beside_a_plan_is_not_taken_for_a_step() -> None:
    plan = "Paragraph 1 - Main Point: A - Word Count: 300 words"
    assert parse_plan(f"{plan}\n\nParagraph 1 of this plan could be split.") == [Step(1, "A", 300)]


def test_a_plan_of_a_thousand_steps_is_read() -> None:
    steps = [Step(n, f"Point {n}", 300) for n in range(1, 1001)]
    assert parse_plan(format_steps(steps, "en")) == steps
