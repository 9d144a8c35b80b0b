"""Colour that was cut off at the ends of its range, and colour that is shifted all over the picture.

White paper, a studio's ground and black space are at the ends too: a picture whose border is all white, or all black,
on three sides is not judged by that end. Nor are flat drawings, which use few colours, pure ones too.
"""

from __future__ import annotations

from typing import Any

from ...protocols.signals_bounds import BY_NAME
from .content import one_colour
from .figure import Figure
from .percentiles import percentile
from .planes import Planes
from .sample import colours, sampled

_WHITE, _BLACK = 253, 2  # codes from which on, and up to which, a channel is cut off
_GROUND = 0.9  # share of a side of the picture; a burnt sky reaches it on one or two sides, paper on three or four
_ALONE = 0.75  # of the picture; what fills no more of it is cut out, or stands alone
_FRAME = 32  # of the short side; a frame is thinner
_COLOURFUL = 64  # codes between the highest and the lowest channel
_PUSHED = 0.00005  # share of the pixels that are cut off at both ends
_FLAT = 0.5  # share of the pixels, as their neighbour to the last code, from which on a picture is a flat drawing
_STEP = 2  # codes between neighbours of smooth shading
_SMOOTH = 0.3  # share of such neighbours from which on a thing on a plain ground is a drawing
_RANGE = 25.0  # L* between the darkest and the lightest 1%; without dark and light, all may well be of one hue
_NIGHT = 5.0  # L* below which a pixel is black, whatever the ratio of its channels
_BOTTOM, _DARKEST = 9, 0.002  # codes up to which a channel is at black, and the share of the pixels that are
_LIT, _DEEP = 160, 0.3  # codes of what is lit; and the lowest channel of a deep colour, of its highest
_PETALS = 0.3  # share of what is lit that is of a deep colour; in leaves, grass and petals it is 0.35 and more
_NEUTRAL = 2  # percent of the pixels; of nearly every picture that much is grey, black or white
_PLAIN = 80  # percent of the picture next to one colour: little is left that could be grey
_BRIGHT = 48  # codes from which on a pixel shows the ratio of its channels
_HIGHLIGHT = 0.998  # of the codes of a channel; the lightest are lamps
_DIM = 160  # codes; below this the highlights may be those of a warm light that a gain of blue has undone
_GREY = 0.9  # the lowest channel of a grey pixel, of its highest
_MANY = 0.04  # share of the bright pixels; few lie so near to the highlights' colour where no gain moved them there
_TONES = 0.2  # of the range; grey is there from dark to light, and a coloured wall or paper is of one tone
_WEAK = 0.8  # of the strongest channel; below this a channel is weak
_CASTS = {"RB": "green", "G": "magenta", "B": "yellow", "R": "cyan", "GB": "red", "RG": "blue"}  # by weak channels


def burnt_share(planes: Planes) -> Figure:
    """Measure the percentage of the picture in which a channel is cut off at white."""
    if words := planes.too_small or drawn(planes):
        return Figure("burnt_share", None, words)
    low, high = planes.once(_extremes)
    return _cut_off("burnt_share", low >= _WHITE, high >= _WHITE, "burnt to white in a channel", "white")


def crushed_share(planes: Planes) -> Figure:
    """Measure the percentage of the picture that is crushed to black."""
    if words := planes.too_small or drawn(planes):
        return Figure("crushed_share", None, words)
    _, high = planes.once(_extremes)
    return _cut_off("crushed_share", high <= _BLACK, high <= _BLACK, "crushed to black", "black")


def _cut_off(name: str, wholly: Any, partly: Any, words: str, colour: str) -> Figure:
    """The figure of pixels that are cut off; none on a ground that is cut off in all channels."""
    if _is_ground(wholly):
        return Figure(name, None, f"on a {colour} ground, what is {words} can't be told from it", unsure=True)
    share = 100 * _share(partly)
    return Figure(name, share, f"{share:.0f}% of the picture is {words}")


