"""The threshold profiles of a run, and the one that applies to the running test."""

from __future__ import annotations

import os
import traceback
import warnings
from pathlib import Path
from typing import Any

import _pytest.fixtures
import pytest

from ..errors import ConfigError
from ..thresholds.loading import both_of, idle_bounds, load_profile, misspelt_aspects, own_profiles
from ..thresholds.profile import Profile
from .marker import marker_values
from .state import Kind, RunState

IN_A_CIRCLE = (
    "the fixture judge_thresholds depends on a fixture that asks the judge, which needs to know the thresholds first; "
    "give thresholds= to that check or expect, or let judge_thresholds do without that fixture"
)


class Profiles:
    """Threshold profiles, each loaded once.

    Attributes:
        default: the option's profile, or the judges' own.
    """

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._loaded: dict[tuple[str, Path], Profile] = {}
        self._spelled_out: tuple[tuple[str, Path], Profile] | None = None  # the last one
        self._fixture_value: tuple[pytest.Item | None, Any] = (None, None)
        self._in_fixture = False
        self._own: dict[Kind, Profile] = {}  # by kind, where the option names none
        if state.options.thresholds:
            self.default = self._measurable(load_profile(state.options.thresholds, base=state.config.rootpath))
            if not state.is_worker and (words := self._misspelt(self.default)):
                try:
                    state.config.issue_config_time_warning(UserWarning(words), stacklevel=2)
                except UserWarning as error:  # where pytest makes errors of them
                    raise ConfigError(str(error)) from None
        else:
            self._own = own_profiles(state.protocols)
            for kind, protocol in state.protocols.items():
                self._own[kind].require_measurable(protocol, state.settings[kind].model or kind)
            self.default = both_of(self._own)

    def load(self, source: Any, base: Path | None = None) -> Profile:
        """Load a profile of some tests: a name, a file relative to ``base`` (by default the root folder), or a mapping.

        Bounds on the run that only such a profile has are warned of, for they have no effect, and misspelt aspects.

        Raises:
            ConfigError: the profile is not found, is invalid, or bounds a figure that the judges do not measure.
            TypeError: ``source`` is none of these.
        """
        base = self._state.config.rootpath if base is None else base
        if isinstance(source, dict):  # one that a test spells out comes with each of its images
            said = repr(source), base
            if self._spelled_out is None or self._spelled_out[0] != said:
                self._spelled_out = said, self._of_some(load_profile(source, base=base))
            return self._spelled_out[1]
        if not isinstance(source, (str, os.PathLike)):
            return self._of_some(load_profile(source, base=base))
        key = str(source), base
        if key not in self._loaded:
            self._loaded[key] = self._of_some(load_profile(str(source), base=base))
        return self._loaded[key]

    def _of_some(self, profile: Profile) -> Profile:
        for words in filter(None, (idle_bounds(profile, self.default), self._misspelt(profile))):
            warnings.warn(words, stacklevel=2)
        return self._measurable(profile)

    def _measurable(self, profile: Profile) -> Profile:
        for kind, protocol in self._state.protocols.items():
            profile.require_measurable(protocol, self._state.settings[kind].model or kind)
        return profile

    def _misspelt(self, profile: Profile) -> str:
        judged = "edit" in self._state.protocols  # which knows its names
        return "" if judged else misspelt_aspects(profile)

    def applying(self, kind: Kind, explicit: Any = None) -> Profile | None:
        """The profile for the running test: the argument, the marker, the fixture, or the option's.

        None where the option's profile bounds only the run as a whole, so that no single image is decided.
        """
        source, item = explicit, self._state.item
        if source is None and item is not None:
            source = marker_values(item).thresholds
            if source is None:
                source = self.of_fixture(item)
        if source is not None:
            return self.load(source)
        default = self._own.get(kind, self.default)
        return None if default.only_the_run(kind) else default

    def of_fixture(self, item: pytest.Item) -> Any:
        """The value of the fixture ``judge_thresholds`` for a test, read once for each test.

        The fixture can't be read during teardown: images and edits submitted then have the bounds of the last test
        that used a judge.
        """
        if self._fixture_value[0] is not item and not self._state.tearing_down:
            request = getattr(item, "_request", None)
            value = None if request is None else self._read_fixture(request)
            self._fixture_value = (item, value)
        return self._fixture_value[1]

    def _read_fixture(self, request: Any) -> Any:
        if self._in_fixture:
            raise ConfigError(IN_A_CIRCLE)
        self._in_fixture = True
        try:
            return request.getfixturevalue("judge_thresholds")
        except AssertionError as error:
            # pytest does not see such a circle, for it begins in a call; it asserts what no longer holds then
            if traceback.extract_tb(error.__traceback__)[-1].filename == _pytest.fixtures.__file__:
                raise ConfigError(IN_A_CIRCLE) from None
            raise
        finally:
            self._in_fixture = False
