from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from scripted import USAGE, ScriptedChat, answer

from longwriter_cli.errors import EndpointRefused, InstructionFailed
from longwriter_cli.llm.faults import ParameterRefused
from longwriter_cli.prompts import load_templates
from longwriter_cli.records import Instruction, Plan, Requirement, Step
from longwriter_cli.settings import PlanFormat, Settings
from longwriter_cli.stages.plan import Planner
from longwriter_cli.stages.plan_judge import deviation

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
    assert (chat.requests[0].model, chat.requests[0].params["top_k"]) == ("p", 1)


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


# --- limits and repeats

LIMITED = replace(SETTINGS, min_section_words=300, max_section_words=600)


async def test_the_limits_of_a_section_are_said_to_the_planner_only_where_they_are_given() -> None:
    chat = ScriptedChat([plan_of(*[500] * 6), plan_of(*[500] * 6)])
    await plan(chat)
    await plan(chat, settings=LIMITED)
    plain, limited = (request.prompt for request in chat.requests)
    note = "Each paragraph of this outline must have 300 to 600 words"
    assert note in limited
    assert note not in plain
    assert limited.index(LONG.prompt) < limited.index(note)


async def test_a_plan_beyond_the_limits_is_asked_for_again_with_the_reason() -> None:
    chat = ScriptedChat([plan_of(1000, 1000, 500, 500), plan_of(*[500] * 6)])
    made = await plan(chat, settings=LIMITED)
    assert [step.words for step in made.steps] == [500] * 6
    assert "2 of its paragraphs did not have 300 to 600 words" in chat.requests[1].prompt


async def test_a_plan_that_stays_beyond_the_limits_is_mended_with_all_its_words() -> None:
    chat = ScriptedChat([plan_of(1000, 1000, 1000)] * 2)
    made = await plan(chat, settings=LIMITED)
    assert [step.words for step in made.steps] == [500] * 6
    assert made.steps[1].main_point == "Point 1 (part 2 of 2)"
    assert (made.flag, made.attempts) == ("", 2)


async def test_a_plan_that_mending_would_give_too_many_steps_is_flagged() -> None:
    chat = ScriptedChat([plan_of(1000, 1000, 1000)] * 2)
    made = await plan(chat, settings=replace(LIMITED, max_steps=5))
    assert [step.words for step in made.steps] == [1000] * 3
    assert made.flag == "3 of 3 steps beyond the limits of a section"


async def test_without_limits_a_section_may_have_any_length() -> None:
    chat = ScriptedChat([plan_of(2900, 100)])
    assert (await plan(chat)).flag == ""


