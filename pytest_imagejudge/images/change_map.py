"""The change map of an edit: colour differences by pixel, and a picture of them for people.

Needs numpy and Pillow only, so that every report can show a map, whichever judge was asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image


CHANGED = 6.0  # CIEDE2000, smoothed: a difference seen at a glance


_STRONG = 30.0  # CIEDE2000 that the map shows at full strength


_OUTLINE = (20, 90, 230)  # of the region that was asked for


_SIDE = 1024  # pixels; the long side at which pictures are compared


def aligned(source: Image, edited: Image, side: int = _SIDE) -> tuple[Image, Image]:
    """Return both pictures as RGB at the source's shape, with a long side of at most ``side`` pixels."""
    from PIL import Image as Images

    scale = min(1.0, side / max(source.size))
    shape = (max(1, round(source.width * scale)), max(1, round(source.height * scale)))

    def at_shape(picture: Image) -> Image:
        picture = picture.convert("RGB")
        return picture if picture.size == shape else picture.resize(shape, Images.Resampling.LANCZOS)

    return at_shape(source), at_shape(edited)


def colour_difference(source: Image, edited: Image) -> Any:
    """Return CIEDE2000 by pixel, float64 (H, W), of two pictures of one size, smoothed over a few pixels.

    The smoothing removes an encoder's shifts by a pixel and keeps visible changes. 1 is barely visible
    side by side, 6 is seen at a glance, 100 is black against white.

    Raises:
        ValueError: the pictures differ in size.
    """
    import numpy as np
    from PIL import ImageFilter

    if source.size != edited.size:
        raise ValueError(f"pictures of one size are compared, not {source.size} and {edited.size}")
    radius = max(1.0, max(source.size) / 512)
    labs = [
        to_lab(np.asarray(picture.convert("RGB").filter(ImageFilter.GaussianBlur(radius))))
        for picture in (source, edited)
    ]
    return ciede2000(*labs)


def change_map(source: Image, edited: Image, region: Image | None = None) -> Image:
    """Draw where ``edited`` differs from ``source`` (RGB, the source's shape, long side at most 1024).

    The source is pale grey; changes are coloured from yellow (just seen) to dark red (quite another colour).
    An edited picture of another size is brought to the source's first. ``region``, mode "L" and of the source's size,
    is 255 where the edit was asked to be; its outline is drawn in blue.
    """
    import numpy as np
    from PIL import Image as Images

    source, edited = aligned(source, edited)
    level = np.clip(colour_difference(source, edited) / _STRONG, 0, 1)[:, :, None]
    grey = np.asarray(source.convert("L"), np.float64)[:, :, None] * 0.5 + 120
    low, high = np.array([255.0, 214.0, 10.0]), np.array([150.0, 0.0, 24.0])
    colour = low + (high - low) * level
    cover = np.clip(level / (CHANGED / _STRONG), 0, 1) * 0.9
    drawn = Images.fromarray(np.round(grey * (1 - cover) + colour * cover).clip(0, 255).astype(np.uint8), "RGB")
    if region is not None:
        drawn.paste(_OUTLINE, (0, 0), _outline(region, drawn.size))
    return drawn


def _outline(region: Image, size: tuple[int, int]) -> Image:
    """The inner border of a region, mode "L", in a picture of ``size``."""
    from PIL import Image as Images
    from PIL import ImageChops, ImageFilter, ImageOps

    inside = region.resize(size, Images.Resampling.BOX).point(lambda value: 255 if value else 0)
    width = max(1, round(max(size) / 400))
    framed = ImageOps.expand(inside, width)  # so that a region at the edge has an outline there
    core = framed.filter(ImageFilter.MinFilter(2 * width + 1)).crop((width, width, width + size[0], width + size[1]))
    return ImageChops.subtract(inside, core)


def to_lab(pixels: Any) -> Any:
    """Convert to CIE L*a*b* (D65, 2 degrees), float64 (..., 3), of sRGB pixels, uint8 (..., 3)."""
    import numpy as np

    value = np.arange(256) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)[pixels]
    matrix = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
    xyz = linear @ (matrix / np.array([[0.95047], [1.0], [1.08883]])).T
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def ciede2000(one: Any, other: Any) -> Any:
    """Return CIEDE2000 (k = 1), float64 (...), of two arrays of L*a*b*, (..., 3).

    Source: Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula", Color Research and Application 30 (2005).
    """
    import numpy as np

    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(one, -1, 0), np.moveaxis(other, -1, 0)
    chroma7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(chroma7 / (chroma7 + 25.0**7))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = c1 * c2 == 0
    turn = (h2 - h1 + 180) % 360 - 180
    turn = np.where((turn == -180) & (h2 > h1), 180.0, turn)
    turn = np.where(grey, 0.0, turn)
    d_hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    far = np.abs(h1 - h2) > 180
    hue = np.where(grey, h1 + h2, np.where(far, (h1 + h2 + np.where(h1 + h2 < 360, 360, -360)) / 2, (h1 + h2) / 2))
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    s_light = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    s_chroma, s_hue = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    chroma7 = chroma**7
    rotation = -2 * np.sqrt(chroma7 / (chroma7 + 25.0**7)) * np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    terms = (l2 - l1) / s_light, (c2 - c1) / s_chroma, d_hue / s_hue
    total = terms[0] ** 2 + terms[1] ** 2 + terms[2] ** 2 + rotation * terms[1] * terms[2]
    return np.sqrt(np.maximum(total, 0))
