"""What holds of the source as a whole, read from its syntax trees."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest_imagejudge

PACKAGE = Path(pytest_imagejudge.__file__).parent
INTERROGATIVES = frozenset(("how", "what", "when", "where", "whether", "which", "who", "whom", "whose", "why"))


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


def public_docstrings(package: Path = PACKAGE) -> Iterator[tuple[str, str]]:
    """Docstrings of all modules, public classes, and public functions and methods in them, as (``path:line``, text)."""

    def below(name: str, node: ast.AST) -> Iterator[tuple[str, str]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                if child.name.startswith("_"):
                    continue
                text = ast.get_docstring(child)
                if text:
                    yield f"{name}:{child.lineno}", text
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from below(name, child)

    for name, tree in modules(package):
        text = ast.get_docstring(tree)
        if text:
            yield f"{name}:1", text
        yield from below(name, tree)


def questions(package: Path = PACKAGE) -> dict[str, str]:
    """First lines of public docstrings that begin with an interrogative, by ``path:line``."""
    found = {}
    for place, text in public_docstrings(package):
        first = re.search(r"[a-z]+", text.casefold())
        if first and first[0] in INTERROGATIVES:
            found[place] = text.partition("\n")[0]
    return found


def test_public_docstrings_begin_with_a_verb_or_a_noun() -> None:
    assert len(list(public_docstrings())) > 500
    assert questions() == {}


def test_docstrings_that_begin_with_an_interrogative_are_found(tmp_path: Path) -> None:
    source = '''"""What is here."""
class Row:
    """**Which** row."""
    if True:
        def low(self): "Whether it is low."
    def high(self): "Tell whether it is high."
    def _low(self): "Whether it is low."
class _Line:
    """What is on it."""
    def low(self): "Whether it is low."
async def ask():
    "How to ask."
    def now(): "When it is."
'''
    (tmp_path / "one.py").write_text(source, encoding="utf-8")
    (tmp_path / "other.py").write_text('"""Whetstones."""\ndef bare(): ...\n', encoding="utf-8")
    assert questions(tmp_path) == {
        "one.py:1": "What is here.",
        "one.py:2": "**Which** row.",
        "one.py:5": "Whether it is low.",
        "one.py:11": "How to ask.",
    }
