"""The embedded model's process: `python -m longwriter_cli.llm.local_server MODEL.gguf --slots 2 --context 8192`.

llama.cpp's own HTTP server, OpenAI-shaped, on a port of 127.0.0.1 that the system chooses. The API key is the first
line of standard input, so that no process list shows it. `READY <base_url>` is the only line on standard output;
llama.cpp's log goes to standard error. The process lives as long as its standard input stays open.

A process of its own, because a model that runs out of memory or hits a bug in native code must not take the run
along with it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from pathlib import Path
from types import FrameType

# Idle OpenMP threads spin by default: two cores are then busy even while nobody asks. Read once, at library load.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

PROMPT_CACHE_MIB = 64
"""Memory for the prompts of instructions that left their slot. The default of 8 GiB would fill a laptop."""


def die_with_parent() -> None:
    """Asks Linux to tell this process when its parent is gone.

    End of file on standard input says the same, and does so everywhere; but a process that the parent forked may
    hold a copy of the pipe. The signal comes too when only the parent's *thread* ends that started us, hence the
    second look at who the parent is.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    parent = os.getppid()

    def check(_signal: int, _frame: FrameType | None) -> None:
        if os.getppid() != parent:
            os._exit(0)

    signal.signal(signal.SIGUSR1, check)
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, int(signal.SIGUSR1), 0, 0, 0)


def serve(model: Path, slots: int, context_tokens: int, api_key: str) -> tuple[object, str]:
    """Loads the model and listens. The server runs in threads of its own as long as the first value is alive."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {model.stem}  # the name in each answer, and so in the run's rows: no path of this machine
    params.n_parallel = slots
    params.n_ctx = context_tokens * slots  # llama.cpp splits the total over the slots
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [api_key]
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.verbosity = 1  # errors alone: the parent shows the last lines when the start fails
    params.fit_params = False  # else the model is loaded twice, once to measure it
    params.offline = True
    params.ui = False
    params.endpoint_slots = False  # it would show what is being written
    server = xllamacpp.Server(params)
    return server, str(server.listening_address)


def main() -> None:
    parser = argparse.ArgumentParser(prog="longwriter_cli.llm.local_server")
    parser.add_argument("model", type=Path)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--context", type=int, default=8192, help="tokens of each slot")
    args = parser.parse_args()

    # Ctrl-C and a service manager's SIGTERM reach the whole process group. The parent wants the answers in flight
    # first; it closes our standard input when it has them.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        with contextlib.suppress(AttributeError):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    die_with_parent()

    # Whatever native code prints must not be taken for the READY line.
    announce = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    api_key = sys.stdin.readline().strip()
    if not api_key:
        parser.error("no API key on standard input")
    try:
        _server, base_url = serve(args.model, args.slots, args.context, api_key)
    except (ImportError, RuntimeError) as error:
        sys.exit(str(error))
    announce.write(f"READY {base_url}\n")
    announce.flush()
    while sys.stdin.readline():
        pass
    # No clean-up: native threads may be in the middle of a token, and nothing here outlives the process.
    os._exit(0)


if __name__ == "__main__":
    main()
