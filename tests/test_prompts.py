from __future__ import annotations

from pathlib import Path

import pytest

from longwriter_cli.errors import InputError, UsageError
from longwriter_cli.prompts import Template, load_templates
from longwriter_cli.records import Language


def test_a_value_that_contains_a_placeholder_is_left_alone() -> None:
    template = Template.parse("$INST$ | $PLAN$ | $TEXT$")
    assert template.fill(INST="about $PLAN$ and $TEXT$", PLAN="$INST$", TEXT="so far") == (
        "about $PLAN$ and $TEXT$ | $INST$ | so far"
    )


def test_dollars_that_are_no_placeholder_stay() -> None:
    assert Template.parse("$5 for $INST$, $OTHER$").fill(INST="it") == "$5 for it, $OTHER$"


def test_a_placeholder_may_stand_twice() -> None:
    assert Template.parse("$STEP$/$STEP$").fill(STEP="x") == "x/x"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_that_repeats_from_call_to_call_stands_before_the_text_and_the_step(language: Language) -> None:
    """So that all text of one call is a prefix of the next call, and prefix caches hit."""
    source = load_templates().get("write", language).source
    places = [source.index(f"${name}$") for name in ("INST", "PLAN", "TEXT", "STEP")]
    assert places == sorted(places)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_shipped_plan_template_says_what_the_method_asks_for(language: Language) -> None:
    source = load_templates().get("plan", language).source
    for number in ("200", "1000"):
        assert number in source
    assert ("Main Point" in source and "Word Count" in source) or ("主要内容" in source and "字数要求" in source)


def test_a_directory_may_hold_the_templates_themselves(tmp_path: Path) -> None:
    (tmp_path / "plan.txt").write_text("Plan this: $INST$")
    templates = load_templates(tmp_path)
    assert templates.get("plan", "en").fill(INST="x") == templates.get("plan", "zh").fill(INST="x") == "Plan this: x"
    assert templates.get("write", "en") == load_templates().get("write", "en"), "what it lacks is the shipped one"


def test_a_language_folder_wins_over_the_directory_itself(tmp_path: Path) -> None:
    (tmp_path / "write.txt").write_text("one $STEP$")
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "write.txt").write_text("二 $STEP$")
    templates = load_templates(tmp_path)
    assert templates.get("write", "en").source == "one $STEP$"
    assert templates.get("write", "zh").source == "二 $STEP$"


def test_the_digests_name_each_template_and_change_with_it(tmp_path: Path) -> None:
    (tmp_path / "plan.txt").write_text("$INST$")
    shipped, own = load_templates().digests(), load_templates(tmp_path).digests()
    assert shipped.keys() == own.keys() == {"en/plan", "en/write", "zh/plan", "zh/write"}
    assert {name for name in shipped if shipped[name] != own[name]} == {"en/plan", "zh/plan"}


def test_a_template_without_its_placeholder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "write.txt").write_text("Write something. $INST$")
    with pytest.raises(InputError, match=r"write\.txt: has no \$STEP\$"):
        load_templates(tmp_path)


def test_a_template_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.txt").write_bytes("计划 $INST$".encode("gbk"))
    with pytest.raises(InputError, match="not UTF-8"):
        load_templates(tmp_path)


def test_a_byte_order_mark_is_no_part_of_a_template(tmp_path: Path) -> None:
    (tmp_path / "plan.txt").write_bytes(b"\xef\xbb\xbf$INST$")
    assert load_templates(tmp_path).get("plan", "en").source == "$INST$"


def test_a_directory_without_templates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plans.txt").write_text("$INST$")
    with pytest.raises(UsageError, match="no template in it") as caught:
        load_templates(tmp_path)
    assert "plans.txt" in caught.value.tip


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such directory"):
        load_templates(tmp_path / "nowhere")
