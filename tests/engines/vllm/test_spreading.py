"""The copy of each image: all its requests at one, as even as the work allows, and a lost copy's images alone move."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.engines.vllm.spreading import SPARE, Spreading, ordered


def name(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


class Later:
    """The calls that are put off, made when a test says so."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def __call__(self, call: Callable[[], None]) -> None:
        self.calls.append(call)

    def pass_on(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()


def spreading(copies: int, each: int = 48) -> tuple[Spreading, Later, list[str]]:
    later, said = Later(), list[str]()
    found = Spreading(each, later, lambda: said.append("room"))
    found.set_copies(range(1, copies + 1))
    return found, later, said


@given(st.sets(st.integers(1, 64), min_size=2, max_size=8), st.integers(0, 10_000), st.data())
def test_a_picture_keeps_its_order_when_a_copy_is_lost(copies: set[int], picture: int, data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(sorted(copies)))
    before = ordered(name(picture), copies)
    assert ordered(name(picture), copies - {lost}) == [copy for copy in before if copy != lost]


def test_pictures_are_spread_evenly() -> None:
    firsts = Counter(ordered(name(number), range(1, 5))[0] for number in range(4000))
    assert all(850 < count < 1150 for count in firsts.values())


@given(st.integers(1, 8), st.lists(st.integers(0, 300), unique=True))
def test_all_images_at_once_are_spread_evenly(copies: int, images: list[int]) -> None:
    found, _, _ = spreading(copies, each=10_000)
    load = Counter(dict.fromkeys(range(1, copies + 1), 0))
    for image in images:
        chosen = found.enter(name(image), name(image))
        assert chosen is not None
        load[chosen] += 1
        assert max(load.values()) - min(load.values()) <= 1


def test_96_images_on_two_copies_are_48_and_48() -> None:
    found, _, _ = spreading(2)
    load = Counter(found.enter(name(image), name(image)) for image in range(96))
    assert load == {1: 48, 2: 48}


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=80), st.integers(1, 4))
def test_all_requests_of_an_image_in_flight_go_to_one_copy(steps: list[tuple[int, bool]], copies: int) -> None:
    found, later, _ = spreading(copies)
    at: dict[int, list[int]] = {}
    for image, enters in steps:
        if enters:
            chosen = found.enter(name(image), name(image % 3))
            assert chosen is not None
            assert set(at.get(image, [chosen])) == {chosen}
            at.setdefault(image, []).append(chosen)
        elif at.get(image):
            found.leave(name(image), at[image].pop())
            if not at[image]:
                del at[image]
                later.pass_on()


@given(st.integers(2, 6), st.integers(1, 200), st.data())
def test_only_the_images_of_a_lost_copy_move(copies: int, images: int, data: st.DataObject) -> None:
    found, _, _ = spreading(copies, each=10_000)
    before = {image: found.enter(name(image), name(image)) for image in range(images)}
    lost = data.draw(st.integers(1, copies))
    found.set_copies(set(range(1, copies + 1)) - {lost})
    after = {image: found.enter(name(image), name(image)) for image in range(images)}
    assert lost not in after.values()
    assert {image for image in before if before[image] != after[image]} == {
        image for image in before if before[image] == lost
    }


def test_between_primer_and_questions_an_image_keeps_its_copy_and_its_place() -> None:
    found, later, said = spreading(1, each=1)
    for image in range(1 + SPARE):
        assert found.enter(name(image), name(image)) == 1
    found.leave(name(0), 1)  # its primer
    assert found.enter(name(99), name(99)) is None
    assert found.enter(name(0), name(0)) == 1  # its question
    later.pass_on()
    assert found.enter(name(99), name(99)) is None
    said.clear()
    found.leave(name(0), 1)
    later.pass_on()
    assert said == ["room"]
    assert found.enter(name(99), name(99)) == 1


def test_images_wait_for_a_copy_that_comes_back() -> None:
    found, _, said = spreading(2, each=4)
    for image in range(8):
        found.enter(name(image), name(image))
    found.set_copies([1])
    placed = [image for image in range(8, 40) if found.enter(name(image), name(image)) == 1]
    assert len(placed) >= SPARE  # up to what fills a copy and some more
    assert found.enter(name(50), name(50)) is None
    said.clear()
    found.set_copies([1, 2])
    assert said == ["room"]
    assert found.enter(name(50), name(50)) == 2


def test_one_picture_with_many_prompts_is_not_left_to_one_copy() -> None:
    found, _, _ = spreading(2)
    load = Counter(found.enter(name(prompt), name(0)) for prompt in range(60))
    assert load == {1: 30, 2: 30}


def test_without_copies_everything_waits() -> None:
    found, _, _ = spreading(0)
    assert found.enter(name(1), name(1)) is None
    found.leave(name(1), 1)
