"""Parts of a request, for all protocols: pictures as data URLs, and prompts without special tokens."""

from __future__ import annotations

import base64
import math
import re
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from ..images.decoding import MAX_RATIO
from ..images.encoding import Encoding
from ..scoring.verdict import Problem
from ..support.escaping import escape
from ..taxonomy import Path

if TYPE_CHECKING:
    from PIL.Image import Image


# Special tokens are known by their whole form: <sks>, <cat-toy> and <lora:name:0.8> are words for a model of pictures.
# None holds what another begins with, so that a blank after its first character leaves none whole.
_NAME = r"[^<>\[\]◁▷|｜\s]{1,64}"


_SPECIAL = (
    rf"<[|｜]{_NAME}[|｜]?>|<{_NAME}[|｜]>"  # <|im_end|> and its kin, DeepSeek's wide bars, Gemma's <|turn> and <turn|>
    rf"|\[\|{_NAME}\|\]"  # EXAONE
    r"|</?(?:think|tool_call|tool_response|tools|s|img|seed:\w{1,32})>|◁/?think▷|<</?SYS>>"  # thinking and tools
    r"|<(?:bos|eos|pad|unk|sop|eop|SPECIAL_\d{1,3}|fim_(?:prefix|middle|suffix))>"
    r"|<(?:start|begin|beginning|end)_of_\w{1,32}>|</?(?:box|ref|quad)>"  # pictures, and places in them
    r"|<(?:im|img|image|vid|video|vision|audio|patch)_(?:start|end|patch|pad|sep|newline|col|token|soft_token"
    r"|context|placeholder|id)>|<(?:fake_token_around_image|global-img|row_\d{1,3}_col_\d{1,3}|tts_\w{1,32})>"
    r"|\[/?(?:INST|THINK|IMG|IMG_BREAK|IMG_END|SYSTEM_PROMPT|MODEL_SETTINGS|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_CONTENT"
    r"|TOOL_RESULTS|[gs]MASK|BOS|EOS)\]"  # Mistral, GLM, Kimi
)


_TOKENS = re.compile(_SPECIAL, re.IGNORECASE)


# Where many models, but not all, have a picture put.
_PLACEHOLDERS = re.compile(_SPECIAL + r"|</?(?:image|video)>", re.IGNORECASE)


_SURROGATE = re.compile("[\ud800-\udfff]")


def take_apart(text: str, path: Path, *, placeholders: bool = False) -> tuple[str, tuple[Problem, ...]]:
    """Break special tokens of a model in ``text`` by a blank, and return a problem for each.

    With ``placeholders`` <image> and <video> count as such tokens, because they may be where the model is not known.
    Unpaired surrogates, which no request can carry, become U+FFFD.
    """
    found: list[str] = []

    def part(match: re.Match[str]) -> str:
        token = match[0]
        if token not in found:
            found.append(token)
        return f"{token[0]} {token[1:]}"

    clean = (_PLACEHOLDERS if placeholders else _TOKENS).sub(part, text)
    clean, lost = _SURROGATE.subn("�", clean)
    if lost:
        found.append("unpaired surrogate")
    return clean, (Problem(path, "special-token", f"taken apart: {escape(', '.join(found)[:200])}"),) if found else ()


def stretch(image: Image, side: int = 1024) -> Image:
    """Resize to ``side`` x ``side`` (Lanczos, aspect lost) where a side is longer, as Q-Judger's published runner."""
    from PIL.Image import Resampling

    if max(image.size) <= side:
        return image
    return image.resize((side, side), Resampling.LANCZOS)


def fit(image: Image, side: int = 1024) -> Image:
    """Shrink to sides of at most ``side``, keeping the aspect (Lanczos); see `_within_ratio`."""
    from PIL.Image import Resampling

    if max(image.size) <= side:
        return image
    scale = side / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    return image.resize(_within_ratio(width, height), Resampling.LANCZOS)


def _within_ratio(width: int, height: int) -> tuple[int, int]:
    """A size whose sides are within the ratio of what is judged: rounding may have put them just beyond it."""
    return min(width, MAX_RATIO * height), min(height, MAX_RATIO * width)


def like(image: Image, size: tuple[int, int]) -> Image:
    """Resize to ``size`` (bicubic, aspect lost) where it is another, as published scripts do with an edited picture."""
    from PIL.Image import Resampling

    return image if image.size == size else image.resize(size, Resampling.BICUBIC)


PATCHES = 28  # pixels of a side, of which Qwen2.5-VL makes one token


