"""The folders of compiled code, one for each version of vLLM."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from pathlib import Path

from .install import Install

USED = "used"  # a file, touched at each start


OLD_SECONDS = 7 * 24 * 3600.0  # how long a folder is left that no server has used


# Of this package's first versions, beside the folders of today: vLLM 0.26 to 0.28 wrote keys of servers into them.
FIRST = ("vllm", "triton", "flashinfer", "deep_gemm", "cuda")


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
    with contextlib.suppress(OSError):
        for folder in mine.parent.iterdir():
            if folder.name in FIRST or (folder != mine and _is_old(folder)):
                shutil.rmtree(folder, ignore_errors=True)


def _is_old(folder: Path) -> bool:
    try:
        return time.time() - (folder / USED).stat().st_mtime > OLD_SECONDS
    except OSError:
        return False  # none of ours
