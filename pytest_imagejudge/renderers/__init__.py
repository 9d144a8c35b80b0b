"""Reports as people see them: terminal, HTML, Markdown, GitHub, JUnit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..report.model import Report
    from .small_copies import SmallCopies


SUFFIXES = (".html", ".json", ".md")


def write_report(
    report: Report,
    path: Path,
    bounds: Mapping[tuple[str, ...], float],
    copies: SmallCopies | None = None,
    *,
    carry: bool = False,
) -> None:
    """Write ``report`` in the format that ``path``'s ending names; ``copies`` as in `html_page.write_html`.

    With ``carry`` small copies of the pictures are written beside a JSON file.

    Raises:
        ConfigError: another ending, or a file that can't be written.
    """
    kind = path.suffix.lower()
    if kind == ".json":
        from ..report.json_file import write

        if carry:
            from .carried_pictures import with_copies

            report = with_copies(report, path.parent, copies)
        write(report, path)
    elif kind == ".html":
        from .html_page import write_html

        write_html(report, path, bounds, copies=copies)
    elif kind == ".md":
        from .markdown import write_markdown

        write_markdown(report, path, bounds)
    else:
        raise ConfigError(f"{path}: a name that ends in {', '.join(SUFFIXES)} is expected")
