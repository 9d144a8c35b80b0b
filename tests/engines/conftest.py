"""Two servers of the OpenAI shape, for whoever asks one or has another take over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stand_in.endpoint import StandIn


@pytest.fixture
def server() -> Iterator[StandIn]:
    server = StandIn()
    yield server
    server.close()


@pytest.fixture
def other() -> Iterator[StandIn]:
    server = StandIn()
    yield server
    server.close()
