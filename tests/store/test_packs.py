"""The folder of packs: whole or not at all, and never in the place of something else."""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy
import pytest

from longwriter_cli.errors import UsageError
from longwriter_cli.store.packs import DatasetPacked, PackFigures, PackFormat, PackPlace
from longwriter_cli.train.samples import Pack, assemble, sample_of

SAMPLES = [sample_of(ids, numpy.arange(len(ids)) > 1) for ids in ([1, 2, 3, 4], [5, 6, 7], [8, 9, 10, 11, 12])]
PACKS: list[Pack] = [assemble(SAMPLES[:2], "sequence"), assemble(SAMPLES[2:], "sequence")]
GIVEN = DatasetPacked("a.jsonl", None, 3, 0, 3, 0, 0, 0, 0, 5, 3, 12, 6, 1.0)
FIGURES = PackFigures(packs=2, max_tokens=7, utilisation=12 / 14, datasets=(GIVEN,))
KINDS: list[PackFormat] = ["hf", "longalign"]


def make(out: Path, kind: PackFormat = "hf", **settings: object) -> Path:
    PackPlace(out).make(PACKS, kind, FIGURES, settings, pad_id=99)
    return out


def test_a_dataset_holds_the_packs_as_they_are(tmp_path: Path) -> None:
    rows = datasets.load_from_disk(str(make(tmp_path / "packs"))).to_list()
    assert rows == [
        {
            name: getattr(pack, name).tolist()
            for name in ("input_ids", "labels", "position_ids", "seq_lengths", "loss_weights")
        }
        for pack in PACKS
    ]


def test_arrays_are_dense_and_masks_say_where_sequences_end(tmp_path: Path) -> None:
    folder = make(tmp_path / "packs", "longalign")
    inputs, labels, weights = (numpy.load(folder / f"{name}_pack.npy") for name in ("inputs", "labels", "weights"))
    assert (inputs.dtype, labels.dtype, weights.dtype) == (numpy.int64, numpy.int64, numpy.float32)
    assert inputs.tolist() == [[1, 2, 3, 4, 5, 6, 7], [8, 9, 10, 11, 12, 99, 99]]
    assert labels.tolist() == [[-100, -100, 3, 4, -100, -100, 7], [-100, -100, 10, 11, 12, -100, -100]]
    third = float(numpy.float32(1 / 3))
    assert weights.tolist() == [[0, 0, 0.5, 0.5, 0, 0, 1], [0, 0, third, third, third, 0, 0]]
    assert (folder / "attention_masks_pack.json").read_text(encoding="utf-8") == "[[0, 4, 7], [0, 5, 7]]"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_finished_is_known_by_its_settings(tmp_path: Path, kind: PackFormat) -> None:
    place = PackPlace(make(tmp_path / "packs", kind, seed=1))
    assert place.finished({"seed": 1}) == FIGURES
    assert place.finished({"seed": 2}) is None
    assert PackPlace(tmp_path / "elsewhere").finished({"seed": 1}) is None


def test_earlier_packs_make_way_and_what_is_the_users_stays(tmp_path: Path) -> None:
    out = make(tmp_path / "packs", "longalign")
    (out / "README.md").write_text("mine", encoding="utf-8")
    (out / "notes").mkdir()
    (out / "notes" / "a.txt").write_text("mine too", encoding="utf-8")
    PackPlace(out).check()
    make(out, "hf")
    assert (out / "README.md").read_text(encoding="utf-8") == "mine"
    assert (out / "notes" / "a.txt").read_text(encoding="utf-8") == "mine too"
    assert not (out / "inputs_pack.npy").exists()
    assert len(datasets.load_from_disk(str(out))) == 2


@pytest.mark.parametrize("what", ["file", "folder"])
def test_something_else_is_never_replaced(tmp_path: Path, what: str) -> None:
    out = tmp_path / "out"
    if what == "file":
        out.write_text("a novel", encoding="utf-8")
    else:
        out.mkdir()
        (out / "novel.txt").write_text("a novel", encoding="utf-8")
    with pytest.raises(UsageError):
        PackPlace(out).check()


def test_an_empty_folder_may_be_named(tmp_path: Path) -> None:
    PackPlace(tmp_path).check()


def test_a_link_leads_to_what_is_replaced(tmp_path: Path) -> None:
    out = make(tmp_path / "disk" / "packs", seed=1)
    (tmp_path / "link").symlink_to(out)
    make(tmp_path / "link", seed=2)
    assert (tmp_path / "link").is_symlink()
    assert PackPlace(out).finished({"seed": 2}) == FIGURES
