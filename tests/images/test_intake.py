"""What is taken as an image, and the canonical picture of what is found in files."""

import hashlib
import io
import os
import struct
import sys
import threading
import types
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile
from PIL import __file__ as _pil

from pytest_imagejudge.errors import ImageError
from pytest_imagejudge.images.image_file import file_hash
from pytest_imagejudge.images.intake import take
from pytest_imagejudge.images.loading import load, load_hashed, pixel_hash, to_png

PICTURE = np.random.default_rng(7).integers(0, 256, (24, 36, 3), dtype=np.uint8)


def pixels(file, **options):
    return np.asarray(load(file, **options))


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def spool(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def fox(tmp_path):
    path = tmp_path / "fox.png"
    Image.fromarray(PICTURE).save(path)
    return path


# --- what is accepted


def test_a_path_is_taken_as_it_is_and_survives_a_change_of_directory(fox, spool, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with os.scandir(".") as found:
        (entry,) = found
    for value in ("fox.png", Path("fox.png"), fox, entry):
        file = take(value, spool)
        assert not file.kept
        monkeypatch.chdir("/")
        assert (pixels(file) == PICTURE).all()
        monkeypatch.chdir(tmp_path)
    assert not spool.exists()


def test_bytes_are_written_as_they_are_under_their_own_suffix(spool):
    for kind, suffix in (("PNG", ".png"), ("JPEG", ".jpg"), ("WEBP", ".webp"), ("GIF", ".gif"), ("TIFF", ".tif")):
        data = encoded(Image.fromarray(PICTURE), kind)
        for value in (data, bytearray(data), memoryview(data)):
            file = take(value, spool)
            assert file.kept
            assert file.path == spool / (hashlib.sha256(data).hexdigest() + suffix)
            assert file.path.read_bytes() == data
    assert len(list(spool.iterdir())) == 5


def test_the_same_content_is_one_file_whatever_it_comes_as(spool):
    files = {
        take(value, spool).path
        for value in (PICTURE, PICTURE / 255.0, Image.fromarray(PICTURE), np.asfortranarray(PICTURE))
    }
    assert len(files) == 1
    assert [path.name for path in spool.iterdir()] == [f"{pixel_hash(Image.fromarray(PICTURE))}.png"]


@settings(max_examples=40)
@given(data=st.data())
def test_what_is_taken_is_what_is_loaded(data, tmp_path_factory):
    height, width = data.draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    raw = data.draw(st.binary(min_size=height * width * 3, max_size=height * width * 3))
    array = np.frombuffer(raw, np.uint8).reshape(height, width, 3)
    spool = tmp_path_factory.mktemp("spool")
    dtype = data.draw(st.sampled_from([np.uint8, np.float16, np.float32, np.float64, ">f4"]))
    value = array if dtype is np.uint8 else (array / 255).astype(dtype)
    if data.draw(st.booleans()):
        opaque = np.full((height, width, 1), 255 if dtype is np.uint8 else 1, value.dtype)
        value = np.concatenate([value, opaque], axis=2)
    picture = load(take(value, spool))
    assert picture.mode == "RGB"
    assert (np.asarray(picture) == array).all()
    assert pixel_hash(picture) == pixel_hash(Image.fromarray(array))


def test_an_alpha_channel_of_an_array_is_composed_on_white(spool):
    array = np.zeros((1, 3, 4), np.uint8)
    array[0, :, 3] = (0, 128, 255)
    assert pixels(take(array, spool)).tolist() == [[[255] * 3, [127] * 3, [0] * 3]]
    assert (pixels(take(array / 255, spool)) == pixels(take(array, spool))).all()


def test_rounding_errors_of_resampling_are_not_out_of_range(spool):
    array = np.ones((2, 2, 3), np.float32)
    array[0, 0, 0] = np.nextafter(np.float32(1), np.float32(2))
    assert (pixels(take(array, spool)) == 255).all()


class FakeTensor:
    """What is used of torch.Tensor, over an array. The real one is tested below where torch is installed."""

    def __init__(self, array, dtype=None):
        self.array, self.shape, self.dtype = array, array.shape, dtype or array.dtype

    def __len__(self):
        return len(self.array)

    def __getitem__(self, index):
        return FakeTensor(self.array[index])

    def is_floating_point(self):
        return self.array.dtype.kind == "f"

    def detach(self):
        return self

    def float(self):
        return FakeTensor(self.array.astype(np.float32))

    def cpu(self):
        return self

    def permute(self, *axes):
        return FakeTensor(self.array.transpose(axes))

    def numpy(self):
        return self.array


@pytest.fixture
def tensor(monkeypatch):
    fake = types.ModuleType("torch")
    fake.Tensor = FakeTensor
    monkeypatch.setitem(sys.modules, "torch", fake)
    return lambda array: FakeTensor(array)


def test_a_tensor_is_channels_first(tensor, spool):
    value = tensor((PICTURE / 255).transpose(2, 0, 1))
    assert (pixels(take(value, spool)) == PICTURE).all()


@pytest.mark.parametrize(
    ("shape", "dtype", "words"),
    [
        ((3, 8, 8), np.uint8, "scale it to floats"),
        ((1, 3, 8, 8), np.float32, "one by one"),
        ((8, 8, 3), np.float32, "permute it"),
        ((1, 8, 8), np.float32, "(1, 8, 8)"),
        ((8, 8), np.float32, "(8, 8)"),
    ],
)
def test_other_tensors_are_refused(tensor, spool, shape, dtype, words):
    with pytest.raises(TypeError) as caught:
        take(tensor(np.zeros(shape, dtype)), spool)
    assert words in str(caught.value)
    assert "(C, H, W)" in str(caught.value)


def test_real_tensors(spool):
    torch = pytest.importorskip("torch")
    value = torch.from_numpy(PICTURE).permute(2, 0, 1).float() / 255
    value.requires_grad_(True)
    assert (pixels(take(value, spool)) == PICTURE).all()
    half = torch.ones(4, 5, 6, dtype=torch.bfloat16)
    assert (pixels(take(half, spool)) == 255).all()
    for bad in (
        value * 2,
        value.detach() - 0.5,
        value * float("nan"),
        value[None],
        torch.zeros(3, 4, 4, dtype=torch.uint8),
    ):
        with pytest.raises(TypeError):
            take(bad, spool)
    with pytest.raises(TypeError):
        take(torch.zeros(3, 4, 4, device="meta"), spool)


def test_torch_is_not_imported_to_find_out(spool):
    before = "torch" in sys.modules
    take(PICTURE, spool)
    with pytest.raises(TypeError):
        take(object(), spool)
    assert ("torch" in sys.modules) == before


def test_the_output_of_a_pipeline_with_one_image(spool, tensor):
    for images in (
        [Image.fromarray(PICTURE)],
        PICTURE[None] / 255.0,
        tensor((PICTURE / 255).transpose(2, 0, 1)[None]),
    ):
        assert (pixels(take(SimpleNamespace(images=images), spool)) == PICTURE).all()


def test_the_output_of_a_pipeline_with_several_images(spool):
    for images in ([], [Image.fromarray(PICTURE)] * 2, np.zeros((4, 8, 8, 3))):
        with pytest.raises(TypeError, match=f"{len(images)} images.*one by one"):
            take(SimpleNamespace(images=images), spool)
    with pytest.raises(TypeError, match="str"):
        take(SimpleNamespace(images=["fox.png"]), spool)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "NoneType"),
        (3, "int"),
        ("", "empty path"),
        ([PICTURE, PICTURE], "one by one"),
        ((PICTURE,), "one by one"),
        (iter([PICTURE]), "one by one"),
        ({"images": 1}, "dict"),
        (object, "type"),
        (io.BytesIO(b"x"), "BytesIO"),
        (PICTURE[None], "one by one"),
        (PICTURE.transpose(2, 0, 1), "transpose"),
        (PICTURE[:, :, 0], "greyscale"),
        (PICTURE[:, :, :1], "greyscale"),
        (PICTURE[:, :, :2], "(24, 36, 2)"),
        (PICTURE.astype(np.int64), "int64"),
        (PICTURE.astype(np.uint16), "uint16"),
        (PICTURE > 9, "bool"),
        (PICTURE.astype(np.float32), "values from 0 to 255"),
        (PICTURE / 127.5 - 1, "values from -1 to 1"),
        (np.full((2, 2, 3), np.nan), "NaN"),
        (np.full((2, 2, 3), np.inf), "inf"),
        (np.zeros((0, 2, 3), np.uint8), "empty"),
        (np.zeros((2, 2, 3), complex), "complex"),
        (np.ma.masked_array(PICTURE, PICTURE > 9), "masked"),
    ],
)
def test_anything_else_is_a_type_error_that_says_what_is_accepted(spool, value, words):
    with pytest.raises(TypeError) as caught:
        take(value, spool)
    assert words in str(caught.value)
    assert "an image is a path, bytes, a PIL image" in str(caught.value)


