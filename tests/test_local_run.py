"""The whole way with the embedded model: one small real record, and no call for it a second time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from program import run_longwriter, write_rows


@pytest.mark.local
def test_the_embedded_model_makes_a_record_and_is_not_asked_again(tmp_path: Path, run: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [{"prompt": "Write a 400-word letter from a lighthouse keeper."}])
    command = ("build-dataset", source, "-r", run, "-m", "local", "--json")
    first = run_longwriter(*command, timeout_s=300, fresh=True).summary
    assert (first["records"], first["failed"]) == (1, 0)
    assert first["completion_tokens"] > 100
    record = json.loads((run / "dataset.jsonl").read_text(encoding="utf-8"))
    assert [message["role"] for message in record["messages"]] == ["user", "assistant"]
    assert "false" in json.loads((run / "manifest.json").read_text(encoding="utf-8"))["note"], "it says what it is"
    assert run_longwriter(*command, fresh=True).summary["calls"] == 0
