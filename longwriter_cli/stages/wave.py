"""One wave: the requests of a pass over the work, put aside as they come, then cut into files that the API takes.

Bodies go to a file without a name; of each request, some two hundred bytes are held. A file holds requests to one model
alone, for the API takes no others.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from longwriter_cli.llm import batch_api
from longwriter_cli.records import Usage
from longwriter_cli.store.batches import Key
from longwriter_cli.store.jsonl import disk_error


class Enrolled(NamedTuple):
    key: Key
    model: str
    offset: int
    size: int
    prompt_tokens: int
    completion_tokens: int
    is_repeat: bool

    @property
    def expected(self) -> Usage:
        return Usage(self.prompt_tokens, 0, self.completion_tokens).by_batch()


@dataclass
class Cut:
    """The requests of one file."""

    model: str
    requests: list[Enrolled] = field(default_factory=list)
    size: int = 0
    expected: Usage = field(default_factory=Usage)

    def add(self, enrolled: Enrolled) -> None:
        self.requests.append(enrolled)
        self.size += enrolled.size
        self.expected += enrolled.expected


class Wave:
    """Requests that have not been sent. `directory` is where there is room for them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: IO[bytes] | None = None
        self._size = 0
        self._enrolled: dict[Key, Enrolled] = {}

    def __len__(self) -> int:
        return len(self._enrolled)

    def add(self, key: Key, line: bytes, model: str, expected: Usage, *, is_repeat: bool) -> None:
        if key in self._enrolled:
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115 - until `clear`
            self._file.write(line)
        except OSError as error:
            raise disk_error(error, self._directory) from None
        tokens = expected.prompt_tokens, expected.completion_tokens
        self._enrolled[key] = Enrolled(key, model, self._size, len(line), *tokens, is_repeat)
        self._size += len(line)

    def cuts(self, may_go: Callable[[Enrolled], bool], room: Callable[[str], int | None]) -> Iterator[Cut]:
        """What is to be sent, file by file.

        Args:
            may_go: is asked for each request in turn.
            room: how many tokens of prompts a model's queue still takes, asked when a file is begun; None: any number.
        """
        by_model: defaultdict[str, list[Enrolled]] = defaultdict(list)
        for enrolled in self._enrolled.values():
            if may_go(enrolled):
                by_model[enrolled.model].append(enrolled)
        for model, requests in by_model.items():
            cut = Cut(model)
            tokens = room(model)
            for enrolled in requests:
                queued = cut.expected.prompt_tokens + enrolled.prompt_tokens
                if tokens is not None and queued > tokens and (cut.requests or tokens <= 0):
                    break
                full = len(cut.requests) >= batch_api.MOST_REQUESTS or cut.size + enrolled.size > batch_api.MOST_BYTES
                if full and cut.requests:
                    yield cut
                    cut, tokens = Cut(model), room(model)
                    if tokens is not None and enrolled.prompt_tokens > tokens:
                        break
                cut.add(enrolled)
            if cut.requests:
                yield cut

    def lines(self, cut: Cut) -> Iterator[bytes]:
        assert self._file is not None, "what was enrolled is in the file"
        for enrolled in cut.requests:
            self._file.seek(enrolled.offset)
            yield self._file.read(enrolled.size)

    def clear(self) -> None:
        """Forgets what was not sent: it is asked for again in the next pass."""
        if self._file is not None:
            with suppress(OSError):  # on a full disk what was not written yet is written in vain
                self._file.close()
        self._file, self._size = None, 0
        self._enrolled.clear()