def whole_patches(image: Image, low: int = 4 * PATCHES**2, high: int = 16384 * PATCHES**2) -> Image:
    """Resize to sides of whole patches and ``low`` to ``high`` pixels (bicubic), as package ``qwen-vl-utils`` does.

    Source: `smart_resize` and `fetch_image` of version 0.0.14. It is the treatment of Qwen3-VL's pictures, too, where
    a script takes the package's default patch.
    """
    from PIL.Image import Resampling

    width, height = (max(PATCHES, round(side / PATCHES) * PATCHES) for side in image.size)
    if width * height > high:
        scale = math.sqrt(image.width * image.height / high)
        width, height = (max(PATCHES, math.floor(side / scale / PATCHES) * PATCHES) for side in image.size)
    elif width * height < low:
        scale = math.sqrt(low / (image.width * image.height))
        width, height = (math.ceil(side * scale / PATCHES) * PATCHES for side in image.size)
    return image if image.size == (width, height) else image.resize((width, height), Resampling.BICUBIC)


def area(image: Image, low: int, high: int) -> Image:
    """Resize to between ``low`` and ``high`` pixels, keeping the aspect (bicubic), as in IE-Critic-R1's training.

    Enlarging rounds up, where the training rounds down and may miss ``low`` by a row.
    """
    from PIL.Image import Resampling

    pixels = image.width * image.height
    if low <= pixels <= high:
        return image
    scale = math.sqrt((high if pixels > high else low) / pixels)
    if pixels > high:
        size = max(1, int(image.width * scale)), max(1, int(image.height * scale))
        if size[0] * size[1] > high:  # a side of under one pixel
            size = min(size[0], high), min(size[1], high)
        size = _within_ratio(*size)
    else:
        # The tiny subtraction keeps an exact result, such as 512.0000000001, from becoming 513.
        size = math.ceil(image.width * scale - 1e-6), math.ceil(image.height * scale - 1e-6)
    return image.resize(size, Resampling.BICUBIC)


_Key = tuple[int, tuple[int, int] | None]  # the identity of a picture, and the size it is sent in


class Pictures:
    """An encoder of treated pictures, with a cache that lives as long as each picture.

    An image is sent once for each L1, from several threads; the first thread encodes it, the others wait.
    Pictures must not be changed in place afterwards.

    Args:
        treat: what is done to a picture before it is encoded; without it pictures are sent as they are.

    Attributes:
        encoding: of the pictures; set before the first one is encoded.
    """

    def __init__(self, treat: Callable[[Image], Image] = lambda image: image) -> None:
        self.encoding = Encoding()
        self._treat = treat
        self._kept: dict[_Key, tuple[weakref.ref[Image], Future[str]]] = {}
        self._lock = threading.Lock()

    def part(self, image: Image, size: tuple[int, int] | None = None) -> dict[str, Any]:
        """Return the treated image as a content part: RGB, as a data URL; ``size`` as in `url`."""
        return {"type": "image_url", "image_url": {"url": self.url(image, size)}}

    def url(self, image: Image, size: tuple[int, int] | None = None) -> str:
        """Return the treated image as ``data:image/png;base64,...``, or in the format of ``encoding``.

        With a ``size`` it is resized to that first (`like`).

        Raises:
            ImageError: no smaller picture of it has so few bytes.
        """
        key = id(image), size
        with self._lock:
            held, encoded = self._kept.get(key, (None, None))
            if encoded is not None and held is not None and held() is image:
                waits = encoded
            else:
                waits = None
                mine: Future[str] = Future()
                self._kept[key] = weakref.ref(image, lambda gone: self._forget(key, gone)), mine
        if waits is not None:
            return waits.result()
        try:
            mine.set_result(self._encode(image, size))
        except BaseException as error:
            self._kept.pop(key, None)
            mine.set_exception(error)
            raise
        return mine.result()

    def _forget(self, key: _Key, gone: weakref.ref[Image]) -> None:
        # No lock: this may run in the middle of anything, and the id may already be another picture's.
        if (entry := self._kept.get(key)) is not None and entry[0] is gone:
            self._kept.pop(key, None)

    def _encode(self, image: Image, size: tuple[int, int] | None) -> str:
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        rgb = rgb if size is None else like(rgb, size)
        encoded = self.encoding.encode(self._treat(rgb))
        return f"data:{self.encoding.media_type};base64,{base64.b64encode(encoded).decode('ascii')}"


def text_part(text: str) -> dict[str, Any]:
    """Return a content part of text."""
    return {"type": "text", "text": text}
