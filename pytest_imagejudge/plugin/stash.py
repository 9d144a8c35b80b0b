"""Keys of the plugin's data in the stashes of pytest's config and items. This module loads with the plugin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .fixtures import EditJudgeFixture, ImageJudgeFixture

# of the config: the values of the fixtures, each where its kind of judge is configured
IMAGE_JUDGE: pytest.StashKey[ImageJudgeFixture] = pytest.StashKey()
EDIT_JUDGE: pytest.StashKey[EditJudgeFixture] = pytest.StashKey()
GIVEN: pytest.StashKey[dict[Path, Path]] = pytest.StashKey()  # of the config: the files of --judge-manifest
REFUSAL: pytest.StashKey[str] = pytest.StashKey()  # of an item: what is wrong with its markers
