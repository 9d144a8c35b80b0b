"""The environment is read while another thread changes it, as pytest does around each phase of a test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pytest_imagejudge.engines import proxies
from pytest_imagejudge.support.environment import environment


class Shrinking(dict[str, str]):
    """Loses a variable as soon as its names were listed, as if another thread had deleted it."""

    def __iter__(self) -> Iterator[str]:
        names = list(super().__iter__())
        self.pop("PYTEST_CURRENT_TEST", None)
        return iter(names)

    def items(self) -> Iterator[tuple[str, str]]:  # type: ignore[override]  # as os.environ does it
        return ((name, self[name]) for name in self)


@pytest.fixture
def shrinking(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Shrinking(PYTEST_CURRENT_TEST="test_a (call)", https_proxy="http://proxy.example:3128")
    monkeypatch.setattr(os, "environ", found)


def test_a_variable_that_goes_away_is_left_out(shrinking):
    assert environment() == {"https_proxy": "http://proxy.example:3128"}


def test_the_proxy_is_found_all_the_same(shrinking):
    found = proxies.proxy_for("https://judge.example/v1")
    assert found is not None
    assert found.variable == "https_proxy"


def test_it_is_the_environment(monkeypatch):
    monkeypatch.setenv("IMAGEJUDGE_OF_THIS_TEST", "1")
    assert environment() == dict(os.environ)
