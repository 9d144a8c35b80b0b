"""The entries of a run while it runs: counted as they come in, and kept where somebody looks at each once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..support.digests import digest_of
from .model import EditEntry, JudgeEntry, Report, VerdictEntry
from .spool import Spool
from .tally import Tally


class EntryCollector:
    """Counts, judges, and entries.

    Args:
        keep: whether entries are needed after they were counted; beyond a number of them they lie in a file.
        measures: by protocol that can score only some facets, the paths of these.
    """

    def __init__(self, keep: bool, measures: Mapping[str, Sequence[Sequence[str]]] | None = None) -> None:
        self.keep = keep
        self.tally = Tally()
        self.verdicts, self.edits = Spool(VerdictEntry), Spool(EditEntry)
        self.judges: dict[str, JudgeEntry] = {}
        self._measures = measures or {}
        self._noted: Mapping[str, Any] = {}  # the last fingerprint, which most entries share

    def add(self, entry: VerdictEntry | EditEntry, *, counts: bool = True) -> None:
        """Take one entry in; of one that does not count only its outcome is counted."""
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
        from .fingerprints import deciding

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

    def into(self, report: Report) -> Report:
        """``report`` with what was gathered so far."""
        report.run.judges = list(self.judges.values())
        report.summary = self.tally.summary()
        report.verdicts, report.edits = self.verdicts.plain(), self.edits.plain()
        return report.counted(self.tally)
