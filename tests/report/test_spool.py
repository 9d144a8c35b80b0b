"""Entries beyond a number of them lie in a file: nobody who reads a report can tell."""

import errno
import gc
import json
import os
import random
import weakref
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.renderers import write_report
from pytest_imagejudge.renderers.tree_rows import tree_rows
from pytest_imagejudge.report import json_file as report_json
from pytest_imagejudge.report.model import EditEntry, Report, VerdictEntry
from pytest_imagejudge.report.spool import Entries, Spool
from pytest_imagejudge.report.tally import Tally, summarize
from pytest_imagejudge.scoring.figures import RunningMean
from tests.report import samples


def entries() -> list[VerdictEntry]:
    found = [samples.entry(number) for number in range(6)]
    found[3].prompt = "half a pair \ud800, an ESC \x1b and \u2028"
    found[4] = found[4].model_copy(update={"repeat": 1, "of_a_later_version": {"kept": True}})
    return [VerdictEntry.model_validate(entry.model_dump()) for entry in found]


def test_what_is_read_from_the_file_is_what_was_put_in() -> None:
    given_ = entries()
    spool = Spool(VerdictEntry, given_, most=2)
    assert len(spool) == 6
    assert list(spool) == given_
    assert list(spool) == given_  # again, and while others read
    assert [one == two for one, two in zip(spool, spool, strict=True)] == [True] * 6
    assert spool[0] is given_[0]
    assert (spool[-1], spool[1:4]) == (given_[5], given_[1:4])
    with pytest.raises(IndexError):
        spool[6]


@pytest.mark.parametrize("after", [0, 2])
def test_a_disk_that_takes_no_more(monkeypatch, after) -> None:
    written, whole = [], os.pwrite

    def pwrite(file, text, place):
        written.append(text)
        if len(written) <= after:
            return whole(file, text, place)
        whole(file, text[:10], place)
        if after:
            raise OSError(errno.ENOSPC, "no space left on device")
        return 10

    monkeypatch.setattr("pytest_imagejudge.report.spool.os.pwrite", pwrite)
    spool = Spool(VerdictEntry, entries(), most=1)
    assert list(spool) == list(spool.plain()) == entries()
    assert spool[-1] == entries()[-1]
    assert len(spool) == 6
    assert len(written) == after + 1


def test_few_entries_are_a_list() -> None:
    assert Spool(VerdictEntry, entries(), most=6).plain() == entries()
    assert type(Spool(VerdictEntry, entries(), most=6).plain()) is list


@pytest.mark.parametrize("suffix", ["json", "md", "html"])
def test_a_report_from_the_file_is_the_same(tmp_path, suffix) -> None:
    edit = EditEntry(source_image="a.png", edited_image="b.png", instruction="sky \udc00", score=3.5, outcome="passed")
    plain = Report(verdicts=entries(), edits=[edit, edit])
    plain.summary = summarize(plain.every())
    spooled = plain.model_copy()
    spooled.verdicts = Spool(VerdictEntry, entries(), most=1).plain()
    spooled.edits = Spool(EditEntry, [edit, edit], most=1).plain()
    write_report(plain, tmp_path / f"plain.{suffix}", samples.BOUNDS)
    write_report(spooled.counted(Tally(spooled.every())), tmp_path / f"spooled.{suffix}", samples.BOUNDS)
    assert (tmp_path / f"spooled.{suffix}").read_bytes() == (tmp_path / f"plain.{suffix}").read_bytes()
    if suffix == "json":
        data = json.loads((tmp_path / "spooled.json").read_text("utf-8"))
        assert list(data)[:4] == ["schema", "run", "verdicts", "edits"]
        assert report_json.read(tmp_path / "spooled.json").model_dump()["summary"] == plain.summary.model_dump()


class Watched(Entries[VerdictEntry]):
    """Entries that are made when they are looked at, and counted while they live."""

    def __init__(self, number: int) -> None:
        self.number, self.most, self.alive = number, 0, 0

    def __len__(self) -> int:
        return self.number

    def _at(self, number: int) -> VerdictEntry:
        made = samples.entry(number).model_copy(update={"image": ""})
        self.alive += 1
        self.most = max(self.most, self.alive)
        weakref.finalize(made, self._gone)
        return made

    def _gone(self) -> None:
        self.alive -= 1


@pytest.mark.parametrize("suffix", ["json", "html"])
def test_a_report_holds_no_more_than_a_few_entries(tmp_path, suffix) -> None:
    watched = Watched(40)
    report = Report().counted(Tally(samples.entry(number) for number in range(40)))
    report.verdicts = watched  # type: ignore[assignment]
    gc.disable()
    try:
        write_report(report, tmp_path / f"report.{suffix}", samples.BOUNDS)
    finally:
        gc.enable()
    assert 0 < watched.most <= 4
    assert "prompt 39:" in (tmp_path / f"report.{suffix}").read_text("utf-8")


@given(st.lists(st.floats(-1e9, 1e9) | st.none(), max_size=40), st.randoms(use_true_random=False))
def test_a_running_mean_is_exact_whatever_the_order(values: list[float | None], order: random.Random) -> None:
    one, other = RunningMean(), RunningMean()
    for value in values:
        one.add(value)
    order.shuffle(values)
    for value in values:
        other.add(value)
    present = [Fraction(value) for value in values if value is not None]
    assert one.n == other.n == len(present)
    assert one.value == other.value
    if present:
        assert one.value == pytest.approx(float(sum(present) / len(present)), rel=1e-15, abs=0)


def test_repeated_judgements_count_nowhere_and_other_runs_only_as_outcomes() -> None:
    first, again, left = samples.entry(1), samples.entry(1).model_copy(update={"repeat": 1}), samples.entry(2)
    tally = Tally([first, again])
    tally.add(left, counts=False)
    assert (tally.images, tally.n, tally.outcomes.total()) == (2, 1, 2)
    assert tally.summary() == summarize([first])
    assert tree_rows(tally) == tree_rows([first])
