"""Options and ini keys of a run, checked, in one object."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ..errors import ConfigError
from ..settings import DEFAULT_MAX_PIXELS, JudgeSettings
from ..support.judge_options import read_judges
from .options import TABLE, base, checked, get, manifests, path, paths, shown
from .xdist_types import worker_input


@dataclass(frozen=True)
class Options:
    """Values of the command line and the ini file, checked."""

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
    baseline_pictures: Path | None = None
    history: tuple[Path, ...] = ()
    update_baseline: bool = False
    when: str = "auto"
    repeat: int = 1
    dimensions: tuple[str, ...] | None = None
    max_pixels: int = DEFAULT_MAX_PIXELS
    keep_images: str = "failed"
    github: bool = False
    wait_for_plugins: tuple[str, ...] = ()
    quarantine: tuple[str, ...] = ()
    pictures: bool = False

    @property
    def configured(self) -> bool:
        """Tell whether any judge is configured."""
        return self.image.configured or self.edit.configured


def read_options(config: pytest.Config) -> Options:
    """Read every option, from the command line before the ini file.

    Raises:
        pytest.UsageError: naming the option, what was found, and what is expected.
    """
    try:
        return _read_options(config)
    except ConfigError as error:
        raise pytest.UsageError(str(error)) from None


def _read_options(config: pytest.Config) -> Options:
    image, edit = read_judges(
        lambda key: get(config, key), lambda key: shown(config, key), lambda key, name: _located(config, key, name)
    )
    thresholds = checked(config, "judge_thresholds")
    return Options(
        rootpath=config.rootpath,
        image=_shared(config, image),
        edit=_shared(config, edit),
        thresholds=_located(config, "judge_thresholds", thresholds) if thresholds else None,
        manifests=manifests(config),
        metadata=path(config, "judge_metadata"),
        root=_root(config),
        store=_store(config),
        reports=_reports(config),
        baseline=path(config, "judge_baseline"),
        baseline_pictures=path(config, "judge_baseline_pictures"),
        history=paths(config, "judge_history"),
        update_baseline=_update_baseline(config),
        when=checked(config, "judge_when"),
        repeat=checked(config, "judge_repeat") or 1,
        dimensions=checked(config, "judge_dimensions") or None,
        max_pixels=checked(config, "judge_max_pixels") or DEFAULT_MAX_PIXELS,
        keep_images=checked(config, "judge_keep_images"),
        wait_for_plugins=checked(config, "judge_wait_for_plugins") or (),
        quarantine=checked(config, "judge_quarantine") or (),
        pictures=bool(checked(config, "judge_pictures")),
        github=checked(config, "judge_github") == "auto" and _on_github(),
    )


def _shared(config: pytest.Config, judge: JudgeSettings) -> JudgeSettings:
    """Return a worker's part of the requests that may be in flight, at least one."""
    workers = worker_input(config).get("workercount", 1)
    return replace(judge, concurrency=max(1, judge.concurrency // workers)) if judge.concurrency else judge


def _on_github() -> bool:
    import os

    return os.environ.get("GITHUB_ACTIONS") == "true"


def _store(config: pytest.Config) -> Path | None:
    if checked(config, "judge_no_store"):
        return None
    return path(config, "judge_store") or config.rootpath / ".imagejudge" / "store"


def _root(config: pytest.Config) -> Path | None:
    root = path(config, "judge_root")
    if root is not None and not root.is_dir():
        raise ConfigError(f"{shown(config, 'judge_root')}: {root} is no folder")
    return root


def _update_baseline(config: pytest.Config) -> bool:
    update = bool(checked(config, "judge_update_baseline"))
    if update and path(config, "judge_baseline") is None:
        raise ConfigError("--judge-update-baseline: name the file to write with --judge-baseline FILE")
    return update


def renewing_command(config: pytest.Config) -> str:
    """Return the command that started this run, with the option that writes its baseline anew, for a message.

    What may be a secret in a URL is left out, and marked.
    """
    from ..engines.address import hide_credentials

    words = ["pytest"]
    for argument in map(str, config.invocation_params.args):
        plain = hide_credentials(argument) if "://" in argument else argument
        words.append(plain if plain == argument else f"{plain}…")
    return shlex.join([*words, "--judge-update-baseline"])


def _reports(config: pytest.Config) -> tuple[Path, ...]:
    reports = paths(config, "judge_report")
    own = config.hook.pytest_imagejudge_report.get_hookimpls()  # writes formats of its own
    for report in reports:
        if not own and report.suffix.lower() not in (".html", ".json", ".md"):
            raise ConfigError(f"--judge-report {report}: a name that ends in .html, .json or .md is expected")
    return reports


def _located(config: pytest.Config, key: str, name: str) -> str:
    """Return ``name`` made absolute if it is a path, so that tests may change the working folder; else unchanged."""
    path = base(config, key) / name
    found = path.is_dir() if TABLE[key].field == "model" else path.is_file()
    return str(path) if found else name
