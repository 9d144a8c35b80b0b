"""Options and ini keys of pytest. This module loads with the plugin; `run_options`, which reads them, does not."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import pytest

from ..support.judge_options import (
    DEFAULT_KEEP_ALIVE,
    JUDGE_OPTIONS,
    Option,
    argparse_keywords,
    option_name,
    read_option,
)

NO_JUDGE = "no judge is configured: give --judge-model or --judge-url"
NO_EDIT_JUDGE = "no judge of edits is configured: give --edit-judge-model or --edit-judge-url"

_RUN_OPTIONS: dict[str, Option] = {
    "judge_required": Option("without a judge the run is an error; by default its tests are skipped", kind="flag"),
    "judge_thresholds": Option("a shipped profile or a TOML file; default by judge", "NAME"),
    "judge_manifest": Option("judge the rows of a table as tests (.csv, .xlsx, ...); may be repeated", "FILE", "list"),
    "judge_metadata": Option("dimensions to ask about, by row ID", "FILE"),
    "judge_root": Option("images of manifests must lie in this folder", "DIR"),
    "judge_store": Option("where answers are kept between runs (default: .imagejudge/store)", "DIR"),
    "judge_no_store": Option("keep no answers between runs", kind="flag"),
    "judge_report": Option("write a report: .html, .json or .md; may be repeated", "FILE", "list"),
    "judge_pictures": Option(
        "write small copies of all pictures beside JSON reports, for a page that is made elsewhere", kind="flag"
    ),
    "judge_baseline": Option("compare with this baseline", "FILE"),
    "judge_baseline_pictures": Option(
        "a folder for small copies of the baseline's pictures, which the page shows beside the new ones", "DIR"
    ),
    "judge_history": Option(
        "show each image's scores over earlier runs: a JSON report of one, or a folder of them; may be repeated",
        "PATH",
        "list",
    ),
    "judge_update_baseline": Option("write the baseline instead of comparing with it", kind="flag"),
    "judge_when": Option(
        "judge while tests generate, or after the last one has freed the GPU (default: auto)",
        kind="choice",
        choices=("auto", "during", "after"),
    ),
    "judge_repeat": Option("judge each image N times and report what flips (default: 1)", "N", "whole", at_least=1),
    "judge_dimensions": Option("L1 dimensions to ask about, one a line (default: all five)", "", "list", ini_only=True),
    "judge_keep_images": Option(
        "keep images handed over in memory: failed (default), all or none",
        kind="choice",
        choices=("failed", "all", "none"),
        ini_only=True,
    ),
    "judge_wait_for_plugins": Option(
        "plugins that read the outcome of a test as it ends, one a line, so that tests wait for their verdicts; "
        "no:NAME for one that has such a hook and reads none",
        "",
        "list",
        ini_only=True,
    ),
    "judge_quarantine": Option(
        "tests that are judged and turn nothing red: patterns of their IDs, one a line",
        "",
        "list",
        ini_only=True,
    ),
    "judge_github": Option(
        "auto (default: where GITHUB_ACTIONS is set) or off", kind="choice", choices=("auto", "off"), ini_only=True
    ),
}
_SHOWS_ONLY = (
    *("help", "version", "markers", "collectonly", "setuponly", "setupplan"),
    *("showfixtures", "show_fixtures_per_test", "cacheshow"),
)
TABLE = {**JUDGE_OPTIONS, **_RUN_OPTIONS}  # by key of the ini file
OPTIONS = {option_name(key): option for key, option in TABLE.items() if not option.ini_only}
_INI_TYPES: dict[str, Literal["linelist", "bool"]] = {"list": "linelist", "flag": "bool"}
INI_ONLY = {key: option for key, option in TABLE.items() if option.ini_only}


def add_options(parser: pytest.Parser) -> None:
    """Register every option and its ini key."""
    group = parser.getgroup("imagejudge", "image judge")
    for key, option in TABLE.items():
        text = option.text
        if not option.ini_only:
            name, keywords = option_name(key), argparse_keywords(option)
            if option.choices:
                keywords = {"choices": option.choices, "help": option.text}  # refused even where no judge is asked for
            group.addoption(name, dest=key, default=None, **keywords)
            text = f"{option.text} (as {name})"
        parser.addini(key, text, type=_INI_TYPES.get(option.kind, "string"), default=None)


def spell_out_keep_alive(args: list[str]) -> None:
    """Give a bare ``--judge-keep-alive`` its value, so that it does not swallow the path behind it."""
    for index, arg in enumerate(args):
        if arg == "--":
            return
        if arg == "--judge-keep-alive":
            args[index] = f"--judge-keep-alive={DEFAULT_KEEP_ALIVE:g}"


def refuse_misspelt(args: list[str], parser: pytest.Parser) -> None:
    """Refuse an option that nobody has and that looks like one of ours: pytest would not say which is meant.

    Raises:
        pytest.UsageError: naming the option, and what to write.
    """
    given = [arg.partition("=")[0] for arg in itertools.takewhile(lambda arg: arg != "--", args)]
    if not any(arg.startswith(("--judge", "--edit-judge")) and arg not in OPTIONS for arg in given):
        return
    from ..taxonomy import closest

    for name in (arg.partition("=")[0] for arg in parser.parse_known_and_unknown_args(args)[1]):
        key = name.lstrip("-").replace("-", "_")
        if key in INI_ONLY:
            raise pytest.UsageError(f"{name}: pytest has this as a key of the ini file; write -o {key}=VALUE")
        if close := closest(name, OPTIONS, 0.8):
            raise pytest.UsageError(f'{name}: there is no such option (did you mean "{close}"?)')


def refuse_misspelt_keys(config: pytest.Config) -> None:
    """Refuse a key of the ini file that nobody has and that looks like one of ours: pytest would run without it.

    Raises:
        pytest.UsageError: naming the key, and what to write.
    """
    unknown: Iterable[str] = getattr(config, "_get_unknown_ini_keys", list)()  # pytest has no public list of the keys
    for key in sorted(key for key in unknown if key.startswith(("judge", "edit_judge"))):
        from ..taxonomy import closest

        if close := closest(key.replace("-", "_"), TABLE, 0.8):
            raise pytest.UsageError(f'ini {key}: there is no such key (did you mean "{close}"?)')


def refuse_other_roots(args: list[str], config: pytest.Config) -> None:
    """Refuse an option's path that pytest has taken for a folder of tests.

    pytest looks for its ini file before it knows the options of plugins: it takes the folder in
    ``--judge-model /models/judge`` for one with tests, and does not read the project's ini file.

    Raises:
        pytest.UsageError: naming the option, and how to write it.
    """
    here = config.invocation_params.dir
    for option, value in itertools.pairwise(itertools.takewhile(lambda arg: arg != "--", args)):
        if option in OPTIONS and OPTIONS[option].kind != "flag" and _lies_outside(here, value):
            break
    else:
        return
    lost = None if config.known_args_namespace.inifilename else _ini_of(here)  # with -c nothing is looked for
    if lost not in (None, config.inipath):
        raise pytest.UsageError(
            f"{option} {value}: in this form pytest takes the path for a folder of tests, and reads "
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
    """Tell whether a judge is configured; reads nothing else, so that the plugin costs nothing where none is."""
    return any(bool(get(config, key)) for key in ("judge_model", "judge_url", "edit_judge_model", "edit_judge_url"))


def judge_required(config: pytest.Config) -> bool:
    """Tell whether a run without a judge is an error."""
    return bool(get(config, "judge_required"))


def shows_only(config: pytest.Config) -> bool:
    """Tell whether pytest only shows something, and runs no test."""
    return any(getattr(config.option, name, False) for name in _SHOWS_ONLY)


def manifests(config: pytest.Config) -> tuple[Path, ...]:
    """The files of ``--judge-manifest``: of the option from where pytest was called, of the ini from its folder."""
    return paths(config, "judge_manifest")


def get(config: pytest.Config, key: str) -> Any:
    """Return the value of an option, or else of its ini key."""
    given = config.getoption(key, None)
    return config.getini(key) if given is None else given


def shown(config: pytest.Config, key: str) -> str:
    """Return the name under which the user gave the value: the option's, or the ini key's."""
    return f"ini {key}" if config.getoption(key, None) is None else option_name(key)


def checked(config: pytest.Config, key: str) -> Any:
    """Return the value of an option, or else of its ini key, checked.

    Raises:
        ConfigError: naming the option, what was found, and what is expected.
    """
    return read_option(TABLE[key], get(config, key), shown(config, key))


def base(config: pytest.Config, key: str) -> Path:
    """Folder of a relative path: where pytest was called, for an option; of the ini file, for an ini key."""
    if config.getoption(key, None) is not None or config.inipath is None:
        return config.invocation_params.dir
    return config.inipath.parent


def path(config: pytest.Config, key: str) -> Path | None:
    """The path that an option or its ini key names."""
    value = get(config, key)
    return base(config, key) / value if value else None


def paths(config: pytest.Config, key: str) -> tuple[Path, ...]:
    """The paths that a repeated option or its ini key names."""
    return tuple(base(config, key) / value for value in get(config, key) or ())
