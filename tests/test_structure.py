"""What holds of the source as a whole, read from its syntax trees."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest_imagejudge

PACKAGE = Path(pytest_imagejudge.__file__).parent


def modules(package: Path = PACKAGE) -> Iterator[tuple[str, ast.Module]]:
    """Every module of a package: its path below the package, and its syntax tree."""
    for path in sorted(package.rglob("*.py")):
        yield path.relative_to(package).as_posix(), ast.parse(path.read_text(encoding="utf-8"), str(path))


def public_classes(package: Path = PACKAGE) -> dict[str, list[str]]:
    """Where classes of each public name are defined, as ``path:line``; those within others, too."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, tree in modules(package):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(f"{name}:{node.lineno}")
    return found


def test_no_two_public_classes_have_one_name() -> None:
    found = public_classes()
    assert {"Judge", "Verdict", "Report"} <= found.keys()
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


def test_classes_of_one_name_are_found(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("class Row: ...\nclass _Line: ...\n", encoding="utf-8")
    (tmp_path / "below").mkdir()
    other = "class Tree:\n    class Row: ...\nclass _Line: ...\n"
    (tmp_path / "below" / "other.py").write_text(other, encoding="utf-8")
    assert public_classes(tmp_path) == {"Row": ["below/other.py:2", "one.py:1"], "Tree": ["below/other.py:1"]}
