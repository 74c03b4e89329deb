"""The program with another order of work, to hold its own against: `variants.py first-come|static build-dataset …`.

first-come: each slot takes the next instruction of the file, plans it and writes it to its end. static: the
instructions are dealt out to the slots beforehand, as one does who splits a file over processes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import count
from typing import TypeVar

from longwriter_cli.engine.pool import Pool

K = TypeVar("K")


class FirstCome(Pool[K]):
    async def run(self, unopened: Iterable[K], opened: Iterable[tuple[int, K]] = ()) -> None:
        # Positions in the order of the file: the stage hands them over longest first.
        await super().run(sorted(unopened), opened)  # type: ignore[type-var]  # positions

    async def _take_one(self) -> bool:
        for chain in self._unopened:
            await self._from_end_to_end(chain)
            return True
        return False

    async def _from_end_to_end(self, chain: K) -> None:
        if await self._open_chain(chain) is not None:
            await self._carry_out(chain)


class Static(FirstCome[K]):
    async def run(self, unopened: Iterable[K], opened: Iterable[tuple[int, K]] = ()) -> None:
        chains = sorted(unopened)  # type: ignore[type-var]  # positions
        self._shares = [chains[slot :: self._slots] for slot in range(self._slots)]
        self._number = count()
        await super().run(chains, opened)

    async def _take_one(self) -> bool:
        for chain in self._shares[next(self._number)]:
            await self._from_end_to_end(chain)
        return False


ORDERS = {"first-come": FirstCome, "static": Static}


def main() -> None:
    from longwriter_cli.__main__ import main as program
    from longwriter_cli.cli import calls

    calls.Pool = ORDERS[sys.argv.pop(1)]  # type: ignore[misc,assignment]
    program()


if __name__ == "__main__":
    main()
