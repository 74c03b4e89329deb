"""From a raw row to an `Instruction`: where the prompt is, what the id is, what the row says of length and plan."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256

import orjson

from longwriter_cli.records import Instruction, Requirement, RequirementKind, Step
from longwriter_cli.store.source.rows import BadRow, NoPrompt, quoted, short

PROMPT_FIELDS = ("prompt", "instruction", "messages", "conversations", "conversation")
LENGTH_FIELDS = ("required_words", "length")

# What a terminal would obey or a line-based tool would split at.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

# 3000, 3,000, 3000.0; Python refuses to read a number of more than 4,300 digits
_WHOLE_NUMBER = re.compile(r"(\d{1,18}|\d{1,3}(?:,\d{3}){1,5})(?:\.0*)?")

_KINDS: tuple[RequirementKind, ...] = ("about", "at_least", "at_most", "range")

# Above this a float no longer tells neighbouring integers apart.
_EXACT = 2**53


class RowReader:
    """Reads rows one by one, and remembers of them what a message needs when none could be used."""

    def __init__(
        self,
        parse_plan: Callable[[object], Sequence[Step]],
        required_words: Callable[[str], Requirement | None],
        field: str | None,
    ) -> None:
        self.field = field
        self.met_field = False
        self.met_keys: set[str] = set()
        self._parse_plan = parse_plan
        self._required_words = required_words

    def read(self, value: object, *, row: int, read_from: str = "") -> Instruction:
        """The instruction that the row holds; a string is a row that holds its prompt alone. None counts as absent.

        Raises:
            BadRow: it holds none, or one of its fields cannot be what its name says.
        """
        if isinstance(value, str):
            value = {"prompt": value}
        if not isinstance(value, dict):
            raise BadRow(
                f"is {_a(value)} where an object with a prompt is expected",
                "Each line of JSON Lines is one object; a file that is one list needs a name in .json.",
            )
        prompt, used = self.prompt_of(value)
        try:
            encoded = prompt.encode()
        except UnicodeEncodeError as error:
            raise BadRow(f"the prompt holds half of a surrogate pair at character {error.start + 1}") from error
        required = next((name for name in LENGTH_FIELDS if value.get(name) is not None), None)
        meta = {
            key: item
            for key, item in value.items()
            if key not in used and key not in ("id", "plan") and key != required
        }
        for name in LENGTH_FIELDS:
            if meta.get(name, ...) is None:
                del meta[name]
        _check_storable(meta, "a field")
        return Instruction(
            id=own_id(value.get("id")) or sha256(encoded).hexdigest()[:16],
            row=row,
            prompt=prompt,
            required_words=self._required(value, required, prompt),
            meta=meta,
            plan=self._plan(value.get("plan")),
            read_from=read_from,
        )

    def prompt_of(self, row: dict[str, object]) -> tuple[str, tuple[str, ...]]:
        """The prompt, and the names of the fields that it came from.

        Raises:
            BadRow: there is none.
        """
        if self.field is not None:
            name: str | None = self.field
            self.met_field = self.met_field or name in row
        else:
            name = next((name for name in PROMPT_FIELDS if row.get(name) is not None), None)
        if name is None or row.get(name) is None:
            raise self._no_prompt(row)
        prompt = _text(row[name], name)
        if not prompt.strip():
            raise NoPrompt("the prompt is empty")
        if name != "instruction":
            return prompt, (name,)
        extra = row.get("input")
        if extra is not None and not isinstance(extra, str):
            raise BadRow(f'"input" is {_a(extra)}, not a string')
        return (f"{prompt}\n\n{extra}" if extra and extra.strip() else prompt), (name, "input")

    def _required(self, row: dict[str, object], name: str | None, prompt: str) -> Requirement | None:
        """What the row states in that field, else the prompt.

        A bare number that the prompt states too is of the prompt's kind: at least, at most.
        """
        if name is None:
            return self._required_words(prompt)
        own = _requirement(row[name], name)
        if isinstance(row[name], Mapping):
            return own
        stated = self._required_words(prompt)
        return stated if stated is not None and stated.words == own.words else own

    def _no_prompt(self, row: dict[str, object]) -> BadRow:
        if len(self.met_keys) < 1000:
            self.met_keys.update(row)
        if any(name in row for name in ((self.field,) if self.field else PROMPT_FIELDS)):
            return NoPrompt("the prompt is empty")
        if self.field:
            return BadRow(f'has no field "{self.field}"; it holds {quoted(row)}', nearest(self.field, row))
        near = next((name for field in PROMPT_FIELDS if (name := _like(field, row))), None)
        tip = (
            f"Did you mean --field {shlex.quote(near)}?" if near else "Name the field that holds it with --field NAME."
        )
        return BadRow(f"has no prompt; it holds {quoted(row)}", tip)

    def _plan(self, value: object) -> tuple[Step, ...] | None:
        if value is None:
            return None
        steps = tuple(self._parse_plan(value))
        if not steps:
            raise BadRow(
                f"its plan cannot be used: {short(value)}",
                "One step a line, as `Paragraph 1 - Main Point: … - Word Count: 400 words`, or a list of steps.",
            )
        _check_storable([step.main_point for step in steps], "its plan")
        return steps


def nearest(name: str, known: Iterable[str]) -> str:
    """A tip that names the one of `known` that was probably meant, or all of them."""
    names = sorted(known)
    if close := _like(name, names):
        return f"Did you mean --field {shlex.quote(close)}?"
    return f"The rows hold {quoted(names)}." if names else ""


def _like(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that is most like a name, if one is."""
    folded = {key.casefold(): key for key in known if key.isprintable()}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    return folded[close[0]] if close else None


