"""Escaping of text from outside (prompts, file names, a judge's words), so that it is safe to print."""

from __future__ import annotations

import re

# What can move the cursor, start a terminal sequence, break the line, reorder the text or not be encoded:
# controls (C0, DEL, C1), the soft hyphen and invisible or bidirectional format characters, line and paragraph
# separators, lone surrogates, noncharacters and the tag characters. Joiners (ZWJ, ZWNJ) are left alone: emoji,
# Persian and Indic text need them.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e007f]"
)


# What Markdown would act on inside a line. Underscores within a word are left: file names read as they are.
_MARKUP = re.compile(r"[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])|^(?:#{1,6}|[-+])(?=\s|$)")


_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"}


# What GitHub links after Markdown is done, entities or not: mentions, issues, commits by word, addresses.
_LINKED = re.compile(r"(?i)@(?=\w)|#(?=\d)|\bGH(?=-\d)|:(?=//)|\bwww(?=\.)")


_APART = "\u200b"  # a space of no width


_BREAKS = {"\n": "%0A", "\r": "%0D"}


_COMMAND = re.compile(r"^(\s*:):|##\[")


_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape(text: object) -> str:
    r"""Escape ``text`` to one line, with characters that control a terminal or a log made visible.

    Control characters become ``\n``, ``\x1b``, ``\u202e`` and so on. All else, backslashes included, stays as it is,
    so that ordinary text in any script reads as written.
    """
    return _UNSAFE.sub(_visible, str(text))


def for_github(text: object, *, prop: bool = False) -> str:
    """Escape ``text`` for a GitHub workflow command (``::error file=...::message``), as its message or a property.

    Line breaks, carriage returns and percent signs are percent-encoded, as the runner decodes them (so a message may
    have several lines), in a property (``prop``) colons and commas too; other controls are made visible as in
    `escape`. The result starts no command of its own, even as a line by itself: neither ``::``
    at its start nor the older ``##[`` anywhere.
    """
    parts = re.split(r"([\r\n])", str(text))
    joined = "".join(_BREAKS.get(part) or escape(part).replace("%", "%25") for part in parts)
    if prop:
        return joined.replace(":", "%3A").replace(",", "%2C")
    return for_log(joined)


def for_log(text: object) -> str:
    """Escape ``text`` as a line of a CI log, as `escape`, and without workflow commands."""
    return _COMMAND.sub(lambda match: f"{match[1]} :" if match[1] else "## [", escape(text))


def for_node_id(text: object) -> str:
    """``text`` as the last part of a node id: as in `for_log`, and without the ``::`` at which pytest parts the id."""
    return re.sub(":(?=:)", ": ", escape(text)).replace("##[", "## [")


def for_markdown(text: object, most: int | None = None) -> str:
    """Escape ``text``, cut to ``most`` characters, as one line of Markdown without markup, HTML, links or mentions."""
    plain = escape(" ".join(str(text).split()))
    if most is not None and len(plain) > most:
        plain = plain[:most].rstrip() + " …"
    plain = _LINKED.sub(lambda match: match[0] + _APART, plain)
    plain = _MARKUP.sub(lambda match: "\\" + match[0], plain)
    return re.sub(r"[&<>$]", lambda match: _ENTITIES[match[0]], plain)


def _visible(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    if char in _SHORT:
        return _SHORT[char]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
