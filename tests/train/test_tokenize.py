"""Chats become tokens by the tokenizer's own template, and only answers are learnt."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_tokenizer import (
    BEGIN,
    CROOKED_TEMPLATE,
    END,
    ENDLESS_TEMPLATE,
    FORGETFUL_TEMPLATE,
    STRICT_TEMPLATE,
    TEMPLATE,
    Kind,
    make_tokenizer,
)

from longwriter_cli.errors import UsageError
from longwriter_cli.records import Message
from longwriter_cli.train.tokenize import Answers, ChatTokenizer, TokenizerName, Unusable, load_tokenizer

KINDS: list[Kind] = ["bytes", "pieces"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Path]:
    return {kind: make_tokenizer(tmp_path_factory.mktemp(kind), kind=kind) for kind in KINDS}


def chat(*texts: str) -> list[Message]:
    """A user's text, an answer, and so on."""
    return [Message(("user", "assistant")[n % 2], text) for n, text in enumerate(texts)]


def learnt(tokenizer: ChatTokenizer, messages: list[Message]) -> str:
    sample = tokenizer.sample(messages)
    text: str = tokenizer._backend.decode(sample[sample >= 0].tolist(), skip_special_tokens=False)
    return text


def seen(tokenizer: ChatTokenizer, messages: list[Message]) -> str:
    sample = tokenizer.sample(messages)
    text: str = tokenizer._backend.decode(numpy.where(sample < 0, ~sample, sample).tolist(), skip_special_tokens=False)
    return text


def with_template(folder: Path, template: str, answers: Answers = "all") -> ChatTokenizer:
    return load_tokenizer(TokenizerName(str(folder), template, answers))


@pytest.mark.parametrize("kind", KINDS)
def test_the_answer_and_its_end_are_learnt_and_nothing_else(folders: dict[Kind, Path], kind: Kind) -> None:
    tokenizer = load_tokenizer(TokenizerName(str(folders[kind])))
    messages = [Message("system", "be long"), *chat("Write of the canal", "the canal was dug")]
    assert learnt(tokenizer, messages) == f"the canal was dug{END}\n"
    assert seen(tokenizer, messages) == (
        f"{BEGIN}system\nbe long{END}\n{BEGIN}user\nWrite of the canal{END}\n{BEGIN}assistant\nthe canal was dug{END}\n"
    )


@pytest.mark.parametrize("kind", KINDS)
@given(texts=st.lists(st.text(st.characters(codec="utf-8")), min_size=2, max_size=6))
def test_whatever_is_said_all_answers_are_learnt_and_no_prompt_is(
    folders: dict[Kind, Path], kind: Kind, texts: list[str]
) -> None:
    """A token that straddles the border of an answer is context: so an answer may lose a newline at its head."""
    tokenizer = load_tokenizer(TokenizerName(str(folders[kind])))
    messages = chat(*texts)
    sample = tokenizer.sample(messages)
    rendered = tokenizer._render(messages)
    offsets = tokenizer._backend.encode(rendered, add_special_tokens=False).offsets
    spans = tokenizer._spans(messages, rendered)
    assert [rendered[start:end] for start, end in spans] == [f"{answer}{END}\n" for answer in texts[1::2]]
    assert len(sample) == len(offsets)
    for token, (start, end) in zip(sample.tolist(), offsets, strict=True):
        assert (token >= 0) == any(first <= start and end <= last for first, last in spans)


def test_a_prompt_after_the_last_answer_is_context(folders: dict[Kind, Path]) -> None:
    tokenizer = load_tokenizer(TokenizerName(str(folders["bytes"])))
    assert learnt(tokenizer, chat("one", "the answer", "and more?")) == f"the answer{END}\n"


def test_the_last_answer_alone_is_learnt_where_that_is_asked_for(folders: dict[Kind, Path]) -> None:
    messages = chat("one", "first", "two", "second")
    assert learnt(with_template(folders["bytes"], TEMPLATE), messages) == f"first{END}\nsecond{END}\n"
    assert learnt(with_template(folders["bytes"], TEMPLATE, "last"), messages) == f"second{END}\n"


def test_a_template_that_is_not_by_prefixes_is_refused_by_name(folders: dict[Kind, Path]) -> None:
    tokenizer = with_template(folders["bytes"], CROOKED_TEMPLATE)
    with pytest.raises(Unusable) as caught:
        tokenizer.sample(chat("one", "first"))
    assert str(folders["bytes"]) in caught.value.problem
    assert "message 2" in caught.value.problem
    assert "--chat-template" in caught.value.tip


def test_a_template_that_forgets_earlier_answers_points_to_the_last_one_which_it_can_do(
    folders: dict[Kind, Path],
) -> None:
    messages = chat("one", "first", "two", "second")
    with pytest.raises(Unusable) as caught:
        with_template(folders["bytes"], FORGETFUL_TEMPLATE).sample(messages)
    assert "--answers last" in caught.value.tip
    tokenizer = with_template(folders["bytes"], FORGETFUL_TEMPLATE, "last")
    assert learnt(tokenizer, messages) == f"<think>\nsecond{END}\n"


def test_what_a_template_refuses_is_told_in_its_words(folders: dict[Kind, Path]) -> None:
    tokenizer = with_template(folders["bytes"], STRICT_TEMPLATE)
    with pytest.raises(Unusable, match="roles must alternate"):
        tokenizer.sample([Message("assistant", "me first"), Message("user", "oh")])


def test_a_template_without_an_end_is_noticed(folders: dict[Kind, Path]) -> None:
    messages = chat("one", "first")
    assert with_template(folders["bytes"], TEMPLATE).ends_answers(messages)
    assert not with_template(folders["bytes"], ENDLESS_TEMPLATE).ends_answers(messages)


def test_the_digest_changes_with_template_and_vocabulary_alone(folders: dict[Kind, Path], tmp_path: Path) -> None:
    here = load_tokenizer(TokenizerName(str(folders["bytes"])))
    elsewhere = load_tokenizer(TokenizerName(str(make_tokenizer(tmp_path / "copy"))))
    assert here.digest() == elsewhere.digest()
    others = {with_template(folders["bytes"], ENDLESS_TEMPLATE).digest()}
    others.add(load_tokenizer(TokenizerName(str(folders["pieces"]))).digest())
    assert here.digest() not in others
    assert len(others) == 2


def test_a_tokenizer_without_a_template_asks_for_one(tmp_path: Path) -> None:
    folder = make_tokenizer(tmp_path / "bare", template=None)
    with pytest.raises(UsageError, match="no chat template") as caught:
        load_tokenizer(TokenizerName(str(folder)))
    assert "--chat-template" in caught.value.tip
    assert learnt(with_template(folder, TEMPLATE), chat("one", "first")) == f"first{END}\n"


@pytest.mark.parametrize("make", [lambda folder: None, lambda folder: folder.mkdir()], ids=["missing", "empty"])
def test_a_folder_without_a_tokenizer_is_told(tmp_path: Path, make: object) -> None:
    folder = tmp_path / "nothing"
    assert callable(make)
    make(folder)
    with pytest.raises(UsageError, match="nothing"):
        load_tokenizer(TokenizerName(str(folder)))
