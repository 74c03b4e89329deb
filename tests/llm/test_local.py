"""The embedded model: the real server with the real weights where it says so, and what it is asked."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from longwriter_cli.errors import EndpointDown, UsageError
from longwriter_cli.llm.base import Completion, Request
from longwriter_cli.llm.local import (
    LocalChat,
    LocalServer,
    banner,
)
from longwriter_cli.llm.local_wording import SEEN_CHARACTERS, Shaper, line_words, newest, plan_grammar
from longwriter_cli.llm.openai import OpenAIChat
from longwriter_cli.llm.weights import find_weights
from longwriter_cli.prompts import load_templates
from longwriter_cli.records import Language, Usage

PLAN_LINE = re.compile(r"Paragraph (\d+) - Main Point: .{30,200} - Word Count: (\d+) words")
ZH_PLAN_LINE = re.compile(r"第(\d+)段 - 主要内容：.{11,50} - 字数要求：(\d+)字")
TEMPLATES = load_templates()


def plan_request(instruction: str, language: Language = "en", **more: object) -> Request:
    prompt = TEMPLATES.get("plan", language).fill(INST=instruction)
    fields = {"INST": instruction}
    return Request("plan", "i", "local", prompt, language=language, fields=fields, **more)  # type: ignore[arg-type]


def section_request(text: str = "", **more: object) -> Request:
    lines = [f"Paragraph {n} - Main Point: The {what} of tea - Word Count: 200 words" for n, what in ((1, "history"),)]
    values = {"INST": "Write about tea.", "PLAN": "\n".join(lines), "TEXT": text, "STEP": lines[0]}
    prompt = TEMPLATES.get("write", "en").fill(**values)
    return Request("section", "i", "local", prompt, target_words=200, fields=values, **more)  # type: ignore[arg-type]


# --- what the model is asked


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_plan_is_asked_for_with_the_bare_instruction_and_an_example(language: Language) -> None:
    for instruction in ("Write about $PLAN$ and [brackets].\n\nIn two lines.", "写一篇关于茶的文章。"):
        request = plan_request(instruction, language)
        asked_again = replace(request, prompt=request.prompt.rstrip() + "\n\nAn earlier outline could not be used.")
        for shaped in (Shaper()(request), Shaper()(asked_again)):
            assert shaped.prompt == instruction
            assert shaped.examples


def test_the_text_so_far_is_the_last_answer_of_a_conversation() -> None:
    first = Shaper()(section_request())
    assert first.examples == ()
    assert first.prompt.startswith("Write about tea.")
    second = Shaper()(section_request("Tea is old.\n\nVery old."))
    assert second.examples == (("Write about tea.", "Tea is old.\n\nVery old."),)
    assert "The history of tea" in second.prompt
    assert "Paragraph" not in first.prompt + second.prompt, "this model repeats the line of the plan where it sees it"


def test_templates_of_the_user_s_own_are_sent_as_they_are() -> None:
    for kind in ("plan", "section"):
        fields = {"INST": "about tea", "STEP": "Paragraph 1 - Main Point: Tea - Word Count: 400 words", "TEXT": ""}
        shaped = Shaper()(Request(kind, "i", "local", "My own words about tea.", target_words=400, fields=fields))
        assert shaped.prompt == "My own words about tea."
    assert "grammar" in Shaper()(Request("plan", "i", "local", "My own words.")).params


def test_what_the_user_sets_wins() -> None:
    shaped = Shaper()(section_request(params={"temperature": 1.5, "seed": 3}, max_tokens=7))
    assert shaped.params["temperature"] == 1.5
    assert shaped.params["seed"] == 3
    assert shaped.params["repeat_penalty"] == 1.1
    assert shaped.max_tokens == 7
    assert Shaper()(section_request()).max_tokens == 300


def test_a_long_text_is_cut_at_the_start_of_a_sentence() -> None:
    text = "The sea is wide. " * 1000
    assert newest("Short.") == "Short."
    assert len(newest(text)) <= SEEN_CHARACTERS
    assert newest(text).startswith("The sea")


@pytest.mark.parametrize("required", [1, 200, 400, 600, 1000, 2750, 10_000, 40_000])
def test_planned_words_add_up_to_what_is_required(required: int) -> None:
    counts = line_words(required)
    assert all(200 <= words <= 1000 for words in counts)
    assert sum(counts) == min(max(required, 200), 40_000)


def test_the_grammar_fixes_the_counts_only_where_the_length_is_known() -> None:
    known, unknown = plan_grammar("en", 600), plan_grammar("en", None)
    assert known.count("Main Point") == 2
    assert unknown.count("Main Point") == 8


def test_the_banner_says_that_the_text_is_no_training_data() -> None:
    assert "false" in banner()
    assert "not for data to train on" in banner()


def test_a_judgement_is_asked_for_by_its_choices_alone() -> None:
    scores = {"type": "integer", "enum": [1, 2]}
    properties = {"analysis": {"type": "string"}, "Clarity": scores, "better": {"enum": ["first", "tie"]}}
    form = {"type": "json_schema", "json_schema": {"schema": {"properties": properties}}}
    request = Request("judge", "a", "local", "Rate this.", params={"response_format": form, "seed": 3})
    shaped = Shaper()(request)
    assert shaped.prompt == request.prompt
    assert "response_format" not in shaped.params
    assert shaped.params["seed"] == 3
    assert shaped.params["grammar"] == (
        'root ::= "{" "\\"Clarity\\": " choice0 ", " "\\"better\\": " choice1 "}"\n'
        'choice0 ::= "1" | "2"\n'
        'choice1 ::= "\\"first\\"" | "\\"tie\\""\n'
    )
    bare = Request("judge", "a", "local", "Rate this.")
    assert Shaper()(bare) == bare, "what is asked for in another form goes out as it is"


# --- a server that fails


def test_a_corrupt_file_is_named_with_what_llama_cpp_says(tmp_path: Path) -> None:
    path = tmp_path / "corrupt.gguf"
    path.write_bytes(b"GGUF" + b"\xff" * 1000)
    server = LocalServer(path)
    with pytest.raises(UsageError, match=r"corrupt\.gguf") as refusal:
        server.start()
    assert "load" in refusal.value.message
    assert not server.alive


def test_a_server_that_is_never_ready_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(_script(tmp_path, "exec sleep 30")))
    server = LocalServer(tmp_path / "any.gguf", timeout_s=0.3)
    with pytest.raises(UsageError, match=r"not ready after 0\.3 s"):
        server.start()
    assert not server.alive


async def test_a_server_that_ends_stops_the_run_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass
    class Unending:
        closed: list[bool] = field(default_factory=list)

        async def complete(self, request: Request) -> Completion:
            import asyncio

            await asyncio.sleep(60)
            return Completion("", "stop", "local", Usage())

        async def context_tokens(self, model: str) -> int | None:
            return None

        async def close(self) -> None:
            self.closed.append(True)

    inner = Unending()
    chat = LocalChat(inner, LocalServer(tmp_path / "never-started.gguf"))
    with pytest.raises(EndpointDown, match="has ended"):
        await chat.complete(section_request())
    assert await chat.context_tokens("local") == 8192
    await chat.close()
    assert inner.closed


def _script(folder: Path, body: str) -> Path:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


# --- the real server


@pytest.fixture(scope="session")
def server() -> Iterator[LocalServer]:
    with LocalServer(find_weights("local")) as running:
        yield running


def chat_with(server: LocalServer) -> LocalChat:
    return LocalChat(OpenAIChat(f"{server.base_url}/v1", server.api_key), server)


@pytest.mark.local
async def test_a_plan_has_the_form_and_the_total_that_were_asked_for(server: LocalServer) -> None:
    chat = chat_with(server)
    completion = await chat.complete(plan_request("Write a 600-word story about a ferry.", target_words=600))
    lines = completion.text.splitlines()
    matches = [PLAN_LINE.fullmatch(line) for line in lines]
    assert [(match[1], match[2]) for match in matches if match] == [("1", "300"), ("2", "300")], lines
    assert completion.usage.completion_tokens > 0
    assert "/" not in completion.model, "a row that names this machine's paths is of no use elsewhere"


@pytest.mark.local
async def test_a_chinese_plan_has_the_chinese_form(server: LocalServer) -> None:
    chat = chat_with(server)
    completion = await chat.complete(plan_request("写一篇300字的短文，介绍茶。", "zh", target_words=300))
    match = ZH_PLAN_LINE.fullmatch(completion.text)
    assert match is not None, completion.text
    assert match[2] == "300"


@pytest.mark.local
async def test_a_plan_of_unknown_length_has_two_to_eight_lines(server: LocalServer) -> None:
    completion = await chat_with(server).complete(plan_request("Write about ferries."))
    matches = [PLAN_LINE.fullmatch(line) for line in completion.text.splitlines()]
    assert 2 <= len(matches) <= 8
    assert all(match and 200 <= int(match[2]) <= 1000 for match in matches), completion.text


@pytest.mark.local
async def test_a_section_is_text_and_is_capped(server: LocalServer) -> None:
    completion = await chat_with(server).complete(section_request(max_tokens=60))
    assert completion.text.strip()
    assert 0 < completion.usage.completion_tokens <= 60
    assert completion.finish_reason in ("stop", "length")


@pytest.mark.local
@pytest.mark.parametrize("key", [None, "wrong"])
def test_another_key_is_refused(server: LocalServer, key: str | None) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(f"{server.base_url}/v1/models", headers=headers)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError, match="401"):
        direct.open(request, timeout=10)


@pytest.mark.local
def test_the_server_listens_on_this_machine_alone(server: LocalServer) -> None:
    host, _, port = server.base_url.removeprefix("http://").partition(":")
    assert host == "127.0.0.1"
    # All of 127.0.0.0/8 is this machine: what listens on 0.0.0.0 would answer here too.
    with socket.socket() as other, pytest.raises(ConnectionRefusedError):
        other.connect(("127.0.0.2", int(port)))


@pytest.mark.local
def test_the_key_stands_in_no_process_list(server: LocalServer) -> None:
    for name in ("cmdline", "environ"):
        path = Path(f"/proc/{server.pid}/{name}")
        if path.exists():
            assert server.api_key.encode() not in path.read_bytes()


@pytest.mark.local
@pytest.mark.parametrize("pipe_held_open", [False, True], ids=["alone", "with a fork that holds the pipe"])
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the fork is told apart by Linux alone")
def test_the_server_dies_with_its_parent(pipe_held_open: bool) -> None:
    fork = "import os\nif os.fork() == 0: time.sleep(8); os._exit(0)\n" if pipe_held_open else ""
    code = (
        "import time\nfrom pathlib import Path\nfrom longwriter_cli.llm.local import LocalServer\n"
        f"server = LocalServer(Path({str(find_weights('local'))!r})).start()\n{fork}"
        "print(server.pid, flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert _runs(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 5
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    parent.stdout.close()
    assert not _runs(child)


@pytest.mark.local
def test_a_signal_for_the_whole_group_leaves_the_answers_in_flight() -> None:
    """Ctrl-C reaches the child too; it must outlive it, for the parent still wants what is being written."""
    with LocalServer(find_weights("local")) as server:
        assert server.pid is not None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(server.pid, number)
        time.sleep(0.3)
        assert server.alive
    assert not server.alive


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
