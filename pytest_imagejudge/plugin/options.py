"""The options and ini keys: one table. Loaded with the plugin, so that nothing else is (see `asked`)."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

DEFAULT_KEEP_ALIVE = 30.0  # minutes
NO_JUDGE = "no judge is configured: give --judge-model or --judge-url"
NO_EDIT_JUDGE = "no judge of edits is configured: give --edit-judge-model or --edit-judge-url"

# option, keyword arguments of argparse; the ini twin has the same name without the dashes
OPTIONS: dict[str, dict[str, Any]] = {
    "--judge-model": {"metavar": "ID", "help": "judge: a Hub id or folder, served by vLLM, or 'signals'"},
    "--judge-url": {
        "metavar": "URL",
        "action": "append",
        "help": "use a running OpenAI-compatible endpoint; may be repeated (key: IMAGEJUDGE_API_KEY)",
    },
    "--edit-judge-model": {"metavar": "ID", "help": "the judge of edits, as --judge-model"},
    "--edit-judge-url": {"metavar": "URL", "action": "append", "help": "the endpoint for edits, as --judge-url"},
    "--judge-protocol": {"metavar": "NAME", "help": "q-judger, house, or a file; default by model"},
    "--edit-judge-protocol": {"metavar": "NAME", "help": "ie-critic, house, or a file; default by model"},
    "--judge-thresholds": {"metavar": "NAME", "help": "a shipped profile or a TOML file; default by judge"},
    "--judge-manifest": {
        "metavar": "FILE",
        "action": "append",
        "help": "judge the rows of a CSV, JSON or JSONL file as tests; may be repeated",
    },
    "--judge-metadata": {"metavar": "FILE", "help": "dimensions to ask about, by row ID"},
    "--judge-root": {"metavar": "DIR", "help": "images of manifests must lie in this folder"},
    "--judge-store": {"metavar": "DIR", "help": "where answers are kept between runs (default: .imagejudge/store)"},
    "--judge-no-store": {"action": "store_true", "help": "keep no answers between runs"},
    "--judge-report": {
        "metavar": "FILE",
        "action": "append",
        "help": "write a report: .html, .json or .md; may be repeated",
    },
    "--judge-arg": {
        "metavar": "ARG",
        "action": "append",
        "help": "one token for the vLLM server, as it is (--judge-arg=--enforce-eager); may be repeated",
    },
    "--judge-keep-alive": {
        "metavar": "MIN",
        "nargs": "?",
        "const": str(DEFAULT_KEEP_ALIVE),
        "help": f"leave the server up for the next run, for MIN minutes without use (default {DEFAULT_KEEP_ALIVE:g})",
    },
    "--judge-baseline": {"metavar": "FILE", "help": "compare with this baseline"},
    "--judge-update-baseline": {"action": "store_true", "help": "write the baseline instead of comparing with it"},
    "--judge-when": {
        "choices": ["auto", "during", "after"],
        "help": "judge while tests generate, or after the last one has freed the GPU (default: auto)",
    },
    "--judge-gpus": {"metavar": "LIST", "help": "GPUs the judge may use, such as 0,1 (default: all visible)"},
    "--judge-repeat": {"metavar": "N", "help": "judge each image N times and report what flips (default: 1)"},
}

_INI: dict[str, tuple[str, str]] = {
    "judge_dimensions": ("linelist", "L1 dimensions to ask about, one a line (default: all five)"),
    "judge_revision": ("string", "revision of the judge's model on the Hub"),
    "edit_judge_revision": ("string", "revision of the edit judge's model on the Hub"),
    "judge_decoding": ("string", "free (as published, the default) or constrained (grammar from the start)"),
    "judge_aspect": ("string", "stretch (as published, the default) or keep"),
    "judge_thinking_budget": ("string", "tokens of thinking where a budget is used"),
    "judge_allow_fp8": ("bool", "serve in FP8 where only that fits"),
    "judge_sleep": ("string", "seconds without use after which the server frees the GPU (0: only on release())"),
    "judge_max_pixels": ("string", "an image with more pixels is an error (default: 100,000,000)"),
    "judge_keep_images": ("string", "keep images handed over in memory: failed (default), all or none"),
    "judge_github": ("string", "auto (default: where GITHUB_ACTIONS is set) or off"),
}


def add_options(parser: pytest.Parser) -> None:
    """Register every option and its ini twin."""
    group = parser.getgroup("imagejudge", "image judge")
    for name, keywords in OPTIONS.items():
        group.addoption(name, dest=_dest(name), default=None, **keywords)
        action = keywords.get("action")
        kind = {"append": "linelist", "store_true": "bool"}.get(str(action), "string")
        parser.addini(_dest(name), f"{keywords['help']} (as {name})", type=kind, default=None)  # type: ignore[arg-type]
    for key, (kind, text) in _INI.items():
        parser.addini(key, text, type=kind, default=None)  # type: ignore[arg-type]


def _dest(option: str) -> str:
    return option.lstrip("-").replace("-", "_")


def spell_out_keep_alive(args: list[str]) -> None:
    """Give a bare ``--judge-keep-alive`` its value, so that it does not swallow the path behind it."""
    for index, arg in enumerate(args):
        if arg == "--":
            return
        if arg == "--judge-keep-alive":
            args[index] = f"--judge-keep-alive={DEFAULT_KEEP_ALIVE:g}"


def refuse_other_roots(args: list[str], config: pytest.Config) -> None:
    """Refuse a path of an option where pytest has taken it for a place of tests.

    pytest looks for its ini file before it knows the options of plugins: in ``--judge-model /models/judge`` it takes
    the folder for one with tests, and the project's ini file, which may name the thresholds, is not read.

    Raises:
        pytest.UsageError: naming the option, and how to write it.
    """
    here = config.invocation_params.dir
    for option, value in itertools.pairwise(itertools.takewhile(lambda arg: arg != "--", args)):
        takes_value = OPTIONS.get(option, {}).get("action") != "store_true"
        if option in OPTIONS and takes_value and _lies_outside(here, value):
            break
    else:
        return
    lost = None if config.known_args_namespace.inifilename else _ini_of(here)  # with -c nothing is looked for
    if lost not in (None, config.inipath):
        raise pytest.UsageError(
            f"{option} {value}: written so, pytest takes the path for a place of tests, and reads "
            f"{config.inipath or 'no ini file'} instead of {lost}; write {option}={value}"
        )


def _ini_of(folder: Path) -> Path | None:
    """The ini file that pytest would have found from ``folder``, if it says anything."""
    from _pytest.config.findpaths import locate_config

    found = locate_config(folder, [folder])
    return found[1] if found[2] else None


def _lies_outside(folder: Path, name: str) -> bool:
    try:
        return (folder / name).exists() and not (folder / name).is_relative_to(folder)
    except (OSError, ValueError):  # no path at all
        return False


def configured(config: pytest.Config) -> bool:
    """Whether a judge is asked for; reads nothing else, so that it costs nothing where none is."""
    return any(bool(get(config, key)) for key in ("judge_model", "judge_url", "edit_judge_model", "edit_judge_url"))


def manifests(config: pytest.Config) -> tuple[Path, ...]:
    """The files of ``--judge-manifest``: of the option from where pytest was called, of the ini from its folder."""
    return paths(config, "judge_manifest")


def get(config: pytest.Config, key: str) -> Any:
    """The option's value, or else its ini twin's."""
    given = config.getoption(key, None)
    return config.getini(key) if given is None else given


def base(config: pytest.Config, key: str) -> Path:
    """What a relative path is relative to: where pytest was called, or the ini file's folder."""
    if config.getoption(key, None) is not None or config.inipath is None:
        return config.invocation_params.dir
    return config.inipath.parent


def path(config: pytest.Config, key: str) -> Path | None:
    """The path that an option or its ini twin names."""
    value = get(config, key)
    return base(config, key) / value if value else None


def paths(config: pytest.Config, key: str) -> tuple[Path, ...]:
    """The paths that a repeated option or its ini twin names."""
    return tuple(base(config, key) / value for value in get(config, key) or ())
