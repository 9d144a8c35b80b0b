"""What the options and ini keys of a run ask for, checked, in one object."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..settings import DEFAULT_MAX_PIXELS, SIGNALS, JudgeSettings, side_by_side
from .options import OPTIONS, base, get, manifests, path, paths

_CHOICES = {
    "judge_when": ("auto", "during", "after"),
    "judge_decoding": ("free", "constrained"),
    "judge_aspect": ("stretch", "keep"),
    "judge_keep_images": ("failed", "all", "none"),
    "judge_github": ("auto", "off"),
}


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


def read_options(config: pytest.Config) -> Options:
    """Every option, the command line before the ini file.

    Raises:
        pytest.UsageError: naming the option, what was found, and what is expected.
    """
    text = {key: _choice(config, key, choices) for key, choices in _CHOICES.items()}
    keep_alive = _number(config, "judge_keep_alive", float, at_least=0)
    budget = _number(config, "judge_thinking_budget", int, at_least=1)
    image = JudgeSettings(
        model=_model(config, "judge_model", "judge_url"),
        urls=tuple(get(config, "judge_url") or ()),
        protocol=_protocol(config, "judge_protocol"),
        revision=get(config, "judge_revision") or None,
        decoding=text["judge_decoding"],  # type: ignore[arg-type]
        aspect=text["judge_aspect"],  # type: ignore[arg-type]
        thinking_budget=None if budget is None else int(budget),
        args=tuple(get(config, "judge_arg") or ()),
        keep_alive=keep_alive,
        gpus=get(config, "judge_gpus") or None,
        allow_fp8=bool(get(config, "judge_allow_fp8")),
        sleep=_number(config, "judge_sleep", float, at_least=0),
    )
    edit = dataclasses.replace(
        image,
        kind="edit",
        model=_model(config, "edit_judge_model", "edit_judge_url"),
        urls=tuple(get(config, "edit_judge_url") or ()),
        protocol=_protocol(config, "edit_judge_protocol"),
        revision=get(config, "edit_judge_revision") or None,
    )
    image, edit = side_by_side(image, edit)
    store = None if get(config, "judge_no_store") else path(config, "judge_store")
    if store is None and not get(config, "judge_no_store"):
        store = config.rootpath / ".imagejudge" / "store"
    thresholds = get(config, "judge_thresholds")
    baseline = path(config, "judge_baseline")
    update = bool(get(config, "judge_update_baseline"))
    if update and baseline is None:
        raise pytest.UsageError("--judge-update-baseline: name the file to write with --judge-baseline FILE")
    reports = paths(config, "judge_report")
    for report in reports:
        own = config.hook.pytest_imagejudge_report.get_hookimpls()  # writes formats of its own
        if not own and report.suffix.lower() not in (".html", ".json", ".md"):
            raise pytest.UsageError(f"--judge-report {report}: a name that ends in .html, .json or .md is expected")
    root = path(config, "judge_root")
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
        metadata=path(config, "judge_metadata"),
        root=root,
        store=store,
        reports=reports,
        baseline=baseline,
        update_baseline=update,
        when=text["judge_when"],
        repeat=int(repeat or 1),
        dimensions=tuple(get(config, "judge_dimensions") or ()) or None,
        max_pixels=int(pixels or DEFAULT_MAX_PIXELS),
        keep_images=text["judge_keep_images"],
        github=text["judge_github"] == "auto" and _on_github(),
    )


def _on_github() -> bool:
    import os

    return os.environ.get("GITHUB_ACTIONS") == "true"


def _located(config: pytest.Config, key: str, value: str) -> str:
    """``value`` as a path, if it is a file's, and as it is otherwise."""
    path = base(config, key) / value
    return str(path) if path.is_file() else value


def _model(config: pytest.Config, key: str, url: str) -> str | None:
    """The model; a folder as a path that stays right where a test changes the working folder."""
    value = get(config, key)
    if not value or value == SIGNALS or get(config, url):  # beside a URL it is the served model's name
        return value or None
    folder = base(config, key) / value
    return str(folder) if folder.is_dir() else str(value)


def _protocol(config: pytest.Config, key: str) -> str | None:
    value = get(config, key)
    return _located(config, key, value) if value else None


def _shown(config: pytest.Config, key: str) -> str:
    """The name under which the user gave it."""
    option = "--" + key.replace("_", "-")
    return option if config.getoption(key, None) is not None and option in OPTIONS else f"ini {key}"


def _choice(config: pytest.Config, key: str, choices: tuple[str, ...]) -> str:
    value = get(config, key) or choices[0]
    if value not in choices:
        from ..taxonomy import nearest

        raise pytest.UsageError(
            f"{_shown(config, key)}: one of {', '.join(choices)} is expected, not {value!r}{nearest(value, choices)}"
        )
    return str(value)


def _number(config: pytest.Config, key: str, kind: type[int] | type[float], *, at_least: float) -> float | None:
    value = get(config, key)
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
