"""A model behind limits: what is waited for, what is reserved, and what is left when a call ends in any way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import clock
import pytest
from fake_server import FakeServer
from scripted import USAGE, ScriptedChat, answer

from longwriter_cli.engine.budget import Amount, Budget
from longwriter_cli.engine.gate import CUT, Gate
from longwriter_cli.engine.limits import Allowance, Line, TokenBucket
from longwriter_cli.engine.stop import Halted, Stop
from longwriter_cli.errors import BudgetReached, InstructionFailed
from longwriter_cli.llm.base import Completion, Request
from longwriter_cli.llm.faults import CallFailed
from longwriter_cli.llm.openai import OpenAIChat
from longwriter_cli.llm.rates import RateLimits, Remaining
from longwriter_cli.llm.retry import Retrying, Tally
from longwriter_cli.records import Usage
from longwriter_cli.stages.limited import Limited

PROMPT = "x" * 400  # 100 tokens, as USAGE has it
SECTION = Request("section", "id", "m", PROMPT, target_words=100)  # 100 + 150 tokens expected
EXPECTED = 250


def go_on() -> None:
    """No stop is asked for."""


def limited(inner: Any, **options: Any) -> Limited:
    """With a clock and a sleep of the running loop, which may be one whose time jumps."""
    defaults: dict[str, Any] = {
        "gate": Gate(8, clock=clock.now_s),
        "budget": Budget(),
        "check": go_on,
        "left": word(),
        "clock": clock.now_s,
    }
    return Limited(inner, **(defaults | options))


def rates(rpm: float | None = None, tpm: float | None = None, **options: Any) -> Line[TokenBucket]:
    buckets = (TokenBucket(rate, clock=clock.now_s) if rate is not None else None for rate in (rpm, tpm))
    return Line(*buckets, **options)


def word(**options: Any) -> Line[Allowance]:
    """What an endpoint says is left; nothing yet."""
    return Line(Allowance(clock=clock.now_s), Allowance(clock=clock.now_s), **options)


def told(requests: Remaining | None = None, tokens: Remaining | None = None) -> Completion:
    """An answer that names limits."""
    return Completion("text", "stop", "m", USAGE, limits=RateLimits(requests, tokens))


class SlowChat(ScriptedChat):
    """Takes a second for each answer, or as long as told, and notes when it was asked."""

    def __init__(self, answers: Any, seconds: float = 1.0) -> None:
        super().__init__(answers)
        self.seconds = seconds
        self.asked_at: list[float] = []

    async def complete(self, request: Request) -> Completion:
        self.asked_at.append(clock.now_s())
        await asyncio.sleep(self.seconds)
        return await super().complete(request)


def jumping(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Runs a test on a loop whose time jumps."""

    def run() -> None:
        clock.run(test())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


# --- rates


@jumping
async def test_requests_go_out_at_the_rate_and_in_the_order_they_came() -> None:
    chat = SlowChat(lambda request: request.affinity, seconds=0.0)
    model = limited(chat, rates=rates(rpm=60))
    await asyncio.gather(*(model.complete(Request("section", str(n), "m", PROMPT)) for n in range(4)))
    assert [request.affinity for request in chat.requests] == ["0", "1", "2", "3"]
    assert chat.asked_at == pytest.approx([0.0, 1.0, 2.0, 3.0])


@jumping
async def test_tokens_are_taken_as_expected_and_what_was_not_used_comes_back() -> None:
    chat = SlowChat(["a", "b"], seconds=0.0)
    model = limited(chat, rates=rates(tpm=600))  # ten a second
    await model.complete(SECTION)
    await model.complete(SECTION)  # the first one left a debt of 240, of which 130 came back
    assert chat.asked_at == pytest.approx([0.0, (USAGE.total_tokens) / 10])


