"""Work in several threads."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.support.threads import in_order


@given(st.lists(st.integers(), max_size=60))
def test_results_come_in_order(items):
    assert list(in_order(lambda item: item * 2, items)) == [item * 2 for item in items]


def test_several_at_once():
    both = threading.Barrier(2)  # of which one alone would wait for ever
    assert sorted(in_order(lambda _: both.wait(timeout=600), range(2))) == [0, 1]


def test_items_are_taken_only_a_few_ahead():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    results = in_order(lambda item: item, items())
    assert [next(results), next(results)] == [0, 1]
    assert len(taken) <= 17
    results.close()


def test_an_error_comes_in_its_place():
    results = in_order(lambda item: 1 // item, [1, 0, 1])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
