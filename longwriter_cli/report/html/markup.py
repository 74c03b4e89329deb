"""HTML as values: what is put into a tag is text unless it is markup already, so no text can become a tag."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from longwriter_cli.text.display import printable

_EMPTY = frozenset({"br", "input", "link", "meta"})

Attribute = str | int | float | bool | None
"""True stands for the bare name; False and None leave the attribute out."""


class Markup(str):
    """HTML that is put in as it is."""

    __slots__ = ()


Child = str | Markup | None


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """A tag. `class_` and `for_` stand for the words that Python keeps, other underscores for hyphens."""
    head = "".join(_attribute(key.removesuffix("_").replace("_", "-"), value) for key, value in attributes.items())
    if name in _EMPTY:
        return Markup(f"<{name}{head}>")
    return Markup(f"<{name}{head}>{join(children)}</{name}>")


def join(children: Iterable[Child], between: str = "") -> Markup:
    return Markup(between.join(_inner(child) for child in children if child is not None))


def text(value: str) -> Markup:
    """The text without what could be obeyed: a tag by the browser, a control or a change of direction by the reader."""
    return Markup(escape(printable(value), quote=False))


def _inner(child: str | Markup) -> str:
    return child if isinstance(child, Markup) else text(child)


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    shown = f"{value:g}" if isinstance(value, float) else printable(str(value))
    return f' {name}="{escape(shown)}"'
