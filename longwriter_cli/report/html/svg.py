"""Drawing in SVG: scales, ticks, axes. Colours are left to the page's style, so that they follow light and dark.

A drawing is 440 units wide and is stretched to its column; sizes are chosen so that it can be read on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from longwriter_cli.report.html.markup import Markup, join, tag

WIDTH, HEIGHT = 440, 284
LEFT, RIGHT, TOP, BOTTOM = 52, 428, 28, 240
_TICK_GAP = 6
_NICE = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` on a line from `start` to `end`; a logarithmic one takes no 0."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        place = math.log(max(value, self.low / 1e3)) if self.log else value
        return round(self.start + (place - low) / ((high - low) or 1) * (self.end - self.start), 1)


def across(low: float, high: float, *, log: bool = False) -> Scale:
    return Scale(low, high, LEFT, RIGHT, log)


def upwards(low: float, high: float, *, log: bool = False) -> Scale:
    return Scale(low, high, BOTTOM, TOP, log)


def ticks(high: float, most: int = 5) -> list[float]:
    """0 and nice numbers up to the first one that is not below `high`."""
    if high <= 0:
        return [0, 1]
    power = 10 ** math.floor(math.log10(high / most))
    step = next((nice * power for nice in _NICE if nice * power * most >= high), 10 * power)
    return [step * place for place in range(math.ceil(high / step - 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten, of which fewer are taken where there are many."""
    found = [
        digit * 10.0**power
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digit in (1, 2, 5)
    ]
    inside = [value for value in found if low <= value <= high]
    return inside if len(inside) <= 8 else [value for value in inside if math.log10(value).is_integer()]


def short(value: float) -> str:
    """950, 1.5k, 32k, 2.4M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size * 0.9995:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def drawing(label: str, *parts: Markup) -> Markup:
    """`label` is what a screen reader says in place of the picture."""
    return tag("svg", *parts, class_="plot", viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=label)


def axes(x: Sequence[tuple[float, str]], y: Sequence[tuple[float, str]], x_title: str, y_title: str) -> Markup:
    """Grid and labels; places are in units of the drawing."""
    lines = [tag("path", d=f"M{LEFT} {place:g}H{RIGHT}", class_="grid") for place, _ in y]
    names = [_label(LEFT - _TICK_GAP, place + 4, name, "end") for place, name in y]
    names += [_label(place, BOTTOM + 17, name, "middle") for place, name in x]
    marks = "".join(f"M{place:g} {BOTTOM}v4" for place, _ in x)
    return join(
        [
            *lines,
            tag("path", d=f"M{LEFT} {BOTTOM}H{RIGHT}{marks}", class_="axis"),
            *names,
            _label((LEFT + RIGHT) / 2, HEIGHT - 8, x_title, "middle", "title"),
            _label(2, TOP - 16, y_title, "start", "title"),
        ]
    )


def _label(x: float, y: float, name: str, anchor: str, kind: str = "tick") -> Markup:
    return tag("text", name, x=f"{x:g}", y=f"{y:g}", text_anchor=anchor, class_=kind)


def bar(x: float, y: float, width: float, height: float, hint: str, kind: str) -> Markup:
    """A rectangle that says its figure when it is pointed at."""
    shape = {name: f"{round(value, 1):g}" for name, value in (("x", x), ("y", y), ("width", width), ("height", height))}
    return tag("rect", tag("title", hint) if hint else None, class_=kind, **shape)


def line(points: Iterable[tuple[float, float]], kind: str, *, dots: bool = False) -> Markup:
    places = [f"{x:g} {y:g}" for x, y in points]
    drawn = tag("path", d="M" + "L".join(places), class_=f"line {kind}") if places else None
    marks = (
        tag("path", d="".join(f"M{place}h0" for place in places), class_=f"dots {kind}") if dots and places else None
    )
    return join([drawn, marks])


def meter(value: float, kind: str, high: float = 100) -> Markup:
    """A bar beside a figure in a table, which a screen reader passes over: the figure stands there."""
    width = max(0.0, min(100.0, 100 * value / high))
    return tag(
        "svg",
        tag("rect", class_="rail", width=100, height=8),
        tag("rect", class_=f"bar {kind}", width=f"{width:.3g}", height=8),
        class_="meter",
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