def pure_share(planes: Planes) -> Figure:
    """Measure the percentage of the picture, its paper aside, whose colour is saturated to the end of the range.

    Colour that was pushed too far is cut off at both ends in places; where it nowhere is, half of the share counts, and
    a whole that fails by itself is left open.
    """
    import numpy as np

    if words := planes.too_small or drawn(planes):
        return Figure("pure_share", None, words)
    low, high = planes.once(_extremes)
    inked = ~planes.once(paper)
    if not inked.all() and _smooth_share(planes) >= _SMOOTH:
        words = "smooth colours on a plain ground: a drawing may have the colours it likes"
        return Figure("pure_share", None, words, unsure=True)
    counted = max(1, int(np.count_nonzero(inked)))
    pure = (high - low >= _COLOURFUL) & ((low == 0) | (high == 255)) & inked
    share = 100 * int(np.count_nonzero(pure)) / counted
    if counted < _ALONE * inked.size and share > BY_NAME["pure_share"].fail:
        words = f"{share:.0f}% of a thing alone on a plain ground is saturated: it may have the colours it likes"
        return Figure("pure_share", None, words, unsure=True)
    words = f"{share:.0f}% of the picture is saturated to the end of the range"
    if np.count_nonzero((low == 0) & (high == 255) & inked) < _PUSHED * counted:
        words += ", nowhere to both ends: half of it counts" if share >= 1 else ""
        fail = BY_NAME["pure_share"].fail
        if share / 2 <= fail < share:
            return Figure("pure_share", None, f"{words}, so it may be as it should be", unsure=True)
        return Figure("pure_share", share / 2, words)
    return Figure("pure_share", share, words)


def cast_chroma(planes: Planes) -> Figure:
    """Measure the chroma (CIELAB) of the most neutral of the pixels: a cast leaves nothing grey, black or white."""
    import cv2
    import numpy as np

    if words := planes.too_small or drawn(planes):
        return Figure("cast_chroma", None, words)
    light, green_red, blue_yellow = planes.once(_lab)
    if words := planes.once(_one_tone):
        return Figure("cast_chroma", None, words, unsure=True)
    chroma = np.where(light < _NIGHT, 0, cv2.magnitude(green_red, blue_yellow))
    value = float(percentile(chroma.ravel(), _NEUTRAL))
    words = f"the most neutral {_NEUTRAL}% have chroma {value:.0f} (CIELAB)"
    if value > BY_NAME["cast_chroma"].fail and (own := _own_colour(planes)):
        return Figure("cast_chroma", None, f"{words}, and {own}", unsure=True)
    return Figure("cast_chroma", value, f"colour cast: {words}")


def _own_colour(planes: Planes) -> str:
    """Say why what has nothing neutral may be so without a cast; empty for no reason."""
    if _deep(planes.once(_small)):
        return "much of the light is of deep colour: it may be the scene's own"
    if (planes.once(one_colour).value or 0) > _PLAIN:
        return "most of it is one colour: a ground may have the colour it likes"
    return ""


def highlight_cast(planes: Planes) -> Figure:
    """Measure how much weaker one channel is than another in the highlights, in percent: what a gain leaves.

    Black stays black under a gain, and white does not. A sunset or a forest has such highlights too: a cast is sure
    where grey is missing, and much of the picture is grey once the gain is undone.
    """
    import cv2
    import numpy as np

    if words := planes.too_small or drawn(planes):
        return Figure("highlight_cast", None, words)
    if words := planes.once(_one_tone):
        return Figure("highlight_cast", None, words, unsure=True)
    small = planes.once(_small)
    ends = [max(1, *codes_at(channel, _HIGHLIGHT)) for channel in cv2.split(small)]
    strongest = max(ends)
    value = 100 * (1 - min(ends) / strongest)
    weak = "".join(name for name, end in zip("RGB", ends, strict=True) if end < _WEAK * strongest)
    names = dict(zip(ends, ("red", "green", "blue"), strict=True))
    words = f"in the highlights {names[min(ends)]} is {value:.0f}% weaker than {names[strongest]}"
    if value <= BY_NAME["highlight_cast"].good:
        if strongest < _DIM:
            share = 100 * strongest / 255
            words = f"highlights of {share:.0f}% of white: a gain may have undone the colour of the light"
            return Figure("highlight_cast", None, words, unsure=True)
        return Figure("highlight_cast", value, f"no colour cast: {words if value else 'the highlights have none'}")
    words = f"{_CASTS[weak]} cast: {words}"
    if value <= BY_NAME["highlight_cast"].fail:
        return Figure("highlight_cast", value, words)
    undo = np.minimum(np.arange(256)[:, None] * (255 / np.array(ends)), 255).astype(np.uint8)[None]
    _, high = _ends_of(small)
    bright = high >= _BRIGHT
    grey, undone = (_grey(pixels) & bright for pixels in (small, cv2.LUT(small, undo)))
    counted, before, after = (int(np.count_nonzero(mask)) for mask in (bright, grey, undone))
    if after < max(1, _MANY * counted) or 2 * before > after:
        return Figure("highlight_cast", None, f"{words}, which may be the scene's own colour", unsure=True)
    dark, light = codes_at(high[undone], 0.1, 0.9)
    if light - dark < _TONES * strongest:
        return Figure("highlight_cast", None, f"{words}, which may be the colour of a ground", unsure=True)
    return Figure("highlight_cast", value, words)


