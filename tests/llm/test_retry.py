"""Trying again, with a clock that jumps: no test here waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import clock as jumping
import pytest
from fake_server import FakeServer
from scripted import ScriptedChat, answer

from longwriter_cli.engine.stop import Halted, Stop
from longwriter_cli.errors import EndpointDown, EndpointRefused, InstructionFailed, Stopped
from longwriter_cli.llm.base import Completion, Request
from longwriter_cli.llm.faults import CallFailed
from longwriter_cli.llm.openai import OpenAIChat
from longwriter_cli.llm.retry import FIRST_WAIT_S, LONGEST_WAIT_S, Retrying
from longwriter_cli.records import Usage

REQUEST = Request("section", "id", "m", "Write.")


class Time:
    """A clock that the sleeps move on; it remembers how long they were."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def failure(
    retry_after_s: float | None = None, *, costs_attempt: bool = True, usage: Usage | None = None
) -> CallFailed:
    return CallFailed("HTTP 500: no", retry_after_s=retry_after_s, costs_attempt=costs_attempt, usage=usage)


def put_off(wait_s: float) -> CallFailed:
    return failure(wait_s, costs_attempt=False)


def retrying(
    answers: Iterable[str | Completion | Exception],
    time: Time | None = None,
    *,
    max_attempts: int = 6,
    give_up_after_s: float = 900.0,
    jitter: float = 0.0,
) -> Retrying:
    time = time or Time()
    return Retrying(
        ScriptedChat(answers),
        max_attempts=max_attempts,
        give_up_after_s=give_up_after_s,
        sleep=time.sleep,
        clock=time.clock,
        jitter=lambda: jitter,
    )


async def test_an_answer_at_the_first_try_waits_for_nothing() -> None:
    time = Time()
    chat = retrying(["text"], time)
    completion = await chat.complete(REQUEST)
    assert (completion.text, completion.attempts, time.waits) == ("text", 1, [])
    assert (chat.tally.calls, chat.tally.retries) == (1, 0)


async def test_the_waits_double_up_to_a_limit() -> None:
    time = Time()
    with pytest.raises(InstructionFailed):
        await retrying([failure()] * 10, time, max_attempts=10, jitter=1.0).complete(REQUEST)
    assert time.waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert (FIRST_WAIT_S, LONGEST_WAIT_S) == (1.0, 60.0)


async def test_the_waits_are_spread_so_that_calls_do_not_come_back_at_once() -> None:
    spread = []
    for jitter in (0.0, 0.5, 0.999):
        time = Time()
        await retrying([failure(), "text"], time, jitter=jitter).complete(REQUEST)
        spread += time.waits
    assert spread == pytest.approx([0.5, 0.75, 0.9995])


async def test_no_call_is_tried_more_often_than_it_may() -> None:
    """Others have seen one deterministic error tried again 1,149 times."""
    for most in (1, 2, 6):
        chat = retrying([failure()] * 100, max_attempts=most)
        with pytest.raises(InstructionFailed) as raised:
            await chat.complete(REQUEST)
        assert raised.value.kind == "retries_exhausted"
        assert raised.value.attempts == chat.tally.calls == most
        assert chat.tally.retries == most - 1
        assert f"{most} tr" in raised.value.message
        assert "HTTP 500" in raised.value.message


async def test_discarded_answers_are_paid_for_in_the_answer_and_in_the_failure() -> None:
    discarded = failure(usage=Usage(10, 1, 5))
    completion = await retrying([discarded, failure(), answer("text")]).complete(REQUEST)
    assert completion.usage == Usage(110, 11, 25)
    assert completion.attempts == 3

    with pytest.raises(InstructionFailed) as raised:
        await retrying([discarded] * 3, max_attempts=3).complete(REQUEST)
    assert raised.value.usage == Usage(30, 3, 15)

    refused = InstructionFailed("content_filter", "no")
    with pytest.raises(InstructionFailed) as raised:
        await retrying([discarded, refused]).complete(REQUEST)
    assert (raised.value.usage, raised.value.attempts) == (Usage(10, 1, 5), 2)


async def test_what_the_answer_says_of_itself_survives_the_retries() -> None:
    given = Completion("no", "content_filter", "m-2024", Usage(1), refused=True)
    assert await retrying([failure(), given]).complete(REQUEST) == Completion(
        "no", "content_filter", "m-2024", Usage(1), attempts=2, refused=True
    )


@pytest.mark.parametrize("final", [InstructionFailed("bad_request", "no"), EndpointRefused("no")])
async def test_what_is_final_is_not_tried_again(final: Exception) -> None:
    chat = retrying([final])
    with pytest.raises(type(final)):
        await chat.complete(REQUEST)
    assert chat.tally.calls == 1


