"""`--transport batch`, and what an earlier command that had it left behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from longwriter_cli.cli import chat as models
from longwriter_cli.cli.options import DEFAULT_GIVE_UP_AFTER_S, DEFAULT_MAX_ATTEMPTS, DEFAULT_TIMEOUT_S, Options
from longwriter_cli.cli.output import say
from longwriter_cli.engine.budget import Amount, Budget
from longwriter_cli.engine.events import Listener
from longwriter_cli.engine.stop import Stop
from longwriter_cli.errors import UsageError
from longwriter_cli.llm.base import Chat
from longwriter_cli.llm.retry import Tally
from longwriter_cli.records import Usage
from longwriter_cli.store.batches import Batches
from longwriter_cli.store.run import Run


async def work_with_batches(
    run: Run,
    batches: Batches,
    options: Options,
    online: Chat,
    go_through: Callable[[Chat], Awaitable[None]],
    *,
    budget: Budget,
    amount_of: Callable[[str, Usage], Amount],
    stop: Stop,
    listen: Listener,
    tally: Tally,
) -> None:
    """Does the work by batches, or with what they have answered and online.

    Where the transport is not named, what is on its way in a batch is waited for, and all else is asked online. Where
    it is named as `online`, the batches are ended, and what they have not answered is asked online too.

    Raises:
        UsageError: a batch is on its way at an endpoint that this command does not name.
        LongwriterError: what stopped the work.
    """
    from longwriter_cli.llm.batch_api import BatchApi
    from longwriter_cli.llm.openai import OpenAIChat
    from longwriter_cli.stages.batched import Batched
    from longwriter_cli.stages.courier import Courier
    from longwriter_cli.stages.waves import Waves

    by_batch = options.transport == "batch"
    url = _url(batches, options)
    endpoint = OpenAIChat(
        url,
        _key(url, options),
        timeout_s=options.timeout or DEFAULT_TIMEOUT_S,
        context_tokens=options.context_tokens,
        stream="off",
    )
    give_up_after_s = DEFAULT_GIVE_UP_AFTER_S if options.give_up_after is None else options.give_up_after
    courier = Courier(batches, BatchApi(endpoint.transport), stop, listen, give_up_after_s)
    waves = Waves(run, courier, endpoint, budget, amount_of, stop, tally, reserves=by_batch)
    chat = Batched(
        batches,
        endpoint,
        max_attempts=options.max_attempts or DEFAULT_MAX_ATTEMPTS,
        enroll=waves.enroll if by_batch else None,
        online=None if by_batch else online,
        spent=waves.spent,
    )
    try:
        if options.transport == "online" and batches.sent:
            say("note: the batches that are on their way are ended; what they have answered is kept.")
            await waves.end_all()
        await waves.work(chat, lambda: go_through(chat), wait=not options.no_wait)
    finally:
        await endpoint.close()


def _url(batches: Batches, options: Options) -> str:
    """The endpoint that batches are sent to, and come from."""
    from longwriter_cli.llm.address import same_place

    urls = models.base_urls(options)
    places = {sent.endpoint for sent in batches.sent.values()}
    return next((url for url in urls if any(same_place(url, place) for place in places)), urls[0])


def _key(url: str, options: Options) -> str:
    """The key, if there is one: where there is something to ask, it was looked for before."""
    try:
        return models.api_key(url, options)
    except UsageError:
        return models.NO_KEY
