"""The page of one image in the HTML report, and what the report's address remembers, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_imagejudge.report.ci_run import ci_run_of
from pytest_imagejudge.report.json_file import write
from pytest_imagejudge.report.model import CiRun, Report, Run
from pytest_imagejudge.scoring.verdict import Raw
from pytest_imagejudge.statistics.earlier_run import attach
from pytest_imagejudge.statistics.history import attach_history
from pytest_imagejudge.statistics.pairing import scored
from pytest_imagejudge.taxonomy import FACETS
from pytest_imagejudge.taxonomy import Path as FacetPath
from tests.renderers.conftest import Visit
from tests.report import samples
from tests.report.test_ci_run import GITHUB


def go_to(seen: Visit, hash_: str) -> Any:
    """Open the page at an address, as somebody who was sent it does."""
    seen.page.goto("about:blank")
    seen.page.goto(seen.asked[0].partition("#")[0] + hash_)
    seen.asked[:] = seen.asked[:1]
    return seen.page


def hash_of(seen: Visit) -> str:
    return str(seen.page.evaluate("location.hash"))


def compared() -> Report:
    """A report whose image 1 and edit 1 had another picture in the baseline."""
    report, old = samples.report(4), samples.report(4)
    old.verdicts[1].image, old.edits[1].edited_image = "img/3.png", "img/2-edited.png"
    attach(report, scored(old.every()))
    return report


# --- the address ----------------------------------------------------------------------------------------------------


def test_the_address_keeps_filters_order_and_image(visit: Any) -> None:
    seen = visit(samples.report())
    seen.choose("Failed")
    seen.page.get_by_role("combobox", name="Dimension").select_option(label="Quality")
    seen.page.get_by_role("combobox", name="Sort").select_option(label="highest score first")
    seen.page.get_by_label("Find").fill("fox")
    titles = seen.titles()
    assert 1 < len(titles) < 12
    assert hash_of(seen) == "#outcome=failed&dimension=Quality&sort=high&find=fox"
    seen.page.locator("#grid a").nth(1).click()
    seen.opened()
    address = hash_of(seen)
    seen.page.keyboard.press("ArrowLeft")
    seen.page.wait_for_url(
        lambda url: not url.endswith(address)
    )  # a function would be evaluated, which the page forbids
    seen.page.keyboard.press("Escape")
    seen.page.wait_for_url(lambda url: "#image" not in url)
    assert hash_of(seen) == "#outcome=failed&dimension=Quality&sort=high&find=fox"

    page = go_to(seen, address)
    assert page.locator("#page-title").text_content() == titles[1]
    assert seen.titles() == titles
    assert page.get_by_role("radio", name="Failed").is_checked()
    assert page.locator("#text").input_value() == "fox"


def test_the_address_keeps_what_failed_in_a_dimension(visit: Any) -> None:
    seen = visit(samples.report())
    seen.page.locator("#dimensions").get_by_role("button", name="failed in Realism").click()
    titles, address = seen.titles(), hash_of(seen)
    assert go_to(seen, address).locator("#count").text_content().endswith("not judged there")
    assert seen.titles() == titles


def test_an_address_that_says_nothing_shows_all(visit: Any) -> None:
    seen = visit(samples.report(2))
    assert len(seen.titles()) == 7
    for hash_ in ("#outcome=x&sort=y&dimension=z", "#image-99999", "#image-x", "#figures", "#=", "#%"):
        page = go_to(seen, hash_)
        assert len(seen.titles()) == 7, hash_
        assert not page.locator("#page").is_visible(), hash_


def test_links_within_the_page_keep_the_filters(visit: Any) -> None:
    seen = visit(samples.report(2))
    seen.choose("Failed")
    seen.page.get_by_role("link", name="Dimensions").click()
    assert hash_of(seen) == "#outcome=failed"


# --- pictures -------------------------------------------------------------------------------------------------------


def test_the_picture_stands_beside_its_scores_and_stays(visit: Any) -> None:
    seen = visit(samples.report())
    page = go_to(seen, "#image-7")
    picture, scores = page.locator("#article img"), page.get_by_role("region", name="Scores")
    there, table = picture.bounding_box(), scores.bounding_box()
    assert there["x"] + there["width"] <= table["x"]
    assert there["width"] > 400  # enlarged to the room that there is
    page.get_by_text("Where it comes from").scroll_into_view_if_needed()
    assert 0 < picture.bounding_box()["y"] < 200


def test_a_slider_lies_between_baseline_and_now(visit: Any) -> None:
    seen = visit(compared())
    page = go_to(seen, "#image-1")
    assert page.locator("figcaption").all_text_contents() == ["Baseline", "Now"]
    page.get_by_role("radio", name="Baseline / now").check()
    slider = page.get_by_role("slider", name="Baseline on the left, Now on the right")
    assert page.locator("#article img").evaluate_all("all => all.map((each) => each.alt)") == ["Now", "Baseline"]
    cut = "document.querySelector('.over').computedStyleMap().get('clip-path').toString()"
    assert page.evaluate(cut) == "inset(0px 50% 0px 0px)"
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")  # moves the slider, not to the next image
    assert page.evaluate(cut) == "inset(0px 45% 0px 0px)"
    assert page.locator("#page-title").text_content() == "test_1 (1.png)"
    page.get_by_role("radio", name="Side by side").check()
    assert page.locator("figcaption").all_text_contents() == ["Baseline", "Now"]


def test_an_edit_has_a_slider_to_its_source_and_to_the_baseline(visit: Any) -> None:
    seen = visit(compared())
    page = go_to(seen, f"#image-{4 + 2 + 1}")
    assert page.locator("figcaption").all_text_contents() == ["Source", "Edited, baseline", "Edited, now", "Change map"]
    for view, names in (("Source / edited", ["Edited", "Source"]), ("Baseline / now", ["Now", "Baseline"])):
        page.get_by_role("radio", name=view).check()
        assert page.locator("#article img").evaluate_all("all => all.map((each) => each.alt)") == names


def test_where_a_picture_is_gone_there_is_no_slider(visit: Any, folder: Path) -> None:
    report = compared()
    (folder / "img" / "3.png").unlink()
    page = go_to(visit(report), "#image-1")
    assert page.locator(".views").count() == 0
    assert "no such file" in page.locator("#article figure").first.text_content()


@pytest.mark.parametrize("width", [1280, 390])
def test_slider_and_history_have_no_fault_in_accessibility(visit: Any, width: int) -> None:
    seen = visit(compared(), viewport={"width": width, "height": 900})
    page = go_to(seen, "#image-1")
    assert page.locator(".runs").count() == 1
    page.get_by_role("radio", name="Baseline / now").check()
    page.get_by_text("Key and fingerprint").click()
    assert seen.faults() == []
    assert page.evaluate("document.getElementById('page').scrollWidth") <= width


# --- bounds, history, where it comes from ---------------------------------------------------------------------------


def test_a_facet_that_may_not_fail_has_no_tick_and_no_red_mean(visit: Any) -> None:
    noise = ("Quality", "Detail", "Noise")
    entries = []
    for number, raw in enumerate((0, 0, 1, 1)):
        scores: dict[FacetPath, Raw] = {path: raw if path == noise else 2 for path in FACETS}
        entries.append(samples.entry(number, {noise: 60.0, noise[:1]: 70.0}, samples.verdict(number, scores)))
    seen = visit(Report(verdicts=entries), own_bounds=True)
    row = seen.page.locator("#dimensions tr", has=seen.page.get_by_role("rowheader", name="Noise"))
    assert row.locator("td").all_text_contents()[:2] == ["30.0", "not 0"]
    assert "2 failed" in row.text_content()
    assert row.locator("line").count() == 0
    assert row.locator(".number.bad, .missed").count() == 0
    quality = seen.page.locator("#dimensions tr", has=seen.page.get_by_role("rowheader", name="Quality", exact=True))
    assert quality.locator("line").count() == 1
    page = go_to(seen, "#image-2")
    row = page.locator("#article tr", has=page.get_by_role("rowheader", name="Noise"))
    assert row.locator("line").count() == 0
    assert "60.0" in row.text_content()


def test_an_image_shows_its_scores_over_earlier_runs(visit: Any, folder: Path) -> None:
    files = []
    for day, score in enumerate((50.0, 71.25), 1):
        earlier = samples.report(2)
        earlier.run = Run(started=f"2026-01-0{day}T08:00:00+00:00", ci=CiRun(commit=f"{day}" * 40))
        earlier.verdicts[1].total, earlier.edits[0].score = score, 2.0 + day
        write(earlier, folder / f"{day}.json")
        files.append(folder / f"{day}.json")
    report = samples.report(2)
    assert attach_history(report, files) == len([*report.every()])
    seen = visit(report)
    page = go_to(seen, "#image-1")
    assert page.get_by_role("heading", name="Over the last 3 runs").is_visible()
    rows = page.locator(".runs tbody tr").all_text_contents()
    now = report.verdicts[1]
    assert rows == [
        f"this run{now.total:.1f}{now.outcome}",
        f"2026-01-02 08:00{'2' * 10}71.3{now.outcome}",
        f"2026-01-01 08:00{'1' * 10}50.0{now.outcome}",
    ]
    assert page.locator(".history .point").count() == 3
    assert go_to(seen, "#image-4").locator(".runs tbody tr").nth(1).text_content().endswith("4.00passed")


def test_without_earlier_runs_there_is_no_history(visit: Any) -> None:
    assert go_to(visit(samples.report(2)), "#image-1").locator(".runs").count() == 0


def test_the_head_leads_to_the_ci_run(visit: Any) -> None:
    report = samples.report(2)
    report.run.ci = ci_run_of({**GITHUB, "GITHUB_REF": "refs/pull/7/merge", "GITHUB_HEAD_REF": "<b>red</b>"})
    seen = visit(report)
    links = seen.page.locator("header .facts a")
    assert links.evaluate_all("all => all.map((each) => [each.textContent, each.getAttribute('href')])") == [
        ["#7", "https://github.com/acme/fox/pull/7"],
        ["0f1e2d3c4b", f"https://github.com/acme/fox/commit/{GITHUB['GITHUB_SHA']}"],
        ["GitHub Actions #12 (image quality / images)", "https://github.com/acme/fox/actions/runs/99"],
    ]
    assert "<b>red</b>" in seen.page.locator("header").text_content()


def test_a_report_from_elsewhere_links_to_nothing_but_web_pages(visit: Any) -> None:
    report = samples.report(2)
    report.run.ci = CiRun(commit="f00", commit_url="javascript:pwned()", number="1", url="file:///etc/passwd")
    seen = visit(report)
    assert seen.page.locator("header .facts a").count() == 0
    assert "f00" in seen.page.locator("header").text_content()


def test_of_one_image_there_is_nothing_to_choose_from(visit: Any) -> None:
    seen = visit(Report(verdicts=[samples.entry(1, bounds={})]))
    assert not seen.page.locator("#controls").is_visible()
    assert seen.titles() == ["test_1 (1.png)"]
