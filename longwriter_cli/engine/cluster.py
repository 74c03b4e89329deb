"""The way to a Ray cluster: whether Ray is there, whether anybody answers, and what Ray's errors are in fewer words."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from longwriter_cli.errors import NotNow, UsageError

LOCAL = "local"
KNOCK_S = 10.0  # for a connection to the cluster's address


def check_installed() -> None:
    """Raises UsageError where Ray is not installed."""
    if find_spec("ray") is None:
        raise UsageError("--ray needs the extra [ray].", "Install it with: pip install 'longwriter-cli[ray]'")


async def knock(address: str) -> None:
    """Sees whether anybody is at a concrete address: Ray would wait for minutes, and cannot be told to stop."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not (host and port.isdecimal()):
        return  # `local`, `auto`, or a name that Ray knows
    try:
        async with asyncio.timeout(KNOCK_S):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.close()
    except (OSError, OverflowError) as error:  # a time-out too
        raise _unreachable(address, last_line(error)) from None


def _unreachable(address: str, problem: str) -> NotNow:
    return NotNow(
        f"The Ray cluster at {address} cannot be reached: {problem}",
        "Look at --ray, and whether `ray status` answers there; where the cluster wants a token, export "
        "RAY_AUTH_MODE=token. Then give the same command again.",
    )


def connect(address: str) -> None:
    """Connects this process to the cluster, or starts one; never tells anybody who uses Ray."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "error")  # its warnings go to standard error, a line a second
    import ray
    from ray.exceptions import RayError

    logging.getLogger("ray").setLevel(logging.ERROR)
    more = {"include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **more)
    except (RayError, OSError, ImportError, RuntimeError, ValueError) as error:
        raise _unreachable(address, last_line(error)) from None


def take_sigterm_back() -> None:
    """Gives SIGTERM to this program's own handler again. For the main thread, after `connect` and `ray.shutdown`.

    The one puts a handler before it that aborts the process three seconds later, whatever it still has to bring to an
    end (ray-project/ray pull request 64830); the other takes all away. An alarm that is set already is called off.
    """
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
    signal.alarm(0)


def end(actor: Any) -> None:
    """Ends an actor, if it is there still."""
    import ray

    with suppress(Exception):  # it may be gone, and the cluster with it
        ray.kill(actor)


def why_lost(error: BaseException) -> str:
    """What became of an actor, in fewer words than Ray's."""
    from ray.exceptions import ActorDiedError, ActorUnavailableError, OutOfMemoryError

    if isinstance(error, OutOfMemoryError):
        return "its node ran out of memory"
    if isinstance(error, ActorUnavailableError):
        return "it cannot be reached"
    return "it died" if isinstance(error, ActorDiedError) else last_line(error)


def last_line(error: BaseException) -> str:
    """What Ray says at the end of its long messages."""
    lines = str(error).strip().splitlines()
    return (lines[-1] if lines else type(error).__name__)[:200]
