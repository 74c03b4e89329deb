"""What stands in a dataset's directory beside the dataset is the user's, and stays."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from made_dataset import KILL_BETWEEN_THE_RENAMES, OWN, loaded, make_dataset, record
from made_rows import contents, python

from longwriter_cli.errors import DiskFailed, UsageError
from longwriter_cli.store.export import check_place, export


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "dataset")


def test_another_export_keeps_what_the_user_put_beside_the_earlier_one(dataset: Path, tmp_path: Path) -> None:
    before = {name: content for name, content in contents(dataset).items() if "arrow" not in name}
    export((record(n) for n in range(3)), dataset, "hf")
    assert loaded(dataset) == 3
    assert set(os.listdir(dataset)) >= OWN
    assert (dataset / "README.md").read_text() == "A card."
    assert (dataset / "scripts" / "look.py").read_text() == "print()"
    assert os.readlink(dataset / "latest") == "README.md"
    assert before.keys() <= contents(dataset).keys()
    assert os.listdir(tmp_path) == ["dataset"]


def test_no_file_of_an_earlier_export_is_kept(tmp_path: Path) -> None:
    import datasets

    path = tmp_path / "dataset"
    datasets.Dataset.from_list([record(n) for n in range(6)]).save_to_disk(str(path), num_shards=3)
    export([record(0)], path, "hf")
    assert loaded(path) == 1
    assert len([name for name in os.listdir(path) if name.endswith(".arrow")]) == 1


def test_what_cannot_be_taken_along_stops_the_export_and_stays(dataset: Path) -> None:
    os.mkfifo(dataset / "pipe")
    before = contents(dataset)
    with pytest.raises((DiskFailed, UsageError)):
        export([record(0)], dataset, "hf")
    assert contents(dataset) == before
    assert loaded(dataset) == 5


def test_a_kill_between_the_two_renames_loses_neither_the_dataset_nor_its_neighbours(dataset: Path) -> None:
    before = contents(dataset)
    assert python(KILL_BETWEEN_THE_RENAMES, dataset).returncode == -signal.SIGKILL
    assert not dataset.exists()
    with pytest.raises(ZeroDivisionError):
        export((record(1 // n) for n in (1, 0)), dataset, "hf")  # fails, but puts the earlier one back first
    assert contents(dataset) == before
    assert python(KILL_BETWEEN_THE_RENAMES, dataset).returncode == -signal.SIGKILL
    export([record(0)], dataset, "hf")
    assert loaded(dataset) == 1
    assert set(os.listdir(dataset)) >= OWN
    assert os.listdir(dataset.parent) == ["dataset"]


def test_a_dash_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for kind in ("jsonl", "parquet", "hf"):
        with pytest.raises(UsageError, match="standard output"):
            check_place(Path("-"), kind)
