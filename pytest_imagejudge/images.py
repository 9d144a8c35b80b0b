"""From whatever a test hands over to the canonical picture: RGB, upright, on white.

Images are untrusted: limits are checked from the header, before anything is decoded; only raster formats are opened
(none that starts another program); no warning of the decoder reaches the user; every error names the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .errors import ImageError
from .settings import DEFAULT_MAX_PIXELS
from .untrusted import escape

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

TREATMENT = "rgb-upright-white-1"  # names what `load` does to a picture; changes when its pixels would
MAX_RATIO = 200  # longest side to shortest
FORMATS = (
    *("PNG", "JPEG", "MPO", "WEBP", "AVIF", "HEIF", "JXL", "GIF", "BMP", "DIB", "TIFF", "JPEG2000"),
    *("PPM", "TGA", "QOI", "PCX", "SGI", "ICO", "ICNS", "PSD", "DDS"),
)
ACCEPTED = (
    "a path, bytes, a PIL image, an (H, W, 3|4) uint8 or float-in-[0, 1] array, a (C, H, W) float-in-[0, 1] tensor"
    " with 3 or 4 channels, or the output of a diffusers pipeline with one image"
)
_ROUNDING = 1e-6  # how far outside [0, 1] a float may be: what resampling in float32 leaves


@dataclass(frozen=True)
class ImageFile:
    """An image on disk.

    Attributes:
        path: absolute; unchanged by a later change of the working directory.
        kept: whether we wrote it, because it was handed over in memory.
    """

    path: Path
    kept: bool = False


# --- taking ---------------------------------------------------------------------------------------------------------


def take(value: object, spool: Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> ImageFile:
    """An image that a test hands over, as a file; pixels in memory are written to ``spool`` and not held on to.

    Args:
        value: a path, bytes of an image file, a PIL image, an (H, W, 3|4) array of uint8 or of floats in [0, 1],
            a (C, H, W) torch tensor of floats in [0, 1] on any device, or the output of a diffusers pipeline with one
            image. A path is not read here.
        spool: folder for ``<sha256>.png`` (bytes keep their own format); made when needed.

    Raises:
        TypeError: anything else; says what is accepted and what was given.
        ImageError: a PIL image that can't be decoded or is too large, or a spool that can't be written.
    """
    if isinstance(value, ImageFile):
        return value
    if isinstance(value, (str, os.PathLike)):
        return _take_path(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
        return ImageFile(_write(spool, data, hashlib.sha256(data).hexdigest() + suffix(data)), kept=True)
    picture = _picture(value, max_pixels)
    return ImageFile(_write(spool, to_png(picture), pixel_hash(picture) + ".png"), kept=True)


def _take_path(value: str | os.PathLike[Any]) -> ImageFile:
    name = os.fsdecode(os.fspath(value))
    if not name:
        raise TypeError(f"an image is {ACCEPTED}; got an empty path")
    return ImageFile(Path(os.path.abspath(name)))  # noqa: PTH100  (Path.absolute keeps "..")


def _picture(value: object, max_pixels: int) -> Image:
    """The canonical picture of something in memory other than bytes."""
    if _is_a(value, "PIL.Image", "Image"):
        return _from_pil(value, max_pixels)  # type: ignore[arg-type]
    if _is_a(value, "numpy", "ndarray"):
        return _from_array(value)  # type: ignore[arg-type]
    if _is_a(value, "torch", "Tensor"):
        return _from_array(_tensor_to_array(value))
    images = getattr(value, "images", None)
    if images is not None and not isinstance(value, type) and hasattr(images, "__len__"):
        return _from_pipeline(value, images, max_pixels)
    if isinstance(value, (list, tuple, set, frozenset, Iterator)):
        raise TypeError(f"an image is {ACCEPTED}; got {_kind(value)}: pass several images one by one")
    raise TypeError(f"an image is {ACCEPTED}; got {_kind(value)}")


def _from_pipeline(value: object, images: Any, max_pixels: int) -> Image:
    if len(images) != 1:
        raise TypeError(f"{_kind(value)} holds {len(images)} images where one is expected: pass them one by one")
    only = images[0]
    if not any(_is_a(only, *name) for name in (("PIL.Image", "Image"), ("numpy", "ndarray"), ("torch", "Tensor"))):
        raise TypeError(f"the image of {_kind(value)} is {_kind(only)}; expected a PIL image, an array or a tensor")
    return _picture(only, max_pixels)


def _from_pil(image: Image, max_pixels: int) -> Image:
    name = f"PIL image {image.mode} {image.width}x{image.height}"
    with _decoder(max_pixels), _naming(name):
        check_size(image.size, name, max_pixels)
        return _canonical(image, name)


def _tensor_to_array(tensor: Any) -> np.ndarray[Any, Any]:
    """(C, H, W) tensor of floats -> (H, W, C) array. Works on the tensor's own methods: torch is not imported."""
    shape = tuple(tensor.shape)
    if len(shape) != 3 or shape[0] not in (3, 4) or not tensor.is_floating_point():
        hint = ""
        if len(shape) == 4:
            hint = ": pass the images of a batch one by one"
        elif len(shape) == 3 and shape[0] in (3, 4):
            hint = ": scale it to floats in [0, 1]"
        elif len(shape) == 3 and shape[2] in (3, 4):
            hint = ": permute it to (C, H, W)"
        raise TypeError(f"an image is {ACCEPTED}; got {_kind(tensor)}{hint}")
    try:
        array: np.ndarray[Any, Any] = tensor.detach().float().cpu().permute(1, 2, 0).numpy()
    except (RuntimeError, NotImplementedError, AttributeError) as error:  # meta, sparse and nested tensors
        raise TypeError(f"the values of {_kind(tensor)} can't be read: {escape(error)}") from error
    return array


