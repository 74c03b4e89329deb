from __future__ import annotations

from dataclasses import replace

import pytest
from scripted import USAGE, ScriptedChat, answer

from longwriter_cli.errors import InstructionFailed
from longwriter_cli.prompts import load_templates
from longwriter_cli.records import Instruction, Plan, Requirement, Step
from longwriter_cli.settings import Settings
from longwriter_cli.stages.plan import Planner, deviation

LONG = Instruction("a", 0, "Write a 3000-word essay about rivers.", Requirement(3000))
SETTINGS = Settings(model="m")


def plan_of(*words: int) -> str:
    return "\n".join(f"Paragraph {n} - Main Point: Point {n} - Word Count: {w} words" for n, w in enumerate(words, 1))


async def plan(chat: ScriptedChat, instruction: Instruction = LONG, settings: Settings = SETTINGS) -> Plan:
    return await Planner(chat, settings, load_templates()).plan(instruction)


async def test_a_good_plan_is_taken_at_the_first_call() -> None:
    chat = ScriptedChat([plan_of(1000, 1000, 1000)])
    made = await plan(chat)
    assert [step.words for step in made.steps] == [1000, 1000, 1000]
    assert made.text == plan_of(1000, 1000, 1000)
    assert (made.attempts, made.usage, made.flag) == (1, USAGE, "")
    assert LONG.prompt in chat.requests[0].prompt
    assert chat.requests[0].affinity == "a"


async def test_an_instruction_that_brings_its_plan_makes_no_call() -> None:
    steps = (Step(1, "own", 300),)
    chat = ScriptedChat([])
    assert (await plan(chat, replace(LONG, plan=steps))).steps == steps


@pytest.mark.parametrize(("words", "calls"), [(399, 0), (400, 1)])
async def test_less_than_two_smallest_sections_needs_no_call(words: int, calls: int) -> None:
    chat = ScriptedChat([plan_of(200, 200)])
    made = await plan(chat, Instruction("a", 0, "Write.", Requirement(words)))
    assert len(chat.requests) == calls
    assert sum(step.words for step in made.steps) == (words if calls == 0 else 400)


async def test_a_chinese_instruction_gets_the_chinese_template() -> None:
    chat = ScriptedChat(["第1段 - 主要内容：开头 - 字数要求：900字\n第2段 - 主要内容：结尾 - 字数要求：900字"])
    made = await plan(chat, Instruction("a", 0, "写一篇关于黄河的长文，1800字。", Requirement(1800)))
    assert [step.main_point for step in made.steps] == ["开头", "结尾"]
    assert "写作要求" in chat.requests[0].prompt


async def test_the_language_can_be_forced() -> None:
    chat = ScriptedChat([plan_of(3000)])
    await plan(chat, settings=replace(SETTINGS, language="zh"))
    assert "写作要求" in chat.requests[0].prompt


async def test_an_unusable_plan_is_asked_for_again_with_the_reason() -> None:
    chat = ScriptedChat(["I would begin with the source of the river.", plan_of(1500, 1500)])
    made = await plan(chat)
    assert made.attempts == 2
    assert made.usage == USAGE + USAGE, "the discarded answer is paid for too"
    first, second = (request.prompt for request in chat.requests)
    assert second.startswith(first.rstrip())
    assert "one line for each paragraph" in second


async def test_an_unusable_plan_becomes_a_bad_plan_after_three_answers() -> None:
    chat = ScriptedChat(["No plan."] * 5)
    with pytest.raises(InstructionFailed) as caught:
        await plan(chat)
    assert caught.value.kind == "bad_plan"
    assert caught.value.attempts == len(chat.requests) == 3
    assert caught.value.usage == USAGE + USAGE + USAGE


async def test_too_many_steps_are_asked_for_again_with_the_limit() -> None:
    chat = ScriptedChat([plan_of(*[60] * 51), plan_of(1500, 1500)])
    assert len((await plan(chat)).steps) == 2
    assert "at most 50" in chat.requests[1].prompt


