"""The options that name judges, as the pytest plugin spells them, for the commands that start or look at one."""

from __future__ import annotations

import argparse
from typing import Literal

from ..settings import JudgeSettings, side_by_side


def add_judge_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to ``parser``."""
    group = parser.add_argument_group("judges")
    group.add_argument("--judge-model", metavar="ID", help="Hub id or folder, or signals")
    group.add_argument("--judge-url", metavar="URL", action="append", default=[], help="OpenAI-compatible endpoint")
    group.add_argument("--judge-protocol", metavar="NAME", help="how the judge is asked (default: by model)")
    group.add_argument("--judge-revision", metavar="REV", help="branch, tag or commit of the model on the Hub")
    group.add_argument("--edit-judge-model", metavar="ID", help="the same for edits")
    group.add_argument("--edit-judge-url", metavar="URL", action="append", default=[], help="the same for edits")
    group.add_argument("--edit-judge-protocol", metavar="NAME", help="the same for edits")
    group.add_argument("--edit-judge-revision", metavar="REV", help="the same for edits")
    group.add_argument("--judge-arg", metavar="ARG", action="append", default=[], help="one token for the vLLM server")
    group.add_argument(
        "--judge-gpus", metavar="LIST", help="GPUs the judge may use, such as 0,1 (default: all visible)"
    )
    group.add_argument("--judge-allow-fp8", action="store_true", help="serve in FP8 where only that fits")


def judge_settings(
    args: argparse.Namespace, *, keep_alive: float | None = None, sleep: float | None = None
) -> list[JudgeSettings]:
    """The judges that ``args`` name: of images, of edits, or both."""
    kinds: tuple[tuple[Literal["image", "edit"], str], ...] = (("image", "judge"), ("edit", "edit_judge"))
    image, edit = (
        JudgeSettings(
            model=getattr(args, f"{prefix}_model"),
            urls=tuple(getattr(args, f"{prefix}_url")),
            protocol=getattr(args, f"{prefix}_protocol"),
            kind=kind,
            revision=getattr(args, f"{prefix}_revision"),
            args=tuple(args.judge_arg),
            keep_alive=keep_alive,
            gpus=args.judge_gpus,
            allow_fp8=args.judge_allow_fp8,
            sleep=sleep,
        )
        for kind, prefix in kinds
    )
    return [one for one in side_by_side(image, edit) if one.configured]
