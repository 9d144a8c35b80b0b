"""A part of an ONNX model: all that some of its inner values need, and no more.

ONNX Runtime computes every node of a model, whichever values are asked for. The fields are those of onnx.proto 1.x, in
protobuf's wire format; the package that reads them otherwise is no dependency.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_GRAPH = 7  # field of a model
_NODE, _INITIALIZER, _OUTPUT = 1, 5, 12  # fields of a graph
_IN, _OUT = 1, 2  # fields of a node
_NAME, _TENSOR_NAME = 1, 8  # fields of a value, and of an initializer
_VARINT, _FIXED = 0, {1: 8, 5: 4}  # wire types, the second with their bytes; all others have a length


def ending_at(model: bytes, names: Sequence[str]) -> bytes | None:
    """Return ``model`` with the inner values of these names as its outputs; None where it lacks one of them."""
    ends = [name.encode() for name in names]
    parts: list[bytes | memoryview] = []
    for field, whole, content in _fields(memoryview(model)):
        if field != _GRAPH:
            parts.append(whole)
            continue
        graph = _shortened(content, ends)
        if graph is None:
            return None
        parts += [_head(_GRAPH, sum(map(len, graph))), *graph]
    return b"".join(parts)


def _shortened(graph: memoryview, ends: Sequence[bytes]) -> list[bytes | memoryview] | None:
    """The fields of a graph that ends at these values."""
    fields = list(_fields(graph))
    needed, kept = set(ends), set()
    for index, (field, _, content) in reversed(list(enumerate(fields))):  # nodes are in the order in which they run
        if field == _NODE and needed.intersection(_strings(content, _OUT)):
            needed.update(_strings(content, _IN))
            kept.add(index)
    made = {name for index in kept for name in _strings(fields[index][2], _OUT)}
    if not made.issuperset(ends):
        return None
    left = [
        whole
        for index, (field, whole, content) in enumerate(fields)
        if index in kept
        or (field == _INITIALIZER and needed.intersection(_strings(content, _TENSOR_NAME)))
        or field not in (_NODE, _INITIALIZER, _OUTPUT)
    ]
    values = [_head(_NAME, len(end)) + end for end in ends]
    return [*left, *(_head(_OUTPUT, len(value)) + value for value in values)]


def _strings(message: memoryview, field: int) -> Iterator[bytes]:
    return (bytes(content) for found, _, content in _fields(message) if found == field)


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview, memoryview]]:
    """Yield number, all bytes and content of each field."""
    at = 0
    while at < len(message):
        begin = at
        key, at = _varint(message, at)
        kind, content = key & 7, at
        if kind == _VARINT:
            _, at = _varint(message, at)
        elif kind in _FIXED:
            at += _FIXED[kind]
        else:
            length, content = _varint(message, at)
            at = content + length
        yield key >> 3, message[begin:at], message[content:at]


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number at a place, and the place behind it."""
    number = shift = 0
    while True:
        byte = message[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at


def _head(field: int, size: int) -> bytes:
    """The bytes before the content of a field with a length."""
    length = bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([field << 3 | 2, *length, size])
