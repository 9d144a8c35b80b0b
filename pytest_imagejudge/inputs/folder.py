"""Images of a folder as rows, with prompts from text files or a table beside them."""

from __future__ import annotations

import stat
import unicodedata
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ..errors import ConfigError
from ..support.escaping import escape
from ..support.words import plural, some
from ..tables.reading import peek
from ..tables.rows import has_header, show_value
from ..taxonomy import nearest_found
from .cells import row_id
from .folder_layouts import geneval_folders, geneval_images, geneval_texts, in_folder, split_tables
from .hub import TABLES
from .manifest import Row, RowError
from .row_source import Input

IMAGE_SUFFIXES = frozenset(
    (
        *(".png", ".apng", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
        *(".avif", ".heic", ".heif", ".jxl", ".jp2"),
    )
)


_TABLES_OF_PROMPTS = tuple(f"{stem}{suffix}" for stem in ("prompts", "metadata") for suffix in TABLES)


_PROMPT_FILES = tuple(f"{stem}{suffix}" for stem in ("prompts", "metadata") for suffix in (*TABLES, ".txt"))


_Text = tuple[int, str | None, str, str]  # line, name of the image, prompt, what is wrong


_NO_PROMPTS = frozenset(("readme", "license", "licence", "copying", "notice", "changelog", "requirements"))


_NAME_COLUMNS = ("image_path", "file_name", "filename", "image", "file", "ID", "id", "name")


_PROMPT_COLUMNS = ("prompt", "text", "caption")


# --- folders ---


def open_folder(folder: Path, prompts: Path | None, root: Path | None) -> Input:
    """Open the images of a folder as rows, each with its prompt.

    Raises:
        ConfigError: no images, no prompts, or images outside ``root``.
    """
    files = sorted(_files(folder))
    images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    beside = {path.with_suffix(""): path for path in files if path.suffix.lower() == ".txt"}
    if not images:
        raise ConfigError(f"{escape(folder)}: no images in it ({', '.join(sorted(IMAGE_SUFFIXES))})")
    if prompts is None:
        prompts = next((folder / name for name in _PROMPT_FILES if (folder / name).is_file()), None)
    layout = None if prompts is not None else _of_subfolders(folder, images)
    if layout is not None:
        images = layout.images
    elif prompts is None and not any(path.with_suffix("") in beside for path in images):
        raise ConfigError(
            f"{escape(folder)}: no prompts: name their file with --prompts, or put prompts.csv, prompts.jsonl, "
            "prompts.txt (a line an image) or a .txt beside each image in the folder"
        )
    if root is not None:
        inside = root.resolve()
        if not inside.is_dir():
            raise ConfigError(f"the root {escape(root)} is not a folder")
    if layout is not None:
        texts: Iterable[_Text] = layout.texts
    else:
        texts = _from_texts(folder, images, beside) if prompts is None else _from_file(folder, images, prompts)
    rows = list(_paired(folder, images, texts))
    if root is not None:
        rows = [_confined(row, inside) for row in rows]
    return Input(
        name=folder.resolve().name,
        suffix=".jsonl",
        folder=folder.resolve().parent,
        base=Path.cwd(),
        columns=["ID", "prompt", "image_path"],
        rows=lambda: iter(rows),
        count=lambda: len(rows),
    )


class _Layout(NamedTuple):
    images: list[Path]
    texts: Iterable[_Text]


def _of_subfolders(folder: Path, images: list[Path]) -> _Layout | None:
    """The images of a folder whose prompts lie in its subfolders; None of another one."""
    if samples := geneval_folders(folder):
        images = geneval_images(samples, images)
        return _Layout(images, geneval_texts(folder, samples, images))
    tables = split_tables(folder, _TABLES_OF_PROMPTS)
    if not tables:
        return None
    rows = ((table, row) for table in tables for row in _from_table(table))
    return _Layout(
        images,
        ((line, in_folder(name, table.parent, folder), text, fault) for table, (line, name, text, fault) in rows),
    )


def _files(folder: Path) -> Iterator[Path]:
    """Yield all files, broken links included, without hidden names.

    Links to folders are followed last, and every folder is read once: no link leads in circles, and no image is
    judged again because of a link such as ``latest``.

    Raises:
        ConfigError: a folder can't be read, or a link leads to a folder that contains it.
    """
    read: set[Path] = set()
    folders, links = deque([folder]), deque[Path]()
    while folders or links:
        here = folders.popleft() if folders else links.popleft()
        try:
            real = here.resolve()
            if real in read:
                continue
            if here != folder and here.parent.resolve().is_relative_to(real):
                raise ConfigError(f"{escape(here)} is a link to {escape(real)}, a folder that contains it")
            read.add(real)
            for path in sorted(here.iterdir()):
                if path.name.startswith("."):
                    continue
                if path.is_dir():
                    (links if path.is_symlink() else folders).append(path)
                else:
                    yield path
        except OSError as error:
            raise ConfigError(f"{escape(error.filename or here)} can't be read: {error.strerror or error}") from error


def _lacking(image: Path) -> str:
    """Return the reason why ``image`` is not a file, or an empty string."""
    try:
        reason = "" if stat.S_ISREG(image.stat().st_mode) else "not a file"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason and image.is_symlink():
        reason += f"; it is a link to {escape(image.readlink())}"
    return reason


def _confined(row: Row | RowError, root: Path) -> Row | RowError:
    if isinstance(row, Row) and isinstance(row.image, Path) and not row.image.resolve().is_relative_to(root):
        return RowError(row.number, row.line, row.id, f"the image lies outside of {root}", "image", row.extra)
    return row


def _from_texts(folder: Path, images: list[Path], beside: dict[Path, Path]) -> Iterator[_Text]:
    """Yield the prompts in text files beside images of the same stem; a text file without an image is an error."""
    number = 0
    for image in images:
        text = beside.get(image.with_suffix(""))
        if text is None:
            continue
        number += 1
        try:
            yield number, _name(image, folder), _text_of(text), ""
        except ConfigError as error:
            yield number, _name(image, folder), "", str(error)
    own = {image.with_suffix("") for image in images}
    for stem, text in beside.items():
        if stem not in own and stem.name.lower() not in _NO_PROMPTS:
            number += 1
            name = _name(text, folder)
            yield number, name, "", f"no image for {escape(name)}"


def _from_file(folder: Path, images: list[Path], prompts: Path) -> Iterator[_Text]:
    if prompts.suffix.lower() != ".txt":
        yield from _from_table(prompts)
        return
    lines = [line for line in _text_of(prompts).splitlines() if line.strip()]
    if len(lines) != len(images):
        raise ConfigError(
            f"{escape(prompts)} has {plural(len(lines), 'prompt')} for {plural(len(images), 'image')} in "
            f"{escape(folder)}; one line is expected for each image, in the order of their names"
        )
    for number, (path, line) in enumerate(zip(images, lines, strict=True), start=1):
        yield number, _name(path, folder), line, ""


def _paired(folder: Path, images: list[Path], texts: Iterable[_Text]) -> Iterator[Row | RowError]:
    """Yield images with their prompts; a prompt without an image, and an image without a prompt, are errors."""
    by_name = _by_name(folder, images)
    by_form: dict[str, list[Path]] = {}  # file systems may take accents apart
    for key, paths in by_name.items():
        by_form.setdefault(unicodedata.normalize("NFC", key), []).extend(paths)
    used: set[Path] = set()
    named: set[Path] = set()  # also by a row that can't be used, which is said of it once
    count = 0
    for line, name, text, problem in texts:
        count += 1
        found = by_name.get(name or "") or by_form.get(unicodedata.normalize("NFC", name or ""), [])
        if len(found) == 1:
            named.add(found[0])
        if not problem and not found:
            problem = f"no image {show_value(name)} in {escape(folder)}"
        elif not problem and len(found) > 1:
            problem = f"{show_value(name)} could be any of {some([escape(_name(path, folder)) for path in found], 3)}"
        elif not problem and found[0] in used:
            problem = f"the image {escape(_name(found[0], folder))} has a prompt already; the first one counts"
        if problem:
            yield RowError(count, line, name, problem, "image" if not found else "row", {"ID": name, "prompt": text})
            continue
        used.add(found[0])
        yield _row(count, line, found[0], text, folder)
    for path in images:
        if path not in named:
            count += 1
            name = _name(path, folder)
            yield RowError(
                count, 0, name, f"no prompt for {escape(name)}", "row", {"ID": name, "image_path": str(path)}
            )


def _row(number: int, line: int, image: Path, prompt: str, folder: Path) -> Row | RowError:
    name = _name(image, folder)
    extra: dict[str, Any] = {"ID": name, "prompt": prompt, "image_path": str(image)}
    if not prompt.strip():
        return RowError(number, line, name, "the prompt is empty", "row", extra)
    if reason := _lacking(image):
        return RowError(number, line, name, f"no image {escape(name)}: {reason}", "image", extra)
    return Row(number, line, name, prompt=prompt, image=image, extra=extra)


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _by_name(folder: Path, images: list[Path]) -> dict[str, list[Path]]:
    """Index images by all their names: path in the folder, name, and both without the suffix."""
    found: dict[str, list[Path]] = {}
    for path in images:
        name = PurePosixPath(_name(path, folder))
        for key in {str(name), name.name, str(name.with_suffix("")), name.stem}:
            found.setdefault(key, []).append(path)
    for path in images:
        found[_name(path, folder)] = [path]  # the whole path is never ambiguous
    return found


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{escape(path)} can't be read: {error}") from error


def _first(names: Sequence[str], columns: Collection[str]) -> str | None:
    return next((name for name in names if name in columns), None)


def _from_table(prompts: Path) -> Iterator[_Text]:
    columns, rows = peek(prompts, TABLES)
    with_header = has_header(prompts)
    name_column, prompt_column = _first(_NAME_COLUMNS, columns), _first(_PROMPT_COLUMNS, columns)
    if name_column is None or prompt_column is None:
        missing = "image_path" if name_column is None else "prompt"
        names = ", ".join(show_value(column, 40) for column in columns)
        raise ConfigError(
            f'{escape(prompts)}: no column "{missing}"{nearest_found(missing, map(escape, columns))}; '
            f"the columns are: {names}"
        )
    for row in rows:
        own = columns if with_header else row.values  # each row of JSON names its columns itself
        name = row_id(row.values.get(_first(_NAME_COLUMNS, own) or name_column))
        text = row.values.get(_first(_PROMPT_COLUMNS, own) or prompt_column)
        problem = row.message or ("" if name is not None else f"no {name_column}")
        if not problem and not isinstance(text, str):
            problem = "the prompt is empty" if text is None or text != text else "the prompt is no text"
        if name is not None:
            name = str(PurePosixPath(name.replace("\\", "/")))
        yield row.line, name, text if isinstance(text, str) else "", problem
