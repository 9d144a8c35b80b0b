"""The options that name judges, as pytest spells them, for the commands that start or look at one."""

from __future__ import annotations

import argparse
from collections.abc import Container
from dataclasses import replace

from ..errors import ConfigError
from ..settings import DEFAULT_MAX_PIXELS, JudgeSettings
from ..support.judge_options import JUDGE_OPTIONS, argparse_keywords, option_name, read_judges, read_option


def add_judge_options(parser: argparse.ArgumentParser, *, without: Container[str] = ()) -> None:
    """Add the options of the table to ``parser``, but for the keys of ``without``, which would do nothing there."""
    group = parser.add_argument_group("judges")
    for key, option in JUDGE_OPTIONS.items():
        if key not in without:
            default: list[str] | None = [] if option.kind == "list" else None
            group.add_argument(option_name(key), default=default, **argparse_keywords(option))


def both_judges(args: argparse.Namespace) -> tuple[JudgeSettings, JudgeSettings]:
    """The judge of images and that of edits, as ``args`` name them; either may be not configured.

    Raises:
        ConfigError: a value that its option does not take.
    """
    return read_judges(lambda key: getattr(args, key, None))


def judge_settings(args: argparse.Namespace) -> list[JudgeSettings]:
    """The judges that ``args`` name: of images, of edits, or both.

    Raises:
        ConfigError: a value that its option does not take.
    """
    return [one for one in both_judges(args) if one.configured]


def for_edits(image: JudgeSettings, edit: JudgeSettings) -> JudgeSettings:
    """The judge of an input of edits only: the judge that is named, be it as the judge of images.

    The protocol, the revision and the price of that judge may stand in the options of either.
    """
    named = edit if edit.configured else image
    protocol, revision = edit.protocol or image.protocol, edit.revision or image.revision
    price = edit.price or image.price
    return replace(named, kind="edit", protocol=protocol, revision=revision, price=price, beside=None)


def no_judge(kind: str) -> ConfigError:
    """Make the error of a command that needs a judge of ``kind``, image or edit, and was given none."""
    return ConfigError(
        f"no judge of {kind}s: give --judge-model (a Hub id, a folder, or 'signals') or --judge-url; pytest's ini file "
        "is not read here"
    )


def max_pixels(args: argparse.Namespace) -> int:
    """The number of pixels beyond which an image is an error.

    Raises:
        ConfigError: no whole number of at least 1.
    """
    key = "judge_max_pixels"
    return read_option(JUDGE_OPTIONS[key], getattr(args, key), option_name(key)) or DEFAULT_MAX_PIXELS
