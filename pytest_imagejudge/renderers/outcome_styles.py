"""Colours and signs of the outcomes of gates; an undecided one has its own, since it neither passed nor failed."""

from __future__ import annotations

STYLES = {"failed": "bold red", "undecided": "bold magenta", "passed": "green"}  # of a terminal, as rich names them
SIGNS = {"failed": "❌", "undecided": "❔", "passed": "✅"}  # of Markdown
