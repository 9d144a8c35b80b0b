"""``imagejudge serve``: start a judge's server as the plugin would, so that the next runs find it."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

from ..engines.vllm import shared_server
from ..engines.vllm.engine import VllmEngine
from ..engines.vllm.state import State
from ..errors import ConfigError, EngineError
from ..settings import API_KEY_VARIABLE, SIGNALS, JudgeSettings, cache_dir
from ..support.escaping import escape, for_log
from .judge_options import add_judge_options, judge_settings
from .printing import print_json

DEFAULT_MINUTES = 60.0


def register(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_judge_options(
        parser, without=("judge_max_pixels", "judge_stored_only", "judge_price", "edit_judge_price", "judge_budget")
    )
    parser.add_argument(
        "--foreground",
        action="store_true",
        help="stay in the foreground and show the server's log; Ctrl-C ends the server",
    )
    parser.add_argument(
        "--stop", action="store_true", help="end the server of the named judge; without a judge, all servers"
    )
    parser.add_argument(
        "--json", action="store_true", help="print an object in JSON: url, key, model, log, ...; with --stop: stopped"
    )
    parser.epilog = (
        f"Without --judge-keep-alive the server ends after {DEFAULT_MINUTES:g} minutes without use. "
        "With --judge-sleep, whatever its seconds, it starts with sleep mode."
    )


def run(args: argparse.Namespace) -> int:
    """Start or stop the server."""
    if args.foreground and args.judge_keep_alive is not None:
        raise ConfigError("--foreground and --judge-keep-alive exclude each other; give one of them")
    judges = [_left_up(settings, foreground=args.foreground) for settings in judge_settings(args)]
    if args.stop:
        return _stop(judges, as_json=args.json)
    if len(judges) != 1:
        raise ConfigError("name one judge with --judge-model or --edit-judge-model")
    return asyncio.run(_serve(judges[0], foreground=args.foreground, as_json=args.json))


def _left_up(settings: JudgeSettings, *, foreground: bool) -> JudgeSettings:
    if foreground:
        return settings
    minutes = DEFAULT_MINUTES if settings.keep_alive is None else settings.keep_alive
    if minutes == 0:
        raise ConfigError(f"--judge-keep-alive: minutes, more than 0, are expected, not {minutes:g}")
    return replace(settings, keep_alive=minutes)


def _engine(settings: JudgeSettings) -> VllmEngine:
    from ..engines import make_engine
    from ..judge import protocol_for

    if not (settings.urls or settings.model == SIGNALS):
        engine = make_engine(settings, protocol_for(settings), state_dir=cache_dir())
        if isinstance(engine, VllmEngine):
            return engine
    raise ConfigError("only a model that vLLM serves has a server: a Hub id or a folder")


async def _serve(settings: JudgeSettings, *, foreground: bool, as_json: bool) -> int:
    engine = _engine(settings)
    engine.preflight()
    try:
        await engine.start(lambda line: print(line, file=sys.stderr, flush=True))
        state, log = engine.running()
        facts = {
            "model": settings.model,
            "revision": engine.identity().revision,
            "url": f"{state.url}/v1",
            "key": state.key,
            "log": str(log),
            "pid": state.server,
            "keep_alive_minutes": settings.keep_alive,
        }
        if as_json:
            print(json.dumps(facts, indent=2), flush=True)
        else:
            option = "--edit-judge" if settings.kind == "edit" else "--judge"
            print(f"serving {escape(settings.model)} at {facts['url']}, log {facts['log']}", file=sys.stderr)
            print(
                f"runs on this machine find it by the same options, {option}-model ...; on others give:",
                file=sys.stderr,
            )
            print(f"{API_KEY_VARIABLE}={state.key} pytest {option}-url {facts['url']}", flush=True)
        if foreground:
            await _follow(log)
    finally:
        await engine.close()
    return 0


async def _follow(log: Path) -> None:
    """Copy the log to standard error for as long as the server is up."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        while True:
            for line in lines:
                print(for_log(line.rstrip("\n")), file=sys.stderr, flush=True)
            state = State.read(log.parent)
            if state is None or state.status not in ("starting", "ready"):
                raise EngineError(f"the server ended{f': {state.message}' if state and state.message else ''}")
            await asyncio.sleep(0.5)


def _stop(judges: list[JudgeSettings], *, as_json: bool) -> int:
    wanted = {_engine(settings).server_folder().name for settings in judges}
    stopped = []
    for folder, state, _ in list(shared_server.running(cache_dir())):
        if not judges or folder.name in wanted:
            if not shared_server.stop(folder):
                raise EngineError(f"the server of {escape(state.title)} (process {state.supervisor}) does not end")
            print(f"ended the server of {escape(state.title)}", file=sys.stderr)
            first = state.first
            stopped.append({"model": state.title, "url": f"{first.url}/v1" if first.url else None, "pid": first.server})
    if not stopped:
        print("no such server is up", file=sys.stderr)
    if as_json:
        print_json({"stopped": stopped})
    return 0
