from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.renderers import html_page, junit, markdown
from pytest_imagejudge.renderers.tree_rows import tree_rows
from pytest_imagejudge.report.model import FailedTest, Report, Run, SuiteRow, VerdictEntry
from pytest_imagejudge.report.tally import Tally
from pytest_imagejudge.scoring.verdict import FacetScore, Verdict
from pytest_imagejudge.support.escaping import for_markdown
from pytest_imagejudge.taxonomy import FACETS, LEVEL1
from tests.report import samples


def test_the_hierarchy_the_failures_and_the_baseline_are_there() -> None:
    report = samples.report()
    text = markdown.render(report, samples.BOUNDS)
    assert text.startswith(
        "# ❌ 9 failed, 3 not judged, of 17 images and edits; the run failed: mean of Aesthetics below"
    )
    assert "| **Quality** | 13 |" in text
    for path in FACETS:
        assert path[-1] in text
    assert "## What did not pass (12)" in text
    for entry in report.verdicts:
        assert (f"image: {entry.image}" in text) == (entry.outcome != "passed")
    assert "| ❌ | Aesthetics | 55.00 | 54.00 to 59.00 | 70 | 11 | failed |" in text
    assert "## Against the baseline base.json" in text
    assert "at: tests/test_x.py:4" in text


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


def test_titles() -> None:
    assert markdown.title(Report()) == "Nothing was judged"
    passed = samples.entry(bounds={})
    assert markdown.title(Report(verdicts=[passed])) == "✅ All 1 image passed"
    row = samples.report().suite[-1]
    only = Report(verdicts=[passed], suite=[row])
    assert markdown.title(only) == "❌ All 1 image passed, but the run failed: mean of Aesthetics below the bound"
    only.suite = [row.model_copy(update={"gate": "passed"})]
    assert markdown.title(only) == "✅ All 1 image passed"
    only.baseline = {"gate": "failed"}
    assert markdown.title(only) == "❌ All 1 image passed, but the run failed: baseline"
    assert markdown.title(Report(edits=[samples.edit(1, 2.0)])) == "❌ 1 failed, of 1 edit"


def test_a_picture_from_memory_goes_by_its_test_and_prompt() -> None:
    kept = f"imagejudge-images/{'0a' * 32}.png"
    entry = samples.entry(1, bounds={("Quality",): 99}).model_copy(update={"image": kept})
    text = markdown.render(Report(verdicts=[entry]))
    assert "### test_1 “prompt 1: a red fox in the snow”: Quality " in text
    assert f"- image: {kept}" in text
    entry.id = "fox"
    assert "### fox: Quality " in markdown.render(Report(verdicts=[entry]))


def test_tests_that_failed_for_another_reason_and_what_was_expected_to_fail() -> None:
    passed, failed = samples.entry(1, bounds={}), samples.entry(2, bounds={("Quality",): 99})
    broken = FailedTest(test="tests/test_x.py::test_a|b", message="RuntimeError: CUDA error")
    report = Report(verdicts=[passed], run=Run(failed_tests=[broken]))
    assert markdown.title(report) == ("❌ All 1 image passed, but the run failed: 1 test failed for another reason")
    assert f"- {for_markdown(broken.test)}: RuntimeError: CUDA error" in markdown.render(report)
    page = html_page.render(report, folder=Path())
    assert "tests/test_x.py::test_a|b: RuntimeError: CUDA error" in page
    report = Report(verdicts=[passed, failed], run=Run(excused=[failed.test or ""]))
    assert markdown.title(report) == "✅ All 1 image passed (1 more did not, as expected)"
    assert "What did not pass" not in markdown.render(report)
    assert "<h1>All 1 passed</h1>" in html_page.render(report, folder=Path())


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


def test_junit_properties_of_an_image() -> None:
    entry = next(entry for entry in samples.report().verdicts if entry.breaches)
    found = dict(junit.properties(entry))
    assert found["imagejudge.outcome"] == "failed"
    assert found["imagejudge.image"] == entry.image
    assert float(found["imagejudge.total"]) == pytest.approx(entry.total, abs=1e-4)
    assert float(found["imagejudge.Quality"]) == pytest.approx(entry.level1["Quality"], abs=1e-4)
    assert "<" in found["imagejudge.breach"]
    unread = dict(junit.properties(samples.report().verdicts[-2]))
    assert unread["imagejudge.Aesthetics"] == "unreadable"
    assert "imagejudge.total" not in unread
    assert dict(junit.properties(samples.report().verdicts[-1]))["imagejudge.error"].endswith("truncated")


def test_junit_properties_of_edits_and_bounds_on_the_mean() -> None:
    edit = samples.edit(1, 2.1, aspects={"ssim": 0.5})
    found = dict(junit.properties(edit))
    assert found["imagejudge.score"] == "2.1"
    assert found["imagejudge.aspect.ssim"] == "0.5"
    assert found["imagejudge.instruction"] == "make the sky blue"
    row = SuiteRow(path=["Quality"], mean=59.5, low=None, high=None, n=3, bound=58, outcome="undecided")
    assert dict(junit.suite_properties(row)) == {
        "imagejudge.suite.path": "Quality", "imagejudge.suite.mean": "59.5", "imagejudge.suite.n": "3",
        "imagejudge.suite.bound": "58", "imagejudge.suite.outcome": "undecided",
    }  # fmt: skip


def test_junit_values_can_stand_in_xml() -> None:
    from xml.etree import ElementTree
    from xml.sax.saxutils import quoteattr

    entry = samples.entry(1).model_copy(update={"prompt": samples.HOSTILE + "\ud800\x00", "id": "\x0b"})
    for name, value in junit.properties(entry):
        ElementTree.fromstring(f"<p name={quoteattr(name)} value={quoteattr(value)}/>")
