"""sft.py from end to end, on one process and on two."""

from __future__ import annotations

import shutil
from pathlib import Path

import datasets
import pytest
import tiny
import torch
from launch import history, recipe_with, run
from transformers import AutoModelForCausalLM, AutoTokenizer
from unpacked import reference


def test_sft_trains_on_the_cpu_recipe_and_given_again_goes_on_where_it_stopped(
    model_dir: Path, packed_dir: Path, tmp_path: Path
) -> None:
    recipe = recipe_with(tmp_path / "recipe.toml", "sft-cpu.toml", save_strategy="epoch")
    output = tmp_path / "tuned"
    command = ("sft.py", recipe, "--model", model_dir, "--data", packed_dir, "-o", output)
    run(*command)
    losses = [entry["loss"] for entry in history(output) if "loss" in entry]
    assert losses[-1] < losses[0]
    assert AutoTokenizer.from_pretrained(output).chat_template == tiny.TEMPLATE
    whole = AutoModelForCausalLM.from_pretrained(output).state_dict()
    first, *later = sorted(output.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    assert len(later) == 3

    # As if it had been stopped after the first epoch.
    for path in later:
        shutil.rmtree(path)
    (output / "model.safetensors").unlink()
    written = first.stat().st_mtime_ns
    run(*command)
    assert first.stat().st_mtime_ns == written, "the first epoch was not trained again"
    torch.testing.assert_close(AutoModelForCausalLM.from_pretrained(output).state_dict(), whole)


def test_the_model_is_saved_with_the_tokenizer_that_its_packs_were_made_with(
    model_dir: Path, packed_dir: Path, tmp_path: Path
) -> None:
    base = AutoTokenizer.from_pretrained(model_dir)
    base.chat_template = None
    shutil.copytree(model_dir, tmp_path / "base", ignore=shutil.ignore_patterns("token*", "chat_template*"))
    base.save_pretrained(tmp_path / "base")
    recipe = recipe_with(tmp_path / "recipe.toml", "sft-cpu.toml", max_steps=1)
    recipe.write_text(f'tokenizer = "{model_dir}"\n{recipe.read_text()}')
    output = tmp_path / "tuned"
    run("sft.py", recipe, "--model", tmp_path / "base", "--data", packed_dir, "-o", output)
    assert AutoTokenizer.from_pretrained(output).chat_template == tiny.TEMPLATE


def test_two_processes_take_the_loss_of_all_samples_of_a_step(model_dir: Path, tmp_path: Path) -> None:
    # Very unequal packs: a mean of the processes' means would be far off.
    samples = tiny.samples(5, seed=4)
    short, long = ([each for each in samples if (len(each[0]) > 100) is is_long] for is_long in (False, True))
    packs = datasets.concatenate_datasets(
        [tiny.packs(short, "token", capacity_tokens=400), tiny.packs(long, "token", capacity_tokens=400)]
    )
    assert len(packs) == 2
    packs.save_to_disk(tmp_path / "packs")
    recipe = recipe_with(
        tmp_path / "recipe.toml",
        "sft-cpu.toml",
        max_steps=1,
        gradient_accumulation_steps=1,
        optim="sgd",
        learning_rate=1.0,
        lr_scheduler_type="constant",
        warmup_steps=0,
        weight_decay=0.0,
        max_grad_norm=0.0,
    )
    output = tmp_path / "tuned"
    run("sft.py", recipe, "--model", model_dir, "--data", tmp_path / "packs", "-o", output, processes=2)

    alone = AutoModelForCausalLM.from_pretrained(model_dir)
    expected = reference(alone, samples, "token")
    expected.backward()
    assert history(output)[0]["loss"] == pytest.approx(expected.item(), abs=1e-4)  # logged with few digits
    tuned = dict(AutoModelForCausalLM.from_pretrained(output).named_parameters())
    for name, before in alone.named_parameters():
        torch.testing.assert_close(before - tuned[name], before.grad, atol=1e-5, rtol=1e-4, msg=name)
