"""Which prompts of a chat log are fit to ask for a long text: keep, or drop with a reason.

Each rule is one question, answered from the prompt and what the log says of it, without a model. `RULES` is the one
table of them, in the order in which they are asked: the reason that tells most first, and what is remembered as the
first of its like has passed all others. To sift a log:

    sifter = Sifter(Rules(min_words=4000))
    kept = sifter.judge(prompt)   # a Drop, or an Instruction with its language
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from longwriter_cli.records import Instruction, LoggedPrompt
from longwriter_cli.text.filters import Drop
from longwriter_cli.text.selecting.dumps import data_demand
from longwriter_cli.text.selecting.language import prompt_language
from longwriter_cli.text.selecting.repeats import Repeats
from longwriter_cli.text.words import count_words

__all__ = ["DROP_BY_MODEL", "REASONS", "RULES", "Drop", "Rule", "Rules", "Sifter"]

DROP_BY_MODEL = "model"
"""The reason for what a model was asked of and would not keep."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the rules compare with.

    `languages` holds ISO 639-1 codes, empty for all. Limits of the prompt are in words, both included; so is
    `min_words`, the least length that a prompt may state for its answer. `unstated` says what becomes of prompts that
    state none. `max_similarity` of 1 leaves near-duplicates in.
    """

    languages: frozenset[str] = frozenset({"en", "zh"})
    min_prompt_words: int = 3
    max_prompt_words: int = 3000
    min_words: int = 2000
    unstated: Literal["keep", "drop"] = "drop"
    keep_toxic: bool = False
    keep_redacted: bool = False
    keep_dumps: bool = False
    max_similarity: float = 0.8


class Facts:
    """What rules ask of a prompt, each found out once and only when it is asked for."""

    def __init__(self, logged: LoggedPrompt) -> None:
        self.logged = logged

    @cached_property
    def words(self) -> int:
        return count_words(self.logged.prompt)

    @cached_property
    def language(self) -> str:
        return prompt_language(self.logged.prompt, self.logged.language)


Judge = Callable[[Facts], str | None]
"""Why the prompt is dropped, for a reader; None to keep it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table. `name` is the reason in rejects.jsonl, `drops` says which rows.

    `make` gives None where the rule is off.
    """

    name: str
    drops: str
    make: Callable[[Rules], Judge | None]


def _no_prompt(_: Rules) -> Judge:
    return lambda facts: facts.logged.problem or None


def _toxic(rules: Rules) -> Judge | None:
    return None if rules.keep_toxic else lambda facts: facts.logged.toxic or None


def _redacted(rules: Rules) -> Judge | None:
    return None if rules.keep_redacted else lambda facts: facts.logged.redacted or None


def _prompt_too_short(rules: Rules) -> Judge:
    least = rules.min_prompt_words
    return lambda facts: f"{facts.words} words, at least {least:,} wanted" if facts.words < least else None


def _prompt_too_long(rules: Rules) -> Judge:
    most = rules.max_prompt_words
    return lambda facts: f"{facts.words:,} words, at most {most:,} wanted" if facts.words > most else None


def _language(rules: Rules) -> Judge | None:
    if not rules.languages:
        return None
    wanted = " or ".join(sorted(rules.languages))
    return lambda facts: f"{facts.language}, not {wanted}" if facts.language not in rules.languages else None


def _too_short(rules: Rules) -> Judge:
    def judge(facts: Facts) -> str | None:
        asked = facts.logged.required_words.words if facts.logged.required_words is not None else rules.min_words
        return f"asks for {asked:,} words, at least {rules.min_words:,} wanted" if asked < rules.min_words else None

    return judge


def _no_length(rules: Rules) -> Judge | None:
    if rules.unstated == "keep":
        return None
    return lambda facts: "states no length" if facts.logged.required_words is None else None


def _data_dump(rules: Rules) -> Judge | None:
    return None if rules.keep_dumps else lambda facts: data_demand(facts.logged.prompt)


# The rules that remember are made for one pass over a log, and share what they remember.
RULES = (
    Rule("no_prompt", "hold no text of a user", _no_prompt),
    Rule("toxic", "marked as toxic by the log", _toxic),
    Rule("redacted", "marked as redacted by the log", _redacted),
    Rule("prompt_too_short", "of fewer words", _prompt_too_short),
    Rule("prompt_too_long", "of more words", _prompt_too_long),
    Rule("language", "in other languages", _language),
    Rule("data_dump", "only ask to scrape or dump data", _data_dump),
    Rule("too_short", "ask for fewer words", _too_short),
    Rule("no_length", "state no length", _no_length),
)
_REPEATS = (
    ("duplicate", "equal to an earlier prompt that was kept"),
    ("near_duplicate", "much like an earlier prompt that was kept"),
)
REASONS = (
    *((rule.name, rule.drops) for rule in RULES),
    *_REPEATS,
    (DROP_BY_MODEL, "need fewer words, says the model"),
)
"""All reasons, in the order in which they are looked at, each with what it drops."""


class Sifter:
    """The rules of one pass over a log.

    Raises:
        ValueError: `max_similarity` is not above 0 and at most 1.
    """

    def __init__(self, rules: Rules) -> None:
        if not 0 < rules.max_similarity <= 1:
            raise ValueError("a similarity is above 0 and at most 1")
        self._judges = [(rule.name, judge) for rule in RULES if (judge := rule.make(rules)) is not None]
        self._repeats = Repeats(rules.max_similarity)

    def judge(self, logged: LoggedPrompt) -> Instruction | Drop:
        """The instruction in the row, or the first reason to drop it. Rows are to be given in their order, each once.

        The instruction's `meta` holds its language and where it stands in the logs; its `row` is left 0.
        """
        facts = Facts(logged)
        for name, judge in self._judges:
            if (detail := judge(facts)) is not None:
                return Drop(name, detail)
        if self._repeats.equal(logged.prompt):
            return Drop("duplicate", "an earlier prompt, word for word")
        if found := self._repeats.like(logged.id, logged.prompt):
            return Drop("near_duplicate", f"{found[1]:.0%} like {found[0]}")
        meta = {"language": facts.language, "source": logged.source, "line": logged.line}
        where = f"{logged.source} line {logged.line}"
        return Instruction(logged.id, 0, logged.prompt, facts.logged.required_words, meta, read_from=where)
