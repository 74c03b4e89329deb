"""A recipe is checked before anything is loaded, and an output directory belongs to one recipe."""

from __future__ import annotations

import argparse
import dataclasses
import re
from pathlib import Path

import packed
import pytest
import recipe
import tiny
from launch import CONFIGS, recipe_with
from trl import DPOConfig, SFTConfig

from longwriter_cli.errors import InputError, UsageError


def arguments(path: Path, **given: object) -> argparse.Namespace:
    return argparse.Namespace(**{"recipe": path, "model": "m", "data": ["d"], "output": "o"} | given)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.name)
def test_shipped_recipes_name_only_what_trl_knows(path: Path) -> None:
    config_class = SFTConfig if path.name.startswith("sft") else DPOConfig
    read = recipe.read(arguments(path), config_class)
    if "deepspeed" in read.training:
        assert Path(read.training["deepspeed"]).is_file()
    # What needs a GPU is taken out; the rest must be taken as it stands.
    here = {"use_cpu": True, "bf16": False, "deepspeed": None, "output_dir": "out"}
    config_class(**dict(read.training) | here)


def test_arguments_stand_before_the_recipe_and_the_rest_is_its_own() -> None:
    read = recipe.read(arguments(CONFIGS / "sft-8gpu.toml", data=None, output="elsewhere"), SFTConfig)
    assert (read.model, read.data, read.output) == ("m", ("packed",), Path("elsewhere"))
    assert read.max_length_tokens == 32_768


@pytest.mark.parametrize(
    ("values", "told", "tip"),
    [
        ({"learning_rat": 1}, "`training.learning_rat` is unknown", "Is `training.learning_rate` meant?"),
        ({"packing": True}, "`packing` is settled by the recipe", "Take it out."),
    ],
)
def test_what_trl_does_not_know_or_the_recipe_settles_is_refused(
    values: dict[str, object], told: str, tip: str, tmp_path: Path
) -> None:
    path = recipe_with(tmp_path / "recipe.toml", "sft-cpu.toml", **values)
    with pytest.raises(InputError, match=re.escape(told)) as raised:
        recipe.read(arguments(path), SFTConfig)
    assert raised.value.tip == tip


def test_the_longest_sequence_must_be_said(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text((CONFIGS / "sft-cpu.toml").read_text().replace("max_length = 2048\n", ""))
    with pytest.raises(InputError, match=r"`training\.max_length` is missing"):
        recipe.read(arguments(path), SFTConfig)


def test_data_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`data` is missing"):
        recipe.read(arguments(CONFIGS / "sft-cpu.toml", data=None), SFTConfig)


@pytest.mark.parametrize("text", [None, "model = ", "\xff"])
def test_a_file_that_is_no_recipe_is_told_as_such(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"cannot be read|is no TOML"):
        recipe.read(arguments(path), SFTConfig)


def test_an_output_directory_belongs_to_one_recipe(tmp_path: Path) -> None:
    mine = recipe.read(arguments(CONFIGS / "sft-cpu.toml", output=str(tmp_path / "out")), SFTConfig)
    assert recipe.settle(mine, is_main_process=True) is None
    (mine.output / "checkpoint-7").mkdir()
    assert recipe.settle(mine, is_main_process=True) == str(mine.output / "checkpoint-7")
    other = dataclasses.replace(mine, training=dict(mine.training) | {"learning_rate": 0.5})
    with pytest.raises(UsageError, match=r"training\.learning_rate differ"):
        recipe.settle(other, is_main_process=True)


def test_packs_longer_than_the_model_is_trained_on_are_refused(packed_dir: Path) -> None:
    assert len(packed.load(str(packed_dir), 256)) > 0
    with pytest.raises(InputError, match="more than the 100") as raised:
        packed.load(str(packed_dir), 100)
    assert "--max-tokens 100" in raised.value.tip


def test_what_pack_did_not_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no dataset"):
        packed.load(str(tmp_path / "nothing"))
    packs = tiny.packs(tiny.samples(2), "token", 256)
    packs.remove_columns("loss_weights").save_to_disk(tmp_path / "other")
    with pytest.raises(InputError, match="has no column loss_weights"):
        packed.load(str(tmp_path / "other"))


@pytest.mark.parametrize("column", ["position_ids", "labels", "loss_weights", "seq_lengths"])
def test_a_pack_whose_columns_do_not_fit_is_never_trained_on(column: str) -> None:
    row = tiny.packs(tiny.samples(3), "token", 512)[0]
    row[column] = row[column][::-1][1:]
    with pytest.raises(InputError, match=f"{column} does not fit"):
        packed.collate([row])