@jumping
async def test_what_was_used_beyond_the_expectation_is_waited_for() -> None:
    big = Completion("text", "stop", "m", Usage(100, 0, 900))
    chat = SlowChat([big, "b"], seconds=0.0)
    model = limited(chat, rates=rates(tpm=600))
    await model.complete(SECTION)
    await model.complete(SECTION)
    assert chat.asked_at == pytest.approx([0.0, 100.0])


@pytest.mark.parametrize(
    "error", [CallFailed("HTTP 500"), InstructionFailed("bad_request", "no"), InstructionFailed("content_filter", "no")]
)
def test_a_call_that_brought_nothing_gives_all_its_tokens_back(error: Exception) -> None:
    async def test() -> None:
        chat = SlowChat([error, "b"], seconds=0.0)
        model = limited(chat, rates=rates(tpm=600))
        with pytest.raises(type(error)):
            await model.complete(SECTION)
        await model.complete(SECTION)
        assert chat.asked_at == pytest.approx([0.0, 0.0])

    clock.run(test())


# --- what the endpoint says


@jumping
async def test_nothing_goes_out_that_the_endpoint_says_it_has_no_room_for() -> None:
    chat = SlowChat([told(Remaining(0, 30.0)), "b"], seconds=0.0)
    model = limited(chat)
    await model.complete(SECTION)
    await model.complete(SECTION)
    assert chat.asked_at == pytest.approx([0.0, 30.0])


@jumping
async def test_tokens_left_hold_a_large_call_back_and_let_a_small_one_through() -> None:
    chat = SlowChat([told(tokens=Remaining(EXPECTED, 30.0)), "b", "c"], seconds=0.0)
    model = limited(chat)
    for _ in range(3):
        await model.complete(SECTION)
    assert chat.asked_at == pytest.approx([0.0, 0.0, 30.0])


@jumping
async def test_a_429_tells_of_limits_too() -> None:
    error = CallFailed("HTTP 429", retry_after_s=5.0, throttled=True)
    error.limits = RateLimits(requests=Remaining(0, 20.0))
    chat = SlowChat([error, "b"], seconds=0.0)
    model = limited(chat)
    with pytest.raises(CallFailed):
        await model.complete(SECTION)
    await model.complete(SECTION)
    assert chat.asked_at == pytest.approx([0.0, 20.0])


@jumping
async def test_the_endpoints_word_is_as_old_as_the_call() -> None:
    chat = SlowChat([told(Remaining(0, 30.0)), "b"], seconds=20.0)  # told 20 s after it was so
    model = limited(chat)
    await model.complete(SECTION)
    await model.complete(SECTION)
    assert chat.asked_at == pytest.approx([0.0, 30.0])


@jumping
async def test_calls_sent_after_the_word_was_given_are_taken_off_it() -> None:
    async def send(seconds: float) -> None:
        chat.seconds = seconds
        await model.complete(SECTION)

    chat = SlowChat([told(Remaining(2, 30.0)), "b", "c", "d"])
    model = limited(chat)
    first, second, third = (asyncio.create_task(send(seconds)) for seconds in (1.0, 5.0, 5.0))
    await first  # two may go out beside this one, and are under way
    await send(0.0)
    assert chat.asked_at == pytest.approx([0.0, 0.0, 0.0, 30.0])
    await asyncio.gather(second, third)


@jumping
async def test_an_older_word_that_comes_later_is_not_taken() -> None:
    async def send(seconds: float) -> None:
        chat.seconds = seconds
        await model.complete(SECTION)

    chat = SlowChat([told(Remaining(50, 30.0)), told(Remaining(0, 30.0)), "c"])
    model = limited(chat)
    await asyncio.gather(send(5.0), send(1.0))  # the second, answered first, has 50 left
    await send(0.0)
    assert chat.asked_at == pytest.approx([0.0, 0.0, 5.0])


# --- concurrency


def throttled() -> CallFailed:
    return CallFailed("HTTP 429", throttled=True)


async def fail(model: Limited) -> None:
    with pytest.raises(CallFailed):
        await model.complete(SECTION)


