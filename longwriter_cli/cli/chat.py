"""From options to a model: which endpoint, which key, how often to try."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from longwriter_cli.cli.options import (
    DEFAULT_CONCURRENCY,
    DEFAULT_TIMEOUT_S,
    Options,
)
from longwriter_cli.cli.output import say
from longwriter_cli.errors import UsageError
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.llm.endpoint import Endpoint
from longwriter_cli.settings import Settings

if TYPE_CHECKING:
    from longwriter_cli.engine.ray import Fleet

OPENAI_HOST = "api.openai.com"
NO_KEY = "none"  # endpoints that want no key still want a header
_OTHER_FILES = 256
_FOR_THE_SDK = ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS")
_ASIDE = 8  # questions to an actor beside the calls in flight: how much a model takes
_OWN_FILES = 32  # what the program itself has open: the run's files, libraries, a connection being closed

Wrap = Callable[[Chat], Chat]


class Connection:
    """A `Chat` that is made when it is first used: a command with nothing left to do starts no server.

    No more than `slots` calls are under way, over all endpoints, however many are asked for at once.
    """

    def __init__(self, connect: Callable[[], Awaitable[Chat]], slots: int) -> None:
        self._connect = connect
        self._chat: Chat | None = None
        self._lock = asyncio.Lock()
        self._free = asyncio.Semaphore(slots)

    async def _connected(self) -> Chat:
        if self._chat is None:
            async with self._lock:
                self._chat = self._chat or await self._connect()
        return self._chat

    async def complete(self, request: Request) -> Completion:
        async with self._free:
            return await (await self._connected()).complete(request)

    async def context_tokens(self, model: str) -> int | None:
        return await (await self._connected()).context_tokens(model)

    async def close(self) -> None:
        if self._chat is not None:
            await self._chat.close()


def is_local(model: str | None) -> bool:
    """Whether the name stands for a model that this program serves itself."""
    return model is not None and (model == "local" or model.startswith("local:"))


def base_urls(options: Options) -> list[str]:
    """The endpoints, from the options, else `OPENAI_BASE_URL`, else OpenAI."""
    from longwriter_cli.llm.address import OPENAI_URL

    return [url.strip() for url in options.base_url or [os.environ.get("OPENAI_BASE_URL") or OPENAI_URL]]


def check_model(settings: Settings, options: Options) -> None:
    """Finds what is wrong before anything is written: key, address, or several models for the one embedded server.

    Raises:
        UsageError: says what to set.
    """
    if options.ray is not None:
        _check_ray(settings)
    if any(is_local(model) for model in settings.models()):
        if options.transport == "batch":
            raise UsageError("The embedded server has no Batch API.", "Leave out --transport batch.")
        for name, other in (("--plan-model", settings.plan_model), ("--judge-model", settings.judge_model)):
            if other not in (None, settings.model):
                raise UsageError(
                    f"--model {settings.model} and {name} {other}: one server has one model.",
                    f"Leave out {name}, or give the same model.",
                )
        from longwriter_cli.llm.local import check_installed

        check_installed()
        return
    from longwriter_cli.llm.address import read_address

    for url in base_urls(options):
        read_address(url)
        api_key(url, options)


def _check_ray(settings: Settings) -> None:
    from longwriter_cli.engine.cluster import check_installed

    check_installed()
    if is_local(settings.model):
        raise UsageError(
            f"--ray and --model {settings.model}: the embedded server is on this machine alone.",
            "Leave out --ray, or serve the model on the cluster and name it with --base-url.",
        )


def api_key(base_url: str, options: Options) -> str:
    """The key for an endpoint.

    Raises:
        UsageError: the endpoint is OpenAI's, or a variable was named, and what it holds is no key.
    """
    variable = options.api_key_env or "OPENAI_API_KEY"
    key = os.environ.get(variable, "").strip()
    wanted = options.api_key_env is not None or urlsplit(base_url).hostname == OPENAI_HOST
    if not key and wanted:
        raise UsageError(
            f"The variable {variable} holds no key.",
            f"export {variable}=…, or name another variable with --api-key-env, another endpoint with --base-url, "
            "or the embedded model with -m local.",
        )
    if not (key.isascii() and key.isprintable()):
        # No header could carry it. The key itself is not shown.
        raise UsageError(
            f"The variable {variable} holds something that is no key: it has characters that no key has.",
            "Look for quotation marks or a line break that came along when it was copied.",
        )
    return key or NO_KEY


def slots(settings: Settings, options: Options) -> int:
    """Calls in flight: as the user says, and no more than the embedded server has places or the system allows files."""
    wanted = options.concurrency or DEFAULT_CONCURRENCY
    if not is_local(settings.model):
        _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
        return wanted if files == resource.RLIM_INFINITY else max(1, min(wanted, files - _OWN_FILES))
    from longwriter_cli.llm.local import SLOTS

    return min(wanted, SLOTS)


def endpoints(options: Options, concurrency: int) -> list[Endpoint]:
    """The endpoints, with the key for each."""
    return [
        Endpoint(
            url,
            api_key(url, options),
            timeout_s=options.timeout or DEFAULT_TIMEOUT_S,
            connections=concurrency,
            context_tokens=options.context_tokens,
            stream=options.stream or "auto",
        )
        for url in base_urls(options)
    ]


def endpoint(options: Options, concurrency: int, behind_limits: Wrap, fleet: Fleet | None) -> Chat:
    """The client of the endpoint, or of all endpoints as one; each of them behind limits of its own."""
    from longwriter_cli.llm.endpoints import Endpoints

    allow_files(concurrency * len(base_urls(options)))
    chats = [(each.url, behind_limits(_client(each, fleet))) for each in endpoints(options, concurrency)]
    return chats[0][1] if len(chats) == 1 else Endpoints(chats)


def _client(endpoint: Endpoint, fleet: Fleet | None) -> Chat:
    if fleet is None:
        return endpoint.connect()
    from longwriter_cli.stages.remote import RemoteChat

    return RemoteChat(fleet, endpoint.url)


def fleet(settings: Settings, options: Options, concurrency: int, tell: Callable[[str], None]) -> Fleet | None:
    """The machines that make the calls, where `--ray` names a cluster of them."""
    if options.ray is None or is_local(settings.model):
        return None
    from longwriter_cli.engine.ray import Fleet
    from longwriter_cli.stages.remote import Callers

    # As arguments: what is said in a runtime environment stands in the cluster's logs.
    environment = {name: os.environ[name] for name in _FOR_THE_SDK if name in os.environ}
    make = partial(Callers, endpoints(options, concurrency), environment)
    return Fleet(options.ray, make, at_once=concurrency + _ASIDE, tell=tell)


def allow_files(connections: int) -> None:
    """Raises the limit of open files where the connections would not fit: it is often 1,024, and 256 on macOS."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def connect(
    settings: Settings, options: Options, concurrency: int, behind_limits: Wrap, fleet: Fleet | None = None
) -> Chat:
    """The model, ready to be asked; starts the embedded server where that is the model."""
    if not is_local(settings.model):
        return endpoint(options, concurrency, behind_limits, fleet)
    from longwriter_cli.llm.local import banner, start

    if settings.model == "local":
        say(banner())
    return behind_limits(await start(settings.model, notify=say))


def note(settings: Settings) -> str:
    """What a reader of the data must know of its model; nothing for a model of an endpoint."""
    if settings.model != "local":
        return ""
    from longwriter_cli.llm.local import banner

    return banner()
