"""For all tests of the recipes: no hub, and a tiny model with its tokenizer, made here."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import tiny


@pytest.fixture(autouse=True, scope="session")
def _no_hub(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HOME"] = str(tmp_path_factory.mktemp("hf"))


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of two layers, with a tokenizer and a chat template, as `from_pretrained` reads it."""
    return tiny.save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short and long records, as `longwriter build-dataset` writes them."""
    generator = random.Random(0)
    path = tmp_path_factory.mktemp("records") / "dataset.jsonl"
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Write of {tiny.words(2, generator)}."},
                {"role": "assistant", "content": tiny.words(generator.choice((5, 10, 90)), generator)},
            ]
        }
        for _ in range(24)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="session")
def packed_dir(records: Path, model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `longwriter pack` makes of the records with the model's tokenizer."""
    out = tmp_path_factory.mktemp("packed") / "packs"
    command = [sys.executable, "-m", "longwriter_cli", "pack", str(records), "-o", str(out), "--max-tokens", "256"]
    subprocess.run([*command, "--tokenizer", str(model_dir), "--processes", "1"], check=True)
    return out
