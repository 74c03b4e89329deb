from __future__ import annotations

from dataclasses import replace

import pytest

from longwriter_cli.records import Instruction, Requirement
from longwriter_cli.settings import Settings
from longwriter_cli.stages.estimate import expected_steps

SETTINGS = Settings(model="m")


@pytest.mark.parametrize(
    ("required", "settings", "steps"),
    [
        (4000, SETTINGS, 10),
        (4000, replace(SETTINGS, max_section_words=200), 20),
        (4000, replace(SETTINGS, min_section_words=800), 5),
        (4000, replace(SETTINGS, min_section_words=100, max_section_words=1000), 10),
        (4000, replace(SETTINGS, max_section_words=20), 50),
        (700, replace(SETTINGS, min_section_words=400), 1),
    ],
)
def test_the_plan_expected_keeps_the_limits_of_a_section(required: int, settings: Settings, steps: int) -> None:
    assert len(expected_steps(Instruction("a", 0, "p", Requirement(required)), settings)) == steps
