"""Pictures from arrays and tensors; what is none is named, with what to write in its place."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..support.escaping import escape
from .decoding import on_white

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image


ACCEPTED = (
    "a path, bytes, a PIL image, an (H, W, 3|4) uint8 or float-in-[0, 1] array, a (C, H, W) float-in-[0, 1] tensor"
    " with 3 or 4 channels, or the output of a diffusers pipeline with one image"
)


_ROUNDING = 1e-6  # how far outside [0, 1] a float may be: what resampling in float32 leaves


_NEAR = 0.1  # how far outside [0, 1], or [-1, 1], values still tell which of the two is meant


_DECODE = "a latent, not a picture: decode it first (vae.decode(latents / vae.config.scaling_factor).sample)"


def from_tensor(tensor: Any) -> Image:
    """The picture of a (C, H, W) tensor of floats. Works on the tensor's own methods: torch is not imported."""
    shape = tuple(tensor.shape)
    if len(shape) != 3 or shape[0] not in (3, 4) or not tensor.is_floating_point():
        raise refusal(tensor, _tensor_hint(tensor, shape))
    return _from_floats(_values(tensor).transpose(1, 2, 0), tensor)


def from_array(array: np.ndarray[Any, Any]) -> Image:
    """The picture of an (H, W, 3|4) array of uint8, or of floats in [0, 1]."""
    import numpy as np

    is_float = array.dtype.kind == "f"
    if array.ndim != 3 or array.shape[2] not in (3, 4) or not (is_float or array.dtype == np.uint8):
        raise refusal(array, _array_hint(array))
    if np.ma.isMaskedArray(array):
        raise refusal(array, "fill the masked values first: image.filled(0)")
    if is_float:
        return _from_floats(array, array)
    return _from_codes(array, array)


def refusal(value: object, hint: str = "") -> TypeError:
    """The error for what is no image: what is accepted, what was given, and what to do about it."""
    return TypeError(f"an image is {ACCEPTED}; got {kind_of(value)}{': ' if hint else ''}{hint}")


def kind_of(value: object) -> str:
    """Describe ``value`` for an error: its type, and its shape and dtype if it has any."""
    cls = type(value)
    name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        name += f" of shape {tuple(shape)} and dtype {dtype}"
    elif isinstance(value, (list, tuple, set, frozenset)):
        name += f" of {len(value)}"
    return escape(name)


def is_a(value: object, module: str, name: str) -> bool:
    """Tell whether ``value`` is of a class of a module that is loaded already; nothing is imported for it."""
    found = getattr(sys.modules.get(module), name, None)
    return isinstance(found, type) and isinstance(value, found)


def _values(tensor: Any) -> Any:
    try:
        return tensor.detach().float().cpu().numpy()
    except (RuntimeError, NotImplementedError, AttributeError) as error:  # meta, sparse and nested tensors
        raise TypeError(f"the values of {kind_of(tensor)} can't be read: {escape(error)}") from error


def _from_floats(array: np.ndarray[Any, Any], given: Any) -> Image:
    """The picture of (H, W, 3|4) floats; ``given`` is what they came as."""
    import numpy as np

    if 0 in array.shape:
        raise refusal(given, "it is empty")
    low, high = float(array.min()), float(array.max())
    if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # true for NaN too
        raise refusal(given, _range_hint(low, high, channels=array.shape[2], tensor=given is not array))
    single = array.astype(np.float32) if array.dtype.itemsize < 4 else array
    return _from_codes(np.rint(np.clip(single, 0, 1) * 255).astype(np.uint8), given)


def _from_codes(array: np.ndarray[Any, Any], given: Any) -> Image:
    import numpy as np
    from PIL import Image

    if 0 in array.shape:
        raise refusal(given, "it is empty")
    data = np.ascontiguousarray(array)
    mode = "RGB" if data.shape[2] == 3 else "RGBA"
    picture = Image.frombytes(mode, (data.shape[1], data.shape[0]), data.tobytes())
    return on_white(picture) if mode == "RGBA" else picture


