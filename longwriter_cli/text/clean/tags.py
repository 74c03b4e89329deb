"""What the machinery around a model leaves in its answer: thoughts between tags, tokens of the chat template."""

from __future__ import annotations

import re

from longwriter_cli.text.clean.window import Window

# In backticks a tag is a word of the text.
_THINK_TAG = re.compile(r"(?<!`)<(?P<closing>/)?think(?:ing)?>(?!`)", re.IGNORECASE)
_CLOSING_TAG = re.compile(r"(?<!`)</think(?:ing)?>(?!`)", re.IGNORECASE)
_REST_OF_LINE = re.compile(r"[ \t]*(?:\n|\Z)")


def thoughts(window: Window) -> bool:
    """`<think>…</think>` at the head; all of the text where it is never closed; the thoughts before a lone close."""
    tag = window.upcoming(_THINK_TAG)
    if tag is None or tag.end() > window.end:
        return False
    at_head = tag.start() == window.start and not window.lead
    if tag["closing"]:
        # In the middle of a line the tag is more likely a word of the text.
        at_line_end = _REST_OF_LINE.match(window.text, tag.end(), window.end) is not None
        at_line_start = tag.start() > window.start and window.text[tag.start() - 1] == "\n"
        end = tag.end() if at_head or at_line_start or at_line_end else None
    elif at_head:
        close = _CLOSING_TAG.search(window.text, tag.end())
        end = close.end() if close else window.end
    else:
        end = None
    return end is not None and window.cut_head(len(window.lead) + end - window.start)


_TOKEN = (
    r"(?:<\|\w{1,40}\|>"  # ChatML, Llama 3, GLM, gpt-oss: <|im_end|>, <|eot_id|>, <|user|>, <|endoftext|>
    r"|<｜[^<>｜\n]{1,40}｜>"  # DeepSeek: <｜end▁of▁sentence｜>
    r"|<(?:start|end)_of_turn>|<[be]os>"  # Gemma
    r"|\[/?INST\]|<</?SYS>>)"  # Llama 2, Mistral
)
# What a token introduces: "<|im_start|>assistant", "<|channel|>final<|message|>".
_ROLES = ("assistant", "user", "system", "model", "final")
_ROLE = f"(?:{'|'.join(_ROLES)})"
_TOKENS_AT_HEAD = re.compile(
    rf"(?:{_TOKEN}\s*(?:{_ROLE}(?=[ \t]*(?:\n|<[|｜]|\Z))\s*)?)+"
    r"|<s>(?![^\n]*</s>)"  # Llama 2; with its partner on the same line it is HTML for text struck out
    r"|assistant[ \t]*\n"  # Llama 3 where the server has dropped the tokens themselves
)
_TOKENS_AT_TAIL = re.compile(rf"(?:{_TOKEN}\s*(?:{_ROLE}\s*)?){{1,20}}\Z")
_TAIL = 400  # characters: a few tokens
_STRUCK_OUT = re.compile(r"<s>[^\n]*\Z")
_ENDS_OF_SEQUENCE = re.compile(r"(?:</s>\s*)+\Z")  # Llama 2


def chat_tokens(window: Window) -> bool:
    """Tokens of the chat template that the server should have kept to itself: "… and so it ended.<|im_end|>"."""
    if found := _TOKENS_AT_HEAD.match(window.head()):
        return window.cut_head(found.end())
    tail = window.tail()[-_TAIL:]
    if not tail.endswith((">", "]", *_ROLES)):
        return False  # the search costs as much as all other passes together
    found = _TOKENS_AT_TAIL.search(tail)
    if not found and tail.endswith("</s>") and not _STRUCK_OUT.search(tail):
        found = _ENDS_OF_SEQUENCE.search(tail)
    return found is not None and window.cut_tail(len(tail) - found.start())
