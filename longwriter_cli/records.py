"""What flows through the program: instruction -> plan -> sections -> record.

Frozen, so that a value handed on cannot change behind the back of who handed it. A field's name is its key in the
run's files; lengths are in words as `text.words.count_words` counts them, unless the name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Language = Literal["en", "zh"]

RequirementKind = Literal["about", "at_least", "at_most", "range"]

FailureKind = Literal[
    "bad_row",
    "bad_plan",
    "context_length",
    "content_filter",
    "refusal",
    "truncated",
    "empty",
    "bad_request",
    "retries_exhausted",
]


@dataclass(frozen=True, slots=True)
class Requirement:
    """The length an instruction asks for, in words.

    `words` is the number to score against. `low` and `high` bound what satisfies the instruction: `at_least` has
    no `high`, `at_most` no `low`, `about` neither, `range` both.
    """

    words: int
    kind: RequirementKind = "about"
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a plan. `n` counts from 1; `words` is the target of its section."""

    n: int
    main_point: str
    words: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more calls. `cached_tokens` is the part of `prompt_tokens` read from a prefix cache.

    `estimated` is true where an endpoint reported nothing and the numbers are UTF-8 bytes / 4. `batch_…` are the parts
    of the two that came by the Batch API: they cost half, whatever is cached, and none of them counts as cached.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False
    batch_prompt_tokens: int = 0
    batch_completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.completion_tokens + other.completion_tokens,
            self.estimated or other.estimated,
            self.batch_prompt_tokens + other.batch_prompt_tokens,
            self.batch_completion_tokens + other.batch_completion_tokens,
        )

    def by_batch(self) -> Usage:
        """The same, all of it by the Batch API."""
        return Usage(
            self.prompt_tokens, 0, self.completion_tokens, self.estimated, self.prompt_tokens, self.completion_tokens
        )

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Instruction:
    """A writing instruction. `row` is its place in the source from 0, after duplicates are removed.

    `plan` holds the steps that the source brought along; such an instruction needs no planning call. `read_from` says
    where in its source it stands, for messages; the files of a run do not hold it.
    """

    id: str
    row: int
    prompt: str
    required_words: Requirement | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    plan: tuple[Step, ...] | None = None
    read_from: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat; `role` is `system`, `user`, `assistant`, or what else a template knows."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Plan:
    """An outline. `text` is the model's answer; `steps` is what counts, and may have been edited by hand.

    `flag` says why a plan was taken although it is not what was asked for ("total 900 words, 3000 required").
    """

    id: str
    steps: tuple[Step, ...]
    text: str = ""
    model: str = ""
    usage: Usage = Usage()
    attempts: int = 0
    at: str = ""
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One written paragraph. `plan` is the digest of the plan it belongs to; `raw` only where cleaning changed it."""

    id: str
    n: int
    plan: str
    words: int
    target_words: int
    finish_reason: str
    model: str
    usage: Usage
    attempts: int
    at: str
    text: str
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """What a model said of a prompt: whether it needs a long text, and of how many words. Key: `id`.

    `min_words` is the limit that it was asked with, 0 where that is not known.
    """

    stage: ClassVar = "select"

    id: str
    keep: bool
    reason: str
    model: str = ""
    usage: Usage = Usage()
    attempts: int = 0
    at: str = ""
    words: int | None = None
    min_words: int = 0

    def key(self) -> tuple[str, ...]:
        return (self.id,)


@dataclass(frozen=True, slots=True)
class Prediction:
    """A text written to be scored. `sample` counts from 0, `response_length` is in words. Key: `(id, sample)`."""

    stage: ClassVar = "predict"

    id: str
    sample: int
    response_length: int
    finish_reason: str = ""
    model: str = ""
    usage: Usage = Usage()
    attempts: int = 0
    at: str = ""
    response: str = ""

    def key(self) -> tuple[str, int]:
        return (self.id, self.sample)


PART_SAMPLES = 1000
"""From here on a sample's number stands for a part of the first text: no text is sampled that often."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge model gave a text: a score, 1 to 5, for each dimension. Key: `(id, sample, judge, n, of)`.

    `n` counts the judgements that one judge gives one text, from 1. `of` is the digest of the text, its prompt, and how
    the judge was asked: a text that is written anew has no judgements yet.
    """

    stage: ClassVar = "judge"

    id: str
    n: int
    sample: int
    judge: str
    scores: Mapping[str, int]
    model: str = ""
    usage: Usage = Usage()
    attempts: int = 0
    at: str = ""
    of: str = ""

    def key(self) -> tuple[str, int, str, int, str]:
        return (self.id, self.sample, self.judge, self.n, self.of)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Which of two texts a judge model preferred. Key: `(id, order, judge, of)`.

    `order` is 0 where this run's text stood first, 1 where it stood second; `of` is the digest of both texts, their
    prompt, and how the judge was asked.
    """

    stage: ClassVar = "compare"

    id: str
    order: int
    judge: str
    better: Literal["first", "second", "tie"]
    model: str = ""
    usage: Usage = Usage()
    attempts: int = 0
    at: str = ""
    of: str = ""

    def key(self) -> tuple[str, int, str, str]:
        return (self.id, self.order, self.judge, self.of)


Answer = Selection | Prediction | Judgement | Comparison
"""A row that one question to a model gives, beside plans and sections."""

ANSWER_STAGES = frozenset({Selection.stage, Prediction.stage, Judgement.stage, Comparison.stage})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an instruction, or a row of the source, gave no record. Key: `(id, stage, n)`.

    `n` is the step of a section, counted from 1; of a prediction or judgement it is the sample, of a comparison the
    order, counted from 1 too.

    `basis` is the digest of what the attempt stood on (prompt, plan, settings): a failure whose basis has changed
    is tried again. A bad row of the source has `file` and `line`; `mended` says that it has been put right since.
    """

    id: str | None
    stage: str
    n: int | None
    kind: FailureKind
    message: str
    model: str = ""
    usage: Usage = Usage()
    attempts: int = 0
    at: str = ""
    basis: str = ""
    file: str | None = None
    line: int | None = None
    mended: bool = False


@dataclass(frozen=True, slots=True)
class LoggedPrompt:
    """What a user first asked in a logged chat, and what the log says of it.

    `prompt` is empty where the row holds no text of a user; `problem` then says why. `source` and `line` say where the
    row stands. `language` is the log's own word for it ("English"). `toxic` and `redacted` name
    the marks that the log carries, empty without.
    """

    id: str
    prompt: str
    source: str
    line: int
    required_words: Requirement | None = None
    language: str = ""
    toxic: str = ""
    redacted: str = ""
    problem: str = ""
