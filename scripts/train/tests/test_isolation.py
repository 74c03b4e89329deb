"""A model in which packed samples see each other is found out before the first step."""

from __future__ import annotations

from pathlib import Path

import isolation
import pytest
import tiny
import torch
from transformers import AttentionInterface, GPT2Config, GPT2LMHeadModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from unpacked import trainer_of

from longwriter_cli.errors import UsageError

CPU = torch.device("cpu")


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_attention_that_heeds_position_ids_holds(attention: str) -> None:
    found = isolation.measure(tiny.model(attn_implementation=attention), tiny.VOCABULARY, CPU)
    assert found.leak < 1e-6
    assert found.shift < 1e-4
    assert found.holds


def test_attention_that_passes_over_position_ids_is_found_out() -> None:
    # Registered without a mask of its own, as attentions from elsewhere are, it is called without one: causal, no more.
    AttentionInterface.register("own-causal", sdpa_attention_forward)
    found = isolation.measure(tiny.model(attn_implementation="own-causal"), tiny.VOCABULARY, CPU)
    assert found.leak > 0.5
    assert not found.holds


def test_the_check_leaves_the_mode_of_the_model_alone() -> None:
    model = tiny.model(attention_dropout=0.5).train()
    assert isolation.measure(model, tiny.VOCABULARY, CPU).holds, "dropout must not look like a leak"
    assert model.training


def test_training_does_not_begin_where_samples_would_cross(tmp_path: Path) -> None:
    AttentionInterface.register("own-causal", sdpa_attention_forward)
    model = tiny.model(attn_implementation="own-causal")
    before = [parameter.detach().clone() for parameter in model.parameters()]
    packs = tiny.packs(tiny.samples(4), "token", capacity_tokens=200)
    with pytest.raises(UsageError, match="do not stay apart"):
        trainer_of(model, packs, tmp_path, max_steps=1).train()
    assert all(torch.equal(now, then) for now, then in zip(model.parameters(), before, strict=True))


def test_learned_positions_that_begin_again_hold() -> None:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=tiny.VOCABULARY, n_embd=32, n_layer=2, n_head=4, initializer_range=0.3, n_positions=64)
    )
    assert isolation.measure(model, tiny.VOCABULARY, CPU).holds
