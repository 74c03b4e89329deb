"""A run of 300 instructions against the fake endpoint, as mixed as a real one: what the pictures of the docs show.

Two languages, the seven types of LongBench-Write, 300 to 20,000 words; a model that falls the shorter the longer a
text is to be, that refuses, loops and stops in the middle now and then; and a judge.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from fake_model import ScriptedModel, is_judging, judgement, prompt_text, prose, quoted_texts
from fake_server import FakeServer, Reply
from program import MODEL, run_longwriter, write_rows

COUNT = 300

_KINDS = {
    "Literature and Creative Writing": ("a short story", "a novella", "a travel diary"),
    "Academic and Monograph": ("a literature review", "a survey chapter"),
    "Popular Science": ("an essay for the general reader", "a long magazine article"),
    "Functional Writing": ("a handbook", "a project plan"),
    "News Report": ("an in-depth report", "a reportage"),
    "Community Forum": ("a detailed answer", "a blog post"),
    "Education and Training": ("course material", "a set of lessons with exercises"),
}
_KINDS_ZH = {
    "Literature and Creative Writing": "小说",
    "Academic and Monograph": "综述",
    "Popular Science": "科普文章",
    "Functional Writing": "工作方案",
    "News Report": "深度报道",
    "Community Forum": "长帖",
    "Education and Training": "培训教材",
}
_TOPICS = (
    "a harbour town that loses its ferry",
    "how tides shape a coast",
    "the last lock keeper of a canal",
    "night trains and those who run them",
    "soil, and what ploughing does to it",
    "a library that lends out tools",
    "the history of salt roads",
    "bees in the middle of a city",
    "a mountain school with twelve pupils",
    "repairing instead of throwing away",
    "the making of paper by hand",
    "a river that is set free again",
)
_TOPICS_ZH = (
    "一座老茶馆的四代人",
    "高速铁路的维护",
    "城市里的养蜂人",
    "海边小镇的渡船",
    "山村小学的最后一年",
    "手工造纸的历史",
)
_LENGTHS = (300, 600, 800, 1200, 1500, 2000, 2500, 3000, 4000, 5000, 6000, 8000, 10_000, 12_000, 16_000, 20_000)


def instructions(count: int = COUNT) -> list[dict[str, Any]]:
    rng = random.Random(7)
    rows = []
    for number in range(count):
        kind = rng.choice(list(_KINDS))
        words = rng.choices(_LENGTHS, weights=[9, 9, 8, 8, 8, 12, 10, 10, 9, 8, 5, 4, 3, 2, 1, 1])[0]
        if number % 3 == 2:
            prompt = f"写一篇{words}字左右的{_KINDS_ZH[kind]}，主题是{rng.choice(_TOPICS_ZH)}（第{number + 1}稿）。"
        else:
            form = rng.choice(_KINDS[kind])
            prompt = f"Write {form} of about {words:,} words on {rng.choice(_TOPICS)} (commission {number + 1})."
        rows.append({"id": f"w{number + 1:03}", "prompt": prompt, "type": kind})
    return rows


def answer(body: dict[str, Any]) -> str | Reply | None:
    """What the scripted model says, with the habits of this one."""
    prompt = prompt_text(body)
    if is_judging(prompt):
        return _verdict(prompt)
    fate = random.Random(_commission(prompt)).random()
    if fate < 0.02:
        return Reply(text=None, refusal="I'm sorry, I can't help with that.")
    if fate < 0.03:
        return Reply(text="", finish_reason="content_filter")
    bias = random.Random(_commission(prompt) + "bias").gauss(0.9, 0.28)
    said = ScriptedModel(bias=max(0.35, bias)).answer(body)
    if "Word Count" in said or "字数要求" in said:
        return said
    if "（第" in prompt:  # Chinese texts are all whole: a terminal drawn as SVG has no room for their wide letters
        return said
    if fate < 0.05:
        return said.rstrip(".。") + " and then"
    if fate < 0.07:
        return f"{said} {' '.join([prose(random.Random(1), 30, 'en')] * 6)}"
    return said


def _commission(prompt: str) -> str:
    """Which instruction a prompt is about: the number that stands in it."""
    for before, behind in (("(commission ", ")"), ("（第", "稿")):
        _, found, rest = prompt.partition(before)
        if found:
            return rest.partition(behind)[0]
    return ""


def _verdict(prompt: str) -> str:
    import json

    scores = judgement(prompt)
    rng = random.Random(quoted_texts(prompt)[-1])
    return json.dumps(
        {name: rng.choice((3, 4, 4, 5)) if isinstance(score, int) else score for name, score in scores.items()}
    )


def make_run(directory: Path, count: int = COUNT) -> Path:
    """The run, in `directory / "run"`."""
    source = write_rows(directory / "instructions.jsonl", [*instructions(count), {"prompt": ""}])
    with FakeServer(answer=answer, latency_s=0.2, latency_jitter=0.8) as server:
        run_longwriter(
            *("build-dataset", source, "-r", directory / "run", "-m", MODEL, "--base-url", server.base_url),
            *("--judge-model", MODEL, "--skip-bad-rows", "--metadata"),
            code=3,
            timeout_s=600,
        )
    return directory / "run"
