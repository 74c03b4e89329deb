"""What stands at the end of `build-dataset`: the export with its card, and the push to the hub."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from longwriter_cli.cli.calls import cost_usd
from longwriter_cli.cli.options import Options
from longwriter_cli.cli.output import plain, say
from longwriter_cli.cli.task import Export
from longwriter_cli.records import Judgement, Usage
from longwriter_cli.report.card import CardTally, Making, card
from longwriter_cli.report.summary import count_failed
from longwriter_cli.settings import Settings
from longwriter_cli.stages.build import Exported, Filters, build_dataset
from longwriter_cli.store.export import Written, card_place
from longwriter_cli.store.hub_push import push
from longwriter_cli.store.run import Run
from longwriter_cli.text.display import printable
from longwriter_cli.text.filters import FILTERS, FinishedText
from longwriter_cli.text.words import count_words


def export_run(run: Run, export: Export, options: Options) -> Exported:
    """Exports what is finished.

    Raises:
        LongwriterError: an earlier export is untouched.
    """
    _tell_of_another_judge(run)
    if not export.card:
        return build_dataset(run, export.path, export.wanted)
    tally = CardTally()

    def look(text: FinishedText) -> None:
        tally.add(text.text, count_words(text.text), text.instruction.required_words)

    def cost_of(usage: Mapping[str, Usage]) -> float | None:
        return cost_usd(usage, options)

    def make_card(written: Written, rejects: Mapping[str, int]) -> str:
        assert run.manifest is not None, "a run without one cannot be opened"
        making = Making(
            name=plain((export.push or run.directory.resolve().name).rpartition("/")[2]),
            address=export.push or "PATH",
            kind=export.wanted.shape.kind,
            license=export.license,
            manifest=run.manifest,
            usage=run.usage(),
            cost_of=cost_of,
            filters=_shown(export.wanted.filters),
            rejects=rejects,
            failed=count_failed(run),
        )
        return card(tally, making, written)

    exported = build_dataset(run, export.path, export.wanted, card=make_card, look=look)
    if (kept := exported.written.users_card) is not None:
        say(f"note: {plain(str(kept))} is not as an export wrote it, and was left as it is.")
    for split, records in exported.written.records.items():
        if not records and len(exported.written.records) > 1:
            say(f"note: the split {split} has no record yet.")
    return exported


def _tell_of_another_judge(run: Run) -> None:
    """Says so where the judge has been changed since: what the earlier one said is not exported, nor filtered by."""
    assert run.manifest is not None, "a run without one cannot be opened"
    judge = Settings.from_row(run.manifest.settings).judge_model
    judges = sorted({str(key[2]) for key in run.index.answers(Judgement.stage)})
    if judge is not None and judges and judge not in judges:
        say(
            f"note: {printable(judge)} has judged no text of this run yet. The scores by {printable(', '.join(judges))}"
            " stay in judgements.jsonl and are not used; without --export-only the texts are judged first."
        )


def push_export(export: Export, written: Written) -> str:
    """Sends an export to the hub, and returns its address there.

    Raises:
        LongwriterError: the hub did not take it. The export stays on the disk.
    """
    assert export.push is not None
    files = {str(file): written.root / file for part in written.files.values() for file in part}
    place = card_place(export.path, export.wanted.shape)
    pushed = push(export.push, files, _read(place) if export.card else None, public=export.public)
    if pushed.card_kept:
        say("note: the card on the hub has been edited there, and was left as it is.")
    return pushed.address


def _read(card_: Path) -> str:
    return card_.read_text(encoding="utf-8", errors="replace")


def _shown(filters: Filters) -> str:
    """The filters that were on, by name, with their thresholds."""
    names = []
    for each in FILTERS:
        given = filters.get(each.name)
        if each.unit is None and (each.on if given is None else given):
            names.append(each.name)
        elif each.unit is not None and given is not None and given is not False:
            names.append(f"{each.name} {given:g}")
    return ", ".join(names) or "none"
