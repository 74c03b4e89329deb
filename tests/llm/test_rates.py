"""What endpoints say of their rate limits, in the headers that each of them sends."""

from __future__ import annotations

import pytest
from fake_limits import go_duration
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.llm.rates import RateLimits, Remaining, duration_s, read_rate_limits

OPENAI = {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-limit-tokens": "150000",
    "x-ratelimit-remaining-requests": "59",
    "x-ratelimit-remaining-tokens": "149984",
    "x-ratelimit-reset-requests": "1s",
    "x-ratelimit-reset-tokens": "6ms",
}
GROQ = {  # its requests are those of a day
    "retry-after": "2",
    "x-ratelimit-limit-requests": "14400",
    "x-ratelimit-limit-tokens": "18000",
    "x-ratelimit-remaining-requests": "14370",
    "x-ratelimit-remaining-tokens": "12000",
    "x-ratelimit-reset-requests": "2m59.56s",
    "x-ratelimit-reset-tokens": "20s",
}
USED_UP = {  # the requests come back evenly: it takes a minute; the tokens all at once
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": "1m0s",
    "x-ratelimit-limit-tokens": "6000",
    "x-ratelimit-remaining-tokens": "0",
    "x-ratelimit-reset-tokens": "30s",
}
AZURE_OLD = {"x-ratelimit-remaining-requests": "99", "x-ratelimit-remaining-tokens": "19000"}
AZURE_NEW = AZURE_OLD | {"x-ratelimit-reset-requests": "10", "x-ratelimit-reset-tokens": "60"}
MISTRAL = {"x-ratelimit-limit-tokens-minute": "500000", "x-ratelimit-remaining-tokens-minute": "499000"}
OPENROUTER = {"x-ratelimit-limit": "20", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1741305600000"}


@pytest.mark.parametrize(
    ("headers", "limits"),
    [
        (OPENAI, RateLimits(Remaining(59, 1.0, 60, 1.0), Remaining(149_984, 0.006, 150_000, 2500.0))),
        (GROQ, RateLimits(None, Remaining(12_000, 20.0, 18_000, 300.0))),
        (USED_UP, RateLimits(Remaining(0, 60.0, 60, 1.0), Remaining(0, 30.0, 6000))),
        (AZURE_NEW, RateLimits(Remaining(99, 10.0), Remaining(19_000, 60.0))),
        (AZURE_OLD, None),
        (MISTRAL, None),
        (OPENROUTER, None),
        ({}, None),
    ],
    ids=["openai", "groq", "used up", "azure", "azure without resets", "mistral", "openrouter", "none"],
)
def test_the_headers_of_each_endpoint_are_read(headers: dict[str, str], limits: RateLimits | None) -> None:
    assert read_rate_limits(headers) == limits


@pytest.mark.parametrize("left", ["", "many", "nan", "inf", "1e999", "-1", "0x10"])
def test_an_amount_that_is_no_number_or_below_zero_says_nothing(left: str) -> None:
    assert read_rate_limits({"x-ratelimit-remaining-requests": left, "x-ratelimit-reset-requests": "1s"}) is None


@pytest.mark.parametrize("reset", ["", "soon", "nan", "inf", "-1s", "-5", "24h0m0s", "2200000000", "2030-01-01"])
def test_a_reset_that_is_no_time_of_a_minute_or_two_says_nothing(reset: str) -> None:
    assert read_rate_limits({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": reset}) is None


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("2025-03-07T00:00:30Z", 30.0),
        ("2025-03-07T00:00:30.500Z", 30.5),
        ("2025-03-07T02:00:30+02:00", 30.0),
        ("2025-03-07 00:00:30", 30.0),
        ("1741305630", 30.0),
        ("1741305630500", 30.5),
        ("1741305590", 0.0),
        ("2025-03-06T00:00:00Z", 0.0),
        ("120ms", 0.12),
        ("1m0s", 60.0),
        ("60", 60.0),
    ],
)
def test_a_reset_is_read_as_a_duration_or_as_a_point_in_time(reset: str, seconds: float) -> None:
    headers = {"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": reset}
    assert read_rate_limits(headers, lambda: 1_741_305_600.0) == RateLimits(Remaining(5, pytest.approx(seconds)))


@pytest.mark.parametrize("limit", ["", "many", "0", "3", "60, 60;w=60", "-1"])
def test_a_limit_that_is_none_or_less_than_what_is_left_is_not_known(limit: str) -> None:
    headers = {
        "x-ratelimit-limit-requests": limit,
        "x-ratelimit-remaining-requests": "5",
        "x-ratelimit-reset-requests": "30s",
    }
    assert read_rate_limits(headers) == RateLimits(Remaining(5, 30.0))


@given(st.integers(1, 10**9), st.floats(0, 1))
def test_a_bucket_that_is_refilled_evenly_is_known_as_one(limit: int, used: float) -> None:
    left = int(limit * (1 - used))
    headers = {
        "x-ratelimit-limit-tokens": f"{limit}",
        "x-ratelimit-remaining-tokens": f"{left}",
        "x-ratelimit-reset-tokens": go_duration((limit - left) * 60 / limit),
    }
    limits = read_rate_limits(headers)
    assert limits is not None
    assert limits.tokens is not None
    assert limits.tokens.refill_per_s == pytest.approx(limit / 60)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360.0),
        ("120ms", 0.12),
        ("1m30.5s", 90.5),
        ("1h2m3s", 3723.0),
        ("2d", 172_800.0),
        ("1s500ms", 1.5),
        ("0s", 0.0),
        (" 7 ", 7.0),
        ("0.25", 0.25),
    ],
)
def test_a_duration_is_read_as_go_writes_it_or_as_plain_seconds(text: str, seconds: float) -> None:
    assert duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", " ", "s", "1x", "1s2m", "ms", "1 s", "one minute"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert duration_s(text) is None


@given(st.floats(0, 100_000))
def test_a_duration_survives_being_written_and_read(seconds: float) -> None:
    assert duration_s(go_duration(seconds)) == pytest.approx(seconds, abs=0.001)


@given(st.text(), st.text())
def test_no_header_makes_the_reader_raise(left: str, reset: str) -> None:
    limits = read_rate_limits({"x-ratelimit-remaining-tokens": left, "x-ratelimit-reset-tokens": reset})
    assert limits is None or (limits.tokens is not None and 0 <= limits.tokens.reset_s <= 120)
