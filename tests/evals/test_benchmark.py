from __future__ import annotations

from collections import Counter

from longwriter_cli.evals.benchmark import builtin_rows
from longwriter_cli.evals.longbench_write import range_name
from longwriter_cli.text.language import detect_language
from longwriter_cli.text.requirement import required_words


def test_the_builtin_benchmark_covers_types_ranges_and_both_languages() -> None:
    rows = builtin_rows()
    assert len(rows) >= 60
    assert len({row.id for row in rows}) == len({row.prompt for row in rows}) == len(rows)
    cells = Counter((detect_language(row.prompt), row.meta["type"], _range(row.prompt)) for row in rows)
    assert len(cells) == 2 * 7 * 4
    assert Counter(detect_language(row.prompt) for row in rows) == {"en": len(rows) / 2, "zh": len(rows) / 2}


def test_every_prompt_states_the_length_it_is_scored_against() -> None:
    for row in builtin_rows():
        stated = required_words(row.prompt)
        assert row.required_words is not None
        assert stated is not None, row.prompt
        assert stated.words == row.required_words.words, row.prompt


def _range(prompt: str) -> str:
    stated = required_words(prompt)
    return range_name(stated.words) if stated else ""
