"""Packs on disk: a Hugging Face dataset, or the arrays that the published training code reads.

`pack.json` lies beside the data and says how it was made and what came of it. It is there when all else is: packs
take their place when they are whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from longwriter_cli import __version__
from longwriter_cli.errors import UsageError
from longwriter_cli.store.jsonl import disk_error
from longwriter_cli.store.manifest import sync_file
from longwriter_cli.store.mark import write_mark
from longwriter_cli.store.place import check_elsewhere
from longwriter_cli.store.replace import in_place_of

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Tokens = NDArray[numpy.int32]

PACK_NAME = "pack.json"
INPUTS, LABELS, WEIGHTS, MASKS = "inputs_pack.npy", "labels_pack.npy", "weights_pack.npy", "attention_masks_pack.json"

PackFormat = Literal["hf", "longalign"]

_BATCH = 16  # packs: 10 MB at 32,768 tokens


class Pack(Protocol):
    """As `train.samples.Pack` has it: all arrays but `seq_lengths` are as long as the pack."""

    @property
    def input_ids(self) -> Tokens: ...
    @property
    def labels(self) -> Tokens: ...
    @property
    def position_ids(self) -> Tokens: ...
    @property
    def seq_lengths(self) -> Tokens: ...
    @property
    def loss_weights(self) -> NDArray[numpy.float32]: ...


@dataclass(frozen=True)
class DatasetPacked:
    """What one dataset gave.

    `rows` are those that are chats, `taken` those of them that the mixture took. Of these the template refused
    `refused`, `overlong` are longer than a pack, `no_target` keep nothing to learn. `lost_tokens` were dropped or cut
    off. `loss_share` is the part, in [0, 1], of all loss weights.
    """

    source: str
    weight: float | None
    rows: int
    bad_rows: int
    taken: int
    refused: int
    overlong: int
    no_target: int
    lost_tokens: int
    longest_tokens: int
    samples: int
    tokens: int
    target_tokens: int
    loss_share: float


@dataclass(frozen=True)
class PackFigures:
    """What was packed. `utilisation` is the part, in [0, 1], of the packs' room that tokens fill."""

    packs: int
    max_tokens: int
    utilisation: float
    datasets: tuple[DatasetPacked, ...]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> PackFigures:
        """Reads what `pack.json` holds. Raises KeyError, TypeError or ValueError where it is something else."""
        return cls(**{**row, "datasets": tuple(DatasetPacked(**dataset) for dataset in row["datasets"])})

    def total(self, name: str) -> int:
        """The sum of one count over the datasets."""
        return sum(int(getattr(dataset, name)) for dataset in self.datasets)


class PackPlace:
    """Where packs go. `workshop` is the folder beside it where a stop leaves what has been tokenized for them."""

    def __init__(self, out: Path) -> None:
        self.out = Path(os.path.realpath(out))  # what a link names is replaced, not the link
        self.workshop = self.out.parent / f".{self.out.name}.pack"

    def check(self) -> None:
        """Sees to it that packs take the place of earlier packs at most.

        Raises:
            UsageError: there is something else.
        """
        try:
            if not self.out.name:
                raise UsageError(f"{self.out} cannot be replaced by packs.", "Name a new folder with -o.")
            if self.out.exists() and not self.out.is_dir():
                raise UsageError(f"{self.out} is a file; packs are a folder.", "Name a new folder with -o.")
            check_elsewhere(self.out)
            if self.out.is_dir() and not (self.out / PACK_NAME).is_file() and any(self.out.iterdir()):
                raise UsageError(f"{self.out} holds other things than packs.", "Name a new folder with -o.")
        except OSError as error:
            raise disk_error(error, self.out) from None

    def finished(self, settings: Mapping[str, Any]) -> PackFigures | None:
        """The figures of what is there already, if it was made with just these settings."""
        try:
            row = json.loads((self.out / PACK_NAME).read_text(encoding="utf-8"))
            return PackFigures.from_row(row["figures"]) if row["settings"] == settings else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def make(
        self, packs: Iterable[Pack], kind: PackFormat, figures: PackFigures, settings: Mapping[str, Any], pad_id: int
    ) -> None:
        """Writes the packs and lets them take their place. What an earlier folder held beside its packs goes along.

        Raises:
            DiskFailed: what was there before is untouched.
        """
        with in_place_of(self.out) as new:
            new.mkdir()
            if kind == "hf":
                _write_dataset(iter(packs), new)
            else:
                _write_arrays(packs, figures.packs, figures.max_tokens, pad_id, new)
            row = {"tool_version": __version__, "settings": settings, "figures": asdict(figures)}
            (new / PACK_NAME).write_text(json.dumps(row, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            write_mark(new, new.iterdir())
            for file in new.iterdir():
                sync_file(file)


def _write_dataset(packs: Iterator[Pack], folder: Path) -> None:
    import datasets
    import pyarrow

    integers = pyarrow.list_(pyarrow.int32())
    schema = pyarrow.schema(
        [
            ("input_ids", integers),
            ("labels", integers),
            ("position_ids", integers),
            ("seq_lengths", integers),
            ("loss_weights", pyarrow.list_(pyarrow.float32())),
        ]
    )
    # Read back memory-mapped: neither memory nor the cache of `datasets` holds the tokens.
    arrow = folder.with_name("packs.arrow")
    with pyarrow.OSFile(str(arrow), "wb") as file, pyarrow.ipc.new_stream(file, schema) as writer:
        while batch := list(islice(packs, _BATCH)):
            columns = [_column([getattr(pack, name) for pack in batch]) for name in schema.names]
            writer.write_table(pyarrow.Table.from_arrays(columns, schema=schema))
    datasets.disable_progress_bars()
    dataset = datasets.Dataset.from_file(str(arrow))
    dataset.save_to_disk(str(folder), num_shards=None if len(dataset) else 1)  # without a shard it could not be loaded
    arrow.unlink()


def _column(arrays: list[Any]) -> Any:
    """Lists of numbers as Arrow has them, out of arrays, without a Python object for each number."""
    import numpy
    import pyarrow

    offsets = numpy.cumsum([0, *map(len, arrays)], dtype=numpy.int32)
    return pyarrow.ListArray.from_arrays(pyarrow.array(offsets), pyarrow.array(numpy.concatenate(arrays)))


def _write_arrays(packs: Iterable[Pack], count: int, max_tokens: int, pad_id: int, folder: Path) -> None:
    """Dense arrays of `count` rows, each as long as a pack may be, written a row at a time.

    The masks hold for each pack the places where a sequence ends, from 0, with the end of what is left empty last.
    """
    import numpy

    def array(name: str, kind: type[numpy.int64] | type[numpy.float32]) -> Any:
        return numpy.lib.format.open_memmap(folder / name, mode="w+", dtype=kind, shape=(count, max_tokens))

    inputs, labels, weights = array(INPUTS, numpy.int64), array(LABELS, numpy.int64), array(WEIGHTS, numpy.float32)
    masks = []
    for row, pack in enumerate(packs):
        length = len(pack.input_ids)
        inputs[row, :length], inputs[row, length:] = pack.input_ids, pad_id
        labels[row, :length], labels[row, length:] = pack.labels, -100
        weights[row, :length] = pack.loss_weights  # the file is made of zeros
        ends = [0, *numpy.cumsum(pack.seq_lengths).tolist()]
        masks.append(ends if length == max_tokens else [*ends, max_tokens])
    for written in (inputs, labels, weights):
        written.flush()
    (folder / MASKS).write_text(json.dumps(masks), encoding="utf-8")
