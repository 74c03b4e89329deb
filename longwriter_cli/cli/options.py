"""The options that commands share, each said once: its name, its help and its type.

A command takes an `Options` argument and is decorated with `shared_options`; typer then sees one parameter for each
field. All default to None, so that what is not given can be told from what is: it comes from the run's manifest, then
from the default. Order: argument, environment (`LONGWRITER_<NAME>`), config file, default.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

from longwriter_cli.cli.config import load_config
from longwriter_cli.cli.expand import expanded
from longwriter_cli.errors import UsageError
from longwriter_cli.store.shard import Shard

MODEL, SAMPLING, LIMITS, METHOD, OUTPUT = "Model", "Sampling", "Limits", "Method", "Output"

DEFAULT_CONCURRENCY = 32
DEFAULT_TIMEOUT_S = 600.0
DEFAULT_MAX_ATTEMPTS = 6
DEFAULT_GIVE_UP_AFTER_S = 900.0
DEFAULT_GRACE_S = 10.0


def _option(*flags: str, panel: str, default: str | None = None, **more: Any) -> Any:
    return typer.Option(*flags, rich_help_panel=panel, show_default=default or False, **more)


def _price(name: str, what: str) -> Any:
    return _option(
        f"--price-{name}",
        min=0.0,
        metavar="USD",
        envvar=f"LONGWRITER_PRICE_{name.upper()}",
        show_envvar=False,
        panel=LIMITS,
        default="price list",
        help=f"Per million {what} tokens.",
    )


PriceIn = Annotated[float | None, _price("in", "prompt")]
PriceOut = Annotated[float | None, _price("out", "answer")]
PriceCached = Annotated[float | None, _price("cached", "cached")]


@dataclass(frozen=True)
class Options:
    """What the user said. None (or an empty list) where nothing was said."""

    model: Annotated[
        str | None,
        _option(
            "--model",
            "-m",
            metavar="NAME",
            panel=MODEL,
            default="the run's",
            help="The model. `local` is the small embedded one, `local:FILE.gguf` any GGUF file.",
        ),
    ] = None
    plan_model: Annotated[
        str | None,
        _option("--plan-model", metavar="NAME", panel=MODEL, default="the model", help="Another model for the plans."),
    ] = None
    judge_model: Annotated[
        str | None,
        _option(
            "--judge-model",
            metavar="NAME",
            panel=MODEL,
            default="none",
            help="A model that rates finished texts; it is asked at the same endpoint.",
        ),
    ] = None
    base_url: Annotated[
        list[str] | None,
        _option(
            "--base-url",
            metavar="URL",
            panel=MODEL,
            default="OPENAI_BASE_URL, else OpenAI",
            help="An OpenAI-compatible endpoint, as http://localhost:8000/v1. Repeatable; an instruction stays on one.",
        ),
    ] = None
    api_key_env: Annotated[
        str | None,
        _option(
            "--api-key-env",
            metavar="VAR",
            panel=MODEL,
            default="OPENAI_API_KEY",
            help="The environment variable that holds the key. Off OpenAI none is needed.",
        ),
    ] = None
    temperature: Annotated[
        float | None,
        _option("--temperature", min=0.0, max=2.0, panel=SAMPLING, default="not sent", help="Sent with each call."),
    ] = None
    top_p: Annotated[
        float | None,
        _option("--top-p", min=0.0, max=1.0, panel=SAMPLING, default="not sent", help="Sent with each call."),
    ] = None
    seed: Annotated[int | None, _option("--seed", panel=SAMPLING, default="not sent", help="Sent with each call.")] = (
        None
    )
    max_tokens: Annotated[
        int | None,
        _option("--max-tokens", min=1, metavar="N", panel=SAMPLING, default="not sent", help="Room for one answer."),
    ] = None
    extra_body: Annotated[
        str | None,
        _option(
            "--extra-body", metavar="JSON", panel=SAMPLING, help="A JSON object merged into the body of each call."
        ),
    ] = None
    plan_extra_body: Annotated[
        str | None,
        _option("--plan-extra-body", metavar="JSON", panel=SAMPLING, help="The same for planning calls alone."),
    ] = None
    judge_extra_body: Annotated[
        str | None,
        _option(
            "--judge-extra-body",
            metavar="JSON",
            panel=SAMPLING,
            help="The body of judging calls, which get none of the other sampling options.",
        ),
    ] = None
    concurrency: Annotated[
        int | None,
        _option(
            "--concurrency",
            "-c",
            min=1,
            max=10_000,
            metavar="N",
            panel=LIMITS,
            default="32",
            help="Most calls in flight.",
        ),
    ] = None
    rpm: Annotated[
        int | None,
        _option(
            "--rpm",
            min=1,
            metavar="N",
            panel=LIMITS,
            default="none",
            help="Most requests in a minute.",
        ),
    ] = None
    tpm: Annotated[
        int | None,
        _option("--tpm", min=1, metavar="N", panel=LIMITS, default="none", help="Most tokens in a minute."),
    ] = None
    max_cost: Annotated[
        float | None,
        _option(
            "--max-cost",
            min=0.0,
            metavar="USD",
            panel=LIMITS,
            default="none",
            help="Stop (4) before the run, all resumes counted, costs more.",
        ),
    ] = None
    max_total_tokens: Annotated[
        int | None,
        _option(
            "--max-total-tokens",
            min=0,
            metavar="N",
            panel=LIMITS,
            default="none",
            help="Stop (4) before the run, all resumes counted, uses more tokens.",
        ),
    ] = None
    timeout: Annotated[
        float | None,
        _option("--timeout", min=0.001, metavar="S", panel=LIMITS, default="600", help="Seconds for one call."),
    ] = None
    stream: Annotated[
        Literal["auto", "on", "off"] | None,
        _option(
            "--stream",
            panel=LIMITS,
            default="auto",
            help="Answers in pieces, for which --timeout counts seconds without a byte. auto: direct ones, which run "
            "for many minutes.",
        ),
    ] = None
    max_attempts: Annotated[
        int | None,
        _option("--max-attempts", min=1, metavar="N", panel=LIMITS, default="6", help="Tries for one call."),
    ] = None
    give_up_after: Annotated[
        float | None,
        _option(
            "--give-up-after",
            min=0.0,
            metavar="S",
            panel=LIMITS,
            default="900",
            help="Stop (75) when nothing has succeeded for this many seconds.",
        ),
    ] = None
    grace: Annotated[
        float | None,
        _option(
            "--grace",
            min=0.0,
            metavar="S",
            panel=LIMITS,
            default="10",
            help="Seconds that answers in flight get when the run is told to stop.",
        ),
    ] = None
    transport: Annotated[
        Literal["online", "batch"] | None,
        _option(
            "--transport",
            panel=LIMITS,
            default="online",
            help="batch: by the Batch API, at half the price, one wave of up to a day for the plans and one for each "
            "section. What is in a batch is never asked twice; `online` ends the batches that a run has under way.",
        ),
    ] = None
    no_wait: Annotated[
        bool | None,
        _option(
            "--no-wait",
            panel=LIMITS,
            help="With --transport batch: send or collect what is ready, then end with 75 while some is under way.",
        ),
    ] = None
    max_failed: Annotated[
        str | None,
        _option(
            "--max-failed",
            metavar="N|P%",
            panel=LIMITS,
            default="0",
            help="More failed instructions than this end in exit code 3.",
        ),
    ] = None
    limit: Annotated[
        int | None,
        _option("--limit", min=1, metavar="N", panel=LIMITS, default="all", help="The first N instructions."),
    ] = None
    shard: Annotated[
        str | None,
        _option(
            "--shard",
            metavar="I/N",
            panel=LIMITS,
            default="all",
            help="Every Nth of these instructions from the Ith, as in 1/3. One process and one RUN for each shard: "
            "--rpm, --tpm, --max-cost and --max-total-tokens hold for each. `longwriter merge` makes one run of them.",
        ),
    ] = None
    ray: Annotated[
        str | None,
        _option(
            "--ray",
            metavar="ADDRESS|local",
            panel=LIMITS,
            default="this process",
            help="A Ray cluster whose nodes make the calls (needs the extra \\[ray]). All limits hold for all of them.",
        ),
    ] = None
    price_in: PriceIn = None
    price_out: PriceOut = None
    price_cached: PriceCached = None
    retry_failed: Annotated[
        bool | None, _option("--retry-failed", panel=LIMITS, help="Try every failed instruction again.")
    ] = None
    keep_failures: Annotated[
        bool | None, _option("--keep-failures", panel=LIMITS, help="Try no failed instruction again.")
    ] = None
    prompts: Annotated[
        Path | None,
        _option("--prompts", metavar="DIR", panel=METHOD, default="the shipped ones", help="Templates of your own."),
    ] = None
    language: Annotated[
        Literal["auto", "en", "zh"] | None,
        _option("--language", panel=METHOD, default="auto", help="Language of the templates; auto: per instruction."),
    ] = None
    mode: Annotated[
        Literal["serial", "parallel"] | None,
        _option(
            "--mode",
            panel=METHOD,
            default="serial",
            help="parallel: no section sees another; the paper's ablation.",
        ),
    ] = None
    max_steps: Annotated[
        int | None,
        _option("--max-steps", min=1, metavar="N", panel=METHOD, default="50", help="Most sections of a plan."),
    ] = None
    plan_tolerance: Annotated[
        float | None,
        _option(
            "--plan-tolerance",
            min=0.0,
            metavar="X",
            panel=METHOD,
            default="0.5",
            help="A plan whose total misses the required length by more than this share is asked for again, once.",
        ),
    ] = None
    min_section_words: Annotated[
        int | None,
        _option(
            "--min-section-words",
            min=1,
            metavar="N",
            panel=METHOD,
            default="as the template says",
            help="Fewest words of a section. The planner is told, and a plan that breaks it is mended.",
        ),
    ] = None
    max_section_words: Annotated[
        int | None,
        _option(
            "--max-section-words",
            min=1,
            metavar="N",
            panel=METHOD,
            default="as the template says",
            help="Most words of a section, in the same way. The shipped template says 200 to 1000.",
        ),
    ] = None
    plan_format: Annotated[
        Literal["auto", "text", "json"] | None,
        _option(
            "--plan-format",
            panel=METHOD,
            default="auto",
            help="json: plans are asked for with a JSON schema; auto: so with the shipped templates, where the "
            "endpoint takes it; text: as lines.",
        ),
    ] = None
    length_control: Annotated[
        Literal["none", "carry"] | None,
        _option(
            "--length-control",
            panel=METHOD,
            default="none",
            help="carry: later sections make up for what earlier ones missed or overran.",
        ),
    ] = None
    section_tolerance: Annotated[
        float | None,
        _option(
            "--section-tolerance",
            min=0.0,
            metavar="X",
            panel=METHOD,
            default="off",
            help="A section that misses its target by more than this share is asked for again, once; the nearer one "
            "is kept.",
        ),
    ] = None
    context_tokens: Annotated[
        int | None,
        _option(
            "--context-tokens",
            min=1,
            metavar="N",
            panel=METHOD,
            default="asked or learned",
            help="The model's context, where the endpoint does not tell.",
        ),
    ] = None
    history_words: Annotated[
        int | None,
        _option(
            "--history-words",
            min=1,
            metavar="N",
            panel=METHOD,
            default="all",
            help="The newest words of the text so far that a call sees when all of it cannot fit.",
        ),
    ] = None
    dry_run: Annotated[
        bool | None,
        _option("--dry-run", panel=LIMITS, help="Show the calls, tokens, cost and time expected; make no call."),
    ] = None
    new_settings: Annotated[
        bool | None,
        _option("--new-settings", panel=METHOD, help="Accept other settings for what is not yet written."),
    ] = None
    config: Annotated[
        Path | None,
        _option(
            "--config",
            metavar="FILE",
            panel=OUTPUT,
            is_eager=True,
            callback=load_config,
            help="TOML with these names (`max-steps = 20`); a table \\[COMMAND] for one command.",
        ),
    ] = None
    json: Annotated[
        bool | None, _option("--json", panel=OUTPUT, help="One JSON object with the summary on standard output.")
    ] = None
    progress: Annotated[
        Literal["auto", "rich", "plain", "json", "none"] | None,
        _option("--progress", panel=OUTPUT, default="auto", help="On standard error."),
    ] = None
    verbose: Annotated[
        bool | None, _option("--verbose", "-v", panel=OUTPUT, help="Show tracebacks and each retry.")
    ] = None

    def check(self) -> None:
        """Finds what typer cannot: options that contradict each other, and JSON that is none.

        Raises:
            UsageError: names the option.
        """
        if self.retry_failed and self.keep_failures:
            raise UsageError("--retry-failed and --keep-failures contradict each other.", "Leave one out.")
        for name in ("model", "plan_model", "judge_model"):
            if _has_surrogates(getattr(self, name) or ""):
                raise UsageError(f"--{name.replace('_', '-')}: not UTF-8.", "Look at the locale of the shell.")
        _json_object("--extra-body", self.extra_body)
        _json_object("--plan-extra-body", self.plan_extra_body)
        _json_object("--judge-extra-body", self.judge_extra_body)
        self.most_failed(0)
        self.given_shard()
        self._check_transport()

    def _check_transport(self) -> None:
        if self.no_wait and self.transport != "batch":
            raise UsageError("--no-wait goes with --transport batch alone.", "Add that, or leave --no-wait out.")
        if self.transport == "batch" and len(self.base_url or ()) > 1:
            raise UsageError("--transport batch works with one endpoint.", "Name one --base-url.")
        if self.transport == "batch" and self.ray is not None:
            raise UsageError("--transport batch and --ray contradict each other.", "A batch needs no machines of ours.")
        if self.transport == "batch" and self.stream == "on":
            raise UsageError("--transport batch and --stream on contradict each other.", "Leave one out.")

    def text_settings(self) -> dict[str, Any]:
        """What is given of the settings that change the text, under the names of `settings.Settings`."""
        return {
            "model": self.model,
            "plan_model": self.plan_model,
            "judge_model": self.judge_model,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "seed": self.seed,
            "max_tokens": self.max_tokens,
            "extra_body": _json_object("--extra-body", self.extra_body),
            "plan_extra_body": _json_object("--plan-extra-body", self.plan_extra_body),
            "judge_extra_body": _json_object("--judge-extra-body", self.judge_extra_body),
            "history_words": self.history_words,
            "language": self.language,
            "mode": self.mode,
            "max_steps": self.max_steps,
            "plan_tolerance": self.plan_tolerance,
            "plan_format": self.plan_format,
            "min_section_words": self.min_section_words,
            "max_section_words": self.max_section_words,
            "section_tolerance": self.section_tolerance,
            "length_control": self.length_control,
        }

    def given_shard(self) -> Shard | None:
        """The shard of `--shard`, or None where it is not given. The one shard of a single process is given too."""
        if self.shard is None:
            return None
        if (shard := Shard.parse(self.shard)) is None:
            raise UsageError(
                f"--shard {self.shard}: no such shard.",
                "As in --shard 1/3, --shard 2/3 and --shard 3/3, one for each of three processes.",
            )
        return shard

    def most_failed(self, instructions: int) -> int:
        """How many instructions may fail: `--max-failed`, a number or a share of all."""
        given = (self.max_failed or "0").strip()
        try:
            if given.endswith("%"):
                share = float(given[:-1])
                if not 0 <= share <= 100:
                    raise ValueError
                return int(instructions * share / 100)
            if int(given) < 0:
                raise ValueError
            return int(given)
        except ValueError:
            raise UsageError(
                f"--max-failed {given}: neither a number nor a share.", "As in --max-failed 5 or --max-failed 2%."
            ) from None


def _json_object(option: str, given: str | None) -> dict[str, Any] | None:
    if given is None:
        return None
    try:
        value = json.loads(given)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{option}: not JSON: {error}.", _EXTRA_EXAMPLE.format(option)) from None
    if not isinstance(value, dict):
        raise UsageError(f"{option}: a JSON object is wanted.", _EXTRA_EXAMPLE.format(option))
    return value


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


_EXTRA_EXAMPLE = """As in {} '{{"repetition_penalty": 1.05}}'."""


def shared_options(command: Callable[..., int]) -> Callable[..., int]:
    """Gives a command that takes `options: Options` a parameter for each shared option."""
    return expanded(command, "options", parameters_of(Options), lambda values: Options(**values))


def parameters_of(kind: type[Any]) -> list[inspect.Parameter]:
    """A parameter for each field of a dataclass of options, with its environment variable."""
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=_from_environment(f.name, hints)
        )
        for f in fields(kind)
    ]


def _from_environment(name: str, hints: dict[str, Any]) -> Any:
    """The annotation of a field, with its environment variable put in."""
    kind, info = hints[name].__origin__, hints[name].__metadata__[0]
    info.envvar = f"LONGWRITER_{name.upper()}"
    info.show_envvar = False
    return Annotated[kind, info]
