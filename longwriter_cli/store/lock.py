"""One process at a time on a run.

The operating system drops the lock when its process dies, however it dies, so a lock is never left over. The file
`run.lock` stays behind and names the last holder, for the message that the next comer gets.

It is an flock. On a network file system that holds between machines only where flock reaches the server: on NFS since
Linux 2.6.12, unless it is mounted with `nolock` or `local_lock`. Where there is no flock at all the run is refused, for
a lock made of a file would outlive a killed process.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
from pathlib import Path

from longwriter_cli.errors import RunBusy, UsageError
from longwriter_cli.store.jsonl import disk_error

LOCK_NAME = "run.lock"

_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})

_QUIET_S = 60.0

_TIP = "Wait until it is done, or name another run directory with -r."


class RunLock:
    """Holds the lock of the run in `directory` until `release`.

    Raises:
        RunBusy: another process holds it; the message names that process.
        UsageError: the file system gives no locks.
    """

    def __init__(self, directory: Path, tip: str = _TIP) -> None:
        from filelock import FileLock, Timeout

        self._path = directory / LOCK_NAME
        self._lock = FileLock(self._path, timeout=0, fallback_to_soft=False)
        try:
            self._lock.acquire()
        except Timeout:
            raise RunBusy(
                f"{directory} is in use by {_holder(self._path)}.",
                tip,
            ) from None
        except OSError as error:
            if error.errno in _NO_LOCKS:
                raise UsageError(
                    f"{directory}: its file system gives no locks ({error.strerror}).",
                    "Keep the run on a local disk, or mount the share with locks.",
                ) from None
            raise disk_error(error, self._path) from None
        self._sign()

    def _sign(self) -> None:
        # The command's name alone: its arguments may hold the password of an address.
        me = {"pid": os.getpid(), "host": socket.gethostname(), "command": " ".join(["longwriter", *sys.argv[1:2]])}
        try:
            self._path.write_text(json.dumps(me) + "\n", encoding="utf-8")
        except OSError as error:
            self.release()
            raise disk_error(error, self._path) from None

    def release(self) -> None:
        self._lock.release()


def is_held(directory: Path) -> bool:
    """Whether the process that last took the lock is still there. Takes no lock: it would turn another process away.

    Of a process on another machine it is told by the files, which it changed within the last minute.
    """
    path = directory / LOCK_NAME
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        pid, host = int(holder["pid"]), holder["host"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if host != socket.gethostname():
        newest_s = max((file.stat().st_mtime for file in directory.glob("*.jsonl")), default=0.0)
        return time.time() - newest_s < _QUIET_S
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass  # somebody else's
    return True


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"process {holder['pid']} on {holder['host']} ({holder['command']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
