"""A file system without locks: the run is refused, for a lock made of a file would outlive a killed process."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from longwriter_cli.errors import DiskFailed, UsageError
from longwriter_cli.store.lock import RunLock


def failing(number: int) -> object:
    def flock(fd: int, how: int) -> None:
        raise OSError(number, os.strerror(number))

    return flock


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_share_without_locks_is_refused(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", failing(number))
    with pytest.raises(UsageError, match="gives no locks") as raised:
        RunLock(tmp_path)
    assert "local disk" in raised.value.tip
    monkeypatch.undo()
    RunLock(tmp_path).release()


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_share_that_is_gone_is_the_disk(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", failing(number))
    with pytest.raises(DiskFailed):
        RunLock(tmp_path)
