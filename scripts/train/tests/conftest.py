"""For all tests of the recipes: no hub, and a tiny model with its tokenizer, made here."""

from __future__ import annotations

import os
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
def packed_dir(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packs of short and long records."""
    path = tmp_path_factory.mktemp("packed") / "packs"
    tiny.packs(tiny.samples(24), "token", capacity_tokens=256).save_to_disk(path)
    return path
