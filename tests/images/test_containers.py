"""What the container says and the decoder does not: refused by name, before anything is decoded."""

import io
import struct
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from pytest_imagejudge.errors import ImageError
from pytest_imagejudge.images.av1_header import transfer_of
from pytest_imagejudge.images.containers import boxes, read_header, tiff_kind
from pytest_imagejudge.images.intake import take
from pytest_imagejudge.images.jxl_header import JxlHeader, read_jxl_header
from pytest_imagejudge.images.loading import load

PICTURE = np.random.default_rng(7).integers(0, 256, (24, 36, 3), dtype=np.uint8)
avif = pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def refused(folder, data, *words):
    path = folder / "fox.img"
    path.write_bytes(data)
    with pytest.raises(ImageError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    for word in words:
        assert word in message
    assert "\n" not in message
    return message


# --- JPEG 2000


def deeper(data, depth):
    """A JPEG 2000 file whose header says that its channels have so many bits."""
    data = bytearray(data)
    place = data.index(b"\xff\x4f\xff\x51") + 40
    for channel in range(struct.unpack_from(">H", data, place)[0]):
        data[place + 2 + 3 * channel] = depth - 1
    return bytes(data)


@pytest.mark.parametrize("boxed", [True, False])
@pytest.mark.parametrize(("mode", "kind"), [("RGB", "colour"), ("RGBA", "colour"), ("LA", "grey")])
def test_deep_jpeg_2000_is_refused(tmp_path, boxed, mode, kind):
    data = encoded(Image.fromarray(PICTURE).convert(mode), "JPEG2000", no_jp2=not boxed)
    (tmp_path / "fine.jp2").write_bytes(data)
    load(tmp_path / "fine.jp2")
    refused(tmp_path, deeper(data, 12), f"JPEG 2000 in {kind} of 12 bits a channel", "8-bit PNG")


def test_deep_jpeg_2000_of_one_channel_is_read(tmp_path):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, 0)
    (tmp_path / "deep.jp2").write_bytes(encoded(Image.fromarray(ramp), "JPEG2000"))
    assert (np.asarray(load(tmp_path / "deep.jp2"))[:, :, 0] == ramp >> 8).all()


# --- AVIF and HEIF


def box(kind, *content):
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def nclx(transfer):
    return box(b"colr", b"nclx", struct.pack(">HHHB", 9, transfer, 9, 0x80))


def meta(*properties, primary=1, of_primary=(1,)):
    """A meta box with one property a position, and which of them are the primary item's."""
    associations = box(b"ipma", bytes(4), struct.pack(">I", 2), struct.pack(">HB", 7, 1), b"\x02",
                       struct.pack(">HB", 1, len(of_primary)), bytes(of_primary))  # fmt: skip
    pitm = box(b"pitm", bytes(4), struct.pack(">H", primary))
    return box(b"meta", bytes(4), pitm, box(b"iprp", box(b"ipco", *properties), associations))


FTYP = box(b"ftyp", b"avif", bytes(4), b"avifmif1")


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
@pytest.mark.parametrize("brand", [b"avif", b"mif1", b"heic"])
def test_hdr_codes_are_refused(tmp_path, transfer, name, brand):
    ftyp = box(b"ftyp", brand, bytes(4), brand)
    refused(tmp_path, ftyp + meta(nclx(transfer)), "not sRGB", name, "8-bit PNG")


def test_hdr_codes_of_another_item_do_not_count():
    data = FTYP + meta(nclx(13), nclx(16), of_primary=(1,))  # as of a gain map
    assert not read_header(io.BytesIO(data)).refused
    data = FTYP + meta(nclx(13), nclx(16), of_primary=(0x81, 2))
    assert "PQ" in read_header(io.BytesIO(data)).refused
    alone = FTYP + box(b"meta", bytes(4), box(b"iprp", box(b"ipco", nclx(16))))
    assert "PQ" in read_header(io.BytesIO(alone)).refused  # it says of none whose it is


