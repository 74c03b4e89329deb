"""Reads instruction files: any format in, `Instruction`s out, one at a time.

Three ideas, one file each: `streams` turns a name into bytes (open, decompress, look at the head), `formats` and
`hub` turn those into raw rows that know their line, `fields` turns a raw row into an `Instruction`. Here they meet,
and duplicates are dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b

from longwriter_cli.errors import InputError
from longwriter_cli.records import Instruction, Requirement, Step
from longwriter_cli.store.source.fields import RowReader, nearest
from longwriter_cli.store.source.formats import open_table
from longwriter_cli.store.source.logs import check_logs, read_logs
from longwriter_cli.store.source.rows import BadRow, Table, located

__all__ = ["check_logs", "read_instructions", "read_logs"]


def read_instructions(
    source: str,
    *,
    parse_plan: Callable[[object], Sequence[Step]],
    required_words: Callable[[str], Requirement | None],
    field: str | None = None,
    on_bad_row: Callable[[InputError], None] | None = None,
) -> Iterator[Instruction]:
    """Yields the instructions of `source` in their order; nothing is opened before the first one is asked for.

    `source` is a file (.jsonl, .ndjson, .json, .csv, .tsv, .txt, .text, .parquet; each also .gz or .zst), `-` for
    JSON Lines on standard input, or `hf:NAME[@CONFIG][:SPLIT]`. `field` names the prompt's column where it is none
    of the usual ones. `parse_plan` gets a row's `plan` as it stands there and gives its steps, none if it cannot be
    used; `required_words` gets the prompt of each row that states no length of its own.

    Rows with the same id and the same prompt are one instruction; the first one counts. To know them again takes
    about 150 bytes a row, however long the prompts are (a million rows: 150 MB, 10 s of one core). Only a .json
    document is held whole.

    A row that cannot be used is handed to `on_bad_row`, and reading goes on; so is a row whose id stood on an
    earlier line with another prompt.

    Raises:
        InputError: a row cannot be used and there is no `on_bad_row`; or, whether or not there is one, the source
            as a whole cannot be read, or holds no usable row. It says what to do, and its `line` counts from 1 as
            an editor shows it; in Parquet and Hugging Face data it is the row's number and its message says "row".
    """
    table = open_table(source)
    reader = RowReader(parse_plan, required_words, field)
    seen = _Seen()
    kept = bad = 0
    for line, value in table.rows:
        try:
            if isinstance(value, BadRow):
                raise value
            instruction = reader.read(value, row=kept, read_from=f"{table.name} {table.unit} {line}")
            is_new = seen.add(instruction, line, table.unit)
        except BadRow as fault:
            error = located(table, line, fault)
            if on_bad_row is None:
                raise error from fault
            bad += 1
            on_bad_row(error)
            continue
        if is_new:
            kept += 1
            yield instruction
    if not kept:
        raise _nothing_in(table, bad, reader)


class _Seen:
    """Remembers which ids stood on which line with which prompt, as digests: 128 bits tell ids and prompts apart."""

    def __init__(self) -> None:
        self._by_id: dict[bytes, int] = {}

    def add(self, instruction: Instruction, line: int, unit: str) -> bool:
        """Whether the instruction is new.

        Raises:
            BadRow: its id stood on an earlier line with another prompt.
        """
        key = _digest(instruction.id)
        # Line and prompt in one integer: a tuple of two would take twice the memory.
        value = line << 128 | int.from_bytes(_digest(instruction.prompt))
        earlier = self._by_id.setdefault(key, value)
        if earlier is value:
            return True
        if (earlier ^ value) & ((1 << 128) - 1):
            raise BadRow(
                f'the id "{instruction.id}" already stands on {unit} {earlier >> 128} with another prompt',
                "One id is one instruction: give one of the two another id.",
            )
        return False


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


def _nothing_in(table: Table, bad: int, reader: RowReader) -> InputError:
    if not bad:
        return InputError(table.name, None, "holds no instruction", "Give at least one row.")
    if reader.field is not None and not reader.met_field:
        return InputError(
            table.name,
            None,
            f'no row has the field "{reader.field}" that --field names',
            nearest(reader.field, reader.met_keys),
        )
    count = "its only row is bad" if bad == 1 else f"all of its {bad} rows are bad"
    return InputError(
        table.name, None, f"holds no usable instruction: {count}", "Read the first rejected row's reason."
    )
