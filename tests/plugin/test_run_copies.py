from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.stand_in.project import Project

DECODES_NOTHING_AT_THE_END = """
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session):
    "Where reports are written, not a picture is decoded."
    if hasattr(session.config, "workerinput"):
        return (yield)
    from pytest_imagejudge.images import loading

    def refuse(*args):
        raise loading.ImageError("decoded once more")

    decode, loading.decode = loading.decode, refuse
    try:
        return (yield)
    finally:
        loading.decode = decode
"""
JUDGED = """
import pytest

@pytest.mark.parametrize("kind", ["bad", "fair", "good"])
def test_one(image_judge, kind):
    image_judge.expect(f"{kind}.png", prompt="a fox")
"""


def pictures(page: Path) -> list[str]:
    """The data of each picture's URI in a page."""
    return re.findall(r'"data:image/jpeg;base64,([^"]+)"', page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "workers"])
def test_the_page_shows_copies_that_were_made_while_the_judge_worked(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.tests(JUDGED)
    (project.path / "conftest.py").write_text(DECODES_NOTHING_AT_THE_END)
    result = project.run("--judge-report=page.html", *workers)
    result.assert_outcomes(passed=2, failed=1)
    text = (project.path / "page.html").read_text(encoding="utf-8")
    assert "decoded once more" not in text
    assert len(set(pictures(project.path / "page.html"))) == 3


def test_no_picture_is_copied_where_no_page_is_asked_for(project: Project) -> None:
    project.tests(JUDGED)
    (project.path / "conftest.py").write_text(
        "import sys\n\ndef pytest_unconfigure():\n"
        "    assert 'pytest_imagejudge.renderers.small_copies' not in sys.modules\n"
    )
    result = project.pytester.runpytest_subprocess(*project.arguments("--judge-report=report.md"))
    result.assert_outcomes(passed=2, failed=1)
    assert not result.errlines  # where the assertion of its end would be


def test_stored_answers_too_have_pictures_and_nothing_else_is_left(project: Project) -> None:
    project.tests(JUDGED)
    project.run()
    folder = project.path / "pages"
    result = project.run("--judge-report=pages/page.html")
    result.assert_outcomes(passed=2, failed=1)
    assert len(set(pictures(folder / "page.html"))) == 3
    assert [path.name for path in folder.iterdir()] == ["page.html"]


def test_copies_beside_the_json_report(project):
    project.tests(
        """
        def test_it(image_judge):
            image_judge.expect("good.png", prompt="a fox")
        """
    )
    project.run("--judge-report=out/shard.json", "--judge-pictures").assert_outcomes(passed=1)
    (entry,) = json.loads((project.path / "out/shard.json").read_text())["verdicts"]
    assert entry["image"] == "../good.png"
    assert (project.path / "out" / entry["copies"]["image"]).is_file()
    (entry,) = project.report["verdicts"]  # beside each report of its own
    assert entry["copies"]["image"].startswith("imagejudge-pictures/")
    project.run()
    assert project.report["verdicts"][0]["copies"] == {}
