"""One wave cut into files: nothing lost, nothing twice, and no file beyond what the API takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.llm import batch_api
from longwriter_cli.records import Usage
from longwriter_cli.stages.wave import Cut, Wave


def wave_of(directory: Path, sizes: list[int], model: str = "m") -> Wave:
    """Lines of these sizes, each with a tenth as many tokens."""
    wave = Wave(directory)
    for number, size in enumerate(sizes):
        line = b"%0*d\n" % (size - 1, number)
        wave.add(number.to_bytes(16), line, model, Usage(size // 10, 0, 7), is_repeat=bool(number % 2))
    return wave


def cut(wave: Wave, room: int | None = None) -> list[Cut]:
    return list(wave.cuts(lambda enrolled: True, lambda model: room))


@given(st.lists(st.integers(20, 200), max_size=40), st.integers(1, 9), st.integers(200, 900))
def test_every_request_goes_into_one_file_that_is_not_too_large(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], most: int, most_bytes: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_api, "MOST_REQUESTS", most)
        patch.setattr(batch_api, "MOST_BYTES", most_bytes)
        wave = wave_of(tmp_path_factory.getbasetemp(), sizes)
        cuts = cut(wave)
        lines = [line for one in cuts for line in wave.lines(one)]
        assert [int(line) for line in lines] == list(range(len(sizes))), "in the order they came in"
        assert all(1 <= len(one.requests) <= most and one.size <= most_bytes for one in cuts)
        assert sum(one.expected.prompt_tokens for one in cuts) == sum(size // 10 for size in sizes)
        wave.clear()
        assert len(wave) == 0


def test_a_request_that_is_enrolled_twice_is_sent_once(tmp_path: Path) -> None:
    wave = wave_of(tmp_path, [30, 30])
    wave.add((1).to_bytes(16), b"again\n", "m", Usage(), is_repeat=False)
    assert [len(one.requests) for one in cut(wave)] == [2]
    wave.clear()


def test_models_have_files_of_their_own(tmp_path: Path) -> None:
    wave = wave_of(tmp_path, [30] * 4)
    wave.add(b"x" * 16, b"x\n", "other", Usage(), is_repeat=False)
    assert [(one.model, len(one.requests)) for one in cut(wave)] == [("m", 4), ("other", 1)]
    wave.clear()


def test_the_queues_room_is_kept_to_and_one_request_may_always_try(tmp_path: Path) -> None:
    wave = wave_of(tmp_path, [100] * 5)
    assert [len(one.requests) for one in cut(wave, room=25)] == [2]
    assert [len(one.requests) for one in cut(wave, room=1)] == [1]
    assert cut(wave, room=0) == []
    wave.clear()
