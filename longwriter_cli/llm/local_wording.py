"""How the embedded model is spoken to.

A model of 135 million parameters cannot follow a page of rules: given the shipped templates, 8 of 12 sections spoke
about the task in place of doing it. So a plan's form is enforced by a grammar, which leaves only the main points to the
model, and a section is asked for in two lines, as the next turn of a conversation whose last answer is the text so far.
What hurts it, as measured: a page of rules, the word "paragraph", plan lines it can see (it repeats them), and a text
so far inside the prompt (it copies the opening).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from longwriter_cli.llm.base import Request
from longwriter_cli.prompts import TemplateName, load_templates
from longwriter_cli.records import Language

PLAN_SAMPLING: Mapping[str, Any] = {"temperature": 0.3, "repeat_penalty": 1.1, "repeat_last_n": 128, "min_p": 0.05}
TEXT_SAMPLING: Mapping[str, Any] = {
    "temperature": 0.7,
    "min_p": 0.05,
    # Without this penalty, 72% of all runs of four words repeat an earlier one; with it 4 to 17%, mostly sentences
    # that a later section copies from an earlier one. DRY, which looks back farther, leaves 2%.
    "repeat_penalty": 1.1,
    "dry_multiplier": 0.8,
    "dry_base": 1.75,
    "dry_allowed_length": 4,
    "dry_penalty_last_n": 4096,
    # Left alone, the model likes to end after 100 words.
    "logit_bias": [["<|im_end|>", -2.0]],
}

ROOM = 1.25
"""A section may take this many times its target; what is cut is trimmed to its last sentence by the caller."""
TOKENS_PER_WORD: Mapping[Language, float] = {"en": 1.2, "zh": 2.0}
SEEN_CHARACTERS = 4000
"""The newest part of the text so far that a call gets: with more, this model copies what it reads."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How the embedded model is spoken to in one language. `line` is a regular expression for a line of a plan."""

    begin: str
    go_on: str
    line: re.Pattern[str]
    form: tuple[str, str, str]
    point: str
    examples: tuple[tuple[str, str], ...]


WORDINGS: Mapping[Language, Wording] = {
    "en": Wording(
        begin="{instruction}\n\nBegin with this part, in about {words} words: {point}.",
        go_on="Go on with the next part, in about {words} words: {point}.",
        line=re.compile(r"Paragraph \d+ - Main Point: (.+) - Word Count: (\d+) words"),
        form=("Paragraph {n} - Main Point: ", " - Word Count: ", " words"),
        # One sentence of 30 to 200 characters that can hold nothing to be mistaken for the rest of the line. Past
        # the limit the word may be ended, no new one begun.
        point=r"[A-Z] body{29,183} [a-z]{0,16}" + "\n" + r"body ::= [A-Za-z0-9 ,;'’é]",
        examples=(
            (
                "Write a 750-word article about how bread is made.",
                "Paragraph 1 - Main Point: Where bread comes from, which grains people first ground, and why wheat "
                "became the grain of bakers - Word Count: 250 words\n"
                "Paragraph 2 - Main Point: How flour, water, salt and yeast become a dough, with the work of kneading "
                "and the hours of rising - Word Count: 250 words\n"
                "Paragraph 3 - Main Point: What happens in the oven, how the crust gets its colour, and how a baker "
                "knows that the loaf is done - Word Count: 250 words",
            ),
            (
                "Write a story of 600 words about a girl who repairs a clock tower.",
                "Paragraph 1 - Main Point: Mina climbs the silent tower of her village, finds the broken wheel, and "
                "promises the mayor to mend it - Word Count: 300 words\n"
                "Paragraph 2 - Main Point: The night of work by candlelight, the wheel that does not fit, and the "
                "morning when the bell rings again - Word Count: 300 words",
            ),
        ),
    ),
    "zh": Wording(
        begin="{instruction}\n\n请先写这一部分，约{words}字：{point}。",
        go_on="请接着写下一部分，约{words}字：{point}。",
        line=re.compile(r"第\d+段 - 主要内容：(.+) - 字数要求：(\d+)字"),
        form=("第{n}段 - 主要内容：", " - 字数要求：", "字"),
        point="han body{9,48} han\nbody ::= han | [，、]\nhan ::= [一-鿿]",
        examples=(
            (
                "请写一篇600字的文章，介绍面包是怎样做成的。",
                "第1段 - 主要内容：面包的来历，人们最早磨的是哪些谷物，小麦为什么成了面包师的首选 - 字数要求：300字\n"
                "第2段 - 主要内容：面粉、水、盐和酵母怎样变成面团，烤炉里又发生了什么 - 字数要求：300字",
            ),
        ),
    ),
}

MOST_LINES = 40  # the plan's own limit is 50 steps
_LINE_WORDS = 300