def _text(value: object, name: str) -> str:
    """The prompt in a field: the string, or the first user turn where it holds a list of turns."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise BadRow(f'"{name}" is {_a(value)}, not a string', "The prompt must be a string, or a list of turns.")
    for turn in value:
        if not isinstance(turn, dict):
            raise BadRow(f'"{name}" holds {_a(turn)} where a turn with role and content is expected')
        # `role` and `content` are OpenAI's names, `from` and `value` ShareGPT's.
        if turn.get("role", turn.get("from")) in ("user", "human"):
            return _content(turn.get("content", turn.get("value")), name)
    raise NoPrompt(f'"{name}" holds no turn of the user')


def _content(content: object, name: str) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise NoPrompt(f'the first user turn of "{name}" is {_a(content)}, not a text')
    texts = []
    for part in content:
        text = part.get("text") if isinstance(part, dict) else part
        if not isinstance(text, str):
            what = part.get("type") if isinstance(part, dict) else None
            raise NoPrompt(
                f'the first user turn of "{name}" holds a part that is no text: {short(what or part)}',
                "An instruction can be text alone.",
            )
        texts.append(text)
    return "\n".join(texts)


def own_id(value: object) -> str | None:
    match value:
        case None:
            return None
        case str():
            name = value
        case bool():
            raise BadRow("the id is a boolean", "An id is a string or a number.")
        case int():
            name = str(value)
        case float() if abs(value) < _EXACT:
            # A column of integers with a gap becomes one of floats in many tools: 7.0 is 7.
            name = str(int(value)) if value.is_integer() else repr(value)
        case float():
            raise BadRow(f"the id {value!r} is too large to be exact", "Write it as a string.")
        case _:
            raise BadRow(f"the id is {_a(value)}", "An id is a string or a number.")
    if not name.strip():
        raise BadRow("the id is empty", "Fill it in, or leave it out: it is then made from the prompt.")
    if _CONTROL.search(name):
        raise BadRow(f"the id holds a newline or another control character: {short(name)}")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise BadRow(f"the id holds half of a surrogate pair: {short(name)}") from error
    return name


def _requirement(value: object, name: str) -> Requirement:
    if not isinstance(value, Mapping):
        return Requirement(_words(value, name))
    if unknown := sorted(set(value) - {"words", "kind", "low", "high"}):
        raise BadRow(f'"{name}" holds an unknown key, {quoted(unknown)}', "Known are words, kind, low and high.")
    words = _words(value.get("words"), f"{name}.words")
    kind = "about" if value.get("kind") is None else value["kind"]
    if kind not in _KINDS:
        raise BadRow(f'"{name}.kind" is {short(kind)}', f"It is one of {', '.join(_KINDS)}.")
    low, high = (_words(value[key], f"{name}.{key}") if value.get(key) is not None else None for key in ("low", "high"))
    match kind:
        case "at_least":
            low = low or words
        case "at_most":
            high = high or words
    has = (low is not None, high is not None)
    wants = {"about": (False, False), "at_least": (True, False), "at_most": (False, True), "range": (True, True)}[kind]
    if has != wants or (low is not None and high is not None and low > high):
        raise BadRow(
            f'"{name}" is of kind {kind} with low {low} and high {high}',
            "at_least has low alone, at_most high alone, range both (low first), about neither.",
        )
    return Requirement(words, kind, low, high)


_MOST_WORDS = 10_000_000


def _words(value: object, name: str) -> int:
    words: int | None = None
    match value:
        case bool():
            pass
        case int():
            words = value
        case float() if value.is_integer():
            words = int(value)
        case str() if match := _WHOLE_NUMBER.fullmatch(value.strip()):
            words = int(match[1].replace(",", ""))
    if words is None or not 0 < words <= _MOST_WORDS:
        raise BadRow(
            f'"{name}" is {short(value)}, not a whole number from 1 to {_MOST_WORDS:,}',
            "It is the required length in words; rename the field if it means something else.",
        )
    return words


def _check_storable(value: object, what: str) -> None:
    """What is carried along must fit into a line of JSON again; deep nesting and half surrogates do not."""
    try:
        orjson.dumps({"meta": value})  # one level down, where it will stand
    except TypeError as error:
        raise BadRow(f"{what} cannot be kept as JSON: {error}") from error


def _a(value: object) -> str:
    """What kind of JSON value it is, in JSON's words."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
