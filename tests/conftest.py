"""For all tests."""

import compileall
import gc
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.spread import spread
from tests.stand_in.forks import ForkServer

pytest_plugins = ["pytester"]

# In a shell's background job SIGINT is ignored, and children inherit that: tests of Ctrl-C would never end.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Neither a deadline nor a check of slowness: both fail on a machine that is busy with something else. Fixtures of tests
# that draw their input hold nothing that one example leaves to the next.
hypothesis.settings.register_profile(
    "imagejudge",
    max_examples=int(os.environ.get("IMAGEJUDGE_CASES", "30")),  # of each property
    deadline=None,
    suppress_health_check=[
        hypothesis.HealthCheck.too_slow,
        hypothesis.HealthCheck.data_too_large,
        hypothesis.HealthCheck.function_scoped_fixture,
    ],
)
hypothesis.settings.load_profile("imagejudge")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        # Many tests start processes that may not write bytecode; without it each would compile the package.
        compileall.compile_dir(Path(__file__).parents[1] / "pytest_imagejudge", quiet=2)
        config.pluginmanager.register(SharedForks())


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage meanwhile: there is none, and each look takes longer than the one before."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tests for the workers of a run, so that none is left with a long test at the end."""
    if hasattr(config, "workerinput"):
        items[:] = spread(items, config.workerinput["workercount"])


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives as long as the run: modules, and thousands of tests."""
    gc.freeze()  # with what little garbage there is: a look at all takes longer than it is worth
    gc.set_threshold(50_000, 20, 50)  # not at each 700 new objects, most of which go by themselves


@pytest.fixture(scope="session")
def forks(request: pytest.FixtureRequest) -> Iterator[ForkServer]:
    """Where processes of Python start at once; see there for what is not to be tested with them."""
    shared = getattr(request.config, "workerinput", {}).get("forks")
    forks = ForkServer(shared)
    forks.address()  # now, before a test changes the environment that it would take over
    yield forks
    forks.close()


class SharedForks:
    """One process to fork from for all workers of a run; it starts while they collect."""

    def __init__(self) -> None:
        self.forks = ForkServer()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["forks"] = self.forks.address()

    def pytest_unconfigure(self) -> None:
        self.forks.close()
