"""The pool: everything once, the longest first, no slot idle while there is work, and a stop in good order."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import pytest
from clock import now_s, run
from hypothesis import given, settings
from hypothesis import strategies as st

from longwriter_cli.engine.pool import WINDOW_PER_SLOT, Pool
from longwriter_cli.engine.stop import Halted, Stop
from longwriter_cli.errors import DiskFailed


@dataclass
class Chain:
    """Seconds of its planning call and of each of its sections; `work` is what planning says that it holds."""

    plan_s: float = 1.0
    sections_s: list[float] = field(default_factory=list)
    work: int | None = None

    def opened(self) -> int | None:
        return round(sum(self.sections_s)) if self.work is None else self.work

    def total_s(self) -> float:
        return self.plan_s + sum(self.sections_s)


class Diary:
    """Carries chains out by sleeping, and writes down what happened when."""

    def __init__(self, chains: list[Chain], *, slots: int = 1, grace_s: float = 10.0) -> None:
        self.chains = chains
        self.log: list[tuple[float, str, int]] = []
        self.busy = self.most_busy = 0
        self.stop = Stop()
        self.pool: Pool[int] = Pool(self.open, self.carry_out, slots=slots, stop=self.stop, grace_s=grace_s)

    async def open(self, chain: int) -> int | None:
        self._note("open", chain)
        await self._busy(self.chains[chain].plan_s)
        self._note("opened", chain)
        return self.chains[chain].opened() if self.chains[chain].sections_s else None

    async def carry_out(self, chain: int) -> None:
        self._note("begin", chain)
        for seconds in self.chains[chain].sections_s:
            self.stop.check()
            await self._busy(seconds)
            self._note("section", chain)
        self._note("end", chain)

    async def _busy(self, seconds: float) -> None:
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.busy -= 1

    def _note(self, what: str, chain: int) -> None:
        self.log.append((now_s(), what, chain))

    def order(self, what: str) -> list[int]:
        return [chain for _, event, chain in self.log if event == what]

    def run(self, unopened: Iterable[int] | None = None, opened: Iterable[tuple[int, int]] = ()) -> float:
        """Runs the pool and returns the seconds that it took."""

        async def main() -> float:
            await self.pool.run(range(len(self.chains)) if unopened is None else unopened, opened)
            return now_s()

        return run(main())


def at(seconds: float, do: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, do)


CHAINS = st.builds(
    Chain,
    plan_s=st.floats(0, 20),
    sections_s=st.lists(st.floats(0, 60), max_size=6),
)


# --- everything, once


@settings(max_examples=60, deadline=None)
@given(chains=st.lists(CHAINS, max_size=40), slots=st.integers(1, 12), given_open=st.integers(0, 40))
def test_every_chain_is_opened_once_and_carried_out_once(chains: list[Chain], slots: int, given_open: int) -> None:
    diary = Diary(chains, slots=slots)
    given_open = min(given_open, len(chains))
    diary.run(range(given_open, len(chains)), [(chains[i].opened() or 0, i) for i in range(given_open)])
    assert Counter(diary.order("open")) == Counter(range(given_open, len(chains)))
    worth_it = [i for i, chain in enumerate(chains) if chain.sections_s or i < given_open]
    assert Counter(diary.order("end")) == Counter(worth_it)
    assert diary.most_busy <= slots


@settings(max_examples=60, deadline=None)
@given(chains=st.lists(CHAINS, min_size=1, max_size=40), slots=st.integers(1, 12))
def test_no_run_takes_longer_than_greedy_scheduling_can(chains: list[Chain], slots: int) -> None:
    """Graham's bound: whoever keeps no slot idle needs at most (work / slots) + the longest chain."""
    total = sum(chain.total_s() for chain in chains)
    longest = max(chain.total_s() for chain in chains)
    assert Diary(chains, slots=slots).run() <= total / slots + longest + 1e-6


def test_nothing_to_do_takes_no_time() -> None:
    assert Diary([], slots=4).run() == 0


def test_a_pool_without_a_slot_is_an_error_and_not_a_run_that_does_nothing() -> None:
    with pytest.raises(ValueError, match="slot"):
        Diary([Chain()], slots=0)


def test_a_chain_that_opens_to_nothing_is_not_carried_out() -> None:
    diary = Diary([Chain(sections_s=[]), Chain(sections_s=[1.0])])
    diary.run()
    assert diary.order("begin") == [1]


# --- the order


def test_the_chains_are_opened_in_the_order_given() -> None:
    diary = Diary([Chain(sections_s=[1.0])] * 5, slots=1)
    diary.run([3, 1, 4, 0, 2])
    assert diary.order("open") == [3, 1, 4, 0, 2]


def test_the_longest_open_chain_is_carried_out_first() -> None:
    diary = Diary([Chain(sections_s=[seconds]) for seconds in (2.0, 9.0, 1.0, 5.0)], slots=1)
    diary.run()
    assert diary.order("begin") == [1, 3, 0, 2]


