"""The data that an HTML report embeds: entries, answers and pictures as compact JSON, a piece at a time."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from types import TracebackType
from typing import Any
from urllib.parse import quote

from ..report.lookup import bounds_of, edit_bounds, facet_of, is_unread, repeat_of, value_of, why_absent
from ..report.model import FAILED, AnyEntry, Before, Breach, EditEntry, Past, VerdictEntry
from ..support.escaping import escape
from ..support.words import and_more
from ..taxonomy import EDIT_SCORE, FACETS, LEVEL1, LEVEL2, TOTAL, TREE, Path, from_written
from . import explanations
from .edit_figures import bound_in_words
from .problem_words import folded
from .thumbnails import Thumbnails

_FILES = ("File", "Source file", "Edited file", "Mask file")


PLAIN = 12 * 2**20  # characters of raw answers up to which they are embedded as they are; more are compressed


_IN_MEMORY = 4 * 2**20  # bytes; more of the entries, or of their answers, lies in a file until it is written


def lines(text: object) -> str:
    """Make ``text`` safe to show; line breaks are kept."""
    return "\n".join(escape(line) for line in str(text).replace("\r\n", "\n").split("\n"))


class Payload:
    """The data of a page, taken in entry by entry and given back as pieces of JSON.

    Only each entry's text is kept, beyond some megabytes in a file, so that memory does not grow with the run.

    Args:
        pictures: takes the pictures' paths.
        excused: tests that were expected to fail, or skipped.

    Attributes:
        groups: entries taken in, by the filter that finds them; see `_group`. Each is in one.
    """

    def __init__(self, pictures: Thumbnails, excused: Collection[str] = ()) -> None:
        self.groups: Counter[str] = Counter()
        self._pictures = pictures
        self._excused = set(excused)
        self._fingerprints: dict[str, int] = {}
        self._entries = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed at the end of the with
        self._answers = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        self._size = 0  # characters of all answers

    def __enter__(self) -> Payload:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._entries.close()
        self._answers.close()

    def add(self, entry: AnyEntry) -> None:
        """Take in one entry, in the order of the run."""
        item = _entry(entry, self._pictures)
        key = json.dumps(entry.fingerprint, sort_keys=True, default=str)
        item["fingerprint"] = self._fingerprints.setdefault(key, len(self._fingerprints))
        item["group"] = group = _group(entry, self._excused)
        self.groups[group] += 1
        if entry.before is not None:
            item["before"] = _before(entry.before, entry, self._pictures)
        if past := _history(entry):
            item["history"] = past
        self._entries.write(_line(item))
        answers = {escape(name): lines(text) for name, text in _answers(entry).items()}
        self._size += sum(map(len, answers.values()))
        self._answers.write(_line(answers))

    def data(self) -> Iterator[str]:
        """The tree, entries with figures by position in the tree, pictures by number, and each fingerprint once."""
        tree = [[one, [[two, list(threes)] for two, threes in twos.items()]] for one, twos in TREE.items()]
        yield f'{{"tree":{embed(tree)},"fingerprints":'
        yield embed([_safe(json.loads(key)) for key in self._fingerprints])
        yield ',"entries":'
        yield from _array(_texts(self._entries))
        yield "}"

    def answers(self) -> Iterator[str]:
        """Raw answers by dimension for each entry; gzip in base64 where all together are large."""
        texts = _texts(self._answers)
        yield from _array(texts if self._size <= PLAIN else map(_packed, texts))

    def pictures(self) -> Iterator[str]:
        """Data URIs by number; for a picture that can't be shown, a list with the reason."""
        yield from _array(embed([escape(reason)] if reason else uri) for uri, reason in self._pictures.make())


def _group(entry: AnyEntry, excused: Collection[str]) -> str:
    """The outcome by which the head of the page counts an entry, or why it does not: "excused", judged "again".

    What was scored in a test that failed for a reason of its own is "test-failed": the head counts it apart,
    and the filter of what failed finds it too.
    """
    if repeat_of(entry):
        return "again"
    if entry.outcome in FAILED and entry.test in excused:
        return "excused"
    return "test-failed" if entry.test_failed else entry.outcome


def _answers(entry: AnyEntry) -> Mapping[str, str]:
    if isinstance(entry, EditEntry):
        return entry.answers or ({"Edit": entry.answer} if entry.answer else {})
    return entry.answers


def _line(value: Any) -> bytes:
    return embed(value).encode("utf-8", "backslashreplace") + b"\n"


