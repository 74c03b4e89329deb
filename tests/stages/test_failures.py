from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from longwriter_cli.records import Failure, FailureKind, Instruction, Plan, Step
from longwriter_cli.settings import Settings
from longwriter_cli.stages.failures import may_try, plan_basis, write_basis

PASSING = ["retries_exhausted", "truncated", "empty", "bad_plan"]
LASTING = sorted(set(get_args(FailureKind)) - set(PASSING))


def failed(kind: FailureKind, times: int, basis: str = "b") -> list[Failure]:
    return [Failure("a", "write", 1, kind, "why", basis=basis)] * times


@pytest.mark.parametrize("kind", PASSING)
def test_what_may_pass_is_tried_in_three_commands_in_all(kind: FailureKind) -> None:
    assert [may_try(failed(kind, times), "b", "by_kind") for times in range(5)] == [True, True, True, False, False]


@pytest.mark.parametrize("kind", LASTING)
def test_what_lasts_is_not_tried_again(kind: FailureKind) -> None:
    assert not may_try(failed(kind, 1), "b", "by_kind")


@pytest.mark.parametrize("kind", PASSING + LASTING)
def test_everything_is_tried_again_when_what_it_stood_on_has_changed(kind: FailureKind) -> None:
    assert may_try(failed(kind, 3), "other", "by_kind")


def test_the_user_may_ask_for_all_or_none() -> None:
    assert may_try(failed("refusal", 9), "b", "all")
    assert not may_try(failed("truncated", 1), "b", "none")
    assert may_try([], "b", "none"), "what never failed is no failure to keep"


def test_the_basis_changes_with_what_the_call_stands_on_and_with_nothing_else() -> None:
    instruction, settings = Instruction("a", 0, "p"), Settings(model="m")
    plan = Plan("a", (Step(1, "x", 200),))
    assert plan_basis(instruction, settings) == plan_basis(replace(instruction, row=9), settings)
    assert plan_basis(instruction, settings) != plan_basis(replace(instruction, prompt="q"), settings)
    assert plan_basis(instruction, settings) != plan_basis(instruction, replace(settings, max_steps=9))
    assert plan_basis(instruction, settings) == plan_basis(instruction, replace(settings, history_words=9))
    assert write_basis(instruction, plan, settings) == write_basis(instruction, plan, replace(settings, max_steps=9))
    other = Plan("a", (Step(1, "x", 201),))
    assert write_basis(instruction, plan, settings) != write_basis(instruction, other, settings)
