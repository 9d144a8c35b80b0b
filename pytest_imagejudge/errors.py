"""What can go wrong, by whose move it is to mend it."""

from __future__ import annotations


class ImageJudgeError(Exception):
    """Base of this package's own errors."""


class ConfigError(ImageJudgeError):
    """Wrong input or configuration: a ``pytest.UsageError`` in the plugin, exit 2 of the command."""


class ImageError(ImageJudgeError):
    """One image can't be judged: unreadable, too large, too narrow. Other images are not affected."""


class EngineError(ImageJudgeError):
    """The judge could not be started, was lost, or refused a request; exit 3 of the command."""
