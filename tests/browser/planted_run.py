"""A run of sixty instructions, one of them planted with markup wherever a user or a model may say something."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fake_model import ScriptedModel, prompt_text
from fake_server import FakeServer, Reply
from program import at, run_longwriter, write_rows

COUNT = 60


def planted(lure: str) -> str:
    """What would run or ask for something, were it taken for HTML."""
    return (
        f'<script>window.planted = 1</script><img src="{lure}/image" onerror="window.planted = 2">'
        f"</script><script>window.planted = 3</script><style>@import url({lure}/style);</style>"
        f'<svg onload="window.planted = 4"></svg><a href="javascript:window.planted = 5">here</a> & "so" <!-- on'
    )


def instructions(lure: str) -> list[dict[str, Any]]:
    """Sixty instructions; the fourth one is planted with markup in all that a user or a model may say."""
    rows: list[dict[str, Any]] = [
        {
            "id": f"r{i}",
            "prompt": f"Write an essay of {300 + 100 * i} words on river number {i}.",
            "type": f"kind {i % 3}",
        }
        for i in range(COUNT)
    ]
    rows[1] = {"id": "zh", "prompt": "写一篇500字左右的文章，主题是长江。", "type": "kind 1"}
    rows[2] = {"id": "refused", "prompt": "Write 900 words that you will refuse."}
    rows[3] = {
        "id": f"<b>p</b>{planted(lure)}",
        "prompt": f"Write 600 words on markup. {planted(lure)}",
        "type": planted(lure),
        "plan": [{"n": 1, "main_point": planted(lure), "words": 300}, {"n": 2, "main_point": "The end", "words": 300}],
    }
    rows[4] = {"id": "broken", "prompt": "Write 700 words that break the endpoint."}
    return rows


def make_planted_run(directory: Path, lure: str) -> Path:
    """The run, in `directory / "run"`; `lure` is where the markup would have the browser ask."""

    def answer(body: dict[str, Any]) -> str | Reply | None:
        prompt = prompt_text(body)
        if "that you will refuse" in prompt:
            return Reply(text=None, refusal=planted(lure))
        if "break the endpoint" in prompt:
            return Reply(status=400, body=b'{"error": {"message": "<img src=x onerror=alert(1)>"}}')
        said = ScriptedModel(bias=0.9).answer(body)
        return f"{said}\n\n{planted(lure)} and that is all." if "on markup" in prompt else said

    source = write_rows(directory / "in.jsonl", instructions(lure))
    with FakeServer(answer=answer) as server:
        run_longwriter(
            *("build-dataset", source, "-r", directory / "run", *at(server), "--no-filters"), code=3, timeout_s=300
        )
    return directory / "run"
