"""``imagejudge protocol``: fetch the published words, show requests, read recorded answers."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..protocols.base import Reading
from ..scoring.verdict import Problem, nested
from ..tables.json_rows import object_row
from ..tables.rows import kind_of, show_value
from ..taxonomy import EDIT, nearest
from .printing import ascii_json, note, print_json, put

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..protocols.base import Protocol


def register(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands' options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    pull = actions.add_parser(
        "pull",
        help="fetch the published prompts of Q-Judger, IE-Critic-R1, VIEScore and EditScore",
        description="Fetch the prompts that the published judges were trained on, check their SHA-256 and keep "
        "them in the user's cache. With --from, take them from a file or a checkout instead of the network.",
    )
    pull.add_argument("--protocol", metavar="NAME", help="fetch only the prompts of this protocol")
    pull.add_argument(
        "--from", dest="origin", metavar="FILE|DIR", type=Path, help="take them from a file or checkout on this machine"
    )

    show = actions.add_parser(
        "show",
        help="print the requests for an image or an edit",
        description='Print the requests as a JSON array of {"dimension", "messages"}, as they go to the endpoint.',
    )
    show.add_argument("--protocol", metavar="NAME", required=True, help="a protocol's name, or a TOML file")
    show.add_argument("--prompt", metavar="TEXT", help="the prompt that the image was made from")
    show.add_argument(
        "--aspect",
        choices=("stretch", "keep"),
        default="stretch",
        help="stretch Q-Judger's pictures to a square, as published, or keep their aspect",
    )
    show.add_argument("--source", metavar="FILE", help="the image before the edit")
    show.add_argument("--edited", metavar="FILE", help="the image after the edit")
    show.add_argument("--instruction", metavar="TEXT", help="the instruction of the edit")
    show.add_argument("image", metavar="IMAGE", nargs="?", help="the image")

    read = actions.add_parser(
        "read",
        help="read recorded answers",
        description='Read answers, one {"id", "dimension", "text", "finish_reason"} a line, and print one {"id", '
        '"dimension", "level3", "problems", "unreadable"} a line; for edits "score" in place of "level3", of viescore '
        'and editscore with "scores", the numbers as they were asked for.',
    )
    read.add_argument("--protocol", metavar="NAME", required=True, help="a protocol's name, or a TOML file")
    read.add_argument("file", metavar="FILE.jsonl", help='"-" reads standard input')

    export = actions.add_parser(
        "export",
        help="print a protocol of this project as TOML",
        description="Print a protocol of this project as TOML. A changed copy is a protocol of its own: "
        "name its file with --judge-protocol or --edit-judge-protocol.",
    )
    export.add_argument("name", metavar="NAME", choices=("house", "house-edit"), help="house or house-edit")


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    return {"pull": _pull, "show": _show, "read": _read, "export": _export}[args.action](args)


def _pull(args: argparse.Namespace) -> int:
    from ..protocols import published_words

    if args.protocol is not None and args.protocol not in published_words.PINS:
        raise ConfigError(
            f'"{args.protocol}" has no published words{nearest(args.protocol, published_words.PINS)}; '
            f"expected {' or '.join(published_words.PINS)}"
        )
    pins = [pin for name, pin in published_words.PINS.items() if args.protocol in (None, name)]
    if args.origin is None:
        for pin in pins:
            published_words.pull(pin)
            print(published_words.cached_path(pin))
        return 0
    if not args.origin.exists():
        raise ConfigError(f"--from {args.origin}: no such file or folder")
    kept = [
        published_words.keep(pin, content)
        for pin in pins
        if (content := published_words.find(pin, args.origin)) is not None
    ]
    if not kept:
        wanted = "; ".join(f"{pin.path} of {pin.protocol}: {pin.sha256}" for pin in pins)
        raise ConfigError(f"--from {args.origin}: no file with an expected SHA-256 ({wanted}){_found(args.origin)}")
    for path in kept:
        print(path)
    return 0


def _found(origin: Path) -> str:
    import hashlib

    return f"; found {hashlib.sha256(origin.read_bytes()).hexdigest()}" if origin.is_file() else ""


def _show(args: argparse.Namespace) -> int:
    from ..protocols import load_protocol

    edit = args.source is not None or args.edited is not None or args.instruction is not None
    protocol = load_protocol(args.protocol, kind="edit" if edit else None, aspect=args.aspect)
    if protocol.kind == "image":
        given = {"--prompt": args.prompt, "IMAGE": args.image}
        text, files = args.prompt, [args.image]
    else:
        if args.image is not None or args.prompt is not None:
            raise ConfigError(
                f"{protocol.name} judges edits: --source, --edited and --instruction, no IMAGE or --prompt"
            )
        given = {"--source": args.source, "--edited": args.edited, "--instruction": args.instruction}
        text, files = args.instruction, [args.source, args.edited]
    if missing := [option for option, value in given.items() if value is None]:
        raise ConfigError(f"protocol show --protocol {args.protocol} needs {', '.join(missing)}")
    images = [_load(name) for name in files]
    requests = [protocol.render(text, images, dimension) for dimension in protocol.dimensions]
    found = [problem for made in requests for problem in protocol.text_problems(text, made.dimension)]
    for words in dict.fromkeys(f"{problem.kind}: {problem.detail}" for problem in found):
        note(words)
    shown = [{"dimension": request.dimension, "messages": request.messages} for request in requests]
    print_json(shown)
    return 0


def _load(name: str) -> Image:
    from ..images.loading import load

    return load(name)


def _export(args: argparse.Namespace) -> int:
    from ..protocols.house import source_of

    sys.stdout.flush()
    sys.stdout.buffer.write(source_of(args.name).encode())  # TOML is UTF-8, whatever the terminal's encoding is
    return 0


def _read(args: argparse.Namespace) -> int:
    from ..protocols import load_protocol

    protocol = load_protocol(args.protocol)
    wrong: list[str] = []
    for number, line in _lines(args.file):
        try:
            entry = _entry(number, line, protocol)
        except ValueError as error:
            wrong.append(f"{args.file}, line {number}: {error}")
            continue
        put(ascii_json(_shown(entry, _reading(entry, protocol), protocol), None))
    if wrong:
        more = f"\n... and {len(wrong) - 20} more" if len(wrong) > 20 else ""
        raise ConfigError("\n".join(wrong[:20]) + more)
    return 0


def _lines(name: str) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers; a BOM before the first is dropped."""
    with contextlib.ExitStack() as stack:
        try:
            stream = sys.stdin.buffer if name == "-" else stack.enter_context(Path(name).open("rb"))
        except OSError as error:
            raise ConfigError(f"{name} can't be read: {error.strerror or error}") from error
        for number, line in enumerate(stream, 1):
            content = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if content.strip():
                yield number, content


