"""The number of copies of a judge's model, and their GPUs.

A start costs: 51 s with everything kept that vLLM compiled, 167 s without (the 27B shape on one H200). One copy answers
the requests of 48 images at once, in about as long as the shorter start takes, so that a further copy shortens a run
from the 49th waiting image on. The images that wait are counted while the judge works, so nobody has to know beforehand
how many a run will have: tests that make their images get a further copy when they are ahead of the judge.

Copies start at once, also where nothing is compiled yet. They compile the same then, each on cores of its own, and
write into the same cache: Triton, Inductor and vLLM (its graphs, 0.26 and 0.32) put each file in place whole. Only a
list of a few lines, vllm_compile_cache.py, is written in place, when a graph is compiled; it is read before that. If
the others waited for the first one to have compiled, they would come a warm start later.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ...support.words import plural
from .gpus import Gpu
from .placement import FULL_SHARE, Placement

IMAGES_ON_GPU, IMAGES_ON_CPU = 48, 4  # in flight at one copy: what fills it

UNUSED = 0.96  # of a GPU's memory is free where nothing else uses it


@dataclass(frozen=True)
class CopyRoom:
    """The GPUs that have room for copies.

    Attributes:
        placement: of one copy, with the GPUs as they are now.
        share: of a GPU's memory that one copy may take.
        reserved: number of GPUs that are left for the session's other judge.
        one: True where there is to be one server only, as the user's arguments say how many copies it holds.
    """

    placement: Placement
    share: float = FULL_SHARE
    reserved: int = 0
    one: bool = False

    def most(self) -> int:
        """Return the number of copies for which there is room on empty GPUs; 1 at least.

        1 too where the memory of a GPU is unknown, for nobody could tell whether something else uses it.
        """
        if self.one or not self.placement.parallel or any(gpu.total is None for gpu in self.placement.gpus):
            return 1
        return max(1, (len(self._large()) - self.reserved) // self.placement.parallel)

    def further(self, taken: Collection[str]) -> tuple[Gpu, ...]:
        """Return the GPUs for one more copy; none where there is no room.

        Only GPUs that nothing else uses: a model under test that still grows keeps its room.

        Args:
            taken: UUIDs of the GPUs that have or had a copy.
        """
        unused = [
            gpu
            for gpu in self._large()
            if gpu.uuid not in taken and gpu.free is not None and gpu.free >= UNUSED * (gpu.total or 0)
        ]
        count = self.placement.parallel
        return tuple(unused[:count]) if len(unused) - self.reserved >= count else ()

    def _large(self) -> list[Gpu]:
        gpus = self.placement.gpus
        return [gpu for gpu in gpus if gpu.total is not None and self.placement.needed <= self.share * gpu.total]


def deserved(images: int, most: int) -> int:
    """Return how many copies so many waiting images are worth."""
    return max(1, min(most, math.ceil(images / IMAGES_ON_GPU)))


def place_words(gpus: Sequence[Gpu]) -> str:
    """Return the GPUs of a copy for people: "GPU 0 and 1"; empty for none."""
    return f"GPU {' and '.join(str(gpu.index) for gpu in gpus)}" if gpus else ""


def why_words(images: int) -> str:
    """Return the reason for one more copy."""
    return f"{plural(images, 'image')} wait, and one copy answers {IMAGES_ON_GPU} at once"


def most_words(most: int) -> str:
    """Return a sentence on how many copies there may be."""
    return f"up to {most} copies on GPUs that nothing else uses, one for every {IMAGES_ON_GPU} images that wait"
