"""Answers that no later run is given: those that can't be read, and those that the model did not end itself."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..protocols import NAMES, load_protocol
from ..protocols.answer_parts import cut_off, settles
from ..protocols.base import Protocol
from ..support.entry_points import PROTOCOLS, names_of
from .answer_store import Store
from .entry import StoredAnswer, canonical


@dataclass
class Unsettled:
    """Result of `unsettled`.

    Attributes:
        keys: the answers that no run is given.
        not_read: counts of answers by the name of their protocol, where that is not known.
    """

    keys: set[str] = field(default_factory=set)
    not_read: Counter[str] = field(default_factory=Counter)


def unsettled(store: Store, protocols: Iterable[str] = ()) -> Unsettled:
    """Find the answers of ``store`` that no later run is given, but not those whose second try could be read.

    Of a protocol that is not known only such answers are found as the model did not end itself.

    Args:
        store: it is read as a whole.
        protocols: names or files of further protocols, as ``--judge-protocol`` takes them.

    Raises:
        ConfigError: one of ``protocols`` can't be loaded.
    """
    readers = _Readers(protocols)
    found = Unsettled()
    open_: dict[str, list[str]] = {}  # keys by question
    settled: set[str] = set()
    for entry in store.entries():
        protocol, answer = readers.of(entry), entry.answer
        if protocol is not None:
            reading = protocol.read(str(entry.about.get("dimension")), answer.text, answer.finish_reason)
            final = settles(reading, answer.finish_reason)
        else:
            final = not cut_off(answer.finish_reason)
            found.not_read[str(entry.about.get("protocol") or "")] += final
        question = _question(entry)
        if not final:
            open_.setdefault(question, []).append(entry.key)
        elif protocol is not None and question != entry.key:  # a first try settles no other
            settled.add(question)
    found.keys.update(key for question, keys in open_.items() if question not in settled for key in keys)
    found.not_read = +found.not_read
    return found


def _question(entry: StoredAnswer) -> str:
    """The same for the first and the second try at one question; of older entries a digest of what it was about."""
    question = entry.about.get("question")
    if isinstance(question, str):
        return question
    known = entry.about.get("pixels") is not None
    return hashlib.sha256(canonical(dict(entry.about))).hexdigest() if known else entry.key


class _Readers:
    """Protocols by the name that stored answers have of them, loaded where they are first needed."""

    def __init__(self, further: Iterable[str]) -> None:
        self._known: dict[str, Protocol | None] = {}
        self._digests: dict[str, str] = {}
        for name in further:
            protocol = load_protocol(name)
            self._known[protocol.name] = protocol
            if name not in NAMES:  # a file may have been changed since it asked
                self._digests[protocol.name] = protocol.digest

    def of(self, entry: StoredAnswer) -> Protocol | None:
        """The protocol that reads an entry; None where it is not known."""
        name = str(entry.about.get("protocol") or "")
        if name not in self._known:  # the name comes from the store, and must not open a file
            self._known[name] = load_protocol(name) if name in NAMES or name in names_of(PROTOCOLS) else None
        digest = self._digests.get(name)
        return self._known[name] if digest in (None, entry.about.get("protocol_digest")) else None