def test_hdr_codes_of_a_sequence():
    entry = box(b"av01", bytes(78), nclx(18))
    table = box(b"stsd", bytes(8), entry)
    moov = box(b"moov", box(b"mvhd", bytes(4)), box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", table)))))
    assert "HLG" in read_header(io.BytesIO(FTYP + moov)).refused


@avif
def test_avif_as_pillow_writes_it(tmp_path):
    data = encoded(Image.fromarray(PICTURE), "AVIF", quality=100)
    path = tmp_path / "fox.avif"
    path.write_bytes(data)
    assert load(path).size == (36, 24)
    place = data.index(b"colrnclx") + 10
    marked = data[:place] + struct.pack(">H", 16) + data[place + 2 :]
    refused(tmp_path, marked, "PQ")
    with pytest.raises(ImageError, match="PQ"):  # an image that was opened by the caller, too
        take(Image.open(io.BytesIO(marked)), tmp_path / "spool")
    opened = Image.open(io.BytesIO(data))
    assert load(take(opened, tmp_path / "spool")).tobytes() == load(path).tobytes()


@avif
def test_avif_without_marks_of_its_own_is_as_its_stream_says(tmp_path):
    data = encoded(Image.fromarray(PICTURE), "AVIF", quality=100)
    assert transfer_of(data[data.index(b"mdat") + 4 :]) == 13
    unmarked = data.replace(b"colrnclx", b"freenclx")
    assert not read_header(io.BytesIO(unmarked)).refused
    place = unmarked.index(b"mdat") + 4  # a stream whose header has PQ in the place of what is there
    refused(tmp_path, unmarked[:place] + stream(16) + unmarked[place + len(stream(16)) :], "PQ")


def stream(transfer):
    """The sequence header of a still picture of AV1, as short as it can be."""
    bits = "00011000000101010010001110111000000001"
    bits += f"{9:08b}{transfer:08b}{9:08b}"
    bits += "0" * (-len(bits) % 8)
    header = int(bits, 2).to_bytes(len(bits) // 8)
    return bytes([1 << 3 | 2, len(header)]) + header


def test_the_header_of_an_av1_stream():
    assert transfer_of(stream(16)) == 16
    assert transfer_of(b"\x12\x00" + stream(18)) == 18  # behind a delimiter
    assert transfer_of(stream(16)[:4]) is None
    assert transfer_of(b"") is None


def test_png_with_hdr_codes(tmp_path):
    data = encoded(Image.fromarray(PICTURE), "PNG")

    def marked(transfer):
        chunk = b"cICP" + bytes([9, transfer, 0, 1])
        return data[:33] + struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]

    refused(tmp_path, marked(16), "PQ")
    (tmp_path / "srgb.png").write_bytes(marked(13))
    assert (np.asarray(load(tmp_path / "srgb.png")) == PICTURE).all()
    opened = Image.open(io.BytesIO(marked(13)))
    assert (np.asarray(load(take(opened, tmp_path / "spool"))) == PICTURE).all()
    with pytest.raises(ImageError, match="PQ"):
        take(Image.open(io.BytesIO(marked(16))), tmp_path / "spool")


# --- JPEG XL


class Bits:
    """Writes bits, the lowest of each byte first."""

    def __init__(self):
        self.value = self.count = 0

    def put(self, value, count):
        self.value |= value << self.count
        self.count += count
        return self

    def data(self):
        return b"\xff\x0a" + self.value.to_bytes((self.count + 7) // 8, "little")


def jxl(*, animated=False, bits=8, alpha=False, grey=False, transfer=13):
    """The header of a picture of 16 x 8."""
    out = Bits().put(1, 1).put(0, 5).put(0, 3).put(1, 5).put(0, 1)
    out.put(animated, 1)
    if animated:
        out.put(0, 3).put(0, 2).put(1, 1)  # orientation, no size of its own and no preview
        out.put(0, 2).put(0, 2).put(0, 2).put(0, 1)
    out.put(0, 1)
    out.put(0, 2) if bits == 8 else out.put(3, 2).put(bits - 1, 6)
    out.put(1, 1)
    out.put(1, 2).put(1, 1) if alpha else out.put(0, 2)
    out.put(0, 1)  # XYB
    out.put(0, 1).put(0, 1).put(1 if grey else 0, 2).put(1, 2)  # not as usual, no profile, space, white point
    if not grey:
        out.put(1, 2)
    out.put(0, 1)
    out.put(2, 2).put(transfer - 2, 4) if transfer < 18 else out.put(3, 2).put(transfer - 18, 6)
    out.put(0, 64)
    return out.data()


def test_the_header_of_a_jpeg_xl():
    assert read_jxl_header(jxl()) == JxlHeader((16, 8))
    assert read_jxl_header(jxl(animated=True)).animated
    assert read_jxl_header(jxl(bits=16, grey=True, alpha=True)) == JxlHeader((16, 8), bits=16, grey=True, alpha=True)
    assert read_jxl_header(jxl(transfer=16)).transfer == 16
    assert read_jxl_header(jxl()[:4]) is None
    assert read_jxl_header(b"\xff\xd8") is None


@pytest.mark.parametrize("boxed", [None, b"jxlc", b"jxlp"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"animated": True}, "an animated JPEG XL"),
        ({"grey": True, "alpha": True, "bits": 16}, "JPEG XL in grey and alpha of 16 bits"),
        ({"transfer": 16}, "PQ"),
        ({"transfer": 18, "grey": True}, "HLG"),
    ],
)
def test_jpeg_xl_that_its_decoder_gets_wrong(tmp_path, boxed, options, words):
    data = jxl(**options)
    if boxed:
        data = b"\0\0\0\x0cJXL \r\n\x87\n" + box(boxed, bytes(4) if boxed == b"jxlp" else b"", data)
    refused(tmp_path, data, words)


