from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.renderers import junit, markdown
from pytest_imagejudge.renderers.tree_rows import tree_rows
from pytest_imagejudge.report.model import CiRun, FailedTest, JudgeEntry, Report, Run, SuiteRow, VerdictEntry
from pytest_imagejudge.report.tally import Tally
from pytest_imagejudge.scoring.verdict import FacetScore, Verdict
from pytest_imagejudge.support.escaping import for_markdown
from pytest_imagejudge.taxonomy import FACETS, LEVEL1
from tests.report import samples


def test_the_whole_report(snapshot: SnapshotAssertion) -> None:
    assert markdown.render(samples.report(), samples.BOUNDS) == snapshot


def without_a_total() -> Report:
    detail = ("Quality", "Detail")
    facets = {path: FacetScore(1 if path[:2] == detail else "N/A") for path in FACETS}
    judge = JudgeEntry(model="signals", engine_versions=["signals 3"])
    verdict = Verdict("a fox", facets, LEVEL1, has_total=False)
    return Report(
        verdicts=[samples.entry(verdict_=verdict, bounds={})], run=Run(judges=[judge], requests=1, restarts=1)
    )


def from_memory() -> Report:
    kept = f"imagejudge-images/{'0a' * 32}.png"
    entry = samples.entry(1, bounds={("Quality",): 99}).model_copy(update={"image": kept})
    return Report(verdicts=[entry, entry.model_copy(update={"id": "fox"})])


def broken_tests() -> Report:
    broken = FailedTest(test="tests/test_x.py::test_a|b", message="RuntimeError: CUDA error")
    return Report(verdicts=[samples.entry(1, bounds={})], run=Run(failed_tests=[broken] * 4))


@pytest.mark.parametrize("made", [Report, without_a_total, from_memory, broken_tests])
def test_smaller_reports(
    made: Callable[[], Report], monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion
) -> None:
    monkeypatch.setattr(markdown, "MOST_TESTS", 2)
    assert markdown.render(made(), {}, facets=False) == snapshot


def test_copies_of_the_judge() -> None:
    run = Run(copies=["a|judge: 2 copies, on GPU 0, GPU 1: 60 images wait"])
    report = Report(verdicts=[samples.entry(1, bounds={})], run=run)
    line = f"> {for_markdown(run.copies[0])}."
    assert line in markdown.render(report, {}, facets=False).splitlines()


def test_a_picture_by_its_address(snapshot: SnapshotAssertion) -> None:
    report = Report(verdicts=[samples.entry(1, bounds={("Quality",): 99})])
    text = markdown.render(report, {}, facets=False, pictures={"img/1.png": 'https://x.invalid/a?b&c"d'})
    assert text.partition("## Dimensions")[0] == snapshot


def test_what_failed_comes_before_any_figure() -> None:
    report = samples.report()
    heads = ["Bounds on the mean of the run", "Against the baseline", "What did not pass", "Dimensions"]

    def order() -> list[str]:
        text = markdown.render(report)
        return sorted(heads, key=lambda head: text.index(f"## {head}"))

    assert order() == heads
    report.suite = report.suite[:1]  # passed
    assert report.baseline is not None
    report.baseline["rows"] = report.baseline["rows"][:1]
    assert order() == [*heads[2:], *heads[:2]]


def test_titles(snapshot: SnapshotAssertion) -> None:
    passed, failed = samples.entry(1, bounds={}), samples.entry(2, bounds={("Quality",): 99})
    row = samples.report().suite[-1]
    broken = FailedTest(test="tests/test_x.py::test_a", message="RuntimeError: CUDA error")
    reports = {
        "nothing": Report(),
        "one passed": Report(verdicts=[passed]),
        "two passed": Report(verdicts=[passed, passed]),
        "one of each passed": Report(verdicts=[passed], edits=[samples.edit(1, 4.0)]),
        "one failed": Report(edits=[samples.edit(1, 2.0)]),
        "one of two failed": Report(verdicts=[passed, failed]),
        "a mean too low": Report(verdicts=[passed], suite=[row]),
        "a mean too low, which the policy lets pass": Report(
            verdicts=[passed], suite=[row.model_copy(update={"gate": "passed"})]
        ),
        "a baseline": Report(verdicts=[passed], baseline={"gate": "failed"}),
        "a test that broke": Report(verdicts=[passed], run=Run(failed_tests=[broken])),
        "two that broke": Report(verdicts=[passed, failed], run=Run(failed_tests=[broken, broken])),
        "one excused": Report(verdicts=[passed, failed], run=Run(excused=[failed.test or ""])),
    }
    assert {name: markdown.title(report) for name, report in reports.items()} == snapshot
    assert "What did not pass" not in markdown.render(reports["one excused"])


