"""Grouping what failed, and what a user is told to do."""

from __future__ import annotations

from typing import get_args

from longwriter_cli.records import Failure, FailureKind
from longwriter_cli.report.failures import WHAT_TO_DO, group_failures


def failure(id: str | None, kind: FailureKind, n: int | None = None, line: int | None = None) -> Failure:  # noqa: A002
    return Failure(id, "write", n, kind, "why", file="rows.jsonl" if id is None else None, line=line)


def test_every_kind_has_something_to_do() -> None:
    assert set(WHAT_TO_DO) == set(get_args(FailureKind))


def test_an_instruction_that_failed_at_two_steps_is_one() -> None:
    standing = [failure("a", "truncated", 1), failure("a", "truncated", 2), failure("b", "refusal", 1)]
    groups = group_failures(standing, lambda f: f.kind == "truncated")
    assert [(group.kind, group.n, group.comes_back) for group in groups] == [("refusal", 1, 0), ("truncated", 1, 1)]


def test_an_instruction_comes_back_only_if_each_of_its_failures_does() -> None:
    standing = [failure("a", "truncated", 1), failure("a", "refusal", 2)]
    groups = group_failures(standing, lambda f: f.kind == "truncated")
    assert [group.comes_back for group in groups] == [0, 0]


def test_bad_rows_are_counted_by_line_and_never_asked_about() -> None:
    standing = [failure(None, "bad_row", line=3), failure(None, "bad_row", line=9)]

    def refuse(_: Failure) -> bool:
        raise AssertionError("a bad row is no instruction")

    (group,) = group_failures(standing, refuse)
    assert (group.n, group.comes_back, group.example.line) == (2, 0, 3)


def test_the_most_frequent_kind_stands_first() -> None:
    standing = [failure("a", "empty"), failure("b", "refusal"), failure("c", "refusal")]
    assert [group.kind for group in group_failures(standing, lambda _: True)] == ["refusal", "empty"]
