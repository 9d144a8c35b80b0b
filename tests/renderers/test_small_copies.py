from __future__ import annotations

import base64
import io
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pytest_imagejudge.images import loading
from pytest_imagejudge.images.loading import load
from pytest_imagejudge.renderers import small_copies
from pytest_imagejudge.renderers.small_copies import SmallCopies
from pytest_imagejudge.renderers.small_pictures import encoded
from pytest_imagejudge.renderers.thumbnails import Thumbnails
from pytest_imagejudge.report.model import EditEntry

BUDGET = 10_000_000


def picture(path: Path, colour: str = "red", size: tuple[int, int] = (300, 200)) -> str:
    Image.new("RGB", size, colour).save(path)
    return str(path)


def noise(folder: Path, number: int) -> list[str]:
    """Pictures that take many bytes a pixel."""
    paths = [folder / f"noise-{each}.png" for each in range(number)]
    for each, path in enumerate(paths):
        Image.effect_noise((400, 300), 60 + each).convert("RGB").save(path)
    return [str(path) for path in paths]


def shown(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(data))


def of_files(folder: Path, names: list[str], budget: int = BUDGET, copies: SmallCopies | None = None) -> list[str]:
    thumbnails = Thumbnails(folder, budget, copies)
    for name in names:
        thumbnails.add(name)
    return [uri for uri, _ in thumbnails.make()]


def test_a_page_shows_the_copy_that_was_made_when_the_picture_was_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = picture(tmp_path / "a.png")
    expected = of_files(tmp_path, ["a.png"])
    with SmallCopies(BUDGET) as copies:
        load(name)
        monkeypatch.setattr(loading, "decode", None)  # the file is not decoded again
        assert of_files(tmp_path, ["a.png"], copies=copies) == expected


def test_a_picture_that_changed_since_is_shown_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with SmallCopies(BUDGET) as copies:
        load(picture(path, "red"))
        picture(path, "blue")
        os.utime(path, ns=(1, 1))
        assert copies.within((str(path),), BUDGET) is None
        assert of_files(tmp_path, ["a.png"], copies=copies) == of_files(tmp_path, ["a.png"])
        path.unlink()
        assert copies.within((str(path),), BUDGET) is None


def test_a_picture_decoded_again_after_a_change_is_copied_again(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with SmallCopies(BUDGET) as copies:
        for colour in ("red", "blue"):
            load(picture(path, colour))
        red, _, blue = shown(copies.within((str(path),), BUDGET)).convert("RGB").getpixel((9, 9))  # type: ignore[misc]
        assert blue > 200 > 50 > red


def test_copies_become_smaller_where_more_pictures_came_than_before(tmp_path: Path) -> None:
    names = noise(tmp_path, 6)
    budget = 120_000
    with SmallCopies(budget) as copies:
        for name in names:
            load(name)
        made = of_files(tmp_path, names, budget, copies)
    assert sum(len(uri) for uri in made) <= budget + len(names) * len("data:image/jpeg;base64,")
    sides = [max(shown(data).size) for data in (data_of(uri) for uri in made)]
    expected = [max(shown(data).size) for data in (data_of(uri) for uri in of_files(tmp_path, names, budget))]
    assert all(0.8 * alone <= side <= 1.2 * alone for side, alone in zip(sides, expected, strict=True))


def test_copies_that_are_too_small_for_a_page_of_few_pictures_are_made_anew(tmp_path: Path) -> None:
    names = noise(tmp_path, 6)
    budget = 120_000
    with SmallCopies(budget) as copies:
        for name in names:
            load(name)
        last = names[-1]
        assert of_files(tmp_path, [last], budget, copies) == of_files(tmp_path, [last], budget)


def test_nothing_is_copied_outside_of_the_block(tmp_path: Path) -> None:
    name = picture(tmp_path / "a.png")
    copies = SmallCopies(BUDGET)
    with copies:
        pass
    load(name)
    assert copies.within((name,), BUDGET) is None


def test_another_process_takes_the_copies_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    name = picture(tmp_path / "a.png")
    with SmallCopies(BUDGET) as mine, SmallCopies(BUDGET, folder) as theirs:
        mine.stop()
        load(name)
        listed = theirs.hand_over()
        assert listed is not None
        mine.take_over(listed)
        for file in folder.iterdir():
            file.unlink()
        monkeypatch.setattr(loading, "decode", None)
        assert shown(mine.within((name,), BUDGET)).size == (300, 200)


def test_copies_of_another_machine_are_none(tmp_path: Path) -> None:
    with SmallCopies(BUDGET) as copies:
        copies.take_over(str(tmp_path / "not there.json"))
    with SmallCopies(BUDGET, tmp_path) as nothing:
        assert nothing.hand_over() is None


def test_a_full_disk_costs_the_copies_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> int:
        raise OSError(28, "No space left on device")

    name = picture(tmp_path / "a.png")
    with SmallCopies(BUDGET) as copies:
        monkeypatch.setattr(os, "pwrite", full)
        load(name)
        assert copies.within((name,), BUDGET) is None
        assert of_files(tmp_path, ["a.png"], copies=copies) == of_files(tmp_path, ["a.png"])


def data_of(uri: str) -> bytes:
    return base64.b64decode(uri.partition(",")[2])


def test_stored_verdicts_have_their_pictures_and_maps_copied_in_the_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, edited = picture(tmp_path / "a.png", "red"), picture(tmp_path / "b.png", "blue")
    made = threading.Semaphore(0)

    def counted(*args: Any) -> bytes:
        made.release()
        return encoded(*args)

    monkeypatch.setattr(small_copies, "encoded", counted)
    entry = EditEntry(
        key="", outcome="scored", source="store", source_image=source, edited_image=edited, instruction="blue"
    )
    with SmallCopies(BUDGET) as copies:
        copies.want(entry)
        for _ in range(3):
            assert made.acquire(timeout=60)
        copies.stop()
        for paths in ((source,), (edited,), (source, edited)):
            assert shown(copies.within(paths, BUDGET)).size == (300, 200)


def test_a_fault_in_copying_fails_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> bytes:
        raise MemoryError

    name = picture(tmp_path / "a.png")
    with SmallCopies(BUDGET) as copies:
        monkeypatch.setattr(small_copies, "encoded", broken)
        assert load(name).size == (300, 200)
        assert copies.within((name,), BUDGET) is None


def test_a_forked_process_leaves_the_copies_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = picture(tmp_path / "a.png")
    with SmallCopies(BUDGET) as copies:
        monkeypatch.setattr(os, "getpid", lambda: -1)
        load(name)
        assert copies.within((name,), BUDGET) is None
