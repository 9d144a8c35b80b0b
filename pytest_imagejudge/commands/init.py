"""`imagejudge init`: write a starter that runs."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from string import Template

from ..errors import ConfigError
from ..settings import SIGNALS
from ..support.files import make_folder, whole_file
from .store import folder_name

FILES = {  # in starter/: where it goes
    "test_images.txt": "tests/test_images.py",
    "thresholds.toml": "thresholds.toml",
    "imagejudge.yml": ".github/workflows/imagejudge.yml",
}


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("folder", nargs="?", type=folder_name, default=Path(), help="where to write (default: here)")
    parser.add_argument(
        "--judge-model", default=SIGNALS, metavar="ID", help=f"the judge the starter is for (default: {SIGNALS})"
    )
    parser.add_argument("--force", action="store_true", help="write over files that are there")


def run(args: argparse.Namespace) -> int:
    """Write the starter, or nothing at all where one of its files exists already."""
    if not args.judge_model.isprintable() or not args.judge_model:
        raise ConfigError(f"--judge-model {args.judge_model!r}: a Hub id, a folder or {SIGNALS!r} is expected")
    judge = shlex.quote(args.judge_model)
    embedded = args.judge_model == SIGNALS
    values = {
        "judge": judge,
        "extra": "signals" if embedded else "vllm",
        "runner": "ubuntu-latest" if embedded else "[self-hosted, gpu]",
        "extends": "signals" if embedded else "default",
    }
    targets = {args.folder / target: name for name, target in FILES.items()}
    in_the_way = [str(path) for path in targets if path.exists()]
    if in_the_way and not args.force:
        raise ConfigError(f"there already: {', '.join(in_the_way)}; give --force to write over them")
    starter = Path(__file__).with_name("starter")
    for path, name in targets.items():
        text = Template((starter / name).read_text("utf-8")).substitute(values)
        try:
            make_folder(path.parent)
            with whole_file(path) as file:
                file.write(text)
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror or error}") from None
        print(path)
    where = "" if args.folder == Path() else f"cd {shlex.quote(str(args.folder))} && "
    print(
        f"next: {where}pytest --judge-model {judge} --judge-thresholds thresholds.toml",
        file=sys.stderr,
    )
    return 0