def _range_hint(low: float, high: float, *, channels: int, tensor: bool) -> str:
    """Name floats outside [0, 1], and say what to write in their place."""
    clip = "clamp" if tensor else "clip"
    said = f"values from {low:g} to {high:g}"
    if low != low or high != high:
        return "NaN among its values: nothing was generated, as where a VAE overflows in float16 (try float32)"
    if low >= -_NEAR and high <= 1 + _NEAR:
        return f"{said}, just out of [0, 1]: write image.{clip}(0, 1)"
    if channels == 4 and low < 0:
        return f"{said} in 4 channels: {_DECODE}"
    if low >= -1 - _NEAR and high <= 1 + _NEAR:
        return f"{said}, as in [-1, 1]: write (image / 2 + 0.5).{clip}(0, 1)"
    if low >= 0 and high <= 255:
        return f"{said}, as in [0, 255]: write image / 255"
    return f"{said}, which are no picture's" + (f"; if it is {_DECODE}" if low < 0 else "")


def _tensor_hint(tensor: Any, shape: tuple[int, ...]) -> str:
    """Name a tensor that is no (C, H, W) of floats, and say what to write in its place."""
    if len(shape) == 5:
        return "frames of a video: pass one frame, as (C, H, W)"
    if tensor.is_floating_point() and _is_latent(tensor, shape):
        return _DECODE
    if len(shape) == 4:
        return _batch_hint(shape)
    if len(shape) == 3 and shape[0] in (3, 4):
        scale = {"torch.uint8": " / 255", "torch.uint16": " / 65535", "torch.bool": ""}.get(str(tensor.dtype), " / 255")
        return f"scale it to floats in [0, 1]: image.float(){scale}"
    if len(shape) == 3 and shape[2] in (3, 4):
        scale = "" if tensor.is_floating_point() else ".float() / 255"
        return f"permute it to (C, H, W): image.permute(2, 0, 1){scale}"
    if len(shape) == 2 or (len(shape) == 3 and shape[0] == 1):
        return "repeat a greyscale picture three times: image.expand(3, -1, -1)"
    return ""


def _array_hint(array: np.ndarray[Any, Any]) -> str:
    """Name an array that is no (H, W, 3|4) of uint8 or floats, and say what to write in its place."""
    shape = array.shape
    if array.ndim == 5:
        return "frames of a video: pass one frame, as (H, W, 3)"
    if array.dtype.kind == "f" and _is_latent(array, shape):
        return _DECODE
    if array.ndim == 4:
        return _batch_hint(shape)
    if array.ndim == 3 and shape[0] in (3, 4) and shape[2] not in (3, 4):
        return "transpose it to (H, W, C), image.transpose(1, 2, 0), or pass it as a tensor"
    if array.ndim == 2 or (array.ndim == 3 and shape[2] == 1):
        grey = "image" if array.ndim == 2 else "image[..., 0]"
        return f"repeat a greyscale picture three times along the last axis: np.stack([{grey}] * 3, axis=-1)"
    if array.ndim != 3 or shape[2] not in (3, 4):
        return ""
    if array.dtype.kind == "b":
        return "write image.astype(np.uint8) * 255"
    if array.dtype.kind not in "iu" or not array.size:
        return ""
    low, high = int(array.min()), int(array.max())
    if low >= 0 and high <= 255:
        return f"values from {low} to {high}: write image.astype(np.uint8)"
    if low >= 0 and high <= 65535:
        return f"values from {low} to {high}, 16 bits: write (image >> 8).astype(np.uint8)"
    return f"values from {low} to {high}, which are no picture's"


def _batch_hint(shape: tuple[int, ...]) -> str:
    only = "a batch of one: pass image[0]; " if shape[0] == 1 else ""
    return f"{only}the images of a batch are passed one by one"


def _is_latent(value: Any, shape: tuple[int, ...]) -> bool:
    """Tell latents, channels first or packed, by values well below 0."""
    channels = shape[-3] if len(shape) in (3, 4) else 0
    if channels not in (4, 16, 32, 64, 128) and len(shape) != 2:
        return False
    try:
        return float(value.min()) < -_NEAR
    except (AttributeError, RuntimeError, TypeError, ValueError, NotImplementedError):  # meta, sparse, empty, ...
        return False