@jumping
async def test_a_burst_of_429s_cuts_the_gate_once() -> None:
    model = limited(SlowChat([throttled() for _ in range(8)]))
    await asyncio.gather(*(fail(model) for _ in range(8)))
    assert model.gate.limit == pytest.approx(8 * CUT)


@jumping
async def test_a_failure_of_the_server_leaves_the_gate_as_it_is() -> None:
    model = limited(SlowChat([CallFailed("HTTP 500") for _ in range(8)]))
    await asyncio.gather(*(fail(model) for _ in range(8)))
    assert model.gate.limit == 8
    assert model.gate.in_use == 0


@pytest.mark.parametrize("held_by", ["gate", "rates", "left", "budget"])
async def test_waiting_here_is_not_the_models_time(held_by: str) -> None:
    held: dict[str, Any] = {
        "gate": lambda: Gate(1),
        "rates": lambda: Line(TokenBucket(120)),  # two a second
        "left": lambda: Line(_refilled_evenly(), Allowance()),
        "budget": lambda: Budget(max_tokens=660),  # two at once
    }
    with FakeServer(latency_s=0.3, answer=lambda asked: "Text.") as server:
        chat = OpenAIChat(server.base_url, "none", timeout_s=0.5, connections=8)
        model = Limited(chat, **({"gate": Gate(8), "budget": Budget(), "check": go_on} | {held_by: held[held_by]()}))
        began = time.monotonic()
        await asyncio.gather(*(model.complete(SECTION) for _ in range(5)))
        assert time.monotonic() - began > 0.5
        assert server.stats.abandoned == 0
        await chat.close()


def _refilled_evenly() -> Allowance:
    """A limit of the endpoint's that is used up, and refilled four times a second."""
    allowance = Allowance()
    allowance.say(0, 60.0, limit=240, per_s=4.0)
    return allowance


@jumping
async def test_calls_that_waited_for_a_slot_do_not_go_out_in_a_burst() -> None:
    """A slot is there before the rate is spent: else what was spent while waiting would go out all at once."""
    chat = SlowChat(lambda request: "text", seconds=30.0)
    gate = Gate(16, clock=clock.now_s)
    gate.limit = 2.0
    model = limited(chat, gate=gate, rates=rates(rpm=30))

    async def open_up() -> None:
        await asyncio.sleep(60)
        gate.limit = 16.0

    await asyncio.gather(open_up(), *(model.complete(SECTION) for _ in range(40)))
    minutes = (sum(first <= at < first + 59.9 for at in chat.asked_at) for first in chat.asked_at)
    assert max(minutes) <= 31


@jumping
async def test_endpoints_share_rates_and_budget_and_nothing_else() -> None:
    """One says that nothing is left and that there are too many: the other one goes on."""
    budget, shared = Budget(), rates(rpm=600)
    told_off = CallFailed("HTTP 429", throttled=True)
    told_off.limits = RateLimits(requests=Remaining(0, 100.0))
    one, other = SlowChat([told_off, "a"]), SlowChat(lambda request: "text")
    models = [limited(chat, budget=budget, rates=shared) for chat in (one, other)]
    await fail(models[0])
    await asyncio.gather(models[0].complete(SECTION), *(models[1].complete(SECTION) for _ in range(8)))
    assert one.asked_at == pytest.approx([0.0, 100.0])
    assert other.asked_at[-1] < 3
    assert (models[0].gate.limit, models[1].gate.limit) == (pytest.approx(8 * CUT), 8)
    assert budget.spent.tokens == 9 * USAGE.total_tokens


# --- budget


@jumping
async def test_a_call_the_budget_has_no_room_for_is_not_made() -> None:
    chat = ScriptedChat([])
    model = limited(chat, budget=Budget(max_tokens=EXPECTED - 1))
    with pytest.raises(BudgetReached):
        await model.complete(SECTION)
    assert chat.requests == []
    assert model.gate.in_use == 0


