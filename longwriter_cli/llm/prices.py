"""What tokens cost, from an offline price list or as the user says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from longwriter_cli.records import Usage

_PER = 1_000_000


@dataclass(frozen=True)
class Prices:
    """USD per million tokens as the user gave them; None asks the price list (genai-prices, offline).

    Without a price for cached tokens they cost what other prompt tokens cost.
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
        if self.prompt is not None or self.completion is not None:
            cached = self.cached if self.cached is not None else self.prompt or 0.0
            fresh_tokens = usage.prompt_tokens - usage.cached_tokens
            return (
                fresh_tokens * (self.prompt or 0.0)
                + usage.cached_tokens * cached
                + usage.completion_tokens * (self.completion or 0.0)
            ) / _PER
        return _listed(model, usage, base_url)


def _listed(model: str, usage: Usage, base_url: str | None) -> float | None:
    import genai_prices

    tokens = genai_prices.Usage(
        input_tokens=usage.prompt_tokens,
        cache_read_tokens=usage.cached_tokens,
        output_tokens=usage.completion_tokens,
    )
    for url in (base_url, None) if base_url else (None,):
        try:
            return float(genai_prices.calc_price(tokens, model, provider_api_url=url).total_price)
        except LookupError:
            continue
    return None
