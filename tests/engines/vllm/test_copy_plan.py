"""How many copies of a judge there are and on which GPUs, by memory, by other judges, and by the images that wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.engines.vllm.copy_plan import CopyRoom, deserved, place_words
from pytest_imagejudge.engines.vllm.gpus import GIB, Gpu
from pytest_imagejudge.engines.vllm.placement import Placement
from pytest_imagejudge.settings import JudgeSettings
from tests.engines.vllm.test_placement import JUDGE, Computer, both
from tests.stand_in.vllm import checkpoint


def gpus(*memory: tuple[int | None, int | None]) -> tuple[Gpu, ...]:
    return tuple(
        Gpu(i, f"GPU-{i}", "Card", total and total * GIB, free and free * GIB) for i, (total, free) in enumerate(memory)
    )


def room(*memory: tuple[int | None, int | None], parallel: int = 1, **more: object) -> CopyRoom:
    return CopyRoom(Placement(gpus(*memory), parallel, False, 56 * GIB), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("images", "most", "copies"),
    [(0, 8, 1), (1, 8, 1), (48, 8, 1), (49, 8, 2), (96, 2, 2), (97, 2, 2), (96, 8, 2), (400, 8, 8), (4000, 1, 1)],
)
def test_a_copy_for_every_48_images_that_wait(images: int, most: int, copies: int) -> None:
    assert deserved(images, most) == copies


@pytest.mark.parametrize(
    ("found", "most"),
    [
        (room((80, 80), (80, 80)), 2),
        (room(*[(80, 80)] * 4, parallel=2), 2),
        (room(*[(80, 80)] * 5, parallel=2), 2),
        (room((140, 140), (48, 48)), 1),  # the other one does not hold it
        (room((80, 10), (80, 10)), 2),  # as empty ones
        (room((80, 80), (None, None)), 1),
        (room((80, 80), (80, 80), one=True), 1),
        (room((80, 80), (80, 80), reserved=1), 1),
        (room(*[(80, 80)] * 4, reserved=1), 3),
        (room((80, 80), (80, 80), share=0.5), 1),
        (CopyRoom(Placement((), 0, False, GIB)), 1),  # on the CPU
    ],
)
def test_the_most_copies(found: CopyRoom, most: int) -> None:
    assert found.most() == most


def places(found: CopyRoom, *taken: str) -> list[int | str]:
    return [gpu.index for gpu in found.further(set(taken))]


def test_a_further_copy_goes_on_gpus_that_nothing_else_uses() -> None:
    assert places(room((80, 20), (80, 80)), "GPU-0") == [1]
    assert places(room((80, 80), (80, 70))) == [0]
    assert places(room((80, 80), (80, 70)), "GPU-0") == []  # a model under test has 10 GiB of it, and may grow
    assert places(room((80, 80), (80, 79)), "GPU-0") == [1]  # which is what a driver takes
    assert places(room((80, 80), (48, 48)), "GPU-0") == []
    assert places(room((80, 80), (80, None)), "GPU-0") == []
    assert places(room(*[(80, 80)] * 4, parallel=2), "GPU-0", "GPU-1") == [2, 3]
    assert places(room(*[(80, 80)] * 4, parallel=2), "GPU-0", "GPU-1", "GPU-2") == []
    assert places(room((80, 80), (80, 80), reserved=1), "GPU-0") == []


@given(st.integers(1, 12), st.sampled_from([1, 2, 4]), st.integers(0, 2))
def test_copies_share_no_gpu_and_leave_what_is_reserved(count: int, parallel: int, reserved: int) -> None:
    found = room(*[(80, 80)] * count, parallel=parallel, reserved=reserved)
    taken: list[str] = []
    copies = 0
    while more := found.further(set(taken)):
        assert len(more) == parallel
        taken += [gpu.uuid for gpu in more]
        copies += 1
    assert len(set(taken)) == len(taken) <= max(0, count - reserved)
    assert copies in (found.most(), 0)
    assert copies or count - reserved < parallel


def test_places_for_people() -> None:
    assert place_words(gpus((80, 80), (80, 80))) == "GPU 0 and 1"
    assert place_words(()) == ""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Computer:
    return Computer(tmp_path, monkeypatch)


def most(machine: Computer, *memory: tuple[int, int], **settings: Any) -> int:
    machine.gpus(*memory)
    return machine.engine(**settings).planner.most_copies()


def test_the_most_copies_of_a_judge(machine: Computer) -> None:
    small, large = (24_564, 24_564), (81_559, 81_559)
    assert most(machine, large) == 1
    assert most(machine, large, large) == 2
    assert most(machine, large, large, gpus="1") == 1
    assert most(machine, *[(49_140, 49_140)] * 4) == 2  # two GPUs each
    assert most(machine, *[small] * 8) == 2  # four each
    assert most(machine, large, large, args=("--data-parallel-size=1",)) == 1
    assert most(machine, *[large] * 4, args=("-dp", "2")) == 1  # in one server
    assert most(machine, *[large] * 4, args=("-tp=2",)) == 2
    machine.vllm("0.32.0+cpu")
    machine.model = checkpoint(machine.folder / "small")
    assert most(machine, large, large) == 1


def test_the_session_s_other_judge_keeps_a_gpu(machine: Computer) -> None:
    model = checkpoint(machine.folder / "edit-judge", size=15 * GIB, **{**JUDGE, "architectures": ["Other"]})
    edit_settings = JudgeSettings(model=str(model), kind="edit")
    large = (81_559, 81_000)
    for count, copies in ((1, 1), (2, 1), (3, 2), (4, 3)):
        machine.gpus(*[large] * count)
        image, edit = both(machine, edit_settings)
        assert image.planner.most_copies() == copies
        assert edit.planner.most_copies() == copies


def test_copies_have_one_command_and_gpus_of_their_own(machine: Computer) -> None:
    machine.gpus(*[(49_140, 49_140)] * 4)
    planner = machine.engine().planner
    plan = planner.plan()
    first = planner.spec(plan, planner.fit().gpus).copy
    taken = set(first.leaves)
    gpus = planner.room(planner.place(plan.model, plan.install)).further(taken)
    second = planner.copy(plan, gpus, "a reason")
    assert (first.command, first.place, first.why) == (second.command, "GPU 0 and 1", "")
    assert (second.place, second.why) == ("GPU 2 and 3", "a reason")
    assert {**first.env, "CUDA_VISIBLE_DEVICES": "2,3"} == second.env
    assert not taken & set(second.leaves)


def test_copies_do_not_change_who_shares_a_server(machine: Computer) -> None:
    machine.gpus((81_559, 81_559), (81_559, 81_559))
    engine = machine.engine()
    assert engine.identity().extra == {}
    folder = engine.server_folder()
    machine.gpus((81_559, 1000), (81_559, 81_559))
    assert machine.engine().server_folder() == folder