def _texts(file: tempfile.SpooledTemporaryFile[bytes]) -> Iterator[str]:
    file.seek(0)
    for line in file:
        yield line.decode().rstrip("\n")


def _packed(text: str) -> str:
    return embed(base64.b64encode(gzip.compress(json.dumps(json.loads(text)).encode(), 6, mtime=0)).decode())


def _array(items: Iterable[str]) -> Iterator[str]:
    """A JSON array of texts that are JSON already."""
    yield "["
    for mark, item in zip(itertools.chain([""], itertools.repeat(",")), items):  # noqa: B905 - the marks have no end
        yield mark + item
    yield "]"


def embed(data: Any) -> str:
    """Return JSON that is safe in a ``script`` element, whatever its strings."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _safe(value: Any) -> Any:
    """Make the strings of a nested value safe to show."""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, dict):
        return {escape(key): _safe(part) for key, part in value.items()}
    return [_safe(part) for part in value] if isinstance(value, list) else value


def _entry(entry: AnyEntry, pictures: Thumbnails) -> dict[str, Any]:
    item: dict[str, Any] = {
        "outcome": entry.outcome,
        "title": escape(explanations.title(entry)),
        "test_failed": entry.test_failed,
        "headline": lines(explanations.headline(entry)) if entry.shown_as_failed else "",
        "advice": explanations.advice(entry),
        "found": [[lines(explanations.found_words(each)), each.failed] for each in entry.findings],
        "breaches": [_breach(entry, *each) for each in explanations.explained(entry)],
        "stored": escape(entry.judged_at or "earlier") if entry.source == "store" else "",
        "error": lines(entry.error),
        "unreadable": [[escape(place), lines(words)] for place, words in explanations.unread(entry)],
        "problems": [
            [escape(places), problem, lines(detail)] for places, problem, detail in folded(entry.problems)
        ],
        "facts": [
            [name, lines(_shown(name, value)), *_link(name, value)]
            for name, value in _facts(entry)
            if value not in (None, "")
        ],
        "prints": [
            [name, escape(value)] for name, value in (("Key", entry.key), ("Pixels (SHA-256)", entry.pixels)) if value
        ],
        "paths": sorted({"/".join(map(str, _index(path))) for path in _broken(entry)}),
    }  # fmt: skip
    if isinstance(entry, EditEntry):
        labels = [("Source", pictures.add(entry.source_image)), ("Edited", pictures.add(entry.edited_image)),
                  ("Change map", pictures.add_change(
                      entry.source_image, entry.edited_image, entry.mask, entry.box))]  # fmt: skip
        bounds = edit_bounds(entry)
        aspects = [
            [escape(name), _round(value), lines(entry.evidence.get(name, "")), bound_in_words(name, bounds)]
            for name, value in entry.aspects.items()
        ]
        item |= {"kind": "edit", "prompt": lines(entry.instruction), "total": _round(entry.score), "aspects": aspects,
                 "words": lines(entry.evidence.get("score", "")), "cover": 1, "bound": bound_in_words("score", bounds),
                 "scale": entry.scale}  # fmt: skip
    else:
        labels = [("Image", pictures.add(entry.image))]
        least = bounds_of([entry])
        item |= {"kind": "image", "prompt": lines(entry.prompt), "total": _round(entry.total), "cover": 0,
                 "bound": least.get(()), "bounds": [[_index(path), bound] for path, bound in least.items() if path],
                 **_figures(entry)}  # fmt: skip
    item["pictures"] = [[label, number] for label, number in labels]
    return item


def _figures(entry: VerdictEntry) -> dict[str, Any]:
    """Figures in the order of the tree: a number, "N/A", "unreadable" or "not asked"; facets with their words."""

    def figure(path: Path) -> Any:
        value = value_of(entry, path)
        if value is not None:
            return _round(value)
        if is_unread(entry, path):
            return "unreadable"
        return "N/A" if path[0] in entry.level1 else "not asked"

    facets: list[Any] = []
    for path in FACETS:
        facet = facet_of(entry, path)
        facets.append(
            figure(path) if facet is None else [facet.raw, lines(facet.evidence)] if facet.evidence else [facet.raw]
        )
    return {"level1": [figure((one,)) for one in LEVEL1], "level2": [figure(path) for path in LEVEL2], "level3": facets}


def _before(old: Before, entry: AnyEntry, pictures: Thumbnails) -> dict[str, Any]:
    found: dict[str, Any] = {
        "picture": pictures.add(old.image),
        "same": bool(old.pixels) and old.pixels == entry.pixels,
        "total": _round(old.score if isinstance(entry, EditEntry) else old.total),
    }
    if isinstance(entry, VerdictEntry):
        found["level1"] = [_round(old.level1.get(one)) for one in LEVEL1]
        found["level2"] = [_round(old.level2.get(one, {}).get(two)) for one, two in LEVEL2]
    return found


def _history(entry: AnyEntry) -> list[dict[str, Any]]:
    """The figures of earlier runs and of this one, the oldest first; nothing where there is no earlier one."""

    def row(name: str, one: Past | Before | AnyEntry, *, commit: str = "", outcome: str = "") -> dict[str, Any]:
        return {"name": escape(name), "commit": escape(commit[:10]), "figure": _overall(one), "outcome": outcome}

    earlier = [
        row(past.started[:16].replace("T", " "), past, commit=past.commit, outcome=past.outcome)
        for past in entry.history
    ]
    if not earlier and entry.before is not None:
        earlier = [row("baseline", entry.before)]
    return [*earlier, row("this run", entry, outcome=entry.outcome)] if earlier else []


def _overall(one: Past | Before | AnyEntry) -> float | None:
    """The score of an edit, or the total of an image; of a judge without a total, the mean of its L1."""
    if isinstance(one, EditEntry):
        return _round(one.score)
    if not isinstance(one, VerdictEntry) and one.score is not None:
        return _round(one.score)
    if one.total is not None:
        return _round(one.total)
    ones = [value for value in one.level1.values() if value is not None]
    return _round(sum(ones) / len(ones)) if ones else None


def _breach(entry: AnyEntry, breach: Breach, causes: Sequence[explanations.Cause], more: int) -> dict[str, Any]:
    score, bound = explanations.missed(breach, entry)
    facets = [
        [
            escape(explanations.named(cause, breach)),
            explanations.MEANING.get(cause.raw, cause.raw),
            lines(cause.words),
            cause.quoted,
        ]
        for cause in causes
    ]
    return {"place": escape(explanations.place(breach.path)), "score": score, "bound": bound, "causes": facets,
            "more": and_more(more)}  # fmt: skip


def _broken(entry: AnyEntry) -> list[Path]:
    """Places that went wrong: those of breaches, and those that were not read."""
    paths = [from_written(path) for path in (*(breach.path for breach in entry.breaches), *entry.unreadable)]
    return [TOTAL if path == EDIT_SCORE else path for path in paths]


def _index(path: Sequence[str]) -> list[int | str]:
    """Position of a path in the tree; for a path that is not in the tree, its text."""
    found: list[int | str] = []
    names: Any = list(TREE)
    for depth, name in enumerate(path):
        if name not in names:
            return [escape(part) for part in path]
        found.append(names.index(name))
        if depth == 0:
            names = list(TREE[path[0]])
        elif depth == 1:
            names = list(TREE[path[0]][path[1]])
    return found


def _facts(entry: AnyEntry) -> list[tuple[str, Any]]:
    if isinstance(entry, EditEntry):
        box = "" if entry.box is None else ", ".join(map(str, entry.box))
        files = [("Source file", entry.source_image), ("Edited file", entry.edited_image), ("Mask file", entry.mask),
                 ("Box (left, top, right, bottom)", box)]  # fmt: skip
    else:
        files = [("File", entry.image)]
    judged = "kept answers (store)" if entry.source == "store" else ""
    if entry.judged_at:
        judged = f"{judged or 'this run'}, {entry.judged_at}"
    return [
        *files,
        ("Row ID", entry.id),
        ("Test", entry.test),
        ("Where", entry.where),
        ("Thresholds", entry.thresholds),
        ("Bounded, but not applicable", "\n".join(_absent(entry, path) for path in entry.not_applicable)),
        ("Seed", None if entry.seed is None else str(entry.seed)),
        ("Judged from", judged or "this run"),
    ]


def _absent(entry: AnyEntry, path: Sequence[str]) -> str:
    return ": ".join(filter(None, (explanations.place(path), why_absent(entry, path))))


def _shown(name: str, value: str) -> str:
    """A fact as it is shown: of a picture that was kept under a hash, the start of that."""
    return explanations.SPOOLED.sub(r"\1….\2", value) if name in _FILES else value


def _link(name: str, value: str) -> list[str]:
    """The address of a picture's file relative to the report; none for a file on another drive."""
    if name not in _FILES or PurePath(value).is_absolute():
        return []
    return ["./" + quote(value.replace("\\", "/"), errors="replace")]


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
