"""The pages of ``docs/`` and what stands in their fences.

A comment before a fence says what is to be done with it: ``<!-- file: NAME -->`` writes it into the page's folder,
``<!-- exit: N -->`` is how its last command ends, ``<!-- not run: WHY -->`` leaves it at checking its spelling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = "\n".join(  # the pages that leave nothing out
    (DOCS / f"{name}.md").read_text(encoding="utf-8")
    for name in ("reference", "commands", "environment", "thresholds", "manifests", "report")
)
_FENCE = re.compile(
    r"(?P<comments>(?:^<!--[^\n]*-->\n+)*)^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_COMMENT = re.compile(r"<!-- *([a-z ]+?)(?:: *(.*?))? *-->")


@dataclass(frozen=True)
class Example:
    """One fence."""

    page: str
    line: int
    kind: str
    text: str
    says: dict[str, str] = field(default_factory=dict)

    @property
    def where(self) -> str:
        return f"{self.page}, line {self.line}"

    def commands(self) -> list[tuple[str, list[str]]]:
        """The commands of a console, each with the lines that it is said to print."""
        found: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.startswith("> "):  # goes on
                command, shown = found[-1]
                found[-1] = (f"{command}\n{line[2:]}", shown)
            elif line.strip():
                found[-1][1].append(line.strip())
        return found


def first_missing(shown: list[str], output: str) -> str | None:
    """The first of the lines that are ``shown`` which ``output`` does not have, or not in this order."""
    lines = iter(" ".join(line.split()) for line in output.splitlines())
    for line in shown:
        pattern = ".*".join(re.escape(" ".join(part.split())) for part in line.split("..."))
        if not any(re.search(pattern, other) for other in lines):
            return line
    return None


def pages() -> list[Path]:
    return sorted(DOCS.glob("*.md"))


def examples(page: Path) -> list[Example]:
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start("kind")) + 1
        says = dict(_COMMENT.findall(match["comments"]))
        found.append(Example(page.name, line, match["kind"], match["text"], says))
    return found
