"""Text Accuracy: the text that the OCR reads, against the quoted texts of the prompt.

RapidOCR with the PP-OCR models inside its wheel, which read Latin and Chinese and never touch the network.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ...protocols.signals_bounds import BOUNDS
from ...scoring.verdict import FacetScore
from .matching import Match, match, readable
from .quotes import quoted

if TYPE_CHECKING:
    from PIL.Image import Image

# Long sides at which a picture is read, until all is found. Small ones: a title that fills the picture is found
# only when it is read like small text.
_SIZES = (960, 480, 1600, 240)
_MARGIN = 1 / 12  # of the long side: text that touches the border is found only with room around it
_LINES = 400  # lines of text kept; no prompt asks for more

_local = threading.local()


def measure(picture: Image, prompt: str) -> FacetScore:
    """Score Text Accuracy of ``picture`` (RGB) against the quoted texts of ``prompt``.

    The lowest of the quoted texts decides: 2 where it was read as written (case and blanks aside), 1 where only
    punctuation or signs that look alike differ or nearly all of a long text is right, 0 otherwise; N/A where the
    prompt quotes nothing, or only text of a script that the OCR can't read.
    """
    texts = quoted(prompt)
    if not texts:
        return FacetScore("N/A", "the prompt puts no text in quotes")
    wanted = [text for text in texts if readable(text)]
    if not wanted:
        return FacetScore("N/A", f"the OCR reads Latin, Greek, Chinese and Japanese, not {texts[0]!r}")
    best = dict.fromkeys(wanted, Match(0.0, False, ""))
    seen = ""
    for lines in readings(picture):
        seen = seen or " | ".join(lines)
        for text in wanted:
            if (found := match(text, lines)) and (found.similarity, found.exact) > (
                best[text].similarity,
                best[text].exact,
            ):
                best[text] = found
        if all(found.exact for found in best.values()):
            break
    text, found = min(best.items(), key=lambda pair: (_raw(pair[1]), pair[1].similarity))
    fail, _ = BOUNDS["text_similarity"]
    read = f"read {found.read!r}" if found.similarity > 0.3 else (f"read only {seen!r}" if seen else "read nothing")
    words = f"expected {text!r}, {_clip(read)} (similarity {found.similarity:.2f}, fail below {fail:g})"
    if len(texts) > 1:
        words += f"; the worst of {len(wanted)} quoted texts"
    return FacetScore(_raw(found), words)


def _raw(found: Match) -> Any:
    if found.exact:
        return 2
    return 1 if found.similarity >= BOUNDS["text_similarity"][0] else 0


def _clip(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def readings(picture: Image) -> Any:
    """Yield the recognized lines (list of str, in reading order) at each useful size of ``picture``."""
    from PIL import Image as Images

    long = max(picture.size)
    done: set[int] = set()
    for size in _SIZES:
        side = min(size, long) if long >= 480 else min(size, 2 * long)
        if side in done or side < 24 or (size > 960 and long <= 1200):
            continue
        done.add(side)
        shape = (max(1, round(picture.width * side / long)), max(1, round(picture.height * side / long)))
        yield _read(picture if shape == picture.size else picture.resize(shape, Images.Resampling.LANCZOS))


def _read(picture: Image) -> list[str]:
    """Read the lines of text in reading order: rows from the top, each from the left."""
    import numpy as np

    pixels = np.asarray(picture)[:, :, ::-1]
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    margin = max(16, round(max(picture.size) * _MARGIN))
    height, width = pixels.shape[:2]
    # A band is put on a square: far from square, the OCR's own scaling makes letters unreadable.
    tall, wide = max(height, (width + 7) // 8), max(width, (height + 7) // 8)
    framed = np.empty((tall + 2 * margin, wide + 2 * margin, 3), np.uint8)
    framed[:] = np.median(rim, axis=0).astype(np.uint8)
    framed[margin : margin + height, margin : margin + width] = pixels
    result = _ocr()(framed)
    if result.txts is None or result.boxes is None:
        return []
    lines = list(zip(result.boxes, result.txts, strict=True))[:_LINES]
    return _in_order([(np.asarray(box, float), str(text)) for box, text in lines])


def _in_order(lines: list[tuple[Any, str]]) -> list[str]:
    """Order texts by rows: a box joins the row whose first box overlaps half of its height."""
    rows: list[list[tuple[Any, str]]] = []
    for line in sorted(lines, key=lambda line: float(line[0][:, 1].mean())):
        box = line[0]
        middle = float(box[:, 1].mean())
        for row in rows:
            top, bottom = float(row[0][0][:, 1].min()), float(row[0][0][:, 1].max())
            inset = (bottom - top) / 4
            if top + inset <= middle <= bottom - inset:
                row.append(line)
                break
        else:
            rows.append([line])
    return [text for row in rows for _, text in sorted(row, key=lambda line: float(line[0][:, 0].min()))]


def _ocr() -> Any:
    """Return this thread's OCR; one thread a model keeps the figures independent of the load."""
    if (reader := getattr(_local, "reader", None)) is None:
        import logging

        from rapidocr import RapidOCR

        reader = _local.reader = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.max_side_len": 4096,  # the size is chosen here
                "Det.limit_type": "max",
                "Det.limit_side_len": 4096,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    return reader
