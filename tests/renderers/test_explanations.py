"""The judge's reasons beside what failed, and lists that say what they leave out."""

from __future__ import annotations

from pathlib import Path as FilePath

import pytest

from pytest_imagejudge.renderers import explanations, github, junit, markdown
from pytest_imagejudge.renderers.html_payload import _entry
from pytest_imagejudge.renderers.terminal_failure import failure_text
from pytest_imagejudge.renderers.thumbnails import Thumbnails
from pytest_imagejudge.report.model import Breach, Report, VerdictEntry
from pytest_imagejudge.report.tally import Tally
from pytest_imagejudge.scoring.verdict import FacetScore, Raw, Verdict
from pytest_imagejudge.taxonomy import Path, facets_of
from tests.report import samples

CREATIVE = facets_of(("Creative Generation",))
REASON = "The sign reads OPNE instead of OPEN."


def judged(reason: str = REASON, raw: Raw = 0, paths: tuple[Path, ...] = tuple(CREATIVE)) -> VerdictEntry:
    """An image whose facets failed, each with a reason, below a bound."""
    verdict = Verdict(
        prompt="a shop",
        image="img/0.png",
        asked=("Creative Generation",),
        level3={path: FacetScore(raw, f"{path[-1]}: {reason}" if reason else "") for path in paths},
    )
    return samples.entry(0, {("Creative Generation",): 60.0}, verdict)


def terminal(entry: VerdictEntry, *, tree: bool = False) -> str:
    return failure_text(entry, width=300, color=False, encoding="utf-8", tree=tree)


def test_reasons_stand_beside_the_facets_that_failed() -> None:
    entry = judged()
    (found,) = explanations.explained(entry)
    assert (len(found.causes), found.more) == (explanations.MOST_CAUSES, 16)
    text, page = terminal(entry), markdown.render(Report(verdicts=[entry]))
    for cause in found.causes:
        assert f"{cause.path[-1]}: {REASON}" in text
        assert f"{cause.path[-1]}: {REASON}" in page
    assert text.count(REASON) == page.count(REASON) == explanations.MOST_CAUSES
    assert terminal(entry, tree=True).count(REASON) == explanations.MOST_CAUSES + 20


def test_a_list_says_how_many_more_there_are() -> None:
    entry = judged()
    assert "    and 16 more\n" in terminal(entry)
    assert "  - and 16 more\n" in markdown.render(Report(verdicts=[entry]))
    (breach,) = _entry(entry, Thumbnails(FilePath(), 1))["breaches"]
    assert (len(breach["causes"]), breach["more"]) == (4, "and 16 more")


def test_a_whole_list_says_nothing_of_more() -> None:
    entry = judged(paths=tuple(CREATIVE[:4]))
    assert " more" not in terminal(entry) + markdown.render(Report(verdicts=[entry]))
    assert _entry(entry, Thumbnails(FilePath(), 1))["breaches"][0]["more"] == ""


def test_each_cause_is_given_once_and_the_next_breach_goes_on() -> None:
    entry = samples.entry(0, {("Creative Generation",): 60.0, (): 61.0}, Verdict(
        prompt="p", asked=("Creative Generation",), level3={path: FacetScore(0, "x" + path[-1]) for path in CREATIVE}
    ))  # fmt: skip
    first, second = explanations.explained(entry)
    assert not {cause.path for cause in first.causes} & {cause.path for cause in second.causes}
    assert (first.more, second.more) == (16, 12)


def test_a_reason_that_two_facets_share_stands_beside_both() -> None:
    entry = samples.entry(0, {("Creative Generation",): 60.0}, Verdict(
        prompt="p", asked=("Creative Generation",), level3={path: FacetScore(0, REASON) for path in CREATIVE[:3]}
    ))  # fmt: skip
    assert terminal(entry).count(REASON) == 3


def test_an_edits_reasons_stand_beside_its_aspects() -> None:
    evidence = {"score": "The rim spoils it.", "fidelity": "The table changed."}
    entry = samples.edit(1, 2.1, evidence=evidence, aspects={"fidelity": 1.5, "quality": 4.0})
    text = failure_text(entry, width=120, color=False, encoding="utf-8")
    assert "The rim spoils it." in text
    assert "fidelity: 1.50: The table changed." in text
    assert explanations.reason(entry).endswith(": The rim spoils it.")


