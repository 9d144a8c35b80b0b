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

REVISION = "8"  # of the measurements: another figure for the same picture is another revision

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
    "painting",
    "film-grain",
    "fog",
    "night",
    "shallow-focus",
    "motion",
    "minimal",
    "pattern",
    "blank",
    "few-colours",
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
        doubt: beyond this, and short of failing, fine pictures and damaged ones are alike: its facet is not judged.
    """

    name: str
    facet: Path
    title: str
    unit: str
    fail: float
    good: float
    relax: str = ""
    styles: tuple[str, ...] = ()
    doubt: float | None = None

    @property
    def low_is_bad(self) -> bool:
        """True where values below ``fail`` fail."""
        return self.fail < self.good

    def in_doubt(self, value: float) -> bool:
        """Tell whether a figure is so near to failing that a fine picture may have it."""
        if self.doubt is None:
            return False
        return self.fail <= value < self.doubt if self.low_is_bad else self.doubt < value <= self.fail

    @property
    def bound(self) -> str:
        """The bound in words, such as "fail above 12" or "fail below 45%"."""
        return f"fail {'below' if self.low_is_bad else 'above'} {self.fail:g}{'%' if self.unit == '%' else ''}"


_CASE = 'say "in capitals" or "in lowercase" in the prompt: then the case is free'
_TWICE = 'say in the prompt that it repeats: "a pattern of", "two signs", "on each bottle"'
_TINTED = ("monochrome", "vivid", "night", "fog", "minimal", "pixel-art", "flat")
_TONES = ("fog", "minimal", "flat", "line-art", "pixel-art", "blank")
_SOFT = ("watercolour", "fog", "shallow-focus", "motion")

MEASURES: tuple[Measure, ...] = (
    Measure("noise_sigma", NOISE, "noise of brightness", "levels", 5.2, 2.5, styles=("film-grain", "painting")),
    Measure("impulse_share", NOISE, "pixels that stand out alone", "%", 2.0, 1.0, styles=("film-grain", "glitch")),
    Measure(
        "blur_sigma",
        EDGES,
        "blur, as the sigma of a Gaussian at a long side of at most 1,024",
        "pixels",
        0.7,
        0.55,
        styles=_SOFT,
        doubt=0.6,
    ),
    Measure("long_side", RESOLUTION, "too few pixels on the longer side", "pixels", 256.0, 512.0),
    Measure(
        "fine_detail",
        RESOLUTION,
        "enlarged: finest detail, of a natural picture's",
        "%",
        5.8,
        12.0,
        styles=_SOFT,  # what is blurred on purpose has as little
        doubt=7.0,
    ),
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
    Measure("one_colour", NATURALNESS, "no content: share next to one colour", "%", 99.9, 99.0, styles=("blank",)),
    Measure(
        "blank_share",
        NATURALNESS,
        "a blank band or rectangle with a straight end",
        "%",
        45.0,
        25.0,
        styles=("blank", "minimal"),
    ),
    Measure(
        "level_step",
        NATURALNESS,
        "banding: codes between the levels of colour",
        "levels",
        4.0,
        2.0,
        styles=("few-colours", "glitch", "pixel-art"),
    ),
    Measure(
        "stripe_levels",
        NATURALNESS,
        "stripes across the whole picture: amplitude",
        "levels",
        2.0,
        1.0,
        styles=("pattern", "glitch"),
    ),
    Measure(
        "tile_likeness", NATURALNESS, "the same tile, repeated: likeness", "", 0.8, 0.6, styles=("pattern",), doubt=0.75
    ),
    Measure(
        "checker_levels",
        NATURALNESS,
        "checkerboard of a broken decoder, period 2 to 16 pixels: amplitude",
        "levels",
        1.2,
        0.8,
        styles=("pattern",),
    ),
    Measure(
        "pure_share",
        COLOUR,
        "colour saturated to the end of the range",
        "%",
        22.0,
        9.0,
        styles=("vivid", "flat"),
        doubt=9.0,
    ),
    Measure(
        "cast_chroma",
        COLOUR,
        "colour cast: chroma of the most neutral 2%",
        "",
        18.0,
        12.0,
        styles=_TINTED,
        doubt=12.0,
    ),
    Measure(
        "highlight_cast",
        COLOUR,
        "colour cast: how much weaker one channel is than another in the highlights",
        "%",
        42.0,
        30.0,
        styles=_TINTED,
        doubt=30.0,
    ),
    Measure(
        "burnt_share",
        LIGHT,
        "burnt to white in a channel",
        "%",
        30.0,
        15.0,
        styles=("high-key", "flat", "line-art", "vivid", "pixel-art"),
        doubt=20.0,
    ),
    Measure(
        "crushed_share",
        LIGHT,
        "crushed to black",
        "%",
        30.0,
        15.0,
        styles=("night", "flat", "line-art", "painting", "pixel-art"),
    ),
    Measure(
        "lightest",
        LIGHT,
        "too dark throughout: brightness of its lightest 1%",
        "%",
        25.0,
        45.0,
        styles=("night", *_TONES),
        doubt=45.0,
    ),
    Measure(
        "darkest",
        LIGHT,
        "too pale throughout: brightness of its darkest 1%",
        "%",
        50.0,
        40.0,
        styles=("high-key", "watercolour", *_TONES),
        doubt=40.0,
    ),
    Measure(
        "light_span",
        LIGHT,
        "hardly any contrast: brightness from its darkest 1% to its lightest 1%",
        "%",
        16.0,
        25.0,
        styles=("night", "high-key", "watercolour", *_TONES),
        doubt=25.0,
    ),
    Measure("text_similarity", TEXT, "likeness of the text read to the text asked for", "", 0.95, 1.0),
    Measure("text_letters", TEXT, "letters that are wrong for sure", "letters", 0.0, 0.0),
    Measure(
        "text_case",
        TEXT,
        "letters in the other case; one that differs in height alone counts half",
        "letters",
        0.5,
        0.0,
        _CASE,
    ),
    Measure("text_doubt", TEXT, "doubt about a Chinese or Japanese sign, which may be a look-alike", "", 0.5, 0.1),
    Measure(
        "text_rival",
        TEXT,
        "another Chinese sign of the same script as the OCR's second choice: its confidence",
        "",
        0.2,
        0.1,
    ),
    Measure(
        "text_doubled",
        TEXT,
        "words or lines that stand twice; one that may be the scene's counts half",
        "words",
        0.5,
        0.0,
        _TWICE,
    ),
    Measure(
        "text_nonsense", TEXT, "words beside the text that are none; what may be a word counts half", "words", 0.5, 0.0
    ),
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
    EDIT: ("numpy", "opencv-python-headless", "pillow"),
}
_ALSO = {  # the same library under other names
    "onnxruntime": ("onnxruntime-gpu",),
    "opencv-python-headless": ("opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python"),
}
MODULES = ("cv2", "nudenet", "onnxruntime", "rapidocr")
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
