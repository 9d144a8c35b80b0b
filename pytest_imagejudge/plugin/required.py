"""``--judge-required``: what needs a judge that is not configured is an error, and is not skipped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NoReturn

import pytest

from ..support.words import plural, verb
from .options import NO_EDIT_JUDGE, NO_JUDGE, judge_required, shown, shows_only


def refuse_without_judge(config: pytest.Config) -> None:
    """Refuse a run for which no judge is configured, if one is required. What only shows something needs none.

    Raises:
        pytest.UsageError: naming the option, and the ways out.
    """
    if judge_required(config) and not shows_only(config):
        raise pytest.UsageError(_words(config, NO_JUDGE))


def skip_or_fail(config: pytest.Config, reason: str) -> NoReturn:
    """Skip a test whose judge is not configured; fail it where a judge is required."""
    if judge_required(config) and not shows_only(config):
        pytest.fail(_words(config, reason), pytrace=False)
    pytest.skip(reason)


def missing_judge(config: pytest.Config, kind: str, items: Iterable[pytest.Item]) -> str:
    """Describe the tests in ``items`` that need the judge of ``kind``, which is not configured; empty for none."""
    needing = list(_not_skipped(items))
    if not needing:
        return ""
    what = "a judge of edits" if kind == "edit" else "a judge of images"
    count = f"{plural(len(needing), 'test')} {verb(len(needing), 'needs')} {what}, first {needing[0].nodeid}"
    return _words(config, f"{count}; {NO_EDIT_JUDGE if kind == 'edit' else NO_JUDGE}")


def _not_skipped(items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    """Those that no mark skips. A condition that can't be evaluated is an error of its test, which says so."""
    from _pytest.skipping import evaluate_skip_marks

    for item in items:
        try:
            skipped = evaluate_skip_marks(item)
        except pytest.fail.Exception:
            continue
        if skipped is None:
            yield item


def _words(config: pytest.Config, reason: str) -> str:
    name = shown(config, "judge_required")
    way_out = ", or to run without one -o judge_required=false" if name.startswith("ini") else ""
    return f"{name}: {reason}{way_out}"
