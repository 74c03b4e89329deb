"""What failed and still stands, by kind, and what a user can do about each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from longwriter_cli.records import Failure, FailureKind

# Whether the next command tries again what failed. Says so of one standing failure of an instruction.
ComesBack = Callable[[Failure], bool]

_OTHER_MODEL = "or take another model: -m NAME --new-settings"
WHAT_TO_DO: dict[FailureKind, str] = {
    "bad_row": "Mend the row and give the instruction file again.",
    "bad_plan": "Take another --plan-model with --new-settings, or put a plan of your own into plans.jsonl.",
    "context_length": "Shorten the plan in plans.jsonl, let each call see less with --history-words N, "
    + _OTHER_MODEL
    + ".",
    "content_filter": f"The endpoint's filter cut the text: word the prompt otherwise, {_OTHER_MODEL}.",
    "refusal": f"The model will not write it: word the prompt otherwise, {_OTHER_MODEL}.",
    "truncated": "Give answers more room (--max-tokens N --new-settings), or make the steps in plans.jsonl smaller.",
    "empty": f"The model answers with nothing: look at the instruction, {_OTHER_MODEL}.",
    "bad_request": "The endpoint refuses the call; its message says what to change.",
    "retries_exhausted": "The endpoint kept failing: give the command again when it is well.",
}


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """The standing failures of one kind. `n` counts instructions, or rows of the source for `bad_row`.

    The next command tries `comes_back` of them again by itself; the others wait for `--retry-failed` or for a change
    of prompt, plan or settings. `example` is the first one.
    """

    kind: FailureKind
    n: int
    comes_back: int
    example: Failure

    @property
    def what_to_do(self) -> str:
        return WHAT_TO_DO[self.kind]


def group_failures(standing: Iterable[Failure], comes_back: ComesBack) -> tuple[FailureGroup, ...]:
    """Groups by kind, the most frequent first. An instruction comes back if each of its failures does."""
    failures = list(standing)
    stuck = {failure.id for failure in failures if failure.id is not None and not comes_back(failure)}
    ids: dict[FailureKind, set[object]] = {}
    examples: dict[FailureKind, Failure] = {}
    for failure in failures:
        key = failure.id if failure.id is not None else (failure.file, failure.line)
        ids.setdefault(failure.kind, set()).add(key)
        examples.setdefault(failure.kind, failure)
    groups = (
        FailureGroup(kind, len(keys), 0 if kind == "bad_row" else len(keys - stuck), examples[kind])
        for kind, keys in ids.items()
    )
    return tuple(sorted(groups, key=lambda group: (-group.n, group.kind)))
