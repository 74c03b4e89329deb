"""The loss of packs is that of the samples one by one, whatever they are packed with."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import packed
import pytest
import tiny
import torch
from unpacked import reference, trainer_of


@pytest.mark.parametrize("weighting", ["token", "sequence"])
def test_a_step_over_packs_has_loss_and_gradient_of_the_samples_one_by_one(weighting: str, tmp_path: Path) -> None:
    samples = tiny.samples(24)
    packs = tiny.packs(samples, weighting, capacity_tokens=200)
    assert len(packs) > 4, "micro-batches of several packs, and several of them a step"
    model, alone = tiny.model(), tiny.model()
    micro_batches = -(-len(packs) // 2)
    # A step of plain gradient descent with rate 1 leaves the gradient in the difference.
    settings: dict[str, Any] = {
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": micro_batches,
        "max_steps": 1,
        "optim": "sgd",
        "learning_rate": 1.0,
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "logging_steps": 1,
    }
    trainer = trainer_of(model, packs, tmp_path, **settings)
    result = trainer.train()

    expected = reference(alone, samples, weighting)
    expected.backward()
    assert result.training_loss == pytest.approx(expected.item(), abs=1e-5)
    for (name, trained), before in zip(model.named_parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(before - trained, before.grad, atol=1e-5, rtol=1e-4, msg=name)


def test_the_two_weightings_differ(tmp_path: Path) -> None:
    samples = tiny.samples(24)
    token, sequence = (reference(tiny.model(), samples, weighting).item() for weighting in ("token", "sequence"))
    assert abs(token - sequence) > 1e-3


def test_no_gradient_crosses_samples() -> None:
    samples = tiny.samples(6)
    row = packed.collate([tiny.packs(samples, "token", capacity_tokens=10_000)[0]])
    model = tiny.model()
    embedded = model.get_input_embeddings()(row["input_ids"]).detach().requires_grad_()
    inputs = {name: row[name] for name in row if name not in ("input_ids", "labels", "loss_weights")}
    logits = model(inputs_embeds=embedded, use_cache=False, **inputs).logits
    starts = [*(row["position_ids"][0] == 0).nonzero().flatten().tolist(), embedded.shape[1]]
    assert len(starts) == 7
    for start, end in itertools.pairwise(starts):
        (gradient,) = torch.autograd.grad(logits[0, start:end].square().sum(), embedded, retain_graph=True)
        inside = gradient[0, start:end].abs().sum(dim=-1)
        assert (inside > 0).all()
        assert gradient[0, :start].abs().sum() == 0
        assert gradient[0, end:].abs().sum() == 0


def test_a_first_token_is_no_target_of_the_sample_before_it() -> None:
    tokens = [5, 6, 7, 5, 6, 7]
    row = {"input_ids": tokens, "labels": tokens, "seq_lengths": [3, 3], "loss_weights": [1.0] * 6}
    batch = packed.collate([row])
    assert batch["labels"].tolist() == [[-100, 6, 7, -100, 6, 7]]
    assert batch["loss_weights"].tolist() == [[0, 1, 1, 0, 1, 1]]


def test_a_step_without_targets_has_no_loss_and_harms_nothing(tmp_path: Path) -> None:
    packs = tiny.packs([([5, 6, 7], [-100, -100, 7])], "token", capacity_tokens=3)
    empty = packs.map(lambda row: {"labels": [-100] * 3, "loss_weights": [0.0] * 3})
    model = tiny.model()
    result = trainer_of(model, empty, tmp_path, max_steps=1, per_device_train_batch_size=1).train()
    assert result.training_loss == 0
    assert all(parameter.isfinite().all() for parameter in model.parameters())
