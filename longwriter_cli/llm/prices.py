"""What tokens cost, from an offline price list or as the user says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from longwriter_cli.records import Usage

_PER = 1_000_000
BATCH_SHARE = 0.5
"""Of the price, for what comes by the Batch API; there is no discount for cached input besides."""


@dataclass(frozen=True)
class Prices:
    """USD per million tokens as the user gave them; None asks the price list (genai-prices, offline).

    Where the user gives the price of the prompt and none for its cached part, that costs the same. Where neither the
    user nor the list knows a price that is needed, there is no cost: half a sum would break a budget.
    """

    prompt: float | None = None
    completion: float | None = None
    cached: float | None = None

    def cost_usd(self, usage: Mapping[str, Usage], base_url: str | None = None) -> float | None:
        """The cost of the usage of each model in USD; None where a price is not known."""
        total = 0.0
        for model, spent in usage.items():
            cost = self._of_model(model, spent, base_url)
            if cost is None:
                return None
            total += cost
        return total

    def _of_model(self, model: str, usage: Usage, base_url: str | None) -> float | None:
        given = self.prompt, self.cached if self.cached is not None else self.prompt, self.completion
        listed = _listed(model, base_url) if None in given else None
        by_batch = usage.batch_prompt_tokens, 0, usage.batch_completion_tokens
        read = usage.prompt_tokens - usage.batch_prompt_tokens
        cached = max(0, min(usage.cached_tokens, read))
        online = read - cached, cached, usage.completion_tokens - usage.batch_completion_tokens
        amounts = [one + BATCH_SHARE * other for one, other in zip(online, by_batch, strict=True)]
        total = 0.0
        for place, tokens in enumerate(amounts):
            price = given[place]
            if price is None and listed is not None:
                price = listed[place]
            if price is None and tokens:
                return None
            total += tokens * (price or 0.0) / _PER
        return total


@lru_cache
def _listed(model: str, base_url: str | None) -> tuple[float, float, float] | None:
    """The list's prices of fresh, cached and written tokens, USD per million; the endpoint's own, else the maker's.

    Asked for the tokens of one call. Many models cost more in calls with a very long prompt, and the sum of a run's
    calls would be taken for one of these.
    """
    import genai_prices

    one_call = 1_000
    kinds = (
        genai_prices.Usage(input_tokens=one_call),
        genai_prices.Usage(input_tokens=one_call, cache_read_tokens=one_call),
        genai_prices.Usage(output_tokens=one_call),
    )
    for url in (base_url, None) if base_url else (None,):
        try:
            fresh, cached, written = (
                float(genai_prices.calc_price(kind, model, provider_api_url=url).total_price) * _PER / one_call
                for kind in kinds
            )
        except LookupError:
            continue
        return fresh, cached, written
    return None
