"""Trying again: with back-off, for as long as it is sensible, and never past a stop.

A failed try costs an attempt, except one that the endpoint itself asks to repeat (Retry-After): that one is obeyed.
Where nothing succeeds for `give_up_after_s`, the endpoint is down and the run stops.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable

import tenacity

from longwriter_cli.errors import EndpointDown, InstructionFailed
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.llm.faults import CallFailed
from longwriter_cli.records import Usage

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0

OnRetry = Callable[[str, float], None]


class Tally:
    """What this process has asked of the endpoint: tries in all, and how many of them were repeats."""

    def __init__(self) -> None:
        self.calls = 0
        self.retries = 0


class Retrying:
    """A `Chat` that tries again. Clock, sleep and randomness are arguments.

    Args:
        max_attempts: tries for one call, at least 1.
        give_up_after_s: seconds since the first failure after the last success.
        sleep: may raise to end the wait early (a stop).
        on_retry: is told the problem and the wait in seconds, before each wait.
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
        self.tally = tally or Tally()

    async def complete(self, request: Request) -> Completion:
        """As `Chat.complete`; the answer's `attempts` and `usage` include the tries that failed.

        Raises:
            InstructionFailed: with kind `retries_exhausted` where all tries failed.
            EndpointDown: nothing has succeeded for `give_up_after_s`.
        """
        spent, charged, made = Usage(), 0, 0

        async def one_try() -> Completion:
            nonlocal spent, charged, made
            made += 1
            self.tally.calls += 1
            try:
                completion = await self._inner.complete(request)
            except CallFailed as error:
                spent += error.usage
                charged += error.retry_after_s is None
                self._note_failure(error)
                raise
            self._failing_since = None
            return completion

        def wait(_: tenacity.RetryCallState) -> float:
            wait_s: float = FIRST_WAIT_S * 2.0 ** max(0, charged - 1)
            return min(LONGEST_WAIT_S, wait_s) * (0.5 + self._jitter() / 2)

        def wait_as_asked(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.retry_after_s if isinstance(error, CallFailed) else None
            return wait(state) if asked is None else asked + self._jitter() * min(1.0, asked / 4)

        def before_sleep(state: tenacity.RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            self.tally.retries += 1
            self._on_retry(str(error), state.upcoming_sleep)

        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(CallFailed),
            stop=lambda _: charged >= self._max_attempts,
            wait=wait_as_asked,
            before_sleep=before_sleep,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            completion: Completion = await retrying(one_try)
        except CallFailed as error:
            message = f"{made} tries failed, the last one with: {error.problem}"
            raise InstructionFailed(
                "retries_exhausted", message, usage=spent, attempts=made, model=request.model
            ) from None
        except InstructionFailed as error:
            error.usage, error.attempts = error.usage + spent, made
            raise
        return Completion(
            completion.text,
            completion.finish_reason,
            completion.model,
            completion.usage + spent,
            made,
            completion.refused,
        )

    def _note_failure(self, error: CallFailed) -> None:
        now = self._clock()
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since >= self._give_up_after_s:
            raise EndpointDown(
                f"The endpoint has given no answer for {now - self._failing_since:.0f} s; last: {error.problem}",
                "Everything written is kept. Give the same command again when the endpoint is back.",
            )

    async def context_tokens(self, model: str) -> int | None:
        return await self._inner.context_tokens(model)

    async def close(self) -> None:
        await self._inner.close()
