"""Open the input of ``imagejudge score``: a manifest, a folder, or a file of a Hub data set."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigError
from ..support.escaping import escape
from ..tables.reading import count_rows, peek
from ..tables.rows import WITH_PICTURES, XLSX
from ..taxonomy import nearest
from .column_names import renamed, usual_names
from .folder import IMAGE_SUFFIXES, open_folder
from .hub import HUB, TABLES, fetch_images, hub_file, is_hub
from .manifest import read_manifest
from .row_source import Input

# for the help of commands that take such an input
INPUT = f"a CSV, TSV, JSON, JSONL, Excel, Parquet or Arrow file, a folder of images, or {HUB}ORG/NAME/FILE"

_JUDGED = {
    **dict.fromkeys((*WITH_PICTURES, XLSX), ".jsonl"),
    ".tsv": ".csv",
}  # formats of the output, where not that of the input


def open_input(source: str, *, prompts: Path | None = None, root: Path | None = None) -> Input:
    """Open the rows of ``source``.

    Args:
        source: a manifest (``.csv``, ``.tsv``, ``.json``, ``.jsonl``, ``.xlsx``, ``.parquet`` or ``.arrow``); a folder
            of images; or ``hf://datasets/ORG/NAME[@REVISION]/FILE`` or ``modelscope://datasets/...``, a manifest whose
            images lie in the same data set.
        prompts: for a folder, its prompts; without it a file called prompts or metadata in the folder, or a ``.txt``
            beside each image.
        root: folder that images may not lie outside of.

    Raises:
        ConfigError: nothing to judge; the message names the expected input.
    """
    if is_hub(source):
        if prompts is not None:
            raise ConfigError("--prompts goes with a folder of images, not with a data set of the Hub")
        path = hub_file(source)
        fetch_images(source, path)
        return _manifest(path, path.name, Path.cwd(), root)
    if not source:  # a variable that is not set; as a path it would mean the working folder
        raise ConfigError("INPUT is empty; a file, a folder or hf://... is expected")
    path = Path(source)
    if path.is_dir():
        return open_folder(path, prompts, root)
    if prompts is not None:
        raise ConfigError(f"--prompts goes with a folder of images; {escape(path)} is not a folder")
    if not path.exists():
        near = nearest(path.name, (p.name for p in path.parent.glob("*"))) if path.parent.is_dir() else ""
        raise ConfigError(f"{escape(path)}: there is no such file or folder{escape(near)}")
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise ConfigError(
            f"{escape(path)}: a picture, without its prompt; name its folder, with the prompts in a file (--prompts) "
            "or in a .txt beside each picture, or a table with the columns prompt and image_path"
        )
    return _manifest(path, path.name, path.parent, root)


def _manifest(path: Path, name: str, folder: Path, root: Path | None) -> Input:
    columns, _ = peek(path, TABLES)
    columns = renamed(columns, usual_names(columns))
    columns = columns if "ID" in columns else ["ID", *columns]
    read_manifest(path, root=root, suffixes=TABLES)  # a missing column is said before anything starts
    suffix = path.suffix.lower()
    return Input(
        name=Path(name).stem,
        suffix=_JUDGED.get(suffix, suffix),
        folder=folder,
        base=path.parent,
        columns=columns,
        rows=lambda: read_manifest(path, root=root, suffixes=TABLES),
        count=lambda: count_rows(path, TABLES),
    )
