"""Read what a version of vLLM takes out of its wheel, without running it: options, request fields, variables, limits.

    python -m tests.engines.vllm.wheel vllm-0.33.0-....whl

writes ``vllm-VERSION.json`` beside this file. The sources are parsed, never imported: a wheel of a GPU build runs on no
machine of the tests. A test of real servers compares this reading with the options of the vLLM that runs there.
"""

from __future__ import annotations

import ast
import json
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
LIMITS = (
    "VLLM_HTTP_MAX_REQUEST_BODY_SIZE",  # bytes; 0.33: of the Rust frontend only, which VLLM_USE_RUST_FRONTEND turns on
    "VLLM_MAX_IMAGE_PIXELS",
    "VLLM_MAX_MEDIA_REQUEST_DECODE_BYTES",  # 4 bytes for each pixel of all pictures of a request
)


def read(package: Path) -> dict[str, Any]:
    """Read the folder of vLLM's package: sorted names, and the default of each of `LIMITS` that it has."""
    (request,) = _classes(package / "entrypoints/openai/chat_completion/protocol.py", "ChatCompletionRequest")
    (outputs,) = _classes(package / "sampling_params.py", "StructuredOutputsParams")
    settings = ast.parse((package / "envs.py").read_text("utf-8"))
    defaults = _fields(settings)
    return {
        "options": sorted(set(_options(package))),
        "fields": sorted(_fields(request)),
        "structured_outputs": sorted(_fields(outputs)),
        "reasoning_parsers": sorted(set(_reasoning_parsers(package / "reasoning/__init__.py"))),
        "routes": sorted(set(_routes(package / "entrypoints"))),
        "variables": sorted(name for name in _keys(settings) if name.startswith("VLLM_")),
        "limits": {name: _number(defaults[name]) for name in LIMITS if name in defaults},
    }


def read_wheel(wheel: Path) -> dict[str, Any]:
    """Read a wheel; its version is in the reading."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.endswith(".py")])
        return {"version": wheel.name.split("-")[1], **read(Path(folder) / "vllm")}


def _options(package: Path) -> Iterator[str]:
    """Names of the options of ``vllm serve``: of the engine's arguments, and of the fields of the frontend's."""
    for file in (package / "engine/arg_utils.py", *package.glob("entrypoints/**/cli_args.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name.endswith("FrontendArgs"):
                yield from ("--" + name.replace("_", "-") for name in _fields(node))
            elif isinstance(node, ast.Call) and _called(node) == "add_argument":
                yield from (name for name in _texts(node.args) if name.startswith("-"))


def _routes(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _called(node) in ("get", "post"):
                yield from (path for path in _texts(node.args[:1]) if path.startswith("/"))


def _reasoning_parsers(file: Path) -> Iterator[str]:
    """The keys of the tables of lazily imported parsers, and the names in calls that register one."""
    tree = ast.parse(file.read_text("utf-8"))
    yield from _keys(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _texts([keyword.value for keyword in node.keywords if keyword.arg == "name"])


def _keys(tree: ast.AST) -> set[str]:
    """The texts that are keys of any table."""
    return {key for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in _texts(node.keys)}


def _classes(file: Path, name: str) -> list[ast.ClassDef]:
    tree = ast.parse(file.read_text("utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == name]


def _fields(owner: ast.AST) -> dict[str, ast.expr | None]:
    """The annotated names of a class, or of a module with its blocks under ``if``, each with its default."""
    nodes = owner.body if isinstance(owner, ast.ClassDef) else ast.walk(owner)
    return {
        node.target.id: node.value
        for node in nodes
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not node.target.id.startswith("_")
    }


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _texts(nodes: list[Any]) -> list[str]:
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _number(node: ast.expr | None) -> int:
    """The value of a product of whole numbers, as ``32 * 1024 * 1024``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return _number(node.left) * _number(node.right)
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    raise ValueError(f"not a product of whole numbers: {ast.unparse(node) if node else None}")


if __name__ == "__main__":
    reading = read_wheel(Path(sys.argv[1]))
    target = FOLDER / f"vllm-{reading['version']}.json"
    target.write_text(json.dumps(reading, indent=1) + "\n", encoding="utf-8")
    print(target)
