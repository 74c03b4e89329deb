"""A call beside chat, made until it succeeds: with the waits of `retry`, and for as long as an outage is waited for."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from longwriter_cli.errors import EndpointDown
from longwriter_cli.llm import retry
from longwriter_cli.llm.faults import CallFailed

T = TypeVar("T")


async def patiently(
    call: Callable[[], Awaitable[T]],
    *,
    give_up_after_s: float,
    sleep: Callable[[float], Awaitable[None]],
    on_retry: retry.OnRetry,
    clock: Callable[[], float] = time.monotonic,
    jitter: Callable[[], float] = random.random,
) -> T:
    """What the call returns when it succeeds.

    Raises:
        EndpointDown: it has failed for `give_up_after_s`, or is asked to wait for longer.
    """
    failures, since = 0, clock()
    while True:
        try:
            return await call()
        except CallFailed as error:
            down_s = clock() - since
            wait_s = error.retry_after_s
            if wait_s is None:
                wait_s = retry.back_off_s(failures, jitter())
            wait_s = max(wait_s, retry.SHORTEST_WAIT_S)
            if down_s + wait_s > give_up_after_s:
                raise EndpointDown(
                    f"The endpoint has given no answer for {down_s:.0f} s; last: {error.problem}",
                    "Everything is kept. Give the same command again when the endpoint is back.",
                ) from None
            failures += 1
            on_retry(error.problem, wait_s)
            await sleep(wait_s)
