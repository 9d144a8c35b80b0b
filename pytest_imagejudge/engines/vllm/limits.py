"""Limits of a server, by the memory for its cache: the longest request, the tokens of a step, the requests at once."""

from __future__ import annotations

from dataclasses import dataclass

from .gpus import GIB
from .model_files import Model
from .placement import cache_bytes, full_layers, needed_bytes, state_bytes, weight_bytes

# Beside weights and cache with the smaller limits: 1.0 GiB was measured for Qwen3-VL 4B and 8B.
SMALLER_WORK = int(1.1 * GIB)


@dataclass(frozen=True)
class Limits:
    """The limits of one server.

    Attributes:
        length: tokens of the longest request. An image of 1024 x 1024 is 1,024 tokens, a checklist 2,000, an answer
            4,096; prompts vary.
        step: tokens of one step. The encoder's cache holds as many visual tokens: the pictures of 16 images.
        sequences: requests at once: 48 images of 5 requests, and some to spare.
        room: bytes that are left for the cache; 0 where unknown.
    """

    length: int = 16_384
    step: int = 16_384
    sequences: int = 256
    room: int = 0


def limits(model: Model, share: int | None, parallel: int, *, fp8: bool) -> Limits:
    """Return the limits of a server that has ``share`` bytes of each of ``parallel`` GPUs; None where unknown.

    vLLM does not start where its cache would not hold one request of the longest length, or where a model with
    recurrent states is to take more requests than the cache has blocks.
    """
    usual = Limits()
    if share is None:
        return usual
    length, step = usual.length, usual.step
    room = (share - needed_bytes(model, parallel, fp8=fp8)) * parallel
    if room < cache_bytes(model, length):
        length, step = 8192, 4096  # beside smaller steps there is more room
        room = (share - SMALLER_WORK) * parallel - int(weight_bytes(model, fp8=fp8))
    return Limits(length, step, _sequences(model, room, usual.sequences), max(0, room))


def _sequences(model: Model, room: int, most: int) -> int:
    """Return the number of requests that have a block of the cache each, at most ``most``.

    A block holds the states of as many layers as have full attention: 175 blocks were in 8.41 GiB of the 27B shape.
    """
    block = state_bytes(model) * full_layers(model)
    if not block or room // block >= most:
        return most
    return max(1, room // block // 32 * 32)
