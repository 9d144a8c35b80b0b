"""The state of a run: its options, its judges' protocols, and the test that runs now."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from ..errors import ConfigError, EngineError
from ..judge import protocol_for
from ..protocols.base import Protocol
from ..settings import JudgeSettings
from .marker import dimensions_of
from .options import shows_only
from .run_options import read_options
from .xdist_types import is_worker

Kind = Literal["image", "edit"]  # of a judge
KINDS: tuple[Kind, ...] = ("image", "edit")


class RunState:
    """Facts about the run that several parts of the plugin read. This class uses none of those parts.

    Attributes:
        settings: of each kind of judge, configured or not.
        protocols: of the judges that are configured.
        dimensions: the L1 dimensions of the ini file, or None.
        session: set when it starts.
        item: the test that runs, if one does.
        own: the test whose reports are in our hands, if one is.
        tearing_down: set while the fixtures of ``item`` go away.
        in_shared_fixture: set while a fixture of several tests is being set up.
        missing_figures: reasons why ``item`` was given None in place of a verdict or its overall figure.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.options = read_options(config)
        self.is_worker = is_worker(config)
        self.session: pytest.Session | None = None
        self.item: pytest.Item | None = None
        self.own: pytest.Item | None = None
        self.tearing_down = self.in_shared_fixture = False
        self.missing_figures: list[str] = []
        self._shown: dict[str, str] = {}  # files, as they are shown
        try:
            self.dimensions = None if self.options.dimensions is None else dimensions_of(self.options.dimensions)
        except KeyError as error:
            raise pytest.UsageError(f"ini judge_dimensions (one a line): {error.args[0]}") from None
        self.settings: dict[Kind, JudgeSettings] = {"image": self.options.image, "edit": self.options.edit}
        with usage_errors():
            self.protocols: dict[Kind, Protocol] = {
                kind: _protocol(config, settings) for kind, settings in self.settings.items() if settings.configured
            }

    @property
    def is_controller(self) -> bool:
        """Tell whether xdist's workers run the tests and this process only collects."""
        return self.config.pluginmanager.has_plugin("dsession")

    @property
    def runs_no_test(self) -> bool:
        """Tell whether pytest runs no test, as for ``--collect-only``: nothing is judged then, no report written."""
        return shows_only(self.config)

    def place(self, file: str, line: int) -> str:
        """Return ``file:line``, the file relative to the root folder where the file lies in that folder."""
        if file not in self._shown:
            self._shown[file] = self.from_root(file)
        return f"{self._shown[file]}:{line}"

    def from_root(self, file: str | Path) -> str:
        """Return ``file`` relative to the root folder where the file lies in that folder."""
        path, root = Path(file), self.config.rootpath
        return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()

    @functools.cache  # noqa: B019 - lives as long as the run
    def is_own(self, file: str) -> bool:
        """Tell a file of the project from a file of Python or of an installed package."""
        return Path(file).is_relative_to(self.config.rootpath) and "site-packages" not in Path(file).parts


@contextlib.contextmanager
def usage_errors(option: str = "") -> Iterator[None]:
    """Turn wrong configuration into pytest's own error, which begins with the option that it is of."""
    try:
        yield
    except (ConfigError, EngineError) as error:
        raise pytest.UsageError(f"{option}{': ' if option else ''}{error}") from None


def _protocol(config: pytest.Config, settings: JudgeSettings) -> Protocol:
    own: Protocol | None = config.hook.pytest_imagejudge_protocol(config=config, settings=settings)
    return own if own is not None else protocol_for(settings)
