"""A model that ends at inner values gives those of the whole one, and runs nothing else."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("nudenet")

from pytest_imagejudge.engines.signals import safety
from pytest_imagejudge.engines.signals.onnx_parts import ending_at


def run(model, blob):
    session = safety._started(model)
    return session.run(None, {session.get_inputs()[0].name: blob})


def test_the_values_are_those_of_the_whole_model():
    model = safety._model().read_bytes()
    part = ending_at(model, safety._SCORES)
    blob = np.random.default_rng(3).random((1, 3, 320, 320), np.float32)
    ends = np.concatenate([values.reshape(18, -1) for values in run(part, blob)], axis=1)
    (whole,) = run(model, blob)
    assert 1 / (1 + np.exp(-ends)) == pytest.approx(whole[0, 4:], abs=1e-6)


def test_what_the_values_do_not_need_is_left_out():
    model = safety._model().read_bytes()
    part = ending_at(model, safety._SCORES)
    for name, stays in ((b"model.22.cv3.0.0.conv.weight", True), (b"model.22.cv2.0.0.conv.weight", False)):
        assert name in model
        assert (name in part) is stays
    assert len(part) < len(model) - 1_000_000


def test_a_model_without_such_values_has_no_such_part():
    model = safety._model().read_bytes()
    assert ending_at(model, (*safety._SCORES, "another")) is None
