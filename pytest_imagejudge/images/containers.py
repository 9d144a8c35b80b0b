"""Facts of a file's header that its decoder hides: codes that are not sRGB, depths and frames that it gets wrong.

Untrusted bytes: every loop has an end, nothing is searched deeper than it is nested here, and what is not understood is
left to the decoder.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import islice
from typing import IO, NamedTuple

from .av1_header import transfer_of
from .jxl_header import JxlHeader, read_jxl_header

MOST_BOXES = 4096  # in one box, and chunks in one PNG
MOST_BYTES = 1 << 20  # of a box that is read as a whole, such as all properties of an AVIF
_MOST_TRACKS = 16  # of a sequence, and descriptions of one: one is usual
_HEAD = 4096  # bytes of a codestream in which its header ends

_JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"
_JXL = b"\0\0\0\x0cJXL \r\n\x87\n"
_PNG = b"\x89PNG\r\n\x1a\n"
_CODES = {16: "PQ (SMPTE ST 2084)", 18: "HLG (ARIB STD-B67)"}  # transfer characteristics of H.273
_AS_PNG = "convert it to an 8-bit PNG in sRGB"


class Header(NamedTuple):
    """Result of reading a header: the reason to refuse the picture, and its size where no decoder may tell it."""

    refused: str = ""
    size: tuple[int, int] | None = None


class _Box(NamedTuple):
    kind: bytes
    start: int  # of its content
    end: int


def read_header(handle: IO[bytes]) -> Header:
    """Look into an open file's container. Raises nothing but `OSError` of the file itself; leaves it at its start."""
    handle.seek(0)
    head = handle.read(32)
    try:
        for matches, read in _READERS:
            if matches(head):
                return read(handle)
    except (struct.error, IndexError, OverflowError, ValueError):  # cut off, or nonsense: the decoder says so
        pass
    finally:
        handle.seek(0)
    return Header()


def tiff_kind(handle: IO[bytes]) -> str:
    """The kind of a TIFF's first picture in words, such as "3 channels of 32-bit floats"; empty where it is damaged."""
    try:
        handle.seek(0)
        order = {b"II*\0": "<", b"MM\0*": ">"}[handle.read(4)]
        (offset,) = struct.unpack(order + "I", handle.read(4))
        handle.seek(offset)
        (count,) = struct.unpack(order + "H", handle.read(2))
        block = handle.read(12 * count)
        tags: dict[int, int] = {}
        for place in range(0, len(block) - 11, 12):
            tag, kind, number = struct.unpack_from(order + "HHI", block, place)
            where = place + 8
            if number * {3: 2, 4: 4}.get(kind, 8) <= 4:
                (tags[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), block, where)
            elif tag in (_BITS, _FORMAT) and kind == 3:  # several: the first stands for all
                (there,) = struct.unpack_from(order + "I", block, where)
                handle.seek(there)
                (tags[tag],) = struct.unpack(order + "H", handle.read(2))
    except (struct.error, KeyError, OSError, OverflowError, ValueError):
        return ""
    if _BITS not in tags:
        return ""
    channels = tags.get(_CHANNELS, 1)
    words = {1: "bits", 2: "bits, signed", 3: "bits, floating point"}.get(tags.get(_FORMAT, 1), "bits")
    return f"{channels} channel{'' if channels == 1 else 's'} of {tags[_BITS]} {words}"


_BITS, _CHANNELS, _FORMAT = 258, 277, 339  # tags of TIFF


# --- boxes ----------------------------------------------------------------------------------------------------------


def boxes(handle: IO[bytes], start: int, end: int | None = None) -> Iterator[_Box]:
    """The boxes of an ISO base media file, or of JPEG 2000 and JPEG XL, between two places; no deeper ones."""
    if end is None:
        end = handle.seek(0, 2)
    for _ in range(MOST_BOXES):
        if end - start < 8:
            return
        handle.seek(start)
        size, kind = struct.unpack(">I4s", handle.read(8))
        content = start + 8
        if size == 1:
            (size,) = struct.unpack(">Q", handle.read(8))
            content += 8
        stop = end if size == 0 else start + size
        if stop < content or stop > end:
            return
        yield _Box(kind, content, stop)
        start = stop