def _small(planes: Planes) -> Any:
    """The sample at half its size, each pixel the mean of four."""
    import cv2

    return cv2.resize(planes.once(sampled), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def _lab(planes: Planes) -> Any:
    """`_small` in CIELAB: L*, a* and b*."""
    import cv2
    import numpy as np

    return cv2.split(cv2.cvtColor(planes.once(_small).astype(np.float32) / 255, cv2.COLOR_RGB2LAB))


def _one_tone(planes: Planes) -> str:
    """Words for a picture of little contrast, else ""."""
    light = planes.once(_lab)[0].ravel()
    dark, bright = percentile(light, 1), percentile(light, 99)
    return "too little contrast to tell a colour cast from the colour of the subject" if bright - dark < _RANGE else ""


def codes_at(channel: Any, *shares: float) -> list[int]:
    """The codes that these shares of the channel's pixels are at or below."""
    import cv2
    import numpy as np

    counts = cv2.calcHist([channel], [0], None, [256], [0, 256]).ravel()
    return [int(code) for code in np.searchsorted(np.cumsum(counts), np.array(shares) * channel.size)]


def _deep(pixels: Any) -> bool:
    """Return True where much of what is lit has a deep colour, as leaves and petals; most shifts leave less of it."""
    import cv2
    import numpy as np

    if min(codes_at(channel, _DARKEST)[0] for channel in cv2.split(pixels)) > _BOTTOM:
        return False
    low, high = _ends_of(pixels)
    lit = high >= _LIT
    return int(np.count_nonzero(lit & (low <= _DEEP * high))) >= max(1, _PETALS * int(np.count_nonzero(lit)))


def _grey(pixels: Any) -> Any:
    """A mask of the pixels whose channels are nearly alike."""
    low, high = _ends_of(pixels)
    return low >= _GREY * high


def _extremes(planes: Planes) -> tuple[Any, Any]:
    """The lowest and the highest channel of each sampled pixel."""
    return _ends_of(planes.once(sampled))


def _ends_of(pixels: Any) -> tuple[Any, Any]:
    """The lowest and the highest channel of each pixel (H, W, 3)."""
    import cv2

    red, green, blue = cv2.split(pixels)
    return cv2.min(cv2.min(red, green), blue), cv2.max(cv2.max(red, green), blue)


def drawn(planes: Planes) -> str:
    """Words for a flat drawing, else ""."""
    share = flat_share(planes)
    return f"{share:.0%} of it is flat colour: a drawing may have the colours it likes" if share >= _FLAT else ""


def flat_share(planes: Planes) -> float:
    """Share of the pixels that equal their neighbour to the last code, of those that are not white, black or paper."""
    return planes.once(_flat)


def _flat(planes: Planes) -> float:
    import numpy as np

    codes = planes.once(colours)
    low, high = planes.once(_extremes)
    inside = (high > _BLACK) & (low < _WHITE) & ~planes.once(paper)
    counted = int(np.count_nonzero(inside[:, :-1]))
    if not counted:
        return 0.0
    return float(np.count_nonzero((codes[:, 1:] == codes[:, :-1]) & inside[:, :-1])) / counted


def _smooth_share(planes: Planes) -> float:
    """Share of the pixels within two codes of their neighbour, of those that are not white, black or paper."""
    import cv2
    import numpy as np

    pixels = planes.once(sampled)
    low, high = planes.once(_extremes)
    inside = ((high > _BLACK) & (low < _WHITE) & ~planes.once(paper))[:, 1:]
    _, furthest = _ends_of(cv2.absdiff(pixels[:, 1:], pixels[:, :-1]))
    near = furthest <= _STEP
    return float(np.count_nonzero(near & inside)) / max(1, int(np.count_nonzero(inside)))


def paper(planes: Planes) -> Any:
    """A mask of the one colour that holds most of the picture's border, if one does."""
    import numpy as np

    codes = planes.once(colours)
    border = np.concatenate([codes[0], codes[-1], codes[:, 0], codes[:, -1]])
    found, counts = np.unique(border, return_counts=True)
    at = int(counts.argmax())
    return codes == found[at] if counts[at] > len(border) / 2 else np.zeros(codes.shape, bool)


def _is_ground(cut: Any) -> bool:
    """Return True for a mask that holds nearly all of three sides of the picture, or of what a thin frame leaves."""
    inset = max(1, min(cut.shape) // _FRAME)
    lines = [line for plane in (cut, cut[::-1], cut.T, cut.T[::-1]) for line in (plane[0], plane[inset])]
    shares = [_share(line) for line in lines]
    sides = sorted(map(max, shares[::2], shares[1::2]))
    return sides[1] >= _GROUND


def _share(mask: Any) -> float:
    import numpy as np

    return float(np.count_nonzero(mask) / mask.size)
