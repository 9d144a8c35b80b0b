"""Entries of a run in progress: counted as they come in, and kept where they are needed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..support.digests import digest_of
from .model import EditEntry, JudgeEntry, Report, VerdictEntry
from .spool import Spool
from .tally import Tally


class EntryCollector:
    """Collector of counts, judges, and entries.

    Args:
        keep: whether entries are needed after they were counted; many entries are kept in a file.
        measures: the facets' paths by protocol, of protocols that can score only some facets.
    """

    def __init__(self, keep: bool, measures: Mapping[str, Sequence[Sequence[str]]] | None = None) -> None:
        self.keep = keep
        self.tally = Tally()
        self.verdicts, self.edits = Spool(VerdictEntry), Spool(EditEntry)
        self.judges: dict[str, JudgeEntry] = {}
        self._measures = measures or {}
        self._noted: Mapping[str, Any] = {}  # the last fingerprint, which most entries share

    def add(self, entry: VerdictEntry | EditEntry, *, counts: bool = True) -> None:
        """Add one entry; of an entry that does not count, only the outcome is counted."""
        self.tally.add(entry, counts=counts)
        if entry.fingerprint and entry.fingerprint != self._noted:
            self._noted = entry.fingerprint
            self._note_judge(entry.fingerprint)
        if not self.keep:
            return
        if isinstance(entry, EditEntry):
            self.edits.append(entry)
        else:
            self.verdicts.append(entry)

    def _note_judge(self, fingerprint: dict[str, Any]) -> None:
        from .fingerprints import deciding, told

        name = str(fingerprint.get("protocol") or "")
        judge = self.judges.setdefault(
            digest_of(deciding(fingerprint)),
            JudgeEntry(
                model=str(fingerprint.get("model") or ""),
                fingerprint=fingerprint,
                measures=[list(path) for path in self._measures.get(name, ())],
            ),
        )
        version = " ".join(str(fingerprint.get(part) or "") for part in ("engine", "engine_version")).strip()
        if version and version not in judge.engine_versions:
            judge.engine_versions.append(version)
            if len(judge.engine_versions) == 1:
                judge.fingerprint = fingerprint  # that of an image that was not judged says less
        judge.served_models = sorted({*judge.served_models, *told(fingerprint, "served_model")})
        judge.system_fingerprints = sorted({*judge.system_fingerprints, *told(fingerprint, "system_fingerprint")})

    def fill(self, report: Report) -> Report:
        """Add the collected entries and counts to ``report``, and return the report."""
        report.run.judges = list(self.judges.values())
        report.summary = self.tally.summary()
        report.verdicts, report.edits = self.verdicts.plain(), self.edits.plain()
        return report.counted(self.tally)
