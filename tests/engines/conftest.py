"""Two servers of the OpenAI shape, for whoever asks one or has another take over; pictures that are not compressed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_imagejudge.images.encoding import QUICK_PNG
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


@pytest.fixture(scope="module")
def uncompressed() -> Iterator[None]:
    """Compress no picture on its way to the embedded judge: it gets the same pixels in half of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(QUICK_PNG, "compress_level", 0)
        yield
