"""The page as a whole: one file that asks nobody for anything."""

from __future__ import annotations

import hashlib
import random
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from made_page import data_of, row
from made_rows import instruction, open_run, read_run, section, small_run, take_in

from longwriter_cli.records import Usage
from longwriter_cli.report.html.page import make_page
from longwriter_cli.report.html.rows import Row
from longwriter_cli.report.html.subject import Subject, named_apart, subject_of_run

MADE_AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
EMPTY = {"br", "input", "link", "meta"}


def subject(*rows: Row, name: str = "data.jsonl") -> Subject:
    return Subject(name, name, lambda: iter(rows))


def page(*subjects: Subject, size_bytes: int = 3_000_000) -> str:
    return make_page(subjects, size_bytes, MADE_AT).html


class _Parsed(HTMLParser):
    """Notes tags and whether they are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((name, dict(attributes)))
        if name not in EMPTY:
            self.open.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name


@pytest.fixture
def run_page(tmp_path: Path) -> Iterator[str]:
    """Of a run with one text half written and an instruction that is not begun."""
    made = small_run(tmp_path / "run")
    with open_run(tmp_path / "run") as run:
        take_in(run, instruction("b", 1, meta={"type": "News"}))
        run.add_section(section(made, 2))
    with read_run(tmp_path / "run") as run:

        def cost_of(usage: Mapping[str, Usage]) -> float | None:
            return None

        yield page(subject_of_run(run, lambda _: True, cost_of))


def test_it_is_one_file_that_names_no_other(run_page: str) -> None:
    parsed = _Parsed(run_page)
    assert parsed.open == []
    for name, attributes in parsed.tags:
        assert not {"src", "srcset", "action", "formaction", "style", "background", "poster"} & set(attributes), name
        assert not any(key.startswith("on") for key in attributes), name
        href = attributes.get("href") or "#"
        assert href.startswith(("#", "data:,")), href
    assert "@import" not in run_page
    assert "url(" not in run_page


def test_its_policy_allows_its_own_script_and_style_alone(run_page: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', run_page)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].replace("&#x27;", "'").split(";"))
    script = run_page.rpartition("<script>")[2].partition("</script>")[0]
    style = run_page.partition("<style>")[2].partition("</style>")[0]

    def digest(text: str) -> str:
        return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert rules == {
        "default-src": "'none'",
        "script-src": digest(script),
        "style-src": digest(style),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    first = [name for name, _ in _Parsed(run_page).tags].index("meta")
    assert run_page.index("Content-Security-Policy") < run_page.index("<style>"), "before what it is for"
    assert first >= 0


def test_what_could_end_the_data_is_written_as_an_escape() -> None:
    hostile = "</script><script>alert(1)</script><!--"
    html = page(subject(row(hostile, hostile, prompt=hostile, type=hostile), name=hostile))
    assert hostile not in html
    assert "<" not in html.partition('id="data">')[2].partition("</script>")[0]
    data = data_of(html)
    assert data["runs"] == ["script><!--"], "the last part of its path"
    assert data["rows"]["id"] == [hostile]
    assert data["blocks"][0][0][0] == hostile
    assert [name for name, _ in _Parsed(html).tags].count("script") == 2


def test_the_figures_of_a_run_are_in_its_tiles(run_page: str) -> None:
    tiles = dict(re.findall(r"<dt>(.*?)</dt><dd><b>(.*?)</b>", run_page))
    assert tiles["Records"] == "1"
    assert tiles["Not finished"] == "1"
    assert tiles["Words"] == "700"
    assert tiles["Cost"] == "not known"
    assert "--price-in" in run_page


def test_each_row_is_there_with_its_text(run_page: str) -> None:
    data = data_of(run_page)
    assert data["rows"]["id"] == ["a", "b"]
    assert data["rows"]["outcome"] == [0, 3]
    assert data["rows"]["type"] == ["", "News"]
    assert data["rows"]["sections"] == [[1, 400, 350, 2, 300, 350], []]
    _, passages = data["blocks"][0][0]
    assert [passage[0] for passage in passages] == [1, 2]
    assert passages[0][4] == "Section 1 of a: déjà vu 长江."


@pytest.mark.parametrize("rows", [[], [row(words=0, s_l=None)], [row(outcome="unfinished", words=None, sections=())]])
def test_a_run_with_nothing_to_draw_gives_a_page_all_the_same(rows: list[Row]) -> None:
    parsed = _Parsed(page(subject(*rows)))
    assert parsed.open == []
    assert ("section", {"id": "reader", "aria-labelledby": "reader-title"}) in parsed.tags


def test_where_there_is_nothing_to_list_the_page_says_so() -> None:
    assert "There are no texts to list" in page(subject())
    assert "There are no texts to list" not in page(subject(row()))


def test_it_has_no_more_bytes_than_it_may() -> None:
    rng = random.Random(1)
    rows = [row(f"r{i}", "".join(rng.choices("abcdefgh ", k=5000))) for i in range(500)]
    for size_bytes in (250_000, 400_000):
        made = make_page([subject(*rows)], size_bytes, MADE_AT)
        assert len(made.html.encode()) <= size_bytes
        assert made.packed.shown == 500
    assert "by the beginnings of their sections" in page(subject(*rows), size_bytes=250_000)
    assert "Every text is in this page in full" in page(subject(*rows[:5]))


def test_the_same_rows_give_the_same_page() -> None:
    rng = random.Random(1)
    rows = [row(f"r{i}", "".join(rng.choices("abcdefgh ", k=5000))) for i in range(200)]
    assert page(subject(*rows), size_bytes=250_000) == page(subject(*rows), size_bytes=250_000)


def test_several_stand_side_by_side_in_one_colour_each() -> None:
    html = page(subject(row("a"), name="x/one"), subject(row("a"), row("b"), name="x/two"))
    assert data_of(html)["runs"] == ["one", "two"]
    assert data_of(html)["rows"]["run"] == [0, 1, 1]
    heads = re.search(r'aria-label="Figures side by side".*?<thead>(.*?)</thead>', html)
    assert heads is not None
    assert re.findall(r"<th[^>]*>([^<]*)</th>", heads[1]) == ["", "one", "two"]
    assert 'class="line s0"' in html
    assert 'class="line s1"' in html


def test_names_tell_subjects_apart() -> None:
    names = [one.name for one in named_apart([subject(name=name) for name in ("a/run", "b/run", "c/x.jsonl", "a/run")])]
    assert names == ["a/run", "b/run", "x.jsonl", "a/run (4)"]
