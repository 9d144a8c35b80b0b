"""Earlier runs beside the images of this one: the baseline's figures, and those of earlier reports."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..report.model import AnyEntry, Report
from ..support.words import plural

if TYPE_CHECKING:
    from ..statistics.pairing import Scored
    from .run_options import Options


def attach_earlier_runs(report: Report, baseline: Sequence[Scored], options: Options) -> Iterator[str]:
    """Attach to each entry what is known of the same image, and yield a line on each file that can't be read."""
    if baseline:
        from ..statistics.earlier_run import attach

        if options.baseline_pictures is not None:
            from ..renderers.baseline_pictures import with_pictures

            baseline = with_pictures(options.baseline_pictures, baseline)
        attach(report, baseline)
    if options.history and options.reports:
        from ..statistics.history import attach_what_is_there

        yield from attach_what_is_there(report, options.history)


def keep_baseline_pictures(options: Options, *entries: Iterable[AnyEntry]) -> Iterator[str]:
    """Write small copies of the pictures of a new baseline, where a folder is named, and yield a line on them.

    Raises:
        ConfigError: a copy can't be written.
    """
    if options.baseline_pictures is not None:
        from ..renderers.baseline_pictures import write_pictures

        number = write_pictures(options.baseline_pictures, itertools.chain(*entries))
        yield f"baseline: {plural(number, 'picture')} in {options.baseline_pictures}"
