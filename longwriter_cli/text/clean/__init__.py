"""From a model's answer to the section it was asked for.

A model that should return one section and nothing else often returns more: its thoughts, tokens of its chat template,
the label of the plan's line, a courtesy, the text so far once again, a count of its words. Each of these has one small
pass in a module of this package. A pass knows one habit and looks at one edge: whatever stands inside the section is
never touched, and what could be content stays, since a stray label costs a reader less than a lost sentence.

Passes only move the edges of a window over the answer, and peek at no more than `window.REACH` characters behind an
edge. So the work grows with the length of the answer, not with its square, and as each pass depends on nothing but
what the window shows, cleaning twice is the same as cleaning once.
"""

from __future__ import annotations

from collections.abc import Callable

from longwriter_cli.records import Step
from longwriter_cli.text.clean.copies import copy_of_previous
from longwriter_cli.text.clean.counts import count_above, count_below
from longwriter_cli.text.clean.labels import paragraph_label, plan_line, repeated_step
from longwriter_cli.text.clean.remarks import closing_remark, opening_remark
from longwriter_cli.text.clean.tags import chat_tokens, thoughts
from longwriter_cli.text.clean.window import Window
from longwriter_cli.text.clean.wrappings import fence, husk, quotes, rule, surrounding_space

__all__ = ["clean_section", "without_thoughts"]

_PASSES: tuple[Callable[[Window], bool], ...] = (
    surrounding_space,
    chat_tokens,
    thoughts,
    rule,
    opening_remark,
    plan_line,
    count_above,
    paragraph_label,
    repeated_step,
    closing_remark,
    count_below,
    # These read the whole answer. At the end of the list they run once for each one found, and once more.
    husk,
    fence,
    quotes,
    copy_of_previous,
)


def clean_section(text: str, step: Step | None = None, previous: str = "") -> str:
    """The section that `text`, a model's answer, holds; "" where it holds nothing but scaffolding.

    `step` is the line of the plan that was to be written, and `previous` the text written before it; each one lets
    more be recognised. Pure and idempotent; never raises. Time is linear in both lengths: 0.1 s for 1 MB of prose
    after 200 kB of earlier text. Not looked for: a copy of earlier text anywhere but at the head, labels inside the
    section, refusals.
    """
    window = Window(text, step, previous)
    # The first pass that finds something starts the list over, for one thing removed uncovers another.
    while any(one_pass(window) for one_pass in _PASSES):
        pass
    return window.shown()


def without_thoughts(text: str) -> str:
    """The answer behind the thoughts that a model shows at its head, and nothing else taken off but space around it."""
    window = Window(text, None, "")
    while surrounding_space(window) or thoughts(window):
        pass
    return window.shown()