def _from_array(array: np.ndarray[Any, Any]) -> Image:
    import numpy as np
    from PIL import Image

    is_float = array.dtype.kind == "f"
    if array.ndim != 3 or array.shape[2] not in (3, 4) or not (is_float or array.dtype == np.uint8):
        hint = ""
        if array.ndim == 4:
            hint = ": pass the images of a batch one by one"
        elif array.ndim == 3 and array.shape[0] in (3, 4) and array.shape[2] not in (3, 4):
            hint = ": transpose it to (H, W, C), or pass it as a tensor"
        elif array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 1):
            hint = ": repeat a greyscale picture three times along the last axis"
        raise TypeError(f"an image is {ACCEPTED}; got {_kind(array)}{hint}")
    if 0 in array.shape:
        raise TypeError(f"an image is {ACCEPTED}; got {_kind(array)}, which is empty")
    if np.ma.isMaskedArray(array):
        raise TypeError(f"an image is {ACCEPTED}; got {_kind(array)}: fill the masked values first")
    if is_float:
        low, high = float(array.min()), float(array.max())
        if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # false for NaN too
            what = "NaN" if low != low or high != high else f"values from {low:g} to {high:g}"
            raise TypeError(f"an image is {ACCEPTED}; got {_kind(array)} with {what}")
        array = np.rint(np.clip(array, 0, 1).astype(np.float64) * 255).astype(np.uint8)
    data = np.ascontiguousarray(array)
    mode = "RGB" if data.shape[2] == 3 else "RGBA"
    picture = Image.frombytes(mode, (data.shape[1], data.shape[0]), data.tobytes())
    return _on_white(picture) if mode == "RGBA" else picture


def _is_a(value: object, module: str, name: str) -> bool:
    """Whether ``value`` is of a class of a module that is loaded already; nothing is imported to find out."""
    found = getattr(sys.modules.get(module), name, None)
    return isinstance(found, type) and isinstance(value, found)


def _kind(value: object) -> str:
    """What ``value`` is, for an error: its type, and shape and dtype where it has them."""
    cls = type(value)
    name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        name += f" of shape {tuple(shape)} and dtype {dtype}"
    elif isinstance(value, (list, tuple, set, frozenset)):
        name += f" of {len(value)}"
    return escape(name)


