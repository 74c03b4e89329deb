"""`longwriter check`: tries the machine and the endpoint before a run, and says what to mend."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime

import orjson

from longwriter_cli.cli import chat as models
from longwriter_cli.cli import machine
from longwriter_cli.cli.calls import cost_usd
from longwriter_cli.cli.options import Options, shared_options
from longwriter_cli.cli.output import say, show
from longwriter_cli.errors import EXIT_FAILURES, EXIT_OK, LongwriterError, ModelUnknown
from longwriter_cli.llm.address import mask_url
from longwriter_cli.llm.base import Chat
from longwriter_cli.llm.openai import Listing
from longwriter_cli.llm.retry import Retrying
from longwriter_cli.prompts import AGENTWRITE, Templates, load_templates
from longwriter_cli.records import Usage
from longwriter_cli.report.near import near_ids
from longwriter_cli.settings import Settings, settle
from longwriter_cli.stages.checking import Finding, Tell, try_model
from longwriter_cli.text.display import printable

_TRIES = 2
_GIVE_UP_AFTER_S = 60.0
_CLOCK_OFF_S = 60.0
_NAMES_SHOWN = 5


@shared_options
def command(options: Options) -> int:
    """Tries the machine and the endpoint before a run: disk, files, key, model, context, prices, a plan, a section.

    It takes four or five short calls to the model, and says what to mend. Nothing is written.
    """
    options.check()
    templates = load_templates(options.prompts, AGENTWRITE)
    settings = settle(options.text_settings() | {"templates": templates.digests()}, None, uses={"plan", "write"})
    models.check_model(settings, options)
    report = _Report(json=bool(options.json))
    error: LongwriterError | None = None
    try:
        for finding in (*machine.findings(models.slots(settings, options)), _prices(settings, options)):
            report.add(finding)
        asyncio.run(_try_endpoints(settings, templates, options, report.add))
    except LongwriterError as stopped:
        error = stopped
    code = error.exit_code if error else EXIT_FAILURES if report.has_failed else EXIT_OK
    report.close(code, error)
    if error is not None:
        raise error
    return code


class _Report:
    """Tells each finding as it comes, or all at the end as one JSON object."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._findings: list[Finding] = []

    @property
    def has_failed(self) -> bool:
        return any(finding.state == "fail" for finding in self._findings)

    def add(self, finding: Finding) -> None:
        self._findings.append(finding)
        if not self._json:
            show(f"{finding.state:>4}  {finding.name:<8}  {printable(finding.detail)}")
            if finding.tip and finding.state != "ok":
                show(f"{'':>16}{printable(finding.tip)}")

    def close(self, code: int, error: LongwriterError | None) -> None:
        if self._json:
            rows = [{"name": f.name, "state": f.state, "detail": f.detail, "tip": f.tip} for f in self._findings]
            if error is not None:
                rows.append({"name": "endpoint", "state": "fail", "detail": error.message, "tip": error.tip})
            show(orjson.dumps({"command": "check", "findings": rows, "exit_code": code}).decode())
        elif code == EXIT_OK:
            show("All is well. What a run would cost: longwriter build-dataset INSTRUCTIONS -r RUN … --dry-run")


def _prices(settings: Settings, options: Options) -> Finding:
    if models.is_local(settings.model):
        return Finding("price", "ok", "nothing: the model runs on this machine")
    million = {model: Usage(1_000_000, 0, 0) for model in settings.models()}
    answers = {model: Usage(0, 0, 1_000_000) for model in settings.models()}
    prompts_usd, answers_usd = cost_usd(million, options), cost_usd(answers, options)
    if prompts_usd is None or answers_usd is None:
        tip = "Give --price-in and --price-out for costs and --max-cost; --max-total-tokens needs no price."
        return Finding("price", "note", f"no price list knows {' or '.join(settings.models())}", tip)
    return Finding("price", "ok", f"${prompts_usd:g} per million prompt tokens, ${answers_usd:g} of answers")


async def _try_endpoints(settings: Settings, templates: Templates, options: Options, tell: Tell) -> None:
    """Each endpoint by itself: among several a dead one would hide.

    Raises:
        LongwriterError: what keeps calls from being answered.
    """
    if models.is_local(settings.model):
        await _try(await models.connect(settings, options, 1, lambda chat: chat), settings, templates, options, tell)
        return
    for each in models.endpoints(options, 1):
        chat = each.connect()
        listing = await chat.listing()
        address, names = mask_url(each.url), [row["id"] for row in listing.rows] if listing else []
        if listing is not None:
            _tell_listing(address, listing, settings, tell)
        try:
            await _try(chat, settings, templates, options, tell if listing else _after_note(address, tell))
        except ModelUnknown as error:
            if names:
                error.tip = _served(settings.model, names)
            raise


async def _try(chat: Chat, settings: Settings, templates: Templates, options: Options, tell: Tell) -> None:
    patient = Retrying(
        chat,
        max_attempts=options.max_attempts or _TRIES,
        give_up_after_s=_GIVE_UP_AFTER_S if options.give_up_after is None else options.give_up_after,
        sleep=asyncio.sleep,
        on_retry=lambda problem, wait_s: say(f"note: {printable(problem)}; again in {wait_s:.0f} s"),
    )
    try:
        await try_model(patient, settings, templates, tell)
    finally:
        await patient.close()


def _after_note(address: str, tell: Tell) -> Tell:
    """Says with the first answer that the endpoint has no list of models.

    Before it that cannot be told from an endpoint that is down or refuses the key, of which the error speaks.
    """
    notes = [Finding("endpoint", "note", f"{address} has no list of models", "Many have none: the next line counts.")]

    def with_note(finding: Finding) -> None:
        if notes and finding.state == "ok":
            tell(notes.pop())
        tell(finding)

    return with_note


def _tell_listing(address: str, listing: Listing, settings: Settings, tell: Tell) -> None:
    names = [row["id"] for row in listing.rows]
    count = "1 model" if len(names) == 1 else f"{len(names):,} models"
    if names and settings.model not in names:
        lacks = f"{address} lists {count}, and {settings.model} is not among them"
        tell(Finding("endpoint", "note", lacks, _served(settings.model, names)))
    else:
        tell(Finding("endpoint", "ok", f"{address} lists {count}"))
    with suppress(TypeError, ValueError):
        off_s = time.time() - parsedate_to_datetime(listing.date or "").timestamp()
        if abs(off_s) < _CLOCK_OFF_S:
            tell(Finding("clock", "ok", "agrees with the endpoint's"))
        else:
            way = "ahead of" if off_s > 0 else "behind"
            tip = "Set it right (timedatectl set-ntp true): limits and signed addresses go by it."
            tell(Finding("clock", "note", f"{abs(off_s):,.0f} s {way} the endpoint's", tip))


def _served(model: str, names: Sequence[str]) -> str:
    if near := near_ids(model, names):
        return f"Did you mean {' or '.join(near)}?"
    more = ", …" if len(names) > _NAMES_SHOWN else ""
    return f"Name one of them with -m: {', '.join(names[:_NAMES_SHOWN])}{more}"
