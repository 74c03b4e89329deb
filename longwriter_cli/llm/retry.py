"""Trying again: with back-off, for as long as it is sensible, and never past a stop.

An outage must not use up the tries of one instruction after the other. So a call that cannot reach the endpoint is
never charged for it: the run waits for `give_up_after_s` and then stops, or stops at once where the endpoint was never
reached. And after `OUTAGE_AFTER` failures in a row, of whatever kind, one call at a time probes the endpoint, while
the others wait for it to succeed.

A failed try costs an attempt, except one that the endpoint only put off: any 429, for it says nothing of the request,
and a 503 with Retry-After. The wait that it asks for is obeyed, and grows to a second where it is shorter. Two limits
of time keep that from lasting forever, both `give_up_after_s`: where nothing succeeds for so long, or a longer wait is
asked for, the endpoint is down and the run stops; a call that alone is put off for so long, while others succeed,
fails.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import tenacity

from longwriter_cli.errors import EndpointDown, EndpointRefused, InstructionFailed
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.llm.faults import CallFailed
from longwriter_cli.records import Usage

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
OUTAGE_AFTER = 10
SHORTEST_WAIT_S = 0.05  # "Retry-After: 0" must not make a loop that hammers the endpoint

OnRetry = Callable[[str, float], None]


class Tally:
    """What this process has asked of the endpoint: tries in all, and how many of them were repeats."""

    def __init__(self) -> None:
        self.calls = 0
        self.retries = 0


@dataclass(slots=True)
class _Call:
    """A call on its way: what it has cost so far."""

    request: Request
    tries: int = 0
    charged: int = 0
    put_off: int = 0  # tries in a row that cost no attempt
    failing_since: float = 0.0
    usage: Usage = field(default_factory=Usage)


class Retrying:
    """A `Chat` that tries again. Clock, sleep and randomness are arguments.

    Args:
        max_attempts: tries for one call, at least 1.
        give_up_after_s: seconds since the first failure after the last success.
        sleep: may raise to end the wait early (a stop).
        on_retry: is told the problem and the wait in seconds, before each wait.
        clock: seconds from any beginning.
        jitter: in [0, 1), a new value for each wait.
    """

    def __init__(
        self,
        inner: Chat,
        *,
        max_attempts: int = 6,
        give_up_after_s: float = 900.0,
        sleep: Callable[[float], Awaitable[None]],
        tally: Tally | None = None,
        on_retry: OnRetry = lambda problem, wait_s: None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._inner = inner
        self._max_attempts = max_attempts
        self._give_up_after_s = give_up_after_s
        self._sleep = sleep
        self._on_retry = on_retry
        self._clock = clock
        self._jitter = jitter
        self._failing_since: float | None = None
        self._failures_in_a_row = 0
        self._ever_succeeded = False
        self._probe = asyncio.Lock()
        self.tally = tally or Tally()

    async def complete(self, request: Request) -> Completion:
        """As `Chat.complete`; `attempts` and `usage` of answer and error include the tries that failed.

        Raises:
            InstructionFailed: with kind `retries_exhausted` where all tries failed.
            EndpointDown: nothing has succeeded for `give_up_after_s`, or a longer wait is asked for.
        """
        call = _Call(request)
        try:
            try:
                completion = await self._try_in_turn(call)
            except CallFailed as error:
                # Only now: tenacity costs 0.13 ms of CPU a call, as much as a bare HTTP client in all.
                completion = await self._try_again(call, error)
        except CallFailed as error:
            raise used_up(error, call.tries, call.usage, request.model) from None
        except InstructionFailed as error:
            error.usage, error.attempts = error.usage + call.usage, call.tries
            raise
        return replace(completion, usage=completion.usage + call.usage, attempts=call.tries)

    async def _try_in_turn(self, call: _Call) -> Completion:
        """One try; during an outage, when it is this call's turn to probe."""
        if not self._is_outage():
            return await self._try(call)
        async with self._probe:  # first come first served, so that each probe is another call's
            if self._is_outage():
                doubled: float = FIRST_WAIT_S * 2.0 ** min(10, self._failures_in_a_row - OUTAGE_AFTER)
                # Its own back-off lies behind this call: the last probe comes when it is time to give up, not later.
                left_s = (self._failing_since or 0.0) + self._give_up_after_s - self._clock()
                await self._sleep(max(SHORTEST_WAIT_S, min(LONGEST_WAIT_S, self._give_up_after_s / 4, doubled, left_s)))
                return await self._try(call)
        return await self._try(call)

    def _is_outage(self) -> bool:
        return self._failures_in_a_row >= OUTAGE_AFTER

    async def _try(self, call: _Call) -> Completion:
        call.tries += 1
        self.tally.calls += 1
        self.tally.retries += call.tries > 1
        try:
            completion = await self._inner.complete(call.request)
        except CallFailed as error:
            self._note_failure(call, error)
            raise
        except InstructionFailed:
            self._note_success()  # the endpoint is there, and says no to this request alone
            raise
        except EndpointRefused:
            raise
        except Exception:  # held back by a budget or a stop: the call was not made
            self.tally.calls -= 1
            self.tally.retries -= call.tries > 1
            raise
        self._note_success()
        return completion

    def _note_success(self) -> None:
        self._failing_since, self._failures_in_a_row, self._ever_succeeded = None, 0, True

    def _note_failure(self, call: _Call, error: CallFailed) -> None:
        now = self._clock()
        if call.tries == 1:
            call.failing_since = now
        if self._failing_since is None:
            self._failing_since = now
        self._failures_in_a_row += error.retry_after_s is None
        call.usage += error.usage
        charged = error.costs_attempt and not error.unreachable and not error.throttled
        call.charged += charged
        call.put_off = 0 if charged else call.put_off + 1
        down_s = now - self._failing_since
        if down_s >= self._give_up_after_s:
            raise self._down(f"has given no answer for {down_s:.0f} s", error)
        if error.unreachable and not self._ever_succeeded and call.tries >= self._max_attempts:
            raise EndpointDown(
                f"The endpoint could not be reached in {call.tries} tries; last: {error.problem}",
                "Look at --base-url (or OPENAI_BASE_URL), and whether the server is up; then give the command again.",
            )
        if (error.retry_after_s or 0.0) > self._give_up_after_s:
            raise self._down(f"asks to wait {error.retry_after_s:.0f} s, longer than --give-up-after", error)

    def _down(self, what: str, error: CallFailed) -> EndpointDown:
        return EndpointDown(
            f"The endpoint {what}; last: {error.problem}",
            "Everything written is kept. Give the same command again when the endpoint is back.",
        )

    async def _try_again(self, call: _Call, first: CallFailed) -> Completion:
        """Tries until one succeeds or the call has used up what it may; the first failure has happened already."""
        happened = [first]

        async def one_try() -> Completion:
            if happened:
                raise happened.pop()
            return await self._try_in_turn(call)

        def before_sleep(state: tenacity.RetryCallState) -> None:
            self._on_retry(_failure(state).problem, state.upcoming_sleep)

        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(CallFailed),
            stop=lambda _: self._is_used_up(call),
            wait=lambda state: self._wait_s(call, _failure(state)),
            before_sleep=before_sleep,
            sleep=self._sleep,
            reraise=True,
        )
        completion: Completion = await retrying(one_try)
        return completion

    def _is_used_up(self, call: _Call) -> bool:
        put_off_s = self._clock() - call.failing_since
        return call.charged >= self._max_attempts or (call.put_off > 0 and put_off_s >= self._give_up_after_s)

    def _wait_s(self, call: _Call, error: CallFailed) -> float:
        """The wait before the next try: `back_off_s`, or as asked plus up to a second."""
        if error.retry_after_s is None:
            return back_off_s(max(0, call.charged + call.put_off - 1), self._jitter())
        least: float = min(FIRST_WAIT_S, SHORTEST_WAIT_S * 2.0 ** max(0, call.put_off - 1))
        asked = max(error.retry_after_s, least)
        return asked + self._jitter() * min(1.0, asked / 4)

    async def context_tokens(self, model: str) -> int | None:
        return await self._inner.context_tokens(model)

    async def close(self) -> None:
        await self._inner.close()


def back_off_s(failures: int, jitter: float) -> float:
    """1, 2, 4 … 60 s less up to a half, after so many failures before this one. `jitter` is in [0, 1)."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(10, failures)) * (0.5 + jitter / 2)


def used_up(error: CallFailed, tries: int, usage: Usage, model: str) -> InstructionFailed:
    """What a call comes to that may not be tried again; `usage` is that of all tries."""
    made = "1 try" if tries == 1 else f"{tries} tries"
    problem = f"{made} failed, the last one with: {error.problem}"
    return InstructionFailed("retries_exhausted", problem, usage=usage, attempts=tries, model=model)


def _failure(state: tenacity.RetryCallState) -> CallFailed:
    """The failure that tenacity is about to wait for; it is asked for nothing else."""
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, CallFailed)
    return error
