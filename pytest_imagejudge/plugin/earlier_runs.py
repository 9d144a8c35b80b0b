"""Earlier runs beside the images of this one: the baseline's figures, and those of earlier reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..report.model import Report

if TYPE_CHECKING:
    from ..statistics.pairing import Scored
    from .run_options import Options


def attach_earlier_runs(report: Report, baseline: Sequence[Scored], options: Options) -> Iterator[str]:
    """Attach to each entry what is known of the same image, and yield a line on each file that can't be read."""
    if baseline:
        from ..statistics.earlier_run import attach

        attach(report, baseline)
    if options.history and options.reports:
        from ..statistics.history import attach_what_is_there

        yield from attach_what_is_there(report, options.history)
