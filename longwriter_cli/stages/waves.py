"""Work done by batches, wave after wave: go through it all, send what was asked, wait, go through it again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from longwriter_cli.engine.budget import Amount, Budget
from longwriter_cli.engine.events import Notice
from longwriter_cli.engine.stop import Stop
from longwriter_cli.errors import BatchPending, BudgetReached, EndpointDown, EndpointRefused
from longwriter_cli.llm.base import Request
from longwriter_cli.llm.batch_form import QueueFull, request_line
from longwriter_cli.llm.retry import Tally
from longwriter_cli.records import Usage
from longwriter_cli.stages.batched import Batched, Endpoint, expected_by_batch
from longwriter_cli.stages.clock import now
from longwriter_cli.stages.courier import Courier, Ended
from longwriter_cli.stages.wave import Cut, Enrolled, Wave
from longwriter_cli.store.batch_rows import Sent
from longwriter_cli.store.batches import Key
from longwriter_cli.store.run import Run
from longwriter_cli.text.display import counted

FIRST_POLL_S = 5.0
LONGEST_POLL_S = 300.0
_POLL_GROWTH = 1.5
_QUEUE_SHARE = 0.9  # of the limit that is named: how the endpoint counts tokens is not known


@dataclass
class Waves:
    """The batches of one command.

    Args:
        endpoint: makes bodies and reads answers.
        amount_of: the tokens of a model, and what they cost.
        reserves: whether the budget is to hold what is on its way; not where calls beside wait for room in it.
        clock: seconds from any beginning.
    """

    run: Run
    courier: Courier
    endpoint: Endpoint
    budget: Budget
    amount_of: Callable[[str, Usage], Amount]
    stop: Stop
    tally: Tally
    reserves: bool = True
    clock: Callable[[], float] = time.monotonic
    _wave: Wave = field(init=False)
    _held: dict[str, tuple[Amount, Amount]] = field(default_factory=dict, init=False)  # expected, reserved
    _failing_since: float | None = field(default=None, init=False)
    _put_off: bool = field(default=False, init=False)
    _over_budget: BudgetReached | None = field(default=None, init=False)
    _given: tuple[Amount, Amount] = field(default=(Amount(), Amount()), init=False)  # expected, actual

    def __post_init__(self) -> None:
        self.batches = self.courier.batches
        self._wave = Wave(self.run.directory)

    # --- what `Batched` is given

    def enroll(self, key: Key, request: Request, is_repeat: bool) -> None:
        """Takes a request into the next wave."""
        body, _ = self.endpoint.body(request)
        line = request_line(key.hex(), body)
        self._wave.add(key, line, request.model, expected_by_batch(request), is_repeat=is_repeat)

    def spent(self, request: Request, usage: Usage, model: str) -> None:
        """Counts an answer, and learns from it what others will cost."""
        actual = self.amount_of(model, usage)
        self.budget.spend(actual)
        if usage.total_tokens:
            expected, had = self._given
            self._given = expected + self.amount_of(request.model, expected_by_batch(request)), had + actual

    # --- the waves

    async def work(self, chat: Batched, go_through: Callable[[], Awaitable[None]], *, wait: bool) -> None:
        """Goes through the work until nothing of it waits for an answer; without `wait`, once.

        Raises:
            BatchPending: something still waits.
            BudgetReached: what waits would cost too much.
        """
        for sent in self.batches.sent.values():
            self._hold(sent)
        delays = _delays()
        has_looked = not self.batches.sent
        while True:
            chat.begin()
            await go_through()
            self.run.sync()  # before the answers in these rows are let go
            self.batches.tidy(now())
            if not chat.waiting:
                return  # whatever is on its way still: nobody asks for it, and nothing is asked of the endpoint
            if not has_looked:
                has_looked = True
                self._tell_left()
                if await self.stop.unless_at_once(self.look()):
                    self._wave.clear()
                    continue
            self.budget.learn(*self._given)
            self._given = Amount(), Amount()
            if await self.stop.unless_at_once(self.send()) and not self._put_off:
                delays = _delays()
            if not self.batches.sent and self._over_budget is not None:
                raise self._over_budget
            if not wait:
                raise self._pending(chat.waiting)
            await self._wait(delays)

    async def end_all(self) -> None:
        """Has all batches end, and keeps what they have answered by then. What they have not is no longer asked."""
        await self.stop.unless_at_once(self._cancel())
        delays = _delays()
        while self.batches.sent:
            await self._wait(delays)

    async def _cancel(self) -> None:
        for sent in list(self.batches.sent.values()):
            await self.courier.cancel(sent)

    async def look(self) -> int:
        """Takes each batch as far as it goes now; returns how many have ended.

        Raises:
            EndpointRefused: the endpoint refuses all requests of a batch. What it answered before is kept.
            EndpointDown: no batch has brought an answer for too long.
        """
        endings = 0
        refused: EndpointRefused | None = None
        for sent in list(self.batches.sent.values()):
            self.stop.check()
            try:
                if not sent.batch_id:
                    await self.courier.submit(sent)
                ended = await self.courier.look(sent)
            except QueueFull as full:
                self._too_much(sent, full)
                endings += 1
                continue
            if ended is not None:
                endings += 1
                self._note(sent, ended)
                refused = ended.refused or refused
        if refused is not None:
            raise refused
        return endings

    async def send(self) -> int:
        """Sends what has been enrolled, as far as budget and queue have room; returns the number of batches made."""
        made = 0
        try:
            for cut in self._wave.cuts(self._fitting(), self._room):
                self.stop.check()
                sent = Sent(
                    secrets.token_hex(8),
                    now(),
                    self.courier.api.endpoint,
                    cut.model,
                    len(cut.requests),
                    cut.expected.prompt_tokens,
                    cut.expected.completion_tokens,
                )
                self.batches.prepare(sent, self._wave.lines(cut), [enrolled.key for enrolled in cut.requests])
                self._hold(sent)
                try:
                    await self.courier.submit(sent)
                except QueueFull as full:
                    self._too_much(sent, full)
                    continue
                made += 1
                self._count(cut)
        finally:
            self._wave.clear()
        return made

    def _count(self, cut: Cut) -> None:
        self.tally.calls += len(cut.requests)
        self.tally.retries += sum(enrolled.is_repeat for enrolled in cut.requests)

    def _fitting(self) -> Callable[[Enrolled], bool]:
        """Tells for one request after the other whether the budget has room for it too."""
        self._over_budget = None
        planned = Amount()

        def fits(enrolled: Enrolled) -> bool:
            nonlocal planned
            if self._over_budget is None:
                wanted = planned + self.amount_of(enrolled.model, enrolled.expected)
                self._over_budget = self.budget.problem(wanted)
                if self._over_budget is None:
                    planned = wanted
            return self._over_budget is None

        return fits

    def _room(self, model: str) -> int | None:
        """Tokens that the endpoint's queue still takes. Where nothing of ours is in it, one request is tried anyway."""
        most = self.batches.most_tokens.get(model)
        if most is None:
            return None
        queued = [sent.prompt_tokens for sent in self.batches.sent.values() if sent.model == model]
        return max(0, most - sum(queued)) if queued else max(1, most)

    def _hold(self, sent: Sent) -> None:
        if self.reserves:
            expected = self.amount_of(sent.model, Usage(sent.prompt_tokens, 0, sent.completion_tokens).by_batch())
            self._held[sent.id] = expected, self.budget.hold(expected)

    def _release(self, sent: Sent) -> None:
        if (held := self._held.pop(sent.id, None)) is not None:
            self.budget.settle(*held, Amount())  # its answers are counted one by one, as they are given

    # --- what becomes of a batch

    def _note(self, sent: Sent, ended: Ended) -> None:
        self._release(sent)
        self._put_off = not ended.answers
        if ended.answers or ended.refused is not None:
            self._failing_since = None
            return
        # Nothing came of it: that is an outage when it lasts.
        what = f"batch {sent.batch_id} is {ended.status} without an answer" + (f": {ended.why}" if ended.why else "")
        self.courier.listen(Notice(f"{what}; its {sent.requests:,} requests are made again."))
        now_s = self.clock()
        if self._failing_since is None:
            self._failing_since = now_s
        elif now_s - self._failing_since >= self.courier.give_up_after_s:
            raise EndpointDown(
                f"No batch has brought an answer for {now_s - self._failing_since:.0f} s; the last {what}.",
                "Everything is kept. Give the same command again when the endpoint is back.",
            )

    def _too_much(self, sent: Sent, full: QueueFull) -> None:
        """The queue does not take so much: what was sent is not on its way, and is cut smaller the next time."""
        self._release(sent)
        self._put_off = True
        alone = sent.requests == 1 and 0 < full.limit < sent.prompt_tokens
        most = max(1, sent.prompt_tokens // 2)
        self.batches.end(sent, "failed", (), now(), most_tokens=most, queue_limit=int(full.limit * _QUEUE_SHARE))
        if alone:
            raise EndpointRefused(
                f"One request of about {sent.prompt_tokens:,} tokens is more than the endpoint takes at all: {full}",
                "Leave out --transport batch, or ask the endpoint for a higher limit.",
            )
        what = f"{full}; its {sent.requests:,} requests are sent in smaller batches."
        self.courier.listen(Notice(f"batch {sent.batch_id or sent.id}: {what}"))

    # --- waiting

    def _tell_left(self) -> None:
        if not self.reserves:
            requests = sum(sent.requests for sent in self.batches.sent.values())
            are = "is on its way in a batch and is" if requests == 1 else "are on their way in batches and are"
            what = f"{counted(requests, 'request')} {are} waited for; all else is asked online"
            way_out = "--transport online ends the batches, --transport batch goes on with them."
            self.courier.listen(Notice(f"{what}. {way_out}"))

    async def _wait(self, delays: Iterator[float]) -> None:
        """Looks after the batches, ever more seldom, until one has ended."""
        while True:
            await self.stop.unless_at_once(self.stop.sleep(next(delays)))
            endings = await self.stop.unless_at_once(self.look())
            if endings or not self.batches.sent:
                return

    def _pending(self, waiting: int) -> BatchPending:
        requests, batches = sum(sent.requests for sent in self.batches.sent.values()), len(self.batches.sent)
        where = "a batch" if batches == 1 else f"{batches} batches"
        are = "is on its way" if requests == 1 else "are on their way"
        what = f"{counted(requests, 'request')} {are} in {where}"
        if not batches:
            what = f"{counted(waiting, 'request')} {'waits' if waiting == 1 else 'wait'}"
        return BatchPending(f"Not done yet: {what}.", "Give the same command again later; cron does.")


def _delays() -> Iterator[float]:
    delay = FIRST_POLL_S
    while True:
        yield delay
        delay = min(LONGEST_POLL_S, delay * _POLL_GROWTH)