async def test_a_plan_of_exactly_the_most_steps_is_taken() -> None:
    chat = ScriptedChat([plan_of(*[600] * 5)])
    assert len((await plan(chat, settings=replace(SETTINGS, max_steps=5))).steps) == 5


async def test_a_total_off_the_required_length_is_asked_for_again_once() -> None:
    chat = ScriptedChat([plan_of(500, 500), plan_of(1500, 1400)])
    made = await plan(chat)
    assert sum(step.words for step in made.steps) == 2900
    assert made.flag == ""
    assert "added up to 1000" in chat.requests[1].prompt
    assert "3000 words are required" in chat.requests[1].prompt


@pytest.mark.parametrize(("first", "second", "kept"), [(1000, 1200, 1200), (1200, 1000, 1200), (500, 6000, 500)])
async def test_of_two_plans_off_the_length_the_nearer_one_is_used_and_flagged(
    first: int, second: int, kept: int
) -> None:
    chat = ScriptedChat([plan_of(first), plan_of(second)])
    made = await plan(chat)
    assert made.steps[0].words == kept
    assert made.flag == f"{kept} words planned, 3000 required"
    assert len(chat.requests) == 2


async def test_a_plan_off_the_length_is_used_where_the_second_answer_is_no_plan() -> None:
    chat = ScriptedChat([plan_of(1000), "Sorry, here is an essay instead."])
    made = await plan(chat)
    assert made.steps[0].words == 1000
    assert made.flag


async def test_a_refusal_is_asked_again_and_then_fails_as_one() -> None:
    refusal = "I'm sorry, but I can't assist with that request."
    assert (await plan(ScriptedChat([refusal, plan_of(3000)]))).steps[0].words == 3000
    with pytest.raises(InstructionFailed) as caught:
        await plan(ScriptedChat([refusal, answer("", refused=True), refusal]))
    assert caught.value.kind == "refusal"


async def test_a_plan_cut_at_the_token_limit_is_asked_for_with_twice_the_room() -> None:
    chat = ScriptedChat([answer(plan_of(1500), "length"), plan_of(1500, 1500)])
    await plan(chat, settings=replace(SETTINGS, max_tokens=300))
    assert [request.max_tokens for request in chat.requests] == [300, 600]


async def test_a_length_that_only_the_row_states_is_passed_on() -> None:
    chat = ScriptedChat([plan_of(1000, 1000)])
    await plan(chat, Instruction("a", 0, "Write an essay about rivers.", Requirement(2000, "at_least", 2000)))
    assert "at least 2000 words" in chat.requests[0].prompt


async def test_a_length_that_the_prompt_states_is_not_said_twice() -> None:
    chat = ScriptedChat([plan_of(3000)])
    await plan(chat)
    assert "The whole text must have" not in chat.requests[0].prompt


async def test_the_plan_model_and_its_body_are_used() -> None:
    chat = ScriptedChat([plan_of(3000)])
    await plan(chat, settings=replace(SETTINGS, plan_model="p", plan_extra_body={"top_k": 1}))
    assert (chat.requests[0].model, chat.requests[0].params) == ("p", {"top_k": 1})


@pytest.mark.parametrize(
    ("total", "required", "off"),
    [
        (3000, None, 0.0),
        (1500, Requirement(1000), 0.5),
        (500, Requirement(1000), 0.5),
        (5000, Requirement(1000, "at_least", 1000), 0.0),
        (500, Requirement(1000, "at_least", 1000), 0.5),
        (100, Requirement(1000, "at_most", None, 1000), 0.0),
        (1500, Requirement(1000, "at_most", None, 1000), 0.5),
        (900, Requirement(1000, "range", 800, 1200), 0.0),
        (600, Requirement(1000, "range", 800, 1200), 0.4),
        (1300, Requirement(1000, "range", 800, 1200), 0.3),
    ],
)
def test_a_requirement_can_be_missed_only_on_the_sides_it_has(
    total: int, required: Requirement | None, off: float
) -> None:
    assert deviation(total, required) == pytest.approx(off)
