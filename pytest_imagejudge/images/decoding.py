"""Decoding of untrusted bytes: limits first, canonical pixels after, and no warnings of the decoder."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..errors import ImageError
from ..support.escaping import escape
from .containers import Header, read_header, tiff_kind
from .image_file import open_image
from .pillow_guard import PLUGINS, decoder, load_plugin, too_many_pixels

if TYPE_CHECKING:
    from PIL.Image import Image


MAX_RATIO = 200  # longest side to shortest


# Raster formats that are decoded in this process. Others that Pillow knows start a program (EPS) or hold no picture.
FORMATS = (
    *("PNG", "JPEG", "MPO", "WEBP", "AVIF", "HEIF", "JXL", "GIF", "BMP", "DIB", "TIFF", "JPEG2000"),
    *("PPM", "TGA", "QOI", "PCX", "SGI", "ICO", "ICNS", "PSD", "DDS"),
)


_ORIENTATION = 0x0112  # EXIF tag
_one_at_a_time = threading.Lock()  # Pillow reads an opened file at the first use of its image, by one thread alone


def check_size(size: tuple[int, int], name: str, max_pixels: int) -> None:
    """Raise `ImageError` for a (width, height) in pixels that can't be judged; ``name`` is already escaped."""
    width, height = size
    if width <= 0 or height <= 0:
        raise ImageError(f"{name}: an image of zero size, {width}x{height}")
    if width * height > max_pixels:
        raise ImageError(f"{name}: {too_many_pixels(size, max_pixels)}")
    if max(size) > MAX_RATIO * min(size):
        raise ImageError(f"{name}: {width}x{height} has sides beyond {MAX_RATIO} to 1")


def decode(handle: IO[bytes], name: str, max_pixels: int) -> Image:
    """Decode the canonical picture of an open file: RGB, upright, on white; of several frames the first.

    Raises:
        ImageError: no image, a damaged one, or one beyond the limits.
    """
    from PIL import Image

    with decoder(max_pixels), _naming(name, handle):
        _check_header(read_header(handle), name, max_pixels)
        load_plugin(suffix(handle.read(32)))
        handle.seek(0)
        formats = [known for known in FORMATS if known in Image.OPEN]
        with Image.open(handle, formats=formats) as image:
            check_size(image.size, name, max_pixels)
            picture = _canonical(image, name)
            # nobody else has what was decoded here; but it may be a view of the file, or hold more frames
            own = picture is not image or (image.format in ("PNG", "JPEG") and not image.readonly and not _more(image))
            return picture if own else picture.copy()


def canonical(image: Image, name: str, max_pixels: int) -> Image:
    """Return the canonical picture of a PIL image, which stays unchanged.

    Raises:
        ImageError: as in `decode`.
    """
    with _one_at_a_time, decoder(max_pixels), _naming(name):
        _check_header(_header_of(image), name, max_pixels)
        check_size(image.size, name, max_pixels)
        picture = _canonical(image, name)
        return picture.copy() if picture is image else picture


def _check_header(header: Header, name: str, max_pixels: int) -> None:
    """Raise `ImageError` for what a decoder is known to get wrong, and for the size of what it would decode at once."""
    if header.size is not None:
        check_size(header.size, name, max_pixels)
    if header.refused:
        raise ImageError(f"{name}: {header.refused}")


def _header_of(image: Image) -> Header:
    """The header of the file that a PIL image was opened from, as far as it is still to be had."""
    if image.format not in ("AVIF", "HEIF", "JPEG2000", "JXL", "PNG"):
        return Header()  # or made of another image
    with contextlib.suppress(Exception):  # the stream is the caller's, and may be anything
        handle = getattr(image, "fp", None)
        if handle is None or handle.closed:
            with open_image(Path(getattr(image, "filename", ""))) as file:
                return read_header(file)
        place = handle.tell()
        try:
            return read_header(handle)
        finally:
            handle.seek(place)
    return Header()


