from __future__ import annotations

import pytest

from pytest_imagejudge.batch.scores import BenchScores
from pytest_imagejudge.scoring.verdict import FacetScore, Verdict, not_judged
from pytest_imagejudge.taxonomy import EDIT, FACETS, LEVEL1, FacetPath

NOISE = ("Quality", "Detail", "Noise")


@pytest.mark.parametrize("measures", [FACETS, (NOISE,)], ids=["all", "one facet"])
@pytest.mark.parametrize("asked", [LEVEL1, ("Quality",), ("Aesthetics", "Quality"), (), (EDIT,)])
def test_a_row_that_was_lost_counts_as_its_verdict_would(
    measures: tuple[FacetPath, ...], asked: tuple[str, ...]
) -> None:
    """Rows that can't be judged are counted without making a verdict of each."""
    judged = Verdict("a fox", level3={NOISE: FacetScore(1, "")}, asked=("Quality",), has_total=len(measures) > 1)
    by_row, by_verdict = BenchScores(measures), BenchScores(measures)
    lost = not_judged("edit" if asked == (EDIT,) else "image", "", "no such file", asked=asked)
    for _ in range(2):  # figures may be read in between
        by_row.lose(asked)
        by_row.add(judged)
        by_verdict.add(lost)
        by_verdict.add(judged)
        assert by_row.left_out() == by_verdict.left_out()
        assert by_row.published() == by_verdict.published()
        assert by_row.rows() == by_verdict.rows()
