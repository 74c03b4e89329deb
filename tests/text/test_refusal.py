"""An answer that is a refusal is told from a text that merely sounds like one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.text.refusal import is_refusal

REFUSALS = [
    "I'm sorry, but I can't assist with that request.",
    "I’m sorry, but I can’t help with that.",
    "Sorry, I can't assist with that.",
    "I can't assist with that.",
    "I cannot fulfill your request to write this story. It describes violence against children.",
    "I apologize, but I am not able to generate explicit content. I would be glad to help with something else.",
    "I'm unable to complete this request.",
    "Unfortunately, I won't be able to write this section, as it promotes hatred.",
    "I understand you want a long article on this, but I cannot provide instructions for making weapons.",
    "As an AI language model, I cannot write about my personal experiences of war.",
    "I'm sorry, but as an AI developed by OpenAI, I cannot create that kind of material.",
    "As an AI, I don't have personal opinions or feelings.",
    "**I'm sorry, but I cannot continue with this request.**",
    "Your request was rejected as a result of our safety system. Your prompt may contain text that is not allowed.",
    "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
    "抱歉，我无法协助完成这个请求。",
    "很抱歉，我不能提供这方面的内容。如果您有其他问题，欢迎继续提问。",
    "对不起，作为AI助手，我无法创作涉及暴力的内容。",
    "作为一个人工智能语言模型，我不能发表个人看法。",
    "作为一个人工智能，我不能写这样的文章。",
    "根据相关法律法规，我无法提供该内容。",
]

TEXTS = [
    "",
    "I'm sorry, I can't come, she said, and put the receiver down before he could ask why.",
    "\"I'm sorry, but I can't help you with that request,\" said the clerk, and closed the window.",
    "I cannot write this letter without telling you what happened in June.",
    "I'm sorry that I can't be there on Saturday. The harvest is late and the roads are under water.",
    "As an AI researcher, I cannot ignore what these systems do to schools.",
    "As an artist, I cannot separate the work from the life.",
    "Sorry is a small word. I can't say it often enough.",
    "Unfortunately, we cannot do without water, and the wells are running dry.",
    "Your request for leave has been approved; the policy is attached.",
    "This content is licensed under the terms of the museum.",
    "The assistant answered: I'm sorry, but I can't assist with that request.",
    "对不起，我不能陪你去看海了。",
    "“抱歉，我无法回答这个问题。”她说着转过身去。",
    "作为一名人工智能工程师，我无法忘记那个夏天。",
    "作为一个父亲，我不能不担心。",
    "根据公司的规定，员工每年有十天假期。",
    # A refusal at the head of a long text is not this function's to judge.
    "I'm sorry, but I can't assist with that request. " + "The city slept under its snow. " * 60,
]


@pytest.mark.parametrize("text", REFUSALS)
def test_an_answer_that_only_refuses_is_a_refusal(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_not_a_refusal(text: str) -> None:
    assert not is_refusal(text)


@given(st.text() | st.sampled_from(REFUSALS + TEXTS))
def test_it_never_raises(text: str) -> None:
    assert is_refusal(text) in {True, False}


@pytest.mark.parametrize("junk", ["I'm sorry, ", "sorry ", "as an ai ", "抱歉，", "i can't help ", " ", "*", "作为"])
def test_junk_takes_no_time(junk: str) -> None:
    start = time.process_time()
    for size in (1_000, 1_000_000):
        is_refusal((junk * size)[:size])
    assert time.process_time() - start < 1
