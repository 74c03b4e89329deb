"""Records out of finished texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from longwriter_cli.evals.length import length_score
from longwriter_cli.records import Instruction, Plan, Section
from longwriter_cli.stages.agentwrite import finished_texts
from longwriter_cli.stages.write import PARAGRAPH_BREAK
from longwriter_cli.store.export import Format, export
from longwriter_cli.store.run import Run
from longwriter_cli.text.language import language_of
from longwriter_cli.text.words import count_words


def build_dataset(run: Run, path: Path, kind: Format, *, metadata: bool = False) -> int:
    """Exports the finished records of a run, in instruction order, and returns how many there are.

    Raises:
        DiskFailed: an earlier export at `path` is untouched.
    """
    return export(records(run, metadata=metadata), path, kind)


def records(run: Run, *, metadata: bool = False) -> Iterator[dict[str, Any]]:
    """`{"messages": [user, assistant]}` for each finished instruction; with `metadata`, what is known of it too."""
    for instruction, plan, sections in finished_texts(run):
        text = PARAGRAPH_BREAK.join(section.text for section in sections)
        record: dict[str, Any] = {
            "messages": [
                {"role": "user", "content": instruction.prompt},
                {"role": "assistant", "content": text},
            ]
        }
        yield record | _metadata(instruction, plan, sections, text) if metadata else record


def _metadata(instruction: Instruction, plan: Plan, sections: list[Section], text: str) -> dict[str, Any]:
    words = count_words(text)
    required = instruction.required_words
    return {
        "id": instruction.id,
        "words": words,
        "required_words": required.words if required else None,
        "length_score": round(length_score(required.words, words), 2) if required else None,
        "sections": len(plan.steps),
        "model": sections[-1].model,
        "language": language_of(text),
    }
