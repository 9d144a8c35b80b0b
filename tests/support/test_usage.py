"""Counts of tokens."""

from pytest_imagejudge.support.usage import Usage


def test_counts_are_added():
    usage = Usage(10, None, 3)
    usage.add(Usage(5, 2, 1, 1))
    assert usage == Usage(15, 2, 4, 1)
    assert usage.tokens == 19


def test_cached_tokens_that_nobody_told_stay_unknown():
    usage = Usage()
    usage.add(Usage(5, None, 1))
    assert usage.cached_prompt_tokens is None
