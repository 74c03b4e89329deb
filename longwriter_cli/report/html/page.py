"""The page as a whole: its head, its parts in their order, and the data that its script reads.

The policy in its head forbids every request and every script and style but the page's own, which are known by their
digests. Texts stand in the data alone, compressed, and the script puts them in as text.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files

from longwriter_cli import __version__
from longwriter_cli.report.html import chart_lengths, chart_sections, chart_time, overview
from longwriter_cli.report.html.figures import Series, kind_of
from longwriter_cli.report.html.groups import groups, span_name
from longwriter_cli.report.html.markup import Markup, join, tag
from longwriter_cli.report.html.pack import Packed, Packer
from longwriter_cli.report.html.reader import reader
from longwriter_cli.report.html.subject import Subject, named_apart
from longwriter_cli.report.html.tally import RANGES, Tally

GENERATOR = "longwriter-cli"
LEAST_SIZE_BYTES = 250_000

_SCRIPTS = ("unpack.js", "filter.js", "list.js", "record.js", "start.js")
_LEAST_ROOM_BYTES = 20_000


@dataclass(frozen=True)
class Page:
    html: str
    packed: Packed


def make_page(subjects: Sequence[Subject], size_bytes: int, made_at: datetime | None = None) -> Page:
    """Reads all rows, once. The page has at most `size_bytes`, unless its charts alone have more.

    Raises:
        InputError: a run or a dataset cannot be read.
    """
    subjects = named_apart(subjects)
    tallies = [Tally() for _ in subjects]
    packer = Packer(size_bytes)
    for run, subject in enumerate(subjects):
        for row in subject.rows():
            tallies[run].add(row)
            packer.add(run, row)
    parts = _parts(subjects, tallies)
    frame = len(_html(subjects, parts, "", reader(0, 0, 0, 0), made_at or datetime.now(UTC)).encode())
    packed = packer.finish(max(_LEAST_ROOM_BYTES, size_bytes - frame - _LEAST_ROOM_BYTES // 10))
    head = reader(packed.shown, packed.left_out, packed.whole, packed.openings)
    return Page(_html(subjects, parts, _data(subjects, packed), head, made_at or datetime.now(UTC)), packed)


def _parts(subjects: Sequence[Subject], tallies: Sequence[Tally]) -> Markup:
    series = [
        Series(subject.name, kind_of(place), tally, subject.of_run.timeline if subject.of_run else None)
        for place, (subject, tally) in enumerate(zip(subjects, tallies, strict=True))
    ]
    alone = len(series) == 1
    scatters = [
        chart_lengths.scatter(one, "Asked for and written" + ("" if alone else f": {one.name}")) for one in series
    ]
    charts = [
        chart_lengths.lengths(series),
        *scatters,
        chart_sections.positions(series),
        chart_time.tokens(series),
        chart_time.cost(series),
    ]
    drawn = [chart for chart in charts if chart is not None]
    of_runs = any(subject.of_run for subject in subjects)
    wrong = overview.failures(subjects[0]) if alone else overview.failures_side_by_side(subjects)
    return join(
        [
            _section("summary", "Summary" if alone else "Side by side", overview.summary(subjects, tallies)),
            _section("evaluation", "Evaluation", overview.evaluation(subjects)),
            _section("charts", "Charts", tag("div", *drawn, groups(series), class_="grid") if drawn else None),
            _section("failures", "Failures and rejects", wrong if of_runs else None),
            _section("making", "How it was made", *(overview.making(subject) for subject in subjects)),
        ]
    )


def _section(name: str, title: str, *parts: Markup | None) -> Markup | None:
    if all(part is None for part in parts):
        return None
    return tag("section", tag("h2", title, id=f"{name}-title"), *parts, id=name, aria_labelledby=f"{name}-title")


def _html(subjects: Sequence[Subject], parts: Markup, data: str, reading: Markup, made_at: datetime) -> str:
    style, script = _file("page.css"), "".join(_file(name) for name in _SCRIPTS)
    names = " and ".join(subject.name for subject in subjects)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(script, style)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=f"{GENERATOR} {__version__}"),
        tag("link", rel="icon", href="data:,"),
        tag("title", f"{names} – longwriter"),
        tag("style", Markup(style)),
    )
    body = tag(
        "body",
        tag("a", "To the texts", class_="skip", href="#reader"),
        tag(
            "header",
            tag("div", tag("p", "longwriter", class_="brand"), tag("h1", names)),
            tag("label", "Colours ", tag("select", *_themes(), id="theme"), class_="theme"),
        ),
        tag("main", parts, reading),
        tag(
            "footer", tag("p", f"Made {made_at:%Y-%m-%d %H:%M} UTC by longwriter-cli {__version__}. {_SELF_CONTAINED}")
        ),
        tag("script", Markup(data), type="application/json", id="data"),
        tag("script", Markup(script)),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


_SELF_CONTAINED = "This page is one file; it asks no server for anything."


def _themes() -> list[Markup]:
    return [
        tag("option", name, value=value)
        for value, name in (("", "as the system"), ("light", "light"), ("dark", "dark"))
    ]


def _policy(script: str, style: str) -> str:
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _file(name: str) -> str:
    return files("longwriter_cli.report.html").joinpath(name).read_text(encoding="utf-8")


def _data(subjects: Sequence[Subject], packed: Packed) -> str:
    """JSON that no text in it can end: what HTML could take for a tag is written as an escape."""
    data = {
        "runs": [subject.name for subject in subjects],
        "commands": [subject.command for subject in subjects],
        "selects": [bool(subject.of_run and subject.of_run.selection) for subject in subjects],
        "ranges": [[span_name(low, high), low, high] for low, high in RANGES],
        "rows": packed.rows,
        "blocks": packed.blocks,
    }
    encoded = json.dumps(data)  # ASCII alone, whatever is in a path
    return encoded.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