def test_a_most_that_is_passed_is_called_so() -> None:
    breach = Breach(path=["changed_area"], score=0.7, bound=0.5, side="most")
    words = {"changed_area": "70% of the picture differs", "fidelity": "0.91 of the rest"}
    entry = samples.edit(
        1, None, unreadable=[], outcome="failed", aspects={"fidelity": 0.91, "changed_area": 0.7}, evidence=words
    ).model_copy(update={"breaches": [breach]})
    assert explanations.headline(entry) == "changed_area 0.70 > 0.50"
    assert explanations.missed(breach, entry) == ("0.70", "at most 0.50")
    least = Breach(path=["fidelity"], score=0.5, bound=0.6)
    assert explanations.missed(least, entry) == ("0.50", "at least 0.60")
    ((_, (cause,), _),) = explanations.explained(entry)
    assert cause.words == "70% of the picture differs"
    text = failure_text(entry, width=120, color=False, encoding="utf-8")
    assert "changed_area: 0.70, at most 0.50" in text
    assert "70% of the picture differs" in text
    assert "area: 0.70**, at most 0.50" in markdown.render(Report(edits=[entry]))


def test_an_annotation_has_the_reason_of_the_worst() -> None:
    entry = judged()
    (line,) = github.annotation_commands(Report(verdicts=[entry]))
    (found,) = explanations.explained(entry)
    assert line.endswith(f"{explanations.named(found.causes[0], found.breach)} (fail): "
                         f"{found.causes[0].path[-1]}: {REASON}")  # fmt: skip
    (line,) = github.annotation_commands(Report(verdicts=[judged("")]))
    assert line.endswith("0.0 < 60.0")


def test_junit_has_every_reason() -> None:
    reasons = [value for name, value in junit.properties(judged()) if name == "imagejudge.reason"]
    assert len(reasons) == 20
    assert f"Creative Generation / Text Rendering / Font: 0: Font: {REASON}" in reasons
    assert not [name for name, _ in junit.properties(judged("")) if name == "imagejudge.reason"]


@pytest.mark.parametrize("tree", [True, False])
def test_a_reason_is_untrusted(tree: bool) -> None:
    entry = judged(samples.HOSTILE + "\n::error::y")
    (line,) = github.annotation_commands(Report(verdicts=[entry]))
    texts = [terminal(entry, tree=tree), markdown.render(Report(verdicts=[entry])), line,
             *(value for _, value in junit.properties(entry))]  # fmt: skip
    for text in texts:
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert not any(part.lstrip().startswith("::") for part in text.split("\n")[1:])
    assert "<script" not in texts[1]
    assert "\n" not in line


def test_an_endless_reason_is_clipped_where_it_is_shown() -> None:
    entry = judged("x" * 2000, paths=tuple(CREATIVE[:1]))
    for text in (terminal(entry, tree=True), markdown.render(Report(verdicts=[entry]))):
        assert 200 < text.count("x") < 900


def test_the_advice_names_a_bound_that_the_judge_can_give() -> None:
    bare = {"breaches": [], "bounds": [], "outcome": "failed", "thresholds": "safety"}
    scored, measured = (samples.edit(1, score, **bare) for score in (4.0, None))
    measured.aspects, measured.unreadable = {"fidelity": 0.4, "text_alignment": None, "rotation": 0.0}, []
    assert "under [edit] (score = 3.5)" in explanations.advice(scored)
    assert "under [edit.aspects] (fidelity, rotation), or call score" in explanations.advice(measured)


def test_edits_of_a_judge_without_a_score_have_no_row_for_it() -> None:
    measured = samples.edit(1, None, outcome="passed", unreadable=[], aspects={"fidelity": 0.4})
    assert [name for name, _ in Tally([measured]).edit_scores()] == ["fidelity"]
    lost = samples.edit(1, None, aspects={"fidelity": 0.4})
    assert [name for name, _ in Tally([lost]).edit_scores()] == ["score", "fidelity"]


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ({"id": "row 7"}, "row 7"),
        ({"test": "t.py::TestFox::test_a[x::y/z.png]"}, "test_a[x::y/z.png] (0.png)"),
        ({"test": "t.py::test_a[0.png]"}, "test_a[0.png]"),
        ({"image": f"kept/{'0a' * 32}.png"}, "test_0"),
        ({"image": "", "test": None}, "image"),
        ({"test": None}, "0.png"),
    ],
)
def test_an_image_goes_by_its_row_or_its_test(given: dict[str, object], title: str) -> None:
    assert explanations.title(samples.entry(0, **given)) == title  # type: ignore[arg-type]
