"""LongWrite-Ruler (LongWriter, arXiv 2408.07055, section 2): how long a text a model gives when asked for longer ones.

Eight prompts, four kinds of text in English and Chinese, each at every length: 48 for the published six lengths. The
prompts are our own, so figures are comparable with each other and not to the digit with published ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from longwriter_cli.evals.bootstrap import mean
from longwriter_cli.evals.longbench_write import ScoredText
from longwriter_cli.records import Instruction, Language, Requirement

LENGTHS = (1_000, 2_000, 5_000, 10_000, 20_000, 30_000)
GOOD_ENOUGH = 80.0
"""The mean S_l above which a length counts as reached."""

PLACE = "{words}"

_PROMPTS: Mapping[tuple[str, Language], str] = {
    ("novel", "en"): "Write a {words}-word novel about a clockmaker's apprentice who comes to a city where every clock "
    "shows another time.",
    ("novel", "zh"): "写一部{words}字的小说：一个钟表学徒来到一座城，城里每座钟走的都是不同的时间。",
    ("history", "en"): "Write a {words}-word history of the wheel, from the potters who first turned one to our day.",
    ("history", "zh"): "写一部{words}字的车轮史，从最早的制陶人讲到今天。",
    (
        "manual",
        "en",
    ): "Write a {words}-word manual on keeping bees for people who have never seen the inside of a hive.",
    ("manual", "zh"): "为从没见过蜂箱里面的人写一本{words}字的养蜂手册。",
    ("report", "en"): "Write a {words}-word report on how a coastal town can prepare itself for a rising sea.",
    ("report", "zh"): "写一份{words}字的报告，讲一座海边小城怎样为海平面上升做准备。",
}


def ruler_rows(lengths: Sequence[int], languages: Iterable[Language] = ("en", "zh")) -> tuple[Instruction, ...]:
    """The prompts at all lengths, the shorter ones first; the kind of text stands in `meta` as the type."""
    wanted = [((kind, language), prompt) for (kind, language), prompt in _PROMPTS.items() if language in set(languages)]
    rows = [
        (f"{kind}-{language}-{words}", prompt.replace(PLACE, str(words)), words, kind)
        for words in lengths
        for (kind, language), prompt in wanted
    ]
    return tuple(
        Instruction(name, place, prompt, Requirement(words), {"type": kind})
        for place, (name, prompt, words, kind) in enumerate(rows)
    )


def at_lengths(prompts: Iterable[Instruction], lengths: Sequence[int]) -> tuple[Instruction, ...]:
    """A user's prompts: one that holds `{words}` at all lengths, any other as it stands, with the length it states."""
    rows: list[Instruction] = []
    for own in prompts:
        for words in lengths if PLACE in own.prompt else (None,):
            if words is None:
                rows.append(Instruction(own.id, len(rows), own.prompt, own.required_words, own.meta))
            else:
                prompt = own.prompt.replace(PLACE, str(words))
                rows.append(Instruction(f"{own.id}-{words}", len(rows), prompt, Requirement(words), own.meta))
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class Notch:
    """What came of asking for `required` words: of `n` prompts, `written` gave a text. Lengths in words."""

    required: int
    n: int
    written: int
    mean_length: float | None
    longest: int | None
    s_l: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """`longest` is the longest text of all. Up to `reached` words the mean S_l stays above 80; 0: at no length."""

    notches: tuple[Notch, ...]
    longest: int
    longest_id: str
    reached: int


def measured(texts: Sequence[ScoredText]) -> Measured:
    by_length: dict[int, list[ScoredText]] = {}
    for text in sorted(texts, key=lambda text: text.required):
        by_length.setdefault(text.required, []).append(text)
    notches = tuple(_notch(required, rows) for required, rows in by_length.items())
    reached = 0
    for notch in notches:
        if notch.s_l is None or notch.s_l <= GOOD_ENOUGH:
            break
        reached = notch.required
    longest = max(texts, key=lambda text: text.length or 0, default=None)
    return Measured(
        notches, (longest.length or 0) if longest else 0, longest.id if longest and longest.length else "", reached
    )


def _notch(required: int, rows: Sequence[ScoredText]) -> Notch:
    lengths = [row.length for row in rows if row.length is not None]
    mean_length, s_l = mean(lengths), mean([row.s_l for row in rows if row.s_l is not None])
    return Notch(
        required=required,
        n=len(rows),
        written=len(lengths),
        mean_length=None if mean_length is None else round(mean_length, 1),
        longest=max(lengths, default=None),
        s_l=None if s_l is None else round(s_l, 2),
    )
