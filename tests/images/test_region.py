"""Regions of edits: masks and boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pytest_imagejudge.errors import ImageError
from pytest_imagejudge.images.image_file import ImageFile
from pytest_imagejudge.images.region import Region, box_fault, mask_picture, read_box, region_hash, region_of

SIZE = (40, 30)
PIXELS = 10_000


def saved(picture, folder, name="mask.png"):
    picture.save(folder / name)
    return ImageFile(folder / name)


def painted(box, size=SIZE, mode="L", white=255):
    picture = Image.new(mode, size, 0)
    picture.paste(white, box)
    return picture


@given(st.tuples(*[st.integers(-5, 60)] * 4))
def test_a_box_is_a_region_of_the_picture_or_an_error(box):
    left, top, right, bottom = box
    fits = 0 <= left < right <= SIZE[0] and 0 <= top < bottom <= SIZE[1]
    assert read_box(list(box)) == box
    if not fits:
        with pytest.raises(ImageError, match="box"):
            Region(box=box).picture(SIZE, max_pixels=PIXELS)
        return
    assert not box_fault(box)
    white = np.asarray(Region(box=box).picture(SIZE, max_pixels=PIXELS)) == 255
    rows, columns = np.nonzero(white)
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == box
    assert white.sum() == (right - left) * (bottom - top)


@given(st.lists(st.integers(-9, 9) | st.floats() | st.text(max_size=2) | st.none() | st.booleans(), max_size=6))
def test_a_box_is_four_whole_numbers_or_a_type_error(values):
    whole = [type(one) is int or (type(one) is float and one.is_integer()) for one in values]
    if len(values) == 4 and all(whole):
        assert read_box(values) == tuple(map(int, values))
    else:
        with pytest.raises(TypeError, match=r"four whole numbers are expected \(left, top, right, bottom"):
            read_box(values)


@pytest.mark.parametrize("value", ["1, 2, 3, 4", 5, {"left": 1, "top": 2, "right": 3, "bottom": 4}, b"1234"])
def test_other_types_are_no_box(value):
    with pytest.raises(TypeError, match="four whole numbers"):
        read_box(value)


def test_numbers_of_numpy_are_numbers():
    assert read_box(np.array([1, 2, 3, 4])) == (1, 2, 3, 4)
    assert read_box(np.array([1.0, 2.0, 3.0, 4.0])) == (1, 2, 3, 4)
    assert [type(one) for one in read_box(np.array([1, 2, 3, 4]))] == [int] * 4


def test_white_of_a_mask_may_change(tmp_path):
    box = (4, 6, 20, 25)
    for name, mode, white in (("a.png", "L", 255), ("b.png", "1", 1), ("c.png", "RGB", (255, 255, 255))):
        region = Region(saved(painted(box, mode=mode, white=white), tmp_path, name))
        found = region.picture(SIZE, max_pixels=PIXELS)
        assert found.mode == "L"
        assert found.getbbox() == box
        assert region_hash(found) == region_hash(Region(box=box).picture(SIZE, max_pixels=PIXELS))


def test_the_hash_is_of_size_and_pixels():
    one = Region(box=(0, 0, 8, 8)).picture((8, 16), max_pixels=PIXELS)
    assert region_hash(one) != region_hash(Region(box=(0, 0, 8, 8)).picture((16, 8), max_pixels=PIXELS))
    assert region_hash(one) != region_hash(Region(box=(0, 0, 8, 9)).picture((8, 16), max_pixels=PIXELS))


def test_a_jpeg_is_a_mask_too(tmp_path):
    region = Region(saved(painted((8, 8, 24, 24)), tmp_path, "mask.jpg"))
    assert np.asarray(region.picture(SIZE, max_pixels=PIXELS)).mean() == pytest.approx(255 * 256 / 1200, rel=0.05)


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (painted((1, 1, 9, 9), (41, 30)), r"mask .*mask.png: it has 41x30 pixels, the source 40x30"),
        (painted((1, 1, 9, 9), (30, 40)), "the source 40x30"),
        (Image.new("L", SIZE, 0), "it is empty, all black: white may change"),
        (Image.new("L", SIZE, 127), "it is empty, its brightest pixel is 127 of 255, white begins at 128: white"),
        # 0 and 1, as arrays of truth are saved
        (Image.new("L", SIZE, 1), "it is empty, its brightest pixel is 1 of 255, white begins at 128: white"),
        (painted((1, 1, 30, 30), mode="RGB", white=(250, 40, 40)), "of it is coloured; a mask is black and white"),
    ],
    ids=["wider", "turned", "empty", "grey", "ones", "coloured"],
)
def test_what_is_no_mask_of_the_source(picture, words, tmp_path):
    with pytest.raises(ImageError, match=words):
        Region(saved(picture, tmp_path)).picture(SIZE, max_pixels=PIXELS)


def test_a_mask_is_decoded_under_the_same_limits(tmp_path):
    mask = Region(saved(painted((1, 1, 9, 9)), tmp_path))
    with pytest.raises(ImageError, match=r"^mask .*mask\.png: .*pixels"):
        mask.picture(SIZE, max_pixels=100)
    (tmp_path / "mask.png").write_text("no picture")
    with pytest.raises(ImageError, match=r"^mask .*mask\.png: "):
        mask.picture(SIZE, max_pixels=PIXELS)
    with pytest.raises(ImageError, match=r"^mask .*none\.png: no such file"):
        Region(ImageFile(tmp_path / "none.png")).picture(SIZE, max_pixels=PIXELS)


def test_a_mask_is_turned_upright_as_the_source_is(tmp_path):
    picture = painted((0, 0, 10, 5), (30, 40))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "mask.png", exif=exif)
    assert Region(ImageFile(tmp_path / "mask.png")).picture(SIZE, max_pixels=PIXELS).getbbox() == (35, 0, 40, 10)


def test_an_edit_has_one_region(tmp_path):
    mask = saved(painted((1, 1, 9, 9)), tmp_path)
    assert region_of(None, None) is None
    assert region_of(mask, None) == Region(mask)
    assert region_of(None, [1, 2, 3, 4]) == Region(box=(1, 2, 3, 4))
    with pytest.raises(TypeError, match="mask and box are both given"):
        region_of(mask, [1, 2, 3, 4])


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32])
def test_arrays_without_colours_are_masks(kind):
    pixels = np.zeros((30, 40), kind)
    pixels[6:25, 4:20] = 255 if kind is np.uint8 else 1
    picture = mask_picture(pixels)
    assert isinstance(picture, Image.Image)
    assert picture.getbbox() == (4, 6, 20, 25)


def test_other_arrays_are_not():
    for wrong in (np.zeros((30, 40), np.int64), np.full((30, 40), 2.0), np.zeros((0, 4), np.uint8)):
        with pytest.raises(TypeError, match=r"mask: an \(H, W\) array of booleans"):
            mask_picture(wrong)
    colours = np.zeros((30, 40, 3), np.uint8)
    assert mask_picture(colours) is colours
