"""Templates: where they come from, how they are checked, hashed and filled.

Shipped templates stand in `prompts/` of a checkout and in `longwriter_cli/_prompts` of a wheel. A user's directory
may hold `plan.txt` and `write.txt` themselves, which then serve every language, or the folders `en/` and `zh/`; what
it lacks comes from the shipped ones. `select.txt`, `judge.txt` and `compare.txt` serve all languages. A run keeps a
copy of what it uses, and goes on with that copy.

Filling is one pass: a text that happens to contain `$PLAN$` is left as it is.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from longwriter_cli.errors import InputError, UsageError
from longwriter_cli.records import Language

TemplateName = Literal["plan", "write", "select", "judge", "compare"]

AGENTWRITE: tuple[TemplateName, ...] = ("plan", "write")

# What a template cannot do without: without it, every call would be the same.
_REQUIRED: dict[TemplateName, tuple[str, ...]] = {
    "plan": ("INST",),
    "write": ("STEP",),
    "select": ("INST",),
    "judge": ("RESPONSE",),
    "compare": ("RESPONSE",),
}
_BY_LANGUAGE = frozenset(AGENTWRITE)
_LANGUAGES: tuple[Language, ...] = ("en", "zh")
_PLACEHOLDERS = ("INST", "PLAN", "TEXT", "STEP", "RESPONSE")
_PLACEHOLDER = re.compile(rf"\$({'|'.join(_PLACEHOLDERS)})\$")
_PLACEHOLDER_LIKE = re.compile(r"\$([A-Z]{2,20})\$")


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: `parts` alternates literal text (even places) and placeholder names (odd places)."""

    source: str
    parts: tuple[str, ...]

    @classmethod
    def parse(cls, source: str) -> Template:
        return cls(source, tuple(_PLACEHOLDER.split(source)))

    def fill(self, **values: str) -> str:
        """Puts the values in, all at once. A placeholder without a value is left standing."""
        pieces = [part if place % 2 == 0 else values.get(part, f"${part}$") for place, part in enumerate(self.parts)]
        return "".join(pieces)

    def names(self) -> frozenset[str]:
        return frozenset(self.parts[1::2])

    def digest(self) -> str:
        """First 16 hex digits of SHA-256 of the source, UTF-8."""
        return hashlib.sha256(self.source.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True)
class Templates:
    """The templates of a run, by key: `en/plan`, `judge`."""

    by_key: Mapping[str, Template]

    def get(self, name: TemplateName, language: Language = "en") -> Template:
        return self.by_key[_key(name, language)]

    def digests(self) -> dict[str, str]:
        """`{"en/plan": digest, …}`, as the manifest keeps them."""
        return {key: template.digest() for key, template in self.by_key.items()}

    def files(self) -> dict[str, str]:
        """`{"en/plan.txt": source, …}`: what a run's own `prompts/` holds."""
        return {f"{key}.txt": template.source for key, template in self.by_key.items()}


def _key(name: TemplateName, language: Language) -> str:
    return f"{language}/{name}" if name in _BY_LANGUAGE else name


def shipped_directory() -> Path:
    """Where the shipped templates are.

    A wheel holds them in the package; in an editable install, where hatchling's force-include does nothing, they
    are found in the checkout.
    """
    package = Path(__file__).resolve().parent
    in_wheel = package / "_prompts"
    return in_wheel if in_wheel.is_dir() else package.parent / "prompts"


def load_templates(directory: Path | None = None, names: Sequence[TemplateName] = AGENTWRITE) -> Templates:
    """Loads those templates of `directory`, filled up with the shipped ones.

    Raises:
        UsageError: the directory is missing, or holds no template.
        InputError: a template is not UTF-8, or lacks its placeholder.
    """
    if directory is not None and not any(_own_files(directory, name, language) for name, language in _keys(_REQUIRED)):
        raise _no_templates(directory)
    by_key = {}
    for name, language in _keys(names):
        own = _own_files(directory, name, language) if directory is not None else []
        path = own[0] if own else shipped_directory() / f"{_key(name, language)}.txt"
        by_key[_key(name, language)] = _read(path, name)
    return Templates(by_key)


def _keys(names: Iterable[TemplateName]) -> list[tuple[TemplateName, Language]]:
    return [(name, language) for name in names for language in (_LANGUAGES if name in _BY_LANGUAGE else ("en",))]


def _own_files(directory: Path, name: TemplateName, language: Language) -> list[Path]:
    """The files that may serve, the best one first."""
    paths = dict.fromkeys((directory / f"{_key(name, language)}.txt", directory / f"{name}.txt"))
    return [path for path in paths if path.is_file()]


def _read(path: Path, name: TemplateName) -> Template:
    try:
        source = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(path, None, f"is not UTF-8 (byte {error.start})", "Save the template as UTF-8.") from None
    except OSError as error:
        raise InputError(path, None, f"cannot be read: {error.strerror}") from None
    template = Template.parse(source)
    for word in _PLACEHOLDER_LIKE.findall("".join(template.parts[::2])):
        near = difflib.get_close_matches(word, _PLACEHOLDERS, n=1, cutoff=0.7)
        if near:
            raise InputError(path, None, f"has ${word}$, which is no placeholder", f"Did you mean ${near[0]}$?")
    for placeholder in _REQUIRED[name]:
        if placeholder not in template.names():
            raise InputError(
                path, None, f"has no ${placeholder}$", f"Put ${placeholder}$ where the text belongs; see the README."
            )
    return template


def _no_templates(directory: Path) -> UsageError:
    if not directory.is_dir():
        return UsageError(f"--prompts {directory}: there is no such directory.")
    found = [path.name for path in sorted(directory.iterdir())]
    near = [name for name in found if difflib.get_close_matches(name, [f"{n}.txt" for n in _REQUIRED], n=1)]
    hint = f" Did you mean to rename {near[0]}?" if near else ""
    names = ", ".join(f"{name}.txt" for name in _REQUIRED)
    return UsageError(
        f"--prompts {directory}: no template in it.",
        f"It may hold {names}, or en/ and zh/ with plan.txt and write.txt.{hint}",
    )