async def test_a_wait_that_is_asked_for_is_obeyed_and_costs_no_attempt() -> None:
    time = Time()
    chat = retrying([put_off(7.0)] * 20 + ["text"], time, max_attempts=1)
    completion = await chat.complete(REQUEST)
    assert all(7.0 <= wait_s < 10.0 for wait_s in time.waits)
    assert completion.attempts == chat.tally.calls == 21
    assert chat.tally.retries == 20


async def test_a_server_error_that_asks_for_a_wait_gets_it_and_costs_an_attempt() -> None:
    time = Time()
    with pytest.raises(InstructionFailed):
        await retrying([failure(7.0)] * 3, time, max_attempts=3).complete(REQUEST)
    assert time.waits == [7.0, 7.0]


async def test_a_wait_of_nothing_asked_for_again_and_again_does_not_hammer_the_endpoint() -> None:
    time = Time()
    with pytest.raises(EndpointDown):
        await retrying([put_off(0.0)] * 1000, time, give_up_after_s=900).complete(REQUEST)
    assert time.waits[:6] == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.0])
    assert min(time.waits[5:]) == max(time.waits) == FIRST_WAIT_S


async def test_waits_that_are_asked_for_are_spread_by_less_than_a_second() -> None:
    time = Time()
    await retrying([put_off(0.1), put_off(20.0), "text"], time, jitter=0.999).complete(REQUEST)
    assert time.waits == pytest.approx([0.124975, 20.999])


async def test_a_longer_wait_than_one_is_ready_for_stops_the_run_at_once() -> None:
    time = Time()
    with pytest.raises(EndpointDown, match="asks to wait 86400 s") as raised:
        await retrying([put_off(86_400.0)], time, give_up_after_s=900).complete(REQUEST)
    assert time.waits == []
    assert raised.value.exit_code == 75


async def test_a_run_stops_when_nothing_has_succeeded_for_long_enough() -> None:
    time = Time()
    with pytest.raises(EndpointDown, match="no answer for"):
        await retrying([failure()] * 1000, time, max_attempts=1000, give_up_after_s=300).complete(REQUEST)
    assert 300 <= time.now - 100 < 300 + LONGEST_WAIT_S


async def test_the_time_without_success_counts_from_the_first_failure_after_the_last_success() -> None:
    time = Time()
    chat = retrying([failure(), "a", failure(), failure(), "b"], time, give_up_after_s=300)
    await chat.complete(REQUEST)
    time.now += 10_000  # nothing was asked meanwhile: that is no failure
    assert (await chat.complete(REQUEST)).text == "b"


async def test_the_failures_of_all_calls_count_together() -> None:
    time = Time()
    chat = retrying([failure()] * 100, time, max_attempts=2, give_up_after_s=100)
    for _ in range(3):
        with pytest.raises(InstructionFailed):
            await chat.complete(REQUEST)
        time.now += 40
    with pytest.raises(EndpointDown):
        await chat.complete(REQUEST)


async def test_a_call_put_off_for_too_long_fails_alone_while_others_succeed() -> None:
    time = Time()
    chat = retrying([], time, give_up_after_s=300)

    class OneIsPutOff:
        async def complete(self, request: Request) -> Completion:
            if request.affinity == "other":
                return answer("text")
            raise put_off(10.0)

    chat._inner = OneIsPutOff()  # type: ignore[assignment]  # needs no more of a Chat
    sleep = time.sleep

    async def others_meanwhile(seconds: float) -> None:
        await sleep(seconds)
        await chat.complete(Request("section", "other", "m", "Write."))

    chat._sleep = others_meanwhile
    with pytest.raises(InstructionFailed) as raised:
        await chat.complete(REQUEST)
    assert raised.value.kind == "retries_exhausted"
    assert 300 <= time.now - 100 < 400


def too_many() -> CallFailed:
    """A 429 that does not say how long to wait."""
    return CallFailed("HTTP 429: slow down", throttled=True)


async def test_too_many_requests_cost_no_attempt_even_where_no_wait_is_asked_for() -> None:
    time = Time()
    completion = await retrying([too_many()] * 8 + ["text"], time, max_attempts=1, jitter=1.0).complete(REQUEST)
    assert (completion.text, completion.attempts) == ("text", 9)
    assert time.waits == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize("calls", [1, 3, 40])
def test_an_endpoint_that_puts_off_everything_stops_the_run_in_time_and_fails_no_instruction(calls: int) -> None:
    async def test() -> None:
        chat = Retrying(
            ScriptedChat([too_many() for _ in range(10_000)]),
            max_attempts=6,
            give_up_after_s=900.0,
            sleep=asyncio.sleep,
            clock=jumping.now_s,
        )
        asked = [asyncio.create_task(chat.complete(REQUEST)) for _ in range(calls)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_EXCEPTION)
        ended = [task.exception() for task in asked if task.done()]
        assert [type(error) for error in ended] == [EndpointDown]
        assert 900 <= jumping.now_s() < 900 + LONGEST_WAIT_S
        assert chat.tally.calls < 30 + calls, "and was not hammered meanwhile"
        for task in asked:
            task.cancel()

    jumping.run(test())


