"""What a call is expected to use."""

from __future__ import annotations

import pytest

from longwriter_cli.llm.base import Request
from longwriter_cli.records import Usage
from longwriter_cli.stages.expected import expected_usage

PROMPT = "x" * 400  # 100 tokens


@pytest.mark.parametrize(
    ("request_", "usage"),
    [
        (Request("section", "i", "m", PROMPT, target_words=100), Usage(100, 0, 150)),
        (Request("section", "i", "m", "字" * 400, target_words=100, language="zh"), Usage(300, 0, 120)),
        (Request("section", "i", "m", PROMPT, target_words=100, max_tokens=50), Usage(100, 0, 50)),
        (Request("section", "i", "m", PROMPT, examples=(("x" * 40, "x" * 40),), target_words=0), Usage(120, 0, 0)),
        (Request("plan", "i", "m", PROMPT, target_words=4500), Usage(100, 0, 450)),
        (Request("plan", "i", "m", PROMPT), Usage(100, 0, 270)),
        (Request("judge", "i", "m", PROMPT), Usage(100, 0, 150)),
        (Request("select", "i", "m", PROMPT), Usage(100, 0, 60)),
        (Request("direct", "i", "m", PROMPT), Usage(100, 0, 500)),
        (Request("section", "i", "m", "\ud800" * 8, target_words=0), Usage(2, 0, 0)),
    ],
)
def test_a_call_is_expected_to_use_its_prompt_and_the_text_it_asks_for(request_: Request, usage: Usage) -> None:
    assert expected_usage(request_) == usage
