"""Several endpoints as one: who goes where, and what happens when one of them fails."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from fake_server import FakeServer

from longwriter_cli.errors import EndpointRefused
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.llm.endpoints import BENCH_AFTER, BENCH_S, Endpoints
from longwriter_cli.llm.faults import CallFailed
from longwriter_cli.llm.openai import OpenAIChat
from longwriter_cli.llm.retry import Retrying
from longwriter_cli.records import Usage

IDS = [f"id-{n}" for n in range(3000)]
DEAD = "http://127.0.0.1:9/v1"
UNREACHABLE = CallFailed("Cannot connect", unreachable=True)


class OneEndpoint:
    """A `Chat` that fails as long as `failure` is set."""

    def __init__(self, context_tokens: int | None = None) -> None:
        self.failure: Exception | None = None
        self.closed = False
        self._context_tokens = context_tokens

    async def complete(self, request: Request) -> Completion:
        if self.failure is not None:
            raise self.failure
        return Completion("text", "stop", "m", Usage())

    async def context_tokens(self, model: str) -> int | None:
        return self._context_tokens

    async def close(self) -> None:
        self.closed = True


class Three:
    def __init__(self) -> None:
        self.now = 0.0
        self.chats = {name: OneEndpoint() for name in ("a", "b", "c")}
        self.endpoints = Endpoints(list(self.chats.items()), clock=lambda: self.now)

    def places(self) -> dict[str, str]:
        return {one: self.endpoints.choose(one) for one in IDS}

    async def fails(self, name: str, failure: Exception, times: int = 1) -> None:
        """Lets calls of one endpoint's own instructions fail."""
        own = next(one for one in IDS if self.endpoints.choose(one) == name)
        self.chats[name].failure = failure
        for _ in range(times):
            with pytest.raises(type(failure)):
                await self.endpoints.complete(Request("section", own, "m", "Write."))
        self.chats[name].failure = None

    async def succeeds(self, name: str) -> None:
        own = next(one for one in IDS if self.endpoints.choose(one) == name)
        await self.endpoints.complete(Request("section", own, "m", "Write."))


@pytest.fixture
def three() -> Three:
    return Three()


def test_an_instruction_stays_where_it_is_in_this_process_and_the_next(three: Three) -> None:
    assert three.places() == three.places() == Three().places()


def test_the_order_in_which_endpoints_are_named_does_not_matter(three: Three) -> None:
    turned = Endpoints(list(reversed(three.chats.items())))
    assert {one: turned.choose(one) for one in IDS} == three.places()


def test_endpoints_get_even_shares(three: Three) -> None:
    shares = Counter(three.places().values())
    assert all(900 < share < 1100 for share in shares.values()), shares


async def test_when_one_is_benched_only_its_own_instructions_move_and_they_come_back(three: Three) -> None:
    before = three.places()
    await three.fails("b", CallFailed("HTTP 500"), BENCH_AFTER)
    benched = three.places()
    assert all(benched[one] == before[one] for one in IDS if before[one] != "b")
    moved = Counter(benched[one] for one in IDS if before[one] == "b")
    assert moved["b"] == 0
    assert min(moved["a"], moved["c"]) > 400, "its instructions are spread over the others"
    three.now += BENCH_S
    assert three.places() == before


async def test_single_failures_between_successes_bench_nothing(three: Three) -> None:
    before = three.places()
    for _ in range(10):
        await three.fails("b", CallFailed("HTTP 500"), BENCH_AFTER - 1)
        await three.succeeds("b")
    assert three.places() == before


async def test_being_put_off_benches_nothing(three: Three) -> None:
    before = three.places()
    await three.fails("b", CallFailed("HTTP 429", retry_after_s=1.0, costs_attempt=False), 10)
    assert three.places() == before


async def test_an_endpoint_that_cannot_be_reached_is_benched_at_once_and_the_next_one_is_asked(three: Three) -> None:
    three.chats["b"].failure = UNREACHABLE
    await three.succeeds("b")
    assert "b" not in three.places().values()


async def test_with_all_of_them_out_of_reach_a_call_fails_and_each_instruction_is_where_it_belongs(
    three: Three,
) -> None:
    before = three.places()
    for chat in three.chats.values():
        chat.failure = UNREACHABLE
    with pytest.raises(CallFailed):
        await three.succeeds("b")
    assert three.places() == before


