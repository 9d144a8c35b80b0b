"""What the embedded judge measures of an edit: the change, and what became of the rest."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageEnhance, ImageFilter

from pytest_imagejudge.protocols.base import Request
from pytest_imagejudge.protocols.signals_edit_bounds import ASPECTS, MEASURED, RANGES
from pytest_imagejudge.scoring.verdict import EditVerdict
from pytest_imagejudge.taxonomy import EDIT
from pytest_imagejudge.thresholds.loading import load_profile

cv2 = pytest.importorskip("cv2")

from pytest_imagejudge.engines.signals.edits import _similarity as similarity  # noqa: E402
from pytest_imagejudge.engines.signals.edits import measure_edit  # noqa: E402
from pytest_imagejudge.engines.signals.engine import answer  # noqa: E402
from pytest_imagejudge.engines.signals.planes import Kept  # noqa: E402

BOX = (120, 90, 220, 180)


def scene(seed=3, size=(384, 288)):
    """Soft and sharp detail of many sizes, in colour."""
    random = np.random.default_rng(seed)
    total = np.zeros((size[1], size[0], 3), np.float32)
    for cells, weight in ((6, 60), (24, 40), (96, 25), (288, 12)):
        grid = random.normal(size=(cells * size[1] // size[0] + 2, cells + 2, 3)).astype(np.float32)
        total += weight * cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)
    return Image.fromarray(np.clip(total + 128, 0, 255).astype(np.uint8))


SOURCE = scene()


def region(box, size=SOURCE.size):
    mask = Image.new("L", size, 0)
    mask.paste(255, box)
    return mask


def edited(box=BOX, source=SOURCE):
    picture = source.copy()
    picture.paste(scene(8, source.size).crop(box), box)
    return picture


def jpeg(picture, quality):
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def softly_made_anew(picture):
    """Every pixel a little other, as after an autoencoder."""
    random = np.random.default_rng(1)
    pixels = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.35)), np.float32)
    return Image.fromarray(np.clip(pixels * 1.01 + random.normal(0, 2.5, pixels.shape), 0, 255).astype(np.uint8))


def missed(source, other, mask=None):
    aspects, _ = measure_edit(source, other, mask)
    return {
        breach.path[0] for breach in load_profile("edit-signals").check_edit(EditVerdict("", aspects=aspects)).breaches
    }


@pytest.mark.parametrize(
    "finish", [lambda p: p, lambda p: jpeg(p, 92), softly_made_anew, lambda p: p.resize((400, 304))]
)
@pytest.mark.parametrize("mask", [None, region(BOX)], ids=["no mask", "mask"])
def test_a_clean_local_edit_passes(finish, mask):
    assert missed(SOURCE, finish(edited()), mask) == set()


@pytest.mark.parametrize(
    ("aspect", "spoil"),
    [
        ("sharpness", lambda p: p.filter(ImageFilter.GaussianBlur(1))),
        ("sharpness", lambda p: p.filter(ImageFilter.GaussianBlur(3))),
        ("rotation", lambda p: p.rotate(1, Image.Resampling.BICUBIC)),
        ("rotation", lambda p: p.rotate(-7, Image.Resampling.BICUBIC)),
        ("rotation", lambda p: p.rotate(180)),
        ("shift", lambda p: ImageChops.offset(p, 3, 0)),
        ("shift", lambda p: ImageChops.offset(p, -20, 12)),
        ("rescaling", lambda p: p.crop((4, 3, 380, 285)).resize(p.size, Image.Resampling.BICUBIC)),
        ("rescaling", lambda p: p.crop((38, 29, 346, 259)).resize(p.size, Image.Resampling.BICUBIC)),
        ("brightness_change", lambda p: ImageEnhance.Brightness(p).enhance(0.7)),
        ("brightness_change", lambda p: ImageEnhance.Brightness(p).enhance(1.3)),
        ("contrast_change", lambda p: ImageEnhance.Contrast(p).enhance(0.7)),
        ("colour_shift", lambda p: p.convert("L").convert("RGB")),
        ("colour_shift", lambda p: Image.merge("RGB", p.split()[::-1])),
        ("block_artifacts", lambda p: jpeg(p, 8)),
        ("content_kept", lambda p: scene(21)),
        ("content_kept", lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    ],
)
def test_a_whole_picture_that_was_spoilt_misses_the_bound_of_what_was_done(aspect, spoil):
    assert aspect in missed(SOURCE, spoil(edited()))
    assert aspect in missed(SOURCE, spoil(edited()), region(BOX))


def test_figures_have_the_units_of_the_table():
    turned, _ = measure_edit(SOURCE, edited().rotate(-2, Image.Resampling.BICUBIC))
    assert turned["rotation"] == pytest.approx(2, abs=0.1)
    moved, words = measure_edit(SOURCE, ImageChops.offset(edited(), 6, -8))
    assert moved["shift"] == pytest.approx(10, abs=0.3)
    assert words["shift"].startswith(("moved by +5.9", "moved by +6.0"))
    larger, words = measure_edit(
        SOURCE, edited().crop((19, 14, 365, 274)).resize(SOURCE.size, Image.Resampling.BICUBIC)
    )
    assert larger["rescaling"] == pytest.approx(11, abs=0.5)
    assert "rescaled by +1" in words["rescaling"]
    darker, words = measure_edit(SOURCE, ImageEnhance.Brightness(edited()).enhance(0.7))
    assert darker["brightness_change"] == pytest.approx(30, abs=1)
    assert "-30" in words["brightness_change"]
    assert darker["contrast_change"] == pytest.approx(30, abs=1)
    share = (BOX[2] - BOX[0]) * (BOX[3] - BOX[1]) / (SOURCE.width * SOURCE.height)
    same, _ = measure_edit(SOURCE, edited())
    assert same["changed_area"] == pytest.approx(share, abs=0.02)
    assert same["edited_area"] == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("finish", [lambda p: p.copy(), lambda p: jpeg(p, 90), softly_made_anew])
def test_nothing_edited_is_seen_under_noise_of_all_pixels(finish):
    assert "edited_area" in missed(SOURCE, finish(SOURCE))
    assert "edited_area" in missed(SOURCE, finish(SOURCE), region(BOX))


def test_an_edit_outside_of_its_mask():
    other = (10, 10, 90, 80)
    aspects, words = measure_edit(SOURCE, edited(other), region(BOX))
    assert aspects["outside_change"] == 1
    assert "100.0% of the change lies outside" in words["outside_change"]
    assert {"outside_change", "edited_area"} <= missed(SOURCE, edited(other), region(BOX))
    inside, _ = measure_edit(SOURCE, edited(), region(BOX))
    assert inside["outside_change"] == 0
    both = edited(other, edited())
    half, _ = measure_edit(SOURCE, both, region(BOX))
    assert 0.2 < half["outside_change"] < 0.6
    assert half["fidelity"] < inside["fidelity"]
    unknown, words = measure_edit(SOURCE, both)
    for aspect in ("outside_change", "outside_patch"):
        assert unknown[aspect] is None
        assert words[aspect].startswith("not measured: no mask")


def block(picture, box, colour=(255, 0, 0)):
    """The picture with a block of one colour."""
    spoilt = picture.copy()
    spoilt.paste(colour, box)
    return spoilt


@pytest.mark.parametrize("finish", [lambda p: p, lambda p: jpeg(p, 75), softly_made_anew])
def test_a_block_far_outside_of_a_large_edit_fails_by_its_own_size(finish):
    box = (100, 60, 300, 230)
    spoilt = finish(block(edited(box), (4, 4, 80, 74)))  # 5% of the picture
    aspects, words = measure_edit(SOURCE, spoilt, region(box))
    assert missed(SOURCE, spoilt, region(box)) == {"outside_patch"}
    assert aspects["outside_change"] < 0.2
    assert aspects["outside_patch"] == pytest.approx(0.055, abs=0.007)  # the soft rim counts
    assert "% of the width and" in words["outside_patch"]
    assert missed(SOURCE, finish(edited(box)), region(box)) == set()


def test_small_spots_in_many_places_are_not_one_patch():
    box = (100, 60, 300, 230)
    spotted = edited(box)
    for left in range(8, 90, 28):
        for top in range(8, 280, 28):
            spotted = block(spotted, (left, top, left + 8, top + 8))
    aspects, _ = measure_edit(SOURCE, spotted, region(box))
    assert 0 < aspects["outside_patch"] < 0.003
    assert aspects["outside_change"] > 10 * aspects["outside_patch"]


def test_a_whole_picture_may_be_asked_to_change():
    aspects, words = measure_edit(SOURCE, scene(21), region((0, 0, *SOURCE.size)))
    for name in ("fidelity", "brightness_change", "contrast_change", "colour_shift", "content_kept", "shift"):
        assert aspects[name] is None, name
        assert words[name].startswith("not measured: ")
    assert aspects["edited_area"] > 0.5


@pytest.mark.parametrize("size", [(384, 288), (40, 9), (130, 6)])
def test_the_structural_similarity_is_the_library_s(size):
    metrics = pytest.importorskip("skimage.metrics")
    one, other = (np.asarray(picture.convert("L")).astype(np.float32) for picture in (scene(1, size), scene(2, size)))
    window = min(7, min(one.shape) - 1 + min(one.shape) % 2)
    _, local = metrics.structural_similarity(one, other, data_range=255, win_size=window, full=True)
    assert similarity(one, other) == pytest.approx(local, abs=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (2, 40), (7, 7), (40, 9), (64, 64), (130, 20), (200, 3)])
@pytest.mark.parametrize("mask", [False, True])
def test_no_size_is_too_odd(size, mask):
    one, other = Image.new("RGB", size, "blue"), scene(5, (max(8, size[0]), max(8, size[1]))).resize(size)
    where = region((0, 0, 1, 1), size) if mask else None
    for a, b in ((one, other), (other, one), (other, scene(6))):
        aspects, evidence = measure_edit(a, b, where)
        assert tuple(aspects) == tuple(evidence) == ASPECTS
        for name, value in aspects.items():
            low, high = RANGES.get(name, (0, 1))
            assert value is None or low <= value <= high


@pytest.mark.parametrize("colour", ["black", "white", (90, 160, 30)])
def test_a_blank_picture_did_not_move(colour):
    blank = Image.new("RGB", SOURCE.size, colour)
    for pair, why in (((SOURCE, blank), "no common place is found"), ((blank, SOURCE), "the source has too little")):
        aspects, evidence = measure_edit(*pair)
        for name in ("shift", "rotation", "rescaling"):
            assert aspects[name] is None
            assert why in evidence[name]


@pytest.mark.parametrize(
    ("box", "kept"), [((0, 0, 384, 288), False), ((0, 0, 384, 240), True), ((0, 0, 284, 288), True)]
)
def test_a_region_that_leaves_too_little_is_named(box, kept):
    _, evidence = measure_edit(SOURCE, SOURCE, region(box))
    covered = "not measured: too little of the source lies outside the mask or box"
    assert {evidence[name] for name in ("shift", "rotation", "rescaling")} == {covered}
    assert (evidence["content_kept"] == covered) is not kept
    _, evidence = measure_edit(Image.new("RGB", SOURCE.size, "white"), SOURCE, region(box))
    assert evidence["shift"] == evidence["content_kept"] == "not measured: the source has too little detail"


def test_a_larger_picture_is_measured_at_1024_pixels():
    large = SOURCE.resize((2304, 1728), Image.Resampling.BICUBIC)
    moved, _ = measure_edit(large, ImageChops.offset(large, 18, 0))
    assert moved["shift"] == pytest.approx(8, abs=0.3)


def test_the_answer_is_read_back_with_its_region():
    request = Request(EDIT, [], {}, text="x", images=(SOURCE, edited()), region=region((0, 0, 40, 40)))
    given = json.loads(answer(request, Kept(2)))
    assert given["aspects"]["outside_change"] == 1
    assert all(given["evidence"][aspect.name] for aspect in MEASURED)