def _inside(handle: IO[bytes], box: _Box, *path: bytes, skip: int = 0) -> _Box | None:
    """The first box at a path of kinds within ``box``, whose content begins ``skip`` bytes later than usual."""
    for kind in path:
        found = next((one for one in boxes(handle, box.start + skip, box.end) if one.kind == kind), None)
        if found is None:
            return None
        box, skip = found, 0
    return box


def _content(handle: IO[bytes], box: _Box) -> bytes:
    handle.seek(box.start)
    return handle.read(min(box.end - box.start, MOST_BYTES))


# --- AVIF and HEIF --------------------------------------------------------------------------------------------------


def _heif(handle: IO[bytes]) -> Header:
    outer = list(boxes(handle, 0))
    for kind, read in ((b"meta", _codes_of_item), (b"moov", _codes_of_track)):
        box = next((one for one in outer if one.kind == kind), None)
        codes = None if box is None else read(handle, box)
        if codes in _CODES:
            return Header(_not_srgb(codes))
    return Header()


def _codes_of_item(handle: IO[bytes], meta: _Box) -> int | None:
    """The transfer characteristics of the primary item; of all items where the file does not say which is its own."""
    holder = _inside(handle, meta, b"iprp", b"ipco", skip=4)
    if holder is None:
        return None
    properties = list(boxes(handle, holder.start, holder.end))
    mine = _properties_of(handle, meta, primary := _primary(handle, meta))
    chosen = properties if mine is None else [properties[one - 1] for one in mine if 0 < one <= len(properties)]
    named = [codes for one in chosen if (codes := _codes_of(handle, one)) is not None]
    if not named and any(one.kind == b"av1C" for one in chosen):  # then the stream's own header counts
        return transfer_of(_start_of_item(handle, meta, primary))
    return next((codes for codes in named if codes in _CODES), None)


def _codes_of_track(handle: IO[bytes], moov: _Box) -> int | None:
    tracks = (one for one in boxes(handle, moov.start, moov.end) if one.kind == b"trak")
    for track in islice(tracks, _MOST_TRACKS):
        table = _inside(handle, track, b"mdia", b"minf", b"stbl", b"stsd")
        for entry in islice(boxes(handle, table.start + 8, table.end), _MOST_TRACKS) if table else ():
            for one in boxes(handle, entry.start + 78, entry.end):  # what a sample entry of pictures begins with
                if (codes := _codes_of(handle, one)) in _CODES:
                    return codes
    return None


def _codes_of(handle: IO[bytes], box: _Box) -> int | None:
    """The transfer characteristics that a ``colr`` box names by number."""
    if box.kind != b"colr" or box.end - box.start < 8:
        return None
    handle.seek(box.start)
    data = handle.read(8)
    return int.from_bytes(data[6:8]) if data[:4] == b"nclx" else None


def _primary(handle: IO[bytes], meta: _Box) -> int | None:
    """The number of the primary item, or None where the file does not say it."""
    box = _inside(handle, meta, b"pitm", skip=4)
    data = _content(handle, box) if box else b""
    return int.from_bytes(data[4:8] if data[0] else data[4:6]) if data else None


def _start_of_item(handle: IO[bytes], meta: _Box, wanted: int | None) -> bytes:
    """The first bytes of an item's data; none where they lie elsewhere, or the file does not say where."""
    box = _inside(handle, meta, b"iloc", skip=4)
    if box is None:
        return b""
    data = _content(handle, box)
    version, place = data[0], 6
    sizes = data[4] >> 4, data[4] & 15, data[5] >> 4, data[5] & 15 if version else 0  # offset, length, base, index

    def number(size: int) -> int:
        nonlocal place
        place += size
        if place > len(data):
            raise IndexError
        return int.from_bytes(data[place - size : place])

    wide = 4 if version == 2 else 2
    for _ in range(number(wide)):
        item = number(wide)
        elsewhere = number(2) & 15 if version else 0
        elsewhere |= number(2)
        base = number(sizes[2])
        count = number(2)
        for extent in range(count if any(sizes) else 0):
            number(sizes[3])
            offset = number(sizes[0])
            number(sizes[1])
            if item == wanted and not extent and not elsewhere:
                handle.seek(base + offset)
                return handle.read(_HEAD)
    return b""


