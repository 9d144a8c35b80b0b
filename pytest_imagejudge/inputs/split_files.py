"""The files of one split of a benchmark: on this machine, on the Hub, or on ModelScope."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import ConfigError
from ..support.escaping import escape
from ..support.words import some
from ..tables.rows import ARROW, PARQUET
from ..taxonomy import nearest
from .hub import HUB, TABLES, hub_file, hub_files, is_hub, split_hub
from .shards import check_shards, lacking_beside

_SPLITS = re.compile(r"(?:^|[/_.-])(?:train|test|validation|valid|val|dev)(?:[/_.-]|$)")


_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")


def split_files(source: str, split: str, *, arrow: bool = False) -> tuple[str | None, list[Path]]:
    """Return the commit of a data set (None elsewhere) and the files of its split, in order.

    Args:
        source: a file; a folder with Parquet files of the split; a data set of the Hub, ``ORG/NAME`` or
            ``hf://datasets/ORG/NAME[@REVISION][/FILE]``; or one of ModelScope, ``modelscope://datasets/...``.
        split: its name, such as "test", a part of the names of the files.
        arrow: whether the data set may lie in Arrow files, as ``save_to_disk`` of the library ``datasets`` writes them;
            where their names tell no split, they are all of it, as the Hub's loader has it.

    Raises:
        ConfigError: no such file, or not all of the files.
    """
    path = Path(source)
    if path.is_dir():
        return None, _of_split(path, source, split, arrow=arrow)
    if path.exists():
        return None, [_alone(path)]
    if not is_hub(source):
        if not _HUB_ID.fullmatch(source) or path.suffix.lower() in TABLES:
            near = nearest(path.name, (p.name for p in path.parent.glob("*"))) if path.parent.is_dir() else ""
            raise ConfigError(f"{escape(source)}: there is no such file, folder or data set's id{escape(near)}")
        source = HUB + source
    _, _, name = split_hub(source)
    if name:
        file = hub_file(source)
        return _commit(file), [_alone(file)]
    folder = hub_files(source, [f"*{split}*{PARQUET}", *([f"*{ARROW}"] if arrow else [])])
    return folder.name, _of_split(folder, source, split, arrow=arrow)


def _of_split(folder: Path, source: str, split: str, *, arrow: bool) -> list[Path]:
    found = sorted(folder.rglob(f"*{PARQUET}"))
    called = re.compile(rf"(?:^|[/_.-]){split}(?:[/_.-]|$)")
    named = [path for path in found if called.search(_stem(path, folder))]
    if not named and arrow:
        found += sorted(path for path in folder.rglob(f"*{ARROW}") if not path.name.startswith("cache-"))
        named = [path for path in found if path.suffix == ARROW and called.search(_stem(path, folder))]
        named = named or [path for path in found if path.suffix == ARROW and not _SPLITS.search(_stem(path, folder))]
    if not named:
        names = some([escape(path.relative_to(folder)) for path in found], 5) or "none"
        kind = "Parquet or Arrow" if arrow else "Parquet"
        raise ConfigError(
            f"{escape(source)}: no {kind} files of the split {split} (such as data/{split}-00000-of-00001{PARQUET}); "
            f"{kind} files there: {names}; or give the path of one file"
        )
    check_shards(named)
    return named


def _stem(path: Path, folder: Path) -> str:
    """The path of a file in ``folder``, without its ending."""
    return path.relative_to(folder).with_suffix("").as_posix()


def _alone(path: Path) -> Path:
    """A file that was named itself.

    Raises:
        ConfigError: it is one of several shards, and would be taken for the whole benchmark.
    """
    if words := lacking_beside(path):
        raise ConfigError(f"{words} not named; name the folder, or the data set, to have all of them")
    return path


def _commit(file: Path) -> str | None:
    """Return the commit in the path of a file of the Hub's cache."""
    parts = file.parts
    return parts[parts.index("snapshots") + 1] if "snapshots" in parts[:-1] else None