@pytest.mark.parametrize(
    ("words", "calls", "settings"),
    [
        (500, 0, replace(SETTINGS, min_section_words=300)),
        (600, 1, replace(SETTINGS, min_section_words=300)),
        (390, 1, replace(SETTINGS, max_section_words=200)),
    ],
)
async def test_what_counts_as_one_section_follows_the_limits(words: int, calls: int, settings: Settings) -> None:
    chat = ScriptedChat([plan_of(words // 2, words - words // 2)])
    await plan(chat, Instruction("a", 0, "Write.", Requirement(words)), settings)
    assert len(chat.requests) == calls


async def test_a_repeated_main_point_is_asked_for_again_and_then_flagged() -> None:
    twice = plan_of(1500, 1500).replace("Point 2", "Point 1")
    chat = ScriptedChat([twice, plan_of(1500, 1500)])
    assert (await plan(chat)).flag == ""
    assert "paragraph 2 had the same main point as an earlier one" in chat.requests[1].prompt
    assert (await plan(ScriptedChat([twice, twice]))).flag == "main point repeated in step 2"


async def test_all_that_is_wrong_is_said_at_once() -> None:
    chat = ScriptedChat([plan_of(100, 100).replace("Point 2", "Point 1"), plan_of(*[500] * 6)])
    await plan(chat, settings=LIMITED)
    for words in ("added up to 200", "2 of its paragraphs", "the same main point"):
        assert words in chat.requests[1].prompt


@pytest.mark.parametrize(
    "empty",
    [
        "Paragraph 1 - Main Point:  - Word Count: 1500 words\nParagraph 2 - Main Point:  - Word Count: 1500 words",
        '{"steps": [{"main_point": "The source", "words": 1500}, {"main_point": " ", "words": 1500}]}',
        '{"steps": []}',
    ],
)
async def test_a_plan_without_main_points_is_none(empty: str) -> None:
    chat = ScriptedChat([empty, plan_of(1500, 1500)])
    assert len((await plan(chat)).steps) == 2
    assert len(chat.requests) == 2


async def test_a_usable_plan_at_the_last_try_is_taken_though_it_is_off() -> None:
    made = await plan(ScriptedChat(["No plan.", "No plan.", plan_of(500)]))
    assert made.flag == "500 words planned, 3000 required"


# --- the form

IN_JSON = '{"steps": [{"main_point": "The source", "words": 1500}, {"main_point": "The mouth", "words": 1500}]}'


def refused(parameter: str = "response_format") -> ParameterRefused:
    return ParameterRefused("it does not take it", "Leave it out.", parameter)


def shaped(chat: ScriptedChat) -> list[bool]:
    """For each request, whether it asked for JSON; fails where the schema and the words disagree."""
    found = []
    for request in chat.requests:
        found.append("response_format" in request.params)
        assert ("one JSON object" in request.prompt) == found[-1]
    return found


async def test_a_plan_is_asked_for_along_a_schema() -> None:
    chat = ScriptedChat([IN_JSON])
    made = await plan(chat)
    assert [(step.main_point, step.words) for step in made.steps] == [("The source", 1500), ("The mouth", 1500)]
    schema = chat.requests[0].params["response_format"]
    assert (schema["type"], schema["json_schema"]["strict"]) == ("json_schema", True)
    assert made.text == IN_JSON


async def test_an_endpoint_that_refuses_the_schema_is_asked_for_lines_from_then_on() -> None:
    chat = ScriptedChat([refused(), plan_of(1500, 1500), plan_of(1500, 1500)])
    planner = Planner(chat, SETTINGS, load_templates())
    made = await planner.plan(LONG)
    assert (made.attempts, made.usage, made.flag) == (1, USAGE, ""), "the refusal costs nothing"
    await planner.plan(LONG)
    assert shaped(chat) == [True, False, False]


async def test_a_refusal_that_does_not_name_the_schema_is_learned_once_lines_are_answered() -> None:
    bad = InstructionFailed("bad_request", "HTTP 400: structured outputs are not for this model")
    chat = ScriptedChat([bad, plan_of(1500, 1500), plan_of(1500, 1500)])
    planner = Planner(chat, SETTINGS, load_templates())
    await planner.plan(LONG)
    await planner.plan(LONG)
    assert shaped(chat) == [True, False, False]


async def test_a_request_that_is_bad_in_either_form_fails_and_teaches_nothing() -> None:
    bad = InstructionFailed("bad_request", "HTTP 400: no")
    chat = ScriptedChat([bad, bad, IN_JSON])
    planner = Planner(chat, SETTINGS, load_templates())
    with pytest.raises(InstructionFailed):
        await planner.plan(LONG)
    await planner.plan(LONG)
    assert shaped(chat) == [True, False, True]


async def test_another_parameter_that_is_refused_stops_the_run_as_ever() -> None:
    with pytest.raises(ParameterRefused):
        await plan(ScriptedChat([refused("seed")]))


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (replace(SETTINGS, plan_format="text"), False),
        (replace(SETTINGS, plan_format="json"), True),
        (replace(SETTINGS, model="local"), False),
        (replace(SETTINGS, extra_body={"guided_grammar": "root ::= x"}), False),
    ],
)
async def test_the_form_is_the_users_to_choose(settings: Settings, wanted: bool) -> None:
    chat = ScriptedChat([plan_of(1500, 1500)])
    await plan(chat, settings=settings)
    assert shaped(chat) == [wanted]


@pytest.mark.parametrize(("plan_format", "wanted"), [("auto", False), ("json", True)])
async def test_a_template_of_ones_own_says_itself_what_it_wants(
    plan_format: PlanFormat, wanted: bool, tmp_path: Path
) -> None:
    (tmp_path / "plan.txt").write_text("Plan this: $INST$")
    chat = ScriptedChat([plan_of(1500, 1500)])
    settings = replace(SETTINGS, plan_format=plan_format)
    await Planner(chat, settings, load_templates(tmp_path)).plan(LONG)
    assert shaped(chat) == [wanted]


async def test_json_that_the_user_asked_for_and_the_endpoint_refuses_stops_the_run_and_names_the_option() -> None:
    with pytest.raises(EndpointRefused) as caught:
        await plan(ScriptedChat([refused()]), settings=replace(SETTINGS, plan_format="json"))
    assert "--plan-format" in caught.value.tip


async def test_after_two_answers_that_cannot_be_read_the_third_is_asked_for_as_lines() -> None:
    chat = ScriptedChat(['{"steps": [', answer("  ", "length"), plan_of(1500, 1500)])
    assert len((await plan(chat)).steps) == 2
    assert shaped(chat) == [True, True, False]
    assert "not a JSON object" in chat.requests[1].prompt


async def test_a_refusal_of_the_schema_is_learned_though_the_instruction_fails() -> None:
    chat = ScriptedChat([refused(), "No.", "No.", "No.", plan_of(1500, 1500)])
    planner = Planner(chat, SETTINGS, load_templates())
    with pytest.raises(InstructionFailed):
        await planner.plan(LONG)
    await planner.plan(LONG)
    assert shaped(chat) == [True, False, False, False, False]
