"""Lay out what the documentation site is made of: ``python docs/site/assemble.py FOLDER``.

The pages of the repository link to each other by their places in it. So the site has the same places: the pages, and
the files that they link to.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("*.md", "changelog.d/README.md", "docs/*.md", "benchmarks/**/*.md", "examples/**/*.md", "fixtures/README.md")
_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")


def main() -> None:
    """Copy the pages and the files that they link to."""
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    pages = {path for pattern in PAGES for path in ROOT.glob(pattern)}
    for path in pages | {one for page in pages for one in linked(page)}:
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def linked(page: Path) -> set[Path]:
    """The files of the repository that a page links to, and that are no pages."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = {(page.parent / target).resolve() for target in _LINK.findall(text) if "://" not in target}
    return {path for path in found if path.is_file() and path.suffix != ".md" and path.is_relative_to(ROOT)}


if __name__ == "__main__":
    main()