def _write(spool: Path, data: bytes, name: str) -> Path:
    """Write so that a reader, or another process that writes the same, never sees half a file."""
    path = Path(os.path.abspath(spool)) / name  # noqa: PTH100
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise ImageError(f"{escape(path)}: an image in memory could not be written: {escape(error)}") from error
    return path


def suffix(data: bytes) -> str:
    """The file name suffix of image bytes by their first bytes; ``.bin`` where they are of no known format."""
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
    if data[4:8] == b"ftyp":
        return ".avif" if data[8:12] in (b"avif", b"avis") else ".heic"
    return ".bin"


# --- loading --------------------------------------------------------------------------------------------------------


def load(file: ImageFile | Path | str, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Image:
    """The canonical picture of a file: RGB, upright by EXIF, transparency on white, 8 bits; of several frames the first.

    An opaque 8-bit image without EXIF rotation is equal, pixel for pixel, to ``Image.open(path).convert("RGB")``;
    colour profiles are not applied. 16-bit greyscale is scaled to 8 bits.

    Raises:
        ImageError: not there, not a regular file, empty, not an image, truncated, over ``max_pixels`` or with sides
            beyond 200 to 1; names the file and what was found.
    """
    return load_hashed(file, max_pixels=max_pixels)[0]


def load_hashed(file: ImageFile | Path | str, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> tuple[Image, str]:
    """`load`, and the SHA-256 (hex) of the very bytes that were decoded."""
    path = _path(file)
    name = escape(path)
    with _open(path) as handle:
        digest = _digest(handle)
        before = os.fstat(handle.fileno())
        with _decoder(max_pixels), _naming(name, handle):
            picture = _decode(handle, name, max_pixels)
        after = os.fstat(handle.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ImageError(f"{name}: changed while it was read")
    return picture, digest


def file_hash(file: ImageFile | Path | str) -> str:
    """SHA-256 (hex) of a file's bytes; `ImageError` as in `load` where there is no regular file with any."""
    with _open(_path(file)) as handle:
        return _digest(handle)


def pixel_hash(image: Image) -> str:
    """SHA-256 (hex) over the size and the RGB bytes of a canonical picture."""
    if image.mode != "RGB":
        raise ValueError(f"pixels are hashed of canonical pictures, mode RGB; got {image.mode}")
    digest = hashlib.sha256(f"RGB {image.width}x{image.height}\n".encode())
    rows = max(1, (1 << 22) // max(1, image.width))  # in strips: no second copy of a large picture
    for top in range(0, image.height, rows):
        digest.update(image.crop((0, top, image.width, min(top + rows, image.height))).tobytes())
    return digest.hexdigest()


def to_png(image: Image) -> bytes:
    """The picture as PNG, lossless, at the quickest compression that still helps."""
    buffer = BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def thumbnail(file: ImageFile | Path | str | Image, size: int, format: str = "webp") -> bytes:  # noqa: A002
    """A small copy for a report: within ``size`` x ``size`` pixels, never enlarged, as "webp", "jpeg" or "png".

    Raises:
        ImageError: as in `load`.
    """
    from PIL import Image

    picture = _on_canvas(file) if isinstance(file, Image.Image) else load(file)
    if max(picture.size) > size:
        picture = picture.copy()
        picture.thumbnail((size, size), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    picture.save(buffer, format, **({} if format.lower() == "png" else {"quality": 82}))
    return buffer.getvalue()


def check_size(size: tuple[int, int], name: str, max_pixels: int) -> None:
    """Raise `ImageError` for a (width, height) in pixels that can't be judged; ``name`` is already escaped."""
    width, height = size
    if width <= 0 or height <= 0:
        raise ImageError(f"{name}: an image of zero size, {width}x{height}")
    if width * height > max_pixels:
        raise ImageError(f"{name}: {_too_many(size, max_pixels)}")
    if max(size) > MAX_RATIO * min(size):
        raise ImageError(f"{name}: {width}x{height} has sides beyond {MAX_RATIO} to 1")


def _too_many(size: tuple[int, int], limit: int) -> str:
    return f"{size[0]}x{size[1]} is {size[0] * size[1]:,} pixels, more than the {limit:,} of judge_max_pixels"


def _path(file: ImageFile | Path | str) -> Path:
    return file.path if isinstance(file, ImageFile) else Path(file)


def _open(path: Path) -> IO[bytes]:
    """Open a regular file with something in it; never waits for a pipe or a device."""
    name = escape(path)
    try:
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # before opening: opening a device may already do something
            raise ImageError(f"{name}: {_file_kind(status.st_mode)}, not an image file")
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        where = path.parent if not path.parent.exists() else None
        hint = f" (nor is there a folder {escape(where)})" if where else ""
        raise ImageError(f"{name}: no such file{hint}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ImageError(f"{name}: can't be opened: {escape(words)}") from error
    handle = os.fdopen(descriptor, "rb")
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size:
        return handle
    handle.close()
    what = "an empty file, zero bytes" if stat.S_ISREG(status.st_mode) else _file_kind(status.st_mode)
    raise ImageError(f"{name}: {what}, not an image file")


def _file_kind(mode: int) -> str:
    for test, word in (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISBLK, "a block device"),
        (stat.S_ISCHR, "a character device"),
    ):
        if test(mode):
            return word
    return "a special file"


def _digest(handle: IO[bytes]) -> str:
    handle.seek(0)
    digest = hashlib.file_digest(handle, "sha256").hexdigest()  # type: ignore[arg-type]
    handle.seek(0)
    return digest


def _decode(handle: IO[bytes], name: str, max_pixels: int) -> Image:
    from PIL import Image

    Image.init()
    with Image.open(handle, formats=[known for known in FORMATS if known in Image.OPEN]) as image:
        check_size(image.size, name, max_pixels)
        return _canonical(image, name)


def _canonical(image: Image, name: str) -> Image:
    """RGB, on white, upright. Decodes."""
    from PIL import Image

    image.load()
    turn = _orientation(image)
    picture = _to_rgb(image, name)
    if turn is not None:
        return picture.transpose(turn)
    return picture.copy() if picture is image else picture


def _orientation(image: Image) -> Any:
    """The transposition that the EXIF orientation asks for, or None; damaged EXIF asks for none."""
    from PIL.Image import Transpose

    try:
        value = image.getexif().get(0x0112)
    except Exception:  # noqa: BLE001  (parsers of untrusted metadata raise anything)
        return None
    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return turns.get(value) if isinstance(value, int) else None


def _to_rgb(image: Image, name: str) -> Image:
    mode = image.mode
    if mode == "RGB" and "transparency" not in image.info:
        return image
    if mode.startswith("I") or mode == "F":
        return _wide_to_rgb(image, name)
    if mode == "LAB":
        return _lab_to_rgb(image)
    if mode == "La":
        return _on_white(image.convert("LA").convert("RGBA"))
    if mode in ("RGBA", "RGBa", "LA", "PA") or "transparency" in image.info:
        return _on_white(image if mode == "RGBA" else image.convert("RGBA"))
    return image.convert("RGB")


def _on_white(image: Image) -> Image:
    from PIL import Image

    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _on_canvas(image: Image) -> Image:
    return image if image.mode == "RGB" else _canonical(image, "image")


def _wide_to_rgb(image: Image, name: str) -> Image:
    """Greyscale of 16 or 32 bits, or of floats, scaled to 8 bits: Pillow's own conversion clips instead.

    16 bits keep their high byte, as Pillow does with 16-bit colour. 32-bit integers are taken for 8 bits where all
    are in 0..255, for 16 where they are in 0..65535; floats for [0, 1] or [0, 255].
    """
    import numpy as np
    from PIL import Image

    values = np.asarray(image)
    low, high = float(values.min()), float(values.max())
    sixteen = image.mode != "I" and image.mode != "F"
    if image.format in ("PNG", "PPM", "JPEG2000") and image.mode == "I":
        sixteen = True
    if not (low >= 0 and high <= (65535 if image.mode != "F" else 255)):
        raise ImageError(f"{name}: values from {low:g} to {high:g} in a greyscale image of mode {image.mode}")
    if image.mode == "F":
        grey = np.rint(values * 255 if high <= 1 else values).astype(np.uint8)
    else:
        grey = (values.astype(np.uint32) >> (8 if sixteen or high > 255 else 0)).astype(np.uint8)
    clear = image.info.get("transparency")
    if isinstance(clear, int):  # a PNG may name one grey value that is transparent
        grey = np.where(values == clear, np.uint8(255), grey)
    return Image.fromarray(grey).convert("RGB")


def _lab_to_rgb(image: Image) -> Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None
    return converted


# --- what the decoder says ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _naming(name: str, handle: IO[bytes] | None = None) -> Iterator[None]:
    """Whatever a decoder raises on untrusted bytes, as an `ImageError` that names the file."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except ImageError:
        raise
    except UnidentifiedImageError:
        found = f": {_looks_like(handle)}" if handle else ""
        raise ImageError(f"{name}: not an image in a known format{found}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"{name}: {escape(error)}") from None
    except MemoryError as error:
        raise ImageError(f"{name}: does not fit into memory") from error
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error, zlib.error, ...
        raise ImageError(f"{name}: a damaged or truncated image: {escape(error)}") from error


def _looks_like(handle: IO[bytes]) -> str:
    """What a file that is no image seems to be."""
    handle.seek(0)
    head = handle.read(1024)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
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
    if suffix(head) == ".heic":
        return "HEIF, which Pillow reads only with a plugin such as pillow-heif"
    with contextlib.suppress(UnicodeDecodeError):
        text = head.decode("utf-8") if len(head) < 1024 else head[:1000].decode("utf-8")
        if "\0" not in text:
            return f'text, "{escape(text[:40])}"'
    return f"it starts with the bytes {head[:8].hex(' ')}"


_state = threading.local()
_lock = threading.Lock()
_decoding = 0
_lenient = False


class _Quiet:
    """Stands in for `warnings` in Pillow's modules: silent in a thread that decodes for us, as ever elsewhere.

    `warnings.catch_warnings` changes the filters of the whole process, and pictures are decoded in threads beside
    tests that rely on those filters.
    """

    def __getattr__(self, name: str) -> Any:
        import warnings

        return getattr(warnings, name)

    def warn(self, *args: Any, **kwargs: Any) -> None:
        if not getattr(_state, "limit", None):
            import warnings

            level = kwargs.pop("stacklevel", args[2] if len(args) > 2 else 1)
            warnings.warn(*args[:2], stacklevel=level + 1, **kwargs)


def _install() -> None:
    """Make Pillow's own warnings and size check follow the thread; once a process."""
    from PIL import Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

    if isinstance(Image.warnings, _Quiet):  # type: ignore[attr-defined]
        return
    for module in (Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin):
        module.warnings = _Quiet()  # type: ignore[attr-defined]
    theirs = Image._decompression_bomb_check

    def check(size: tuple[int, int], *args: Any, **kwargs: Any) -> None:
        limit = getattr(_state, "limit", None)
        if not limit:
            theirs(size, *args, **kwargs)
        elif size[0] * size[1] > limit:
            raise Image.DecompressionBombError(_too_many(size, limit))

    Image._decompression_bomb_check = check


@contextlib.contextmanager
def _decoder(max_pixels: int) -> Iterator[None]:
    """Within it this thread's decoding warns of nothing, and nobody's takes a truncated file for a whole one."""
    global _decoding, _lenient
    from PIL import ImageFile

    with _lock:
        _install()
        if not _decoding:
            _lenient, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
        _decoding += 1
    _state.limit = max_pixels
    try:
        yield
    finally:
        _state.limit = None
        with _lock:
            _decoding -= 1
            if not _decoding:
                ImageFile.LOAD_TRUNCATED_IMAGES = _lenient
