"""Words and signs of gates over the run: an undecided row whose gate fails is shown as failed, everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_imagejudge.renderers import markdown
from pytest_imagejudge.renderers.gate_words import outcome_words, sign_of
from pytest_imagejudge.renderers.terminal_summary import suite_tree
from pytest_imagejudge.report.model import Report, SuiteRow
from tests.renderers.conftest import Visit
from tests.report import samples

GATES = {"passed": ("?", "❔", "undecided"), "failed": ("✗", "❌", "undecided, the gate fails")}


def report(gate: Any) -> Report:
    """A run with an undecided bound on a mean, an undecided drop, and a bound that passed."""
    made = Report(verdicts=[samples.entry(1, bounds={})])
    made.suite = [
        SuiteRow(path=["Quality"], mean=61, low=60, high=62, n=9, bound=60, outcome="passed", gate="passed"),
        SuiteRow(path=["Aesthetics"], mean=59, low=55, high=62, n=9, bound=60, outcome="undecided", gate=gate),
    ]
    row = {"path": ["Alignment"], "change": -4.0, "n": 9, "allowed": 2.0, "outcome": "undecided", "gate": gate}
    made.baseline = {"file": "base.json", "gate": "failed", "rows": [row]}
    return made


def test_what_is_decided_says_nothing_more() -> None:
    assert [
        (sign_of(word, gate), outcome_words(word, gate)) for word, gate in (("passed", "passed"), ("failed", "failed"))
    ] == [
        ("passed", "passed"),
        ("failed", "failed"),
    ]
    assert (sign_of("undecided", None), outcome_words("undecided", None)) == ("undecided", "undecided")


@pytest.mark.parametrize("gate", GATES)
def test_the_terminal(gate: str) -> None:
    sign, _, words = GATES[gate]
    text = suite_tree(report(gate), {}, width=140, color=False, verbosity=0, encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    assert f"{sign} Aesthetics: mean 59.0 [55.0, 62.0], n 9, bound 60: {words}" in lines
    assert f"{sign} Alignment: -4.0, n 9, allowed drop 2.0: {words}" in lines


@pytest.mark.parametrize("gate", GATES)
def test_markdown(gate: str) -> None:
    _, sign, words = GATES[gate]
    text = markdown.render(report(gate))
    assert f"| {sign} | Aesthetics | 59.00 | 55.00 to 62.00 | 60 | 9 | {words} |" in text
    assert f"- {sign} Alignment: -4.0, n 9, allowed drop 2.0: {words}" in text


@pytest.mark.parametrize("gate", GATES)
def test_the_page(visit: Any, gate: str) -> None:
    seen: Visit = visit(report(gate))
    words = GATES[gate][2]
    badge = seen.page.locator("#bounds tbody tr").first.locator(".badge")
    assert badge.text_content() == words
    kind = "failed" if gate == "failed" else "undecided"
    assert kind in badge.get_attribute("class").split()
    drop = seen.page.locator("#baseline li").first
    assert kind in drop.locator(".badge").get_attribute("class").split()
    assert drop.text_content().endswith(f"allowed drop 2.0: {words}")
