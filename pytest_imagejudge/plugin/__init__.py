"""The pytest plugin: thin hooks that delegate to a gate, which exists only where a judge is configured."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from .options import (
    NO_EDIT_JUDGE,
    NO_JUDGE,
    add_options,
    configured,
    judge_required,
    manifests,
    refuse_misspelt,
    refuse_misspelt_keys,
    refuse_other_roots,
    spell_out_keep_alive,
)
from .stash import EDIT_JUDGE, GIVEN, IMAGE_JUDGE, REFUSAL

if TYPE_CHECKING:
    from .fixtures import EditJudgeFixture, ImageJudgeFixture

NAMED_MANIFESTS = tuple(f".imagejudge.{kind}" for kind in ("csv", "tsv", "json", "jsonl", "xlsx", "parquet"))
MARKER = (
    "imagejudge(thresholds, dimensions, image, prompt, blank, quarantine): bounds and dimensions of a test's images; "
    "an image to judge before the test"
)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from . import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, None, None]:
    spell_out_keep_alive(args)
    refuse_other_roots(args, early_config)
    yield
    refuse_misspelt(args, parser)  # once the project's conftest has added its options


def _near(path: Path) -> str:
    """Name the file beside ``path`` that is meant, if one is named nearly so."""
    from ..taxonomy import closest

    names = {file.stem: file.name for file in path.parent.glob(f"*{path.suffix}")}
    close = closest(path.stem, names, 0.7)
    return f' (did you mean "{names[close]}"?)' if close else ""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)
    refuse_misspelt_keys(config)
    for path in manifests(config):
        if not path.is_file():
            found = "a folder; a file is expected, or several" if path.is_dir() else f"no such file{_near(path)}"
            raise pytest.UsageError(f"--judge-manifest {path}: {found}")
    if configured(config):
        from .gate import Gate

        config.pluginmanager.register(Gate(config), "imagejudge-gate")
    elif judge_required(config):
        from .required import refuse_without_judge

        refuse_without_judge(config)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    try:
        return (yield)
    except pytest.UsageError as error:
        from .unnamed_manifests import advised

        raise advised(error, session.config, NAMED_MANIFESTS) from None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    named = file_path.name.endswith(NAMED_MANIFESTS)
    paths = _given(parent.config)
    given = bool(paths) and file_path.resolve() in paths
    if given and not parent.session.isinitpath(file_path):
        return None  # collected once, as below, wherever it lies
    if not (named or given):
        return None
    from .manifest_items import ManifestFile

    return ManifestFile.from_parent(parent, path=file_path)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if isinstance(collector, pytest.Session) and report.passed:
        for path in _given(collector.config).values():
            if not collector.isinitpath(path):
                from .manifest_items import ManifestFile

                name = os.path.relpath(path, collector.config.rootpath).replace(os.sep, "/")
                report.result.append(ManifestFile.from_parent(collector, path=path, nodeid=name))
    return report


def _given(config: pytest.Config) -> dict[Path, Path]:
    """The files of ``--judge-manifest``, each once: its path with links resolved, and its path as given."""
    found = config.stash.get(GIVEN, None)
    if found is None:  # asked for once for each file that pytest collects
        found = {path.resolve(): Path(os.path.abspath(path)) for path in manifests(config)}  # noqa: PTH100
        config.stash[GIVEN] = found
    return found


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for marker in item.iter_markers("imagejudge"):
            from .marker import check_marker
            from .refusal import refuse

            try:
                check_marker(marker, item)
            except pytest.UsageError as error:
                refuse(item, error)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if error := item.stash.get(REFUSAL, ""):
        pytest.fail(error, pytrace=False)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    module = sys.modules.get("pytest_imagejudge.scoring.verdict")  # not loaded: nothing here can be a score
    if module is None:
        return None
    for score in (left, right):
        if isinstance(score, module.Score):
            return [f"{left!r} {op} {right!r}", *score.explain()]
    return None


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if terminalreporter.verbosity < -1:
        return
    skipped = terminalreporter.stats.get("skipped", ())
    reasons = [report.longrepr[2] for report in skipped if isinstance(report.longrepr, tuple)]
    for what, why in (("a judge", NO_JUDGE), ("a judge of edits", NO_EDIT_JUDGE)):
        if count := sum(why in reason for reason in reasons):
            from ..support.words import plural, verb

            tests = f"{plural(count, 'test')} {verb(count, 'needs')}"
            terminalreporter.write_line(f"imagejudge: {tests} {what} and did not run; {why}")
            if os.environ.get("GITHUB_ACTIONS") == "true" and config.getini("judge_github") != "off":
                terminalreporter.write_line(f"::warning title=Image judge::{tests} {what} and did not run; {why}")
    if config.getoption("lf", False) or config.getoption("failedfirst", False):
        from .unnamed_manifests import left_out_rows

        if words := left_out_rows(config, NAMED_MANIFESTS):
            terminalreporter.write_line(f"imagejudge: {words}")


def _skip_or_fail(config: pytest.Config, reason: str) -> NoReturn:
    from .required import skip_or_fail

    skip_or_fail(config, reason)


@pytest.fixture(scope="session")
def image_judge(pytestconfig: pytest.Config) -> ImageJudgeFixture:
    """The judge of images: ``score``, ``check``, ``expect``. Without one the test is skipped, or fails."""
    judge = pytestconfig.stash.get(IMAGE_JUDGE, None)
    if judge is None:
        _skip_or_fail(pytestconfig, NO_JUDGE)
    return judge


@pytest.fixture(scope="session")
def edit_judge(pytestconfig: pytest.Config) -> EditJudgeFixture:
    """The judge of edits: ``score``, ``check``, ``expect``. Without one the test is skipped, or fails."""
    judge = pytestconfig.stash.get(EDIT_JUDGE, None)
    if judge is None:
        _skip_or_fail(pytestconfig, NO_EDIT_JUDGE)
    return judge


@pytest.fixture(scope="session")
def judge_thresholds() -> Any:
    """The profile that applies: a name, a file or a mapping; None is the option's. Override the fixture in a module."""
    return None