def _properties_of(handle: IO[bytes], meta: _Box, wanted: int | None) -> list[int] | None:
    """The numbers of an item's properties, from 1; None where the file does not say them."""
    table = _inside(handle, meta, b"iprp", b"ipma", skip=4)
    if table is None or wanted is None:
        return None
    data = _content(handle, table)
    wide, large, place = bool(data[3] & 1), data[0] > 0, 8
    for _ in range(int.from_bytes(data[4:8])):
        item = int.from_bytes(data[place : place + (4 if large else 2)])
        place += 4 if large else 2
        count, step = data[place], 2 if wide else 1
        place += 1
        mask = 0x7FFF if wide else 0x7F
        if item == wanted:
            return [int.from_bytes(data[place + step * i : place + step * (i + 1)]) & mask for i in range(count)]
        place += step * count
    return None


# --- JPEG 2000 ------------------------------------------------------------------------------------------------------


def _jpeg2000(handle: IO[bytes]) -> Header:
    handle.seek(0)
    start, boxed = 0, handle.read(4) != b"\xff\x4f\xff\x51"
    if boxed:
        found = next((box for box in boxes(handle, 0) if box.kind == b"jp2c"), None)
        if found is None:
            return Header()
        start = found.start
    handle.seek(start)
    data = handle.read(_HEAD)
    if data[:4] != b"\xff\x4f\xff\x51":
        return Header()
    (channels,) = struct.unpack_from(">H", data, 40)
    depths = [(data[42 + 3 * channel] & 0x7F) + 1 for channel in range(min(channels, 16))]
    deep = max(depths, default=0)
    # Pillow rounds what has more than 8 bits up beyond 255, and white becomes black; one channel it keeps as 16 bits
    if deep <= 8 or (len(depths) == 1 and (deep > 9 or not boxed)):
        return Header()
    kind = "grey" if len(depths) < 3 else "colour"
    return Header(f"JPEG 2000 in {kind} of {deep} bits a channel, which is decoded wrongly: {_AS_PNG}")


# --- JPEG XL --------------------------------------------------------------------------------------------------------


def _jpeg_xl(handle: IO[bytes]) -> Header:
    header = read_jxl_header(_jxl_codestream(handle))
    if header is None:  # it would be decoded, whatever its size, before anything is known of it
        return Header("a damaged or truncated image: starts like JXL, but has no readable header")
    return Header(_wrong_in_jxl(header), header.size)


def _jxl_codestream(handle: IO[bytes]) -> bytes:
    """The start of the codestream, which may stand in a box, or in parts."""
    handle.seek(0)
    data = handle.read(_HEAD)
    if data[:2] == b"\xff\x0a":
        return data
    found = b""
    for box in boxes(handle, 0):
        if box.kind in (b"jxlc", b"jxlp"):
            handle.seek(box.start + (4 if box.kind == b"jxlp" else 0))
            found += handle.read(min(max(0, box.end - handle.tell()), _HEAD))
            if box.kind == b"jxlc" or len(found) >= _HEAD:
                break
    return found


def _wrong_in_jxl(header: JxlHeader) -> str:
    if header.animated:
        return "an animated JPEG XL, of which the decoder gives the last frame: save the frame that is meant as PNG"
    if header.transfer in _CODES:
        return _not_srgb(header.transfer)
    if header.grey and header.alpha and header.bits > 8:
        return f"JPEG XL in grey and alpha of {header.bits} bits, which is decoded wrongly: {_AS_PNG}"
    return ""


# --- PNG ------------------------------------------------------------------------------------------------------------


def _png(handle: IO[bytes]) -> Header:
    place = len(_PNG)
    for _ in range(MOST_BOXES):
        handle.seek(place)
        size, kind = struct.unpack(">I4s", handle.read(8))
        if kind == b"cICP":
            codes = handle.read(2)[1]
            return Header(_not_srgb(codes)) if codes in _CODES else Header()
        if kind in (b"IDAT", b"IEND"):  # what says how to read the pixels stands before them
            break
        place += 12 + size
    return Header()


def _not_srgb(codes: int) -> str:
    return f"its codes are not sRGB but HDR, {_CODES[codes]}, and would be taken for another picture: {_AS_PNG}"


_READERS: tuple[tuple[Callable[[bytes], bool], Callable[[IO[bytes]], Header]], ...] = (
    (lambda head: head.startswith(_PNG), _png),
    (lambda head: head.startswith((_JP2, b"\xff\x4f\xff\x51")), _jpeg2000),
    (lambda head: head.startswith((_JXL, b"\xff\x0a")), _jpeg_xl),
    (lambda head: head[4:8] == b"ftyp", _heif),
)
