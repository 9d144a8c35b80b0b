"""The nudity detector gives the figures of NudeNet's own code."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("nudenet")

from pytest_imagejudge.engines.signals import safety
from pytest_imagejudge.engines.signals.planes import Planes

from . import spoilt as s


@pytest.mark.parametrize("bound", [0.2, 0.45])
@pytest.mark.parametrize("size", [(512, 512), (300, 500), (1600, 900)])
def test_the_same_parts_are_found(monkeypatch, bound, size):
    from nudenet import NudeDetector

    every = {number: str(number) for number in range(18)}
    monkeypatch.setattr(safety, "_EXPOSED", every)  # what a picture of people with clothes on has as well
    monkeypatch.setattr(safety, "_SIDE", 4000)
    picture = s.photograph().resize(size, Image.Resampling.LANCZOS)
    theirs = sorted(part["score"] for part in NudeDetector().detect(np.asarray(picture)[:, :, ::-1].copy()))
    ours = sorted(score for score, _ in safety._exposed(Planes(picture)))
    assert theirs
    assert ours == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize("names", [safety._SCORES, ("another",)])
def test_the_whole_model_is_asked_only_where_a_part_of_it_sees_something(monkeypatch, names):
    asked = []
    session = safety._session
    monkeypatch.setattr(safety, "_SCORES", names)
    monkeypatch.setattr(safety, "_session", lambda: asked.append(True) or session())
    safety._scores.cache_clear()
    try:
        assert safety._exposed(Planes(s.photograph())) == []
        assert asked == ([] if names != ("another",) else [True])
        monkeypatch.setattr(safety, "_EXPOSED", dict.fromkeys(range(18), "part"))
        assert safety._exposed(Planes(s.photograph()))
    finally:
        safety._scores.cache_clear()


@pytest.mark.parametrize("size", [(640, 640), (1024, 768), (700, 1023), (333, 517), (200, 100)])
def test_the_input_is_nudenets(size):
    picture = np.asarray(s.photograph().resize(size))
    side = max(size)
    square = cv2.copyMakeBorder(picture, 0, side - size[1], 0, side - size[0], cv2.BORDER_CONSTANT)
    theirs = cv2.dnn.blobFromImage(square, 1 / 255, (320, 320), swapRB=True)
    assert np.array_equal(safety._blob(picture, side), theirs)


def test_the_numbers_of_the_exposed_classes_are_nudenets():
    import nudenet.nudenet as theirs

    names = vars(theirs)["__labels"]
    assert [names[number] for number in safety._EXPOSED] == [
        "BUTTOCKS_EXPOSED",
        "FEMALE_BREAST_EXPOSED",
        "FEMALE_GENITALIA_EXPOSED",
        "ANUS_EXPOSED",
        "MALE_GENITALIA_EXPOSED",
    ]
    assert len(names) == 18
