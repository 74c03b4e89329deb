"""The settings of a run: everything that changes the text, and nothing else.

They are written to the manifest before the first call. A later command takes what it is not given from there, and
one that is given something else stops, unless `--new-settings` accepts the change for what is not yet written.
Endpoint, key, limits, prices and budgets change no text and are no settings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from longwriter_cli.errors import SettingsDiffer, UsageError
from longwriter_cli.records import Language

Job = Literal["plan", "write", "select", "direct", "judge"]
"""What a call is made for. A command compares only the settings that its jobs use."""

Mode = Literal["serial", "parallel"]
LengthControl = Literal["none", "carry"]
PlanFormat = Literal["auto", "text", "json"]
Method = Literal["agentwrite", "direct", "given"]
"""How a text comes about: section by section, by one plain call, or by another tool."""


@dataclass(frozen=True)
class Settings:
    """`None` means: not sent, or not limited. `templates` maps `en/plan` and so on to the digest of the template."""

    model: str
    plan_model: str | None = None
    judge_model: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    max_tokens: int | None = None
    extra_body: Mapping[str, Any] | None = None
    plan_extra_body: Mapping[str, Any] | None = None
    judge_extra_body: Mapping[str, Any] | None = None
    history_words: int | None = None
    language: Literal["auto"] | Language = "auto"
    mode: Mode = "serial"
    max_steps: int = 50
    plan_tolerance: float = 0.5
    plan_format: PlanFormat = "auto"
    min_section_words: int | None = None
    max_section_words: int | None = None
    section_tolerance: float | None = None
    length_control: LengthControl = "none"
    method: Method = "agentwrite"
    min_words: int = 2000
    templates: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Settings:
        """Reads what a manifest holds; keys of another version are left aside, missing ones get the default.

        Raises:
            UsageError: a value is none that the setting can have.
        """
        known = {name: row[name] for name in (f.name for f in fields(cls)) if name in row}
        for name, value in known.items():
            if not _may_be(name, value):
                raise UsageError(
                    f"manifest.json: the setting {name!r} is {_show(value)[:80]}.",
                    "Put back the manifest that the run was begun with.",
                )
        return cls(**known)

    def to_row(self) -> dict[str, Any]:
        return asdict(self)

    def fingerprint(self, *jobs: Job) -> str:
        """First 16 hex digits of SHA-256 over the settings (those that the jobs use, else all) as canonical JSON.

        Settings that came later count only where they are not the default: a run that was begun before them keeps its
        fingerprint.
        """
        row = self.to_row()
        if jobs:
            row = {name: value for name, value in row.items() if name in used_by(jobs)}
            row["templates"] = {key: digest for key, digest in self.templates.items() if _name(key) in jobs}
        row = {name: value for name, value in row.items() if name not in _LATER or value != _LATER[name]}
        canonical = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def is_selection(self) -> bool:
        """Whether these are the settings of a `select`, with a model or by rules alone."""
        return "select" in self.templates or (not self.model and self.method != "given")

    def models(self) -> tuple[str, ...]:
        """The models that calls may be made to, each once."""
        return tuple(dict.fromkeys(filter(None, (self.model, self.plan_model, self.judge_model))))

    def body(self, *, planning: bool) -> dict[str, Any]:
        """What goes into the body of each call beside model and messages; `extra_body` wins over the rest."""
        sampling = {"temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        body = {name: value for name, value in sampling.items() if value is not None}
        extra = self.plan_extra_body if planning and self.plan_extra_body is not None else self.extra_body
        return body | dict(extra or {})


_LATER_NAMES = frozenset({"plan_format", "min_section_words", "max_section_words", "section_tolerance"})
_LATER_NAMES |= {"length_control", "judge_model", "judge_extra_body", "method", "min_words"}
_LATER = {f.name: f.default for f in fields(Settings) if f.name in _LATER_NAMES}
_OPTIONAL = frozenset(
    {"plan_model", "temperature", "top_p", "seed", "max_tokens", "extra_body", "plan_extra_body", "history_words"}
    | {"min_section_words", "max_section_words", "section_tolerance", "judge_model", "judge_extra_body"}
)
_CHOICES = {
    "language": ("auto", "en", "zh"),
    "mode": ("serial", "parallel"),
    "length_control": ("none", "carry"),
    "plan_format": ("auto", "text", "json"),
    "method": ("agentwrite", "direct", "given"),
}
_KINDS: dict[str, type | tuple[type, ...]] = {
    "model": str,
    "plan_model": str,
    "judge_model": str,
    "temperature": (int, float),
    "top_p": (int, float),
    "seed": int,
    "max_tokens": int,
    "extra_body": dict,
    "plan_extra_body": dict,
    "judge_extra_body": dict,
    "history_words": int,
    "max_steps": int,
    "plan_tolerance": (int, float),
    "min_section_words": int,
    "max_section_words": int,
    "section_tolerance": (int, float),
    "min_words": int,
    "templates": dict,
}


def _may_be(name: str, value: object) -> bool:
    """Whether a setting can have this value; somebody may have edited the manifest."""
    if value is None:
        return name in _OPTIONAL
    if name in _CHOICES:
        return value in _CHOICES[name]
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        return False
    return isinstance(value, _KINDS[name]) and not isinstance(value, bool)


_SAMPLING = frozenset({"model", "temperature", "top_p", "seed", "max_tokens", "extra_body"})
_AGENTWRITE = _SAMPLING | {"language", "templates", "min_section_words", "max_section_words", "method"}
_USES: dict[Job, frozenset[str]] = {
    "plan": _AGENTWRITE | {"plan_model", "plan_extra_body", "plan_format", "max_steps", "plan_tolerance"},
    "write": _AGENTWRITE | {"history_words", "mode", "length_control", "section_tolerance"},
    "select": _SAMPLING | {"templates", "min_words"},
    "direct": _SAMPLING | {"method"},
    "judge": frozenset({"judge_model", "judge_extra_body", "templates"}),
}


def used_by(jobs: Iterable[Job]) -> frozenset[str]:
    """The names of the settings that these jobs use."""
    return frozenset().union(*(_USES[job] for job in jobs))


def _name(key: str) -> str:
    """The name of a template, which is that of the job that uses it: `plan` of `en/plan`."""
    return key.rpartition("/")[2]


def settle(
    given: Mapping[str, Any],
    stored: Settings | None,
    *,
    uses: Collection[Job],
    accept_new: bool = False,
    fresh: Collection[Job] = (),
    not_done: str = "is not yet written",
) -> Settings:
    """The settings of this command: what is given, else what the run was begun with, else the default.

    `uses` names the jobs of this command; only what they use is compared. A plan model that is not given is the model
    itself. `fresh` names the jobs that have made nothing of the run yet: what they alone use may still be chosen.
    `not_done` says, in the tip, for what new settings would hold.

    Raises:
        UsageError: a new run without a model, or settings that contradict each other.
        SettingsDiffer: a given setting is not the run's, and `accept_new` is false.
    """
    known = {name: value for name, value in given.items() if value is not None}
    if stored is None:
        if "model" not in known:
            raise UsageError("No model is named.", MODEL_CHOICES)
        return _coherent(Settings(**known))
    compared = used_by(uses)
    begun = set(uses) - set(fresh)
    changed = _differences(known, stored, used_by(begun), begun)
    if changed and not accept_new:
        raise SettingsDiffer(
            "This run was begun with other settings: " + "; ".join(changed) + ".",
            f"Leave them out to go on as before, add --new-settings to use them for all that {not_done}, "
            "or name another run directory.",
        )
    taken = {name: value for name, value in known.items() if name in compared}
    if "templates" in taken:
        taken["templates"] = {**stored.templates, **taken["templates"]}
    return _coherent(replace(stored, **taken))


def _coherent(settings: Settings) -> Settings:
    least, most = settings.min_section_words, settings.max_section_words
    if least is not None and most is not None and least > most:
        raise UsageError(
            f"--min-section-words {least} is more than --max-section-words {most}.", "Make it at most half of it."
        )
    if settings.length_control == "carry" and settings.mode == "parallel":
        raise UsageError(
            "--length-control carry and --mode parallel contradict each other: where all sections are written at "
            "once, none can make up for another.",
            "Leave one out.",
        )
    return settings


MODEL_CHOICES = (
    "Say -m NAME for a model of the endpoint (with --base-url URL for another endpoint than OpenAI's), "
    "-m local for the small embedded model, or -m local:FILE.gguf for a model file of your own."
)


def differing(one: Settings, other: Settings) -> list[str]:
    """What differs between two runs' settings, in words: how it is there, in `one`, and here, in `other`."""
    jobs: tuple[Job, ...] = get_args(Job)
    return _differences(other.to_row(), one, [f.name for f in fields(Settings)], jobs)


def _differences(
    known: Mapping[str, Any], stored: Settings, compared: Collection[str], uses: Collection[Job]
) -> list[str]:
    changed = []
    for name, value in known.items():
        before = getattr(stored, name)
        if name not in compared:
            continue
        if name == "templates":
            names = [key for key in value if _name(key) in uses and key in before and value[key] != before[key]]
            changed += [f"template {key}" for key in names]
        elif value != before:
            option = "--" + name.replace("_", "-")
            changed.append(f"{option} is {_show(before)} there and {_show(value)} here")
    return changed


def _show(value: object) -> str:
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)
