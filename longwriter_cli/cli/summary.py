"""The summary at the end of a command: one JSON object, or a line for a person."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import orjson

from longwriter_cli.cli.calls import cost_usd
from longwriter_cli.cli.options import Options
from longwriter_cli.cli.output import plain, show
from longwriter_cli.llm.retry import Tally
from longwriter_cli.report.money import cost_shown
from longwriter_cli.report.summary import Counts
from longwriter_cli.store.run import Run


def show_json(
    command: str,
    run: Run,
    counts: Counts,
    options: Options,
    tally: Tally,
    *,
    rejected: int,
    records: int,
    dataset: Path | None,
    elapsed_s: float,
    code: int,
    more: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Prints the summary that `--json` asks for; `more` is what this command alone has to tell.

    `calls`, `retries` and `elapsed_s` are of this process; counts, tokens and cost of the whole run. `more` is what a
    command adds at the end.
    """
    cost = cost_usd(run.usage(), options)
    summary = {
        "command": command,
        "run": plain(str(run.directory)),
        "instructions": counts.instructions,
        "planned": counts.planned,
        "written": counts.written,
        "failed": counts.failed,
        "rejected": rejected,
        "records": records,
        "sections": counts.sections,
        "calls": tally.calls,
        "retries": tally.retries,
        "prompt_tokens": counts.usage.prompt_tokens,
        "cached_tokens": counts.usage.cached_tokens,
        "completion_tokens": counts.usage.completion_tokens,
        "cost_usd": None if cost is None else round(cost, 6),
        "elapsed_s": round(elapsed_s, 3),
        "dataset": None if dataset is None else plain(str(dataset)),
        "exit_code": code,
        **more,
    }
    show(orjson.dumps({**summary, **more}).decode())


def spent(run: Run, options: Options) -> str:
    """`, $1.20` where the price is known, else nothing."""
    shown = cost_shown(run.usage(), lambda usage: cost_usd(usage, options))
    return shown and f", {shown}"
