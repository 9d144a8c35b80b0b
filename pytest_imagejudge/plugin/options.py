"""The options and ini keys: one table, read once into one object."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ..settings import DEFAULT_MAX_PIXELS, SIGNALS, JudgeSettings

DEFAULT_KEEP_ALIVE = 30.0  # minutes

# option, keyword arguments of argparse; the ini twin has the same name without the dashes
_OPTIONS: dict[str, dict[str, Any]] = {
    "--judge-model": {"metavar": "ID", "help": f"judge: a Hub id or folder, served by vLLM, or '{SIGNALS}'"},
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
    "judge_max_pixels": ("string", f"an image with more pixels is an error (default: {DEFAULT_MAX_PIXELS})"),
    "judge_keep_images": ("string", "keep images handed over in memory: failed (default), all or none"),
    "judge_github": ("string", "auto (default: where GITHUB_ACTIONS is set) or off"),
}

_CHOICES = {
    "judge_when": ("auto", "during", "after"),
    "judge_decoding": ("free", "constrained"),
    "judge_aspect": ("stretch", "keep"),
    "judge_keep_images": ("failed", "all", "none"),
    "judge_github": ("auto", "off"),
}


def add_options(parser: pytest.Parser) -> None:
    """Register every option and its ini twin."""
    group = parser.getgroup("imagejudge", "image judge")
    for name, keywords in _OPTIONS.items():
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


@dataclass(frozen=True)
class Options:
    """What the command line and the ini file ask for, checked."""

    rootpath: Path
    image: JudgeSettings
    edit: JudgeSettings
    thresholds: str | None = None
    manifests: tuple[Path, ...] = ()
    metadata: Path | None = None
    root: Path | None = None
    store: Path | None = None
    reports: tuple[Path, ...] = ()
    baseline: Path | None = None
    update_baseline: bool = False
    when: str = "auto"
    repeat: int = 1
    dimensions: tuple[str, ...] | None = None
    max_pixels: int = DEFAULT_MAX_PIXELS
    keep_images: str = "failed"
    github: bool = False

    @property
    def configured(self) -> bool:
        """Whether any judge is asked for."""
        return self.image.configured or self.edit.configured


def configured(config: pytest.Config) -> bool:
    """Whether a judge is asked for; reads nothing else, so that it costs nothing where none is."""
    return any(bool(_value(config, key)) for key in ("judge_model", "judge_url", "edit_judge_model", "edit_judge_url"))


def manifests(config: pytest.Config) -> tuple[Path, ...]:
    """The files of ``--judge-manifest``: of the option from where pytest was called, of the ini from its folder."""
    return _paths(config, "judge_manifest")


def read_options(config: pytest.Config) -> Options:
    """Every option, the command line before the ini file.

    Raises:
        pytest.UsageError: naming the option, what was found, and what is expected.
    """
    text = {key: _choice(config, key, choices) for key, choices in _CHOICES.items()}
    keep_alive = _number(config, "judge_keep_alive", float, at_least=0)
    budget = _number(config, "judge_thinking_budget", int, at_least=0)
    image = JudgeSettings(
        model=_value(config, "judge_model") or None,
        urls=tuple(_value(config, "judge_url") or ()),
        protocol=_protocol(config, "judge_protocol"),
        revision=_value(config, "judge_revision") or None,
        decoding=text["judge_decoding"],  # type: ignore[arg-type]
        aspect=text["judge_aspect"],  # type: ignore[arg-type]
        thinking_budget=None if budget is None else int(budget),
        args=tuple(_value(config, "judge_arg") or ()),
        keep_alive=keep_alive,
        gpus=_value(config, "judge_gpus") or None,
        allow_fp8=bool(_value(config, "judge_allow_fp8")),
        sleep=_number(config, "judge_sleep", float, at_least=0),
    )
    edit = dataclasses.replace(
        image,
        kind="edit",
        model=_value(config, "edit_judge_model") or None,
        urls=tuple(_value(config, "edit_judge_url") or ()),
        protocol=_protocol(config, "edit_judge_protocol"),
        revision=_value(config, "edit_judge_revision") or None,
    )
    store = None if _value(config, "judge_no_store") else _path(config, "judge_store")
    if store is None and not _value(config, "judge_no_store"):
        store = config.rootpath / ".imagejudge" / "store"
    thresholds = _value(config, "judge_thresholds")
    baseline = _path(config, "judge_baseline")
    update = bool(_value(config, "judge_update_baseline"))
    if update and baseline is None:
        raise pytest.UsageError("--judge-update-baseline: name the file to write with --judge-baseline FILE")
    reports = _paths(config, "judge_report")
    for report in reports:
        if report.suffix.lower() not in (".html", ".json", ".md"):
            raise pytest.UsageError(f"--judge-report {report}: a name that ends in .html, .json or .md is expected")
    root = _path(config, "judge_root")
    if root is not None and not root.is_dir():
        raise pytest.UsageError(f"{_shown(config, 'judge_root')}: {root} is no folder")
    repeat = _number(config, "judge_repeat", int, at_least=1)
    pixels = _number(config, "judge_max_pixels", int, at_least=1)
    return Options(
        rootpath=config.rootpath,
        image=image,
        edit=edit,
        thresholds=_located(config, "judge_thresholds", thresholds) if thresholds else None,
        manifests=manifests(config),
        metadata=_path(config, "judge_metadata"),
        root=root,
        store=store,
        reports=reports,
        baseline=baseline,
        update_baseline=update,
        when=text["judge_when"],
        repeat=int(repeat or 1),
        dimensions=tuple(_value(config, "judge_dimensions") or ()) or None,
        max_pixels=int(pixels or DEFAULT_MAX_PIXELS),
        keep_images=text["judge_keep_images"],
        github=text["judge_github"] == "auto" and _on_github(),
    )


def _on_github() -> bool:
    import os

    return os.environ.get("GITHUB_ACTIONS") == "true"


def _value(config: pytest.Config, key: str) -> Any:
    """The option's value, or else its ini twin's."""
    given = config.getoption(key, None)
    return config.getini(key) if given is None else given


def _base(config: pytest.Config, key: str) -> Path:
    """What a relative path is relative to: where pytest was called, or the ini file's folder."""
    if config.getoption(key, None) is not None or config.inipath is None:
        return config.invocation_params.dir
    return config.inipath.parent


