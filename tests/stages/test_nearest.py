from __future__ import annotations

from collections.abc import Iterable

import pytest
from scripted import USAGE, ScriptedChat, answer

from longwriter_cli.engine.stop import Halted
from longwriter_cli.errors import BudgetReached, InstructionFailed
from longwriter_cli.llm.base import Completion, Request
from longwriter_cli.records import Usage
from longwriter_cli.stages.ask import Unusable
from longwriter_cli.stages.nearest import OffTarget, ask_nearest

REQUEST = Request("section", "a", "m", "Say 100.")


def accept(completion: Completion, request: Request) -> int:
    """Takes 100; other numbers are off target, and words are unusable."""
    if not completion.text.isdecimal():
        raise Unusable("empty", "no number")
    number = int(completion.text)
    if number != 100:
        raise OffTarget(f"{number}", request, number, abs(number - 100))
    return number


async def ask(answers: Iterable[str | Completion | Exception]) -> tuple[int, Completion, int]:
    chat = ScriptedChat(answers)
    value, completion = await ask_nearest(chat, REQUEST, accept)
    return value, completion, len(chat.requests)


@pytest.mark.parametrize(
    ("answers", "value", "calls"),
    [
        (["100"], 100, 1),
        (["90", "100"], 100, 2),
        (["90", "50", "100"], 90, 2),
        (["50", "90", "100"], 90, 2),
        (["no", "90", "100"], 100, 3),
        (["no", "no", "90"], 90, 3),
        (["90", "no", "100"], 90, 2),
    ],
)
async def test_an_answer_off_target_is_asked_again_once_and_the_nearer_one_is_taken(
    answers: list[str], value: int, calls: int
) -> None:
    taken, completion, asked = await ask(answers)
    assert (taken, asked) == (value, calls)
    assert completion.text == str(value), "the completion is the one that was taken"
    assert completion.attempts == calls
    assert completion.usage == sum([USAGE] * calls, Usage()), "every answer is counted"


@pytest.mark.parametrize(
    ("error", "usage"),
    [
        (InstructionFailed("retries_exhausted", "gone", usage=USAGE, attempts=6), USAGE + USAGE),
        (BudgetReached("no more"), USAGE),
        (Halted(), USAGE),
    ],
)
async def test_an_answer_that_can_be_used_is_kept_where_the_second_call_fails(error: Exception, usage: Usage) -> None:
    value, completion, _ = await ask(["90", error])
    assert value == 90
    assert completion.usage == usage


async def test_where_nothing_can_be_used_it_fails_as_before() -> None:
    with pytest.raises(InstructionFailed) as caught:
        await ask(["no", "no", answer("no")])
    assert (caught.value.kind, caught.value.attempts) == ("empty", 3)
    with pytest.raises(BudgetReached):
        await ask(["no", BudgetReached("no more")])
