"""``imagejudge doctor``: checks of whether a judge can run on this machine, with the figures."""

from __future__ import annotations

import argparse
import platform
import sys
from typing import Any

from ..engines.endpoint import EndpointEngine
from ..engines.vllm import shared_server
from ..engines.vllm.copy_plan import most_words
from ..engines.vllm.engine import VllmEngine
from ..engines.vllm.foreign_variables import describe_left_out, foreign_variables
from ..engines.vllm.gpus import gib, gpu_problem, visible_gpus
from ..engines.vllm.install import find_vllm
from ..engines.vllm.placement import main_memory
from ..engines.vllm.planning import describe
from ..errors import ConfigError, ImageJudgeError
from ..settings import SIGNALS, JudgeSettings, cache_dir
from ..support.caches import engine_folder, unusable_cache
from ..support.entry_points import ENGINES, PROTOCOLS, distributions_of
from ..support.escaping import escape, for_log
from . import signals_table
from .cards import print_plan
from .endpoint_check import trial_lines, try_endpoint
from .judge_options import add_judge_options, judge_settings
from .printing import print_json, put

ALL_RIGHT, SOMETHING_WRONG = 0, 2


def register(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_judge_options(parser, without=("judge_keep_alive", "judge_max_pixels", "judge_stored_only"))
    parser.add_argument("--json", action="store_true", help="print an object in JSON")
    parser.add_argument(
        "--plan", action="store_true", help="print which judge fits cards of 16, 24, 48, 80 and 140 GB; checks nothing"
    )
    parser.epilog = "Exit code: 0 the judges that are named can run here, 2 one of them can't."


def run(args: argparse.Namespace) -> int:
    """Inspect this machine, print the findings, and return 0 where every named judge could run."""
    if args.plan:
        print_plan(as_json=args.json)
        return ALL_RIGHT
    found = inspect_machine(judge_settings(args))
    if args.json:
        print_json(found)
    else:
        put("\n".join(map(for_log, _lines(found))))
    return ALL_RIGHT if found["ok"] else SOMETHING_WRONG


def inspect_machine(judges: list[JudgeSettings]) -> dict[str, Any]:
    """Findings about this machine, and about each judge whether it could run."""
    from .._version import __version__

    found: dict[str, Any] = {
        "imagejudge": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "machine": f"{platform.system()} {platform.machine()}",
        "memory_bytes": main_memory(),
        "cache": None,
        "cache_error": unusable_cache(),
        "vllm": None,
        "gpus": [],
        "engines": distributions_of(ENGINES),
        "protocols": distributions_of(PROTOCOLS),
        "servers": [],
    }
    try:
        found["cache"] = str(cache_dir())
        found["servers"] = [
            {
                "model": state.title,
                "status": state.status,
                "url": state.first.url,
                "users": users,
                "folder": str(folder),
                "copies": [{"status": copy.status, "url": copy.url, "place": copy.place} for copy in state.copies],
            }
            for folder, state, users in shared_server.running(cache_dir())
        ]
    except ConfigError:
        pass  # told in "cache_error"
    try:
        install = find_vllm()
        found["vllm"] = {
            "version": install.version,
            "torch": install.torch,
            "device": install.device,
            "python": install.python,
        }
    except ImageJudgeError as error:
        found["vllm_error"] = str(error)
    found["gpus"] = [
        {
            "index": gpu.index,
            "uuid": gpu.uuid,
            "name": gpu.name,
            "total_bytes": gpu.total,
            "free_bytes": gpu.free,
            "holders": [{"pid": h.pid, "name": h.name, "bytes": h.bytes} for h in gpu.holders],
        }
        for gpu in visible_gpus()
    ]
    found["gpu_problem"] = gpu_problem()
    found["left_out"] = foreign_variables()
    found["judges"] = [_judge(settings) for settings in judges]
    found["ok"] = all(judge["ok"] for judge in found["judges"])
    return found


def _judge(settings: JudgeSettings) -> dict[str, Any]:
    from ..engines import make_engine
    from ..judge import protocol_for

    found: dict[str, Any] = {"kind": settings.kind, "model": settings.model, "ok": True, "problems": []}
    try:
        protocol = protocol_for(settings)
        found["protocol"] = protocol.name
        found["protocol_digest"] = protocol.digest  # fetches the published words where they are not here
    except ImageJudgeError as error:
        found["problems"].append(str(error))
    try:
        engine = make_engine(settings, protocol_for(settings), state_dir=engine_folder(settings))
        found["engine"] = engine.name
        if isinstance(engine, VllmEngine):
            found |= _looked_up(engine, found["problems"])  # worth knowing even where there is no vLLM
        engine.preflight()
        if isinstance(engine, VllmEngine):
            found["problems"] += filter(None, [unusable_cache()])
            found |= _served(engine, found["problems"])
        elif isinstance(engine, EndpointEngine):
            found["urls"] = [address.base for address in engine.addresses]
            found["problems"] += engine.unreachable()
            if not found["problems"]:
                found |= try_endpoint(engine, protocol, found["problems"])
        if engine.name == SIGNALS:
            edits = settings.kind == "edit"
            found["measures"] = signals_table.edits_as_data() if edits else signals_table.as_data()
        identity = engine.identity()
        found |= {"model": identity.model, "revision": identity.revision}
    except ImageJudgeError as error:
        if str(error) not in found["problems"]:
            found["problems"].append(str(error))
    found["ok"] = not found["problems"]
    return found


def _looked_up(engine: VllmEngine, problems: list[str]) -> dict[str, Any]:
    try:
        model = engine.model()
    except ImageJudgeError as error:
        problems.append(str(error))
        return {}
    return {
        "revision": model.revision,
        "architecture": model.architecture,
        "folder": str(model.folder),
        "weights_bytes": model.weights,
        "download_bytes": model.missing,
    }


def _served(engine: VllmEngine, problems: list[str]) -> dict[str, Any]:
    plan, fits = engine.plan(), engine.fit()
    if not fits.ok and not plan.placement.at_most:
        problems.append(f"it does not fit into the memory that is free: {describe(fits)}")
    return {
        "tensor_parallel": plan.placement.parallel or 1,
        "most_copies": engine.planner.most_copies(),
        "fp8": plan.placement.fp8,
        "needed_bytes": fits.needed_bytes,
        "needed_at_most": plan.placement.at_most,
        "free_bytes": fits.free_bytes,
        "fits": fits.ok,
        "gpus": [gpu.index for gpu in fits.gpus],
        "running": fits.running,
        "beside": engine.beside(),
    }


def _lines(found: dict[str, Any]) -> list[str]:
    """The findings in words; where every judge is embedded, it comes first, and no word is lost about servers."""
    judges = [line for judge in found["judges"] for line in _judge_lines(judge)]
    here = [
        f"imagejudge {found['imagejudge']}, Python {found['python']} ({found['executable']}), {found['machine']}, "
        f"{gib(found['memory_bytes'])} of memory",
        f"cache: {found['cache_error'] or found['cache']}",
    ]
    if found["judges"] and all(judge.get("engine") == SIGNALS for judge in found["judges"]):
        return [*judges, *here]
    if not judges:
        judges = [
            "name a judge (--judge-model, --judge-url, --edit-judge-model) to have it checked; pytest's ini file is "
            "not read here"
        ]
    return [*here, *_server_lines(found), *judges]


def _server_lines(found: dict[str, Any]) -> list[str]:
    lines = []
    if vllm := found["vllm"]:
        lines.append(f"vLLM {vllm['version']} ({vllm['device']} build, PyTorch {vllm['torch']}) in {vllm['python']}")
    elif found["judges"] and all(judge.get("engine") == EndpointEngine.name for judge in found["judges"]):
        lines.append("vLLM: none, and a judge at a URL needs none")
    else:
        lines.append(f"vLLM: {found['vllm_error']}")
    for what in ("engines", "protocols"):
        if found[what]:
            named = ", ".join(f"{escape(name)} ({escape(whose)})" for name, whose in found[what].items())
            lines.append(f"{what} of other distributions: {named}")
    for gpu in found["gpus"]:
        held = "".join(
            f"; {escape(h['name'])} (process {h['pid']}) holds {gib(h['bytes'] or None)}" for h in gpu["holders"]
        )
        free = f"{gib(gpu['free_bytes'])} of {gib(gpu['total_bytes'])} free"
        if gpu["total_bytes"] is None:
            free = "its memory is unknown"
        lines.append(f"GPU {gpu['index']}: {escape(gpu['name'])}, {free}{held}")
    if found["gpu_problem"]:
        lines.append(f"GPUs: {escape(found['gpu_problem'])}")
    elif not found["gpus"]:
        lines.append("GPUs: none that NVML or nvidia-smi shows")
    if left_out := describe_left_out(found["left_out"]):
        lines.append(left_out)
    for one in found["servers"]:
        copies = f", copies: {len(one['copies'])}" if len(one["copies"]) > 1 else ""
        shown = f"{one['status']}, users: {one['users']}, {one['url']}{copies}"
        lines.append(f"a server is up: {escape(one['model'])}, {shown}")
    return lines


def _judge_lines(judge: dict[str, Any]) -> list[str]:
    kind = "edits" if judge["kind"] == "edit" else "images"
    head = f"judge of {kind}: {escape(judge['model'] or 'not named')}"
    for name in ("engine", "protocol", "revision", "architecture"):
        if judge.get(name):
            # an embedded judge has no repository: of it reports name the version
            word = "version" if name == "revision" and judge.get("engine") == SIGNALS else name
            head += f", {word} {escape(judge[name])}"
    lines = [head]
    if "needed_bytes" in judge:
        most = "at most " if judge["needed_at_most"] else ""
        lines.append(
            f"  weights {gib(judge['weights_bytes'])}, to be downloaded {gib(judge['download_bytes'])}; "
            + ("its server runs already" if judge["running"] else f"needs {most}{gib(judge['needed_bytes'])}")
            + (f" on GPU {', '.join(map(str, judge['gpus']))}" if judge["gpus"] else "")
            + (f", {gib(judge['free_bytes'])} free" if judge["gpus"] and not judge["running"] else "")
            + (f"; split over {judge['tensor_parallel']}" if judge["tensor_parallel"] > 1 else "")
            + ("; in FP8" if judge["fp8"] else "")
        )
        if judge["most_copies"] > 1:
            lines.append(f"  {most_words(judge['most_copies'])}")
    if judge.get("beside"):
        lines.append(f"  {escape(judge['beside'])}")
    lines += trial_lines(judge)
    lines += [f"  can't run: {escape(problem)}" for problem in judge["problems"]]
    if not judge["problems"]:
        lines.append("  can run here")
    if "measures" not in judge:
        return lines
    return lines + (signals_table.edit_lines() if judge["kind"] == "edit" else signals_table.lines())
