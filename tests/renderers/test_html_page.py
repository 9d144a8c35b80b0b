"""The HTML report in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from pytest_imagejudge.renderers.explanations import title
from pytest_imagejudge.report.model import Bound, Facet, FailedTest, JudgeEntry, ProblemEntry, Report, Run
from pytest_imagejudge.statistics.earlier_run import attach
from pytest_imagejudge.statistics.pairing import scored
from pytest_imagejudge.taxonomy import LEVEL1
from tests.renderers.conftest import Visit
from tests.report import samples

# Text as it stands on the screen, a row of a table on one line; of a choice only the label.
WORDS = """selector => {
    for (const choice of document.querySelectorAll('select')) choice.remove();
    const shown = (nodes) => [...nodes].filter((node) => node.checkVisibility());
    for (const table of document.querySelectorAll('table')) {
        const rows = document.createElement('pre');
        const words = (cell) => cell.innerText.replace(/\\s+/g, ' ').trim();
        rows.textContent = shown(table.rows).map((row) => shown(row.cells).map(words).join(' | ')).join('\\n');
        table.replaceWith(rows);
    }
    return document.querySelector(selector).innerText;
}"""


def words(seen: Visit, selector: str) -> str:
    lines = [line.rstrip(" |") for line in seen.page.evaluate(WORDS, selector).splitlines()]
    return re.sub(r"\n{2,}", "\n\n", "\n".join(lines))


def failed_as_a_whole() -> Report:
    report = samples.report(2, edits=False)
    report.verdicts = [samples.entry(1, bounds={})]
    return report


def all_passed() -> Report:
    return Report(verdicts=[samples.entry(1, bounds={})], edits=[samples.edit(1, 4.0)])


def one_excused() -> Report:
    passed, failed = samples.entry(1, bounds={}), samples.entry(2, bounds={("Quality",): 99})
    return Report(verdicts=[passed, failed], run=Run(excused=[failed.test or ""]))


def broken_test() -> Report:
    broken = FailedTest(test="tests/test_x.py::test_a|b", message="RuntimeError: CUDA error")
    judge = JudgeEntry(model="signals", engine_versions=["signals 3"])
    return Report(verdicts=[samples.entry(1, bounds={})], run=Run(failed_tests=[broken], judges=[judge]))


@pytest.mark.parametrize("made", [samples.report, Report, failed_as_a_whole, all_passed, one_excused, broken_test])
def test_the_words_of_the_page(visit: Any, made: Callable[[], Report], snapshot: SnapshotAssertion) -> None:
    seen = visit(made())
    assert words(seen, "body") == snapshot


@pytest.mark.parametrize("number", [7, 12, 13, 15])  # failed, unreadable, not judged, an edit
def test_the_words_of_an_image(visit: Any, number: int, snapshot: SnapshotAssertion) -> None:
    seen = visit(samples.report())
    seen.page.locator("#more").wait_for(state="hidden")
    seen.page.locator(f"#grid a[href='#image-{number}']").click()
    seen.opened()
    seen.page.get_by_text("Raw answer", exact=True).or_(seen.page.get_by_text("There is no answer.")).first.wait_for()
    assert words(seen, "#page") == snapshot


def test_the_count_is_of_what_is_drawn(visit: Any) -> None:
    seen = visit(Report(verdicts=[samples.entry(0, bounds={}, image="img/0.png", id=f"n{n}") for n in range(26)]))
    count, more = seen.page.locator("#count"), seen.page.locator("#more")
    assert count.text_content() == "24 of 26 shown"
    assert more.text_content() == "Show more (2)"
    more.click()
    assert count.text_content() == "26 shown"
    seen.page.locator("#controls [name=text]").fill("n1")
    assert count.text_content() == "11 of 26 shown"
    seen.page.locator("#controls [name=text]").fill("n")
    assert count.text_content() == "24 of 26 shown"


def test_filters_by_outcome(visit: Any) -> None:
    seen = visit(samples.report())
    assert len(seen.titles()) == 17
    seen.choose("Failed")
    assert seen.badges() == {"✗ failed"}
    assert seen.page.locator("#count").text_content().startswith("9 of 17")
    seen.choose("Not judged")
    assert seen.badges() == {"✗ not judged"}
    assert len(seen.titles()) == 3
    seen.choose("All")
    assert len(seen.titles()) == 17


def test_filters_by_dimension_and_sorts_by_its_score(visit: Any) -> None:
    report = samples.report()
    seen = visit(report)
    seen.page.get_by_role("combobox", name="Dimension").select_option(label="Quality")
    seen.page.get_by_role("combobox", name="Sort").select_option(label="lowest score first")
    scores = [float(text) for text in seen.page.locator("#grid .score").all_text_contents() if text[0].isdigit()]
    expected = sorted(entry.level1["Quality"] for entry in report.verdicts if entry.level1.get("Quality") is not None)
    assert scores == [round(score, 1) for score in expected]
    seen.page.get_by_role("combobox", name="Sort").select_option(label="highest score first")
    again = [float(text) for text in seen.page.locator("#grid .score").all_text_contents() if text[0].isdigit()]
    assert again == scores[::-1]


def test_a_facets_filter_shows_only_where_it_applies(visit: Any) -> None:
    report = samples.report(edits=False)
    seen = visit(report)
    seen.page.get_by_role("combobox", name="Dimension").select_option(value="0/1/0")  # Quality / Detail / Noise
    seen.page.get_by_role("combobox", name="Sort").select_option(label="order of the run")
    applies = [
        title(entry)
        for entry in report.verdicts
        if entry.level3 and entry.level3["Quality"]["Detail"]["Noise"].score is not None
    ]
    assert seen.titles() == [*applies, "test_b (broken-0.png)"]  # what was not judged is never filtered away


def test_what_was_only_scored_has_a_filter_and_stands_among_the_failed_where_its_test_failed(visit: Any) -> None:
    report = Report(
        verdicts=[
            samples.entry(1, bounds={}, outcome="scored"),
            samples.entry(2, bounds={}),
            samples.entry(3, bounds={}, outcome="scored", test_failed=True),
        ],
        run=Run(failed_tests=[FailedTest(test="tests/test_x.py::test_3", message="AssertionError: too low")]),
    )
    seen = visit(report)
    assert seen.titles()[0] == "test_3 (3.png)"
    assert seen.badges() == {"✗ scored, test failed", "scored", "✓ passed"}
    assert seen.page.locator("h1").text_content() == "1 of 3 images was scored in a test that failed"
    for name in ("Failed", "Scored, test failed"):
        seen.choose(name)
        assert seen.titles() == ["test_3 (3.png)"]
    assert "its test failed" in seen.page.locator("#grid .why").text_content()
    seen.page.get_by_role("combobox", name="Dimension").select_option(value="0")
    assert seen.titles() == ["test_3 (3.png)"]
    seen.page.locator("#grid a").first.click()
    assert seen.opened().locator(".breach").text_content().startswith("scored")
    seen.page.keyboard.press("Escape")
    seen.choose("Scored")
    assert seen.titles() == ["test_1 (1.png)"]
    seen.choose("Passed")
    assert seen.titles() == ["test_2 (2.png)"]
    only = visit(report, failed_only=True)
    assert only.titles() == ["test_3 (3.png)"]


def test_why_a_facet_does_not_apply_is_on_its_page(visit: Any) -> None:
    place = ("Creative Generation", "Text Rendering", "Text Accuracy")
    entry = samples.entry(1, bounds={}, not_applicable=[list(place), ["Alignment"]])
    for one, twos in entry.level3.items():  # nothing of this dimension applies, and one facet says why
        for two, threes in twos.items():
            for three in threes if one == place[0] else ():
                said = "the prompt asks for <b>no text</b>" if (one, two, three) == place else ""
                threes[three] = Facet(raw="N/A", score=None, evidence=said)
    entry.level1[place[0]], entry.level2[place[0]] = None, dict.fromkeys(entry.level2[place[0]])
    seen = visit(Report(verdicts=[entry]))
    for name in place[:2]:
        seen.page.locator("#dimensions").get_by_role("button", name=name, exact=True).click()
    (name,) = seen.page.locator("#dimensions th", has_text="Text Accuracy").all()
    assert name.inner_text().splitlines() == ["Text Accuracy", "the prompt asks for <b>no text</b>"]
    seen.page.locator("#grid a").first.click()
    rows = seen.opened().locator(".tree tr").all_text_contents()
    assert rows[rows.index("Text AccuracyN/A") + 1] == "the prompt asks for <b>no text</b>"
    assert not [text for text in rows if text.startswith("Text Layout")]
    facts = seen.opened().locator("dd", has_text="Text Accuracy").inner_text()
    assert facts.splitlines() == [f"{' / '.join(place)}: the prompt asks for <b>no text</b>", "Alignment"]


def test_bullets_of_failed_tests_stand_inside_their_box(visit: Any) -> None:
    seen = visit(broken_test())
    inside = (
        "list => parseFloat(getComputedStyle(list).paddingLeft) >= 20 || getComputedStyle(list).listStyle === 'none'"
    )
    assert seen.page.locator("header ul.failure").evaluate(inside)


def test_filters_by_text_in_prompt_test_file_or_id(visit: Any) -> None:
    seen = visit(samples.report())
    find = seen.page.get_by_label("Find")
    find.fill("PROMPT 7: fox")
    assert seen.titles() == ["test_7 (7.png)"]
    find.fill("test_edit.py")
    assert len(seen.titles()) == 3
    find.fill("nothing has this")
    assert seen.titles() == []
    assert "nothing fits" in seen.page.locator("#count").text_content()


def test_a_dimensions_failures_are_one_click_away(visit: Any) -> None:
    report = samples.report()
    seen = visit(report)
    seen.page.locator("#dimensions").get_by_role("button", name="failed in Realism").click()
    expected = {
        title(entry)
        for entry in report.verdicts
        if any(breach.path == ["Quality", "Realism"] for breach in entry.breaches)
    }
    assert expected
    assert set(seen.titles()) == expected | {"test_b (broken-0.png)"}  # what was not judged failed there too
    count = seen.page.locator("#count").text_content()
    assert count.endswith(f"shown: {len(expected)} failed in Quality / Realism, 1 not judged there")


def test_head_filters_and_dimensions_count_the_same(visit: Any) -> None:
    passed, failed, excused = (
        samples.entry(number, bounds={("Quality",): bound}) for number, bound in ((1, 1), (2, 99), (3, 99))
    )
    again = [failed.model_copy(update={"repeat": number}) for number in (1, 2)]
    lost = samples.entry(
        4, bounds={}, outcome="error", error="the engine died", level1={}, level2={}, level3={}, total=None
    )
    report = Report(verdicts=[passed, failed, *again, excused, lost], run=Run(excused=[excused.test or ""]))
    seen = visit(report)
    assert seen.page.locator("h1").text_content() == "1 of 4 images failed and 1 was not judged, 1 excused"
    assert "1 excused: it did not pass" in seen.page.locator("header").text_content()
    labels = [" ".join(label.split()) for label in seen.page.locator("#controls .choice").all_text_contents()]
    assert labels == ["All 6", "Failed 1", "Not judged 1", "Passed 1", "Excused 1", "Judged again 2"]
    for label in labels[1:]:
        seen.choose(label)
        assert seen.page.locator("#count").text_content().startswith(f"{label.split()[-1]} of 6 shown")
    assert seen.badges() == {"✗ failed, judged again"}
    seen.choose("Excused 1")
    assert seen.badges() == {"✗ failed, excused"}
    row = seen.page.locator("#dimensions tr", has=seen.page.get_by_role("button", name="Quality", exact=True))
    row.get_by_role("button", name="3 images with Quality").click()
    assert seen.page.locator("#count").text_content() == "4 of 6 shown: 3 with a figure of Quality, 1 not judged there"
    row.get_by_role("button", name="2 failed in Quality").click()
    assert seen.page.locator("#count").text_content() == "3 of 6 shown: 2 failed in Quality, 1 not judged there"


def test_the_tree_opens_by_keyboard(visit: Any) -> None:
    seen = visit(samples.report())
    toggle = seen.page.get_by_role("button", name="Aesthetics", exact=True)
    row = seen.page.get_by_role("rowheader", name="Lighting", exact=True)
    assert toggle.get_attribute("aria-expanded") == "false"
    assert not row.is_visible()
    toggle.focus()
    seen.page.keyboard.press("Enter")
    assert toggle.get_attribute("aria-expanded") == "true"
    assert row.is_visible()


def test_an_image_opens_with_prompt_tree_reasoning_and_answer(visit: Any) -> None:
    seen = visit(samples.report())
    card = seen.page.get_by_role("link", name="test_7 (7.png)")
    card.focus()
    seen.page.keyboard.press("Enter")
    page = seen.opened()
    assert page.get_by_role("heading", name="test_7 (7.png)").is_visible()
    assert page.get_by_text("prompt 7: a red fox in the snow", exact=True).is_visible()
    assert page.get_by_role("rowheader", name="Noise").is_visible()
    assert page.get_by_text("estimated noise sigma 23.1").first.is_visible()
    page.get_by_text("Reasoning", exact=True).click()
    page.locator("p.text", has_text="Physical Logic holds").wait_for()
    page.get_by_text("Raw answer", exact=True).click()
    page.get_by_text('{"Detail": {}}').wait_for()
    assert page.get_by_text('{"Detail": {}}').is_visible()
    page.get_by_text("Key and fingerprint").click()
    assert page.get_by_text("Qwen/Qwen-Image-Bench").is_visible()
    assert page.get_by_role("img").first.evaluate("image => image.naturalWidth") == 64
    seen.page.keyboard.press("Escape")
    page.wait_for(state="hidden")
    assert seen.page.evaluate("document.activeElement.getAttribute('href')") == card.get_attribute("href")


def test_the_next_image_is_the_next_of_what_is_shown(visit: Any) -> None:
    seen = visit(samples.report())
    seen.choose("Failed")
    titles = seen.titles()
    seen.page.locator("#grid a").first.click()
    seen.opened()
    heading = seen.page.locator("#page-title")
    shown = [heading.text_content()]
    for _ in titles[1:]:
        seen.page.keyboard.press("ArrowRight")
        seen.page.locator("#page-title", has_not_text=shown[-1]).wait_for()
        shown.append(heading.text_content())
    assert shown == titles
    assert seen.page.get_by_role("button", name="Next image").is_disabled()


def test_an_address_leads_to_an_image(visit: Any) -> None:
    seen = visit(samples.report())
    seen.page.goto(seen.page.url + "#image-3")
    seen.opened()
    assert seen.page.locator("#page-title").text_content() == "test_3 (3.png)"
    seen.asked.clear()
    seen.asked.append("file:")  # the address of an image is not fetched


def test_pictures_are_drawn_with_the_page(visit: Any) -> None:
    seen = visit(samples.report())
    assert seen.page.locator("#grid img").count() > 3
    # a screenshot from the command line is taken as soon as the page is loaded, decoded or not
    assert seen.page.locator('#grid img[decoding="async"], #grid img[loading="lazy"]').count() == 0


def test_a_picture_from_memory_goes_by_its_test_and_leads_to_its_file(visit: Any, folder: Path) -> None:
    report = samples.report(2, edits=False)
    kept = f"{'0a' * 32}.png"
    (folder / "img" / "1.png").rename(folder / kept)
    report.verdicts[1].image = kept
    seen = visit(report)
    seen.page.get_by_role("link", name="test_1").click()
    assert seen.opened().get_by_role("link", name="0a0a0a0a….png").get_attribute("href") == f"./{kept}"
    assert seen.page.locator("#page-title").text_content() == "test_1"


def test_an_edit_shows_source_edited_and_change_map(visit: Any) -> None:
    seen = visit(samples.report())
    seen.page.get_by_role("link", name="1-edited.png").click()
    seen.opened()
    captions = seen.page.locator("figcaption").all_text_contents()
    assert captions == ["Source", "Edited", "Change map"]
    assert seen.page.locator("figure img").count() == 3
    assert "2.10 of 5" in seen.page.get_by_role("dialog").text_content()


def test_bounds_of_an_edit_stand_beside_its_figures(visit: Any) -> None:
    bounds = [Bound(path=["fidelity"], bound=0.6), Bound(path=["shift"], bound=0.8, side="most")]
    made = samples.edit(0, 4.0, aspects={"fidelity": 0.9, "shift": 0.1, "noise": 0}, bounds=bounds)
    seen = visit(Report(edits=[made]))
    seen.page.locator("#grid a").click()
    own = seen.opened().inner_text()
    assert "0.90 (at least 0.6)" in own
    assert "0.10 (at most 0.8)" in own
    seen.page.keyboard.press("Escape")
    assert words(seen, "#edits-title + *").splitlines() == [
        "Figure | Mean | Bound | Edits | Failed",
        "Score, 1 to 5 | 4.00 |  | 1",
        "fidelity | 0.90 | at least 0.6 | 1",
        "noise | 0.00 |  | 1",
        "shift | 0.10 | at most 0.8 | 1",
    ]


def test_before_and_after_stand_side_by_side(visit: Any) -> None:
    report, old = samples.report(), samples.report()
    old.verdicts[1] = samples.entry(77).model_copy(update={"prompt": old.verdicts[1].prompt, "image": "img/5.png"})
    attach(report, scored([*old.verdicts, *old.edits]))
    seen = visit(report)
    seen.page.goto(seen.page.url + "#image-1")
    seen.opened()
    assert seen.page.locator("figcaption").all_text_contents() == ["Baseline", "Now"]
    assert seen.page.get_by_role("columnheader", name="Before").is_visible()
    delta = report.verdicts[1].level1["Quality"] - old.verdicts[1].level1["Quality"]
    row = seen.page.get_by_role("dialog").get_by_role("row", name="Quality").first.text_content()
    assert f"{abs(delta):.1f}" in row
    seen.asked.clear()
    seen.asked.append("file:")


def test_an_unreadable_answer_is_quoted_and_its_scores_fit_a_phone(visit: Any) -> None:
    report = samples.report(0, edits=False)
    report.verdicts[0].answers["Aesthetics"] = "<think>A fox.</think>Sorry, <b>no</b>."
    seen = visit(report, viewport={"width": 390, "height": 900})
    seen.page.get_by_role("link", name="unreadable: Aesthetics").click()
    page = seen.opened()
    assert page.get_by_text("Unreadable: Aesthetics: “Sorry, <b>no</b>.”").is_visible()
    assert page.get_by_role("region", name="Scores").evaluate("box => box.scrollWidth <= box.clientWidth")


@pytest.mark.parametrize("kept", [True, False])
def test_an_unchanged_image_stands_alone_and_says_so(visit: Any, kept: bool) -> None:
    report, old = samples.report(2), samples.report(2)
    for each in (report, old):
        each.verdicts[1].pixels = each.edits[1].pixels = "a1"
    if not kept:
        old.verdicts[1].image = ""
    attach(report, scored([*old.verdicts, *old.edits]))
    seen = visit(report)
    seen.page.get_by_role("link", name="test_1 (1.png)").click()
    seen.opened()
    assert seen.page.locator("figcaption").all_text_contents() == ["Image (the same as in the baseline)"]
    assert seen.page.locator("#article .none").count() == 0
    seen.page.keyboard.press("Escape")
    seen.page.get_by_role("link", name="1-edited.png").click()
    seen.opened()
    captions = seen.page.locator("figcaption").all_text_contents()
    assert captions == ["Source", "Edited (the same as in the baseline)", "Change map"]


def test_what_was_not_judged_shows_its_error_and_no_scores(visit: Any) -> None:
    report = samples.report(2, edits=False)
    unread = [[one] for one in LEVEL1]
    report.verdicts[-1] = report.verdicts[-1].model_copy(update={"image": "", "id": "gone", "unreadable": unread})
    seen = visit(report)
    card = seen.page.locator(".card", has_text="gone")
    assert card.locator(".picture").text_content() == "no picture"
    card.click()
    page = seen.opened()
    assert page.get_by_text("Not judged: img/broken-0.png: truncated").is_visible()
    assert page.get_by_text("Nothing was judged.").is_visible()
    assert page.get_by_role("table").count() == 0
    assert "unreadable" not in page.text_content()
    assert "could not be read" not in page.text_content()
    assert page.get_by_text("revision").count() == 0


@pytest.mark.parametrize("width", [400, 900, 1600])
def test_a_wide_table_of_edits_fits(visit: Any, width: int) -> None:
    report = samples.report()
    for each in report.edits:
        each.aspects = {"text_alignment": 4.0, "perceptual_quality_of_the_whole_edited_picture": 3.2}
    seen = visit(report, viewport={"width": width, "height": 900})
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    box = seen.page.get_by_role("region", name="Edits").locator(".scroll")
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_what_failed_stands_above_the_figures(visit: Any) -> None:
    report = samples.report()
    titles = ["Bounds on the mean of the run", "Against the baseline base.json", "Images", "Dimensions", "Edits"]
    assert visit(report).page.locator("main h2").all_text_contents() == titles
    report.verdicts, report.edits = [samples.entry(1, bounds={})], []
    report.suite, report.baseline = report.suite[:1], None
    assert visit(report).page.locator("main h2").all_text_contents() == ["Dimensions", titles[0], "Images"]


def test_the_bounds_of_the_run_fit_a_phone(visit: Any) -> None:
    report = samples.report(2)
    report.suite[
        0
    ].detail = "the interval 60.10 to 64.90 is at or above 50; 3 without Quality (N/A or not asked) left out"
    seen = visit(report, viewport={"width": 390, "height": 900})
    table = seen.page.locator("#bounds table")
    assert table.evaluate("table => table.scrollWidth <= table.parentElement.clientWidth")
    assert seen.page.evaluate("document.documentElement.scrollWidth") == 390
    for words in ("62.50", "60.10 to 64.90", "is at or above 50"):
        box = table.get_by_text(words).first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_the_largest_drop_can_come_first(visit: Any) -> None:
    report, old = samples.report(edits=False), samples.report(edits=False)
    for entry in old.verdicts[:12]:
        entry.total = 100.0 if entry.image == "img/3.png" else entry.total
    attach(report, scored(old.verdicts))
    seen = visit(report)
    seen.page.get_by_role("combobox", name="Sort").select_option(label="largest drop first")
    assert seen.titles()[0] == "test_3 (3.png)"


def test_a_cached_verdict_says_so_and_when_it_was_judged(visit: Any) -> None:
    report = samples.report(2, edits=False)
    report.verdicts[1] = report.verdicts[1].model_copy(update={"source": "store", "judged_at": "2025-05-05T05:05:05Z"})
    seen = visit(report)
    seen.page.get_by_role("link", name="test_1 (1.png)").click()
    seen.page.get_by_text("cached, judged 2025-05-05T05:05:05Z").wait_for()
    seen.page.keyboard.press("Escape")
    seen.page.get_by_role("link", name="prompt 0:").click()
    seen.opened()
    assert seen.page.get_by_text("cached, judged").count() == 0


def test_failed_only_leaves_out_what_passed(visit: Any) -> None:
    seen = visit(samples.report(), failed_only=True)
    assert "✓ passed" not in seen.badges()
    assert len(seen.titles()) == 12
    assert "Only what did not pass is shown" in seen.page.locator("header").text_content()
    of_the_whole_run = "9 of 17 images and edits failed and 3 were not judged"
    assert of_the_whole_run in seen.page.locator("h1").text_content()


HOSTILE = [
    samples.HOSTILE,
    "</script><script>document.title='pwned'</script>",
    "<!--<script>",
    "<img src='https://example.invalid/x.png' onerror=\"document.title='pwned'\">",
    "{{ 7 * 7 }} {% raw %}",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_from_outside_is_acted_on(visit: Any, text: str) -> None:
    report = samples.report(2)
    first = samples.entry(1).model_copy(
        update={
            "prompt": text, "id": text, "test": text, "where": text, "image": text, "error": text, "outcome": "error",
            "answers": {text: f"<think>{text}</think>{text}"}, "fingerprint": {text: text, "nested": {"a": [text]}},
            "problems": [ProblemEntry(path=[text], kind="fenced", detail=text)], "unreadable": [[text]],
            "thresholds": text, "key": text, "seed": text,
        }
    )  # fmt: skip
    noise = first.level3["Quality"]["Detail"]
    noise["Noise"] = noise["Noise"].model_copy(update={"evidence": text})
    report.verdicts.insert(0, first)
    report.run.judges[0].model = text
    report.suite[0].detail = text
    report.baseline = {"file": text, "rows": [{"path": [text], "detail": text}], "warnings": [text]}
    seen = visit(report)
    seen.page.goto(seen.page.url + "#image-0")
    seen.opened()
    seen.page.get_by_text("Reasoning", exact=True).click()
    seen.page.get_by_text("Raw answer", exact=True).click()
    assert seen.page.evaluate("window.pwned") is None
    assert "pwned" not in seen.page.title()
    assert seen.page.locator("script").count() == 4
    assert seen.page.locator("img[onerror], a[href^=javascript]").count() == 0
    assert "49" not in seen.page.locator("#page-title").text_content()
    seen.asked.clear()
    seen.asked.append("file:")


def test_the_policy_refuses_what_is_put_into_the_page_later(visit: Any) -> None:
    seen = visit(samples.report(2))
    ran = seen.page.evaluate(
        """async () => {
            const node = document.createElement('img');
            const refused = new Promise((done) => node.addEventListener('error', () => done(true)));
            node.src = 'http://127.0.0.1:9/x.png';
            document.body.append(node);
            return await refused;
        }"""
    )
    assert ran
    assert any("Content Security Policy" in text for text in seen.said)
    seen.said.clear()
    seen.asked[:] = [url for url in seen.asked if not url.startswith("http://127.0.0.1:9/")]


def test_large_answers_are_unpacked(visit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_imagejudge.renderers.html_payload.PLAIN", 0)
    seen = visit(samples.report(2))
    assert "Physical Logic holds" not in seen.page.locator("#answers").text_content()
    seen.page.get_by_role("link", name="test_1 (1.png)").first.click()
    seen.page.get_by_text("Reasoning", exact=True).click()
    seen.page.locator("p.text", has_text="Physical Logic holds").wait_for()


def test_a_picture_that_is_gone_says_so(visit: Any, folder: Path) -> None:
    (folder / "img" / "1.png").unlink()
    seen = visit(samples.report(2, edits=False))
    assert (
        seen.page.locator(".card", has_text="prompt 1:").locator(".picture").text_content() == "img/1.png: no such file"
    )


@pytest.mark.parametrize("width", [1280, 390])
def test_no_serious_fault_in_accessibility(visit: Any, width: int) -> None:
    seen = visit(samples.report(4), viewport={"width": width, "height": 900})
    assert seen.faults() == []
    seen.page.locator("#grid a").first.click()
    seen.opened()
    assert seen.faults() == []
    wide = seen.page.evaluate("[document.documentElement.scrollWidth, document.getElementById('page').scrollWidth]")
    assert max(wide) <= width


def test_a_long_badge_is_whole_on_a_phone(visit: Any) -> None:
    again = samples.entry(1, bounds={("Quality",): 99}).model_copy(update={"repeat": 1})
    seen = visit(Report(verdicts=[samples.entry(1, bounds={}), again]), viewport={"width": 390, "height": 800})
    badge = seen.page.get_by_text("✗ failed, judged again")
    assert badge.evaluate(
        "node => node.getBoundingClientRect().right <= node.closest('.words').getBoundingClientRect().right"
    )
