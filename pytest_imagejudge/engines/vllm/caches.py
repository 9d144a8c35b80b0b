"""The folders of compiled code, one for each version of vLLM."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from .install import Install

USED = "used"  # a file, touched at each start


OLD_SECONDS = 7 * 24 * 3600.0  # how long a folder is left that no server has used


# Of this package's first versions, beside the folders of today: vLLM 0.26 to 0.28 wrote keys of servers into them.
FIRST = ("vllm", "triton", "flashinfer", "deep_gemm", "cuda")


GRAPHS, AHEAD = "torch_compile_cache", "torch_aot_compile"  # vLLM's folders; the second lies in the first


# Graphs that a server loaded or compiled, as its log names them: a folder for each model, GPU and set of options.
_USED_GRAPHS = re.compile(rf"\S{{0,300}}{GRAPHS}/(?:{AHEAD}/)?[0-9a-f]+(?=/)")


def caches_folder(state_dir: Path, install: Install) -> Path:
    """Return the folder of what ``install`` compiles."""
    label = f"vllm-{install.version}-torch-{install.torch or 'unknown'}"
    return state_dir / "compiled" / re.sub(r"[^\w.+-]", "_", label)


def use_caches(state_dir: Path, install: Install) -> None:
    """Note that a server of ``install`` starts, and remove what no server has used for a week."""
    mine = caches_folder(state_dir, install)
    with contextlib.suppress(OSError):
        mine.mkdir(parents=True, exist_ok=True)
        (mine / USED).touch()
    for folder in _within(mine.parent):
        if folder.name in FIRST or (folder != mine and _is_old(folder / USED)):
            shutil.rmtree(folder, ignore_errors=True)
    graphs = mine / "vllm" / GRAPHS
    for entry in (*_within(graphs), *_within(graphs / AHEAD)):
        if entry.name != AHEAD and _is_old(entry):
            shutil.rmtree(entry, ignore_errors=True)


def note_graphs(log: str, home: Path) -> None:
    """Note that the graphs that a server's ``log`` names are used; ``home`` is its working directory."""
    for entry in set(_USED_GRAPHS.findall(log)):
        with contextlib.suppress(OSError):
            os.utime(home / entry)


def _within(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from sorted(folder.iterdir())


def _is_old(place: Path) -> bool:
    try:
        return time.time() - place.stat().st_mtime > OLD_SECONDS
    except OSError:
        return False  # none of ours
