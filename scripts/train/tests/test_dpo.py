"""dpo.py from end to end: the chosen answers gain on the rejected ones; and the mix of files of pairs."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import preferences
import pytest
import tiny
from launch import CONFIGS, history, run

from longwriter_cli.errors import InputError
from longwriter_cli.stages.mixing import Dataset


def write_pairs(path: Path, count: int, *, name: str = "", words: int = 6) -> Path:
    generator = random.Random(path.name)

    def message(role: str, text: str) -> list[dict[str, str]]:
        return [{"role": role, "content": text}]

    rows = [
        {
            "prompt": message("user", f"{name} {number}"),
            "chosen": message("assistant", "old mills " + tiny.words(words, generator)),
            "rejected": message("assistant", "gulls wait " + tiny.words(words, generator)),
            "chosen_score": 90.0,
            "rejected_score": 40.0,
        }
        for number in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_dpo_raises_the_margin_of_the_chosen_answers(model_dir: Path, tmp_path: Path) -> None:
    general, long = write_pairs(tmp_path / "general.jsonl", 20), write_pairs(tmp_path / "long.jsonl", 8, words=120)
    output = tmp_path / "aligned"
    command = ("dpo.py", CONFIGS / "dpo-cpu.toml", "--model", model_dir, "-o", output)
    told = run(*command, "--data", f"{general}:3", "--data", f"{long}:1")
    assert f"pairs: 20 of {general}, 7 of {long}" in told.stderr
    margins = [entry["rewards/margins"] for entry in history(output) if "rewards/margins" in entry]
    assert margins[0] == pytest.approx(0, abs=1e-3), "before the first step, the model is its own reference"
    assert margins[-1] > 0.05
    assert (output / "model.safetensors").exists()


def test_pairs_that_do_not_fit_are_left_out_whole_and_counted(tmp_path: Path) -> None:
    sources = [
        Dataset(str(write_pairs(tmp_path / "short.jsonl", 4))),
        Dataset(str(write_pairs(tmp_path / "long.jsonl", 3, words=400))),
    ]
    mixed, _ = preferences.mix(sources, seed=0)
    fitting, overlong = preferences.split_overlong(mixed, tiny.tokenizer(), max_length_tokens=200)
    assert overlong == 3
    assert len(fitting) == 4
    assert all(len(pair["chosen"][0]["content"].split()) < 10 for pair in fitting)
    assert preferences.split_overlong(mixed, tiny.tokenizer(), max_length_tokens=20_000) == (mixed, 0)


def test_a_mix_keeps_to_the_shares_takes_no_pair_twice_and_is_the_seeds(tmp_path: Path) -> None:
    paths = {name: write_pairs(tmp_path / f"{name}.jsonl", 30, name=name) for name in ("a", "b")}
    sources = [Dataset(str(paths["a"]), 0.75), Dataset(str(paths["b"]), 0.25)]
    mixed, counts = preferences.mix(sources, seed=5)
    assert counts == [30, 10]
    prompts = [pair["prompt"][0]["content"] for pair in mixed]
    assert len(set(prompts)) == 40
    assert Counter(prompt.split()[0] for prompt in prompts) == {"a": 30, "b": 10}
    assert mixed == preferences.mix(sources, seed=5)[0]
    assert mixed != preferences.mix(sources, seed=6)[0]
    assert "chosen_score" not in mixed[0]


def test_without_shares_all_pairs_are_taken(tmp_path: Path) -> None:
    sources = [Dataset(str(write_pairs(tmp_path / f"{n}.jsonl", n))) for n in (3, 5)]
    mixed, counts = preferences.mix(sources, seed=0)
    assert (len(mixed), counts) == (8, [3, 5])


@pytest.mark.parametrize("line", ["{", "[]", '{"prompt": "text", "chosen": "a", "rejected": "b"}', '{"prompt": []}'])
def test_a_line_that_is_no_pair_is_named(line: str, tmp_path: Path) -> None:
    path = write_pairs(tmp_path / "pairs.jsonl", 2)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match=r"pairs\.jsonl line 3"):
        preferences.mix([Dataset(str(path))], seed=0)
