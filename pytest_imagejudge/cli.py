"""The command ``imagejudge``. Each subcommand is a module in ``commands/``, imported only when asked for."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from .commands.printing import mute
from .errors import ConfigError, EngineError, ImageJudgeError
from .support.escaping import for_log
from .taxonomy import nearest

DONE, GATE_FAILED, BAD_INPUT, ENGINE_FAILED = 0, 1, 2, 3

# name: (module in commands/, one line for --help)
COMMANDS: dict[str, tuple[str, str]] = {
    "score": ("score", "judge the rows of a file or the images of a folder"),
    "rank": ("rank", "copy the best of several images or edits of one prompt"),
    "leaderboard": ("leaderboard", "rank models from their recorded answers"),
    "agree": ("agree", "measure how well a judge agrees with people"),
    "compare": ("compare", "compare two runs, image by image"),
    "plan": ("plan", "plan how many images a gate needs"),
    "report": ("report", "merge reports and write them in other formats"),
    "store": ("store", "count, remove, export or import stored answers"),
    "protocol": ("protocol", "fetch or show a judge's requests, and read recorded answers"),
    "baseline": ("baseline", "approve single images of a run as the new baseline"),
    "thresholds": ("thresholds", "show what a profile bounds, and how two differ"),
    "serve": ("serve", "start a judge's server and leave it running"),
    "doctor": ("doctor", "check whether a judge can run on this machine"),
    "init": ("init", "write a starter: a test, a profile, a workflow"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code (0 done, 1 gate failed, 2 bad input, 3 engine failed)."""
    from ._version import __version__

    _standard_streams()
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = _Parser(prog="imagejudge", description="Gate the quality of generated and edited images.")
    parser.add_argument("--version", action="version", version=f"imagejudge {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((arg for arg in argv if arg in COMMANDS), None)
    for name, (module, line) in COMMANDS.items():
        sub = subparsers.add_parser(name, help=line, description=line[0].upper() + line[1:] + ".")
        if name == chosen:
            command = importlib.import_module(f".commands.{module}", __package__)
            command.register(sub)
            sub.set_defaults(run=command.run)
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        named = _chosen(parser, args)
        options = [option for action in named._actions for option in action.option_strings]
        hints = [_hint(one.partition("=")[0], options) for one in unknown]
        shown = ", ".join(one + hint for one, hint in zip(unknown, hints, strict=True))
        named.error(f"unrecognized arguments: {shown}")
    try:
        code = int(args.run(args))
        try:
            sys.stdout.flush()
        except BrokenPipeError:  # a reader that leaves early, such as ``head``, does not change the exit code
            mute()
        return code
    except EngineError as error:
        return _fail(error, ENGINE_FAILED)
    except (ConfigError, ImageJudgeError) as error:
        return _fail(error, BAD_INPUT)
    except KeyboardInterrupt:
        print("imagejudge: interrupted; with a store, answers so far are kept", file=sys.stderr)
        return 130
    except BrokenPipeError:
        mute()
        return DONE
    except OSError as error:  # a full disk, a folder that may not be written to: no gate's failure, so not exit 1
        mute()
        return _fail(error, BAD_INPUT)
    except Exception:  # noqa: BLE001 - a fault of ours is no gate's failure
        traceback.print_exc()
        return ENGINE_FAILED


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors name the nearest choice, and hold nothing that a terminal or a log acts on."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)  # else --prompt would be --prompts, which is something else

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += nearest(str(value), map(str, action.choices or ()))
            raise

    def error(self, message: str) -> NoReturn:
        """Print usage and ``message``; exit 2."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction) and message.endswith(f": {action.metavar}"):
                message += f"; one of {', '.join(action.choices)} is expected"  # argparse names the place alone
        super().error(for_log(message))


def _hint(given: str, options: Sequence[str]) -> str:
    """Name the option that is meant: of a short one, such as ``-o``, that which alone begins with its letter."""
    if given.startswith("--"):
        return nearest(given, options)
    meant = [option for option in options if given.startswith("-") and option.startswith(f"-{given}")]
    return f' (did you mean "{meant[0]}"?)' if len(meant) == 1 else ""


def _chosen(parser: argparse.ArgumentParser, args: argparse.Namespace) -> argparse.ArgumentParser:
    """The parser of the subcommand that was given, which knows the options."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return _chosen(action.choices[getattr(args, action.dest)], args)
    return parser


def _standard_streams() -> None:
    """Replace a closed standard stream (``>&-``) by the null device; escape characters that a stream can't encode."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - stays open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # prompts are in any script, terminals are not
    if not isinstance(sys.stderr, _Unheard):
        sys.stderr = _Unheard(sys.stderr)


class _Unheard:
    """Standard error whose failures are ignored: a pipe whose reader left, or a full disk, ends no work."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _fail(error: Exception, code: int) -> int:
    for number, line in enumerate(str(error).split("\n")):  # names and values in it come from outside
        print(for_log(("" if number else "imagejudge: ") + line), file=sys.stderr)
    return code
