"""The dataset card: what a dataset holds and how it was made, with the head that the hub and `load_dataset` read.

The same export gives the same card: no time of day is in it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from longwriter_cli import __version__
from longwriter_cli.records import Requirement, Usage
from longwriter_cli.report.measures import Distribution, LengthTally, distribution
from longwriter_cli.report.money import CostOf, cost_shown, dollars
from longwriter_cli.settings import used_by
from longwriter_cli.store.columns import features
from longwriter_cli.store.export import Format, Written
from longwriter_cli.store.manifest import Manifest
from longwriter_cli.text.display import counted
from longwriter_cli.text.language import language_of

_UNTOLD = "und"
_LANGUAGE_FROM = 800  # characters; telling the language of a whole book takes long and tells no more
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGEST = "1M<n<10M"
_BAR_WIDTH = 24


@dataclass
class CardTally:
    """Takes the records of an export one by one; no list of them is kept."""

    words: Counter[int] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    lengths: LengthTally = field(default_factory=LengthTally)

    def add(self, text: str, words: int, required: Requirement | None) -> None:
        self.words[words] += 1
        self.languages[language_of(text[:_LANGUAGE_FROM])] += 1
        if required is not None:
            self.lengths.add(required.words, words)


@dataclass(frozen=True)
class Making:
    """How a dataset was made: what its run knows, and what the user says of it.

    `address` is what `load_dataset` is given: a name on the hub, or a path. `usage` is that of the whole run by model,
    `filters` says in words which were on, `license` is the hub's name of it.
    """

    name: str
    address: str
    kind: Format
    license: str | None
    manifest: Manifest
    usage: Mapping[str, Usage]
    cost_of: CostOf
    filters: str
    rejects: Mapping[str, int]
    failed: int


def card(tally: CardTally, making: Making, written: Written) -> str:
    """The card as Markdown with a head of YAML."""
    import yaml

    head = yaml.safe_dump(_head(tally, making, written), sort_keys=False, allow_unicode=True, width=1000)
    parts = (_holds(tally, making, written), _lengths(tally), _loading(making, written), _made(making), _cost(making))
    body = "\n\n".join("\n".join(part) for part in parts)
    return f"---\n{head}---\n\n# {_text(making.name)}\n\n{body}\n\n"


def _head(tally: CardTally, making: Making, written: Written) -> dict[str, Any]:
    records = sum(written.records.values())
    size = next((name for most, name in _SIZES if records < most), _LARGEST)
    head: dict[str, Any] = {"license": making.license} if making.license else {}
    # A split without a record cannot be loaded, and would keep the others from it.
    data_files = [{"split": split, "path": path} for split, path in written.patterns.items() if written.records[split]]
    return head | {
        "pretty_name": making.name,
        "language": [name for name, _ in tally.languages.most_common() if name != _UNTOLD],
        "task_categories": ["text-generation"],
        "size_categories": [size],
        "tags": ["longwriter", "agentwrite", "long-form", "synthetic"],
        "configs": [{"config_name": "default", "data_files": data_files}],
        "dataset_info": {"config_name": "default", "features": features(written.columns)},
    }


def _holds(tally: CardTally, making: Making, written: Written) -> list[str]:
    words = distribution(tally.words)
    licence = f"`{making.license}`, as its maker says" if making.license else "not stated"
    return [
        "Long texts with the instructions that ask for them, to train language models on long outputs. A model planned",
        "each text paragraph by paragraph and wrote it section by section (AgentWrite, [LongWriter]"
        "(https://arxiv.org/abs/2408.07055)), by [longwriter-cli](https://pypi.org/project/longwriter-cli/).",
        "",
        *_table(
            ("", ""),
            [
                ("records", f"{words.n:,}"),
                *((f"split {split}", f"{n:,}") for split, n in written.records.items() if len(written.records) > 1),
                ("words", f"{words.total:,}"),
                ("bytes", f"{written.size_bytes:,}"),
                ("languages", _counts(tally.languages)),
                ("columns", ", ".join(f"`{name}`" for name in written.columns)),
                ("licence", licence),
            ],
        ),
    ]


def _lengths(tally: CardTally) -> list[str]:
    words, required = distribution(tally.words), tally.lengths.figures().all
    lines = ["## Lengths", "", "Words of a text; a Chinese or Japanese character is a word.", ""]
    lines += _histogram(words)
    if words.n:
        spread = f"Half have at most {words.p50:,} words, 95% at most {words.p95:,}; the longest has {words.max:,}."
        lines += ["", spread]
    if required.score is not None:
        lines += [
            "",
            f"Of {required.n:,} instructions a length is known: {required.required_words:,.0f} words on average, and "
            f"{required.words:,.0f} were written; mean S_l, the length score of LongBench-Write, {required.score:.1f} "
            "of 100.",
        ]
    return lines


def _histogram(words: Distribution) -> list[str]:
    most = max((bin_.n for bin_ in words.histogram), default=0) or 1
    rows = [
        (_span(bin_.low, bin_.high), f"{bin_.n:,}", "█" * -(-bin_.n * _BAR_WIDTH // most)) for bin_ in words.histogram
    ]
    return _table(("words", "records", ""), rows)


def _loading(making: Making, written: Written) -> list[str]:
    load = "load_from_disk" if making.kind == "hf" and len(written.records) == 1 else "load_dataset"
    call = f"datasets.{load}({json.dumps(making.address, ensure_ascii=False)})"
    return ["## Loading", "", "```python", "import datasets", "", f"data = {call}", "```"]


def _made(making: Making) -> list[str]:
    manifest = making.manifest
    shown = used_by(("plan", "write", "judge")) - {"model", "plan_model", "templates"}
    settings = {name: value for name, value in manifest.settings.items() if value is not None and name in shown}
    rows = [
        ("model", f"`{_text(str(manifest.settings['model']))}`"),
        ("plans by", f"`{_text(str(manifest.settings.get('plan_model') or manifest.settings['model']))}`"),
        ("begun", manifest.created_at),
        ("longwriter-cli", f"{manifest.tool_version}, exported by {__version__}"),
        *((f"`{name}`", f"`{_text(json.dumps(value, ensure_ascii=False))}`") for name, value in settings.items()),
        *((f"template `{name}`", f"`{digest}`") for name, digest in manifest.settings.get("templates", {}).items()),
    ]
    if manifest.changes:
        times = "once" if len(manifest.changes) == 1 else f"{len(manifest.changes)} times"
        rows.append(("settings changed", f"{times} since; these are the last"))
    lines = ["## How it was made", "", *_table(("setting", ""), rows)]
    if manifest.note:
        lines += ["", f"Note: {_text(manifest.note)}"]
    rejected = sum(making.rejects.values())
    return [
        *lines,
        "",
        f"Filters: {making.filters}. They dropped {counted(rejected, 'finished text')}"
        + (f" ({_counts(making.rejects)})" if rejected else "")
        + f"; {counted(making.failed, 'instruction')} gave no text.",
    ]


def _cost(making: Making) -> list[str]:
    rows = [
        (
            f"`{_text(model)}`",
            *(f"{tokens:,}" for tokens in (spent.prompt_tokens, spent.cached_tokens, spent.completion_tokens)),
            _usd(making.cost_of({model: spent}), model),
        )
        for model, spent in making.usage.items()
    ]
    if not rows:
        return ["## Cost", "", "No call was made."]
    total = cost_shown(making.usage, making.cost_of)
    note = total and f" In all {total}."
    estimated = any(spent.estimated for spent in making.usage.values())
    return [
        "## Cost",
        "",
        "Tokens of the whole run, of texts that were dropped and of answers that were thrown away too."
        + (" Some were not reported and are estimated." if estimated else "")
        + note,
        "",
        *_table(("model", "prompt tokens", "of these cached", "completion tokens", "cost"), rows),
    ]


def _usd(cost: float | None, model: str) -> str:
    if cost is not None:
        return dollars(cost)
    return "none, on a machine of one's own" if model.partition(":")[0] == "local" else "not known"


def _counts(times: Mapping[str, int]) -> str:
    ordered = sorted(times.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{'not told by letters' if name == _UNTOLD else _text(name)} {n:,}" for name, n in ordered)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def _text(text: str) -> str:
    """On one line, and without what would end a line of code."""
    return " ".join(text.split()).replace("`", "'")


def _span(low: int, high: int | None) -> str:
    if high is None:
        return f"{low:,} and more"
    return f"{low:,} to {high - 1:,}" if low else f"under {high:,}"
