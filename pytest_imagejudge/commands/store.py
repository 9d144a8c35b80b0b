"""``imagejudge store``: inspect, prune, export and import the store of answers."""

from __future__ import annotations

import argparse
import contextlib
import math
import re
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..store.answer_store import FILE_NAME, Outline, Store, default_root
from ..store.exchange import Import, export_answers, import_answers
from ..store.sqlite_file import SCHEMA
from ..support.escaping import escape, for_log
from ..support.words import plural
from ..taxonomy import nearest
from .printing import note, print_json

_DAY_S = 86400.0


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--store",
        "--judge-store",
        dest="store",
        metavar="DIR",
        type=folder_name,
        default=argparse.SUPPRESS,
        help="the store's folder (default: .imagejudge/store)",
    )
    parser.add_argument(
        "--store", "--judge-store", dest="store", metavar="DIR", type=folder_name, help="the store's folder"
    )
    actions = parser.add_subparsers(dest="action", metavar="stats | prune | export | import", required=True)

    stats = actions.add_parser("stats", parents=[where], help="check every checksum and count what is stored")
    stats.add_argument("--json", action="store_true", help="print JSON")

    prune = actions.add_parser("prune", parents=[where], help="remove answers and return their space to the disk")
    prune.add_argument("--older-than", type=_days, metavar="DAYS", help="remove only answers that are older")
    prune.add_argument(
        "--model", action="append", default=[], metavar="ID", help="remove only answers of this judge; may be repeated"
    )
    prune.add_argument(
        "--max-size",
        type=_size,
        metavar="SIZE",
        help="then remove the oldest answers of all judges until the store is this small (500MB, 2GB)",
    )
    prune.add_argument(
        "--unreadable",
        action="store_true",
        help="remove only answers that can't be read or were cut off, which no run is given",
    )
    prune.add_argument(
        "--protocol",
        action="append",
        default=[],
        metavar="NAME",
        help="with --unreadable: a protocol file of yours, by which its answers are read; may be repeated",
    )
    prune.add_argument("--dry-run", action="store_true", help="print what would be removed, and remove nothing")
    prune.add_argument("--json", action="store_true", help="print JSON")

    export = actions.add_parser("export", parents=[where], help="write all answers to a file")
    export.add_argument(
        "file", metavar="FILE", help="a JSON Lines file, compressed where the name ends in .gz; - is stdout"
    )

    take = actions.add_parser("import", parents=[where], help="add the answers of an exported file")
    take.add_argument("file", metavar="FILE", help="a file that export wrote; - is stdin")
    take.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit code."""
    root = args.store or default_root()
    action = {"stats": _stats, "prune": _prune, "export": _export, "import": _import}[args.action]
    if args.action != "import" and not (root / FILE_NAME).exists():
        raise ConfigError(f"there is no store at {escape(root)} ({FILE_NAME} expected there); --store names another")
    with Store(root, create=args.action == "import") as store:
        return action(store, args)


# --- stats ----------------------------------------------------------------------------------------------------------


def _stats(store: Store, args: argparse.Namespace) -> int:
    judges: dict[tuple[str, str, str], dict[str, Any]] = {}
    dimensions: dict[str, int] = {}
    entries, signed, oldest, newest = 0, 0, None, None
    for row in store.rows():
        entry = store.read(row)
        if entry is None:
            continue
        entries += 1
        signed += row.mac is not None
        oldest = entry.stored if oldest is None else min(oldest, entry.stored)
        newest = entry.stored if newest is None else max(newest, entry.stored)
        judge = judges.setdefault((row.model, row.revision, row.protocol), {"answers": 0, "bytes": 0})
        judge["answers"] += 1
        judge["bytes"] += len(row.body)
        dimensions[row.dimension] = dimensions.get(row.dimension, 0) + 1
    found: dict[str, Any] = {
        "store": str(store.root),
        "schema": SCHEMA,
        "answers": entries,
        "bytes": store.path.stat().st_size if store.path.exists() else 0,
        "oldest": _when(oldest),
        "newest": _when(newest),
        "judges": [
            {"model": model, "revision": revision, "protocol": protocol, **counts}
            for (model, revision, protocol), counts in sorted(judges.items())
        ],
        "dimensions": dict(sorted(dimensions.items())),
        "images": len(store.index()),
        "signed": signed,
        "damaged": store.damaged,
        "untrusted": store.untrusted,
    }
    code = 2 if store.troubles else 0
    if args.json:
        print_json(found)
        return code
    print(f"store      {for_log(store.root)}")
    print(f"answers    {entries:,} in {_bytes(found['bytes'])}, of {found['images']:,} known image files")
    if entries:
        print(f"stored     {found['oldest']} to {found['newest']}")
    for judge in found["judges"]:
        name = (
            " ".join(for_log(judge[part]) for part in ("model", "revision", "protocol") if judge[part]) or "(unnamed)"
        )
        print(f"judge      {name}: {plural(judge['answers'], 'answer')}, {_bytes(judge['bytes'])}")
    for name, count in found["dimensions"].items():
        print(f"dimension  {for_log(name) or '(unnamed)'}: {count:,}")
    if signed or store.seal.keyed:
        print(f"signed     {signed:,}")
    print(f"damaged    {store.damaged:,}" + (f", not trusted {store.untrusted:,}" if store.seal.keyed else ""))
    return code


# --- prune ----------------------------------------------------------------------------------------------------------


def _prune(store: Store, args: argparse.Namespace) -> int:
    if args.older_than is None and args.max_size is None and not args.model and not args.unreadable:
        raise ConfigError("prune needs --older-than DAYS, --model ID, --unreadable or --max-size SIZE")
    if args.protocol and not args.unreadable:
        raise ConfigError("--protocol says how answers are read, which only --unreadable does")
    rows = store.outline()
    if store.troubles:
        return 2  # said already
    models = {row.model for row in rows}
    for model in args.model:
        if model not in models:
            hint = escape(nearest(model, models))
            raise ConfigError(f'--model "{escape(model)}": the store has no answers of it{hint}')
    before = store.path.stat().st_size
    gone, index_before, index_share = _chosen(store, rows, args), 0.0, 0.0
    if args.older_than is not None and not args.unreadable:
        index_before = _moment(args.older_than)
    if args.max_size is not None:
        more = _oldest(rows, gone, args.max_size, store.used_bytes())
        index_share = len(more) / max(1, len(rows) - len(gone))
        gone.update(more)
    too_large = args.max_size is not None and before > args.max_size  # what is free in the file may be all it takes
    if not args.dry_run and (gone or index_before or too_large) and not store.remove(gone, index_before, index_share):
        return 2  # said already
    while args.max_size is not None and not args.dry_run and store.path.stat().st_size > args.max_size:
        rest = store.outline()  # the file's own structure took more than its share
        more = _oldest(rest, set(), args.max_size, store.path.stat().st_size)
        if not more:
            break
        if not store.remove(more, 0.0, len(more) / len(rest)):
            return 2  # said already
        gone.update(more)
    after = store.path.stat().st_size
    left = len(rows) - len(gone)
    done = {"removed": len(gone), "left": left, "bytes_before": before, "bytes_after": after, "dry_run": args.dry_run}
    if args.json:
        print_json(done)
    elif args.dry_run:
        print(f"would remove {plural(len(gone), 'answer')} and leave {left:,}; {_bytes(before)} now")
    else:
        print(f"removed {plural(len(gone), 'answer')}, {left:,} left; {_bytes(before)} before, {_bytes(after)} now")
    if args.max_size is not None and not args.dry_run and after > args.max_size:
        note(f"{_bytes(after)} are still more than --max-size")
    return 2 if store.troubles else 0


def _moment(days: float) -> float:
    """The time that was so many days ago."""
    return time.time() - days * _DAY_S


def _chosen(store: Store, rows: list[Outline], args: argparse.Namespace) -> set[str]:
    """The keys of the answers that are to go whatever the size."""
    if args.older_than is None and not args.model and not args.unreadable:
        return set()
    keys: set[str] | None = None
    if args.unreadable:
        from ..store.unsettled import unsettled

        found = unsettled(store, args.protocol)
        keys = found.keys
        for name, count in sorted(found.not_read.items()):
            which = f'protocol "{escape(name)}", which' if name else "a protocol that"
            note(f"not read: {plural(count, 'answer')} of {which} is not known here; --protocol names its file")
    before = math.inf if args.older_than is None else _moment(args.older_than)
    return {
        row.key
        for row in rows
        if row.stored < before and (not args.model or row.model in args.model) and (keys is None or row.key in keys)
    }


def _oldest(rows: list[Outline], gone: set[str], limit: int, used: int) -> list[str]:
    """The keys of the oldest rows that must go for the file to come down to ``limit`` bytes.

    The file's own structure and the index are spread over the rows, with a tenth as a margin.
    """
    total = sum(row.size for row in rows)
    share = 1.1 * used / total if total else 1.0
    kept = sorted((row for row in rows if row.key not in gone), key=lambda row: row.stored)
    left = sum(row.size for row in kept)
    more = []
    for row in kept if used > limit else []:
        if left * share <= limit:
            break
        more.append(row.key)
        left -= row.size
    return more


# --- export and import ----------------------------------------------------------------------------------------------


def _export(store: Store, args: argparse.Namespace) -> int:
    count = export_answers(store, args.file)
    left_out = [
        f"{number:,} {word}"
        for number, word in ((store.damaged, "damaged"), (store.untrusted, "not trusted"))
        if number
    ]
    print(
        f"imagejudge: {plural(count, 'answer')} exported" + (f"; left out: {', '.join(left_out)}" if left_out else ""),
        file=sys.stderr,
    )
    return 0


def _import(store: Store, args: argparse.Namespace) -> int:
    found = Import()
    for line in import_answers(store, args.file, found):
        note(line)
    found.added -= store.unsaved
    if args.json:
        print_json(asdict(found))
    else:
        print(
            f"{plural(found.added, 'answer')} added, {found.already:,} there already, "
            f"{found.conflicts:,} different from those there, which were kept; "
            f"refused: {found.damaged:,} damaged, {found.untrusted:,} not trusted"
        )
    return 2 if found.damaged or found.untrusted or store.troubles else 0


# --- words and numbers ----------------------------------------------------------------------------------------------


def folder_name(text: str) -> Path:
    """A folder as an argument; an empty name, such as that of a variable that is not set, is none."""
    if not text:
        raise argparse.ArgumentTypeError("expected a folder; got an empty name")
    return Path(text)


def _days(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= (value := float(text)) < float("inf"):
            return value
    raise argparse.ArgumentTypeError(f"expected days, such as 30 or 0.5; got {text!r}")


def _size(text: str) -> int:
    match = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([KMGT]?)(i?)B?\s*", text, re.IGNORECASE)
    if not match:
        raise argparse.ArgumentTypeError(f"expected a size such as 500MB or 2GB; got {text!r}")
    step = 1024 if match[3] else 1000
    return int(float(match[1]) * step ** " KMGT".index(match[2].upper() or " "))


def _bytes(count: int) -> str:
    value, unit = float(count), "bytes"
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"


def _when(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
