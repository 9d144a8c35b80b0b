"""Dimensions to ask about, by row ID, read from files of the shape of ``bench_metadata.json``."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import ConfigError
from ..tables.reading import peek
from ..tables.rows import check_columns, show_value
from ..taxonomy import LEVEL1, PATHS, FacetPath, nearest, show
from .cells import BadCell, dimensions_cell, missing_column, read_column, required_text, row_identity

# --- metadata: which dimensions are asked, by row ID ---

_SLASH = re.compile(r"\s*/\s*")


_BY_NAME: dict[str, FacetPath] = {_SLASH.sub("/", show(path)).casefold(): path for path in PATHS}


def parse_facets(text: str) -> tuple[FacetPath, ...]:
    """Read paths from text such as ``Quality / Detail / Noise; Alignment / Layout / 2D Space``.

    Names may contain the separator ("Camera / Lens Style"), so the text is compared with the tree's own
    paths and not split at slashes.

    Raises:
        KeyError: for a path that the tree does not have, with the nearest.
    """
    found: list[FacetPath] = []
    for part in re.split("[;；]", text):
        if not part.strip():
            continue
        path = _BY_NAME.get(_SLASH.sub("/", " ".join(part.split())).casefold())
        if path is None:
            raise KeyError(f"no path {show_value(part.strip())}{nearest(part.strip(), map(show, PATHS))}")
        found.append(path)
    return tuple(dict.fromkeys(found))


def read_metadata(source: Path | str) -> dict[str, tuple[str, ...]]:
    """Read the L1 to ask, by row ID, from a file with ``ID`` and ``dims_en`` (or ``dimensions``: L1 names).

    Raises:
        ConfigError: the file can't be read, a row is unusable, an ID appears twice, a name is not in the tree.
    """
    path = Path(source)
    columns, rows = peek(path)
    column = "dimensions" if "dimensions" in columns and "dims_en" not in columns else "dims_en"
    check_columns(path, columns, ("ID", column))
    metadata: dict[str, tuple[str, ...]] = {}
    for raw in rows:
        try:
            name = row_identity(raw.values)
            if raw.message or name is None:
                raise BadCell(raw.message or missing_column("ID", raw.values))
            if name in metadata:
                raise BadCell(f"the ID {show_value(name)} appears twice")
            if column == "dims_en":
                asked = {facet[0] for facet in parse_facets(required_text(raw.values, column))}
                names: tuple[str, ...] | None = tuple(one for one in LEVEL1 if one in asked)
            else:
                names = read_column(column, dimensions_cell, raw.values)
            if not names:
                raise BadCell(missing_column(column, raw.values))
            metadata[name] = names
        except (BadCell, KeyError) as error:
            raise ConfigError(f"{path}, row {raw.number}, line {raw.line}: {error.args[0]}") from None
    return metadata