def test_the_size_of_a_jpeg_xl_is_checked_before_it_is_decoded(tmp_path):
    huge = Bits().put(0, 1).put(3, 2).put(2**30 - 1, 30).put(1, 3).put(1, 1).put(0, 64).data()
    refused(tmp_path, huge, "1073741824x1073741824", "judge_max_pixels")
    refused(tmp_path, b"\xff\x0a\x00", "has no readable header")


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_jpeg_xl_where_its_plugin_is_installed(tmp_path, mode):
    pytest.importorskip("pillow_jxl")
    image = Image.fromarray(PICTURE).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) << 8)
    path = tmp_path / "fox.jxl"
    exif = Image.Exif()
    exif[0x0112] = 6  # which viewers of JPEG XL leave aside
    image.save(path, "JXL", lossless=True, exif=exif.tobytes())
    expected = PICTURE if mode.startswith("RGB") else np.asarray(Image.fromarray(PICTURE).convert("L").convert("RGB"))
    assert (np.asarray(load(path)) == expected).all()


def test_heic_where_its_plugin_is_installed(tmp_path):
    plugin = pytest.importorskip("pillow_heif")
    path = tmp_path / "fox.heic"
    smooth = Image.fromarray(PICTURE).resize((8, 6)).resize((96, 64), Image.Resampling.BICUBIC)
    plugin.from_pillow(smooth).save(path, quality=95)
    assert np.abs(np.asarray(load(path)).astype(int) - np.asarray(smooth)).mean() < 8


@pytest.mark.parametrize(
    ("module", "format", "data", "words"),
    [
        (
            "pillow_heif",
            "HEIF",
            b"\0\0\0\x18ftypheic\0\0\0\0heic\0\0\0\0",
            "HEIF, which Pillow reads only with a plugin",
        ),
        ("pillow_jxl", "JXL", jxl(), "JPEG XL, which Pillow reads only with a plugin such as pillow-jxl-plugin"),
    ],
)
def test_without_their_plugins_they_are_named(tmp_path, monkeypatch, module, format, data, words):  # noqa: A002
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(Image.OPEN, format, raising=False)
    refused(tmp_path, data, words)


# --- TIFF, and what is no picture


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_that_pillow_does_not_read_is_not_called_damaged(tmp_path, order):
    def tag(number, kind, count, value):
        return struct.pack(order + "HHI", number, kind, count) + (
            struct.pack(order + "HH", value, 0) if kind == 3 and count == 1 else struct.pack(order + "I", value)
        )

    tags = [
        (256, 3, 1, 2), (257, 3, 1, 1), (258, 3, 3, 134), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 146),
        (277, 3, 1, 3), (278, 3, 1, 1), (279, 4, 1, 24), (339, 3, 3, 140),
    ]  # fmt: skip
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(tags))
    data = start + b"".join(tag(*one) for one in tags) + bytes(4)
    data += struct.pack(order + "3H", 32, 32, 32) + struct.pack(order + "3H", 3, 3, 3)
    data += struct.pack(order + "6f", 0, 0.5, 1, 1, 0.5, 0)
    message = refused(tmp_path, data, "a TIFF of 3 channels of 32 bits, floating point, which Pillow does not read")
    assert "damaged" not in message
    refused(tmp_path, data[:40], "damaged")


def test_a_video_is_named(tmp_path):
    refused(tmp_path, box(b"ftyp", b"isom", bytes(4), b"mp42") + box(b"mdat", bytes(8)), "a video")


# --- whatever the bytes are


STARTS = [FTYP, FTYP + meta(nclx(16))[:60], b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51", b"\xff\x0a", b"II*\0",
          b"MM\0*", b"\0\0\0\x0cJXL \r\n\x87\n", b"\x89PNG\r\n\x1a\n", b""]  # fmt: skip


@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=300))
def test_any_bytes_are_a_header_or_none(start, rest):
    handle = io.BytesIO(start + rest)
    header = read_header(handle)
    assert handle.tell() == 0
    assert isinstance(header.refused, str)
    assert isinstance(tiff_kind(handle), str)
    assert isinstance(transfer_of(rest), int | None)


@given(start=st.sampled_from([start for start in STARTS if b"JXL" not in start and start != b"\xff\x0a"]),
       rest=st.binary(max_size=120))  # fmt: skip
def test_any_bytes_are_an_image_error(start, rest, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "fox.img"
    path.write_bytes(start + rest)
    with pytest.raises(ImageError):
        load(path, max_pixels=10_000)


@given(data=st.data())
def test_damage_anywhere_in_boxes(data):
    whole = bytearray(FTYP + meta(nclx(13), nclx(16)))
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=6)):
        whole[place] = value
    read_header(io.BytesIO(whole[: data.draw(st.integers(0, len(whole)))]))


def test_boxes_end():
    endless = io.BytesIO(box(b"free") * 10_000)
    assert len(list(boxes(endless, 0))) == 4096
    nested = b""
    for _ in range(2000):
        nested = box(b"meta", bytes(4), nested)
    assert not read_header(io.BytesIO(FTYP + nested)).refused
    assert [one.kind for one in boxes(io.BytesIO(struct.pack(">I4sQ", 1, b"mdat", 16)), 0)] == [b"mdat"]
    assert [one.kind for one in boxes(io.BytesIO(struct.pack(">I4s", 0, b"mdat") + bytes(9)), 0)] == [b"mdat"]
    for wrong in (struct.pack(">I4s", 4, b"mdat"), struct.pack(">I4s", 99, b"mdat"), b"\0\0"):
        assert not list(boxes(io.BytesIO(wrong), 0))
