"""The part of a command that calls a model: client, limits, signals and progress around the work itself."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from longwriter_cli.cli import chat as models
from longwriter_cli.cli import signals
from longwriter_cli.cli.batched import work_with_batches
from longwriter_cli.cli.meter import Meter
from longwriter_cli.cli.options import DEFAULT_GIVE_UP_AFTER_S, DEFAULT_GRACE_S, DEFAULT_MAX_ATTEMPTS, Options
from longwriter_cli.cli.progress import Progress, display
from longwriter_cli.engine import events
from longwriter_cli.engine.budget import Amount, Budget
from longwriter_cli.engine.gate import Gate
from longwriter_cli.engine.limits import Allowance, Line, TokenBucket
from longwriter_cli.engine.pool import MakePool, Pool
from longwriter_cli.engine.stop import Stop
from longwriter_cli.errors import LongwriterError, Stopped, UsageError
from longwriter_cli.llm.base import Chat
from longwriter_cli.llm.prices import Prices
from longwriter_cli.llm.retry import Retrying
from longwriter_cli.prompts import Templates
from longwriter_cli.records import Usage
from longwriter_cli.settings import Settings
from longwriter_cli.stages.agentwrite import AgentWrite
from longwriter_cli.stages.answering import Answering
from longwriter_cli.stages.failures import RetryPolicy
from longwriter_cli.stages.limited import CostOf, Limited, Paid
from longwriter_cli.stages.plan import Planner
from longwriter_cli.stages.unrecorded import Unrecorded
from longwriter_cli.stages.write import Writer
from longwriter_cli.store.batches import Batches
from longwriter_cli.store.run import Run


@dataclass(frozen=True)
class Calls:
    """What the work of a command is given: a model to ask, and what it must heed and tell on the way."""

    chat: Chat
    stop: Stop
    listen: events.Listener
    retry: RetryPolicy
    slots: int
    grace_s: float
    pool: MakePool

    def agentwrite(self, run: Run, settings: Settings, templates: Templates) -> AgentWrite:
        """What plans and writes the instructions of a run."""
        planner, writer = Planner(self.chat, settings, templates), Writer(self.chat, settings, templates)
        return AgentWrite(run, planner, writer, settings, self.stop, self.listen, self.retry, self.pool)

    def answering(self, run: Run) -> Answering:
        """What has questions answered, and keeps the answers in a run."""
        return Answering(run, self.stop, self.listen, self.retry, self.pool)


Work = Callable[[Calls], Awaitable[None]]


async def call_model(run: Run, settings: Settings, options: Options, meter: Meter, work: Work) -> None:
    """Does the work on an open run, within the limits of the options, until it is done or the run is stopped.

    Raises:
        LongwriterError: what stopped it.
    """
    stop = Stop()
    slots = models.slots(settings, options)
    progress = Progress(meter, display(options.progress or "auto", verbose=bool(options.verbose)))
    unrecorded = Unrecorded()
    fleet = models.fleet(settings, options, slots, lambda message: progress.listen(events.Notice(message)))
    cost_of = _cost_of(options)
    amount_of = _amount_of(settings, cost_of)
    budget = _budget(run, options, amount_of)
    behind_limits = _limits(options, stop, slots, budget, cost_of, unrecorded.pay)
    chat = Retrying(
        models.Connection(lambda: models.connect(settings, options, slots, behind_limits, fleet), slots),
        max_attempts=options.max_attempts or DEFAULT_MAX_ATTEMPTS,
        give_up_after_s=DEFAULT_GIVE_UP_AFTER_S if options.give_up_after is None else options.give_up_after,
        sleep=stop.sleep,
        on_retry=lambda problem, wait_s: progress.listen(events.Retrying(problem, wait_s)),
        tally=meter.tally,
    )

    def listen(event: events.Event) -> None:
        unrecorded.listen(event)
        progress.listen(event)

    pool: MakePool = Pool
    if fleet is not None:
        pool, meter.actors = fleet.pool, fleet.figures
    grace_s = DEFAULT_GRACE_S if options.grace is None else options.grace
    loop, told = asyncio.get_running_loop(), _teller(stop, grace_s, progress.listen)

    def go_through(asked: Chat) -> Awaitable[None]:
        return work(Calls(asked, stop, listen, _retry_policy(options), slots, grace_s, pool))

    batches = Batches(run.directory)
    try:
        with progress, signals.heard(lambda number: loop.call_soon_threadsafe(told, number)):
            if options.transport == "batch" or batches:
                await work_with_batches(
                    run,
                    batches,
                    options,
                    chat,
                    go_through,
                    budget=budget,
                    amount_of=amount_of,
                    stop=stop,
                    listen=listen,
                    tally=meter.tally,
                )
            else:
                await go_through(chat)
    finally:
        batches.close()
        with suppress(LongwriterError):  # then the run has stopped for that already, or will the next time
            for failure in unrecorded.rows():
                run.add_failure(failure)
        await chat.close()
        if fleet is not None:
            await fleet.close()


def _cost_of(options: Options) -> CostOf:
    return lambda model, usage: (cost_usd({model: usage}, options) or 0.0) if options.max_cost is not None else 0.0


def _amount_of(settings: Settings, cost_of: CostOf) -> Callable[[str, Usage], Amount]:
    # A name that answered and stands in no list costs what the model that was asked for does.
    return lambda model, usage: Amount(usage.total_tokens, cost_of(model, usage) or cost_of(settings.model, usage))


def _budget(run: Run, options: Options, amount_of: Callable[[str, Usage], Amount]) -> Budget:
    spent = sum((amount_of(model, usage) for model, usage in run.usage().items()), Amount())
    return Budget(max_cost_usd=options.max_cost, max_tokens=options.max_total_tokens, spent=spent)


def _limits(options: Options, stop: Stop, slots: int, budget: Budget, cost_of: CostOf, paid: Paid) -> models.Wrap:
    """Puts an endpoint behind the limits that the options set: budget and rates are those of all endpoints together.

    How many calls at once, and what is left of the endpoint's own rates, each endpoint is asked for itself: what one
    says holds back no other.
    """
    rates = Line(
        TokenBucket(options.rpm) if options.rpm else None,
        TokenBucket(options.tpm) if options.tpm else None,
        sleep=stop.sleep,
    )

    def behind_limits(endpoint: Chat) -> Chat:
        left = Line(Allowance(), Allowance(), sleep=stop.sleep)
        return Limited(endpoint, Gate(slots), budget, stop.check, cost_of, paid, rates, left)

    return behind_limits


def cost_usd(usage: Mapping[str, Usage], options: Options) -> float | None:
    """What the tokens of each model cost in USD, or None where a price is not known."""
    prices = Prices(options.price_in, options.price_out, options.price_cached)
    return prices.cost_usd(usage, models.base_urls(options)[0])


def check_prices(settings: Settings, options: Options) -> None:
    """Refuses `--max-cost` where the cost could not be known.

    Raises:
        UsageError: names the model without a price.
    """
    if options.max_cost is None:
        return
    for model in settings.models():
        if cost_usd({model: Usage(1, 0, 1)}, options) is None:
            raise UsageError(
                f"--max-cost cannot be kept: no price list knows the model {model!r}.",
                "Give its prices with --price-in and --price-out, or use --max-total-tokens.",
            )


def _retry_policy(options: Options) -> RetryPolicy:
    if options.retry_failed:
        return "all"
    return "none" if options.keep_failures else "by_kind"


def _teller(stop: Stop, grace_s: float, listen: events.Listener) -> Callable[[int], None]:
    """Is told of signals: the first one asks for a stop in good order, a second one for a stop at once."""

    heard = False

    def told(number: int) -> None:
        nonlocal heard
        name = signal.Signals(number).name
        reason = Stopped(f"Stopped by {name}; everything answered is kept.", number)
        stop.request(reason, at_once=heard)
        if not heard:
            heard = True
            # The run may have been stopping already, for a reason that knows no grace.
            asyncio.get_running_loop().call_later(grace_s, lambda: stop.request(reason, at_once=True))
            listen(events.Notice(f"{name}: answers in flight get {grace_s:g} s; once more stops at once."))

    return told
