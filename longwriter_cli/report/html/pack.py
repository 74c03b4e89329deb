"""What can be searched and read in the page: rows and texts, compressed, within a number of bytes.

All rows are kept while there is room, then an even draw of them. Of what can be read there are two forms, the whole
text and the beginnings of its sections; each row gets the larger one that has room, in the order of the same draw.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from longwriter_cli.report.html.rows import Outcome, Passage, Reading, Row
from longwriter_cli.report.html.sample import Sample
from longwriter_cli.text.display import printable

_PROMPT_HEAD = 120  # characters of a prompt in the list
_DETAIL = 200
_OPENING_PROMPT, _OPENING_POINT, _OPENING_TEXT = 600, 160, 140  # characters
_OPENING_PASSAGES = 60
_BLOCK_BYTES = 1 << 17  # of readings before compression: what the page unpacks to show one of them
_ROWS_SHARE, _OPENINGS_SHARE = 0.5, 0.75
_LEAST_RATIO = 0.75  # bytes in the page for a byte of a row; less in practice
_UNFINISHED_WEIGHT = 4.0
_TRIES, _FULL, _CAUTION, _LARGEST_STEP = 5, 0.95, 0.98, 1.6
_LARGEST = 2**53 - 1  # what JavaScript counts exactly
_QUICK, _WELL = 1, 6  # levels of compression: most texts are let go of again

OUTCOMES: tuple[Outcome, ...] = ("finished", "rejected", "failed", "unfinished")


@dataclass(frozen=True)
class Packed:
    """`rows` and each of `blocks` are base64 of deflated JSON. `left_out` counts rows that had no room.

    `whole` and `openings` count rows of which the page has all text, and the beginnings alone.
    """

    rows: str
    blocks: tuple[str, ...]
    shown: int
    left_out: int
    whole: int
    openings: int

    @property
    def rows_bytes(self) -> int:
        return len(self.rows)

    @property
    def size_bytes(self) -> int:
        return len(self.rows) + sum(len(block) + 4 for block in self.blocks)


@dataclass(frozen=True, slots=True)
class _Text:
    """A reading, deflated alone; together with others it takes no more. `whole` says that nothing of it is cut."""

    data: bytes
    whole: bool

    @property
    def page_bytes(self) -> int:
        return len(self.data) * 4 // 3 + 8


class Packer:
    """Takes rows one by one; what it holds of them is bounded by the room."""

    def __init__(self, room_bytes: int) -> None:
        self._rows: Sample[list[Any]] = Sample(int(room_bytes / _LEAST_RATIO))
        # Twice what they may take alone, for together they take about half.
        self._whole: Sample[_Text] = Sample(2 * room_bytes)
        self._openings: Sample[_Text] = Sample(2 * room_bytes)

    def add(self, run: int, row: Row) -> None:
        """`run` says which of the compared runs it is of, from 0."""
        weight = 1.0 if row.outcome == "finished" else _UNFINISHED_WEIGHT
        readings: list[Reading] = []

        def reading() -> Reading:
            if not readings:
                readings.append(row.read())
            return readings[0]

        def opening() -> tuple[_Text, int]:
            cut = _opening(reading())
            return _text(cut, whole=cut == reading())

        self._rows.offer(row.id, lambda: _sized(_columns(run, row)), weight)
        self._whole.offer(row.id, lambda: _text(reading(), whole=True), weight)
        self._openings.offer(row.id, opening, weight)

    def finish(self, room_bytes: int) -> Packed:
        """All that fits into the room, which is at most the one that was expected.

        Texts take less together than each alone, how much less shows when they are packed: so it is tried again.
        """
        rows = self._rows_within(int(room_bytes * _ROWS_SHARE))
        best, factor = self._packed(rows, 0), 1.0
        for _ in range(_TRIES):
            packed = self._packed(rows, int((room_bytes - best.rows_bytes) * factor))
            if packed.size_bytes <= room_bytes:
                best = max(best, packed, key=lambda one: (one.whole, one.openings))
                if packed.whole == len(rows) or packed.size_bytes > room_bytes * _FULL:
                    break
            factor *= min(_LARGEST_STEP, room_bytes / packed.size_bytes * _CAUTION)
        return best

    def _rows_within(self, room_bytes: int) -> dict[int, list[Any]]:
        size_bytes = self._rows.size_bytes
        rows = self._rows.best(size_bytes)
        while rows and len(_base64(_encoded(_by_column(rows, {})))) > room_bytes:
            size_bytes = int(size_bytes * 0.9)
            rows = self._rows.best(size_bytes)
        return rows

    def _packed(self, rows: Mapping[int, list[Any]], room_bytes: int) -> Packed:
        """The rows with the texts that fit, if each is counted as if it stood alone."""
        whole, openings = _only(self._whole.best(room_bytes), rows), dict[int, _Text]()
        if len(whole) < len(rows):
            openings = _only(self._openings.best(int(room_bytes * _OPENINGS_SHARE)), rows)
            whole = _only(self._whole.best(room_bytes - _page_bytes(openings)), rows)
            openings = _only(self._openings.best(room_bytes - _page_bytes(whole), without=whole), rows)
        texts = {**openings, **whole}
        blocks, places = _blocks(texts)
        complete = {place for place, text in texts.items() if text.whole}
        return Packed(
            _base64(_encoded(_by_column(rows, places, complete))),
            tuple(blocks),
            shown=len(rows),
            left_out=self._rows.offered - len(rows),
            whole=len(complete),
            openings=len(places) - len(complete),
        )


def _page_bytes(texts: Mapping[int, _Text]) -> int:
    return sum(text.page_bytes for text in texts.values())


def _only(values: Mapping[int, _Text], rows: Mapping[int, Any]) -> dict[int, _Text]:
    return {place: value for place, value in values.items() if place in rows}


# --- rows


_COLUMNS = ("run", "id", "prompt", "outcome", "reason", "detail", "required", "words", "sl", "sq", "language", "type")


def _columns(run: int, row: Row) -> list[Any]:
    prompt = " ".join(printable(row.prompt[: 4 * _PROMPT_HEAD]).split())
    return [
        run,
        printable(row.id),
        prompt[:_PROMPT_HEAD] + ("…" if len(prompt) > _PROMPT_HEAD else ""),
        OUTCOMES.index(row.outcome),
        printable(row.reason),
        printable(row.detail[:_DETAIL]),
        None if row.required is None else min(row.required, _LARGEST),
        row.words,
        None if row.s_l is None else round(row.s_l, 1),
        None if row.s_q is None else round(row.s_q, 1),
        row.language,
        printable(row.type),
        [value for n, target, words in row.sections for value in (n, target, -1 if words is None else words)],
    ]


def _by_column(
    rows: Mapping[int, Sequence[Any]], places: Mapping[int, tuple[int, int]], complete: Iterable[int] = ()
) -> dict[str, list[Any]]:
    """Columns compress better than rows. `block` and `at` say where the text stands, -1 where there is none."""
    names = (*_COLUMNS, "sections")
    columns: dict[str, list[Any]] = {name: [row[at] for row in rows.values()] for at, name in enumerate(names)}
    whole = set(complete)
    columns["block"] = [places.get(place, (-1, 0))[0] for place in rows]
    columns["at"] = [places.get(place, (-1, 0))[1] for place in rows]
    columns["whole"] = [int(place in whole) for place in rows]
    return columns


def _sized(row: list[Any]) -> tuple[list[Any], int]:
    return row, len(_encoded(row))


# --- readings


def _opening(reading: Reading) -> Reading:
    """The beginnings of all that is long."""
    passages = tuple(
        Passage(
            passage.n,
            _cut(passage.main_point, _OPENING_POINT),
            passage.target,
            passage.words,
            _cut(passage.text, _OPENING_TEXT),
            _cut(passage.note, _DETAIL),
        )
        for passage in reading.passages[:_OPENING_PASSAGES]
    )
    return Reading(_cut(reading.prompt, _OPENING_PROMPT), passages)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "…"


def _readable(reading: Reading) -> list[Any]:
    return [
        printable(reading.prompt),
        [
            [
                passage.n,
                printable(passage.main_point),
                passage.target,
                passage.words,
                printable(passage.text),
                printable(passage.note),
            ]
            for passage in reading.passages
        ],
    ]


def _text(reading: Reading, *, whole: bool) -> tuple[_Text, int]:
    text = _Text(zlib.compress(_encoded(_readable(reading)), _QUICK), whole)
    return text, text.page_bytes


def _blocks(texts: Mapping[int, _Text]) -> tuple[list[str], dict[int, tuple[int, int]]]:
    """Readings in blocks, compressed together, and where each of them stands: which block, and its place in there."""
    blocks: list[str] = []
    places: dict[int, tuple[int, int]] = {}
    pending: list[bytes] = []
    for place in sorted(texts):
        data = zlib.decompress(texts[place].data)
        if pending and sum(map(len, pending)) + len(data) > _BLOCK_BYTES:
            blocks.append(_base64(b"[" + b",".join(pending) + b"]"))
            pending = []
        places[place] = len(blocks), len(pending)
        pending.append(data)
    if pending:
        blocks.append(_base64(b"[" + b",".join(pending) + b"]"))
    return blocks, places


def _encoded(value: Any) -> bytes:
    return orjson.dumps(value)


def _base64(data: bytes) -> str:
    return b64encode(zlib.compress(data, _WELL)).decode()
