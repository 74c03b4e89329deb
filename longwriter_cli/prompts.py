"""Templates: where they come from, how they are checked, hashed and filled.

Shipped templates stand in `prompts/` of a checkout and in `longwriter_cli/_prompts` of a wheel. A user's directory
may hold `plan.txt` and `write.txt` themselves, which then serve every language, or the folders `en/` and `zh/`; what
it lacks comes from the shipped ones. A run keeps a copy of what it uses, and goes on with that copy.

Filling is one pass: a text that happens to contain `$PLAN$` is left as it is.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from longwriter_cli.errors import InputError, UsageError
from longwriter_cli.records import Language

TemplateName = Literal["plan", "write"]

# What a template cannot do without: without it, every call would be the same.
_REQUIRED: dict[TemplateName, tuple[str, ...]] = {"plan": ("INST",), "write": ("STEP",)}
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
    """The templates of a run, by language and name: `("en", "plan")`."""

    by_key: Mapping[tuple[Language, TemplateName], Template]

    def get(self, name: TemplateName, language: Language) -> Template:
        return self.by_key[language, name]

    def digests(self) -> dict[str, str]:
        """`{"en/plan": digest, …}`, as the manifest keeps them."""
        return {f"{language}/{name}": template.digest() for (language, name), template in self.by_key.items()}

    def files(self) -> dict[str, str]:
        """`{"en/plan.txt": source, …}`: what a run's own `prompts/` holds."""
        return {f"{language}/{name}.txt": template.source for (language, name), template in self.by_key.items()}


def shipped_directory() -> Path:
    """Where the shipped templates are.

    A wheel holds them in the package; in an editable install, where hatchling's force-include does nothing, they
    are found in the checkout.
    """
    package = Path(__file__).resolve().parent
    in_wheel = package / "_prompts"
    return in_wheel if in_wheel.is_dir() else package.parent / "prompts"


def load_templates(directory: Path | None = None) -> Templates:
    """Loads the templates of `directory`, filled up with the shipped ones.

    Raises:
        UsageError: the directory is missing, or holds no template.
        InputError: a template is not UTF-8, or lacks its placeholder.
    """
    shipped = shipped_directory()
    keys: list[tuple[Language, TemplateName]] = [(language, name) for language in _LANGUAGES for name in _REQUIRED]
    own = {} if directory is None else {key: path for key in keys if (path := _own_file(directory, *key))}
    if directory is not None and not own:
        raise _no_templates(directory)
    by_key = {}
    for language, name in keys:
        path = own.get((language, name)) or shipped / language / f"{name}.txt"
        by_key[language, name] = _read(path, name)
    return Templates(by_key)


def _own_file(directory: Path, language: Language, name: TemplateName) -> Path | None:
    for path in (directory / language / f"{name}.txt", directory / f"{name}.txt"):
        if path.is_file():
            return path
    return None


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
    return UsageError(
        f"--prompts {directory}: no template in it.",
        f"It may hold plan.txt and write.txt, or en/ and zh/ with these files.{hint}",
    )