@jumping
async def test_what_is_in_flight_is_reserved() -> None:
    chat = SlowChat(["a", "b"])
    model = limited(chat, budget=Budget(max_tokens=2 * EXPECTED - 1))
    await asyncio.gather(model.complete(SECTION), model.complete(SECTION))
    assert chat.asked_at == [0.0, 1.0], "the first used 120 tokens of its 250, so there is room for the second then"


@pytest.mark.parametrize("error", [CallFailed("cut", usage=USAGE), InstructionFailed("empty", "no", usage=USAGE)])
def test_what_a_failed_call_used_is_spent(error: Exception) -> None:
    async def test() -> None:
        model = limited(ScriptedChat([error]))
        with pytest.raises(type(error)):
            await model.complete(SECTION)
        assert model.budget.spent.tokens == USAGE.total_tokens

    clock.run(test())


@jumping
async def test_an_answer_under_a_name_without_a_price_costs_what_the_model_asked_for_costs() -> None:
    def cost_usd(model: str, usage: Usage) -> float:
        return usage.total_tokens / 100 if model == "m" else 0.0

    model = limited(ScriptedChat([answer("text")]), cost_usd=cost_usd)
    await model.complete(SECTION)
    assert model.budget.spent == Amount(120, 1.2)


@jumping
async def test_a_call_given_up_leaves_nothing_reserved_and_no_slot_taken() -> None:
    model = limited(SlowChat(["b"], seconds=60.0), gate=Gate(1, clock=clock.now_s), budget=Budget(max_tokens=EXPECTED))
    sent, waiting = (asyncio.create_task(model.complete(SECTION)) for _ in range(2))
    await asyncio.sleep(1.0)
    for task in (waiting, sent):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert model.gate.in_use == 0
    assert model.budget.spent == Amount()
    await model.complete(SECTION)


# --- stops


@jumping
async def test_a_stop_is_asked_for_after_the_wait_for_a_slot() -> None:
    stop = Stop()
    chat = SlowChat(["a"])
    model = limited(chat, gate=Gate(1, clock=clock.now_s), check=stop.check)
    first, second = (asyncio.create_task(model.complete(SECTION)) for _ in range(2))
    await asyncio.sleep(0.5)
    stop.request(RuntimeError("told to"))
    await first
    with pytest.raises(Halted):
        await second
    assert len(chat.asked_at) == 1


@pytest.mark.parametrize("which", ["rates", "left"])
def test_a_stop_wakes_all_who_wait_for_a_rate(which: str) -> None:
    async def test() -> None:
        stop = Stop()
        line: Any = rates(rpm=1, sleep=stop.sleep) if which == "rates" else word(sleep=stop.sleep)
        if which == "rates":
            await line.take(100)
        else:
            line.requests.say(0, 60.0)
        chat = ScriptedChat([])
        model = limited(chat, check=stop.check, **{which: line})
        waiting = [asyncio.create_task(model.complete(SECTION)) for _ in range(3)]
        await asyncio.sleep(1.0)
        stop.request(RuntimeError("told to"))
        assert [type(end) for end in await asyncio.gather(*waiting, return_exceptions=True)] == [Halted] * 3
        assert clock.now_s() == pytest.approx(1.0)
        assert (chat.requests, model.gate.in_use, model.budget.spent) == ([], 0, Amount())

    clock.run(test())


@jumping
async def test_a_call_held_back_by_a_stop_or_the_budget_is_not_counted_as_made() -> None:
    stop, tally = Stop(), Tally()
    model = limited(ScriptedChat(["a"]), check=stop.check, budget=Budget(max_tokens=EXPECTED + 100))
    chat = Retrying(model, sleep=stop.sleep, tally=tally)
    await chat.complete(SECTION)
    with pytest.raises(BudgetReached):
        await chat.complete(SECTION)
    stop.request(RuntimeError("told to"))
    with pytest.raises(Halted):
        await chat.complete(SECTION)
    assert (tally.calls, tally.retries) == (1, 0)
