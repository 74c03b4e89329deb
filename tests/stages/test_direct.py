"""A text by one plain call: as much room as the endpoint takes, and whatever the model gives."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from scripted import USAGE, ScriptedChat, answer

from longwriter_cli.errors import EndpointRefused, InstructionFailed
from longwriter_cli.llm.base import Completion
from longwriter_cli.llm.faults import ParameterRefused
from longwriter_cli.records import Instruction, Prediction, Requirement
from longwriter_cli.settings import Settings
from longwriter_cli.stages.direct import LARGEST_ROOM, Direct

SETTINGS = Settings(model="m", method="direct", temperature=0.5)
INSTRUCTION = Instruction("a", 0, "Write of the sea.", Requirement(5000))


def written(
    answers: Iterable[str | Completion | Exception],
    settings: Settings = SETTINGS,
    samples: int = 1,
    context_tokens: int | None = None,
) -> tuple[list[Prediction], list[int | None], ScriptedChat]:
    """The texts, and the room that each call asked for."""
    chat = ScriptedChat(answers, context_tokens=context_tokens)
    direct = Direct(chat, settings)

    async def write() -> list[Prediction]:
        return [await direct.write(INSTRUCTION, sample) for sample in range(samples)]

    texts = asyncio.run(write())
    return texts, [request.max_tokens for request in chat.requests], chat


def refused(message: str, parameter: str = "max_tokens") -> ParameterRefused:
    return ParameterRefused(message, "", parameter)


def test_the_prompt_goes_out_as_it_stands_with_the_largest_room() -> None:
    (text,), rooms, chat = written(["The wide sea: 长江 don't"])
    assert rooms == [LARGEST_ROOM]
    (request,) = chat.requests
    assert (request.prompt, request.kind, request.affinity) == (INSTRUCTION.prompt, "direct", "a")
    assert request.params == {"temperature": 0.5}
    assert (text.response, text.response_length, text.sample) == ("The wide sea: 长江 don't", 7, 0)
    assert (text.usage, text.model, text.attempts) == (USAGE, "scripted", 1)


def test_the_context_of_the_model_bounds_the_room() -> None:
    _, rooms, _ = written(["x"], context_tokens=8192)
    assert rooms[0] is not None
    assert 8000 < rooms[0] < 8192
    assert written(["x"], context_tokens=100)[1] == [256]


@pytest.mark.parametrize(
    ("error", "room"),
    [
        (refused("max_tokens is too large: 32768. This model supports at most 16384 completion tokens."), 16384),
        (refused("Range of max_completion_tokens should be [1, 8,192]", "max_completion_tokens"), 8192),
        (refused("max_tokens is out of range"), None),
        (InstructionFailed("bad_request", "HTTP 400: invalid request"), None),
        (InstructionFailed("context_length", "too long"), None),
    ],
)
def test_what_the_endpoint_takes_is_learned_from_its_refusal(error: Exception, room: int | None) -> None:
    texts, rooms, _ = written([error, "one", "two"], samples=2)
    assert [text.response for text in texts] == ["one", "two"]
    assert rooms == [LARGEST_ROOM, room, room]


def test_the_users_own_room_is_not_bargained_over() -> None:
    settings = Settings(model="m", method="direct", max_tokens=50_000)
    with pytest.raises(EndpointRefused):
        written([refused("at most 16384"), "x"], settings)
    assert written(["x"], settings)[1] == [50_000]


def test_what_is_refused_for_another_reason_stays_refused() -> None:
    with pytest.raises(EndpointRefused):
        written([refused("temperature", "temperature"), "x"])
    with pytest.raises(InstructionFailed):
        written([InstructionFailed("retries_exhausted", "down"), "x"])


def test_each_sample_has_a_seed_of_its_own() -> None:
    _, _, chat = written(["a", "b", "c"], Settings(model="m", seed=7), samples=3)
    assert [request.params["seed"] for request in chat.requests] == [7, 8, 9]


def test_a_model_that_gives_nothing_has_given_an_empty_text() -> None:
    (text,), _, _ = written(["", "<think>Hm.</think>", answer("  ")])
    assert (text.response, text.response_length, text.finish_reason, text.attempts) == ("", 0, "empty", 3)
    assert text.usage.total_tokens == 3 * USAGE.total_tokens


def test_a_refusal_and_half_a_text_are_texts() -> None:
    assert written([answer("I'm sorry, but I can't assist with that request.")])[0][0].response_length > 0
    (text,), _, _ = written([answer("It ends in the", "length")])
    assert (text.response, text.finish_reason) == ("It ends in the", "length")


def test_a_request_that_is_refused_whatever_its_room_takes_no_room_from_the_others() -> None:
    chat = ScriptedChat([InstructionFailed("bad_request", "no"), InstructionFailed("bad_request", "no"), "fine"])
    direct = Direct(chat, SETTINGS)
    with pytest.raises(InstructionFailed):
        asyncio.run(direct.write(INSTRUCTION))
    asyncio.run(direct.write(INSTRUCTION))
    assert [request.max_tokens for request in chat.requests] == [LARGEST_ROOM, None, LARGEST_ROOM]
