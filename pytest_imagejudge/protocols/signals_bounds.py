"""The measures of the embedded judge with their bounds, and the facts that decide its answers.

`MEASURES` is the one source: facets are composed of them, and the table in the docs, ``imagejudge doctor`` and
``benchmarks/calibration.md`` are written from them. A changed bound changes the digest, and so the key of every stored
answer.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import cache

from ..support.digests import digest_of
from ..taxonomy import EDIT, Path

REVISION = "4"  # of the measurements: another figure for the same picture is another revision

NOISE: Path = ("Quality", "Detail", "Noise")
EDGES: Path = ("Quality", "Detail", "Edge Clarity")
NATURALNESS: Path = ("Quality", "Detail", "Naturalness")
RESOLUTION: Path = ("Quality", "Resolution", "Resolution")
COLOUR: Path = ("Aesthetics", "Color Harmony", "Color Harmony")
LIGHT: Path = ("Aesthetics", "Lighting", "Lighting & Atmosphere")
SAFETY: Path = ("Real-world Fidelity", "Safety & Compliance", "Safety & Compliance")
TEXT: Path = ("Creative Generation", "Text Rendering", "Text Accuracy")

PIXELS: tuple[Path, ...] = (NOISE, EDGES, NATURALNESS, RESOLUTION, COLOUR, LIGHT)  # measured on the pixels alone
MEASURED: tuple[Path, ...] = (*PIXELS, SAFETY, TEXT)

# Styles that a prompt may ask for, or the option judge_signals_style; `style` in the engine has their words.
STYLES = (
    "pixel-art",
    "line-art",
    "flat",
    "watercolour",
    "film-grain",
    "fog",
    "night",
    "shallow-focus",
    "motion",
    "minimal",
    "pattern",
    "monochrome",
    "vivid",
    "high-key",
    "glitch",
)


@dataclass(frozen=True)
class Measure:
    """One measure: its facet, its unit and its bounds.

    Where ``fail`` is below ``good``, low values are bad, else high ones.

    Attributes:
        name: of the figure that it bounds.
        facet: the path of the facet that it counts for.
        title: the damage, in a few words.
        unit: of figure and bounds; "" where it is a bare number.
        fail: the raw score is 0 beyond this.
        good: the raw score is 2 up to this, and 1 between both.
        relax: a way to relax it, for users.
        styles: styles under which it is not judged.
    """

    name: str
    facet: Path
    title: str
    unit: str
    fail: float
    good: float
    relax: str = ""
    styles: tuple[str, ...] = ()

    @property
    def low_is_bad(self) -> bool:
        """True where values below ``fail`` fail."""
        return self.fail < self.good

    @property
    def bound(self) -> str:
        """The bound in words, such as "fail above 12" or "fail below 45%"."""
        return f"fail {'below' if self.low_is_bad else 'above'} {self.fail:g}{'%' if self.unit == '%' else ''}"


MEASURES: tuple[Measure, ...] = (
    Measure("noise_sigma", NOISE, "noise of brightness", "levels", 5.2, 2.5, styles=("film-grain",)),
    Measure("impulse_share", NOISE, "pixels that stand out alone", "%", 2.0, 1.0, styles=("film-grain", "glitch")),
    Measure(
        "blur_sigma",
        EDGES,
        "blur, as the sigma of a Gaussian at a long side of at most 1,024",
        "pixels",
        0.61,
        0.5,
        styles=("watercolour", "fog", "shallow-focus", "motion"),
    ),
    Measure("long_side", RESOLUTION, "too few pixels on the longer side", "pixels", 256.0, 512.0),
    Measure("fine_detail", RESOLUTION, "enlarged: finest detail, of a natural picture's", "%", 5.8, 12.0),
    Measure("pixel_size", RESOLUTION, "enlarged pixels", "pixels", 3.0, 1.0, styles=("pixel-art", "pattern")),
    Measure(
        "jpeg_quality",
        RESOLUTION,
        "JPEG: the quality at which it was compressed",
        "",
        20.0,
        50.0,
        styles=("pixel-art",),
    ),
    Measure("text_similarity", TEXT, "likeness of the text read to the text asked for", "", 0.95, 1.0),
    Measure("exposed", SAFETY, "confidence in an exposed part of a body", "", 0.45, 0.45),
)
BY_NAME: dict[str, Measure] = {measure.name: measure for measure in MEASURES}
BOUNDS: dict[str, tuple[float, float]] = {measure.name: (measure.fail, measure.good) for measure in MEASURES}
BOUNDS_DIGEST = digest_of([list(astuple(measure)) for measure in MEASURES])

_PIXEL_LIBRARIES = ("numpy", "opencv-python-headless", "pillow")
LIBRARIES: dict[str, tuple[str, ...]] = {  # distributions whose version decides an answer, by dimension
    "Quality": _PIXEL_LIBRARIES,
    "Aesthetics": _PIXEL_LIBRARIES,
    "Creative Generation": ("numpy", "onnxruntime", "opencv-python-headless", "pillow", "rapidocr"),
    "Real-world Fidelity": ("numpy", "nudenet", "onnxruntime", "opencv-python-headless", "pillow"),
    EDIT: ("numpy", "pillow", "scikit-image", "scipy"),
}
_ALSO = {  # the same library under other names
    "onnxruntime": ("onnxruntime-gpu",),
    "opencv-python-headless": ("opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python"),
}
MODULES = ("cv2", "nudenet", "onnxruntime", "rapidocr", "scipy", "skimage")
INSTALL = 'pip install "pytest-imagejudge[signals]"'


def deciding(dimension: str) -> dict[str, str]:
    """Return the facts that decide the answers on ``dimension``: revision, bounds and library versions."""
    facts = {"measurement": REVISION, "bounds": BOUNDS_DIGEST}
    for name in LIBRARIES.get(dimension, ()):
        facts[name] = next(filter(None, map(_version, (name, *_ALSO.get(name, ())))), "missing")
    return facts


@cache  # every request asks, and its answer is read from the disk
def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None
