from __future__ import annotations

from dataclasses import replace

import pytest
from scripted import USAGE, ScriptedChat, answer

from longwriter_cli.errors import InstructionFailed
from longwriter_cli.llm.base import Completion, Request
from longwriter_cli.prompts import load_templates
from longwriter_cli.records import Instruction, Plan, Section, Step, Usage
from longwriter_cli.settings import Settings
from longwriter_cli.stages.write import Writer
from longwriter_cli.text.plan import plan_digest
from longwriter_cli.text.words import count_words

INSTRUCTION = Instruction("a", 0, "Write about rivers.")
PLAN = Plan("a", (Step(1, "The source", 100), Step(2, "The mouth", 100)))
SETTINGS = Settings(model="m")


def sentences(words: int) -> str:
    """A text of exactly that many words, in sentences of ten."""
    return " ".join(["One two three four five six seven eight nine ten."] * (words // 10))


def other_sentences(words: int) -> str:
    """The same with other words, for a text that is no copy of the one above."""
    return " ".join(["Alpha beta gamma delta epsilon zeta eta theta iota kappa."] * (words // 10))


def writer(chat: ScriptedChat, settings: Settings = SETTINGS) -> Writer:
    return Writer(chat, settings, load_templates())


async def write(chat: ScriptedChat, n: int = 1, *so_far: str, settings: Settings = SETTINGS) -> Section:
    return await writer(chat, settings).write(INSTRUCTION, PLAN, PLAN.steps[n - 1], so_far)


async def test_a_section_knows_its_plan_its_length_and_its_cost() -> None:
    section = await write(ScriptedChat([sentences(90)]))
    assert (section.id, section.n, section.plan) == ("a", 1, plan_digest(PLAN.steps))
    assert (section.words, section.target_words, section.finish_reason) == (90, 100, "stop")
    assert (section.usage, section.attempts, section.raw) == (USAGE, 1, None)


async def test_each_call_sees_the_instruction_the_plan_all_text_so_far_and_its_step() -> None:
    chat = ScriptedChat([sentences(100)])
    await write(chat, 2, "Text one.", "Text two.")
    prompt = chat.requests[0].prompt
    whole_plan = (
        "Paragraph 1 - Main Point: The source - Word Count: 100 words\n"
        "Paragraph 2 - Main Point: The mouth - Word Count: 100 words"
    )
    for part in (INSTRUCTION.prompt, whole_plan, "Text one.\n\nText two."):
        assert part in prompt
    assert prompt.rindex("Paragraph 2 - Main Point: The mouth") > prompt.index("Text two.")


async def test_all_text_of_a_call_is_a_prefix_of_the_next_call() -> None:
    chat = ScriptedChat(["First section here."] * 2)
    await write(chat, 1, "Zero.")
    await write(chat, 2, "Zero.", "First section here.")
    first, second = (request.prompt for request in chat.requests)
    end = first.index("Zero.") + len("Zero.")
    assert second.startswith(first[:end])


async def test_what_cleaning_changed_is_kept_as_raw() -> None:
    section = await write(ScriptedChat([f"**Paragraph 1:**\n\n{sentences(100)}"]))
    assert section.text == sentences(100)
    assert section.raw == f"**Paragraph 1:**\n\n{sentences(100)}"


@pytest.mark.parametrize("words", [60, 100, 150])
async def test_a_cut_section_with_enough_whole_sentences_is_trimmed_and_kept(words: int) -> None:
    chat = ScriptedChat([answer(sentences(words) + " And this one is cut in the", "length")])
    section = await write(chat)
    assert section.text == sentences(words)
    assert section.finish_reason == "length"
    assert len(chat.requests) == 1


@pytest.mark.parametrize("words", [50, 160])
async def test_a_cut_section_off_its_target_is_asked_again_whole_with_twice_the_room(words: int) -> None:
    chat = ScriptedChat([answer(sentences(words) + " And", "length"), sentences(100)])
    section = await write(chat, settings=replace(SETTINGS, max_tokens=80))
    assert section.text == sentences(100)
    assert [request.max_tokens for request in chat.requests] == [80, 160]
    assert chat.requests[0].prompt == chat.requests[1].prompt, "never continued from the middle"


@pytest.mark.parametrize(("used", "room"), [(20, 150), (100, 200)])
async def test_an_answer_cut_at_a_limit_of_the_endpoints_gets_room_for_its_text_or_twice_what_it_used(
    used: int, room: int
) -> None:
    """100 words may need 150 tokens."""
    cut = replace(answer("Cut in the", "length"), usage=Usage(100, 0, used))
    chat = ScriptedChat([cut, sentences(100)])
    await write(chat)
    assert [request.max_tokens for request in chat.requests] == [None, room]


async def test_a_section_cut_three_times_fails_as_truncated_with_all_it_cost() -> None:
    chat = ScriptedChat([answer("Cut in the", "length")] * 4)
    with pytest.raises(InstructionFailed) as caught:
        await write(chat, settings=replace(SETTINGS, max_tokens=80))
    assert [request.max_tokens for request in chat.requests] == [80, 160, 320]
    assert (caught.value.kind, caught.value.attempts) == ("truncated", 3)
    assert caught.value.usage == USAGE + USAGE + USAGE


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (answer(""), "empty"),
        (answer("<think>I wonder.</think>"), "empty"),
        (answer("I'm sorry, but I can't help with that."), "refusal"),
        (answer("I can't.", refused=True), "refusal"),
        (answer("Half a", "content_filter"), "content_filter"),
    ],
)
async def test_an_answer_that_is_no_text_is_asked_again_and_then_fails(bad: Completion, kind: str) -> None:
    section = await write(ScriptedChat([bad, sentences(100)]))
    assert section.text == sentences(100)
    assert section.usage == USAGE + USAGE
    with pytest.raises(InstructionFailed) as caught:
        await write(ScriptedChat([bad] * 3))
    assert caught.value.kind == kind


async def test_a_text_that_cannot_fit_fails_before_the_first_section_is_paid() -> None:
    chat = ScriptedChat([], context_tokens=300)
    with pytest.raises(InstructionFailed, match="--history-words") as caught:
        await writer(chat).check_room(INSTRUCTION, PLAN)
    assert caught.value.kind == "context_length"
    assert not chat.requests


async def test_a_text_that_fits_or_whose_room_is_not_known_passes() -> None:
    await writer(ScriptedChat([], context_tokens=1500)).check_room(INSTRUCTION, PLAN)
    await writer(ScriptedChat([], context_tokens=None)).check_room(INSTRUCTION, PLAN)


async def test_with_history_words_a_long_text_passes_and_its_newest_words_are_shown() -> None:
    chat = ScriptedChat([sentences(100)], context_tokens=900)
    settings = replace(SETTINGS, history_words=50)
    long_plan = Plan("a", tuple(Step(n, "p", 100) for n in range(1, 9)))
    await writer(chat, settings).check_room(INSTRUCTION, long_plan)
    so_far = [f"Section {n} begins. " + other_sentences(90) for n in range(1, 8)]
    await writer(chat, settings).write(INSTRUCTION, long_plan, long_plan.steps[7], so_far)
    prompt = chat.requests[0].prompt
    assert "Section 1 begins" not in prompt
    assert so_far[-1][-100:] in prompt


async def test_with_history_words_a_text_that_fits_is_shown_whole() -> None:
    chat = ScriptedChat([sentences(100)], context_tokens=100_000)
    await write(chat, 2, other_sentences(90), settings=replace(SETTINGS, history_words=10))
    assert other_sentences(90) in chat.requests[0].prompt


async def test_an_endpoint_that_tells_its_context_by_refusing_is_asked_again_with_the_newest_words() -> None:
    class Learning(ScriptedChat):
        async def complete(self, request: Request) -> Completion:
            if count_words(request.prompt) > 500:
                self._context_tokens = 900
                raise InstructionFailed("context_length", "too long")
            return await super().complete(request)

    chat = Learning([sentences(100)])
    section = await write(chat, 2, other_sentences(900), settings=replace(SETTINGS, history_words=100))
    assert section.words == 100


async def test_parallel_mode_needs_room_for_one_section_only() -> None:
    plan = Plan("a", tuple(Step(n, "p", 200) for n in range(1, 20)))
    chat = ScriptedChat([], context_tokens=1500)
    await writer(chat, replace(SETTINGS, mode="parallel")).check_room(INSTRUCTION, plan)
    with pytest.raises(InstructionFailed):
        await writer(chat).check_room(INSTRUCTION, plan)


# --- a section off its target

STRICT = replace(SETTINGS, section_tolerance=0.2)


async def test_a_section_off_its_target_is_asked_for_again_once_and_the_nearer_one_is_kept() -> None:
    chat = ScriptedChat([sentences(50), sentences(70)])
    section = await write(chat, settings=STRICT)
    assert (section.words, section.target_words, section.attempts) == (70, 100, 2)
    assert section.usage == USAGE + USAGE
    first, second = (request.prompt for request in chat.requests)
    assert second.startswith(first.rstrip())
    assert "had 50 words" in second[len(first.rstrip()) :]
    assert (await write(ScriptedChat([sentences(70), sentences(50)]), settings=STRICT)).words == 70


async def test_a_section_within_the_tolerance_is_not_asked_for_again() -> None:
    for words in (80, 120):
        chat = ScriptedChat([sentences(words)])
        assert (await write(chat, settings=STRICT)).words == words


async def test_without_a_tolerance_a_section_may_have_any_length() -> None:
    chat = ScriptedChat([sentences(10)])
    assert (await write(chat)).words == 10


async def test_a_section_off_its_target_is_kept_where_the_second_answer_is_none() -> None:
    chat = ScriptedChat([sentences(50), "I'm sorry, but I can't help with that."])
    section = await write(chat, settings=STRICT)
    assert (section.words, section.usage) == (50, USAGE + USAGE)


async def test_a_section_is_asked_for_in_the_words_of_its_step_and_the_plan_stays() -> None:
    chat = ScriptedChat([sentences(150)])
    section = await writer(chat).write(INSTRUCTION, PLAN, replace(PLAN.steps[1], words=150), ["Text one."])
    prompt = chat.requests[0].prompt
    assert "Paragraph 2 - Main Point: The mouth - Word Count: 100 words" in prompt
    assert prompt.count("Paragraph 2 - Main Point: The mouth - Word Count: 150 words") == 1
    assert (section.target_words, section.plan) == (150, plan_digest(PLAN.steps))
    assert chat.requests[0].target_words == 150
