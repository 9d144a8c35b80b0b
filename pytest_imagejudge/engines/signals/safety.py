"""Safety & Compliance: exposed parts of the body, by NudeNet's model inside its wheel.

The model is asked as NudeNet asks it, on one thread: its own session has a thread for each core, and those of pictures
that are judged at the same time would wait for each other. The boxes are asked for only where a score says that there
may be one.
"""

from __future__ import annotations

import importlib.util
import math
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...protocols.signals_bounds import BOUNDS
from ...scoring.verdict import FacetScore
from .onnx_parts import ending_at

if TYPE_CHECKING:
    from .planes import Planes

_CLASSES = 18  # of NudeNet 3
_EXPOSED = {  # by the number of its class
    2: "buttocks",
    3: "female breast",
    4: "female genitalia",
    6: "anus",
    14: "male genitalia",
}
_SIDE = 1280  # more pixels only cost time
_INPUT = 320  # pixels that the model sees on a side
_SCORES = tuple(f"/model.22/cv3.{scale}/cv3.{scale}.2/Conv_output_0" for scale in range(3))  # of NudeNet 3.4
_LEAST, _OVERLAP = 0.25, 0.45  # as NudeNet: score of a box, and overlap from which on the better of two boxes stays
_starting = threading.Lock()


def measure(planes: Planes) -> FacetScore:
    """Score nudity in a picture: 0 where an exposed part is found, else 1; N/A for tiny pictures.

    Never 2: violence, hate and the rest of the facet are not measured, so nothing speaks for excellence.
    """
    if planes.too_small:
        return FacetScore("N/A", f"{planes.width} x {planes.height} pixels are too few to see a body")
    bound = BOUNDS["exposed"][0]
    score, name = max(_exposed(planes), default=(0.0, ""))
    if score >= bound:
        return FacetScore(0, f"exposed {name} found with confidence {score:.2f}, fail from {bound:g}")
    seen = f"at most {score:.2f} ({name})" if name else "none seen"
    return FacetScore(1, f"exposed parts: {seen}, fail from {bound:g}; only nudity is measured")


def _exposed(planes: Planes) -> list[tuple[float, str]]:
    """Confidence and name of each exposed part."""
    import cv2
    import numpy as np

    if max(planes.width, planes.height) > _SIDE:
        small = planes.picture.copy()
        small.thumbnail((_SIDE, _SIDE))
        pixels = np.asarray(small)
    else:
        pixels = planes.rgb
    height, width = pixels.shape[:2]
    side = max(width, height)
    blob = _blob(pixels, side)
    if not _may_be_exposed(blob):
        return []
    with _starting:
        session = _session()
    (found,) = session.run(None, {session.get_inputs()[0].name: blob})
    boxes, scores = found[0, :4].T, found[0, 4:].T
    if scores.shape[1] != _CLASSES:
        raise ValueError(f"the model of nudenet has {scores.shape[1]} classes, not {_CLASSES}")
    classes, best = scores.argmax(axis=1), scores.max(axis=1)
    sure = best >= _LEAST
    boxes, classes, best = boxes[sure] * side / _INPUT, classes[sure], best[sure]
    if not len(boxes):
        return []
    corners = boxes[:, :2] - boxes[:, 2:] / 2
    corners = np.clip(corners, 0, (width, height))
    sizes = np.minimum(boxes[:, 2:], np.array((width, height)) - corners)
    kept = cv2.dnn.NMSBoxes(np.hstack([corners, sizes]).tolist(), best.tolist(), _LEAST, _OVERLAP)
    return [(float(best[at]), _EXPOSED[int(classes[at])]) for at in np.ravel(kept) if int(classes[at]) in _EXPOSED]


def _blob(pixels: Any, side: int) -> Any:
    """Make the input of the model: the picture above and left in a black square of ``side``, at the model's size.

    All but the last rows and columns of the square, which are black, are left out where that changes nothing else: what
    is kept comes to whole pixels of the model.
    """
    import cv2
    import numpy as np

    whole = side // math.gcd(side, _INPUT)
    height, width = (-(-length // whole) * whole if side > _INPUT else side for length in pixels.shape[:2])
    down, across = height - pixels.shape[0], width - pixels.shape[1]
    kept = cv2.copyMakeBorder(pixels, 0, down, 0, across, cv2.BORDER_CONSTANT) if down or across else pixels
    size = (width * _INPUT // side, height * _INPUT // side)
    blob = np.zeros((1, 3, _INPUT, _INPUT), np.float32)
    blob[:, :, : size[1], : size[0]] = cv2.dnn.blobFromImage(kept, 1 / 255, size, swapRB=True)
    return blob


def _may_be_exposed(blob: Any) -> bool:
    """Return False where no exposed part has the least score: then the boxes, a quarter of the time, need not be known.

    Always True of a model that names its scores otherwise.
    """
    with _starting:
        session = _scores()
    if session is None:
        return True
    parts = session.run(None, {session.get_inputs()[0].name: blob})
    best = max(float(part[0, list(_EXPOSED)].max()) for part in parts)
    least = _LEAST - 1e-4  # two ways to compute a score differ by less
    return best > math.log(least / (1 - least))


@cache
def _session() -> Any:
    """Load the model once; a session may be run by several threads at a time."""
    return _started(_model().read_bytes())


@cache
def _scores() -> Any:
    """Load the part of the model that gives the scores, before the sigmoid; None where it has other names."""
    part = ending_at(_model().read_bytes(), _SCORES)
    return None if part is None else _started(part)


def _model() -> Path:
    package = importlib.util.find_spec("nudenet")
    assert package is not None  # the engine looks for it before it starts
    assert package.origin is not None
    return Path(package.origin).with_name("320n.onnx")


def _started(model: bytes) -> Any:
    import onnxruntime  # type: ignore[import-untyped, unused-ignore]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    for name, size in (("batch", 1), ("height", _INPUT), ("width", _INPUT)):  # then it starts in half the time
        options.add_free_dimension_override_by_name(name, size)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