async def test_endpoints_whose_bench_is_over_before_the_call_is_are_not_asked_forever(three: Three) -> None:
    """Finding out that a host is gone may take longer than the bench."""
    asked = 0

    class Slow(OneEndpoint):
        async def complete(self, request: Request) -> Completion:
            nonlocal asked
            asked += 1
            three.now += 2 * BENCH_S
            raise UNREACHABLE

    slow = Endpoints([("a", Slow()), ("b", Slow())], clock=lambda: three.now)
    with pytest.raises(CallFailed):
        await slow.complete(Request("section", "id", "m", "Write."))
    assert asked == 2


async def test_what_is_final_at_one_is_final(three: Three) -> None:
    await three.fails("b", EndpointRefused("no such model"))


async def test_the_context_is_the_smallest_one_known() -> None:
    async def context(*sizes: int | None) -> int | None:
        return await Endpoints([(f"{n}", OneEndpoint(size)) for n, size in enumerate(sizes)]).context_tokens("m")

    assert await context(8192, None, 4096) == 4096
    assert await context(None, None) is None


async def test_all_are_closed(three: Three) -> None:
    await three.endpoints.close()
    assert all(chat.closed for chat in three.chats.values())


async def test_an_id_that_is_no_text_has_its_place(three: Three) -> None:
    assert three.endpoints.choose("\ud83d") in three.chats


async def test_with_one_dead_server_all_calls_are_answered_by_the_others() -> None:
    async def no_wait(seconds: float) -> None:
        await asyncio.sleep(0)

    with FakeServer() as one, FakeServer() as other:
        chats: list[tuple[str, Chat]] = [(url, OpenAIChat(url, "none")) for url in (one.base_url, DEAD, other.base_url)]
        chat = Retrying(Endpoints(chats), max_attempts=1, sleep=no_wait)
        completions = await asyncio.gather(
            *(chat.complete(Request("section", f"id-{n}", "m", f"Write of {n}.")) for n in range(60))
        )
        assert len(completions) == 60
        assert one.stats.answered + other.stats.answered == 60
        assert min(one.stats.answered, other.stats.answered) > 15
        assert (chat.tally.calls, chat.tally.retries) == (60, 0)
        await chat.close()


async def test_a_server_that_goes_away_and_comes_back_gets_its_instructions_back() -> None:
    now = 0.0

    async def no_wait(seconds: float) -> None:
        await asyncio.sleep(0)

    async def write(chat: Chat, about: str) -> None:
        for n in range(20):
            await chat.complete(Request("section", f"id-{n}", "m", f"Write of {about} {n}."))

    with FakeServer() as one, FakeServer() as other:
        chats: list[tuple[str, Chat]] = [(url, OpenAIChat(url, "none")) for url in (one.base_url, other.base_url)]
        chat = Retrying(Endpoints(chats, clock=lambda: now), max_attempts=3, sleep=no_wait)
        await write(chat, "spring")
        usual = one.stats.answered
        assert 0 < usual < 20
        one.stop()
        await write(chat, "summer")
        assert one.stats.answered == usual
        one.start()
        now += BENCH_S
        await write(chat, "autumn")
        assert one.stats.answered == 2 * usual
        await chat.close()


async def test_one_that_fails_again_and_again_sits_out_longer_each_time(three: Three) -> None:
    for times in range(3):
        await three.fails("a", CallFailed("HTTP 500"), BENCH_AFTER)
        three.now += BENCH_S * 2**times - 1
        assert "a" not in three.places().values()
        three.now += 1
        assert "a" in three.places().values()


async def test_one_that_asks_for_a_long_wait_sits_out_and_the_next_one_is_asked(three: Three) -> None:
    own = next(one for one in IDS if three.endpoints.choose(one) == "a")
    three.chats["a"].failure = CallFailed("HTTP 429", retry_after_s=86_400.0, costs_attempt=False, throttled=True)
    assert (await three.endpoints.complete(Request("section", own, "m", "Write."))).text == "text"
    three.now += 86_399
    assert "a" not in three.places().values()
