"""nll.py: the mean by position is that of the samples one by one."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import nll
import pytest
import tiny
import torch
from launch import run
from transformers import AutoModelForCausalLM

from longwriter_cli.errors import UsageError


def test_nll_by_position_is_that_of_the_samples_one_by_one(
    model_dir: Path, records: Path, packed_dir: Path, tmp_path: Path
) -> None:
    figures, plot = tmp_path / "nll.json", tmp_path / "nll.svg"
    told = run("nll.py", packed_dir, model_dir, "--bin-tokens", 40, "--json", figures, "--plot", plot)

    model = AutoModelForCausalLM.from_pretrained(model_dir)
    losses = defaultdict(list)
    tokenizer = tiny.tokenizer()
    for line in records.read_text().splitlines():
        messages = json.loads(line)["messages"]
        prompt = tokenizer(tokenizer.apply_chat_template(messages[:1], tokenize=False, add_generation_prompt=True))
        tokens = tokenizer(tokenizer.apply_chat_template(messages, tokenize=False))["input_ids"]
        log_probs = model(torch.tensor([tokens])).logits[0].log_softmax(-1)
        for position, place in enumerate(range(len(prompt["input_ids"]), len(tokens))):
            losses[position // 40 * 40].append(-log_probs[place - 1, tokens[place]].item())

    found = {row["start"]: row for row in json.loads(figures.read_text())}
    assert found.keys() == losses.keys() >= {0, 40, 80}
    for start, row in found.items():
        assert row["tokens"] == len(losses[start])
        assert row["mean_nll"] == pytest.approx(sum(losses[start]) / len(losses[start]), abs=1e-5)
        assert f"{row['mean_nll']:.4f}" in told.stdout
    assert plot.read_text().startswith("<svg")


def test_packs_of_another_tokenizer_are_refused(model_dir: Path) -> None:
    packs = tiny.packs([([1, tiny.VOCABULARY], [-100, tiny.VOCABULARY])], "token", 8).with_format("numpy")
    with pytest.raises(UsageError, match=f"hold token {tiny.VOCABULARY}"):
        nll.load_model(str(model_dir), packs, torch.device("cpu"), None)
