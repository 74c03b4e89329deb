"""What is put into a tag stays text."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.report.html.markup import Markup, join, tag
from longwriter_cli.text.display import printable


class _Parsed(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.said = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((name, attributes))

    def handle_data(self, said: str) -> None:
        self.said += said


_HOSTILE = st.text(alphabet="<>&\"'/=! abscript-\n\0\u202e", max_size=40) | st.text(max_size=20)


@given(_HOSTILE, _HOSTILE)
def test_no_text_becomes_a_tag_or_an_attribute(said: str, value: str) -> None:
    parsed = _Parsed(tag("p", said, title=value))
    assert parsed.tags == [("p", [("title", printable(value))])]
    assert parsed.said == printable(said)


def test_markup_is_put_in_as_it_is_and_nothing_else_is() -> None:
    assert tag("p", tag("b", "x < y"), "&", None) == "<p><b>x &lt; y</b>&amp;</p>"
    assert join(["<i>", Markup("<i>")], " ") == "&lt;i&gt; <i>"


def test_attributes_that_are_off_are_left_out_and_empty_tags_are_not_closed() -> None:
    assert tag("input", type="search", hidden=True, disabled=False, title=None) == '<input type="search" hidden>'
    assert tag("th", "a", scope="row", class_="what", aria_label="b") == (
        '<th scope="row" class="what" aria-label="b">a</th>'
    )


def test_controls_and_turns_of_direction_are_not_passed_on() -> None:
    assert "\u202e" not in tag("p", "a\u202eb", title="\u202e")
    tag("p", "\ud800").encode()
