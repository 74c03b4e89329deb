"""S_l of texts by models that write more or less than they are asked, with and without `--length-control carry`.

The whole program against the scripted model of the tests, which writes `bias` words for each one asked, along plans of
about 400 words a section. Lengths are spread as those of long texts in LongBench-Write: 1,000 to 10,000 words, so plans
of 2 to 25 sections. A text of one section has nothing to carry to; it is left out.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

from fake_server import FakeServer
from programs import build, spend
from table import Row

_BIASES = (0.5, 0.7, 1.0, 1.4)
_LENGTHS = (1000, 1500, 2000, 3000, 4000, 6000, 8000, 10_000)
_TARGET = 95.0


def rows(*, short: bool) -> list[Row]:
    lengths = _LENGTHS[:5] if short else _LENGTHS * 2
    measured = []
    for bias in _BIASES:
        plain, carried = (_score(bias, lengths, control) for control in ("none", "carry"))
        what = f"S_l, {bias:g} words for each one asked"
        # Half of what is asked, in a plan of two sections, leaves more than the last one may be asked for.
        target = _TARGET if bias >= 0.7 else None
        measured.append(
            Row(what, f"{carried:.1f} with carry", f"{plain:.1f} without", carried, target, at_least=True, exact=True)
        )
    return measured


def _score(bias: float, lengths: tuple[int, ...], control: str) -> float:
    """The mean over the texts, in [0, 100]."""
    with tempfile.TemporaryDirectory() as name, FakeServer(bias=bias) as server:
        folder = Path(name)
        source = folder / "in.jsonl"
        prompts = [f"Write a story of {words} words on river number {n}." for n, words in enumerate(lengths)]
        source.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts))
        more = ("--length-control", control, "--metadata")
        spend(build(source, folder / "run", server.base_url, 16, *more))
        records = map(json.loads, (folder / "run" / "dataset.jsonl").read_text().splitlines())
        scores = [record["length_score"] for record in records]
    assert len(scores) == len(lengths)
    return statistics.mean(scores)
