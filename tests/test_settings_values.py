from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from longwriter_cli.errors import SettingsDiffer, UsageError
from longwriter_cli.settings import Settings, settle

STORED = Settings(model="a", temperature=0.5, templates={"en/plan": "1", "en/write": "2"})
BOTH = {"plan", "write"}


def test_a_new_run_needs_a_model_and_the_error_names_the_choices() -> None:
    with pytest.raises(UsageError) as caught:
        settle({"model": None}, None, uses=BOTH)
    assert "-m local" in caught.value.tip


def test_what_is_not_given_is_the_runs() -> None:
    assert settle({"model": None, "temperature": None}, STORED, uses=BOTH) == STORED


def test_what_is_given_and_equal_is_no_difference() -> None:
    assert settle({"model": "a", "temperature": 0.5}, STORED, uses=BOTH) == STORED


def test_a_difference_is_named_with_both_values() -> None:
    with pytest.raises(SettingsDiffer, match=r'--model is "a" there and "b" here') as caught:
        settle({"model": "b"}, STORED, uses=BOTH)
    assert "--new-settings" in caught.value.tip
    assert caught.value.exit_code == 2


def test_a_value_where_there_was_none_is_a_difference() -> None:
    with pytest.raises(SettingsDiffer, match="--seed is not set there and 7 here"):
        settle({"seed": 7}, STORED, uses=BOTH)


def test_new_settings_are_taken_where_they_are_accepted() -> None:
    assert settle({"model": "b"}, STORED, uses=BOTH, accept_new=True).model == "b"


def test_only_what_the_command_uses_is_compared() -> None:
    assert settle({"plan_model": "p", "max_steps": 9}, STORED, uses={"write"}) == STORED
    assert settle({"history_words": 9}, STORED, uses={"plan"}) == STORED
    assert settle({"model": "b"}, STORED, uses=set()) == STORED


def test_only_the_templates_of_the_command_are_compared() -> None:
    other_plan = {"templates": {"en/plan": "changed", "en/write": "2"}}
    assert settle(other_plan, STORED, uses={"write"}).templates["en/write"] == "2"
    with pytest.raises(SettingsDiffer, match="template en/plan"):
        settle(other_plan, STORED, uses={"plan"})


def test_the_fingerprint_tells_settings_apart_and_is_stable() -> None:
    assert STORED.fingerprint() == Settings.from_row(STORED.to_row()).fingerprint()
    assert STORED.fingerprint() != Settings(model="a").fingerprint()
    plan_only = Settings(model="a", temperature=0.5, history_words=3, templates=STORED.templates)
    assert plan_only.fingerprint("plan") == STORED.fingerprint("plan")


def test_a_manifest_of_another_version_can_be_read() -> None:
    settings = Settings.from_row({"model": "m", "a_setting_of_the_future": 1})
    assert settings == Settings(model="m")


def test_settings_that_came_later_leave_the_fingerprint_of_older_runs_alone() -> None:
    """That of `Settings(model="m")` before there was any of them."""
    assert Settings(model="m").fingerprint() == "f3c6765656d5149c"
    for later in (
        {"length_control": "carry"},
        {"plan_format": "text"},
        {"section_tolerance": 0.3},
        {"min_section_words": 300},
        {"max_section_words": 300},
    ):
        assert replace(STORED, **later).fingerprint() != STORED.fingerprint()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"min_section_words": 500, "max_section_words": 300}, "--max-section-words 300"),
        ({"length_control": "carry", "mode": "parallel"}, "--mode parallel"),
    ],
)
def test_settings_that_contradict_each_other_are_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        settle({"model": "m", **given}, None, uses=BOTH)
    with pytest.raises(UsageError, match=words):
        settle(given, STORED, uses=BOTH, accept_new=True)


def test_the_limits_of_a_section_are_of_both_jobs_and_the_form_of_a_plan_of_planning_alone() -> None:
    for use in ("plan", "write"):
        with pytest.raises(SettingsDiffer, match="--max-section-words"):
            settle({"max_section_words": 500}, STORED, uses={use})
    assert settle({"plan_format": "text"}, STORED, uses={"write"}) == STORED


def test_the_body_holds_what_is_given_and_nothing_else() -> None:
    assert Settings(model="m").body(planning=True) == {}
    settings = Settings(model="m", temperature=0.1, extra_body={"top_k": 3}, plan_extra_body={"top_k": 5})
    assert settings.body(planning=False) == {"temperature": 0.1, "top_k": 3}
    assert settings.body(planning=True) == {"temperature": 0.1, "top_k": 5}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", 5),
        ("model", "\ud800"),
        ("templates", None),
        ("templates", ["en/plan"]),
        ("language", "fr"),
        ("mode", "x"),
        ("max_steps", None),
        ("max_steps", True),
        ("plan_tolerance", "a"),
        ("length_control", "sometimes"),
        ("plan_format", None),
        ("section_tolerance", "a"),
        ("min_section_words", 1.5),
        ("temperature", "hot"),
        ("extra_body", [1]),
        ("plan_model", 5),
    ],
)
def test_a_setting_that_was_edited_into_nonsense_is_named(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=name):
        Settings.from_row(STORED.to_row() | {name: value})
