"""A log of chats with planted kinds of rows, made from a seed: each row knows what should become of it.

    rows = made_log(5000)
    write_rows(path, (row.value for row in rows))

Rows come in the forms of WildChat, LMSYS-Chat, ShareGPT, `messages` and plain prompts, mixed. Prompts are English and
Chinese; what is not planted as a duplicate is like no other.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fake_model import digest, sentences

# Of a thousand rows, how many are of each kind. The reason is that of the rule which should find it; "" is to be kept.
KINDS = {
    "long_stated": 180,
    "long_unstated": 60,  # kept by the model alone
    "short_unstated": 250,  # dropped by the model, or for want of a length
    "short_stated": 130,
    "no_prompt": 20,
    "toxic": 60,
    "redacted": 20,
    "prompt_too_short": 40,
    "prompt_too_long": 10,
    "language": 90,
    "data_dump": 60,
    "duplicate": 40,
    "near_duplicate": 40,
}
assert sum(KINDS.values()) == 1000


@dataclass(frozen=True, slots=True)
class LogRow:
    kind: str
    prompt: str
    value: dict[str, Any]


def made_log(count: int, seed: int = 1) -> list[LogRow]:
    """`count` rows, a multiple of 100, in an order that the seed gives."""
    rng = random.Random(seed)
    kinds = [kind for kind, share in KINDS.items() for _ in range(share * count // 1000)]
    rng.shuffle(kinds)
    earlier: list[str] = []
    rows = []
    for number, kind in enumerate(kinds):
        if kind in ("duplicate", "near_duplicate") and not earlier:
            kind = "long_stated"
        prompt = _repeated(rng, kind, earlier) if "duplicate" in kind else _PROMPTS[kind](rng)
        if kind == "long_stated" and len(prompt.split()) > 25:
            earlier.append(prompt)
        rows.append(LogRow(kind, prompt, _row(rng, kind, number, prompt)))
    return rows


# --- prompts


def _subject(rng: random.Random, words: int = 30) -> str:
    return " ".join(sentences(rng, words, "en")).rstrip(".").replace(". ", ", ").lower()


def _chinese(rng: random.Random, words: int = 40) -> str:
    return "".join(sentences(rng, words, "zh")).rstrip("。").replace("。", "，")


def _long_stated(rng: random.Random) -> str:
    words = rng.randrange(2000, 20_000, 500)
    if rng.random() < 0.3:
        return f"请写一篇{words}字的文章，写的是{_chinese(rng)}。"
    kind = rng.choice(["story", "report", "essay", "guide", "screenplay"])
    return f"Please write a {words:,}-word {kind} in which {_subject(rng)}."


def _long_unstated(rng: random.Random) -> str:
    return rng.choice([f"Write a novel about how {_subject(rng)}.", f"写一部长篇小说，讲的是{_chinese(rng)}。"])


def _short_unstated(rng: random.Random) -> str:
    return rng.choice(
        [
            f"What does it mean that {_subject(rng)}?",
            f"Explain why {_subject(rng)}.",
            f"为什么{_chinese(rng)}？",
        ]
    )


def _short_stated(rng: random.Random) -> str:
    words = rng.randrange(100, 1900, 100)
    return rng.choice(
        [f"Write an essay of {words} words on how {_subject(rng)}.", f"写一篇{words}字的短文，谈谈{_chinese(rng)}。"]
    )


def _other_language(rng: random.Random) -> str:
    number = rng.randrange(2000, 9000)
    return rng.choice(
        [
            f"Напишите рассказ о том, как старый капитан возвращается домой после войны номер {number}.",
            f"小さな町の時計台についての物語を{number}字で書いてください。主人公は年老いた職人です。",
            f"Bitte schreiben Sie eine Geschichte mit {number} Wörtern über einen alten Kapitän, der nach Hause kehrt.",
            f"Escribe una historia de {number} palabras sobre un viejo capitán que vuelve a su casa del puerto.",
        ]
    )


def _data_dump(rng: random.Random) -> str:
    number = rng.randrange(2000, 9000)
    return rng.choice(
        [
            f"Generate {number} random usernames for the game of the {_subject(rng, 6)}",
            f"Scrape all product reviews from https://shop{number}.example.com and output them as JSON. 5000 words.",
            f"Give me a list of {number} words that start with the letter {rng.choice('abcdefgh')}",
            f"请列出{number}个公司的名字和电话，编号从{rng.randrange(9000)}开始",
            f"写一个爬虫，抓取第{number}号网站的所有评论，至少5000字",
        ]
    )


def _repeated(rng: random.Random, kind: str, earlier: list[str]) -> str:
    prompt = rng.choice(earlier)
    if kind == "duplicate":
        return rng.choice([prompt, prompt.upper(), prompt.replace(" ", "  ") + "\n"])
    head, _, last = prompt.rpartition(" ")
    return f"{head} {digest(prompt + str(rng.random()))}{last[-1]}"


_PROMPTS: dict[str, Callable[[random.Random], str]] = {
    "long_stated": _long_stated,
    "long_unstated": _long_unstated,
    "short_unstated": _short_unstated,
    "short_stated": _short_stated,
    "no_prompt": lambda rng: "",
    "toxic": _long_stated,
    "redacted": _long_stated,
    "prompt_too_short": lambda rng: rng.choice(["hi", "ok 5000", "Go on", "继续", "?"]),
    "prompt_too_long": lambda rng: "Write 5,000 words on this. " + _subject(rng, 3200),
    "language": _other_language,
    "data_dump": _data_dump,
}


# --- rows


def _row(rng: random.Random, kind: str, number: int, prompt: str) -> dict[str, Any]:
    if kind == "toxic":
        return _toxic(rng, number, prompt)
    if kind == "redacted":
        return _wildchat(number, prompt) | {"redacted": True}
    if kind == "no_prompt":
        return rng.choice(
            [
                {"conversations": [{"from": "gpt", "value": "Hello!"}]},
                {"prompt": "   "},
                {"messages": [{"role": "system", "content": "Be brief."}]},
                {"conversation": []},
            ]
        )
    return rng.choice([_wildchat, _lmsys, _sharegpt, _messages, lambda _, text: {"prompt": text}])(number, prompt)


_NAMED = {"Escribe": "Spanish", "Bitte": "German", "Напишите": "Russian"}


def _wildchat(number: int, prompt: str) -> dict[str, Any]:
    language = _NAMED.get(prompt.partition(" ")[0], "English")
    turns = [
        {"role": "user", "content": prompt, "language": language, "toxic": False, "turn_identifier": number},
        {"role": "assistant", "content": "Certainly!", "language": "English", "toxic": False},
    ]
    calm = {"flagged": False, "categories": {"violence": False}, "category_scores": {"violence": 0.01}}
    return {
        "conversation_hash": f"{number:032x}",
        "model": "gpt-4",
        "conversation": turns,
        "turn": 1,
        "openai_moderation": [calm, calm],
        "detoxify_moderation": [{"toxicity": 0.001, "obscene": 0.0}],
        "toxic": False,
        "redacted": False,
    }


def _lmsys(number: int, prompt: str) -> dict[str, Any]:
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": "Here it is."}]
    moderation = [{"flagged": False, "categories": {"hate": False}}]
    return {"conversation_id": f"c{number}", "conversation": turns, "openai_moderation": moderation, "redacted": False}


def _sharegpt(number: int, prompt: str) -> dict[str, Any]:
    turns = [{"from": "human", "value": prompt}, {"from": "gpt", "value": "Well."}]
    return {"id": f"share-{number}", "conversations": turns}


def _messages(number: int, prompt: str) -> dict[str, Any]:
    turns = [{"role": "system", "content": "You help."}, {"role": "user", "content": prompt}]
    return {"id": number, "messages": turns}


def _toxic(rng: random.Random, number: int, prompt: str) -> dict[str, Any]:
    row = _wildchat(number, prompt)
    match rng.randrange(4):
        case 0:
            row["toxic"] = True
        case 1:
            row["conversation"][1]["toxic"] = True
        case 2:
            row["openai_moderation"][1] = {"flagged": True, "categories": {"violence": True, "hate": False}}
        case 3:
            row["detoxify_moderation"] = [{"toxicity": 0.93, "obscene": 0.2}]
    return row