def _entry(number: int, line: bytes, protocol: Protocol) -> dict[str, Any]:
    """One recorded answer with its place, model and finish reason checked. The text itself may be anything.

    Raises:
        ValueError: the line can't be used; the message says why.
    """
    row = object_row(number, number, line.decode("utf-8", "surrogateescape"))
    if row.message:
        raise ValueError(row.message)
    entry = row.values
    asks_once = protocol.kind == "edit" and len(protocol.dimensions) == 1
    needed = ("id", "text") if asks_once else ("id", "text", "dimension")
    if missing := [field for field in needed if field not in entry]:
        raise ValueError(f"no {', '.join(missing)}; expected id, dimension, text, finish_reason")
    for name in ("id", "dimension"):  # they are printed again
        try:
            ascii_json(entry.get(name), None)
        except (ValueError, RecursionError):
            raise ValueError(f"{name}: found {entry[name]!r:.80}, which is no JSON") from None
    if not isinstance(entry.get("finish_reason"), str | None):
        raise ValueError(f"finish_reason: found {entry['finish_reason']!r:.80}, expected a string or null")
    if asks_once:
        entry.setdefault("dimension", protocol.dimensions[0])
    elif entry["dimension"] not in protocol.dimensions:
        name = entry["dimension"]
        hint = nearest(name, protocol.dimensions) if isinstance(name, str) else ""
        raise ValueError(f"dimension: found {show_value(name)}{hint}, expected {', '.join(protocol.dimensions)}")
    return entry


def _reading(entry: dict[str, Any], protocol: Protocol) -> Reading:
    """Reading of an answer; null, or a value that is no text, is unreadable as an empty answer is, with its type."""
    text, dimension = entry["text"], entry["dimension"]
    if text is None or isinstance(text, str):
        return protocol.read(dimension, text or "", entry.get("finish_reason"))
    path = (dimension if dimension in protocol.dimensions else EDIT,)
    return Reading(unreadable=(path,), problems=(Problem(path, "wrong-type", f"{kind_of(text)} instead of text"),))


def _shown(entry: dict[str, Any], reading: Reading, protocol: Protocol) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": entry["id"], "dimension": entry["dimension"]}
    if protocol.kind == "image":
        shown["level3"] = {
            one: {
                two: {
                    three: {"raw": facet.raw, "score": facet.score, "evidence": facet.evidence}
                    for three, facet in threes.items()
                }
                for two, threes in twos.items()
            }
            for one, twos in nested(reading.level3).items()
        }
    elif len(protocol.dimensions) > 1 and not protocol.edit_types:
        shown |= {"scores": list(reading.scores) or None, "score": reading.score}
    else:
        shown["score"] = reading.score
        if reading.aspects:
            shown["aspects"] = dict(reading.aspects)
    shown["problems"] = [
        {"path": list(problem.path), "kind": problem.kind, "detail": problem.detail} for problem in reading.problems
    ]
    shown["unreadable"] = [list(path) for path in reading.unreadable]
    return shown
