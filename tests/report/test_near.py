"""Naming the id that was probably meant."""

from __future__ import annotations

import time

from longwriter_cli.report.near import did_you_mean, near_ids


def test_ids_that_begin_alike_come_before_similar_ones() -> None:
    assert near_ids("AB", ["xab", "abc", "abd", "zz"]) == ["abc", "abd"]


def test_a_slip_is_found() -> None:
    assert near_ids("story-12", ["story-21", "story-02", "poem"])[0] in ("story-21", "story-02")


def test_at_most_three_are_named() -> None:
    assert len(near_ids("a", [f"a{n}" for n in range(9)])) == 3


def test_where_nothing_is_near_the_first_ids_show_what_they_look_like() -> None:
    assert did_you_mean("???", ["one", "two"]) == "The first ids are one, two."
    assert did_you_mean("???", []) == ""


def test_a_million_ids_do_not_keep_the_user_waiting() -> None:
    ids = [f"{n:016x}" for n in range(300_000)]
    started = time.process_time()
    near_ids("ffffffffffffffff", ids)
    assert time.process_time() - started < 3
