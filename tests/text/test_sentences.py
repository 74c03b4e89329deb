"""Where a cut answer's last whole sentence ends."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.text.sentences import ends_whole, sentence_ends, trim_to_sentence

# What is kept, and the cut remainder that goes.
CUTS = [
    ("The sun rose.", " The sea was"),
    ("The sun rose!", " And then the"),
    ("Did it rain?", " Nobody rememb"),
    ('"Come in." She shut the door.', ' "Now," she sa'),
    ("He said, “It is over.”", " Nobody ans"),
    ("It was late (or so we thought.)", " Then the pho"),
    ("**It was the end.**", " But of wh"),
    ("The treaty held.[12]", " For a decade it w"),
    ("They waited…", "\n\nNobody"),
    ("It ended in 1999.", " A year later the"),
    ("She is well.", " Mr. Brown and Dr."),
    ("Prices fell.", " Rice rose by 3.5"),
    ("It fell.", " Some goods, e.g. salt, i.e."),
    ("It was published.", " J. K. Rowling was then"),
    ("The war ended.", " The U.S. Army stayed on for"),
    ("First sentence.", "\n\n1. A list\n2. An item that\n3."),
    ("First sentence.", "\n\n### The Next Chapter"),
    ("First sentence.", ' "Stop!" he cried, and the'),
    ("First sentence.", " He waited... and then"),
    ("First sentence.", " Visit example.org/path for"),
    ("太阳升起来了。", "大海还在"),
    ("他说：“我们走吧。”", "她点了点"),
    ("真的吗？", "没有人知"),
    ("（他已经走了。）", "屋里只剩"),
    ("价格上涨了3.5个百分点！", "随后的3."),
    ("他等了很久……\n", "直到天"),
    ("第一句。", "\n\n第二章 归"),
    ("终于到了！！", "可是"),
    ("「もう帰ろう。」", "彼は"),
]

WHOLE = [
    "It was 1999.",
    "He left at 5 p.m.",
    "Salt, pepper, etc.",
    "He works for Acme Inc.",
    "He said No.",
    "I asked his sales rep.",
    '"Go!"',
    "1. The first item ends.",
    "- It ends.\n",
    "走吧。",
    "他说：“走吧！”",
    "It ends. ",
]

NOT_WHOLE = ["", "   ", "It ends. It", "3.", "- 1.", "a)", "Dr.", "走吧。他", "# A Title", "He met Mr.", "word"]


@pytest.mark.parametrize(("kept", "cut"), CUTS)
def test_a_cut_answer_ends_with_its_last_whole_sentence(kept: str, cut: str) -> None:
    assert trim_to_sentence(kept + cut) == kept.rstrip()


@pytest.mark.parametrize("text", WHOLE)
def test_a_whole_text_is_left_alone(text: str) -> None:
    assert ends_whole(text)
    assert trim_to_sentence(text) == text.rstrip()


@pytest.mark.parametrize("text", NOT_WHOLE)
def test_half_a_sentence_is_not_whole(text: str) -> None:
    assert not ends_whole(text)


def test_a_text_without_a_whole_sentence_gives_nothing() -> None:
    assert trim_to_sentence("# A Title\n\n- one\n- two\n- Dr. Brown, e.g. on 3.5 acres") == ""
    assert trim_to_sentence("从前有一座山，山里") == ""
    assert trim_to_sentence("") == ""


def test_every_sentence_is_found() -> None:
    text = "Dr. Brown paid $3.50. “Why?” she asked. 他笑了。再见！"
    assert [text[:end][-4:] for end in sentence_ends(text)] == ["3.50."[-4:], "ked.", "他笑了。"[-4:], "。再见！"]


_TEXTS = st.text() | st.text('aA1.!?。！？…"”*) \n-', max_size=60)


@given(_TEXTS)
def test_what_is_kept_is_a_head_of_the_text_and_stays_as_it_is(text: str) -> None:
    kept = trim_to_sentence(text)
    assert text.startswith(kept)
    assert trim_to_sentence(kept) == kept
    assert ends_whole(kept) or not kept


@pytest.mark.parametrize(
    "junk", [".", ". ", ".\n", '."', "a.", "A. ", "。", "1.", "…", "[1].", "?) ", "e.g. ", "- 1. "]
)
def test_junk_takes_no_time(junk: str) -> None:
    text = (junk * 300_000)[:300_000]
    start = time.process_time()
    trim_to_sentence(text)
    assert time.process_time() - start < 2
