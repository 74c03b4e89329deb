"""What a run costs. The list is the one that genai-prices brings along; prices of old dated models do not change."""

from __future__ import annotations

import pytest

from longwriter_cli.llm.prices import Prices
from longwriter_cli.records import Usage

MILLION = 1_000_000
OF_GPT_4O = (2.5, 1.25, 10.0)  # USD per million: prompt, its cached part, completion


def cost(
    model: str, prompt: int, cached: int, completion: int, prices: Prices | None = None, base_url: str | None = None
) -> float | None:
    return (prices or Prices()).cost_usd({model: Usage(prompt, cached, completion)}, base_url)


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4o-2024-08-06", "GPT-4o"])
@pytest.mark.parametrize("base_url", [None, "https://api.openai.com/v1", "http://localhost:8000/v1"])
def test_a_known_model_has_its_price_by_name_and_by_dated_name_wherever_it_is_asked(
    model: str, base_url: str | None
) -> None:
    fresh, cached, written = OF_GPT_4O
    assert cost(model, MILLION, 0, MILLION, base_url=base_url) == pytest.approx(fresh + written)
    assert cost(model, MILLION, MILLION, 0, base_url=base_url) == pytest.approx(cached)
    assert cost(model, MILLION, 400_000, 0, base_url=base_url) == pytest.approx(0.6 * fresh + 0.4 * cached)


def test_the_endpoints_own_price_goes_before_the_makers() -> None:
    """The same model costs more or less at another house."""
    at_maker = cost("deepseek-chat", MILLION, 0, MILLION, base_url="https://api.deepseek.com")
    assert at_maker is not None
    assert cost("openai/gpt-4o", MILLION, 0, 0, base_url="https://openrouter.ai/api/v1") == pytest.approx(2.5)


def test_the_sum_of_many_calls_is_not_priced_as_one_very_long_call() -> None:
    """This model's prompts cost twice as much beyond 200,000 tokens; no call of ours is so long."""
    assert cost("gemini-2.5-pro", 100_000 * 1000, 0, 10_000 * 1000) == pytest.approx(125.0 + 100.0)


@pytest.mark.parametrize("model", ["fake-writer", "local", "local:/models/x.gguf", "", "Qwen/Qwen2.5-7B-Instruct"])
def test_an_unknown_model_has_no_cost_rather_than_a_wrong_one(model: str) -> None:
    assert cost(model, 10, 0, 10) is None


def test_what_was_not_used_costs_nothing_whatever_the_model() -> None:
    assert Prices().cost_usd({}) == 0.0
    assert cost("fake-writer", 0, 0, 0) == 0.0


def test_prices_that_the_user_gives_win() -> None:
    prices = Prices(prompt=1.0, completion=2.0, cached=0.5)
    for model in ("fake-writer", "gpt-4o"):
        assert cost(model, MILLION, 400_000, MILLION, prices) == pytest.approx(0.6 + 0.2 + 2.0)


def test_cached_tokens_cost_as_much_as_others_where_the_user_gives_no_price_for_them() -> None:
    assert cost("gpt-4o", MILLION, MILLION, 0, Prices(prompt=1.0, completion=2.0)) == pytest.approx(1.0)


def test_prices_of_zero_are_prices() -> None:
    assert cost("gpt-4o", MILLION, 0, MILLION, Prices(prompt=0.0, completion=0.0)) == 0.0


def test_a_price_that_the_user_leaves_out_is_the_lists_and_where_there_is_none_so_is_no_cost() -> None:
    assert cost("gpt-4o", MILLION, 0, MILLION, Prices(prompt=1.0)) == pytest.approx(11.0)
    assert cost("gpt-4o", MILLION, MILLION, 0, Prices(cached=0.1)) == pytest.approx(0.1)
    assert cost("fake-writer", MILLION, 0, MILLION, Prices(prompt=1.0)) is None
    assert cost("fake-writer", MILLION, 0, 0, Prices(prompt=1.0)) == pytest.approx(1.0)


def test_several_models_are_summed_and_one_unknown_one_makes_the_sum_unknown() -> None:
    usage = {"gpt-4o": Usage(MILLION, 0, 0), "gpt-4o-2024-08-06": Usage(0, 0, MILLION)}
    assert Prices().cost_usd(usage) == pytest.approx(12.5)
    assert Prices().cost_usd(usage | {"fake-writer": Usage(1)}) is None
    assert Prices(1.0, 1.0).cost_usd(usage | {"fake-writer": Usage(MILLION)}) == pytest.approx(3.0)


def test_more_cached_tokens_than_tokens_are_no_negative_cost() -> None:
    assert cost("gpt-4o", MILLION, 2 * MILLION, 0) == pytest.approx(1.25)


def test_what_came_by_batch_costs_half_and_its_cached_part_no_less() -> None:
    prices = Prices(prompt=1.0, completion=2.0, cached=0.5)
    by_batch = Usage(MILLION, 400_000, MILLION).by_batch()
    assert prices.cost_usd({"m": by_batch}) == pytest.approx(0.5 + 1.0)
    online = Usage(MILLION, 400_000, MILLION)
    assert prices.cost_usd({"m": by_batch + online}) == pytest.approx(1.5 + 0.6 + 0.2 + 2.0)
    assert Prices().cost_usd({"fake-writer": by_batch}) is None
