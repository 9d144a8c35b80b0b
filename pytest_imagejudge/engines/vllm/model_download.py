"""Download of a model of the Hub or of ModelScope; the supervisor runs this module."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from ...support.files import whole_file
from .gpus import gib
from .model_files import ListedFile, Model, ModelScopeSource
from .modelscope_models import download_files


def check_space(model: Model) -> None:
    """Check that the disk has room for the files yet to be downloaded.

    Raises:
        ConfigError: too little room; with the figures.
    """
    from huggingface_hub import constants

    if not model.missing:
        return
    cache, variable = Path(constants.HF_HUB_CACHE), "HF_HOME"
    if model.modelscope is not None:
        cache, variable = model.folder, "MODELSCOPE_CACHE"
    place = cache
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < model.missing:
        raise ConfigError(
            f"{model.name} needs {gib(model.missing)} more in {cache}, where {gib(free)} are free; "
            f"make room, or set {variable} to a folder that has it"
        )


def download_command(model: Model, target: Path) -> tuple[str, ...]:
    """Return the command that downloads ``model`` and writes the path of its folder into ``target``."""
    arguments = {"name": model.name, "revision": model.revision, "ignore": model.ignore, "bytes": model.missing}
    if (source := model.modelscope) is not None:
        arguments["modelscope"] = {**asdict(source), "record": str(source.record), "folder": str(model.folder)}
    return (sys.executable, "-P", "-m", __name__, json.dumps(arguments), str(target))


def download(arguments: dict[str, Any], say: Callable[[str], None], every: float = 5.0) -> str:
    """Download one revision of a model, return its folder, and report progress by the bytes on the disk."""
    from huggingface_hub import constants, snapshot_download

    name, source = str(arguments["name"]), arguments.get("modelscope")
    if source is not None:
        folder = Path(source["folder"])
        with _progress(folder, name, int(arguments["bytes"]), say, every):
            download_files(name, _source(source), folder)
        return str(folder)
    blobs = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}" / "blobs"
    with _progress(blobs, name, int(arguments["bytes"]), say, every):
        return snapshot_download(name, revision=arguments["revision"], ignore_patterns=list(arguments["ignore"]))


def _source(fields: dict[str, Any]) -> ModelScopeSource:
    files = {path: ListedFile(**file) for path, file in fields["files"].items()}
    return ModelScopeSource(fields["endpoint"], fields["ref"], files, Path(fields["record"]))


@contextmanager
def _progress(folder: Path, name: str, total: int, say: Callable[[str], None], every: float) -> Iterator[None]:
    """Report the bytes that arrive in ``folder``, every so many seconds and at the end."""
    before, done, begun = _size(folder), threading.Event(), time.monotonic()

    def watch() -> None:
        while True:
            got = max(0, _size(folder) - before)
            say(f"downloading {name}: {gib(got)} of {gib(total)}, {time.monotonic() - begun:.0f} s")
            if done.wait(every):
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*") if folder.is_dir() else ():
        try:
            total += file.stat().st_blocks * 512  # a file that is being filled may be sparse
        except OSError:
            continue  # renamed in between
    return total


def main(argv: Sequence[str]) -> int:
    """Run the supervisor's download; the output of this process goes into the server's log."""
    arguments, target = json.loads(argv[0]), Path(argv[1])
    folder = download(arguments, lambda line: print(f"imagejudge: {line}", flush=True))
    with whole_file(target) as file:
        file.write(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
