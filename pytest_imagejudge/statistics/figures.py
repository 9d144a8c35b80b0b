"""The figures of an entry by path, and the state of missing ones: not judged, or not applicable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ..errors import ConfigError
from ..report.lookup import unread_of, value_of
from ..report.model import AnyEntry, EditEntry
from ..taxonomy import EDIT_SCALE, EDIT_SCORE, LEVEL1, LEVEL2, TOTAL, Path, show_scale

DIMENSIONS: tuple[Path, ...] = (TOTAL, *((one,) for one in LEVEL1), *LEVEL2)  # all means of a run of images


State = Literal["scored", "not applicable", "not judged"]


def scale(path: Path, edits: tuple[float, float] = EDIT_SCALE) -> tuple[float, float]:
    """Return the smallest and largest value of the figure at ``path``: 0 and 100; for an edit its scale, ``edits``."""
    return edits if path == EDIT_SCORE else (0.0, 100.0)


def scale_of(entry: AnyEntry) -> tuple[float, float]:
    """The scale of an edit's score; for an image that of edits where nothing says another."""
    if isinstance(entry, EditEntry) and len(entry.scale) == 2:
        return entry.scale[0], entry.scale[1]
    return EDIT_SCALE


def one_scale(scales: Iterable[tuple[float, float]], what: str) -> tuple[float, float]:
    """Return the one scale of several edits, the usual one where there are none.

    Raises:
        ConfigError: there are several; ``what`` can't be computed over them.
    """
    found = sorted(set(scales)) or [EDIT_SCALE]
    if len(found) > 1:
        raise ConfigError(
            f"edits were scored on several scales, {' and '.join(map(show_scale, found))}: there is no {what} of them"
        )
    return found[0]


def state(entry: AnyEntry, path: Path) -> State:
    """State of the figure at ``path``: present, not applicable (N/A or not asked), or not judged."""
    if entry.error:
        return "not judged"
    if unread_of(entry, path):
        return "not judged"
    if value_of(entry, path) is not None:
        return "scored"
    if isinstance(entry, EditEntry) or (entry.outcome == "error" and not entry.unreadable):
        return "not judged"  # no reason is given, so none is assumed
    return "not applicable"


def figures(entry: AnyEntry) -> dict[Path, float]:
    """Every figure of ``entry`` that was scored."""
    paths = (EDIT_SCORE,) if isinstance(entry, EditEntry) else DIMENSIONS
    return {
        path: found for path in paths if state(entry, path) == "scored" and (found := value_of(entry, path)) is not None
    }


def text_of(entry: AnyEntry) -> str:
    """The prompt, or the instruction of an edit."""
    if isinstance(entry, EditEntry):
        return entry.instruction
    return entry.prompt


def image_of(entry: AnyEntry) -> str:
    """The picture that was judged; of an edit, the edited one."""
    if isinstance(entry, EditEntry):
        return entry.edited_image
    return entry.image
