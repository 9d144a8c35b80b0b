"""The bounds of the embedded judge, and the facts that decide its answers.

``benchmarks/calibration.py`` set every bound on one half of its photographs; ``benchmarks/calibration.md`` has the
figures on the other half. A changed bound changes the digest, and so the key of every stored answer.
"""

from __future__ import annotations

from ..support.digests import digest_of
from ..taxonomy import EDIT, Path

REVISION = "3"  # of the measurements: another figure for the same picture is another revision


NOISE: Path = ("Quality", "Detail", "Noise")


EDGES: Path = ("Quality", "Detail", "Edge Clarity")


RESOLUTION: Path = ("Quality", "Resolution", "Resolution")


SAFETY: Path = ("Real-world Fidelity", "Safety & Compliance", "Safety & Compliance")


TEXT: Path = ("Creative Generation", "Text Rendering", "Text Accuracy")


MEASURED: tuple[Path, ...] = (NOISE, EDGES, RESOLUTION, SAFETY, TEXT)


# Two numbers a measure: the raw score is 0 beyond the first and 2 up to the second, 1 between them.
BOUNDS: dict[str, tuple[float, float]] = {
    "noise_sigma": (12.0, 4.0),  # standard deviation in 8-bit levels, at the picture's own pixels
    "impulse_share": (0.012, 0.006),  # share of pixels that stand out from all their neighbours
    "edge_sigma": (1.1, 0.7),  # pixels at a long side of at most 1024
    "effective_pixels": (256.0, 512.0),  # long side, in pixels that carry detail; low is bad
    "effective_share": (0.45, 0.7),  # of the picture's own pixels on a side, where it has few; low is bad
    "fine_detail": (0.07, 0.2),  # of a natural picture's, at a long side of at most 1024; low is bad
    "block_share": (0.125, 0.07),  # share of the borders of 8 x 8 blocks that show
    "text_similarity": (0.95, 1.0),  # 1 - edits / length; low is bad
    "exposed": (0.45, 0.45),  # confidence of the detector in an exposed part
}


BOUNDS_DIGEST = digest_of(BOUNDS)


LIBRARIES: dict[str, tuple[str, ...]] = {  # distributions whose version decides an answer, by dimension
    "Quality": ("numpy", "opencv-python-headless", "pillow", "PyWavelets"),
    "Creative Generation": ("numpy", "onnxruntime", "opencv-python-headless", "pillow", "rapidocr"),
    "Real-world Fidelity": ("numpy", "nudenet", "onnxruntime", "opencv-python-headless", "pillow"),
    EDIT: ("numpy", "pillow", "scikit-image", "scipy"),
}


_ALSO = {  # the same library under other names
    "onnxruntime": ("onnxruntime-gpu",),
    "opencv-python-headless": ("opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python"),
}


MODULES = ("cv2", "nudenet", "onnxruntime", "pywt", "rapidocr", "scipy", "skimage")


INSTALL = 'pip install "pytest-imagejudge[signals]"'


def deciding(dimension: str) -> dict[str, str]:
    """Return the facts that decide the answers on ``dimension``: revision, bounds and library versions."""
    facts = {"measurement": REVISION, "bounds": BOUNDS_DIGEST}
    for name in LIBRARIES.get(dimension, ()):
        facts[name] = next(filter(None, map(_version, (name, *_ALSO.get(name, ())))), "missing")
    return facts


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None
