"""Upper estimates of a prompt's tokens, before any server has counted them."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Iterator

from ..protocols.base import Request

Sizes = tuple[tuple[int, int], ...]  # of a request's pictures, in pixels
_OF_A_CHAT = 256  # tokens of a chat template
_HEADER = 4096  # characters of a picture's data URL in which its size stands, of most formats


def text_at_most(request: Request) -> int:
    """Return the most tokens that a request's prompt can have beside its pictures.

    A token of text has at least one byte. A grammar may be put into the prompt by the server.
    """
    length = len(json.dumps(dict(request.sampling), default=str))
    for message in request.messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else [content]:
            text = part.get("text") if isinstance(part, dict) else part
            length += len(text.encode("utf-8", "replace")) if isinstance(text, str) else 0
    return _OF_A_CHAT + length


def picture_at_most(width: int, height: int) -> int:
    """Return the most tokens of a picture: those of two published rules together.

    The dearest rule is that of GPT-4o mini: 2,833 tokens, and 5,667 for each square of 512 pixels, after scaling to
    within 2,048 pixels and a shorter side of 768 (OpenAI, "Images and vision", "Calculating costs", read in 2025).
    Qwen2-VL counts a token for 28 x 28 pixels, of pictures of any size (Qwen2-VL-7B-Instruct, model card).
    """
    scale = min(1.0, 2048 / max(width, height))
    scale *= min(1.0, 768 / (min(width, height) * scale))
    tiles = math.ceil(width * scale / 512) * math.ceil(height * scale / 512)
    return 2833 + 5667 * tiles + math.ceil(width / 28) * math.ceil(height / 28)


def sizes_of(request: Request) -> Sizes:
    """Return the sizes of a request's pictures as they are sent, which a protocol may have resized."""
    sent = [_size_of(url) for url in _data_urls(request)]
    sizes = [size for size in sent if size is not None]
    return tuple(sizes) if sizes and len(sizes) == len(sent) else tuple(image.size for image in request.images)


def _data_urls(request: Request) -> Iterator[str]:
    for message in request.messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            image = part.get("image_url") if isinstance(part, dict) else None
            url = image.get("url") if isinstance(image, dict) else None
            if isinstance(url, str) and url.startswith("data:"):
                yield url


def _size_of(url: str) -> tuple[int, int] | None:
    """Return the size of the picture in a data URL; None where it can't be read."""
    from PIL import Image

    data = url.partition(",")[2]
    for part in (data[:_HEADER], data):
        try:
            with Image.open(io.BytesIO(base64.b64decode(part))) as picture:
                return picture.size
        except (OSError, ValueError, SyntaxError, Warning):  # the header is longer, or it is no picture
            continue
    return None
