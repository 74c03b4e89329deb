"""Many machines: what is asked of outside is asked by actors on the nodes of a Ray cluster, one on each node.

A `Fleet` keeps an actor on every node that is there, also on those that join later. A chain of work takes a seat with
one actor and stays there, as long as that is alive; its callables run here, and what they ask the fleet for runs there.
So all that is decided or written is decided and written in this process. Where an actor or its node is lost, so are the
calls that it had under way and nothing else: the seat is with another actor from then on.

Knows neither models nor files: an actor serves whatever object the fleet is given a recipe for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from longwriter_cli import __version__
from longwriter_cli.engine.cluster import connect, end, knock, last_line, take_sigterm_back, why_lost
from longwriter_cli.engine.limits import Clock
from longwriter_cli.engine.pool import CarryOut, Open, Pool
from longwriter_cli.engine.stop import Stop
from longwriter_cli.errors import UsageError

LOOK_S = 2.0  # between two looks at which nodes there are
JOIN_S = 60.0  # for an actor to start: its node may have to import everything over a network
REJOIN_S = 30.0  # before a node whose actor did not start is asked again
PATIENCE_S = 10.0  # for a call to find an actor, where there is none

K = TypeVar("K")
Make = Callable[[], Any]
Tell = Callable[[str], None]


class ActorLost(Exception):
    """A call was lost with its actor, or there is none. It may have reached the outside, and may be made again."""


@dataclass(frozen=True, slots=True)
class ActorFigures:
    """What an actor does: calls that it brought back since it joined, in all and a second, and calls under way."""

    node: str
    calls: int
    calls_per_s: float
    in_flight: int


@dataclass(eq=False, slots=True)
class _Member:
    """An actor, on a node of the cluster."""

    node_id: str
    node: str
    actor: Any
    joined_at: float
    seats: int = 0
    calls: int = 0
    in_flight: int = 0


@dataclass(eq=False, slots=True)
class _Seat:
    member: _Member | None = None


_seat: ContextVar[_Seat | None] = ContextVar("longwriter_seat", default=None)


class Served:
    """What runs as an actor. The recipe is its argument: in Ray, only a runtime environment would be logged."""

    def __init__(self, make: Make) -> None:
        self._served = make()

    async def version(self) -> str:
        return __version__

    async def call(self, method: str, *arguments: Any) -> Any:
        return await getattr(self._served, method)(*arguments)


class Fleet:
    """The actors of a run, and who works with which. Nothing is started before the first call.

    Args:
        address: of the cluster, as `ray.init` takes it; `local` starts one on this machine.
        make: makes what each actor serves. Pickled, so it is a function of a module, or a `partial` of one.
        at_once: most calls under way on one actor.
        tell: is told when nodes come and go.
        clock: counts seconds from any beginning.
    """

    def __init__(
        self,
        address: str,
        make: Make,
        *,
        at_once: int,
        tell: Tell = lambda message: None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._address = address
        self._make = make
        self._at_once = at_once
        self._tell = tell
        self._clock = clock
        self._members: dict[str, _Member] = {}  # by node
        self._joining: dict[str, asyncio.Task[None]] = {}
        self._refusals: dict[str, tuple[float, str]] = {}  # nodes whose actor did not start: when, and why
        self._changed = asyncio.Event()
        self._starting = asyncio.Lock()
        self._watcher: asyncio.Task[None] | None = None

    # --- what a run sees of it

    def pool(
        self, open_chain: Open[K], carry_out: CarryOut[K], *, slots: int, stop: Stop, grace_s: float = 10.0
    ) -> Pool[K]:
        """A `Pool`, made with the same arguments, whose chains each have a seat with one of the actors."""

        async def open_there(chain: K) -> int | None:
            with self._seated():
                return await open_chain(chain)

        async def carry_out_there(chain: K) -> None:
            with self._seated():
                await carry_out(chain)

        return Pool(open_there, carry_out_there, slots=slots, stop=stop, grace_s=grace_s)

    async def call(self, method: str, *arguments: Any) -> Any:
        """Calls a method of what the actors serve, on the one that this chain has its seat with.

        Raises:
            ActorLost: the actor died meanwhile, or there has been none for `PATIENCE_S` seconds.
            NotNow: the cluster cannot be reached.
            UsageError: no node of it can run an actor.
        """
        await self._start()
        from ray.exceptions import RayError, RayTaskError

        member = await self._member()
        member.in_flight += 1
        try:
            answer = await member.actor.call.remote(method, *arguments)
        except RayTaskError:
            raise  # a fault of what is served, not of the cluster
        except RayError as error:
            self._lose(member, why_lost(error))
            raise ActorLost(f"the actor on {member.node} was lost") from None
        finally:
            member.in_flight -= 1
        member.calls += 1
        return answer

    def figures(self) -> list[ActorFigures]:
        """What each actor does, in the order in which they joined."""
        now = self._clock()
        return [
            ActorFigures(member.node, member.calls, member.calls / max(1e-6, now - member.joined_at), member.in_flight)
            for member in self._members.values()
        ]

    async def close(self) -> None:
        """Ends the actors, and with them what they have under way; a cluster that is not ours goes on."""
        if self._watcher is None:
            return
        tasks = [self._watcher, *self._joining.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for member in list(self._members.values()):
            end(member.actor)
        self._members.clear()
        import ray

        try:
            await asyncio.to_thread(ray.shutdown)
        finally:
            take_sigterm_back()

    # --- seats

    @contextmanager
    def _seated(self) -> Iterator[None]:
        seat = _Seat()
        token = _seat.set(seat)
        try:
            yield
        finally:
            _seat.reset(token)
            if seat.member is not None:
                seat.member.seats -= 1

    async def _member(self) -> _Member:
        """The actor of this chain's seat; the one with the fewest seats where it has none, or has lost it."""
        seat = _seat.get() or _Seat()
        member = seat.member
        if member is not None and self._members.get(member.node_id) is member:
            return member
        while not self._members:
            if self._refusals and not self._joining:
                why = "; ".join(reason for _, reason in self._refusals.values())
                raise UsageError(
                    f"No node of the Ray cluster can run an actor: {why}.",
                    f"Install longwriter-cli[ray] {__version__} with the same Python on each node.",
                )
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), JOIN_S if self._joining else PATIENCE_S)
            except TimeoutError:
                raise ActorLost("no node of the Ray cluster has an actor") from None
        fewest = min(self._members.values(), key=lambda other: (other.seats, other.in_flight))
        if seat.member is not None:
            seat.member.seats -= 1
        seat.member = fewest
        fewest.seats += _seat.get() is not None
        return fewest

    # --- the cluster

    async def _start(self) -> None:
        if self._watcher is None:
            async with self._starting:
                if self._watcher is None:
                    await knock(self._address)
                    try:
                        await asyncio.to_thread(connect, self._address)
                    finally:
                        take_sigterm_back()
                    self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        """Keeps an actor on each node."""
        import ray

        while True:
            with suppress(Exception):  # the cluster may be away for a moment; calls tell if it is lost
                self._look_at(await asyncio.to_thread(ray.nodes))
            await asyncio.sleep(LOOK_S)

    def _look_at(self, nodes: list[Mapping[str, Any]]) -> None:
        alive = {str(node["NodeID"]): node for node in nodes if node["Alive"]}
        # A head that takes no work says so by having no processors.
        able = {id: node for id, node in alive.items() if node["Resources"].get("CPU")} or alive  # noqa: A001 - Ray's word
        for member in list(self._members.values()):
            if member.node_id not in alive:
                self._lose(member, "the node has left")
        now = self._clock()
        for node_id, node in able.items():
            refused_at, _ = self._refusals.get(node_id, (float("-inf"), ""))
            if node_id not in self._members and node_id not in self._joining and now - refused_at >= REJOIN_S:
                name = f"{node['NodeManagerAddress']} ({node_id[:6]})"
                self._joining[node_id] = asyncio.create_task(self._join(node_id, name))

    async def _join(self, node_id: str, node: str) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        actor = None
        try:
            placed = ray.remote(Served).options(
                num_cpus=0,
                max_concurrency=self._at_once,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node_id, soft=False),
            )
            actor = placed.remote(self._make)
            version = await asyncio.wait_for(actor.version.remote(), JOIN_S)
            if version != __version__:
                raise RuntimeError(f"longwriter-cli {version} stands there, and {__version__} here")
        except Exception as error:  # whatever keeps it from starting, others may start
            if actor is not None:
                end(actor)
            reason = f"none within {JOIN_S:g} s" if isinstance(error, TimeoutError) else last_line(error)
            self._refusals[node_id] = (self._clock(), f"{node}: {reason}")
            self._tell(f"no actor on node {node}: {reason}")
        else:
            self._refusals.pop(node_id, None)
            self._members[node_id] = _Member(node_id, node, actor, self._clock())
            self._tell(f"an actor on node {node} has joined")
        finally:
            self._joining.pop(node_id, None)
            self._changed.set()

    def _lose(self, member: _Member, why: str) -> None:
        if self._members.get(member.node_id) is not member:
            return  # another one of its calls has told that already
        del self._members[member.node_id]
        end(member.actor)
        self._tell(
            f"the actor on node {member.node} is lost: {why}; calls that it had under way, and that are made again: "
            f"{member.in_flight}"
        )
