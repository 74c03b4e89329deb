"""From options to a model: which endpoint, which key, how often to try."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from longwriter_cli.cli.options import (
    DEFAULT_CONCURRENCY,
    DEFAULT_TIMEOUT_S,
    Options,
)
from longwriter_cli.errors import UsageError
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.settings import Settings

OPENAI_HOST = "api.openai.com"
_NO_KEY = "none"  # endpoints that want no key still want a header


class Connection:
    """A `Chat` that is made when it is first used: a command with nothing left to do starts no server."""

    def __init__(self, connect: Callable[[], Awaitable[Chat]]) -> None:
        self._connect = connect
        self._chat: Chat | None = None
        self._lock = asyncio.Lock()

    async def _connected(self) -> Chat:
        if self._chat is None:
            async with self._lock:
                self._chat = self._chat or await self._connect()
        return self._chat

    async def complete(self, request: Request) -> Completion:
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
    from longwriter_cli.llm.openai import OPENAI_URL

    return options.base_url or [os.environ.get("OPENAI_BASE_URL") or OPENAI_URL]


def check_model(settings: Settings, options: Options) -> None:
    """Finds what is missing before anything is written: the key, or one model for both jobs of the embedded server.

    Raises:
        UsageError: says what to set.
    """
    models = {settings.model, settings.plan_model or settings.model}
    if any(is_local(model) for model in models):
        if len(models) > 1:
            raise UsageError(
                f"--model {settings.model} and --plan-model {settings.plan_model}: one server has one model.",
                "Leave out --plan-model.",
            )
        return
    for url in base_urls(options):
        api_key(url, options)


def api_key(base_url: str, options: Options) -> str:
    """The key for an endpoint.

    Raises:
        UsageError: the endpoint is OpenAI's, or a variable was named, and there is no key in it.
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
    return key or _NO_KEY


def slots(settings: Settings, options: Options) -> int:
    """Calls in flight: as the user says, and no more than the embedded server has places."""
    wanted = options.concurrency or DEFAULT_CONCURRENCY
    if not is_local(settings.model):
        return wanted
    from longwriter_cli.llm.local import SLOTS

    return min(wanted, SLOTS)


def endpoint(options: Options, concurrency: int) -> Chat:
    """The client of the endpoint, or of all endpoints as one."""
    from longwriter_cli.llm.endpoints import Endpoints
    from longwriter_cli.llm.openai import OpenAIChat

    chats: list[tuple[str, Chat]] = [
        (
            url,
            OpenAIChat(
                url,
                api_key(url, options),
                timeout_s=options.timeout or DEFAULT_TIMEOUT_S,
                connections=concurrency,
                context_tokens=options.context_tokens,
            ),
        )
        for url in base_urls(options)
    ]
    return chats[0][1] if len(chats) == 1 else Endpoints(chats)


async def connect(settings: Settings, options: Options, concurrency: int) -> Chat:
    """The model, ready to be asked; starts the embedded server where that is the model."""
    if not is_local(settings.model):
        return endpoint(options, concurrency)
    from longwriter_cli.llm.local import start

    return await start(settings.model)


def note(settings: Settings) -> str:
    """What a reader of the data must know of its model; nothing for a model of an endpoint."""
    if settings.model != "local":
        return ""
    from longwriter_cli.llm.local import banner

    return banner()
