"""Images from a caller: a path, bytes, a PIL image, an array, a tensor, or a pipeline's output.

Images are untrusted: limits are checked from the header, before anything is decoded; only raster formats are opened
(none that starts another program); no warning of the decoder reaches the user; every error names the file.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import ImageError
from ..settings import DEFAULT_MAX_PIXELS
from ..support.escaping import escape
from ..support.files import make_folder, whole_file
from .decoding import on_white, suffix
from .image_file import ImageFile, file_hash, open_image
from .loading import from_pil, pixel_hash, to_png

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image


ACCEPTED = (
    "a path, bytes, a PIL image, an (H, W, 3|4) uint8 or float-in-[0, 1] array, a (C, H, W) float-in-[0, 1] tensor"
    " with 3 or 4 channels, or the output of a diffusers pipeline with one image"
)


_ROUNDING = 1e-6  # how far outside [0, 1] a float may be: what resampling in float32 leaves


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
    return ImageFile(_write(spool, to_png(picture), pixel_hash(picture) + ".png"), kept=True)


def _take_path(value: str | os.PathLike[Any]) -> ImageFile:
    name = os.fsdecode(os.fspath(value))
    if not name:
        raise TypeError(f"an image is {ACCEPTED}; got an empty path")
    return ImageFile(Path(name).absolute())


def _picture(value: object, max_pixels: int) -> Image:
    """Return the canonical picture of an object in memory other than bytes."""
    if _is_a(value, "PIL.Image", "Image"):
        return from_pil(cast("Image", value), max_pixels)
    if _is_a(value, "numpy", "ndarray"):
        return _from_array(cast("np.ndarray[Any, Any]", value))
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


def _tensor_to_array(tensor: Any) -> np.ndarray[Any, Any]:
    """Convert a (C, H, W) tensor of floats to an (H, W, C) array by its own methods, without importing torch."""
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
        single = array.astype(np.float32) if array.dtype.itemsize < 4 else array
        array = np.rint(np.clip(single, 0, 1) * 255).astype(np.uint8)
    data = np.ascontiguousarray(array)
    mode = "RGB" if data.shape[2] == 3 else "RGBA"
    picture = Image.frombytes(mode, (data.shape[1], data.shape[0]), data.tobytes())
    return on_white(picture) if mode == "RGBA" else picture


def _is_a(value: object, module: str, name: str) -> bool:
    """Return True where ``value`` is of a class of an already loaded module, without importing anything."""
    found = getattr(sys.modules.get(module), name, None)
    return isinstance(found, type) and isinstance(value, found)


def _kind(value: object) -> str:
    """Describe ``value`` for an error: type, and shape and dtype where there are any."""
    cls = type(value)
    name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        name += f" of shape {tuple(shape)} and dtype {dtype}"
    elif isinstance(value, (list, tuple, set, frozenset)):
        name += f" of {len(value)}"
    return escape(name)


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
