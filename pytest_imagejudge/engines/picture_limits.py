"""Refusals of a request for its pictures, told from the words of servers and gateways, with the remedy."""

from __future__ import annotations

import re

from ..protocols.base import Request

# In words such as "Payload Too Large", "Request body is too large", and "image exceeds 5 MB maximum: 6291456 bytes >
# 5242880 bytes" (Anthropic's API in 2026, also behind gateways).
_BODY_LIMIT = re.compile(
    r"\b(?:request|payload|body|entity|image|content)\b.{0,40}\btoo (?:large|long|big)\b"
    r"|\b(?:exceed\w*|larger than|max\w*)\b.{0,60}\d\s*(?:bytes|[kmg]i?b)\b",
    re.IGNORECASE | re.DOTALL,
)
# These are limits of the model, or of a minute: the bytes of a picture don't matter to them.
_OF_TOKENS = re.compile(r"token|context", re.IGNORECASE)


def picture_remedy(status: int, body: str, request: Request, size: int) -> str:
    """Return the words to add to a refusal for the pictures of ``request``; empty where that is not the reason.

    Args:
        status: of HTTP.
        body: all that the server said.
        request: the one that was refused.
        size: of the request, in bytes.
    """
    if not request.images:
        return ""
    if re.search(r"aspect[ _-]?ratio", body, re.IGNORECASE):
        width, height = max((image.size for image in request.images), key=lambda size: max(size) / min(size))
        ratio = max(width, height) / min(width, height)
        return (
            f"; the picture of {width}x{height} has sides of {ratio:.4g} to 1, more than this server takes: "
            "crop it, or put it on a squarer canvas"
        )
    if _OF_TOKENS.search(body):
        return ""
    if status == 413 or (status in (400, 422) and _BODY_LIMIT.search(body[:4000])):
        return (
            f"; the request has {size:,} bytes: judge_image_format = jpeg makes its pictures smaller, and "
            "judge_image_bytes = N keeps each within N bytes"
        )
    return ""
