"""The header of a JPEG XL codestream, as far as the colours: ISO/IEC 18181-1, annexes D and E."""

from __future__ import annotations

from typing import NamedTuple

_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # of width to height, from number 1 on
_GREY, _XYB = 1, 2  # colour spaces
_ALPHA, _SPOT, _CFA = 0, 2, 5  # kinds of further channels
_CUSTOM = 2  # white point, or primaries, that are written out
_SRGB = 13
_MOST_CHANNELS = 256

_Choice = tuple[int, int]  # an offset, and how many bits are added to it


class JxlHeader(NamedTuple):
    """Size in pixels as it is shown, and what may keep a decoder from giving the picture.

    Attributes:
        transfer: transfer characteristics of H.273, 0 where a profile or a gamma stands instead.
    """

    size: tuple[int, int]
    animated: bool = False
    bits: int = 8
    grey: bool = False
    alpha: bool = False
    transfer: int = _SRGB


class _CutOffError(Exception):
    """The header goes on beyond the bytes."""


class _Bits:
    """Reads bits, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise _CutOffError
        found = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return found

    def flag(self) -> bool:
        return bool(self.take(1))

    def choose(self, *choices: _Choice) -> int:
        """A number in one of four forms."""
        offset, bits = choices[self.take(2)]
        return offset + self.take(bits)

    def enum(self) -> int:
        return self.choose((0, 0), (1, 0), (2, 4), (18, 6))


def read_jxl_header(data: bytes) -> JxlHeader | None:
    """The header at the start of a codestream; None where it is none, or is cut off."""
    if data[:2] != b"\xff\x0a":
        return None
    bits = _Bits(data[2:2048])
    try:
        return _header(bits)
    except _CutOffError:
        return None


def _header(bits: _Bits) -> JxlHeader:
    width, height = _size(bits)
    if bits.flag():  # all else is as usual
        return JxlHeader((width, height))
    animated = False
    if bits.flag():
        if bits.take(3) >= 4:  # turned by a quarter
            width, height = height, width
        if bits.flag():
            _size(bits)
        if bits.flag():
            _preview(bits)
        animated = bits.flag()
        if animated:
            _animation(bits)
    depth = _depth(bits)
    bits.flag()  # buffers of 16 bits will do
    alpha = False
    for _ in range(min(bits.choose((0, 0), (1, 0), (2, 4), (1, 12)), _MOST_CHANNELS)):
        alpha = _extra_channel_is_alpha(bits) or alpha
    bits.flag()  # XYB
    grey, transfer = _colours(bits)
    return JxlHeader((width, height), animated, depth, grey, alpha, transfer)


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.flag()

    def side() -> int:
        return 8 * (1 + bits.take(5)) if small else bits.choose((1, 9), (1, 13), (1, 18), (1, 30))

    height = side()
    ratio = bits.take(3)
    if not ratio:
        return side(), height
    across, down = _RATIOS[ratio - 1]
    return height * across // down, height


def _preview(bits: _Bits) -> None:
    small = bits.flag()
    forms = ((16, 0), (32, 0), (1, 5), (33, 9)) if small else ((1, 6), (65, 8), (321, 10), (1345, 12))
    bits.choose(*forms)
    if not bits.take(3):
        bits.choose(*forms)


def _animation(bits: _Bits) -> None:
    bits.choose((100, 0), (1000, 0), (1, 10), (1, 30))
    bits.choose((1, 0), (1001, 0), (1, 8), (1, 10))
    bits.choose((0, 0), (0, 3), (0, 16), (0, 32))
    bits.flag()


def _depth(bits: _Bits) -> int:
    if not bits.flag():
        return bits.choose((8, 0), (10, 0), (12, 0), (1, 6))
    depth = bits.choose((32, 0), (16, 0), (24, 0), (1, 6))
    bits.take(4)
    return depth


def _extra_channel_is_alpha(bits: _Bits) -> bool:
    if bits.flag():
        return True
    kind = bits.enum()
    _depth(bits)
    bits.choose((0, 0), (3, 0), (4, 0), (1, 3))
    for _ in range(bits.choose((0, 0), (0, 4), (16, 5), (48, 10))):
        bits.take(8)
    if kind == _ALPHA:
        bits.flag()
    elif kind == _SPOT:
        bits.take(64)
    elif kind == _CFA:
        bits.choose((1, 0), (0, 2), (3, 4), (19, 8))
    return kind == _ALPHA


def _colours(bits: _Bits) -> tuple[bool, int]:
    """Tell whether the picture is grey, and its transfer characteristics."""
    if bits.flag():
        return False, _SRGB
    profiled = bits.flag()
    space = bits.enum()
    if profiled or space == _XYB:
        return space == _GREY, 0
    if bits.enum() == _CUSTOM:
        _point(bits)
    if space != _GREY and bits.enum() == _CUSTOM:
        for _ in range(3):
            _point(bits)
    if bits.flag():
        bits.take(24)
        return space == _GREY, 0
    return space == _GREY, bits.enum()


def _point(bits: _Bits) -> None:
    for _ in range(2):
        bits.choose((0, 19), (524288, 19), (1048576, 20), (2097152, 21))
