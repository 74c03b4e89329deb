"""Work over processes: results in order, nothing drawn ahead of need, no process left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from program import until

from longwriter_cli.engine.processes import cores, in_order
from longwriter_cli.errors import NotNow


def _worker_module(folder: Path) -> Path:
    """Functions of a module, as processes that are spawned need them."""
    (folder / "work_of_this_test.py").write_text(
        "import os, time\n"
        "def square(n):\n"
        "    time.sleep(0.02 * (n % 3))  # later items are done sooner\n"
        "    return n * n\n"
        "def pid(_): return os.getpid()\n"
        "def die(n): os._exit(9) if n == 3 else None\n"
        "def fail(n): raise ValueError(f'no {n}')\n"
        "def sleep(path):\n"
        "    open(path, 'w').write(str(os.getpid()))\n"
        "    time.sleep(600)\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    folder = _worker_module(tmp_path)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    import work_of_this_test  # type: ignore[import-not-found]  # written above

    yield work_of_this_test
    del sys.modules["work_of_this_test"]


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_items(work: object, processes: int) -> None:
    assert list(in_order(work.square, range(12), processes)) == [n * n for n in range(12)]  # type: ignore[attr-defined]


def test_one_process_is_this_one_and_several_are_others(work: object) -> None:
    assert set(in_order(work.pid, range(3), 1)) == {os.getpid()}  # type: ignore[attr-defined]
    assert os.getpid() not in set(in_order(work.pid, range(3), 2))  # type: ignore[attr-defined]


def test_no_more_items_are_drawn_than_keep_the_processes_busy(work: object) -> None:
    drawn = 0

    def items() -> Iterator[int]:
        nonlocal drawn
        for n in range(100):
            drawn += 1
            yield n

    results = in_order(work.square, items(), 2)  # type: ignore[attr-defined]
    for done in range(1, 20):
        next(results)
        assert drawn <= done + 4
    results.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("processes", [1, 2])
def test_what_a_function_raises_is_raised_here(work: object, processes: int) -> None:
    with pytest.raises(ValueError, match="no 0"):
        list(in_order(work.fail, range(3), processes))  # type: ignore[attr-defined]


def test_a_process_that_is_killed_is_told_with_the_way_on(work: object) -> None:
    with pytest.raises(NotNow, match="killed") as caught:
        list(in_order(work.die, range(8), 2))  # type: ignore[attr-defined]
    assert "--processes 1" in caught.value.tip


def test_the_processes_end_with_the_one_that_began_them(tmp_path: Path) -> None:
    folder = _worker_module(tmp_path)
    mark = tmp_path / "pid"
    code = (
        "from work_of_this_test import sleep\n"
        "from longwriter_cli.engine.processes import in_order\n"
        "if __name__ == '__main__':\n"
        f"    list(in_order(sleep, [{str(mark)!r}], 2))\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code, encoding="utf-8")
    parent = subprocess.Popen([sys.executable, str(script)], env={**os.environ, "PYTHONPATH": str(folder)})
    until(lambda: mark.exists() and mark.read_text(), timeout_s=60)
    worker = int(mark.read_text())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    until(lambda: not _lives(worker), timeout_s=60)


def _lives(pid: int) -> bool:
    """Whether a process is there and no mere remainder that nobody has asked for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_only_cores_that_there_are_count() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
