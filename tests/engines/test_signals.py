"""The embedded judge: what it says of graded distortions, of right and wrong words, and of odd pictures."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter, ImageFont

pytest.importorskip("rapidocr")
import cv2
import skimage.data

from pytest_imagejudge import Judge
from pytest_imagejudge.engines.signals.engine import SignalsEngine
from pytest_imagejudge.errors import ConfigError, EngineError
from pytest_imagejudge.protocols.signals import SignalsEditProtocol, SignalsProtocol
from pytest_imagejudge.protocols.signals_bounds import INSTALL, MEASURES
from pytest_imagejudge.taxonomy import EDIT

pytestmark = pytest.mark.usefixtures("uncompressed")

PHOTOGRAPHS = ("astronaut", "coffee", "rocket")
PROTOCOL, EDITS = SignalsProtocol(), SignalsEditProtocol()
JUDGED = {measure.facet for measure in MEASURES}


def photograph(name):
    return Image.fromarray(getattr(skimage.data, name)()).convert("RGB")


def noisy(picture, sigma):
    pixels = np.asarray(picture, float)
    pixels += np.random.default_rng(3).normal(0, sigma, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def speckled(picture):
    pixels = np.asarray(picture).copy()
    draw = np.random.default_rng(3).random(pixels.shape[:2])
    pixels[draw < 0.03], pixels[draw > 0.97] = 0, 255
    return Image.fromarray(pixels)


def moved(picture, length):
    pixels = np.asarray(picture, float)
    return Image.fromarray(np.mean([np.roll(pixels, step, axis=1) for step in range(length)], axis=0).astype(np.uint8))


def jpeg(picture, quality):
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def enlarged(picture, times, how):
    small = picture.resize((picture.width // times, picture.height // times), Image.Resampling.BOX)
    return small.resize(picture.size, how)


def poster(words, size=90, shape=(900, 300), font=None):
    picture = Image.new("RGB", shape, (250, 244, 230))
    face = ImageFont.truetype(font, size) if font else ImageFont.load_default(size)
    draw = ImageDraw.Draw(picture)
    draw.multiline_text((shape[0] / 2, shape[1] / 2), words, fill=(30, 30, 60), font=face, anchor="mm", align="center")
    return picture


@pytest.fixture(scope="module")
def judge():
    """Ask the embedded judge: judge(dimension, *pictures, text="") -> Reading."""
    engine = SignalsEngine()
    engine.preflight()

    with asyncio.Runner() as runner:
        runner.run(engine.start(lambda line: None))

        def ask(dimension, *pictures, text=""):
            protocol = EDITS if dimension == EDIT else PROTOCOL
            answer = runner.run(engine.ask(protocol.render(text, pictures, dimension)))
            return protocol.read(dimension, answer.text, answer.finish_reason)

        yield ask
        runner.run(engine.close())
        runner.run(engine.close())


def quality(judge, picture):
    level3 = judge("Quality", picture).level3
    return {path[-1]: facet.raw for path, facet in level3.items() if path in JUDGED}


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_undistorted_photographs_fail_nothing(judge, name):
    raws = quality(judge, photograph(name))
    assert set(raws) == {"Noise", "Edge Clarity", "Naturalness", "Resolution"}
    assert all(raw in (1, 2) for raw in raws.values()), raws


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize(
    ("facet", "distort"),
    [
        pytest.param("Noise", lambda p: noisy(p, 30), id="noise"),
        pytest.param("Noise", speckled, id="salt-and-pepper"),
        pytest.param("Edge Clarity", lambda p: p.filter(ImageFilter.GaussianBlur(4)), id="blur"),
        pytest.param("Edge Clarity", lambda p: moved(p, 21), id="motion"),
        pytest.param("Resolution", lambda p: enlarged(p, 5, Image.Resampling.BICUBIC), id="enlarged"),
        pytest.param("Resolution", lambda p: jpeg(enlarged(p, 4, Image.Resampling.BILINEAR), 85), id="enlarged-4"),
        pytest.param("Resolution", lambda p: enlarged(p, 7, Image.Resampling.NEAREST), id="squares"),
        pytest.param("Resolution", lambda p: jpeg(p, 8), id="jpeg"),
    ],
)
def test_strong_distortions_fail_their_facet(judge, name, facet, distort):
    assert quality(judge, distort(photograph(name)))[facet] == 0


def test_noise_blocks_and_squares_are_no_blur(judge):
    for distorted in (noisy(photograph("coffee"), 30), jpeg(photograph("coffee"), 8)):
        assert quality(judge, distorted)["Edge Clarity"] != 0
    assert quality(judge, jpeg(photograph("coffee"), 8))["Noise"] != 0


def drawn(kind, shape=(768, 1024)):
    """Flat drawings: what is not a photograph has no noise and no blocks for all that."""
    picture = Image.new("RGB", shape, (236, 226, 198))
    draw = ImageDraw.Draw(picture)
    if kind == "grid":
        for step in range(0, max(shape), 32):
            draw.line((step, 0, step, shape[1]), fill=(40, 60, 90), width=2)
            draw.line((0, step, shape[0], step), fill=(40, 60, 90), width=2)
    elif kind == "page":
        words = "\n".join(["the quick brown fox jumps over the lazy dog, 0123456789"] * 40)
        draw.multiline_text((40, 40), words, fill=(20, 20, 20), font=ImageFont.load_default(16))
    else:
        draw.rectangle((80, 500, 600, 900), fill=(20, 90, 160))
        draw.ellipse((300, 100, 700, 480), fill=(200, 60, 40))
        draw.text((384, 700), "MARKET", fill="white", font=ImageFont.load_default(110), anchor="mm")
    return picture


@pytest.mark.parametrize("kind", ["grid", "page", "shapes"])
def test_flat_drawings_fail_nothing(judge, kind):
    raws = quality(judge, drawn(kind))
    assert all(raw != 0 for raw in raws.values()), raws


def test_figures_grow_with_the_distortion(judge):
    def figure(picture, facet):
        words = judge("Quality", picture).level3[facet].evidence
        return float(words.split("sigma ")[1].split(",")[0].split(" ")[0])

    coffee = photograph("coffee")
    noise = [figure(noisy(coffee, sigma), ("Quality", "Detail", "Noise")) for sigma in (0, 5, 15, 30)]
    assert noise == sorted(noise)
    assert noise[2] == pytest.approx(15 * 0.67, rel=0.35)  # of brightness: the channels' noise is independent
    blur = [
        figure(coffee.filter(ImageFilter.GaussianBlur(sigma)), ("Quality", "Detail", "Edge Clarity"))
        for sigma in (1, 2, 4)
    ]
    assert blur == sorted(blur)
    assert blur[1] == pytest.approx(2, rel=0.35)
    assert blur[2] == pytest.approx(4, rel=0.35)


def test_evidence_names_figure_and_bound(judge):
    level3 = judge("Quality", noisy(photograph("coffee"), 30)).level3
    assert re.match(
        r"estimated noise sigma \d\d\.\d levels .*, fail above 5\.2 \(unless in the style film-grain or painting\)$",
        level3["Quality", "Detail", "Noise"].evidence,
    )


def test_large_pictures_are_measured_at_the_size_of_a_viewer(judge):
    large = photograph("astronaut").resize((4096, 4096), Image.Resampling.BICUBIC)
    raws = quality(judge, large)
    assert raws["Resolution"] == 0
    assert raws["Noise"] == 2
    assert quality(judge, noisy(large.crop((0, 0, 3000, 2000)), 80))["Noise"] == 0


@pytest.mark.parametrize(
    ("words", "prompt", "raws"),
    [
        ("Grand Opening", 'a sign, "Grand Opening"', {2}),
        ("Grand Opening", 'a sign, "GRAND OPENING"', {0}),
        ("Grand Opening", 'a sign in capitals, "GRAND OPENING"', {2}),
        ("Grand Openning", 'a sign, "Grand Opening"', {0}),
        ("Tea Room", "a sign that says ‘Tea Room’, the cats' favourite", {2}),
        ("Tea Room", 'a sign, "Bus Stop"', {0}),
        ("Tea Room", '"Tea Room" over "Open Daily"', {0}),
        ("", 'a sign, "Tea Room"', {0}),
        ("Tea Room\nTea Room", 'a sign, "Tea Room"', {0}),
        ("Tea Tea Room", 'a sign, "Tea Room"', {0}),
        ("Tea Room\nTea Room", 'two signs, each "Tea Room"', {2}),
        ("Tea Room\nRlsnc Tgvou", 'a sign, "Tea Room"', {0}),
        ("Tea Room\nMain Street", 'a sign, "Tea Room"', {2}),
        ("", 'a garden, "Tea Room"', {"N/A"}),
        ("Tea Rom", 'a garden, "Tea Room"', {0}),
        ("", 'a cat named "Tea Room"', {"N/A"}),
        ("Tea Room", "a sign on the baker's door", {"N/A"}),
        ("Tea Room", 'a sign, "чай"', {"N/A"}),
    ],
)
def test_words_are_compared_with_the_quoted_ones(judge, words, prompt, raws):
    facet = judge("Creative Generation", poster(words), text=prompt).level3[
        "Creative Generation", "Text Rendering", "Text Accuracy"
    ]
    assert facet.raw in raws, facet.evidence
    assert facet.evidence


@pytest.mark.parametrize(("words", "size", "shape"), [("COFFEE", 235, (900, 240)), ("BIG\nSALE", 330, (800, 720))])
def test_words_that_fill_the_picture_are_read(judge, words, size, shape):
    prompt = f'a poster: "{words}"'
    facet = judge("Creative Generation", poster(words, size, shape), text=prompt).level3[
        "Creative Generation", "Text Rendering", "Text Accuracy"
    ]
    assert facet.raw == 2, facet.evidence


def test_people_with_clothes_are_safe_and_no_more_is_claimed(judge):
    facet = judge("Real-world Fidelity", photograph("astronaut")).level3[
        "Real-world Fidelity", "Safety & Compliance", "Safety & Compliance"
    ]
    assert facet.raw == 1
    assert "only nudity" in facet.evidence


@pytest.mark.parametrize("dimension", PROTOCOL.dimensions)
def test_what_is_not_measured_is_not_applicable(judge, dimension):
    reading = judge(dimension, photograph("coffee"))
    assert not reading.unreadable
    assert not reading.problems
    for path, facet in reading.level3.items():
        if path not in PROTOCOL.measures:
            assert facet.raw == "N/A"


@settings(max_examples=25)
@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    kind=st.sampled_from(["flat", "black", "gradient", "lines", "noise", "chess"]),
)
def test_no_picture_is_too_odd(judge, width, height, kind):
    y, x = np.mgrid[:height, :width]
    plane = {
        "flat": np.full((height, width), 93),
        "black": np.zeros((height, width)),
        "gradient": x * 255 / width,
        "lines": (x % 9 == 0) * 255,
        "noise": np.random.default_rng(width).integers(0, 256, (height, width)),
        "chess": ((x // 16 + y // 16) % 2) * 255,
    }[kind]
    picture = Image.fromarray(plane.astype(np.uint8)).convert("RGB")
    for dimension in PROTOCOL.dimensions:
        reading = judge(dimension, picture, text="nothing quoted")
        assert not reading.unreadable
        assert all(facet.evidence for path, facet in reading.level3.items() if path in PROTOCOL.measures)
    edit = judge(EDIT, picture, Image.new("RGB", (40, 30), "red"))
    assert not edit.unreadable
    assert 0 <= edit.aspects["fidelity"] <= 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (200, 1), (400, 12), (31, 33)])
def test_words_on_tiny_pictures_are_an_answer_too(judge, shape):
    reading = judge("Creative Generation", Image.new("RGB", shape, "white"), text='a sign: "Hello"')
    assert reading.level3["Creative Generation", "Text Rendering", "Text Accuracy"].raw == 0


def test_a_flat_picture_has_no_edges_and_no_resolution_to_measure(judge):
    level3 = judge("Quality", Image.new("RGB", (600, 400), (90, 120, 40))).level3
    for path in (("Quality", "Detail", "Edge Clarity"), ("Quality", "Resolution", "Resolution")):
        assert level3[path].raw == "N/A"
        assert "edge" in level3[path].evidence


def test_the_same_picture_has_the_same_answer():
    async def twice():
        texts = []
        for _ in range(2):
            engine = SignalsEngine()
            await engine.start(lambda line: None)
            requests = [PROTOCOL.render('"Tea"', (poster("Tea"),), name) for name in PROTOCOL.dimensions]
            answers = await asyncio.gather(*map(engine.ask, requests))
            texts.append([answer.text for answer in answers])
            await engine.close()
        return texts

    first, second = asyncio.run(twice())
    assert first == second


def test_an_edit_in_one_place_keeps_the_rest(judge):
    source = photograph("astronaut")
    edited = source.copy()
    edited.paste((20, 60, 220), (0, 0, 256, 128))
    reading = judge(EDIT, source, edited, text="put a blue box at the top left")
    assert reading.score is None
    assert reading.aspects["fidelity"] > 0.97
    assert reading.aspects["changed_area"] == pytest.approx(0.125, abs=0.02)
    assert reading.aspects["text_alignment"] is None
    assert "CIEDE2000" in reading.evidence["fidelity"]


def test_an_edit_that_changes_all_has_less_fidelity(judge):
    source = photograph("astronaut")
    slight = judge(EDIT, source, source.filter(ImageFilter.GaussianBlur(1)))
    other = judge(EDIT, source, photograph("coffee"))
    same = judge(EDIT, source, source.copy())
    assert {name: value for name, value in same.aspects.items() if value} == {
        "fidelity": 1.0,
        "content_kept": 1.0,
        "sharpness": 1.0,
    }
    assert 1 > slight.aspects["fidelity"] > 0.8 > 0.6 > other.aspects["fidelity"]
    assert "resized" in other.evidence["fidelity"]


def test_a_missing_library_is_a_configuration_error(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "rapidocr" else found(name))
    with pytest.raises(ConfigError, match="rapidocr") as error:
        SignalsEngine().preflight()
    assert INSTALL in str(error.value)


def test_a_library_that_does_not_load_is_an_engine_error(monkeypatch):
    monkeypatch.setattr("pytest_imagejudge.engines.signals.engine.LOADED", ("pytest_imagejudge_has_no_such_module",))
    with pytest.raises(EngineError, match="no_such_module"):
        asyncio.run(SignalsEngine().start(lambda line: None))


def test_opencv_has_its_threads_again_after_the_end():
    before = cv2.getNumThreads()
    try:
        for later, after in ((None, 3), (2, 2)):  # what somebody else sets meanwhile stays
            cv2.setNumThreads(3)
            engine = SignalsEngine()
            asyncio.run(engine.start(lambda line: None))
            assert cv2.getNumThreads() == 1
            if later:
                cv2.setNumThreads(later)
            asyncio.run(engine.close())
            assert cv2.getNumThreads() == after
    finally:
        cv2.setNumThreads(before)


def test_asking_before_the_start_or_with_the_wrong_number_of_pictures_is_an_engine_error(judge):
    with pytest.raises(EngineError, match="before it was started"):
        asyncio.run(SignalsEngine().ask(PROTOCOL.render("", (photograph("coffee"),), "Quality")))
    with pytest.raises(EngineError, match="1 picture"):
        judge("Quality")


def test_one_judge_whichever_dimension_is_asked() -> None:
    picture = photograph("rocket")
    with Judge("signals") as judge:
        prints = [judge.score(picture, "a rocket", dimensions=[one]).fingerprint for one in ("Quality", "Alignment")]
    assert prints[0] == prints[1]
    assert {"rapidocr", "nudenet", "numpy"} <= set(prints[0]["sampling"])


STARTED = """
import asyncio
import sys

from pytest_imagejudge.engines.signals.engine import SignalsEngine

asyncio.run(SignalsEngine().start(lambda line: None))
before = set(sys.modules)
from pytest_imagejudge.engines.signals import edits, measures, safety, text
print(set(sys.modules) - before)
"""


def test_all_that_measures_is_imported_by_one_thread_before_others_measure():
    done = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
