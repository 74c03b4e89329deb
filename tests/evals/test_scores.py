"""What is read out of a judge's answer, and what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.evals.judge import dimension_scores, quality_score
from longwriter_cli.evals.scores import DIMENSIONS, NoScores, read_scores

GIVEN = dict(zip(DIMENSIONS, [4, 3, 5, 2, 1, 4], strict=True))


def answer(**changed: Any) -> str:
    return json.dumps({"analysis": 'It holds {braces} and "Clarity".', **GIVEN, **changed})


FORMS = {
    "object": answer(),
    "fenced, with a preamble and an offer": f"Sure! Here it is:\n```json\n{answer()}\n```\nShall I explain?",
    "under a key": json.dumps({"analysis": "Good.", "scores": GIVEN}),
    "with reasons": json.dumps({name: {"score": n, "reason": "3 of 4"} for name, n in GIVEN.items()}),
    "list": json.dumps([{"dimension": name, "score": n} for name, n in GIVEN.items()]),
    "list of strings over five": json.dumps({"ratings": [{"name": n, "rating": f"{s}/5"} for n, s in GIVEN.items()]}),
    "one object a line": "\n".join(json.dumps({name: n}) for name, n in GIVEN.items()),
    "snake case and floats": json.dumps({name.lower().replace(" ", "_"): float(n) for name, n in GIVEN.items()}),
    "camel case": json.dumps({name.title().replace(" ", ""): n for name, n in GIVEN.items()}),
    "python": str(GIVEN),
    "a comma too many": answer()[:-1] + ",}",
    "behind thoughts": f"<think>Clarity: 1? {answer(Clarity=1)}</think>\n{answer()}",
    "lines": "\n".join(f"{name}: {n}" for name, n in GIVEN.items()),
    "a sentence": ", ".join(f"{name} {n}" for name, n in GIVEN.items()) + ".",
    "bullets with bold names and remarks": "\n".join(f"- **{n}**: {s}/5 – has 3 faults." for n, s in GIVEN.items()),
    "headings with the score below": "\n\n".join(f"### {n}\nIt has 7 parts.\nScore: **{s}**" for n, s in GIVEN.items()),
    "headings with the score behind": "\n".join(f"## {n} ({s})\nText." for n, s in GIVEN.items()),
    "the scale behind the name": "\n".join(f"- **{name}** (1-5): {n}" for name, n in GIVEN.items()),
    "the scale in words": "\n".join(f"{name} (1 to 5) score: {n}" for name, n in GIVEN.items()),
    "the scale behind the word": "\n".join(
        f"### {name}\nIt has parts.\nScore (out of 5): {n}" for name, n in GIVEN.items()
    ),
    "a list of merits below each": "\n".join(f"{name}: {n}\n- 2 merits" for name, n in GIVEN.items()),
    "table": "| | score |\n|--|--|\n" + "\n".join(f"| {name} | {n} |" for name, n in GIVEN.items()),
    "Chinese": "相关性：4分\n准确性：3分\n连贯性：5分\n清晰度：2分\n广度与深度：1分\n阅读体验：4分",
}


@pytest.mark.parametrize("form", FORMS)
def test_scores_are_read_from_any_form(form: str) -> None:
    assert read_scores(FORMS[form]) == GIVEN


UNUSABLE = {
    "nothing": ("", "no scores"),
    "prose without numbers": ("The text is relevant and clear.", "no scores"),
    "too high": (answer(Clarity=6), "Clarity, 6, is no whole number"),
    "too low": (answer(Clarity=0), "Clarity, 0, is no whole number"),
    "between": (answer(Clarity=4.5), "Clarity, 4.5, is no whole number"),
    "true": (answer(Clarity=True), "Clarity, true, is no whole number"),
    "of ten": (answer(Clarity="4/10"), "on another scale"),
    "twice in one object": (answer()[:-1] + ', "Clarity": 5}', r"Clarity, \[2, 5\], is no whole number"),
    "between two": (FORMS["lines"].replace("Clarity: 2", "Clarity: 2-3"), "no score for Clarity"),
    "behind the scale of ten": ("\n".join(f"{name} (1-10): {n}" for name, n in GIVEN.items()), "no scores"),
    "null": (answer(Clarity=None), "no score for Clarity"),
    "missing": (json.dumps({name: n for name, n in GIVEN.items() if name != "Accuracy"}), "no score for Accuracy"),
    "missing in prose": ("Relevance: 4\nClarity: 5", "no score for Accuracy"),
    "two sets that differ": (f"First {answer()}, then {answer(Clarity=5)}", "several sets of scores that differ"),
    "two scores in prose": (FORMS["lines"] + "\nClarity: 5", "several scores for Clarity"),
    "names in a numbered list": ("\n".join(f"{n}. {name}" for n, name in enumerate(DIMENSIONS, 1)), "no scores"),
    "cut off": (answer()[:-30], "no score"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_is_no_score_from_one_to_five_is_refused_with_its_reason(case: str) -> None:
    text, reason = UNUSABLE[case]
    with pytest.raises(NoScores, match=reason):
        read_scores(text)


@given(st.text() | st.lists(st.sampled_from([*DIMENSIONS, "4", ":", "{", "}", '"', "[", "]", ",", "\n"])).map("".join))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    try:
        scores = read_scores(text)
    except NoScores:
        return
    assert list(scores) == list(DIMENSIONS)
    assert all(1 <= score <= 5 for score in scores.values())


def test_the_quality_score_is_the_mean_over_dimensions_of_their_means() -> None:
    other = dict.fromkeys(DIMENSIONS, 5)
    assert quality_score([GIVEN]) == pytest.approx((75 + 50 + 100 + 25 + 0 + 75) / 6)
    assert quality_score([GIVEN, other]) == pytest.approx((87.5 + 75 + 100 + 62.5 + 50 + 87.5) / 6)
    means = dimension_scores([GIVEN, other])
    assert means is not None
    assert means["Clarity"] == 62.5
    assert quality_score([]) is None
    assert (quality_score([dict.fromkeys(DIMENSIONS, 1)]), quality_score([other])) == (0, 100)
