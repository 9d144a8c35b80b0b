"""Mend an answer that is nearly JSON, where there is one way to read it.

Some judges write JSON as a programming language would: with a comma too many, comments, single quotes, escapes that
JSON lacks, or without the last brace. Each such place is rewritten, and named. The result has to be JSON, or the
answer stays unreadable: no quote, comma or value is guessed to make it so.

No library does just that. Readers of JSON5 and Hjson take more (names without quotes, other numbers) and do not tell
which of it they met; most keep one of two equal names in silence. Repairers for the output of models guess: they close
strings and lists, and drop what does not fit, which can make a score of a draft.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LONGEST = 250_000  # characters; a longer text is left as it is


# Names of the mends, as a problem's detail gives them
COMMA = "a trailing comma"
COMMENT = "a comment"
QUOTES = "single quotes"
ESCAPE = "an invalid escape"
BRACE = "a missing last brace"


# Possessive, so nothing is scanned twice. A comment of a line ends at \n or \r\n only: of other marks, such as U+2028,
# some languages say that they end a line, and some that they don't.
_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\n]++)
    | (?P<string>"(?:[^"\\]++|\\.)*+" | '(?:[^'\\\r\n]++|\\[^\r\n])*+')
    | (?P<comment>//[^\r\n\v\f\x1c-\x1e\x85\u2028\u2029]*+(?=\r?\n|\Z) | /\*.*?\*/)
    | (?P<mark>[{}\[\],:])
    | (?P<word>[^\s"'{}\[\],:/]++)
    """,
    re.VERBOSE | re.DOTALL,
)


_IN_STRING = re.compile(r"""\\(?:(?P<valid>["\\/bfnrt]|u[0-9a-fA-F]{4})|(?P<other>.))|(?P<quote>")""", re.DOTALL)


# A comment that may hold a part of the answer: a draft, or all that once stood on the lines after it.
_HIDES = re.compile(r"""[{}\[\]]|["'][ \t\r\n]*+:""")


_VALUES = ("string", "word", "}", "]")  # the ends of values


@dataclass(frozen=True, slots=True)
class Mended:
    """A text whose objects were rewritten as JSON, with the names of the mends in the order of the text."""

    text: str
    mends: tuple[str, ...]


def mend(text: str, *, ended: bool | None) -> Mended | None:
    """Rewrite the objects of an answer as JSON; None where nothing can be mended, or in more than one way.

    Text around the objects stays as it is. The result may still not be JSON.

    Args:
        text: what follows the thinking, without fences.
        ended: True where the model ended the answer itself, False where it was cut off, None where nobody told.
    """
    if len(text) > LONGEST:
        return None
    out: list[str] = []
    mends: dict[str, None] = {}
    at = 0
    while (start := text.find("{", at)) >= 0:
        out.append(text[at:start])
        end = text.find("}", start) + 1
        at = end or len(text)
        if ":" not in text[start:at]:
            if not end:
                return None
            out.append(text[start:end])  # braces in prose
            continue
        rewriting = _Rewriting(ended)
        at = rewriting.run(text, start)
        if not at:
            return None
        out += rewriting.out
        mends |= rewriting.mends
    out.append(text[at:])
    return Mended("".join(out), tuple(mends)) if mends else None


@dataclass(slots=True)
class _Rewriting:
    """The rewriting of one object, token by token."""

    ended: bool | None
    out: list[str] = field(default_factory=list)
    mends: dict[str, None] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)  # the brackets that close what is open
    before: str = ""  # the kind of the last token other than spaces and comments
    comma: int = -1  # the place in ``out`` of a comma that follows a value, until something follows it

    def run(self, text: str, start: int) -> int:
        """Return the end of the object that begins at ``start``; 0 where it can't be rewritten."""
        at, kind = start, ""
        for token in _TOKEN.finditer(text, start):
            if token.start() != at:
                return 0
            at, kind, written = token.end(), str(token.lastgroup), token[0]
            if kind == "comment":
                if _HIDES.search(written):
                    return 0
                self.mends[COMMENT] = None
                self.out.append(" ")
            elif kind == "space":
                self.out.append(written)
            else:
                self.add(written if kind == "mark" else kind, written)
                if not self.open:
                    return at
        if at != len(text) or kind == "comment" or not self.close():  # such a comment may hold the brace
            return 0
        return at

    def add(self, kind: str, written: str) -> None:
        """Add a token; a mark's kind is the mark."""
        if kind == "string":
            written = self.string(written)
        elif kind == "{":
            self.open.append("}")
        elif kind == "[":
            self.open.append("]")
        elif kind in ("}", "]"):
            self.open.pop()
            if self.comma >= 0:
                self.out[self.comma] = ""
                self.mends[COMMA] = None
        self.comma = len(self.out) if kind == "," and self.before in _VALUES else -1
        self.out.append(written)
        self.before = kind

    def string(self, written: str) -> str:
        """Rewrite a string. Of an escape that JSON lacks the backslash stays in the text, but before an apostrophe."""
        if written[0] == "'":
            self.mends[QUOTES] = None
        elif "\\" not in written:
            return written

        def escape(found: re.Match[str]) -> str:
            if found["quote"]:
                return '\\"'
            if found["valid"]:
                return found[0]
            if written[0] == '"' or found["other"] != "'":
                self.mends[ESCAPE] = None
            return "'" if found["other"] == "'" else "\\\\" + found["other"]

        return f'"{_IN_STRING.sub(escape, written[1:-1])}"'

    def close(self) -> bool:
        """Add the braces that are missing at the end of the text; False where more than braces may be missing.

        A number that is the last of a text, of which nobody knows that it is whole, may have had more digits.
        """
        if self.ended is False or "]" in self.open or self.before not in _VALUES:
            return False
        if self.before == "word" and self.ended is None:
            return False
        self.out.append("}" * len(self.open))
        self.mends[BRACE] = None
        return True
