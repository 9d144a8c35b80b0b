"""The text of a server's answer, with the thinking from whichever field holds it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..protocols.answer_parts import split
from ..protocols.base import Request
from .json_schema import whole_object

# Of `Answer.notes`. A reasoning parser that waits for the end of the thinking takes an answer without any for thinking
# (vLLM: https://github.com/vllm-project/vllm/issues/19222 and 50948).
IN_REASONING = "answer-in-reasoning"  # the whole answer stood where thinking belongs
EMPTY_CONTENT = "empty-content"  # something stood where thinking belongs, and nothing where the answer belongs

# The types of a message's parts.
ANSWER_PARTS, THINKING_PARTS = (None, "text", "output_text"), ("reasoning", "thinking")


def read_message(message: Mapping[str, Any], request: Request, finish_reason: object) -> tuple[str, tuple[str, ...]]:
    """Return the text of `answer_text`, and `Answer.notes` on where it stood.

    What stands where thinking belongs is the answer only if it is one JSON object, nothing else was said, and the
    model ended it itself.
    """
    thinking = _thinking(message)
    content = _text(message.get("content"), ANSWER_PARTS)
    if not thinking or not thinking.strip() or (content and content.strip()) or finish_reason != "stop":
        return answer_text(message, request, finish_reason), ()
    if split(thinking).answer == thinking and whole_object(thinking) is not None:
        return thinking.strip(), (IN_REASONING,)
    return answer_text(message, request, finish_reason), (EMPTY_CONTENT,)


def answer_text(message: Mapping[str, Any], request: Request, finish_reason: object) -> str:
    """Join thinking and content of one message, the thinking in ``<think>`` tags.

    An answer that ended inside its thinking keeps ``<think>`` open.
    """
    content = _text(message.get("content"), ANSWER_PARTS)
    thinking = _thinking(message)
    if thinking:
        # only the end that is put here ends the thinking
        thinking = thinking.replace("</think>", "</ think>").removeprefix("<think>")
        if content is None or (not content.strip() and finish_reason == "length"):
            return f"<think>{thinking}"
        return f"<think>{thinking}</think>{content}"
    if content is None:
        return _text(message.get("refusal")) or ""
    if content.lstrip().startswith("<think>"):
        return content
    closed = content.find("</think>")
    if _begins_with_thinking(request) or (closed >= 0 and "<think>" not in content[:closed]):
        return f"<think>{content}"  # the request itself, or the template, had already opened it
    return content


def is_refusal(message: Mapping[str, Any]) -> bool:
    """Tell whether the server declined to answer and said so in a field of its own, which holds the words."""
    return not (_text(message.get("content")) or "").strip() and bool(_text(message.get("refusal")))


def _thinking(message: Mapping[str, Any]) -> str | None:
    """The text that stands where thinking belongs."""
    return (
        _text(message.get("reasoning_content"))
        or _text(message.get("reasoning"))
        or _text(message.get("content"), THINKING_PARTS)
    )


def _begins_with_thinking(request: Request) -> bool:
    last = request.messages[-1] if request.messages else {}
    start = _text(last.get("content")) if last.get("role") == "assistant" else None
    return start is not None and start.rstrip().endswith("<think>")


def _text(value: object, types: Collection[object] | None = None) -> str | None:
    """A message's text, be it a string or a list of parts, of which only some ``types`` may be meant.

    None where there is none. A string is a part without a type.
    """
    texts = []
    for part in value if isinstance(value, list) else [value]:
        fields = part if isinstance(part, dict) else {"text": part}
        kind = fields.get("type")
        if types is None or kind in types:
            text = fields.get("text")
            if text is None and kind in THINKING_PARTS:  # some call it by the type's name, and give it parts again
                text = _text(fields.get(kind), ANSWER_PARTS)
            texts.append(text)
    found = [text for text in texts if isinstance(text, str)]
    return "".join(found) if found else None