def on_white(image: Image) -> Image:
    """Compose an RGBA picture on white."""
    from PIL import Image

    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def suffix(data: bytes) -> str:
    """Return the file name suffix of image bytes by the first ones; ``.bin`` for an unknown format."""
    for start, ending in (
        (b"\x89PNG\r\n\x1a\n", ".png"),
        (b"\xff\xd8\xff", ".jpg"),
        (b"GIF8", ".gif"),
        (b"BM", ".bmp"),
        (b"II*\0", ".tif"),
        (b"MM\0*", ".tif"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", ".jp2"),
        (b"\xff\x4f\xff\x51", ".j2k"),
        (b"\0\0\0\x0cJXL ", ".jxl"),
        (b"\xff\x0a", ".jxl"),
        (b"qoif", ".qoi"),
    ):
        if data.startswith(start):
            return ending
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    if data[4:8] == b"ftyp" and data[8:12] in _BRANDS:
        return ".avif" if data[8:12] in (b"avif", b"avis") else ".heic"
    return ".bin"


_BRANDS = frozenset((b"avif", b"avis", b"mif1", b"msf1", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"))


# --- canonical pixels -----------------------------------------------------------------------------------------------


def _canonical(image: Image, name: str) -> Image:
    """Return the canonical picture, which may be ``image`` itself."""
    image.load()
    turn = _turn(image)
    picture = _to_rgb(image, name)
    return picture if turn is None else picture.transpose(turn)


def _more(image: Image) -> bool:
    """Return True for one of several frames."""
    return bool(getattr(image, "is_animated", False))


def _turn(image: Image) -> Any:
    """Return the transposition that the EXIF orientation asks for, or None; damaged EXIF asks for none.

    Read from the EXIF block alone: `PIL.Image.Image.getexif` takes an orientation out of XMP too, which viewers don't.
    TIFF, AVIF, HEIF and JPEG XL are turned by their decoders, JPEG XL whatever its EXIF says, unless the decoder gives
    the JPEG that it was made of.
    """
    from PIL import Image

    if image.format == "JXL" and not getattr(image, "jpeg", False):
        return None
    block = image.info.get("exif")
    exif = Image.Exif()
    try:
        if block is None and "Raw profile type exif" in image.info:  # as ImageMagick writes it into PNG
            block = bytes.fromhex("".join(image.info["Raw profile type exif"].split("\n")[3:]))
        if not isinstance(block, bytes):
            return None
        exif.load(block)
        value = exif.get(_ORIENTATION)
    except Exception:  # noqa: BLE001  (a parser of untrusted metadata raises anything)
        return None
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    return turns.get(value) if isinstance(value, int) else None


def _to_rgb(image: Image, name: str) -> Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _wide_to_rgb(image, name)
    if image.mode == "LAB":
        return _lab_to_rgb(image)
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    if image.mode == "La":
        image = image.convert("LA")
    return on_white(image if image.mode == "RGBA" else image.convert("RGBA"))


def _wide_to_rgb(image: Image, name: str) -> Image:
    """Scale greyscale of 16 or 32 bits, or of floats, to 8 bits; Pillow's own conversion clips instead.

    16 bits keep their high byte, as Pillow does with 16-bit colour. 32-bit integers are taken for 8 bits where all
    are in 0..255, for 16 where they are in 0..65535; floats for [0, 1] or [0, 255].
    """
    import numpy as np
    from PIL import Image

    values = np.asarray(image)
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= (255 if image.mode == "F" else 65535)):  # true for NaN too
        raise ImageError(f"{name}: values from {low:g} to {high:g} in a greyscale image of mode {image.mode}")
    if image.mode == "F":
        grey = np.rint(values * 255 if high <= 1 else values).astype(np.uint8)
    else:
        sixteen = image.mode != "I" or high > 255 or image.format in ("PNG", "PPM", "JPEG2000")
        grey = (values >> 8 if sixteen else values).astype(np.uint8)
    clear = image.info.get("transparency")
    if isinstance(clear, int):  # a PNG may name one grey value that is transparent
        grey = np.where(values == clear, np.uint8(255), grey)
    return Image.fromarray(grey).convert("RGB")


def _lab_to_rgb(image: Image) -> Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None  # only in-place conversion returns None
    return converted


# --- what the decoder says ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _naming(name: str, handle: IO[bytes] | None = None) -> Iterator[None]:
    """Turn any error of a decoder into an `ImageError` that names the file."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"{name}: {_looks_like(handle)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"{name}: {escape(error)}") from None
    except MemoryError as error:
        raise ImageError(f"{name}: does not fit into memory") from error
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error, zlib.error, ...
        raise ImageError(f"{name}: a damaged or truncated image: {escape(error)}") from error


def _looks_like(handle: IO[bytes] | None) -> str:
    """Describe a file that could not be opened as an image."""
    if handle is None:
        return "not an image in a known format"
    handle.seek(0)
    head = handle.read(1024)
    ending = suffix(head)
    if missing := _not_read(ending):
        return missing
    if ending == ".tif" and (kind := tiff_kind(handle)):
        return f"a TIFF of {kind}, which Pillow does not read: write 8 bits a channel, or a PNG"
    if ending != ".bin":
        kind = _NAMES.get(ending, ending[1:].upper())
        return f"a damaged or truncated image: starts like {kind}, but has no readable header"
    return f"not an image in a known format: {_other(head)}"


_NAMES = {".heic": "HEIF"}


def _not_read(ending: str) -> str:
    """Return the reason that this Pillow can't read a format at all, or an empty string."""
    from PIL import Image, features

    if ending in PLUGINS:
        format, words, plugin = PLUGINS[ending]  # noqa: A001
        return "" if format in Image.OPEN else f"{words}, which Pillow reads only with a plugin such as {plugin}"
    if ending == ".avif" and not features.check("avif"):
        return "AVIF, which Pillow reads from version 11.3 on"
    return ""


def _other(head: bytes) -> str:
    if head[4:8] == b"ftyp":
        return "a video, or another kind of ISO media file"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for prefix, words in (
        (b"version https://git-lfs", "a Git LFS pointer; fetch the picture with `git lfs pull`"),
        (b"<?xml", "XML, such as SVG"),
        (b"<svg", "SVG"),
        (b"<!doctype html", "an HTML page"),
        (b"<html", "an HTML page"),
        (b"%pdf", "PDF"),
        (b"%!ps", "PostScript"),
        (b"pk\x03\x04", "a zip archive"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"\x93numpy", "a NumPy array file"),
    ):
        if start.startswith(prefix):
            return words
    text = head.decode("utf-8", "replace")
    if "\0" not in text and "\ufffd" not in text[:-4]:  # the cut may have split the last character
        return "text"  # not what it says: a path may lead to a secret, and reports are published
    return f"starts with the bytes {head[:8].hex(' ')}"
