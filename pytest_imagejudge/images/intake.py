"""Images from a caller: a path, bytes, a PIL image, an array, a tensor, or a pipeline's output.

Images are untrusted: limits are checked from the header, before anything is decoded; only raster formats are opened
(none that starts another program); no warning of the decoder reaches the user; every error names the file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import ImageError
from ..settings import DEFAULT_MAX_PIXELS
from ..support.escaping import escape
from ..support.files import make_folder, whole_file
from ..support.threads import in_order
from .arrays import ACCEPTED, from_array, from_tensor, is_a, kind_of, refusal
from .decoding import suffix
from .image_file import ImageFile, file_hash, open_image
from .loading import from_pil, pixel_hash, to_png

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image


# Of a diffusers pipeline's output: a list with one entry an image, or None. The second is DeepFloyd's.
_UNSAFE = ("nsfw_content_detected", "nsfw_detected")


# --- taking ---------------------------------------------------------------------------------------------------------


def take(value: object, spool: Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> ImageFile:
    """Return a test's image as a file; pixels in memory are written to ``spool`` and released.

    Args:
        value: a path, bytes of an image file, a PIL image, an (H, W, 3|4) array of uint8 or of floats in [0, 1],
            a (C, H, W) torch tensor of floats in [0, 1] on any device, or the output of a diffusers pipeline with one
            image. A path is not read here.
        spool: folder for ``<sha256>.png`` (bytes keep their own format); made when needed.
        max_pixels: limit for a PIL image, which may not have been decoded yet.

    Raises:
        TypeError: anything else; names the accepted types and the given one.
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
    path = _write(spool, to_png(picture), pixel_hash(picture) + ".png")
    return ImageFile(path, kept=True, flagged=_flagged(value))


def take_pair(take: Callable[[object], ImageFile], source: object, edited: object) -> tuple[ImageFile, ImageFile]:
    """Return both pictures of an edit as ``take`` returns one; two in memory are encoded side by side."""
    on_disk = any(isinstance(value, (str, os.PathLike, ImageFile)) for value in (source, edited))
    source_file, edited_file = (map if on_disk else in_order)(take, (source, edited))
    return source_file, edited_file


def _take_path(value: str | os.PathLike[Any]) -> ImageFile:
    name = os.fsdecode(os.fspath(value))
    if not name:
        raise TypeError(f"an image is {ACCEPTED}; got an empty path")
    return ImageFile(Path(name).absolute())


def _picture(value: object, max_pixels: int) -> Image:
    """Return the canonical picture of an object in memory other than bytes."""
    if is_a(value, "PIL.Image", "Image"):
        return from_pil(cast("Image", value), max_pixels)
    if is_a(value, "numpy", "ndarray"):
        return from_array(cast("np.ndarray[Any, Any]", value))
    if is_a(value, "torch", "Tensor"):
        return from_tensor(value)
    images = getattr(value, "images", None)
    if images is not None and not isinstance(value, type) and hasattr(images, "__len__"):
        return _from_pipeline(value, images, max_pixels)
    raise refusal(value, _hint(value))


def _hint(value: object) -> str:
    """Say what to pass instead of a value that is no image, where that is known."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        return "pass its only element, images[0]; several are passed one by one"
    if isinstance(value, (list, tuple, set, frozenset, Iterator)):
        return "pass several images one by one"
    if not isinstance(value, type):
        if getattr(value, "frames", None) is not None:
            return "the output of a pipeline of videos: pass one frame, such as output.frames[0][0]"
        if hasattr(value, "__array__"):
            return "pass np.asarray(image)"
    return ""


def _from_pipeline(value: object, images: Any, max_pixels: int) -> Image:
    if len(images) != 1:
        raise TypeError(f"{kind_of(value)} holds {len(images)} images where one is expected: pass them one by one")
    only = images[0]
    if not any(is_a(only, *name) for name in (("PIL.Image", "Image"), ("numpy", "ndarray"), ("torch", "Tensor"))):
        raise TypeError(f"the image of {kind_of(value)} is {kind_of(only)}; expected a PIL image, an array or a tensor")
    return _picture(only, max_pixels)


def _flagged(value: object) -> str:
    """Return the words in which a pipeline says that it found its one image unsafe; empty where it does not."""
    for name in _UNSAFE:
        said = getattr(value, name, None)
        if isinstance(said, (list, tuple)) or is_a(said, "numpy", "ndarray") or is_a(said, "torch", "Tensor"):
            found = any(bool(one) for one in cast("Iterable[Any]", said))
        else:
            found = said is True
        if found:
            return f"{name} of {kind_of(value)} is true"
    return ""


def _write(spool: Path, data: bytes, name: str) -> Path:
    """Write a file so that no reader and no other writer of the same file sees half of it."""
    path = spool.absolute() / name
    try:
        make_folder(path.parent)
        with whole_file(path, binary=True) as file:
            file.write(data)
    except OSError as error:
        raise ImageError(f"{escape(path)}: an image in memory could not be written: {escape(error)}") from error
    return path


def keep(file: ImageFile, spool: Path) -> ImageFile:
    """Copy a file that may be overwritten before it is judged; the copy is named by content.

    A file that can't be read is returned as it is; judging it names the error.
    """
    if file.kept:
        return file
    try:
        with open_image(file.path) as handle:
            data = handle.read()
        copy = _write(spool, data, hashlib.sha256(data).hexdigest() + suffix(data))
    except (ImageError, OSError):
        return file
    return ImageFile(copy, kept=True, origin=file.path)


def shown(file: ImageFile) -> Path:
    """Return the path to show for a file: of a copy the original's, while that has the same bytes."""
    if file.origin is None:
        return file.path
    try:
        same = file_hash(file.origin) == file.path.stem  # a copy is named by its content
    except ImageError:
        same = False
    return file.origin if same else file.path
