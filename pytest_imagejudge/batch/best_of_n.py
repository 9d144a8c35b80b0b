"""The best of several images, or edits, of one prompt: groups of rows, and copies of the best of each."""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..inputs.manifest import Row, RowError
from ..report.ranking import RANKING, RankedGroup, RankedImage, Ranking, UnrankedImage, ranking_text
from ..scoring.verdict import EditVerdict, Verdict
from ..support.escaping import escape
from ..support.files import make_folder, write_text
from ..taxonomy import LEVEL1, TOTAL, show

FILE = "ranking.json"
_OURS = re.compile(r"\d{4,}/\d+_[^/]+")  # the copies, relative to the folder


@dataclass
class _Candidate:
    row: int
    id: str
    picture: Path | None
    name: str  # of the picture, for its copy
    score: float
    scores: dict[str, float | None]


@dataclass
class _Group:
    group: str
    text: str
    source: Path | None
    ranked: list[_Candidate] = field(default_factory=list)
    unranked: list[UnrankedImage] = field(default_factory=list)


class Candidates:
    """Collector of judged rows by prompt.

    Args:
        figure: the score that ranks: of images a path, ``()`` being the total; of edits "score" or an aspect.
        by: the column that groups the rows; None groups images by prompt, edits by source and instruction.
    """

    def __init__(self, figure: tuple[str, ...] | str, by: str | None = None) -> None:
        self.figure, self.by = figure, by
        self.fingerprint: dict[str, Any] = {}
        self.unranked = 0
        self._groups: dict[Any, _Group] = {}

    def add(self, row: Row | RowError, result: Verdict | EditVerdict | RowError) -> None:
        """Count one row in; a row without an ID or a group has no place, and was named when it was read."""
        key, group = self._group(row)
        if key is None:
            return
        one = self._groups.setdefault(key, group)
        reason = result.message if isinstance(result, RowError) else self._reason(row, result)
        if not isinstance(row, Row) or isinstance(result, RowError) or reason:
            self.unranked += 1
            name = _shown(row)
            one.unranked.append(UnrankedImage(id=row.id, row=row.number, image=name, reason=reason))
            return
        self.fingerprint = self.fingerprint or dict(result.fingerprint)
        score = self._figure(result)
        assert score is not None  # else there is a reason
        picture = row.edited if row.kind == "edit" else row.image
        named = row.extra.get("edited_path" if row.kind == "edit" else "image_path")
        name = Path(named).name if isinstance(named, str) and not named.startswith("data:") else ""
        path = picture if isinstance(picture, Path) else None
        candidate = _Candidate(row.number, row.id, path, name or (path.name if path else ""), score, _scores(result))
        one.ranked.append(candidate)

    def _group(self, row: Row | RowError) -> tuple[Any, _Group]:
        edit = row.kind == "edit" if isinstance(row, Row) else "edited_path" in row.extra
        text = row.extra.get("instruction" if edit else "prompt")
        if isinstance(row, Row):
            text = row.instruction if edit else row.prompt
        source = row.source if isinstance(row, Row) else None
        named = row.extra.get(self.by) if self.by else text
        if not isinstance(named, str | int | float) or isinstance(named, bool) or named == "":
            return None, _Group("", "", None)
        key: Any = str(named)
        if edit and not self.by:
            which = row.extra.get("source_path")
            in_table = isinstance(source, Path) and isinstance(which, str) and source.name != Path(which).name
            key = (str(named), str(source if in_table or which is None else which))  # of a table it is named by content
        return key, _Group(str(named), str(text or ""), source if isinstance(source, Path) else None)

    def _figure(self, verdict: Verdict | EditVerdict) -> float | None:
        if isinstance(verdict, EditVerdict):
            return verdict.score if self.figure == "score" else verdict.aspects.get(str(self.figure))
        return verdict.value(tuple(self.figure))

    def _reason(self, row: Row | RowError, verdict: Verdict | EditVerdict) -> str:
        """The reason why a verdict ranks nothing; empty where it does."""
        if verdict.error:
            return verdict.error
        blank = bool(row.blank) if isinstance(row, Row) else False
        if found := [one for one in verdict.findings if one.fails(blank=blank)]:
            return f"{found[0].kind}: {found[0].detail}"
        if self._figure(verdict) is not None:
            return ""
        if verdict.unreadable:
            return f"unreadable: {', '.join(show(path) for path in verdict.unreadable)}"
        return "not applicable"

    def groups(self, n: int) -> Iterator[tuple[RankedGroup, list[Path | None], Path | None]]:
        """Yield each group, best first, with the pictures of its ranked images and the source of its edits."""
        for number, one in enumerate(self._groups.values(), 1):
            order = sorted(one.ranked, key=lambda candidate: -candidate.score)
            ranked: list[RankedImage] = []
            for at, candidate in enumerate(order):
                rank = ranked[-1].rank if at and order[at - 1].score == candidate.score else at + 1
                chosen = at < n and candidate.picture is not None
                ranked.append(
                    RankedImage(
                        rank=rank,
                        id=candidate.id,
                        row=candidate.row,
                        image=candidate.name,
                        score=candidate.score,
                        scores=candidate.scores,
                        file=f"{number:04}/{at + 1}_{_file_name(candidate.name)}" if chosen else None,
                    )
                )
            tied = len(order) > n and order[n - 1].score == order[n].score
            found = RankedGroup(group=one.group, text=one.text, tied=tied, ranked=ranked, unranked=one.unranked)
            yield found, [candidate.picture for candidate in order], one.source