def test_chains_that_were_open_before_compete_by_what_is_left_of_them() -> None:
    diary = Diary([Chain(sections_s=[4.0]), Chain(sections_s=[9.0]), Chain(sections_s=[6.0])], slots=1)
    diary.run([2], [(4, 0), (9, 1)])
    assert diary.order("begin") == [1, 2, 0]


def test_among_equals_the_first_comes_first() -> None:
    diary = Diary([Chain(sections_s=[5.0])] * 4, slots=1)
    diary.run()
    assert diary.order("begin") == [0, 1, 2, 3]


def test_opening_goes_before_writing_until_the_window_is_full() -> None:
    diary = Diary([Chain(sections_s=[1.0])] * 20, slots=1)
    diary.run()
    begun = next(place for place, (_, what, _) in enumerate(diary.log) if what == "begin")
    assert sum(what == "open" for _, what, _ in diary.log[:begun]) == WINDOW_PER_SLOT


@settings(max_examples=40, deadline=None)
@given(chains=st.lists(CHAINS, max_size=60), slots=st.integers(1, 3))
def test_never_more_than_the_window_is_opened_and_waiting(chains: list[Chain], slots: int) -> None:
    diary = Diary(chains, slots=slots)
    diary.run()
    waiting = 0
    for _, what, chain in diary.log:
        waiting += {"open": 1, "begin": -1}.get(what, 0)
        waiting -= what == "opened" and not chains[chain].sections_s
        assert waiting <= WINDOW_PER_SLOT * slots


def test_there_is_no_barrier_between_opening_and_writing() -> None:
    """One planning call that takes an hour holds up nothing but its own chain."""
    diary = Diary([Chain(plan_s=3600.0, sections_s=[1.0])] + [Chain(sections_s=[1.0])] * 3, slots=2)
    assert diary.run() == pytest.approx(3601.0)
    ends = {chain: when for when, what, chain in diary.log if what == "end"}
    assert max(ends[1], ends[2], ends[3]) <= 6.0


def test_a_chain_that_is_opened_when_other_slots_have_no_work_left_is_carried_out_at_once() -> None:
    chains = [Chain(plan_s=10.0, sections_s=[100.0]), Chain(plan_s=50.0, sections_s=[100.0]), Chain(sections_s=[])]
    assert Diary(chains, slots=3).run() == pytest.approx(150.0)
    assert Diary(chains, slots=2).run(iter([0, 1])) == pytest.approx(150.0)


