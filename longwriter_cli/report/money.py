"""Money in words: what tokens cost, as far as prices are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import floor, log10

from longwriter_cli.records import Usage

CostOf = Callable[[Mapping[str, Usage]], float | None]
"""What the tokens of each model cost in USD; None where a price is not known."""

_CENT = 0.01


def dollars(usd: float) -> str:
    """`$1,200.00`; less than a cent with the first two digits that are not 0: `$0.00032`."""
    if usd <= 0 or usd >= _CENT:
        return f"${usd:,.2f}"
    return f"${usd:.{1 - floor(log10(usd))}f}"


def known_cost(usage: Mapping[str, Usage], cost_of: CostOf) -> tuple[float | None, list[str]]:
    """What the models of known price cost in USD, None where there is none, and the names of the other models."""
    used = {model: spent for model, spent in usage.items() if spent.total_tokens}
    costs = {model: cost_of({model: spent}) for model, spent in used.items()}
    known = [cost for cost in costs.values() if cost is not None]
    unknown = [model or "-" for model, cost in costs.items() if cost is None]
    return (sum(known) if known or not used else None), unknown


def cost_shown(usage: Mapping[str, Usage], cost_of: CostOf) -> str:
    """`$1.20`, or `$1.20 without tiny-judge, which has no known price`; nothing where no price is known."""
    cost, unknown = known_cost(usage, cost_of)
    if cost is None:
        return ""
    without = f" without {', '.join(unknown)}, of no known price" if unknown else ""
    return dollars(cost) + without
