"""The tree: 5, 23, 56."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.inputs.metadata import parse_facets
from pytest_imagejudge.taxonomy import (
    EDIT_SCORE,
    FACETS,
    LEVEL1,
    LEVEL2,
    PATHS,
    TOTAL,
    TREE,
    check_dimensions,
    check_path,
    facets_of,
    from_written,
    nearest,
    show,
    written,
)

METADATA = Path(__file__).parents[1] / "../shared/reference/bench_metadata.json"


def test_counts():
    assert (len(LEVEL1), len(LEVEL2), len(FACETS)) == (5, 23, 56)
    assert len(set(FACETS)) == 56
    assert len(PATHS) == 5 + 23 + 56
    assert facets_of(()) == FACETS
    assert sum(len(facets_of((one,))) for one in LEVEL1) == 56


def test_names_with_a_separator_and_the_name_that_stands_twice():
    assert ("Alignment", "Relations", "Difference/Similarity") in FACETS
    assert ("Creative Generation", "Visual Storytelling", "Camera / Lens Style") in FACETS
    assert [path for path in FACETS if path[2] == "Composition"] == [
        ("Aesthetics", "Composition", "Composition"),
        ("Creative Generation", "Visual Storytelling", "Composition"),
    ]


@pytest.mark.skipif(not METADATA.is_file(), reason="bench_metadata.json is not there")
def test_the_tree_is_that_of_the_published_metadata():
    rows = json.loads(METADATA.read_text(encoding="utf-8"))
    assert len(rows) == 1000
    seen = set()
    for row in rows:
        seen.update(parse_facets(row["dims_en"]))
    assert seen <= set(FACETS)
    assert {path[0] for path in seen} == set(LEVEL1)
    assert {path[:2] for path in seen} == set(LEVEL2)
    assert seen == set(FACETS)


@given(st.sampled_from(sorted(PATHS)))
def test_every_path_is_known_and_found_in_text(path):
    assert check_path(list(path)) == path
    assert parse_facets(show(path)) == (path,)
    assert all(facet[: len(path)] == path for facet in facets_of(path))


@given(st.lists(st.text(max_size=12), max_size=5))
def test_what_is_not_in_the_tree_is_refused(names):
    if tuple(names) in PATHS:
        return
    with pytest.raises(KeyError):
        check_path(names)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (("Qualty",), ["Qualty", 'did you mean "Quality"', "Aesthetics"]),
        (("Quality", "Detial"), ["Quality has no", 'did you mean "Detail"', "Realism"]),
        (("Quality", "Detail", "noise"), ['did you mean "Noise"', "Edge Clarity"]),
        (("Quality", "Lighting"), ["Quality has no", "Realism"]),
        (("Quality", "Noise"), ["Quality / Detail / Noise"]),
        (("Realsm",), ['did you mean "Quality / Realism"', "Aesthetics"]),
        (("quality/detail",), ["apart", "'Quality', 'Detail'"]),
        (("Alignment / Relations / Difference/Similarity",), ["'Alignment', 'Relations', 'Difference/Similarity'"]),
        ((), ["one to three"]),
        (("Quality", "Detail", "Noise", "More"), ["not 4"]),
    ],
)
def test_errors_name_the_part_and_the_nearest(path, words):
    with pytest.raises(KeyError) as caught:
        check_path(path)
    for word in words:
        assert word in caught.value.args[0]


@given(st.lists(st.sampled_from(LEVEL1), min_size=1))
def test_dimensions_come_in_the_order_of_the_tree_and_once(names):
    assert check_dimensions(names) == tuple(one for one in TREE if one in names)


def test_no_dimension_is_an_error():
    with pytest.raises(KeyError, match="no dimension is named"):
        check_dimensions([])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Qualty", r'no dimension "Qualty" \(did you mean "Quality"\?\); L1: Quality, Aesthetics, Alignment'),
        ("Sharpness", r'no dimension "Sharpness"; L1: Quality'),  # and not a facet that sounds alike
        ("Noise", r'"Noise" is no dimension but a part of one, which is asked whole: Quality$'),
        ("Composition", "asked whole: Aesthetics or Creative Generation$"),
    ],
)
def test_what_is_no_dimension_names_one(name, words):
    with pytest.raises(KeyError) as caught:
        check_dimensions([name])
    assert re.search(words, caught.value.args[0])


def test_nearest():
    assert nearest("quality", LEVEL1) == ' (did you mean "Quality"?)'
    assert nearest("zzzzzzzz", LEVEL1) == ""
    assert nearest("", LEVEL1) == ""
    assert show(()) == "total"


@given(st.lists(st.sampled_from(sorted({name for path in PATHS for name in path})), max_size=3))
def test_a_path_is_read_back_as_it_was_written(names):
    path = tuple(names)
    assert from_written(written(path)) == path
    assert written(path) == (names or ["total"])


def test_the_total_is_above_all_dimensions():
    assert from_written(["total"]) == from_written([]) == TOTAL
    assert all(path[: len(TOTAL)] == TOTAL for path in PATHS)
    assert TOTAL not in PATHS
    assert EDIT_SCORE not in PATHS
