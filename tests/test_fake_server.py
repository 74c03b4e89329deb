"""The fake server keeps its promises: every other test stands on it, so each is proved over a real socket."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import Thread
from typing import Any

import fake_model
import openai
import pytest
from fake_model import ScriptedModel, asked_step, asked_words, audit_record, marks, split_sections, text_so_far
from fake_server import FINAL_FAULTS, MODES, RETRYABLE_FAULTS, FakeServer, Reply
from program import until

from longwriter_cli.text.words import count_words, count_words_longbench

ROOT = Path(__file__).parent.parent
PLAN_LINE = re.compile(r"(?:Word Count: |字数要求：)(\d+)(?: words|字)$", re.MULTILINE)

# Writing templates in every order that a user's own may have; the step stands last.
WRITE_TEMPLATES = {
    "shipped en": (ROOT / "prompts/en/write.txt").read_text(encoding="utf-8"),
    "shipped zh": (ROOT / "prompts/zh/write.txt").read_text(encoding="utf-8"),
    "step inside a sentence": "$INST$\nSteps:\n$PLAN$\nText:\n$TEXT$\n\nNow continue writing $STEP$. Add a title.",
    "text on a line with others": '$PLAN$ // $INST$ // "$TEXT$" // $STEP$',
    "text first": "So far: $TEXT$\n$INST$\n$PLAN$\n$STEP$",
    "no plan": "$INST$\n$TEXT$\n$STEP$",
}
PLAN_TEMPLATES = {
    "shipped en": (ROOT / "prompts/en/plan.txt").read_text(encoding="utf-8"),
    "shipped zh": (ROOT / "prompts/zh/plan.txt").read_text(encoding="utf-8"),
    "examples with numbers": (
        "Break it down:\n$INST$\nEach paragraph has 200 to 1,000 words, as in\n"
        "Paragraph 1 - Main Point: the first thing - Word Count: 400 words\n"
        "Paragraph 2 - Main Point: the second thing - Word Count: 300 words"
    ),
    "bare": "Plan: $INST$",
}


def fill(template: str, inst: str = "", plan: str = "", text: str = "", step: str = "") -> str:
    values = {"$INST$": inst, "$PLAN$": plan, "$TEXT$": text, "$STEP$": step}
    return re.sub(r"\$[A-Z]+\$", lambda match: values[match[0]], template)


def ask(prompt: str = "hello", **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": prompt}], **fields}


def answer(prompt: str, model: ScriptedModel | None = None, **fields: Any) -> str:
    return (model or ScriptedModel()).answer(ask(prompt, **fields))


def record(
    template: str, inst: str = "Write a 2000-word story", language: str = "en", model: ScriptedModel | None = None
) -> tuple[list[str], list[str]]:
    """The step lines and the sections of an AgentWrite run of the scripted model."""
    plan = answer(fill(PLAN_TEMPLATES[f"shipped {language}"], inst), model)
    lines = plan.split("\n")
    sections: list[str] = []
    for line in lines:
        sections.append(answer(fill(template, inst, plan, "\n\n".join(sections), line), model))
    return lines, sections


def post(
    server: FakeServer, body: object, path: str = "/v1/chat/completions"
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("POST", path, json.dumps(body))
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def get(server: FakeServer, path: str) -> Any:
    with urllib.request.urlopen(server.url + path, timeout=10) as response:
        return json.load(response)


def content(body: bytes) -> Any:
    return json.loads(body)["choices"][0]["message"]["content"]


def error(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)["error"]
    return found


def stream(body: bytes) -> list[dict[str, Any]]:
    lines = [line for line in body.split(b"\n\n") if line]
    assert lines[-1] == b"data: [DONE]"
    return [json.loads(line.removeprefix(b"data: ")) for line in lines[:-1]]


# --- the scripted model ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", PLAN_TEMPLATES)
@pytest.mark.parametrize(
    ("inst", "total"),
    [
        ("Write a 3000-word essay on tides", 3000),
        ("Write about 12,500 words on tides", 12_500),
        ("Write 500 words on tides", 500),
        ("An essay of 4000 to 6000 words", 5000),
        ("写一篇5000字的文章", 5000),
        ("写一篇约2万字的小说", 20_000),
        ("A novel of 60,000 words", 60_000),
    ],
)
def test_a_plan_adds_up_to_the_length_that_the_instruction_names(template: str, inst: str, total: int) -> None:
    counts = [int(words) for words in PLAN_LINE.findall(answer(fill(PLAN_TEMPLATES[template], inst)))]
    assert sum(counts) == total
    assert len(counts) == min(40, round(total / 400))


@pytest.mark.parametrize("template", PLAN_TEMPLATES)
def test_a_plan_without_a_named_length_has_three_to_eight_steps(template: str) -> None:
    for subject in range(20):
        plan = answer(fill(PLAN_TEMPLATES[template], f"Tell me of subject {subject}"))
        counts = [int(words) for words in PLAN_LINE.findall(plan)]
        assert 3 <= len(counts) <= 8
        assert len(counts) == len(plan.split("\n"))
        assert all(200 <= words <= 500 for words in counts)


def test_a_plan_is_in_the_format_of_its_language() -> None:
    english = answer(fill(PLAN_TEMPLATES["shipped en"], "写一篇3000字的文章"))
    chinese = answer(fill(PLAN_TEMPLATES["shipped zh"], "Write 3000 words"))
    assert re.match(r"Paragraph 1 - Main Point: .+ - Word Count: \d+ words\n", english)
    assert re.match(r"第1段 - 主要内容：.+ - 字数要求：\d+字\n", chinese)
    assert answer(fill(PLAN_TEMPLATES["bare"], "写一篇3000字的文章")).startswith("第1段")


def test_two_instructions_have_no_step_line_in_common() -> None:
    plans = [answer(fill(PLAN_TEMPLATES["shipped en"], f"Write 2000 words on {i}")).split("\n") for i in range(50)]
    lines = [line for plan in plans for line in plan]
    assert len(set(lines)) == len(lines) == 250


@pytest.mark.parametrize("template", WRITE_TEMPLATES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_record_written_with_any_template_passes_its_audit(template: str, language: str) -> None:
    lines, sections = record(WRITE_TEMPLATES[template], "Write 2000 words. 写2000字", language)
    assert audit_record(sections, lines) == []
    text = "\n\n".join(sections)
    assert split_sections(text) == sections
    assert audit_record(text, lines) == []


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("bias", [0.7, 1.0, 1.4])
def test_a_section_has_the_words_of_its_step_times_the_bias(language: str, bias: float) -> None:
    lines, sections = record(WRITE_TEMPLATES["no plan"], language=language, model=ScriptedModel(bias=bias))
    for line, section in zip(lines, sections, strict=True):
        target = round(int(PLAN_LINE.findall(line)[0]) * bias)
        assert count_words(section) == count_words_longbench(section) == fake_model.count_words(section) == target
        assert len(section.split("\n\n")) <= 3


def test_a_step_whose_word_count_was_carried_is_still_recognised() -> None:
    plan = answer(fill(PLAN_TEMPLATES["shipped en"], "Write 2000 words"))
    first = plan.split("\n")[0]
    carried = re.sub(r"\d+ words", "333 words", first)
    prompt = fill(WRITE_TEMPLATES["shipped en"], "Write", plan, "", carried)
    assert count_words(answer(prompt)) == 333
    assert marks(answer(prompt))[0].own == fake_model.digest(carried)


def test_plan_lines_in_a_planning_prompt_ask_for_no_section() -> None:
    assert asked_step(fill(PLAN_TEMPLATES["examples with numbers"], "Write 2000 words")) is None


def test_the_length_of_one_paragraph_is_not_the_length_of_the_whole() -> None:
    assert (
        asked_words("Outline it; each paragraph about 400 words, e.g., 300 words, between 200 and 1,000 words") is None
    )
    assert asked_words("每段约400字，如300字，200到1000字") is None


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda parts: parts[:1] + parts[2:], id="a section is missing"),
        pytest.param(lambda parts: parts[:2] + parts[1:], id="a section stands twice"),
        pytest.param(lambda parts: [parts[1], parts[0], *parts[2:]], id="two sections are swapped"),
        pytest.param(lambda parts: [parts[0].rsplit(". ", 1)[0] + ".", *parts[1:]], id="a sentence is missing"),
        pytest.param(lambda parts: [parts[0].replace(" the ", " a ", 1), *parts[1:]], id="a word is changed"),
        pytest.param(lambda parts: [*parts[:2], "No mark here.", *parts[3:]], id="a section is unknown"),
    ],
)
@pytest.mark.parametrize("side", ["prompt", "record"])
def test_the_audit_finds_a_context_that_is_not_exactly_the_sections_before(
    spoil: Callable[[list[str]], list[str]], side: str
) -> None:
    lines, sections = record(WRITE_TEMPLATES["shipped en"])
    if side == "record":
        assert audit_record(spoil(sections)) != []
        return
    context = "\n\n".join(spoil(sections[:4]))
    prompt = fill(WRITE_TEMPLATES["shipped en"], "Write", "\n".join(lines), context, lines[4])
    assert audit_record([*sections[:4], answer(prompt)]) != []


def test_the_audit_finds_a_section_of_another_step() -> None:
    lines, sections = record(WRITE_TEMPLATES["shipped en"])
    assert audit_record(sections, [*lines[:-1], lines[0]]) == ["section 5: written for another step line"]
    assert audit_record(sections[:-1], lines) == ["4 sections for 5 steps"]


def test_a_text_cut_in_mid_sentence_is_told_apart_by_its_whole_sentences() -> None:
    _, sections = record(WRITE_TEMPLATES["shipped en"])
    whole, _, rest = sections[0].rpartition(". ")
    assert rest
    assert text_so_far(f"{whole}. The thing that") == text_so_far(f"{whole}.") != text_so_far(sections[0])


def test_what_is_neither_plan_nor_section_gets_a_short_answer() -> None:
    assert 20 <= count_words(answer("How are you?")) <= 60
    assert marks(answer("How are you?")) == []


def test_an_answer_depends_on_what_shapes_the_text_and_on_nothing_else() -> None:
    prompt = fill(PLAN_TEMPLATES["shipped en"], "Write 2000 words")
    text = answer(prompt)
    assert answer(prompt, stream=True, max_tokens=5, user="me") == text
    others = [answer(prompt, seed=2), answer(prompt, temperature=0.5), answer(prompt, ScriptedModel(seed=2))]
    assert len({text, *others}) == 4


# --- answers over HTTP ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def calm() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


async def test_the_openai_client_gets_the_same_text_whole_and_streamed(calm: FakeServer) -> None:
    client = openai.AsyncOpenAI(
        base_url=calm.base_url, api_key="none", max_retries=0, http_client=openai.DefaultAioHttpClient()
    )
    async with client:
        assert [model.id async for model in client.models.list()] == ["fake-writer"]
        messages: list[Any] = [{"role": "user", "content": "Plan 2000 words 你好"}]
        whole = await client.chat.completions.create(model="m", messages=messages)
        pieces = await client.chat.completions.create(
            model="m", messages=messages, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in pieces]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens == -(-len(text.encode()) // 4)


def test_a_stream_tells_its_usage_only_when_asked(calm: FakeServer) -> None:
    assert all("usage" not in event for event in stream(post(calm, ask(stream=True))[2]))


@pytest.mark.parametrize("path", ["/v1/nothing", "/"])
def test_other_paths_are_an_error_in_json(calm: FakeServer, path: str) -> None:
    status, _, body = post(calm, {}, path)
    assert status == 404
    assert path in error(body)["message"]


@pytest.mark.parametrize("body", ["no object", [1], {"messages": 3}, {"messages": ["text"]}])
def test_a_body_that_is_no_chat_request_is_a_bad_request(calm: FakeServer, body: object) -> None:
    assert post(calm, body)[0] == 400


def test_a_connection_serves_many_requests_and_waits_for_100_continue(calm: FakeServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", calm.port, timeout=10)
    texts = set()
    for _ in range(3):
        connection.request("POST", "/v1/chat/completions", json.dumps(ask()), {"Expect": "100-continue"})
        texts.add(content(connection.getresponse().read()))
    connection.close()
    assert len(texts) == 1


def test_models_tell_their_context_when_told_to() -> None:
    with FakeServer(models=["a", "b"], max_model_len=8192) as server:
        found = get(server, "/v1/models")["data"]
    assert [(model["id"], model["max_model_len"]) for model in found] == [("a", 8192), ("b", 8192)]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("prompt", ["Plan 2000 words", "Plan 写2000字"])
def test_a_text_longer_than_max_tokens_is_always_cut_there(calm: FakeServer, name: str, prompt: str) -> None:
    whole = content(post(calm, ask(prompt))[2])
    choice = json.loads(post(calm, ask(prompt, **{name: 20}))[2])["choices"][0]
    cut = choice["message"]["content"]
    assert whole.startswith(cut)
    assert 74 <= len(cut.encode()) <= 80
    assert choice["finish_reason"] == "length"
    choice = json.loads(post(calm, ask(prompt, **{name: 2000}))[2])["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == (whole, "stop")


def test_the_prefix_cache_counts_whole_blocks_of_an_earlier_prompt() -> None:
    def cached(server: FakeServer, prompt: str, model: str = "m") -> int:
        usage = json.loads(post(server, {**ask(prompt), "model": model})[2])["usage"]
        assert usage["prompt_tokens"] == len(prompt) // 4
        found: int = usage["prompt_tokens_details"]["cached_tokens"]
        return found

    long, short = "abcd" * 1300, "abcd" * 1000
    with FakeServer() as server:
        assert cached(server, long) == 0
        assert cached(server, long + "more" * 500) == 1280
        assert cached(server, long, model="other") == 0
        assert cached(server, "x" + long[1:]) == 0
        assert [cached(server, short), cached(server, short)] == [0, 0]
        assert server.stats.cached_tokens == 1280
    with FakeServer(prefix_cache=False) as server:
        assert [cached(server, long), cached(server, long)] == [0, 0]


def test_usage_can_be_kept_back() -> None:
    with FakeServer(usage=False) as server:
        assert json.loads(post(server, ask())[2])["usage"] is None
        asked = ask(stream=True, stream_options={"include_usage": True})
        assert all("usage" not in event for event in stream(post(server, asked)[2]))


def test_a_callable_may_answer_in_the_place_of_the_model() -> None:
    def scripted(request: dict[str, Any]) -> str | Reply | None:
        replies: dict[str, str | Reply] = {
            "essay": "An essay.",
            "filter": Reply("cut", finish_reason="content_filter"),
            "no": Reply(None, refusal="I will not."),
            "teapot": Reply(status=418, body=b"short and stout", headers={"X-Pot": "tea"}),
        }
        return replies.get(request["messages"][0]["content"])

    with FakeServer(answer=scripted, keep_requests=True) as server:
        assert content(post(server, ask("essay"))[2]) == "An essay."
        assert json.loads(post(server, ask("filter"))[2])["choices"][0]["finish_reason"] == "content_filter"
        assert json.loads(post(server, ask("no"))[2])["choices"][0]["message"]["refusal"] == "I will not."
        status, headers, body = post(server, ask("teapot"))
        assert (status, headers["X-Pot"], body) == (418, "tea", b"short and stout")
        assert content(post(server, ask("else"))[2]) == answer("else")
        prompts = [asked["messages"][0]["content"] for asked in server.requests]
        assert prompts == ["essay", "filter", "no", "teapot", "else"]
        assert server.answers == ["An essay.", "cut", None, "", answer("else")]


# --- faults ---------------------------------------------------------------------------------------------------------


@contextmanager
def failing(kind: str, **options: Any) -> Iterator[FakeServer]:
    """A server on which each request meets the fault once, then succeeds."""
    options = {"stall_s": 0.1, "slow_s": 0.2, **options}
    with FakeServer(faults=1.0, fault_kinds=[kind], max_faults=1, keep_requests=True, **options) as server:
        yield server
        assert server.stats.faults == {kind: 1}
        status, _, body = post(server, server.requests[0])
        assert status == 200
        if server.requests[0].get("stream"):
            assert stream(body)[-1]["choices"][0]["finish_reason"] == "stop"
        else:
            assert content(body) == answer("Plan 2000 words")
        assert server.stats.repeats == 1
        assert server.stats.repeats_after_success == (kind == "slow")


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("kind", RETRYABLE_FAULTS + FINAL_FAULTS)
def test_each_fault_is_what_it_says_and_the_next_try_succeeds(kind: str, streamed: bool) -> None:
    text = answer("Plan 2000 words")
    with failing(kind) as server:
        begun = time.monotonic()
        try:
            status, headers, body = post(server, ask("Plan 2000 words", stream=streamed))
        except (http.client.HTTPException, ConnectionError) as lost:
            status, headers, body = 0, http.client.HTTPMessage(), getattr(lost, "partial", b"")
        took_s = time.monotonic() - begun
        match kind:
            case "429_seconds":
                assert (status, headers["Retry-After"]) == (429, "1")
            case "429_fraction":
                assert (status, headers["Retry-After"]) == (429, "0.05")
            case "429_ms":
                assert (status, headers["retry-after-ms"]) == (429, "50")
            case "429_date":
                assert status == 429
                assert -1 < parsedate_to_datetime(headers["Retry-After"]).timestamp() - time.time() < 2
            case "429_bare":
                assert (status, headers["Retry-After"], headers["retry-after-ms"]) == (429, None, None)
                assert error(body)["code"] == "rate_limit_exceeded"
            case "502_html":
                assert (status, headers["Content-Type"]) == (502, "text/html")
                assert body.startswith(b"<html>")
            case "500" | "503":
                assert status == int(kind)
                assert error(body)["type"] == "server_error"
            case "stall" | "cut_before":
                assert (status, body) == (0, b"")
                assert (took_s >= 0.1) == (kind == "stall")
            case "stall_middle" | "cut_middle":
                assert status == 0
                assert len(body) > 100 or streamed
                assert (took_s >= 0.1) == (kind == "stall_middle")
            case "error_in_200":
                assert status == 200
                assert (stream(body)[0] if streamed else json.loads(body))["error"]["type"] == "server_error"
            case "broken_json":
                assert status == 200
                with pytest.raises(json.JSONDecodeError):
                    _ = stream(body) if streamed else json.loads(body)
            case "empty_choices":
                assert status == 200
                assert all(event["choices"] == [] for event in (stream(body) if streamed else [json.loads(body)]))
            case _:
                assert status == 200
                found, refusal, reason = outcome(body, streamed)
                assert (took_s >= 0.15) == (kind == "slow")
                if kind == "length":
                    assert text.startswith(found)
                    assert 0.53 < len(found) / len(text) < 0.57
                    assert not found.endswith(".")
                expected = {
                    "slow": (text, None, "stop"),
                    "null_content": ("" if streamed else None, None, "stop"),
                    "empty_content": ("", None, "stop"),
                    "length": (found, None, "length"),
                    "refusal": ("" if streamed else None, "I'm sorry, I can't assist with that request.", "stop"),
                    "refusal_text": ("I'm sorry, but I can't assist with that request.", None, "stop"),
                    "content_filter": ("", None, "content_filter"),
                }
                assert (found, refusal, reason) == expected[kind]


def outcome(body: bytes, streamed: bool) -> tuple[Any, Any, str]:
    """Text, refusal and finish reason of a completion."""
    if not streamed:
        choice = json.loads(body)["choices"][0]
        return choice["message"]["content"], choice["message"]["refusal"], choice["finish_reason"]
    choices = [event["choices"][0] for event in stream(body)]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    refusal = "".join(choice["delta"].get("refusal") or "" for choice in choices) or None
    return text, refusal, choices[-1]["finish_reason"]


QUICK_FAULTS = ("429_bare", "500", "503", "empty_content")


def statuses(server: FakeServer, requests: int) -> list[int]:
    return [post(server, ask(f"hello {i}"))[0] for i in range(requests)]


def test_the_share_of_faults_is_the_one_asked_for_and_evenly_mixed() -> None:
    with FakeServer(faults=0.3, fault_kinds=QUICK_FAULTS) as server:
        statuses(server, 600)
        faults = server.stats.faults
    assert 140 < faults.total() < 220
    assert all(25 < faults[kind] < 70 for kind in QUICK_FAULTS)


def test_faults_are_the_same_for_the_same_seed() -> None:
    found = []
    for seed in (1, 1, 2):
        with FakeServer(faults=0.5, fault_kinds=QUICK_FAULTS, seed=seed) as server:
            found.append(statuses(server, 60))
    assert found[0] == found[1] != found[2]


def test_a_request_meets_at_most_max_faults_in_a_row() -> None:
    with FakeServer(faults=1.0, fault_kinds=["500"], max_faults=3) as server:
        assert [post(server, ask())[0] for _ in range(8)] == [500, 500, 500, 200, 500, 500, 500, 200]


def test_an_unknown_fault_or_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="no such fault: 418"):
        FakeServer(fault_kinds=["418"])
    with pytest.raises(ValueError, match="no such mode: sulky"):
        FakeServer(mode="sulky")


# --- errors for good ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "status", "code", "models_status"),
    [
        ("bad_key", 401, "invalid_api_key", 401),
        ("forbidden", 403, "permission_denied", 403),
        ("no_model", 404, "model_not_found", 200),
        ("no_quota", 429, "insufficient_quota", 200),
        ("down", 503, "service_unavailable", 503),
        ("context", 400, "context_length_exceeded", 200),
    ],
)
def test_a_mode_refuses_until_it_is_switched_off(mode: str, status: int, code: str, models_status: int) -> None:
    with FakeServer(mode=mode) as server:
        for _ in range(3):
            found, _, body = post(server, ask())
            assert (found, error(body)["code"]) == (status, code)
        if models_status == 200:
            assert get(server, "/v1/models")["object"] == "list"
        else:
            with pytest.raises(urllib.error.HTTPError, match=str(models_status)):
                get(server, "/v1/models")
        server.mode = "ok"
        assert post(server, ask())[0] == 200
        assert server.stats.rejected == {code: 3}


def test_modes_are_all_tested() -> None:
    assert set(MODES) == {"ok", "bad_key", "forbidden", "no_model", "no_quota", "down", "context"}


def test_the_mode_is_switched_over_http_too() -> None:
    with FakeServer() as server:
        status, _, body = post(server, {"mode": "down", "faults": 0.5}, "/mode")
        assert (status, json.loads(body)["mode"], server.faults) == (200, "down", 0.5)
        assert post(server, ask())[0] == 503
        assert post(server, {"mode": "sulky"}, "/mode")[0] == 400
        assert post(server, {"port": 1}, "/mode")[0] == 400
        assert server.mode == "down"


@pytest.mark.parametrize("mode", ["ok", "context"])
def test_a_request_over_the_context_is_told_so_in_openai_words(mode: str) -> None:
    with FakeServer(mode=mode, max_context_tokens=100) as server:
        assert post(server, ask("abcd" * 100))[0] == 200
        status, _, body = post(server, ask("abcd" * 101))
        assert (status, error(body)["code"], error(body)["param"]) == (400, "context_length_exceeded", "messages")
        assert error(body)["message"].startswith(
            "This model's maximum context length is 100 tokens. However, your messages resulted in 101 tokens."
        )
        _, _, body = post(server, ask("abcd" * 90, max_tokens=20))
        assert "you requested 110 tokens (90 in the messages, 20 in the completion)" in error(body)["message"]


def test_a_refused_parameter_is_named() -> None:
    with FakeServer(refuse_param={"temperature"}) as server:
        status, _, body = post(server, ask(temperature=1))
        assert (status, error(body)["code"], error(body)["param"]) == (400, "unsupported_parameter", "temperature")
        assert post(server, ask())[0] == 200


def test_max_tokens_is_refused_where_the_newer_name_is_needed() -> None:
    with FakeServer(needs_max_completion_tokens=True) as server:
        status, _, body = post(server, ask(max_tokens=9))
        assert (status, error(body)["param"]) == (400, "max_tokens")
        assert "Use 'max_completion_tokens' instead." in error(body)["message"]
        assert post(server, ask(max_completion_tokens=9))[0] == 200


# --- counting, time and life ----------------------------------------------------------------------------------------


def test_every_call_and_every_repeat_is_counted() -> None:
    with FakeServer() as server:
        for prompt in ("one", "two", "one", "one"):
            post(server, ask(prompt))
        post(server, ask("one", temperature=0.1))
        stats = server.stats
        assert (stats.calls, stats.answered, stats.distinct_prompts) == (5, 5, 2)
        assert (stats.repeats, stats.repeats_after_success) == (2, 2)
        assert (stats.prompt_tokens, stats.in_flight) == (5, 0)
        assert stats.completion_tokens > 5 * 20
        shown = get(server, "/stats")
        assert (shown["calls"], shown["mode"]) == (5, "ok")
        assert post(server, {}, "/reset")[0] == 200
        post(server, ask("one"))
        assert (server.stats.calls, server.stats.repeats) == (1, 0)


def test_a_thousand_requests_are_held_in_flight() -> None:
    with FakeServer(latency_s=0.8) as server:

        async def call(i: int) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            body = json.dumps(ask(f"hello {i}")).encode()
            writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n" % len(body))
            writer.write(b"Connection: close\r\n\r\n" + body)
            answer = await reader.read()
            writer.close()
            return answer

        async def all_of_them() -> list[bytes]:
            return await asyncio.gather(*(call(i) for i in range(1000)))

        answers = asyncio.run(all_of_them())
        assert all(answer.startswith(b"HTTP/1.1 200 OK") for answer in answers)
        assert server.stats.answered == 1000
        assert server.stats.max_in_flight >= 900


def timed(server: FakeServer, body: object) -> float:
    begun = time.monotonic()
    post(server, body)
    return time.monotonic() - begun


def test_latency_is_per_request_and_per_word() -> None:
    with FakeServer(latency_s=0.1, latency_jitter=0.5) as server:
        found = [timed(server, ask(f"hello {i}")) for i in range(6)]
        assert 0.05 <= min(found) < 0.3
        assert max(found) - min(found) > 0.01
    with FakeServer(answer=lambda request: "word " * 100, latency_per_word_s=0.002) as server:
        assert 0.2 <= timed(server, ask()) < 2
        assert 0.15 <= timed(server, ask(stream=True)) < 2


def test_an_answer_to_a_client_that_has_gone_counts_as_no_success() -> None:
    with FakeServer(latency_s=0.2) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.connect()
        connection.sock.settimeout(0.05)
        connection.request("POST", "/v1/chat/completions", json.dumps(ask()))
        with pytest.raises(TimeoutError):
            connection.getresponse()
        connection.close()
        until(lambda: server.stats.abandoned == 1)
        assert (server.stats.calls, server.stats.answered) == (1, 0)
        post(server, ask())
        assert (server.stats.repeats, server.stats.repeats_after_success) == (1, 0)


def test_an_outage_ends_on_the_same_port_with_the_counts_kept(caplog: pytest.LogCaptureFixture) -> None:
    server = FakeServer(latency_s=5).start()
    lost: list[Exception] = []

    def caller() -> None:
        try:
            post(server, ask())
        except (http.client.HTTPException, OSError) as problem:
            lost.append(problem)

    thread = Thread(target=caller)
    thread.start()
    until(lambda: server.stats.in_flight == 1)
    port = server.port
    server.stop()
    thread.join(2)
    assert len(lost) == 1
    with pytest.raises(ConnectionRefusedError):
        post(server, ask())
    server.latency_s = 0
    server.restart()
    assert server.port == port
    assert post(server, ask())[0] == 200
    server.restart()
    assert post(server, ask())[0] == 200
    server.stop()
    server.stop()
    stats = server.stats
    assert (stats.calls, stats.answered, stats.abandoned, stats.in_flight) == (3, 2, 1, 0)
    assert caplog.records == []


def test_a_port_in_use_is_an_error_at_the_start(calm: FakeServer) -> None:
    with pytest.raises(OSError, match="in use"):
        FakeServer(port=calm.port).start()


def test_the_program_prints_its_base_url_first_and_serves_until_killed() -> None:
    command = [sys.executable, str(Path(__file__).parent / "fake_server.py"), "--port", "0", "--seed", "3"]
    command += ["--faults", "1", "--fault-kinds", "503", "--max-faults", "1", "--latency", "0.01"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        client = openai.OpenAI(base_url=base_url, api_key="none", max_retries=0)
        messages: list[Any] = [{"role": "user", "content": "Plan 2000 words"}]
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model="m", messages=messages)
        found = client.chat.completions.create(model="m", messages=messages)
        assert found.choices[0].message.content == answer("Plan 2000 words", ScriptedModel(seed=3))
        with urllib.request.urlopen(base_url.removesuffix("/v1") + "/stats") as response:
            assert json.load(response)["faults"] == {"503": 1}
    finally:
        process.terminate()
        process.wait(5)


# --- limits


def many(server: FakeServer, calls: int) -> list[tuple[int, http.client.HTTPMessage]]:
    """So many calls at once, each on a connection of its own."""
    with ThreadPoolExecutor(calls) as pool:
        answers = list(pool.map(lambda n: post(server, ask(f"hello {n}")), range(calls)))
    return [(status, headers) for status, headers, _ in answers]


def test_without_a_limit_no_answer_speaks_of_one(calm: FakeServer) -> None:
    _, headers, _ = post(calm, ask())
    assert not [name for name in headers if name.lower().startswith("x-ratelimit")]


def test_requests_beyond_the_rate_get_a_429_that_says_how_long_to_wait() -> None:
    with FakeServer(rate_limit_rpm=60) as server:
        answers = [post(server, ask(f"hello {n}")) for n in range(61)]
        assert [status for status, _, _ in answers[:60]] == [200] * 60
        left = [int(headers["x-ratelimit-remaining-requests"]) for _, headers, _ in answers]
        assert left[0] == 59
        assert left[59] <= 2
        assert answers[0][1]["x-ratelimit-limit-requests"] == "60"
        server.rate_limit_rpm = 0.5  # a new limit, with the first request of its two minutes
        for _ in range(2):
            status, _, body = post(server, ask("more"))
        assert (status, error(body)["code"]) == (429, "rate_limit_exceeded")
        assert server.stats.rejected["rate_limit_exceeded"] >= 1


def test_tokens_of_prompts_and_answers_count_and_come_back_with_time() -> None:
    with FakeServer(rate_limit_tpm=60_000, answer=lambda asked: "x" * 240_000) as server:
        status, headers, _ = post(server, ask())
        assert status == 200
        assert headers["x-ratelimit-remaining-tokens"] == "0"
        assert headers["x-ratelimit-reset-tokens"].startswith(("59", "1m0"))
        status, headers, _ = post(server, ask("x" * 4000))
        assert status == 429
        wait_s = int(headers["retry-after-ms"]) / 1000
        assert 0 < wait_s < 1.2
        time.sleep(wait_s)
        assert post(server, ask("x" * 4000))[0] == 200


def test_calls_beyond_max_concurrent_are_refused_at_once() -> None:
    with FakeServer(max_concurrent=3, latency_s=0.3) as server:
        statuses = sorted(status for status, _ in many(server, 8))
        assert statuses == [200] * 3 + [429] * 5
        until(lambda: server.stats.serving == 0)  # it is told after the answer has been sent
        assert server.stats.max_serving == 3
        assert server.stats.rejected["concurrency_limit_exceeded"] == 5


def test_a_queue_serves_so_many_at_a_time_and_refuses_nobody() -> None:
    with FakeServer(queue=2, latency_s=0.1) as server:
        for _ in range(2):  # the queue works again after a restart
            began = time.monotonic()
            assert [status for status, _ in many(server, 6)] == [200] * 6
            assert time.monotonic() - began >= 0.3
            until(lambda: server.stats.serving == 0)
            assert server.stats.max_serving == 2
            server.restart()
        assert server.stats.max_in_flight > 2


@pytest.mark.parametrize("status", [529, 520, 499])
def test_a_status_that_no_standard_names_is_sent_too(status: int) -> None:
    with FakeServer(answer=lambda asked: Reply(status=status, body=b"{}")) as server:
        assert post(server, ask())[0] == status
