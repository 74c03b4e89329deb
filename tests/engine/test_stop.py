"""The stop: whoever asks is told, whoever sleeps is woken."""

from __future__ import annotations

import asyncio

import pytest
from clock import now_s, run

from longwriter_cli.engine.stop import Halted, Stop


def test_a_check_passes_until_a_stop_is_requested() -> None:
    async def main() -> None:
        stop = Stop()
        stop.check()
        assert not stop
        stop.request(OSError("full"))
        assert stop
        with pytest.raises(Halted):
            stop.check()

    run(main())


def test_the_first_reason_stays() -> None:
    async def main() -> Stop:
        stop = Stop()
        stop.request(OSError("first"))
        stop.request(OSError("second"))
        return stop

    assert str(run(main()).reason) == "first"


def test_a_sleep_takes_its_time() -> None:
    async def main() -> float:
        await Stop().sleep(3600)
        return now_s()

    assert run(main()) == pytest.approx(3600)


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_sleep_of_no_time_returns_at_once(seconds: float) -> None:
    async def main() -> float:
        await Stop().sleep(seconds)
        return now_s()

    assert run(main()) == 0


def test_a_sleeper_is_woken_by_the_stop_and_halts() -> None:
    async def main() -> float:
        stop = Stop()
        asyncio.get_running_loop().call_later(5, stop.request, OSError())
        with pytest.raises(Halted):
            await stop.sleep(3600)
        return now_s()

    assert run(main()) == pytest.approx(5)


@pytest.mark.parametrize("seconds", [0.0, 10.0])
def test_nobody_falls_asleep_after_a_stop(seconds: float) -> None:
    async def main() -> float:
        stop = Stop()
        stop.request(OSError())
        with pytest.raises(Halted):
            await stop.sleep(seconds)
        return now_s()

    assert run(main()) == 0


def test_only_a_stop_at_once_says_at_once() -> None:
    async def main() -> None:
        stop = Stop()
        stop.request(OSError())
        await stop.requested()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stop.at_once(), 60)
        stop.request(OSError(), at_once=True)
        await stop.at_once()

    run(main())