def test_what_a_judge_does_not_measure_is_not_unreadable_for_one_image_that_was_not_judged() -> None:
    facets = {path: FacetScore(2) for path in FACETS if path[:2] == ("Quality", "Detail")}
    judged = samples.entry(verdict_=Verdict("a fox", facets, LEVEL1, has_total=False), bounds={})
    lost = VerdictEntry(image="", prompt="", error="no such file")
    found = {row.path: row.state for row in tree_rows(Tally([judged, judged, lost]), {}).walk()}
    assert "unreadable" not in found.values()
    assert found[()] == "no total"
    assert found["Aesthetics",] == "N/A"
    alone = {row.state for row in tree_rows(Tally([lost]), {}).walk()}
    assert alone == {"unreadable"}


def test_a_table_row_stays_a_row() -> None:
    report = samples.report()
    report.suite[0].detail = "a | b\nc"
    for line in markdown.render(report).splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (7, 8)


@pytest.mark.parametrize(
    "words",
    [
        "<script>x</script>",
        "</details><img src=x>",
        "[a](http://evil.invalid)",
        "![a](http://evil.invalid/x.png)",
        "`code`",
        "**bold** _it_",
        "| a | b |",
        "@octocat hello",
        "see #12 and GH-34",
        "www.evil.invalid",
        "https://evil.invalid",
        "a\n# heading",
        "<!-- imagejudge-report -->",
        "&lt;b&gt;",
        "$x$",
        "~~gone~~",
    ],
)
def test_nothing_from_outside_is_markup(words: str) -> None:
    text = for_markdown(words)
    bare = re.sub(r"&(amp|lt|gt|#36);|\\[\\`*_\[\]|~]", "", text)  # what GitHub takes as written
    assert not re.search(r"[<>$`*\[\]|~\n]|&", bare)
    assert not re.search(r"@\w|(?<!&)#\d|GH-\d|://|www\.", text)
    entry = samples.entry(1).model_copy(update={"prompt": words, "image": words, "where": words, "id": words})
    whole = markdown.render(Report(verdicts=[entry]))
    assert words not in whole
    assert not re.search(r"(?<!&lt;)<(?!/?(img|sub))", whole)


def test_nothing_from_outside_begins_a_heading_or_a_list() -> None:
    assert [for_markdown(words) for words in ("# a", "- a", "+ a", "#a")] == ["\\# a", "\\- a", "\\+ a", "#a"]


def test_ordinary_names_read_as_they_are() -> None:
    for words in ("tests/test_x.py:12", 'a fox, 3 - 4 (two); it\'s "blue"', "雪の中の狐", "img/1.png"):
        assert for_markdown(words) == words


def test_it_keeps_to_a_size_and_says_what_is_left_out() -> None:
    report = samples.report(60, edits=False)
    whole = markdown.render(report)
    bad = sum(entry.outcome != "passed" for entry in report.verdicts)
    for most in (len(whole.encode()) - 1, 20_000, 12_000, 6_000):
        text = markdown.render(report, most_bytes=most)
        assert len(text.encode()) <= most
        left = int(re.search(r"\*\*(\d+) more did not pass", text)[1])  # type: ignore[index]
        assert text.count("\n### ") + left == bad
    assert "more did not pass" not in markdown.render(report, most_bytes=len(whole.encode()) + 300)


def test_a_file_that_cant_be_written(tmp_path: Path) -> None:
    markdown.write_markdown(samples.report(), tmp_path / "deep" / "x.md")
    assert (tmp_path / "deep" / "x.md").read_text(encoding="utf-8").startswith("# ")
    with pytest.raises(ConfigError, match="deep"):
        markdown.write_markdown(samples.report(), tmp_path / "deep")


def test_junit_properties(snapshot: SnapshotAssertion) -> None:
    report = samples.report()
    entry = next(entry for entry in report.verdicts if entry.breaches)
    edit = samples.edit(1, 2.1, aspects={"ssim": 0.5})
    for name, each in (
        ("failed", entry),
        ("unreadable", report.verdicts[-2]),
        ("not judged", report.verdicts[-1]),
        ("an edit", edit),
    ):
        assert "\n".join(map(" = ".join, junit.properties(each))) == snapshot(name=name)
    row = SuiteRow(path=["Quality"], mean=59.5, low=None, high=None, n=3, bound=58, outcome="undecided")
    assert "\n".join(map(" = ".join, junit.suite_properties(row))) == snapshot(name="a bound on the mean")


def test_junit_values_can_stand_in_xml() -> None:
    from xml.etree import ElementTree
    from xml.sax.saxutils import quoteattr

    entry = samples.entry(1).model_copy(update={"prompt": samples.HOSTILE + "\ud800\x00", "id": "\x0b"})
    for name, value in junit.properties(entry):
        ElementTree.fromstring(f"<p name={quoteattr(name)} value={quoteattr(value)}/>")


def test_the_head_leads_to_commit_and_run() -> None:
    report = samples.report(1)
    report.run.ci = CiRun(
        commit="f" * 40, commit_url="https://x/f", branch="[x](y)", number="7", url="javascript:alert(1)"
    )
    head = markdown.render(report).partition("##")[0]
    branch = for_markdown("[x](y)")
    assert f"commit [ffffffffff](<https://x/f>) · branch {branch} · run 7\n" in head
    assert "[x](y)" not in branch
