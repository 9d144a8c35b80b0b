"""The parts of the plugin. Each is made from parts above it in `Parts`, and uses none below it."""

from __future__ import annotations

import functools

import pytest

from ..inputs.metadata import read_metadata
from .counted_images import CountedImages
from .deferred_tests import DeferredTests
from .early_submission import used_kinds
from .failure_words import FailureWords
from .judges import Judges
from .judging_time import JudgingTime, starts_later
from .options import shown
from .pending_manifests import PendingManifests
from .profiles import Profiles
from .progress import Progress
from .report_notes import ReportNotes
from .results import Results
from .run_budget import RunBudget
from .run_end import RunEnd
from .start_ahead import StartAhead
from .state import RunState, usage_errors
from .submitting import Submitter
from .waiting import Waiting
from .worker_handover import Handover
from .worker_outbox import WorkerOutbox


class Parts:
    """The parts of one run, for the gate.

    Raises:
        pytest.UsageError: an option, an ini key, or a file that one of them names, is wrong.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.state = state = RunState(config)
        options = state.options
        self.progress = progress = Progress(config)
        with usage_errors():
            self.budget = budget = RunBudget(config, options)
        self.results = results = Results(config, options, budget)
        with usage_errors():
            self.profiles = Profiles(state)
        with usage_errors(shown(config, "judge_metadata")):
            metadata = read_metadata(options.metadata) if options.metadata else {}
        if options.baseline and not options.update_baseline and not state.is_worker:
            from ..statistics.baseline_file import read_baseline

            with usage_errors(shown(config, "judge_baseline")):
                read_baseline(options.baseline)  # one that can't be read must not be found out at the end
        results.profile = self.profiles.default
        results.measures = {
            protocol.name: sorted(list(path) for path in protocol.measures)
            for protocol in state.protocols.values()
            if protocol.kind == "image" and not protocol.has_total
        }
        later = functools.partial(starts_later, options.when)
        self.judges = judges = Judges(state, spool=results.spool, say=progress.say, starts_later=later, budget=budget)
        self.judging_time = JudgingTime(options.when, judges, progress)
        self.submitter = Submitter(state, judges, self.profiles, self.judging_time, metadata)
        self.ahead = StartAhead(state, judges, self.judging_time, self.submitter, progress)
        self.waiting = Waiting(state, used_kinds)
        self.notes = ReportNotes(state)
        self.words = FailureWords(config)
        pending = PendingManifests(options.rootpath / ".imagejudge" / "pending")
        if not state.is_worker and pending.any_left():
            results.counted = CountedImages()
        outbox = WorkerOutbox(config) if state.is_worker else None
        self.deferred = DeferredTests(
            state,
            judges,
            self.judging_time,
            self.waiting,
            results,
            progress=progress,
            notes=self.notes,
            words=self.words,
            pending=pending,
            outbox=outbox,
        )
        self.handover = Handover(state, judges, self.submitter, self.deferred, results=results, pending=pending)
        self.end = RunEnd(
            state,
            judges,
            self.judging_time,
            self.submitter,
            self.deferred,
            self.handover,
            self.ahead,
            results=results,
            pending=pending,
            outbox=outbox,
        )
