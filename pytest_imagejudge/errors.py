"""The errors of this package, by the party that can resolve them."""

from __future__ import annotations


class ImageJudgeError(Exception):
    """The base of this package's own errors."""


class ConfigError(ImageJudgeError):
    """Wrong input or configuration: a ``pytest.UsageError`` in the plugin, exit 2 of the command."""


class ImageError(ImageJudgeError):
    """An image that can't be judged: unreadable, too large, too narrow; other images are not affected."""


class EngineError(ImageJudgeError):
    """A judge that could not be started, was lost, or refused a request: exit 3 of the command."""
