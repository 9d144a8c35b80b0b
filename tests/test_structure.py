"""What holds of the source as a whole, read from its syntax trees."""

from __future__ import annotations

import ast
import functools
import graphlib
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import grimp

import pytest_imagejudge

PACKAGE = Path(pytest_imagejudge.__file__).parent
INTERROGATIVES = frozenset(("how", "what", "when", "where", "whether", "which", "who", "whom", "whose", "why"))


parsed = functools.cache(ast.parse)  # several tests read the whole package


def modules(package: Path = PACKAGE) -> Iterator[tuple[str, ast.Module]]:
    """Every module of a package: its path below the package, and its syntax tree."""
    for path in sorted(package.rglob("*.py")):
        yield path.relative_to(package).as_posix(), parsed(path.read_text(encoding="utf-8"), str(path))


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


# --- rooms ----------------------------------------------------------------------------------------------------------

LOOSE = {"__init__", "__main__", "_version", "cli", "errors", "judge", "settings", "taxonomy"}


def test_nothing_else_lies_loose() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == LOOSE


# --- circles --------------------------------------------------------------------------------------------------------


def test_no_circle_of_imports_lazy_and_type_only_ones_included() -> None:
    graph = grimp.build_graph("pytest_imagejudge", exclude_type_checking_imports=False, cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    assert "pytest_imagejudge.plugin.fixtures" in imports["pytest_imagejudge"]  # for type checkers only
    assert "pytest_imagejudge.engines.vllm.engine" in imports["pytest_imagejudge.engines"]  # within a function
    graphlib.TopologicalSorter(imports).prepare()  # a CycleError names a circle


# --- sizes ----------------------------------------------------------------------------------------------------------

LONGEST_MODULE, LONGEST_CLASS, LONGEST_FUNCTION = 400, 300, 60  # lines
LONGER: dict[str, str] = {}  # ``path`` or ``path:name`` of what really is longer: the reason


def too_long(package: Path = PACKAGE) -> dict[str, int]:
    """Lines of each module, class and function that has more than it may, by ``path`` or ``path:name``."""
    found = {}
    for name, tree in modules(package):
        lines = len((package / name).read_text(encoding="utf-8").splitlines())
        if lines > LONGEST_MODULE:
            found[name] = lines
        for node in ast.walk(tree):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                limit = LONGEST_CLASS if isinstance(node, ast.ClassDef) else LONGEST_FUNCTION
                if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > limit:
                    found[f"{name}:{node.name}"] = length
    return found


def test_modules_classes_and_functions_are_small() -> None:
    assert {name: lines for name, lines in too_long().items() if name not in LONGER} == {}
    assert LONGER.keys() <= too_long().keys()  # a reason goes with what it is for


def test_what_is_too_long_is_found(tmp_path: Path) -> None:
    statements, methods, comments = "    pass\n", "    def short(self): ...\n", "#\n"
    (tmp_path / "large.py").write_text(f"class Large:\n{methods * 300}def long():\n{statements * 60}", encoding="utf-8")
    (tmp_path / "small.py").write_text(f"def fits():\n{statements * 59}{comments * 340}", encoding="utf-8")
    assert too_long(tmp_path) == {"large.py:Large": 301, "large.py:long": 61}
    (tmp_path / "small.py").write_text(comments * 401, encoding="utf-8")
    assert too_long(tmp_path)["small.py"] == 401


# --- docstrings -----------------------------------------------------------------------------------------------------


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
