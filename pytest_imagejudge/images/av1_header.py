"""The colours that the sequence header of an AV1 stream names: AV1 Bitstream and Decoding Process, 5.3 to 5.5."""

from __future__ import annotations

_SEQUENCE_HEADER = 1  # type of a unit
_MOST_UNITS = 8  # before the header


class _CutOffError(Exception):
    """The header goes on beyond the bytes."""


class _Bits:
    """Reads bits, the highest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise _CutOffError
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        return bool(self.take(1))

    def skip_exponential(self) -> None:
        zeros = 0
        while not self.flag():
            zeros += 1
        self.take(min(zeros, 32))


def transfer_of(data: bytes) -> int | None:
    """The transfer characteristics (H.273) that a stream of AV1 names at its start; None where it names none."""
    try:
        header = _sequence_header(data)
        return None if header is None else _transfer(_Bits(header))
    except (_CutOffError, IndexError):
        return None


def _sequence_header(data: bytes) -> bytes | None:
    place = 0
    for _ in range(_MOST_UNITS):
        kind, extended, sized = data[place] >> 3 & 15, data[place] & 4, data[place] & 2
        place += 2 if extended else 1
        size = len(data) - place
        if sized:
            size = 0
            for step in range(8):
                size |= (data[place] & 127) << 7 * step
                place += 1
                if data[place - 1] < 128:
                    break
        if kind == _SEQUENCE_HEADER:
            return data[place : place + min(size, 1024)]
        place += size
    return None


def _transfer(bits: _Bits) -> int | None:
    profile = bits.take(3)
    bits.flag()  # a still picture
    reduced = bits.flag()
    if reduced:
        bits.take(5)
    else:
        _operating_points(bits)
    across, down = bits.take(4) + 1, bits.take(4) + 1
    bits.take(across)
    bits.take(down)
    if not reduced and bits.flag():
        bits.take(7)
    bits.take(3)
    if not reduced:
        _tools(bits)
    bits.take(3)
    if bits.flag() and profile == 2:  # more than 8 bits
        bits.flag()
    if profile != 1:
        bits.flag()  # grey
    if not bits.flag():
        return None
    bits.take(8)  # primaries
    return bits.take(8)


def _operating_points(bits: _Bits) -> None:
    delay = 0
    if bits.flag():
        bits.take(64)
        if bits.flag():
            bits.skip_exponential()
        if bits.flag():
            delay = bits.take(5) + 1
            bits.take(42)
    shown_later = bits.flag()
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.flag()
        if delay and bits.flag():
            bits.take(2 * delay + 1)
        if shown_later and bits.flag():
            bits.take(4)


def _tools(bits: _Bits) -> None:
    bits.take(4)
    ordered = bits.flag()
    if ordered:
        bits.take(2)
    if (bits.flag() or bits.flag()) and not bits.flag():  # tools for screen content, and whole motion vectors
        bits.flag()
    if ordered:
        bits.take(3)
