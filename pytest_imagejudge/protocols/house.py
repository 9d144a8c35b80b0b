"""Protocols that are TOML files: this project's own words, or a user's, for any chat vision model."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import ConfigError
from ..scoring.verdict import Problem
from ..support.digests import digest_of
from ..support.escaping import escape
from ..taxonomy import EDIT, FACETS, LEVEL1, TREE, FacetPath, check_path, nearest
from .base import Protocol, Reading, Request
from .checklist_answers import read_checklist
from .edit_answers import HIGHEST, LOWEST, read_scores
from .q_judger import checklist_schema
from .reasons import with_reasons
from .request_parts import Pictures, fit, take_apart, text_part

if TYPE_CHECKING:
    from PIL.Image import Image

SHIPPED = {"house": "house.toml", "house-edit": "house_edit.toml"}
_FIELDS = {
    "image": {"prompt", "image", "dimension", "checklist"},
    "edit": {"instruction", "source", "edited", "aspects"},
}
_KEYS = {
    "image": {"name", "kind", "system", "template", "image", "sampling", "again", "reasons", "facets"},
    "edit": {
        *("name", "kind", "system", "template", "image", "sampling", "again", "reasons"),
        *("aspects", "overall", "step"),
    },
}
_OURS = ("model", "messages", "stream", "n")  # request fields that are not the protocol's to set
_LONGEST_SIDE = 1_000_000  # pixels; no picture that is judged has one so long
_DEEPEST = 16  # levels of tables and lists in a request field


def source_of(name: str) -> str:
    """Return the TOML text of a shipped protocol."""
    return (Path(__file__).parent / SHIPPED[name]).read_text(encoding="utf-8")


class FileProtocol(Protocol):
    """The common part of protocols for images and for edits that are files.

    Args:
        text: the TOML.
        where: name of the file in errors.
        thinking_budget: tokens of thinking; None leaves the file's own fields.

    Raises:
        ConfigError: an invalid file; names the key, the value and the expected one.
    """

    def __init__(self, text: str, where: str, *, thinking_budget: int | None = None) -> None:
        self._where = where
        self._data = data = parse(text, where)
        self._check_keys(data, _KEYS[self.kind], "")
        self.name = self._text(data, "name")
        if not re.fullmatch(r"[\w.-]{1,64}", self.name):
            raise self._wrong("name", self.name, "letters, digits, dots and dashes")
        self._system = self._text(data, "system", required=False).strip()
        self._template = self._text(data, "template").strip()
        fields = _FIELDS[self.kind]
        for name in fields:
            found = self._template.count("{" + name + "}")
            if found != 1:
                raise self._error("template", f"{{{name}}} {found} times", f"each of {_list(fields)} once")
        image = self._table(data, "image")
        self._check_keys(image, {"max_side"}, "image.")
        side = image.get("max_side", 1024)
        if type(side) is not int or not 28 <= side <= _LONGEST_SIDE:
            raise self._wrong("image.max_side", side, f"a whole number of pixels, 28 to {_LONGEST_SIDE}")
        self.treatment = f"fit-{side}"
        self.pictures: Pictures = Pictures(partial(fit, side=side))
        self._sampling, self._again = self._request_fields("sampling"), self._request_fields("again")
        self._reasons = data.get("reasons", False)
        if type(self._reasons) is not bool:
            raise self._wrong("reasons", self._reasons, "true or false")
        if thinking_budget is not None:
            # Without a thinking model the server ignores the budget; with one it needs thinking switched on.
            limit = self._sampling.get("max_tokens", 0)
            room = max(limit, 1024) if self._reasons else 1024  # for the answer
            self._sampling = {
                **self._sampling,
                "chat_template_kwargs": {"enable_thinking": True},
                "thinking_token_budget": thinking_budget,
                "max_tokens": max(limit, thinking_budget + room),
            }
            self._again = {}

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the file's content, see `Protocol.digest`."""
        return digest_of(self.kind, 1, self._data)

    def text_problems(self, text: str, dimension: str) -> tuple[Problem, ...]:
        """Return a problem for each special token that ``render`` takes apart."""
        return self._take_apart(text, dimension)[1]

    @staticmethod
    def _take_apart(text: str, dimension: str) -> tuple[str, tuple[Problem, ...]]:
        # Any model may be asked in these words: on one whose placeholder is <image>, a literal one would take the
        # picture's place.
        return take_apart(text, (dimension,), placeholders=True)

    def _fields(self, schema: Mapping[str, Any], *, levels: int, again: bool) -> dict[str, Any]:
        if self._reasons:
            schema = with_reasons(schema, levels)
        return {**self._sampling, **(self._again if again else {}), "structured_outputs": {"json": schema}}

    def _fill(self, values: Mapping[str, str | dict[str, Any]]) -> list[dict[str, Any]]:
        """Fill the template of the user's message in one pass, so that braces in the texts stay as they are."""
        parts: list[dict[str, Any]] = []
        text = ""
        for index, piece in enumerate(re.split(r"\{(" + "|".join(values) + r")\}", self._template)):
            value = values[piece] if index % 2 else piece
            if isinstance(value, str):
                text += value
            else:
                parts += [text_part(text), value] if text else [value]
                text = ""
        return [*parts, text_part(text)] if text else parts

    def _messages(self, content: list[dict[str, Any]]) -> list[dict[str, Any]]:
        system = [{"role": "system", "content": self._system}] if self._system else []
        return [*system, {"role": "user", "content": content}]

    def _request_fields(self, name: str) -> dict[str, Any]:
        """Return a table that becomes part of a request: values of JSON, without the fields of the protocol itself."""
        fields = self._table(self._data, name)
        for key, value in fields.items():
            if key in _OURS:
                raise ConfigError(f"{self._where}: {name}.{key} is set by this package; leave it out")
            self._check_json(f"{name}.{escape(key)}", value, _DEEPEST)
        tokens = fields.get("max_tokens", 1)
        if type(tokens) is not int or tokens < 1:
            raise self._wrong(f"{name}.max_tokens", tokens, "a whole number of tokens, 1 or more")
        return fields

    def _check_json(self, key: str, value: Any, depth: int) -> None:
        if isinstance(value, dict | list):
            if not depth:
                raise self._error(key, "deeper nesting", f"at most {_DEEPEST} levels of tables and lists")
            for inner in value.values() if isinstance(value, dict) else value:
                self._check_json(key, inner, depth - 1)
        elif isinstance(value, float) and not math.isfinite(value):
            raise self._wrong(key, value, "a finite number")
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise self._wrong(key, value, "a whole number of at most 64 bits")
        elif not isinstance(value, str | int | float):
            raise self._wrong(key, value, "what JSON can hold: no dates and times")

    def _wrong(self, key: str, found: Any, expected: str) -> ConfigError:
        return self._error(key, _shown(found), expected)

    def _error(self, key: str, found: str, expected: str) -> ConfigError:
        return ConfigError(f"{self._where}: {key}: found {found}, expected {expected}")

    def _check_keys(self, table: Mapping[str, Any], known: set[str], prefix: str) -> None:
        for key in table:
            if key not in known:
                raise ConfigError(f'{self._where}: unknown key "{prefix}{escape(key)}"{nearest(key, known)}')

    def _text(self, table: Mapping[str, Any], key: str, *, required: bool = True, prefix: str = "") -> str:
        value = table.get(key, "")
        if not isinstance(value, str) or (required and not value.strip()):
            raise self._wrong(prefix + escape(key), value if key in table else None, "a text")
        return value

    def _table(self, table: Mapping[str, Any], key: str) -> dict[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            raise self._wrong(key, value, f"a table, [{key}]")
        return value


class House(FileProtocol):
    """A protocol for images: a checklist in the file's words, with a grammar from the start.

    A file may ask fewer facets than the tree has; the others are not measured.
    """

    kind = "image"

    def __init__(self, text: str, where: str, *, thinking_budget: int | None = None) -> None:
        super().__init__(text, where, thinking_budget=thinking_budget)
        self._questions: dict[FacetPath, str] = {}
        for one, twos in self._table(self._data, "facets").items():
            for two, threes in self._branch((one,), twos).items():
                for three, question in self._branch((one, two), threes).items():
                    path = self._path((one, two, three))
                    if not isinstance(question, str) or not question.strip():
                        raise self._wrong(f"facets.{'.'.join(path)}", question, "a question")
                    self._questions[path] = " ".join(question.split())
        if not self._questions:
            raise self._wrong("facets", None, "at least one question")
        self._facets = tuple(path for path in FACETS if path in self._questions)
        self._asked = {
            one: paths for one in LEVEL1 if (paths := tuple(path for path in self._facets if path[0] == one))
        }
        self.measures = frozenset(self._facets)
        self.has_total = set(self.dimensions) == set(LEVEL1)

    def _path(self, names: FacetPath) -> FacetPath:
        try:
            return check_path(names)
        except KeyError as error:
            raise ConfigError(f"{self._where}: facets: {error.args[0]}") from error

    def _branch(self, names: FacetPath, value: Any) -> dict[str, Any]:
        path = self._path(names)
        if not isinstance(value, dict):
            raise self._wrong(f"facets.{'.'.join(path)}", value, "a table")
        return value

    @cached_property
    def dimensions(self) -> tuple[str, ...]:
        """The L1 in the file."""
        return tuple(self._asked)

    def _checklist(self, one: str) -> str:
        lines = []
        for two, threes in TREE[one].items():
            asked = [
                (three, self._questions[one, two, three]) for three in threes if (one, two, three) in self.measures
            ]
            if asked:
                lines += [f"# {two}", *(f"- {three}: {question}" for three, question in asked)]
        return "\n".join(lines)

    def sampling(self, dimension: str, *, again: bool = False) -> dict[str, Any]:
        """Return the request fields that decide the answer."""
        return self._fields(checklist_schema(dimension, self._facets), levels=2, again=again)

    def render(self, text: str, images: Sequence[Image], dimension: str, *, again: bool = False) -> Request:
        """Render the request for ``dimension``; see `Protocol.render`."""
        if dimension not in self.dimensions:
            raise ConfigError(f'{self.name} does not ask "{dimension}"{nearest(dimension, self.dimensions)}')
        (image,) = images
        prompt, problems = self._take_apart(text, dimension)
        picture = self.pictures.part(image)
        content = self._fill(
            {"prompt": prompt, "image": picture, "dimension": dimension, "checklist": self._checklist(dimension)}
        )
        until = next(index for index, part in enumerate(content) if part is picture) + 1
        before = self._template.partition("{image}")[0]
        shared = "{dimension}" not in before and "{checklist}" not in before
        return Request(
            dimension=dimension,
            messages=self._messages(content),
            sampling=self.sampling(dimension, again=again),
            text=text,
            images=tuple(images),
            problems=problems,
            primer=self._messages(content[:until]) if shared else None,
        )

    def read(self, dimension: str, text: str, finish_reason: str | None) -> Reading:
        """Read a raw answer; see `Protocol.read`."""
        return read_checklist(dimension, text, finish_reason, self._asked[dimension])


class HouseEdit(FileProtocol):
    """A protocol for edits: an overall score and further ones, in the file's words, with a grammar from the start."""

    kind = "edit"
    aspects: tuple[str, ...]

    def __init__(self, text: str, where: str, *, thinking_budget: int | None = None) -> None:
        super().__init__(text, where, thinking_budget=thinking_budget)
        aspects = self._table(self._data, "aspects")
        if not aspects:
            raise self._wrong("aspects", None, "at least one question")
        self._questions = {name: self._text(aspects, name, prefix="aspects.") for name in aspects}
        self._overall = self._text(self._data, "overall")
        if self._overall not in self._questions:
            raise self._wrong("overall", self._overall, f"one of [aspects]: {_list(self._questions)}")
        self.aspects = tuple(name for name in self._questions if name != self._overall)
        step = self._data.get("step", 0.1)
        if type(step) not in (int, float) or step not in (0.01, 0.05, 0.1, 0.25, 0.5, 1):
            raise self._wrong("step", step, "0.01, 0.05, 0.1, 0.25, 0.5 or 1")
        count = round((HIGHEST - LOWEST) / step)
        self._scores = [round(LOWEST + index * step, 2) for index in range(count + 1)]

    def sampling(self, dimension: str = EDIT, *, again: bool = False) -> dict[str, Any]:
        """Return the request fields that decide the answer."""
        schema = {
            "type": "object",
            "properties": {name: {"enum": self._scores} for name in self._questions},
            "required": list(self._questions),
            "additionalProperties": False,
        }
        return self._fields(schema, levels=1, again=again)

    def render(self, text: str, images: Sequence[Image], dimension: str = EDIT, *, again: bool = False) -> Request:
        """Render the request for ``dimension``; see `Protocol.render`."""
        source, edited = images
        instruction, problems = self._take_apart(text, EDIT)
        aspects = "\n".join(f"- {name}: {' '.join(words.split())}" for name, words in self._questions.items())
        content = self._fill(
            {
                "instruction": instruction,
                "source": self.pictures.part(source),
                "edited": self.pictures.part(edited),
                "aspects": aspects,
            }
        )
        return Request(
            dimension=EDIT,
            messages=self._messages(content),
            sampling=self.sampling(EDIT, again=again),
            text=text,
            images=tuple(images),
            problems=problems,
        )

    def read(self, dimension: str, text: str, finish_reason: str | None) -> Reading:
        """Read a raw answer; see `Protocol.read`."""
        return read_scores(text, finish_reason, self._overall, self.aspects, reasons=self._reasons)


@lru_cache(maxsize=8)  # each text is read for its kind, then by the protocol of that kind
def parse(text: str, where: str) -> dict[str, Any]:
    """Parse TOML; what is returned is not to be changed.

    Raises:
        ConfigError: invalid TOML; names the file and the line.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also a number of too many digits
        raise ConfigError(f"{where} is not TOML: {error}") from error


def from_text(text: str, where: str, *, thinking_budget: int | None = None) -> House | HouseEdit:
    """Make the protocol that a TOML text describes, of the text's ``kind``."""
    kind = parse(text, where).get("kind", "image")
    if kind not in ("image", "edit"):
        raise ConfigError(f'{where}: kind: found {_shown(kind)}, expected "image" or "edit"')
    made: Literal["image", "edit"] = kind
    return (House if made == "image" else HouseEdit)(text, where, thinking_budget=thinking_budget)


def _shown(value: Any) -> str:
    """Show a value of a file for an error: short, and tables and lists by their type only."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and value.bit_length() > 64:
        return "a longer number"  # Python may refuse to write it out
    written = repr(value) if isinstance(value, str | int | float) else str(value)  # dates and times as in TOML
    return written if len(written) <= 80 else written[:80] + "…"


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
