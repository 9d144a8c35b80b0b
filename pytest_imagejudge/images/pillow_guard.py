"""A guard around Pillow: strict decoders, limits on pixels, silent warnings, one state for all threads."""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Iterator
from typing import Any


def warm_up() -> None:
    """Import Pillow, with the modules that the first picture would import."""
    with _lock:
        _install()


_state = threading.local()  # .limit: pixels, in a thread that decodes for us


_lock = threading.Lock()


_decoding = 0


_lenient = False


# Pillow's modules for `decoding.FORMATS`; to import all that it has takes three times as long.
_DECODERS = (
    *("Avif", "Bmp", "Dds", "Gif", "Icns", "Ico", "Jpeg", "Jpeg2K", "Mpo", "Pcx", "Png", "Ppm", "Psd", "Qoi", "Sgi"),
    *("Tga", "Tiff", "WebP"),
)


class _Quiet:
    """A stand-in for `warnings` in Pillow's modules: silent in our decoding threads, unchanged elsewhere.

    `warnings.catch_warnings` changes the filters of the whole process, and pictures are decoded in threads beside
    tests that rely on those filters.
    """

    def __getattr__(self, name: str) -> Any:
        import warnings

        return getattr(warnings, name)

    def warn(
        self, message: Any, category: type[Warning] | None = None, stacklevel: int = 1, source: Any = None, **more: Any
    ) -> None:
        if getattr(_state, "limit", None) is None:
            import warnings

            warnings.warn(message, category, stacklevel + 1, source, **more)


def _install() -> None:
    """Make Pillow's warnings and its size check follow the thread.

    A module of Pillow's may be another one by now: pytester forgets what was imported within a run of its own.
    """
    from PIL import IcoImagePlugin, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

    if not isinstance(Image.warnings, _Quiet):  # type: ignore[attr-defined]
        _prepare()
    for module in (IcoImagePlugin, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin):
        if not isinstance(module.warnings, _Quiet):
            module.warnings = _Quiet()  # type: ignore[attr-defined]


def _prepare() -> None:
    """Load the decoders, and have the size check follow the thread; once a process."""
    from PIL import Image

    for name in _DECODERS:
        with contextlib.suppress(ImportError):  # of a later Pillow
            importlib.import_module(f"PIL.{name}ImagePlugin")
    theirs = Image._decompression_bomb_check

    def check(size: tuple[int, int], *args: Any, **kwargs: Any) -> None:
        limit = getattr(_state, "limit", None)
        if limit is None:
            theirs(size, *args, **kwargs)
        elif size[0] * size[1] > limit:
            raise Image.DecompressionBombError(too_many_pixels(size, limit))

    Image._decompression_bomb_check = check


# Formats that Pillow reads with another package only: by suffix its name for them, ours, and the package.
PLUGINS = {
    ".heic": ("HEIF", "HEIF", "pillow-heif"),
    ".jxl": ("JXL", "JPEG XL", "pillow-jxl-plugin"),
}


def load_plugin(suffix: str) -> None:
    """Have Pillow read a format for which a plugin is installed, at the first file of that format."""
    from PIL import Image

    if suffix not in PLUGINS or PLUGINS[suffix][0] in Image.OPEN:
        return
    with _lock, contextlib.suppress(Exception):  # not there, or broken: the error about the file names it
        if suffix == ".heic":
            importlib.import_module("pillow_heif").register_heif_opener()
        else:
            importlib.import_module("pillow_jxl")
            importlib.import_module("pillow_jxl.JpegXLImagePlugin").warnings = _Quiet()  # type: ignore[attr-defined]


@contextlib.contextmanager
def decoder(max_pixels: int) -> Iterator[None]:
    """Give a context in which this thread's decoding is silent and refuses truncated files.

    `ImageFile.LOAD_TRUNCATED_IMAGES`, which much training code sets, would fill what is missing with grey.
    """
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


def too_many_pixels(size: tuple[int, int], limit: int) -> str:
    """Name the size of a picture and the exceeded limit."""
    return f"{size[0]}x{size[1]} is {size[0] * size[1]:,} pixels, more than the {limit:,} of judge_max_pixels"