class BestFolder:
    """Folder of the N best pictures of each group, with ``ranking.json``.

    Raises:
        ConfigError: the folder holds something else than an earlier ranking.
    """

    def __init__(self, folder: Path, *, link: bool) -> None:
        self.folder, self.link = folder, link
        self._earlier = self._read()

    def _read(self) -> list[Path]:
        """The copies of an earlier ranking, which this one replaces."""
        try:
            names = sorted(path.name for path in self.folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ConfigError(f"{escape(self.folder)}: {error.strerror or error}") from error
        if not names:
            return []
        found: Any = None
        with suppress(OSError, ValueError, RecursionError):
            found = json.loads((self.folder / FILE).read_bytes())
        if not isinstance(found, dict) or found.get("schema") != RANKING:
            raise ConfigError(
                f"{escape(self.folder)} holds {escape(names[0])} and no {FILE} of an earlier ranking; name another "
                "folder with --output-dir"
            )
        groups = [one for one in _list(found.get("groups")) if isinstance(one, dict)]
        files = [one.get("file") for group in groups for one in _list(group.get("ranked")) if isinstance(one, dict)]
        return [self.folder / name for name in files if isinstance(name, str) and _OURS.fullmatch(name)]

    def write(self, ranking: Ranking, candidates: Candidates) -> Path:
        """Copy, or link, the best; write the ranking beside them; remove what an earlier one left.

        Raises:
            ConfigError: a picture can't be copied, or a file can't be written.
        """
        copies: dict[Path, Path] = {}
        for group, pictures, source in candidates.groups(ranking.n):
            group.source_image = "" if source is None else self._relative(source)
            for one, picture in zip(group.ranked, pictures, strict=True):
                if picture is None:
                    continue
                if one.file is not None:
                    copies[self.folder / one.file] = picture
                one.image = self._relative(picture) if picture.name == one.image else one.image
            ranking.groups.append(group)
        for old in set(self._earlier) - copies.keys():
            with suppress(OSError):
                old.unlink()
            with suppress(OSError):
                old.parent.rmdir()  # where it is empty now
        path = self.folder / FILE
        write_text(path, ranking_text(ranking))  # first, so that a later run knows the copies of one that was killed
        for target, picture in copies.items():
            self._put(picture, target)
        ranking.complete = True
        write_text(path, ranking_text(ranking))
        return path

    def _put(self, picture: Path, target: Path) -> None:
        draft = target.with_name(f".{uuid.uuid4().hex}.part")
        try:
            make_folder(target.parent)
            if self.link:
                draft.symlink_to(os.path.abspath(picture))  # noqa: PTH100 - keeps links as they are
            else:
                shutil.copyfile(picture, draft)
            draft.replace(target)
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise ConfigError(f"{escape(target)} can't be written: {error.strerror or error}") from error

    def _relative(self, picture: Path) -> str:
        try:
            return Path(os.path.relpath(picture, self.folder)).as_posix()
        except ValueError:  # another drive
            return str(picture)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _scores(verdict: Verdict | EditVerdict) -> dict[str, float | None]:
    if isinstance(verdict, EditVerdict):
        return dict(verdict.aspects)
    return {show(TOTAL): verdict.total, **{one: verdict.level1[one] for one in LEVEL1 if one in verdict.level1}}


def _shown(row: Row | RowError) -> str:
    """The picture of a row that is not ranked, as the row names it."""
    named = row.extra.get("edited_path") or row.extra.get("image_path")
    return named if isinstance(named, str) and not named.startswith("data:") else ""


def _file_name(name: str) -> str:
    """A name that is one part of a path; pictures in a table may be called anything."""
    clean = re.sub(r"[^\w.+-]+", "_", name)[-120:].lstrip(".")
    return clean or "image"
