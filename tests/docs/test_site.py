"""The documentation site: every page is in its navigation, and what pages link to is laid out with them."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, pages

CONFIG = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def test_every_page_is_in_the_navigation() -> None:
    named = set(re.findall(r": (\S+\.md)$", CONFIG, re.MULTILINE))
    assert {f"docs/{page.name}" for page in pages()} <= named
    assert all((ROOT / name).is_file() for name in named)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {name for name in named if name.startswith("docs/")} - {"docs/architecture.md", "docs/glossary.md"} <= set(
        re.findall(r"\]\((docs/[\w/-]+\.md)\)", readme)
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "source"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["assemble.py", str(folder)])
        runpy.run_path(str(ROOT / "docs" / "site" / "assemble.py"), run_name="__main__")
    return folder


def test_every_link_leads_to_a_file_of_the_site(source: Path) -> None:
    count = 0
    for page in source.rglob("*.md"):
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)", re.sub(r"`[^`\n]+`", "", text)):
            if "://" not in target and not target.startswith("mailto:"):
                assert (page.parent / target).is_file(), f"{page.relative_to(source)}: {target}"
                count += 1
    assert count > 150


def test_the_pictures_of_the_front_page_fetch_nothing() -> None:
    picture = (ROOT / "docs" / "pictures" / "terminal.svg").read_text(encoding="utf-8")
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", picture)
    assert (ROOT / "docs" / "pictures" / "page.png").stat().st_size < 100_000
