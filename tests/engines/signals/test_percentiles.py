"""Percentiles against numpy's."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_imagejudge.engines.signals.percentiles import percentile


@pytest.mark.parametrize("shape", [(1,), (2,), (21,), (650, 8), (38_000,)])
@pytest.mark.parametrize("percent", [0, 1, 10, 50, 95, 100])
def test_they_are_numpys(shape, percent):
    values = np.random.default_rng(len(shape)).gamma(2, 30, shape).astype(np.float32)
    assert percentile(values, percent) == pytest.approx(np.percentile(values, percent, axis=0), rel=1e-6)