def _located(config: pytest.Config, key: str, value: str) -> str:
    """``value`` as a path, if it is a file's, and as it is otherwise."""
    path = _base(config, key) / value
    return str(path) if path.is_file() else value


def _protocol(config: pytest.Config, key: str) -> str | None:
    value = _value(config, key)
    return _located(config, key, value) if value else None


def _path(config: pytest.Config, key: str) -> Path | None:
    value = _value(config, key)
    return _base(config, key) / value if value else None


def _paths(config: pytest.Config, key: str) -> tuple[Path, ...]:
    return tuple(_base(config, key) / value for value in _value(config, key) or ())


def _shown(config: pytest.Config, key: str) -> str:
    """The name under which the user gave it."""
    option = "--" + key.replace("_", "-")
    return option if config.getoption(key, None) is not None and option in _OPTIONS else f"ini {key}"


def _choice(config: pytest.Config, key: str, choices: tuple[str, ...]) -> str:
    value = _value(config, key) or choices[0]
    if value not in choices:
        from ..taxonomy import nearest

        raise pytest.UsageError(
            f"{_shown(config, key)}: one of {', '.join(choices)} is expected, not {value!r}{nearest(value, choices)}"
        )
    return str(value)


def _number(config: pytest.Config, key: str, kind: type[int] | type[float], *, at_least: float) -> float | None:
    value = _value(config, key)
    if value in (None, ""):
        return None
    try:
        number = kind(value)
    except ValueError:
        number = None
    if number is None or not at_least <= number < float("inf"):
        what = "whole number" if kind is int else "number"
        raise pytest.UsageError(f"{_shown(config, key)}: a {what} of at least {at_least:g} is expected, not {value!r}")
    return number
