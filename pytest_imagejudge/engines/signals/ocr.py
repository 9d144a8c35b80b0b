"""Lines of text in a picture, by RapidOCR with the PP-OCR models inside its wheel, which never touch the network.

Where text stands is looked for in a small copy, which takes most of the time; what it says is read from the picture's
own pixels, all places of a picture in batches.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

_MARGIN = 1 / 12  # of the long side: text that touches the border is found only with room around it
_LINES = 400  # lines of text kept; no prompt asks for more
_HEIGHT = 48  # pixels; the height at which the model reads
_SURE = 0.9  # confidence from which no second choice for a sign says anything
_TALL = 1.5  # height by width from which a box is a column of characters, or of a line that was turned
_lock = threading.Lock()
_reader: list[Any] = []  # one for the process: its models may run in several threads at once


@dataclass(frozen=True)
class Line:
    """One line as read.

    Attributes:
        text: what it says, of at least one sign.
        trust: the confidence of each sign, 0 to 1.
        box: left, top, right and bottom in pixels of the picture.
        height: of its letters, in pixels; the box is a little larger than them.
        rivals: the second choice for each sign, with its confidence; empty where none is known, and without a sign
            where all of the line was read with confidence.
    """

    text: str
    trust: tuple[float, ...]
    box: tuple[float, float, float, float]
    height: float
    rivals: tuple[tuple[str, float], ...] = ()


def read(picture: Image, side: int) -> list[Line]:
    """Read the lines of ``picture`` (RGB) that are found at a long side of ``side`` pixels, in no order."""
    import numpy as np
    from PIL import Image as Images

    scale = side / max(picture.size)
    shape = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    pixels = np.asarray(picture)[:, :, ::-1]
    small = (
        pixels if shape == picture.size else np.asarray(picture.resize(shape, Images.Resampling.BICUBIC))[:, :, ::-1]
    )
    framed, margin = _framed(small)
    found = _detect(framed)
    if found is None:
        return []
    quads = (np.asarray(found, np.float32) - margin) * [picture.width / shape[0], picture.height / shape[1]]
    quads = quads[:_LINES].astype(np.float32)
    rim = np.median(framed[0], axis=0)
    crops = [_cut(pixels, quad, rim) for quad in quads]
    return [
        Line(text, trust, (*quad.min(axis=0).tolist(), *quad.max(axis=0).tolist()), _letter_height(quad), rivals)
        for quad, (text, trust, rivals) in zip(quads, _recognize(crops), strict=True)
        if text.strip()
    ]


def _framed(pixels: Any) -> tuple[Any, int]:
    """Put the pixels on a larger plain ground, and return the width of the margin too."""
    import numpy as np

    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    height, width = pixels.shape[:2]
    margin = max(16, round(max(height, width) * _MARGIN))
    # A band is put on a square: far from square, the OCR's own scaling makes letters unreadable.
    tall, wide = max(height, (width + 7) // 8), max(width, (height + 7) // 8)
    framed = np.empty((tall + 2 * margin, wide + 2 * margin, 3), np.uint8)
    framed[:] = np.median(rim, axis=0).astype(np.uint8)
    framed[margin : margin + height, margin : margin + width] = pixels
    return framed, margin


def _detect(framed: Any) -> Any:
    found = _ocr()(framed, use_det=True, use_cls=False, use_rec=False)
    return getattr(found, "boxes", None)


def _letter_height(quad: Any) -> float:
    import numpy as np

    return float(min(np.linalg.norm(quad[0] - quad[3]), np.linalg.norm(quad[0] - quad[1])))


def _cut(pixels: Any, quad: Any, rim: Any) -> Any:
    """Cut a box out, upright, at the height at which it is read; a tall one is turned to lie."""
    import cv2
    import numpy as np

    width = max(1.0, float(np.linalg.norm(quad[0] - quad[1])))
    height = max(1.0, float(np.linalg.norm(quad[0] - quad[3])))
    turned = height / width >= _TALL
    across, down = (height, width) if turned else (width, height)
    scale = _HEIGHT / down
    shape = (max(4, round(across * scale)), _HEIGHT)
    corners = np.array([[0, 0], [shape[0], 0], [shape[0], shape[1]], [0, shape[1]]], np.float32)
    if turned:
        corners = np.roll(corners, -3, axis=0)
    area = pixels
    if scale < 0.5:  # made smaller by area first: a transform alone would skip pixels
        left, top = np.floor(quad.min(axis=0)).astype(int).clip(0)
        right, bottom = np.ceil(quad.max(axis=0)).astype(int)
        part = pixels[top : max(top + 1, bottom), left : max(left + 1, right)]
        if part.size:
            size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
            area = cv2.resize(np.ascontiguousarray(part), size, interpolation=cv2.INTER_AREA)
            quad = (quad - [left, top]) * [size[0] / part.shape[1], size[1] / part.shape[0]]
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), corners)
    return cv2.warpPerspective(
        np.ascontiguousarray(area),
        matrix,
        shape,
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=[float(value) for value in rim],
    )


def _recognize(crops: list[Any]) -> list[tuple[str, tuple[float, ...], tuple[tuple[str, float], ...]]]:
    """Read crops of one line each: text, the confidence of each sign, and the second choice for each."""
    found = _keeping_rivals(_ocr()).recognize_txt(crops)
    read = []
    for text, words, score in zip(found.txts, found.word_results, found.scores, strict=True):
        trust = tuple(map(float, words.confs)) if words is not None else ()
        rivals = tuple(getattr(words, "rivals", ()))
        if len(trust) != len(text):
            trust = (float(score),) * len(text)
        read.append((text, trust, rivals if len(rivals) == len(text) else ()))
    return read


def _keeping_rivals(reader: Any) -> Any:
    """Have the OCR keep second choices, from its first reading on."""
    import numpy as np

    with _lock:
        if reader.text_rec is None:
            reader.recognize_txt([np.zeros((_HEIGHT, _HEIGHT, 3), np.uint8)])  # which loads the model
            recognizer: Any = reader.text_rec
            recognizer.postprocess_op = _WithRivals(recognizer.postprocess_op)
    return reader


class _WithRivals:
    """The decoder of the OCR's answers, which keeps the second choice for each sign as well."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def __call__(self, shares: Any, *args: Any, **options: Any) -> Any:
        """Decode ``shares``, confidences as (lines, columns, signs)."""
        import numpy as np

        lines, words = self._decoder(shares, *args, **options)
        for row, info in zip(shares, words, strict=False):  # no words where none were asked for
            info.rivals = [("", 0.0)] * len(info.confs)
            if min(info.confs, default=1.0) < _SURE:
                best = row.argmax(axis=1)
                chosen = row[(best != 0) & (np.diff(best, prepend=0) != 0)]  # 0 is no sign; of a run, the first
                info.rivals = [self._rival(column) for column in chosen]
        return lines, words

    def _rival(self, column: Any) -> tuple[str, float]:
        import numpy as np

        second = int(np.argpartition(column, -2)[-2])
        return self._decoder.character[second] if second else "", float(column[second])


def _ocr() -> Any:
    """Return the OCR of this process; one thread a model keeps the figures independent of the load."""
    with _lock:
        if not _reader:
            import logging

            from rapidocr import RapidOCR

            _reader.append(
                RapidOCR(
                    params={
                        "Global.log_level": "critical",
                        "Global.max_side_len": 4096,  # the size is chosen here
                        "Global.return_word_box": True,
                        "Det.limit_type": "max",
                        "Det.limit_side_len": 4096,
                        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                    }
                )
            )
            logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
        return _reader[0]
