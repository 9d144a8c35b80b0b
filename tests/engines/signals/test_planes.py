"""What measures share is made once, and let go of."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from PIL import Image

from pytest_imagejudge.engines.signals.planes import Kept, Planes


def test_each_plane_is_made_once_whoever_asks_first():
    made = []

    def plane(planes):
        made.append(planes)
        return len(made)

    planes = Planes(Image.new("RGB", (40, 30)))
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: planes.once(plane), range(16))) == {1}
    assert made == [planes]


def test_one_plane_does_not_wait_for_another():
    planes = Planes(Image.new("RGB", (40, 30)))
    begun, done = Event(), Event()

    def slow(planes):
        begun.set()
        return done.wait(60)

    with ThreadPoolExecutor(2) as threads:
        waiting = threads.submit(planes.once, slow)
        assert begun.wait(60)
        assert threads.submit(planes.once, lambda planes: "quick").result(60) == "quick"
        done.set()
        assert waiting.result(60)


def test_large_pictures_are_sampled_and_seen_at_the_size_of_a_viewer():
    planes = Planes(Image.new("RGB", (4000, 2000)))
    assert planes.working_rgb.shape == (512, 1024, 3)
    assert planes.half.shape == (256, 512)
    assert planes.quarter.shape == (128, 256)
    assert sum(tile.size // 3 for tile in planes.tiles) <= 4_000_000
    small = Planes(Image.new("RGB", (40, 30)))
    assert small.working_rgb is small.rgb is small.tiles[0]


def test_only_the_last_pictures_are_kept():
    kept = Kept(2)
    pictures = [Image.new("RGB", (40, 30)) for _ in range(3)]
    first = kept.of(pictures[0])
    assert kept.of(pictures[0]) is first
    gone = weakref.ref(first)
    for picture in pictures[1:]:
        kept.of(picture)
    del first
    gc.collect()
    assert gone() is None
    kept.clear()
    assert kept.of(pictures[2]).picture is pictures[2]