def line_words(required_words: int) -> list[int]:
    """The word counts of a plan's lines: about 300 each, 200 to 1000, adding up to what is required where that can be.

    Few words for each line, because this model has nothing more to say after 300.
    """
    lines = min(MOST_LINES, max(1, round(required_words / _LINE_WORDS)))
    each = min(1000, max(200, round(required_words / lines / 10) * 10))
    last = min(1000, max(200, required_words - each * (lines - 1)))
    return [each] * (lines - 1) + [last]


def plan_grammar(language: Language, required_words: int | None) -> str:
    """A grammar (GBNF, llama.cpp's `grammars/README.md`) of plans.

    Where the required length is known, number and lengths of the lines are fixed; else 2 to 8 lines of 200 to 1000.
    """
    wording = WORDINGS[language]
    head, middle, tail = wording.form
    counts = [f'"{words}"' for words in line_words(required_words)] if required_words else []
    lines = [
        f'"{head.format(n=n)}" point "{middle}" {count} "{tail}"' for n, count in enumerate(counts or ["words"] * 8, 1)
    ]
    if counts:
        root = ' "\\n" '.join(lines)
    else:
        root = f'{lines[0]} "\\n" {lines[1]}'
        root += "".join(f' ("\\n" {line}' for line in lines[2:]) + ")?" * len(lines[2:])
    free = '"1000" | [2-9] [0-9] "0"'
    return f"root ::= {root}\npoint ::= {wording.point}\nwords ::= {free}\n"


class Shaper:
    """Turns a request into what the embedded model can do.

    A prompt that a shipped template made is put in fewer words; one of a user's own template goes out as it is, only
    sampled, shaped and capped. What the request sets itself wins over what is set here.
    """

    def __init__(self) -> None:
        self._templates = load_templates()

    def __call__(self, request: Request) -> Request:
        if request.kind == "plan":
            return self._plan(request)
        if request.kind == "section":
            return self._section(request)
        if request.kind in ("judge", "compare"):
            return _choosing(request)
        return replace(request, params={**TEXT_SAMPLING, **request.params})

    def _plan(self, request: Request) -> Request:
        grammar = plan_grammar(request.language, request.target_words)
        return replace(
            request,
            prompt=request.fields["INST"] if self._is_shipped("plan", request) else request.prompt,
            examples=WORDINGS[request.language].examples,
            params={"cache_prompt": True, "grammar": grammar, **PLAN_SAMPLING, **request.params},
        )

    def _section(self, request: Request) -> Request:
        most = request.max_tokens
        if most is None and request.target_words is not None:
            most = round(ROOM * TOKENS_PER_WORD[request.language] * request.target_words)
        params = {"cache_prompt": True, **TEXT_SAMPLING, **request.params}
        shaped = replace(request, max_tokens=most, params=params)
        if not self._is_shipped("write", request):
            return shaped
        wording, fields = WORDINGS[request.language], request.fields
        line = wording.line.fullmatch(fields["STEP"])
        if line is None:
            return shaped
        turn = {"instruction": fields["INST"], "point": line[1].rstrip(".。"), "words": line[2]}
        if fields["TEXT"]:
            earlier = (fields["INST"], newest(fields["TEXT"]))
            return replace(shaped, examples=(earlier,), prompt=wording.go_on.format(**turn))
        return replace(shaped, prompt=wording.begin.format(**turn))

    def _is_shipped(self, name: TemplateName, request: Request) -> bool:
        """Whether a shipped template made the prompt; a plan that is asked for again has a remark behind it."""
        shipped = self._templates.get(name, request.language).fill(**request.fields)
        return bool(request.fields) and request.prompt.startswith(shipped.rstrip())


def _choosing(request: Request) -> Request:
    """An answer of choices alone: what this model says before them is no help to it, and may never end."""
    schema = request.params.get("response_format", {}).get("json_schema", {}).get("schema", {})
    choices = {name: form["enum"] for name, form in schema.get("properties", {}).items() if "enum" in form}
    if not choices:
        return request
    fields = [f"{_literal(f'{json.dumps(name)}: ')} choice{n}" for n, name in enumerate(choices)]
    rules = [
        f"choice{n} ::= {' | '.join(_literal(json.dumps(value)) for value in values)}"
        for n, values in enumerate(choices.values())
    ]
    separator = ' ", " '
    root = 'root ::= "{" ' + separator.join(fields) + ' "}"'
    grammar = "\n".join([root, *rules]) + "\n"
    rest = {name: value for name, value in request.params.items() if name != "response_format"}
    return replace(request, params={"cache_prompt": True, "temperature": 0.3, "grammar": grammar, **rest})


def _literal(text: str) -> str:
    """The text as a terminal of a grammar."""
    return json.dumps(text, ensure_ascii=False)


def newest(text: str) -> str:
    """The last `SEEN_CHARACTERS` of the text or less, from the start of a sentence on."""
    if len(text) <= SEEN_CHARACTERS:
        return text
    tail = text[-SEEN_CHARACTERS:]
    start = re.search(r"[.!?。！？][\"”’]?\s*", tail)
    return tail[start.end() :] if start else tail
