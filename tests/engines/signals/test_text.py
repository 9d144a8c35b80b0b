"""When the OCR is asked, and what is said of what it read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

pytest.importorskip("rapidocr")

from pytest_imagejudge.engines.signals import ocr, text
from pytest_imagejudge.engines.signals.ocr import Line


@pytest.fixture
def page(monkeypatch):
    """Let the OCR read lines: page({side: [words, ...]}) returns the sides that it was asked for."""

    def put(by_side, height=60.0):
        asked = []

        def read(picture, side):
            asked.append(side)
            return [
                Line(
                    words,
                    (0.99,) * len(words),
                    (50.0, 100.0 * row, 50.0 + 30 * len(words), 100.0 * row + height),
                    height,
                )
                for row, words in enumerate(by_side.get(side, []))
            ]

        monkeypatch.setattr(text, "read", read)
        return asked

    return put


def picture(side=1024):
    return Image.new("RGB", (side, side // 2), "white")


def test_without_text_to_read_the_ocr_is_not_asked(page):
    asked = page({})
    facet = text.measure(picture(), 'a village in the style of "Starry Night"')
    assert (facet.raw, asked) == ("N/A", [])
    assert "'Starry Night' (style of)" in facet.evidence
    assert "write: the words 'Starry Night'" in facet.evidence


def test_what_is_found_at_once_is_not_looked_for_again(page):
    asked = page({480: ["Tea Room"]})
    facet = text.measure(picture(), 'a sign that says "Tea Room"')
    assert (facet.raw, asked) == (2, [480])
    assert facet.evidence.endswith("taken for text: 'Tea Room' (says)")


def test_beside_small_letters_there_is_a_second_look(page):
    asked = page({480: ["Tea Room"], 960: ["Tea Room", "Tea Room"]}, height=30.0)
    assert text.measure(picture(), 'a sign that says "Tea Room"').raw == 0
    assert asked == [480, 960]


def test_what_is_misspelt_is_read_twice_and_what_is_missing_at_each_size(page):
    asked = page({480: ["Tea Rom"], 960: ["Tea Rom"]})
    assert text.measure(picture(), 'a sign that says "Tea Room"').raw == 0
    assert asked == [480, 960]
    asked = page({})
    facet = text.measure(picture(2048), 'a sign that says "Tea Room"')
    assert (facet.raw, asked) == (0, [480, 960, 240, 1600])
    assert "read nothing" in facet.evidence


def test_a_second_reading_that_is_right_counts(page):
    page({480: ["Tea Rom"], 960: ["Tea Room"]})
    assert text.measure(picture(), 'a sign that says "Tea Room"').raw == 2


def test_a_part_that_may_be_text_is_judged_where_something_like_it_is_read(page):
    prompt = 'a quiet lake, "Serenity"'
    page({480: ["Serenity"]})
    assert text.measure(picture(), prompt).raw == 2
    page({480: ["Seranity"], 960: ["Seranity"]})
    assert text.measure(picture(), prompt).raw == 0
    page({480: ["Exit"], 960: ["Exit"]})
    facet = text.measure(picture(), prompt)
    assert facet.raw == "N/A"
    assert "not taken for text: 'Serenity'" in facet.evidence


def test_where_one_of_two_such_parts_is_read_the_other_is_missing(page):
    page({480: ["Tea Room"], 960: ["Tea Room"]})
    facet = text.measure(picture(), '"Tea Room" over "Open Daily"')
    assert facet.raw == 0
    assert "Open Daily" in facet.evidence


def test_each_fault_is_named_with_its_figure_and_bound(page):
    page({480: ["TEA ROOM", "TEA ROOM"], 960: ["TEA ROOM", "TEA ROOM"]})
    evidence = text.measure(picture(), 'a sign that says "Tea Room"').evidence
    assert "letters in the other case: 4 ('TEA ROOM' for 'Tea Room'), fail above 0.5" in evidence
    assert "words or lines that stand twice: 1 (Tea Room), fail above 0.5" in evidence


@pytest.mark.parametrize(
    ("rival", "raw", "evidence"),
    [
        (("问", 0.21), 0, "'间' may be the look-alike '问': 0.21, fail above 0.2"),
        (("问", 0.19), 1, "'间' may be the look-alike '问': 0.19"),
        (("問", 0.4), 1, "doubt 0.40 about '间', which may be a look-alike"),
        (("问", 0.05), 2, "likeness 1.00"),
    ],
)
def test_a_chinese_sign_of_which_another_is_likely_too_is_wrong(monkeypatch, rival, raw, evidence):
    trust = (1.0, 1.0, 1.0, 1 - rival[1])
    others = (("", 0.0), ("", 0.0), ("", 0.0), rival)
    line = Line("营业时间", trust, (50.0, 100.0, 290.0, 160.0), 60.0, others)
    monkeypatch.setattr(text, "read", lambda picture, side: [line])
    facet = text.measure(picture(), 'a sign that says "营业时间"')
    assert facet.raw == raw
    assert evidence in facet.evidence


@pytest.mark.parametrize(
    ("first", "rivals"),
    [([0.1, 0.6, 0.2, 0.1], [("大", 0.2), ("", 0.25)]), ([0.0, 0.9, 0.1, 0.0], [("", 0.0), ("", 0.0)])],
)
def test_the_decoder_keeps_the_second_choice_for_each_sign_in_a_line_in_doubt(first, rivals):
    shares = np.array([[first, [0, 0.95, 0, 0.05], [0.75, 0.25, 0, 0], [0.25, 0, 0.75, 0]]], np.float32)

    class Decoder:
        character = ("blank", "天", "大", "夫")

        def __call__(self, given, words):
            assert given is shares
            return ["天大"], [SimpleNamespace(confs=[first[1], 0.75 if first[1] < 0.9 else 0.95])]

    decode = ocr._WithRivals(Decoder())
    lines, (words,) = decode(shares, words=True)
    assert lines == ["天大"]
    assert words.rivals == [(sign, pytest.approx(share)) for sign, share in rivals]
    assert decode.character == Decoder.character


def test_all_threads_share_one_ocr(monkeypatch):
    drawn = picture()
    ImageDraw.Draw(drawn).text((512, 256), "Tea Room", fill="black", font=ImageFont.load_default(90), anchor="mm")
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda side: ocr.read(drawn, side), [480, 480, 480]))
    assert [[line.text for line in lines] for lines in found] == [["Tea Room"]] * 3
    assert len(ocr._reader) == 1
    assert found[0] == found[1] == found[2]
    (line,) = found[0]
    assert len(line.rivals) == len(line.text)
    assert all(0 <= share <= 1 - trust + 1e-3 for (_, share), trust in zip(line.rivals, line.trust, strict=True))
