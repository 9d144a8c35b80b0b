"""Folders whose prompts lie in their subfolders: an imagefolder's splits, and GenEval's folder for each prompt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ..errors import ConfigError
from ..support.escaping import escape
from ..tables.reading import read_rows

_SAMPLES = "samples"
_GENEVAL = "metadata.jsonl"  # one line: the prompt of all pictures in `samples` beside it


def geneval_folders(folder: Path) -> list[Path]:
    """Return the folders of GenEval's layout, ``00000/metadata.jsonl`` beside ``00000/samples/``; empty elsewhere.

    Raises:
        ConfigError: the folder can't be read.
    """
    try:
        return [here for here in sorted(folder.iterdir()) if (here / _GENEVAL).is_file() and (here / _SAMPLES).is_dir()]
    except OSError as error:
        raise ConfigError(f"{escape(folder)} can't be read: {error.strerror or error}") from error


def geneval_images(folders: list[Path], images: list[Path]) -> list[Path]:
    """Leave out what lies beside the samples: GenEval draws them together in a ``grid.png``."""
    drawn = {here / "grid" for here in folders}
    return [image for image in images if image.with_suffix("") not in drawn]


def geneval_texts(folder: Path, folders: list[Path], images: list[Path]) -> Iterator[tuple[int, str, str, str]]:
    """Yield line, name of the image, prompt and fault of each sample."""
    for here in folders:
        try:
            row = next(read_rows(here / _GENEVAL))
            text, fault = row.values.get("prompt"), row.message
        except (ConfigError, StopIteration) as error:
            text, fault = None, str(error) or f"{escape(here / _GENEVAL)} is empty"
        if not fault and not isinstance(text, str):
            fault = f"{escape(here.name)}/{_GENEVAL}: no prompt"
        for image in images:
            if image.parent == here / _SAMPLES:
                yield 1, image.relative_to(folder).as_posix(), text if isinstance(text, str) else "", fault


def split_tables(folder: Path, names: tuple[str, ...]) -> list[Path]:
    """Return the tables of prompts that lie in subfolders, as ``train/metadata.csv`` of an imagefolder."""
    tables = []
    for here in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        table = next((here / name for name in names if (here / name).is_file()), None)
        tables += [] if table is None else [table]
    return tables


def in_folder(name: str | None, place: Path, folder: Path) -> str | None:
    """Return an image's name, given relative to ``place``, as it is relative to ``folder``."""
    return None if name is None else str(PurePosixPath(place.relative_to(folder).as_posix()) / name)
