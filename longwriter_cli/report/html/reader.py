"""The part of the page in which records are searched, filtered and read. Its script fills it."""

from __future__ import annotations

from longwriter_cli.report.html.markup import Markup, tag

_SORTS = (
    ("", "as in the source"),
    ("longest", "longest first"),
    ("shortest", "shortest first"),
    ("s_l", "lowest S_l first"),
    ("s_q", "lowest S_q first"),
)
_FILTERS = (
    ("run", "Run"),
    ("outcome", "Outcome"),
    ("range", "Words asked for"),
    ("language", "Language"),
    ("type", "Type"),
    ("held", "Text in this page"),
)


def reader(shown: int, left_out: int, whole: int, openings: int) -> Markup:
    """`shown` records are in the page and `left_out` are not; of some the text is there whole or by its beginnings."""
    return tag(
        "section",
        tag("h2", "Texts", id="reader-title"),
        tag("p", _held(shown, left_out, whole, openings), class_="note"),
        tag("noscript", tag("p", "The texts are shown by the page's own script, which is switched off.")),
        tag("p", id="trouble", role="alert", hidden=True),
        tag(
            "div",
            _form(),
            tag("p", id="count", role="status", aria_live="polite"),
            tag("div", id="list"),
            _pager(),
            id="browse",
            hidden=True,
        ),
        tag("article", id="record", aria_labelledby="record-title", hidden=True),
        id="reader",
        aria_labelledby="reader-title",
    )


def _held(shown: int, left_out: int, whole: int, openings: int) -> str:
    """What a reader must know of what is not there."""
    if not shown and not left_out:
        return "There are no texts to list."
    if not left_out and whole == shown:
        return "Every text is in this page in full."
    parts = [f"{whole:,} in full"]
    if openings:
        parts.append(f"{openings:,} by the beginnings of their sections")
    if rest := shown - whole - openings:
        parts.append(f"{rest:,} by their figures alone")
    draw = "an even draw, in which failed and dropped ones weigh four times"
    more = f" {left_out:,} more are in the figures above and not in this list." if left_out else ""
    return (
        f"So that the page stays small, it has of {shown:,} texts {', '.join(parts)} ({draw}).{more} "
        "A larger page holds more: --html-size."
    )


def _form() -> Markup:
    fields = [
        _field(
            "Search",
            tag("input", type="search", id="search", autocomplete="off", spellcheck="false"),
            "search",
        )
    ]
    fields += [_field(name, tag("select", id=f"by-{key}"), f"by-{key}") for key, name in _FILTERS]
    sorts = [tag("option", name, value=value) for value, name in _SORTS]
    fields.append(_field("Order", tag("select", *sorts, id="sort"), "sort"))
    clear = tag("button", "Clear", type="reset", id="clear")
    return tag("form", *fields, clear, id="filters", role="search", aria_label="Find texts")


def _field(name: str, control: Markup, key: str) -> Markup:
    return tag("div", tag("label", name, for_=key), control, class_="field", id=f"{key}-field")


def _pager() -> Markup:
    buttons = [
        tag("button", name, type="button", id=key)
        for key, name in (("first", "First"), ("previous", "Previous"), ("next", "Next"), ("last", "Last"))
    ]
    return tag("nav", *buttons, id="pager", aria_label="Pages of the list")