@pytest.mark.parametrize("seed", range(4))
def test_500_chains_in_64_slots_take_at_most_a_tenth_more_than_the_bound(seed: int) -> None:
    """The bound: all work spread evenly, or the longest chain. Measured: 1.029 at most over 12 seeds."""
    rng = random.Random(seed)
    chains = []
    for _ in range(500):
        words = round(min(32_000, max(2_000, rng.lognormvariate(8.7, 0.8))))
        n, seconds_a_word = max(1, words // 600), rng.uniform(0.015, 0.03)
        sections_s = [words / n * seconds_a_word * rng.uniform(0.7, 1.3) for _ in range(n)]
        chains.append(Chain(rng.uniform(5, 20), sections_s, work=words))
    bound = max(sum(chain.total_s() for chain in chains) / 64, max(chain.total_s() for chain in chains))
    took = Diary(chains, slots=64).run(sorted(range(500), key=lambda chain: -(chains[chain].work or 0)))
    assert took <= 1.10 * bound


# --- stopping


def stopped(diary: Diary, when_s: float, *more: Callable[[], None]) -> float:
    """Runs, requests a stop after `when_s`, and gives the second in which the pool ended."""

    async def main() -> float:
        at(when_s, lambda: diary.stop.request(OSError("told to stop")))
        for do in more:
            do()
        with pytest.raises(OSError, match="told to stop"):
            await diary.pool.run(range(len(diary.chains)))
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return now_s()

    return run(main())


def test_a_stop_lets_the_calls_under_way_end_and_begins_no_other() -> None:
    diary = Diary([Chain(plan_s=0.0, sections_s=[4.0, 4.0, 4.0])] * 5, slots=2)
    when_s = stopped(diary, 6.0)
    assert when_s == pytest.approx(8.0)  # the second section of both
    assert len(diary.order("section")) == 4
    assert len(diary.order("begin")) == 2


def test_after_the_grace_the_calls_under_way_are_given_up() -> None:
    diary = Diary([Chain(plan_s=0.0, sections_s=[1000.0])] * 2, slots=2, grace_s=10.0)
    when_s = stopped(diary, 6.0)
    assert when_s == pytest.approx(16.0)
    assert diary.order("section") == []
    assert diary.busy == 0


def test_a_stop_at_once_gives_up_the_calls_under_way() -> None:
    diary = Diary([Chain(plan_s=0.0, sections_s=[1000.0])] * 2, slots=2)
    when_s = stopped(diary, 6.0, lambda: at(6.0, lambda: diary.stop.request(OSError(), at_once=True)))
    assert when_s == pytest.approx(6.0)


def test_a_second_word_cuts_the_grace_short() -> None:
    diary = Diary([Chain(plan_s=0.0, sections_s=[1000.0])] * 2, slots=2)
    when_s = stopped(diary, 6.0, lambda: at(9.0, lambda: diary.stop.request(OSError("again"), at_once=True)))
    assert when_s == pytest.approx(9.0)


def test_slots_without_work_do_not_hold_up_a_stop() -> None:
    diary = Diary([Chain(plan_s=1000.0, sections_s=[1.0])], slots=5, grace_s=10.0)
    when_s = stopped(diary, 6.0)
    assert when_s == pytest.approx(16.0)


def test_a_stop_before_the_run_begins_nothing() -> None:
    diary = Diary([Chain(sections_s=[1.0])] * 3)

    async def main() -> None:
        diary.stop.request(OSError("early"))
        with pytest.raises(OSError, match="early"):
            await diary.pool.run(range(3))

    run(main())
    assert diary.log == []


def test_a_stop_that_comes_with_the_last_result_is_still_told() -> None:
    diary = Diary([Chain(plan_s=0.0, sections_s=[4.0])])
    when_s = stopped(diary, 4.0)
    assert when_s == pytest.approx(4.0)


# --- what goes wrong inside


def raising(error: BaseException, *, opening: bool, grace_s: float = 10.0) -> tuple[BaseException | None, float]:
    """Chain 0 raises after 5 s, chains 1 to 3 take 8 s; gives what came out of the pool and when."""

    async def main() -> tuple[BaseException | None, float]:
        async def fail(chain: int) -> int:
            await asyncio.sleep(5 if chain == 0 else 8)
            if chain == 0:
                raise error
            return 1

        async def open_chain(chain: int) -> int:
            return await fail(chain) if opening else 1

        async def carry_out(chain: int) -> None:
            await fail(chain)

        pool: Pool[int] = Pool(open_chain, carry_out, slots=4, stop=Stop(), grace_s=grace_s)
        caught: BaseException | None = None
        try:
            await pool.run(range(4))
        except Exception as raised:
            caught = raised
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return caught, now_s()

    return run(main())


@pytest.mark.parametrize("opening", [True, False])
def test_an_exception_stops_the_pool_and_is_raised_after_the_others_ended(opening: bool) -> None:
    error = KeyError("a bug")
    raised, when_s = raising(error, opening=opening)
    assert raised is error
    assert when_s == pytest.approx(8.0)


def test_where_the_disk_fails_nothing_is_waited_for() -> None:
    error = DiskFailed("full")
    raised, when_s = raising(error, opening=False)
    assert raised is error
    assert when_s == pytest.approx(5.0)


def test_halted_ends_its_slot_quietly() -> None:
    raised, when_s = raising(Halted(), opening=False)
    assert raised is None
    assert when_s == pytest.approx(8.0)


@pytest.mark.parametrize("opening", [True, False])
def test_a_cancellation_that_escapes_a_library_is_not_taken_for_the_end_of_the_work(opening: bool) -> None:
    raised, _ = raising(asyncio.CancelledError("by an HTTP library"), opening=opening)
    assert isinstance(raised, RuntimeError)
    assert "by an HTTP library" in str(raised)


def test_a_source_that_fails_midway_stops_the_pool() -> None:
    def source() -> Iterable[int]:
        yield 0
        raise OSError("unreadable")

    diary = Diary([Chain(sections_s=[1.0])] * 2, slots=2)
    with pytest.raises(OSError, match="unreadable"):
        diary.run(source())


def test_a_cancelled_run_leaves_no_task_behind() -> None:
    diary = Diary([Chain(sections_s=[1000.0])] * 3, slots=2)

    async def main() -> set[asyncio.Task[object]]:
        running = asyncio.create_task(diary.pool.run(range(3)))
        await asyncio.sleep(5)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert run(main()) == set()
    assert diary.busy == 0


def test_a_run_that_ended_leaves_no_task_behind() -> None:
    diary = Diary([Chain(sections_s=[1.0])] * 3, slots=2)

    async def main() -> set[asyncio.Task[object]]:
        await diary.pool.run(range(3))
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert run(main()) == set()


@settings(max_examples=60, deadline=None)
@given(
    chains=st.lists(CHAINS, min_size=1, max_size=20),
    slots=st.integers(1, 6),
    when_s=st.floats(0, 200),
    grace_s=st.floats(0, 30),
)
def test_whenever_a_stop_comes_the_pool_ends_within_the_grace(
    chains: list[Chain], slots: int, when_s: float, grace_s: float
) -> None:
    diary = Diary(chains, slots=slots, grace_s=grace_s)

    async def main() -> float:
        at(when_s, lambda: diary.stop.request(OSError("told to stop")))
        outcome: Awaitable[None] = diary.pool.run(range(len(chains)))
        try:
            await outcome
        except OSError:
            assert now_s() >= when_s - 1e-6
        else:
            assert Counter(diary.order("end")) == Counter(i for i, chain in enumerate(chains) if chain.sections_s)
            return 0.0
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return now_s()

    assert run(main()) <= when_s + grace_s + 1e-6
    assert diary.busy == 0