def test_a_pil_image_is_taken_as_it_is_seen(spool):
    image = Image.fromarray(PICTURE)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.open(io.BytesIO(encoded(image, "PNG", exif=exif)))
    assert (pixels(take(turned, spool)) == np.rot90(PICTURE, -1)).all()
    assert (pixels(take(Image.new("RGBA", (2, 2), (0, 0, 0, 0)), spool)) == 255).all()
    assert (pixels(take(Image.new("1", (2, 2), 1), spool)) == 255).all()
    other = image.convert("YCbCr")
    assert load(take(other, spool)).tobytes() == other.convert("RGB").tobytes()
    assert (pixels(take(Image.new("F", (2, 2), 0.5), spool)) == 128).all()
    assert (pixels(take(Image.new("I;16", (2, 2), 0x8000), spool)) == 0x80).all()


def test_a_pil_image_that_cannot_be_decoded_is_an_error_of_that_image(spool):
    data = encoded(Image.fromarray(PICTURE), "PNG")
    with pytest.raises(ImageError, match="truncated"):
        take(Image.open(io.BytesIO(data[: len(data) // 2])), spool)
    with pytest.raises(ImageError, match="zero size"):
        take(Image.new("RGB", (0, 5)), spool)
    with pytest.raises(ImageError, match="more than the 100 "):
        take(Image.fromarray(PICTURE), spool, max_pixels=100)


def test_the_image_handed_over_is_left_as_it_is(spool):
    image = Image.fromarray(PICTURE)
    image.info["exif"] = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    assert load(take(image, spool)).size == (24, 36)
    assert image.size == (36, 24)
    assert (np.asarray(image) == PICTURE).all()


def test_several_may_write_the_same_at_once(spool):
    errors = []

    def write():
        try:
            for _ in range(20):
                assert (pixels(take(PICTURE, spool)) == PICTURE).all()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(list(spool.iterdir())) == 1


def test_a_spool_that_cannot_be_written(tmp_path):
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(ImageError, match="could not be written"):
        take(PICTURE, tmp_path / "spool")


# --- the canonical picture


OPAQUE = [
    ("PNG", "RGB", {}),
    ("PNG", "L", {}),
    ("PNG", "P", {}),
    ("PNG", "1", {}),
    ("JPEG", "RGB", {}),
    ("JPEG", "L", {}),
    ("JPEG", "CMYK", {}),
    ("JPEG", "RGB", {"progressive": True, "subsampling": 0}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGB", {"lossless": True}),
    ("GIF", "P", {}),
    ("GIF", "L", {}),
    ("BMP", "RGB", {}),
    ("TIFF", "RGB", {}),
    ("TIFF", "CMYK", {}),
    ("TIFF", "P", {}),
    ("TIFF", "1", {}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("PPM", "RGB", {}),
    ("TGA", "RGB", {}),
    ("JPEG2000", "RGB", {}),
    ("ICO", "RGB", {"sizes": [(24, 24)]}),
]


@pytest.mark.parametrize(("kind", "mode", "options"), OPAQUE)
def test_opaque_images_are_equal_to_the_published_treatment(tmp_path, kind, mode, options):
    path = tmp_path / "image.bin"
    Image.fromarray(PICTURE).convert(mode).save(path, kind, **options)
    with Image.open(path) as image:
        expected = image.convert("RGB")
    found = load(path)
    assert found.mode == "RGB"
    assert found.size == expected.size
    assert found.tobytes() == expected.tobytes()


def test_a_colour_profile_is_not_applied(tmp_path):
    path = tmp_path / "profiled.png"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    Image.fromarray(PICTURE).save(path, icc_profile=profile)
    assert (pixels(path) == PICTURE).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied_once(tmp_path, kind, orientation):
    seen = {
        1: PICTURE,
        2: PICTURE[:, ::-1],
        3: PICTURE[::-1, ::-1],
        4: PICTURE[::-1],
        5: PICTURE.transpose(1, 0, 2),
        6: np.rot90(PICTURE, -1),
        7: PICTURE.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(PICTURE),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned"
    options = {"lossless": True} if kind == "WEBP" else {}
    Image.fromarray(PICTURE).save(path, kind, exif=exif, **options)
    assert (pixels(path) == seen[orientation]).all()


def test_orientation_of_a_jpeg(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 8
    path = tmp_path / "phone.jpg"
    Image.fromarray(PICTURE).save(path, exif=exif)
    with Image.open(path) as image:
        assert (pixels(path) == np.rot90(np.asarray(image.convert("RGB")))).all()


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(tmp_path, value):
    exif = Image.Exif()
    exif[0x0112] = value
    path = tmp_path / "odd.png"
    Image.fromarray(PICTURE).save(path, exif=exif)
    assert (pixels(path) == PICTURE).all()


def test_damaged_exif_turns_nothing(tmp_path):
    for block in (b"Exif\0\0garbage", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01"):
        path = tmp_path / "damaged.jpg"
        Image.fromarray(PICTURE).save(path, exif=block)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                expected = image.convert("RGB").tobytes()
        assert load(path).tobytes() == expected


def test_orientation_in_xmp_alone_is_not_exif(tmp_path):
    path = tmp_path / "xmp.jpg"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    Image.fromarray(PICTURE).save(path, xmp=xmp)
    assert load(path).size == (36, 24)


def test_transparency_is_composed_on_white(tmp_path):
    rgba = np.dstack([PICTURE, np.full(PICTURE.shape[:2], 255, np.uint8)])
    rgba[0, 0] = (10, 20, 30, 0)
    rgba[0, 1] = (0, 0, 0, 128)
    image = Image.fromarray(rgba)
    for kind in ("PNG", "WEBP", "TIFF"):
        path = tmp_path / f"clear.{kind}"
        image.save(path, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
        found = pixels(path)
        assert found[0, 0].tolist() == [255, 255, 255]
        assert found[0, 1].tolist() == [127, 127, 127]
        assert (found[1:] == PICTURE[1:]).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "La", "RGBa"])
def test_every_kind_of_alpha_in_memory(spool, mode):
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    image = {
        "RGBA": lambda: clear,
        "LA": lambda: clear.convert("LA"),
        "PA": lambda: Image.new("PA", (4, 4), (0, 0)),
        "La": lambda: clear.convert("LA").convert("La"),
        "RGBa": lambda: clear.convert("RGBa"),
    }[mode]()
    assert image.mode == mode
    assert (pixels(take(image, spool)) == 255).all()


def test_transparent_entries_of_a_palette_and_colour_keys(tmp_path):
    palette = Image.fromarray(np.array([[0, 1, 2]], np.uint8)).convert("P")
    palette.putpalette([10, 20, 30, 0, 0, 0, 200, 100, 50])
    palette.save(tmp_path / "index.png", transparency=0)
    palette.save(tmp_path / "index.gif", transparency=0)
    palette.save(tmp_path / "bytes.png", transparency=bytes([0, 128, 255]))
    assert pixels(tmp_path / "index.png").tolist() == [[[255] * 3, [0] * 3, [200, 100, 50]]]
    assert pixels(tmp_path / "index.gif").tolist() == [[[255] * 3, [0] * 3, [200, 100, 50]]]
    assert pixels(tmp_path / "bytes.png").tolist() == [[[255] * 3, [127] * 3, [200, 100, 50]]]
    colour = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8))
    colour.save(tmp_path / "key.png", transparency=(1, 2, 3))
    assert pixels(tmp_path / "key.png").tolist() == [[[255] * 3, [4, 5, 6]]]
    grey = Image.fromarray(np.array([[1, 2]], np.uint8))
    grey.save(tmp_path / "grey.png", transparency=1)
    assert pixels(tmp_path / "grey.png").tolist() == [[[255] * 3, [2] * 3]]


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, 0)
    for kind in ("PNG", "TIFF", "PPM", "JPEG2000"):
        path = tmp_path / f"deep.{kind}"
        Image.fromarray(ramp).save(path, kind)
        assert (pixels(path)[:, :, 0] == ramp >> 8).all(), kind
    dark = np.full((4, 4), 200, np.uint16)  # nearly black at 16 bits, not grey at 8
    Image.fromarray(dark).save(tmp_path / "dark.png")
    assert (pixels(tmp_path / "dark.png") == 0).all()


def test_sixteen_bit_colour(tmp_path):
    row = np.array([[[0x0102, 0x8001, 0xFFFF], [0, 0x7FFF, 0x00FF]]], ">u2")
    data = zlib.compress(b"\0" + row.tobytes())

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    path = tmp_path / "deep.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    assert pixels(path).tolist() == [[[1, 128, 255], [0, 127, 0]]]


def test_wide_greyscale_without_a_depth_of_its_own(tmp_path):
    def as_tiff(array):
        Image.fromarray(array).save(tmp_path / "wide.tif")
        return tmp_path / "wide.tif"

    assert pixels(as_tiff(np.array([[0, 128, 255]], np.int32)))[0, :, 0].tolist() == [0, 128, 255]
    assert pixels(as_tiff(np.array([[0, 32768, 65535]], np.int32)))[0, :, 0].tolist() == [0, 128, 255]
    assert pixels(as_tiff(np.array([[0, 0.5, 1]], np.float32)))[0, :, 0].tolist() == [0, 128, 255]
    assert pixels(as_tiff(np.array([[0, 127.6, 255]], np.float32)))[0, :, 0].tolist() == [0, 128, 255]
    for bad in (np.array([[-1, 5]], np.int32), np.array([[0, 1 << 20]], np.int32), np.array([[np.nan, 1]], np.float32)):
        with pytest.raises(ImageError, match=r"wide\.tif: values from"):
            load(as_tiff(bad))


def test_lab_is_converted_to_srgb(tmp_path):
    smooth = np.indices((16, 16)).sum(0).astype(np.uint8) * 8
    source = Image.fromarray(np.dstack([smooth, smooth[::-1], smooth.T // 2 + 60]))
    lab = ImageCms.profileToProfile(
        source, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    lab.save(tmp_path / "lab.tif")
    off = np.abs(pixels(tmp_path / "lab.tif").astype(int) - np.asarray(source).astype(int))
    assert off.mean() < 1.5  # 8 bits of LAB are coarse next to black
    assert off.max() <= 16


def test_of_an_animation_the_first_frame_counts(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "PNG", "WEBP"):
        path = tmp_path / f"moving.{kind}"
        frames[0].save(path, kind, save_all=True, append_images=frames[1:], lossless=True)
        assert pixels(path)[4, 4].tolist() == [255, 0, 0]


# --- what is refused


def refused(path, *words, **options):
    with pytest.raises(ImageError) as caught:
        load(path, **options)
    message = str(caught.value)
    for word in words:
        assert word in message
    assert "\n" not in message
    return message


def test_not_there_a_folder_or_empty(tmp_path):
    assert str(tmp_path / "no.png") in refused(tmp_path / "no.png", "no such file")
    refused(tmp_path / "no" / "fox.png", "no such file")
    refused(tmp_path, "a directory")
    (tmp_path / "empty.png").touch()
    refused(tmp_path / "empty.png", "zero bytes")
    refused("https://example.com/fox.png", "a URL is not fetched")
    refused("a\0b", "can't be opened", "a\\x00b")
    refused("x" * 5000, "can't be opened")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused(tmp_path / "loop", "can't be opened")


def test_pipes_and_devices_do_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    refused(tmp_path / "pipe.png", "a pipe")
    refused("/dev/zero", "a character device")
    with pytest.raises(ImageError, match="a pipe"):
        file_hash(tmp_path / "pipe.png")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"just text\nover lines", "known format: text"),
        ("红色的狐狸".encode() * 300, "text"),
        (b"\xef\xbb\xbf<svg xmlns=''/>", "SVG"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"%PDF-1.7", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIF"),
        (b"\x80\x81\x00\x01", "80 81 00 01"),
        (b"\x89PNG\r\n\x1a\n", "truncated"),
        (b"\xff\xd8\xff", "truncated"),
    ],
)
def test_what_is_no_image_is_named(tmp_path, content, words):
    path = tmp_path / "fox.png"
    path.write_bytes(content)
    refused(path, str(path), words)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "RGB"), ("JPEG", "RGB"), ("WEBP", "RGB"), ("GIF", "P"), ("BMP", "RGB"), ("TIFF", "RGB")],
)
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path, kind, mode):
    data = encoded(Image.fromarray(PICTURE).convert(mode), kind)
    path = tmp_path / "cut.img"
    for share in (0.02, 0.3, 0.6, 0.9):
        path.write_bytes(data[: max(4, int(len(data) * share))])
        refused(path, "cut.img")


def test_lenient_decoding_asked_for_elsewhere_does_not_let_a_truncated_file_through(tmp_path, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encoded(Image.fromarray(PICTURE), "JPEG")
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    refused(tmp_path / "cut.jpg", "truncated")
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


@given(data=st.data())
def test_damaged_bytes_give_a_picture_or_an_image_error(data, tmp_path_factory):
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"]))
    content = bytearray(encoded(Image.fromarray(PICTURE), kind))
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=8)
    ):
        content[place] = value
    path = tmp_path_factory.mktemp("fuzz") / "fuzz.img"
    path.write_bytes(content)
    try:
        assert load(path, max_pixels=1_000_000).mode == "RGB"
    except ImageError as error:
        assert "fuzz.img" in str(error)


def bomb(width, height):
    """A PNG that says it is large and has next to nothing in it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"IHDR" + header
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(header)) + body + struct.pack(">I", zlib.crc32(body))
    return start + struct.pack(">I", 10) + b"IDAT" + zlib.compress(b"")[:8] + b"\0" * 6


def test_too_many_pixels_are_refused_from_the_header(tmp_path):
    path = tmp_path / "bomb.png"
    for width, height in ((10_001, 10_000), (13_000, 13_000), (60_000, 60_000)):
        path.write_bytes(bomb(width, height))
        refused(path, f"{width}x{height}", f"{width * height:,} pixels", "judge_max_pixels")
    path.write_bytes(bomb(9_700, 9_700))  # over Pillow's own warning, under ours
    refused(path, "truncated")
    path.write_bytes(bomb(20_000, 20_000))  # over Pillow's own error, under a raised limit
    refused(path, "truncated", max_pixels=500_000_000)


def test_the_limit_may_be_set(fox):
    refused(fox, "864 pixels, more than the 863", max_pixels=863)
    assert load(fox, max_pixels=864).size == (36, 24)


def test_sides_beyond_200_to_1(tmp_path):
    for size, fine in (((200, 1), True), ((1, 200), True), ((201, 1), False), ((1, 201), False)):
        path = tmp_path / "long.png"
        Image.new("RGB", size).save(path)
        if fine:
            assert load(path).size == size
        else:
            refused(path, f"{size[0]}x{size[1]}", "200 to 1")


def test_zero_size(tmp_path):
    path = tmp_path / "none.gif"
    path.write_bytes(b"GIF89a\0\0\0\0\0\0\0;")
    refused(path, "none.gif")
    path.write_bytes(b"P6 0 5 255\n")
    refused(path, "none.gif")


def test_control_characters_in_a_name_are_made_visible(tmp_path):
    path = tmp_path / "a\x1b[31m\nb.png"
    path.write_bytes(b"text")
    refused(path, "a\\x1b[31m\\nb.png")


def test_no_warning_of_the_decoder_reaches_a_test_and_others_keep_theirs(tmp_path):
    large = tmp_path / "large.png"
    large.write_bytes(bomb(9_700, 9_700))
    damaged = tmp_path / "damaged.tif"
    Image.fromarray(PICTURE).save(damaged, software="made by a camera")
    data = damaged.read_bytes()
    place = data.index(struct.pack("<HH", 305, 2)) + 8  # where the tag's text is: now beyond the end of the file
    damaged.write_bytes(data[:place] + struct.pack("<I", 10_000_000) + data[place + 4 :])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(large, "truncated")
        assert (pixels(damaged) == PICTURE).all()
    with pytest.warns(UserWarning, match="(?i)corrupt|truncated"), Image.open(damaged) as image:
        image.load()
    with pytest.warns(Image.DecompressionBombWarning) as caught:
        Image.open(large).close()
    assert Path(caught[0].filename).parent == Path(_pil).parent
    large.write_bytes(bomb(60_000, 60_000))
    with pytest.raises(Image.DecompressionBombError):
        Image.open(large)


def test_loading_in_many_threads_gives_the_same(tmp_path, fox):
    good, bad = [], []
    cut = tmp_path / "cut.png"
    cut.write_bytes(fox.read_bytes()[:-200])

    def work():
        for _ in range(10):
            good.append(pixel_hash(load(fox)))
            try:
                load(cut)
            except ImageError as error:
                bad.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(good) == len(bad) == 60
    assert len(set(good)) == len(set(bad)) == 1
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


# --- hashes and copies


def test_hashes_are_of_content(tmp_path, fox):
    assert file_hash(fox) == hashlib.sha256(fox.read_bytes()).hexdigest()
    picture, digest = load_hashed(fox)
    assert digest == file_hash(fox)
    again = tmp_path / "again.webp"
    Image.fromarray(PICTURE).save(again, lossless=True)
    assert pixel_hash(load(again)) == pixel_hash(picture)
    assert file_hash(again) != digest
    other = PICTURE.copy()
    other[5, 5, 1] ^= 1
    assert pixel_hash(Image.fromarray(other)) != pixel_hash(picture)


def test_the_size_is_part_of_the_pixel_hash():
    assert pixel_hash(Image.new("RGB", (4, 2))) != pixel_hash(Image.new("RGB", (2, 4)))
    with pytest.raises(ValueError, match="RGBA"):
        pixel_hash(Image.new("RGBA", (2, 2)))


def test_the_pixel_hash_stays_as_it_is():
    """Keys of stores that are kept between versions contain it."""
    expected = hashlib.sha256(b"RGB 36x24\n" + PICTURE.tobytes()).hexdigest()
    assert pixel_hash(Image.fromarray(PICTURE)) == expected


def test_png_is_lossless():
    assert (np.asarray(Image.open(io.BytesIO(to_png(Image.fromarray(PICTURE))))) == PICTURE).all()


# --- what is no picture yet


LATENT = np.random.default_rng(7).normal(size=(4, 8, 8)).astype(np.float32)
UNIT = (PICTURE / 255).astype(np.float32)


class LowTensor(FakeTensor):
    """A tensor that knows its least value."""

    def min(self):
        return self.array.min()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (UNIT.transpose(2, 0, 1) * 2 - 1, "as in [-1, 1]: write (image / 2 + 0.5).clamp(0, 1)"),
        (UNIT.transpose(2, 0, 1) * 1.02 - 0.01, "just out of [0, 1]: write image.clamp(0, 1)"),
        (UNIT.transpose(2, 0, 1) * 255, "as in [0, 255]: write image / 255"),
        (UNIT.transpose(2, 0, 1) * np.nan, "NaN among its values"),
        (LATENT, "a latent, not a picture: decode it first"),
        (LATENT[None], "a latent, not a picture"),
        (np.concatenate([LATENT] * 4), "a latent, not a picture"),
        (LATENT.reshape(16, 16), "a latent, not a picture"),
        (PICTURE.transpose(2, 0, 1), "image.float() / 255"),
        (PICTURE, "image.permute(2, 0, 1).float() / 255"),
        (UNIT[None].transpose(0, 3, 1, 2), "pass image[0]"),
        (UNIT[None, None], "frames of a video: pass one frame, as (C, H, W)"),
        (UNIT[:, :, 0], "image.expand(3, -1, -1)"),
    ],
)
def test_a_tensor_that_is_no_picture_is_named_with_what_to_write(tensor, spool, monkeypatch, array, words):
    monkeypatch.setattr(sys.modules["torch"], "Tensor", LowTensor)
    with pytest.raises(TypeError) as caught:
        take(LowTensor(array), spool)
    assert words in str(caught.value)
    assert f"LowTensor of shape {array.shape}" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (UNIT * 2 - 1, "as in [-1, 1]: write (image / 2 + 0.5).clip(0, 1)"),
        (UNIT * 1.02 - 0.01, "just out of [0, 1]: write image.clip(0, 1)"),
        (UNIT * 255, "as in [0, 255]: write image / 255"),
        (LATENT, "a latent, not a picture"),
        (LATENT.transpose(1, 2, 0), "in 4 channels: a latent"),
        (PICTURE.astype(np.uint16) * 257, "16 bits: write (image >> 8).astype(np.uint8)"),
        (PICTURE.astype(np.uint16), "write image.astype(np.uint8)"),
        (PICTURE > 9, "write image.astype(np.uint8) * 255"),
        (PICTURE.astype(np.int64) - 300, "which are no picture's"),
        (UNIT[None, None], "frames of a video: pass one frame, as (H, W, 3)"),
        (PICTURE[:, :, 0], "np.stack([image] * 3, axis=-1)"),
        (PICTURE[:, :, :1], "np.stack([image[..., 0]] * 3, axis=-1)"),
        ([PICTURE], "pass its only element, images[0]"),
        (SimpleNamespace(frames=[[PICTURE]]), "pass one frame, such as output.frames[0][0]"),
        (SimpleNamespace(images=LATENT[None]), "a latent, not a picture"),
        (SimpleNamespace(__array__=None), "pass np.asarray(image)"),
    ],
)
def test_what_is_no_picture_yet_is_named_with_what_to_write(spool, value, words):
    with pytest.raises(TypeError) as caught:
        take(value, spool)
    assert words in str(caught.value)


def test_what_is_to_be_written_is_taken(spool):
    for value in ((UNIT * 2 - 1) / 2 + 0.5, (UNIT * 1.02 - 0.01).clip(0, 1), UNIT * 255 / 255):
        assert load(take(value.clip(0, 1), spool)).size == (36, 24)
    assert (pixels(take(((PICTURE.astype(np.uint16) * 257) >> 8).astype(np.uint8), spool)) == PICTURE).all()
    assert set(np.unique(pixels(take((PICTURE > 9).astype(np.uint8) * 255, spool)))) == {0, 255}


def test_what_a_pipeline_says_of_its_picture_goes_with_it(spool):
    image = Image.fromarray(PICTURE)
    for said in ([True], (True,), np.array([True]), True):
        assert take(SimpleNamespace(images=[image], nsfw_content_detected=said), spool).flagged
    assert take(SimpleNamespace(images=[image], nsfw_detected=[True]), spool).flagged
    for said in (None, [False], [None], np.array([False]), [], False):
        assert not take(SimpleNamespace(images=[image], nsfw_content_detected=said), spool).flagged


def test_several_threads_take_an_image_that_is_read_when_it_is_used(fox, tmp_path):
    """One source of many edits, from `Image.open`."""
    expected = pixel_hash(load(fox))
    for number in range(10):
        opened = Image.open(fox)
        barrier = threading.Barrier(4)

        def work(_, opened=opened, barrier=barrier, spool=tmp_path / str(number)):
            barrier.wait()
            return pixel_hash(load(take(opened, spool)))

        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(work, range(4))) == {expected}
