"""What a run knows of its batches: on disk before the next step, and read again from wherever a process ended."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

import pytest
from made_rows import AT

from longwriter_cli.errors import InputError
from longwriter_cli.store.batch_rows import Sent
from longwriter_cli.store.batches import BATCHES, FOLDER, Batches, Key

MODEL = "m"


def key(name: str) -> Key:
    return blake2b(name.encode(), digest_size=16).digest()


def line(name: str) -> bytes:
    return b'{"custom_id":"%s","body":{}}\n' % key(name).hex().encode()


def prepare(batches: Batches, name: str, requests: str, model: str = MODEL) -> Sent:
    sent = Sent(name, AT, "http://here", model, len(requests), 10 * len(requests), 5)
    batches.prepare(sent, map(line, requests), [key(request) for request in requests])
    return sent


def answers(*names: str) -> list[tuple[Key, int, object]]:
    return [(key(name), 200, {"text": name}) for name in names]


def test_each_step_is_known_to_the_next_process(tmp_path: Path) -> None:
    batches = Batches(tmp_path)
    sent = prepare(batches, "one", "ab")
    for step in ("prepared", "uploaded", "created"):
        if step == "uploaded":
            batches.note_upload(sent, "file-1", AT)
        if step == "created":
            batches.note_creation(sent, "batch-1", AT)
        batches.close()  # whatever ends the process
        batches = Batches(tmp_path)
        assert list(batches.sent) == ["one"]
        assert batches.is_pending(key("a"))
        assert not batches.is_pending(key("c"))
        assert list(batches.keys_of("one")) == [key("a"), key("b")]
        sent = batches.sent["one"]
        assert (sent.file_id, sent.batch_id) == (
            "" if step == "prepared" else "file-1",
            "batch-1" if step == "created" else "",
        )
        assert (sent.endpoint, sent.requests, sent.prompt_tokens) == ("http://here", 2, 20)
    batches.close()


def test_answers_are_found_whatever_their_order_until_rows_hold_them(tmp_path: Path) -> None:
    batches = Batches(tmp_path)
    sent = prepare(batches, "one", "abc")
    assert batches.end(sent, "completed", answers("c", "a", "a", "stranger"), AT) == 2
    for process in range(2):
        if process:
            batches.close()
            batches = Batches(tmp_path)
        assert batches
        assert batches.answer(key("a")) == {"custom_id": key("a").hex(), "status": 200, "body": {"text": "a"}}
        assert batches.answer(key("c")) is not None
        assert batches.answer(key("b")) is None
        assert not batches.is_pending(key("b")), "it has no answer, and is to be asked again"
        assert batches.answer(key("stranger")) is None
    batches.use([key("a")])
    assert batches.answer(key("a")) is None
    batches.tidy(AT)
    batches.close()
    batches = Batches(tmp_path)
    assert batches.answer(key("a")) is None, "a row holds it, said the process before"
    batches.use([key("c"), key("c")])
    batches.tidy(AT)
    assert not batches
    batches.close()
    assert list((tmp_path / FOLDER).iterdir()) == []
    assert not Batches(tmp_path)


def test_nothing_is_made_before_there_is_a_batch(tmp_path: Path) -> None:
    batches = Batches(tmp_path)
    assert not batches
    batches.tidy(AT)
    batches.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_kill_between_file_and_row_leaves_behind_is_swept_away(tmp_path: Path) -> None:
    batches = Batches(tmp_path)
    prepare(batches, "one", "a")
    batches.close()
    folder = tmp_path / FOLDER
    for name in ("two.requests.jsonl", ".two.requests.jsonl.tmp", ".one.0.tmp"):
        (folder / name).write_bytes(line("b"))
    (folder / "three.answers.jsonl").write_bytes(line("c"))
    Batches(tmp_path).close()
    names = {path.name for path in folder.iterdir()}
    assert names == {"one.requests.jsonl", "three.answers.jsonl"}, "what somebody has paid for is left alone"


def test_a_torn_row_is_cut_off_and_the_step_before_it_counts(tmp_path: Path) -> None:
    batches = Batches(tmp_path)
    sent = prepare(batches, "one", "a")
    batches.note_upload(sent, "file-1", AT)
    batches.close()
    path = tmp_path / BATCHES
    path.write_bytes(path.read_bytes()[:-12])
    batches = Batches(tmp_path)
    assert batches.sent["one"].file_id == ""
    batches.close()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'"prepared"', b'"lost"', "line 1"),
        (b'"prepared"', b'"ended"', "no row before it leads there"),
        (b'"requests":1', b'"requests":-1', "line 1"),
    ],
    ids=["no such state", "out of order", "a number that is none"],
)
def test_a_row_that_cannot_be_is_named(tmp_path: Path, old: bytes, new: bytes, said: str) -> None:
    batches = Batches(tmp_path)
    prepare(batches, "one", "a")
    batches.close()
    path = tmp_path / BATCHES
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(InputError, match=said):
        Batches(tmp_path)


def test_a_file_of_requests_that_is_gone_is_named(tmp_path: Path) -> None:
    batches = Batches(tmp_path)
    prepare(batches, "one", "a")
    batches.close()
    batches.requests_of("one").unlink()
    with pytest.raises(InputError, match="is missing"):
        Batches(tmp_path)


def test_the_queue_is_learned_by_model_and_grows_again_up_to_what_it_takes(tmp_path: Path) -> None:
    batches = Batches(tmp_path)
    other = prepare(batches, "other", "z", "another")
    batches.end(prepare(batches, "one", "abcdefgh"), "failed", (), AT, most_tokens=40, queue_limit=90)
    assert batches.most_tokens == {MODEL: 40}
    for name, expected in (("two", 80), ("three", 90), ("four", 90)):
        batches.end(prepare(batches, name, name), "completed", answers(*name), AT)
        assert batches.most_tokens == {MODEL: expected}
        batches.close()
        batches = Batches(tmp_path)
        assert batches.most_tokens == {MODEL: expected}
    assert batches.sent["other"].model == other.model
    batches.close()


def test_a_request_that_is_made_anew_has_its_new_answer_though_rows_hold_the_old_one(tmp_path: Path) -> None:
    """The old answer stays named as used while another one of its batch is left."""
    batches = Batches(tmp_path)
    batches.end(prepare(batches, "one", "ab"), "completed", answers("a", "b"), AT)
    batches.use([key("a")])
    batches.tidy(AT)
    batches.end(prepare(batches, "two", "a"), "completed", answers("a"), AT)
    batches.close()
    batches = Batches(tmp_path)
    assert batches.answer(key("a")) is not None
    assert batches.answer(key("b")) is not None
    batches.use([key("a"), key("b")])
    batches.close()
    batches = Batches(tmp_path)
    assert batches.answer(key("a")) is None
    batches.tidy(AT)
    assert list((tmp_path / "batches").iterdir()) == []
    batches.close()
