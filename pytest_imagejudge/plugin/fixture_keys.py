"""Keys of the config's stash, under which the values of the fixtures lie. Loaded with the plugin, and light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .fixtures import EditJudgeFixture, ImageJudgeFixture

# each is there only where its kind of judge is configured
IMAGE_JUDGE: pytest.StashKey[ImageJudgeFixture] = pytest.StashKey()
EDIT_JUDGE: pytest.StashKey[EditJudgeFixture] = pytest.StashKey()