UNREACHABLE = CallFailed("Cannot connect", unreachable=True)


async def test_an_endpoint_that_goes_out_of_reach_is_waited_for_at_no_cost_of_an_attempt() -> None:
    chat = retrying(["a", *[UNREACHABLE] * 15, "b"], max_attempts=1, give_up_after_s=3600)
    await chat.complete(REQUEST)
    completion = await chat.complete(REQUEST)
    assert (completion.text, completion.attempts) == ("b", 16)

    time = Time()
    chat = retrying(["a", *[UNREACHABLE] * 1000], time, max_attempts=1, give_up_after_s=300)
    await chat.complete(REQUEST)
    with pytest.raises(EndpointDown):
        await chat.complete(REQUEST)
    assert 300 <= time.now - 100 < 400


async def test_an_endpoint_that_was_never_reached_stops_the_run_after_the_tries_of_one_call() -> None:
    chat = retrying([UNREACHABLE] * 100, max_attempts=3)
    with pytest.raises(EndpointDown, match="could not be reached in 3 tries"):
        await chat.complete(REQUEST)
    assert chat.tally.calls == 3


async def test_in_an_outage_one_call_at_a_time_probes_and_no_call_loses_its_chance() -> None:
    time, at_once, most_at_once, failures_left = Time(), 0, 0, 60

    class Down:
        async def complete(self, request: Request) -> Completion:
            nonlocal at_once, most_at_once, failures_left
            at_once += 1
            if chat._is_outage():
                most_at_once = max(most_at_once, at_once)
            await asyncio.sleep(0)
            at_once -= 1
            failures_left -= 1
            if failures_left >= 0:
                raise failure()
            return answer("text")

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)
        await time.sleep(seconds / 100)  # so many calls wait at the same time

    chat = retrying([], time)
    chat._inner, chat._sleep = Down(), sleep  # type: ignore[assignment]  # needs no more of a Chat
    completions = await asyncio.gather(*(chat.complete(REQUEST) for _ in range(40)))
    assert [completion.text for completion in completions] == ["text"] * 40
    assert most_at_once == 1
    assert chat.tally.calls == 100


async def test_each_wait_is_told_with_its_reason() -> None:
    told: list[tuple[str, float]] = []
    time = Time()
    chat = Retrying(
        ScriptedChat([failure(), "text"]),
        sleep=time.sleep,
        clock=time.clock,
        jitter=lambda: 0.0,
        on_retry=lambda problem, wait_s: told.append((problem, wait_s)),
    )
    await chat.complete(REQUEST)
    assert told == [("HTTP 500: no", 0.5)]


async def test_a_stop_wakes_a_call_that_waits() -> None:
    stop = Stop()
    chat = Retrying(ScriptedChat([failure(3000.0)]), give_up_after_s=1e9, sleep=stop.sleep, on_retry=lambda *_: halt())

    def halt() -> None:
        stop.request(Stopped("stopped", 2))

    with pytest.raises(Halted):
        await chat.complete(REQUEST)
    assert (chat.tally.calls, chat.tally.retries) == (1, 0), "a wait that was broken off repeated nothing"


async def test_the_tally_is_what_the_server_has_seen() -> None:
    kinds = ("429_ms", "429_bare", "500", "502_html", "cut_before", "cut_middle", "broken_json", "error_in_200")
    with FakeServer(faults=0.6, fault_kinds=kinds, max_faults=4, retry_after_s=0.01) as server:
        time = Time()
        chat = Retrying(OpenAIChat(server.base_url, "none"), sleep=time.sleep, clock=time.clock)
        attempts = [(await chat.complete(Request("section", f"{n}", "m", f"Write {n}."))).attempts for n in range(40)]
        assert server.stats.faults.total() > 20
        assert chat.tally.calls == sum(attempts) == server.stats.calls
        assert chat.tally.retries == server.stats.calls - 40
        assert server.stats.repeats_after_success == 0
        await chat.close()


async def test_learning_the_other_name_of_max_tokens_costs_a_request_once_and_no_attempt() -> None:
    with FakeServer(needs_max_completion_tokens=True, keep_requests=True) as server:
        time = Time()
        chat = Retrying(OpenAIChat(server.base_url, "none"), max_attempts=1, sleep=time.sleep, clock=time.clock)
        for n in range(3):
            await chat.complete(Request("section", "id", "m", f"Write {n}.", max_tokens=100))
        assert chat.tally.calls == server.stats.calls == 4
        assert ["max_tokens" in request for request in server.requests] == [True, False, False, False]
        assert [request.get("max_completion_tokens") for request in server.requests] == [None, 100, 100, 100]
        await chat.close()
