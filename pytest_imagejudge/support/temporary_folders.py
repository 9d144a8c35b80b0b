"""A temporary folder that is removed after its process, whatever its end."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "imagejudge-of-run-"


_NEW = 3600.0  # seconds; a younger folder may not be locked yet


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a folder until the end of the block. A process's first one removes those of killed processes."""
    _sweep(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with _locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Lock ``folder`` until the end of the block or of the process; give False where another process holds it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield _lock(handle)
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another has it, or the file system has no locks
        return False
    return True


@functools.cache
def _sweep(place: str) -> None:
    for folder in Path(place).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or gone meanwhile
            about = folder.lstat()
            if about.st_uid == os.getuid() and time.time() - about.st_mtime > _NEW:
                with _locked(folder) as alone:
                    if alone:
                        shutil.rmtree(folder, ignore_errors=True)
