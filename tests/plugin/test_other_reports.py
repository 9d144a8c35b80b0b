"""Pictures and scores in the reports of other tools."""

from __future__ import annotations

import base64
import html
import json
import re
import xml.etree.ElementTree as ElementTree
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.stand_in.project import Project

TESTS = """
import pytest
from PIL import Image

@pytest.mark.parametrize("picture", ["good", "bad"])
def test_expect(image_judge, picture):
    image_judge.expect(f"{picture}.png", prompt="a red fox")

@pytest.mark.parametrize("picture", ["fair", "bad"])
def test_check(image_judge, picture):
    image_judge.check(Image.open(f"{picture}.png"), prompt="a <b>fox</b> in memory")

def test_score(image_judge):
    assert image_judge.score("fair.png", prompt="scored").total > 90
"""


def texts_of(project: Project) -> dict[str, str]:
    """What JUnit's file says of each test in ``system-out``."""
    found = {}
    for case in ElementTree.parse(project.path / "junit.xml").iter("testcase"):
        said = case.findall("system-out")
        assert len(said) <= 1
        assert said == [] or list(case)[-1] is said[0]  # below the failure
        found[str(case.get("name"))] = "" if not said else str(said[0].text)
    return found


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_junit_has_the_tree_and_the_pictures(project: Project, workers: tuple[str, ...]) -> None:
    project.tests(TESTS)
    project.run("--junit-xml=junit.xml", *workers, process=bool(workers)).assert_outcomes(passed=2, failed=3)
    found = texts_of(project)
    assert len(found) == 5
    bad = found["test_expect[bad]"]
    assert bad.startswith("test_expect[bad] (bad.png): Total 0.0 < 45.0")
    assert "├─ Quality" in bad
    assert bad.splitlines()[-1] == f"[[ATTACHMENT|{project.path / 'bad.png'}]]"
    good = found["test_expect[good]"]
    assert good.startswith("test_expect[good] (good.png): passed")
    assert "Quality 100.0" in good
    assert "├─" not in good
    kept = re.findall(r"\[\[ATTACHMENT\|(.*)]]", found["test_check[bad]"])
    assert [Path(path).is_file() for path in kept] == [True]
    assert "ATTACHMENT" not in found["test_check[fair]"]  # that copy does not stay
    assert found["test_score"].startswith("test_score (fair.png): scored 60.0")


MISSPELT = """
def test_misspelt(image_judge):
    image_judge.expect("misspelt.png", prompt="a red fox")
"""


def test_a_missing_picture_is_no_attachment(project: Project) -> None:
    project.tests(MISSPELT)
    project.manifest("rows.imagejudge.jsonl", [{"ID": "a", "prompt": "a fox", "image_path": "misspelt.png"}])
    project.run("--junit-xml=junit.xml").assert_outcomes(failed=2)
    found = texts_of(project)
    assert found["test_misspelt"].splitlines()[-1] == f"missing picture: {project.path / 'misspelt.png'}"
    assert "ATTACHMENT" not in found["test_misspelt"]
    assert 'no file "misspelt.png"' in found["a"]
    assert "in memory" not in found["a"]


def test_allure_says_which_picture_is_missing(project: Project) -> None:
    pytest.importorskip("allure_pytest", reason="pip install allure-pytest")
    project.plugins += ["allure_pytest"]
    project.tests(MISSPELT)
    project.run("--alluredir=own", process=True).assert_outcomes(failed=1)
    (result,) = (json.loads(path.read_text()) for path in (project.path / "own").glob("*-result.json"))
    names = {each["name"]: each["source"] for each in result["attachments"]}
    said = (project.path / "own" / names["Image, missing: test_misspelt (misspelt.png)"]).read_text()
    assert said == f"missing picture: {project.path / 'misspelt.png'}"


def test_gitlab_looks_for_pictures_from_the_projects_folder(project: Project) -> None:
    project.environ("GITLAB_CI", "true")
    project.environ("CI_PROJECT_DIR", str(project.path.parent))
    project.tests(TESTS)
    project.run("--junit-xml=junit.xml", "-k", "expect and bad")
    assert f"[[ATTACHMENT|{project.path.name}/bad.png]]" in texts_of(project)["test_expect[bad]"]


def test_a_manifests_row_is_told_too(project: Project) -> None:
    project.manifest("rows.imagejudge.jsonl", [{"ID": "7", "prompt": "a fox", "image_path": "bad.png"}])
    project.run("--junit-xml=junit.xml")
    (text,) = texts_of(project).values()
    assert text.startswith("7: Total 0.0 < 45.0")


def extras_of(page: Path) -> dict[str, list[dict[str, Any]]]:
    """The extras in pytest-html's page, by test."""
    (data,) = re.findall(r'data-jsonblob="([^"]+)"', page.read_text(encoding="utf-8"))
    tests = json.loads(html.unescape(data))["tests"]
    return {name: [each for run in runs for each in run["extras"]] for name, runs in tests.items()}


def content(extra: dict[str, Any]) -> bytes:
    return base64.b64decode(extra["content"].partition("base64,")[2])


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_pytest_html_has_the_tree_and_small_pictures(project: Project, workers: tuple[str, ...]) -> None:
    project.tests(TESTS)
    project.as_installed()
    result = project.run("--html=all.html", "--self-contained-html", *workers, process=bool(workers))
    result.assert_outcomes(passed=2, failed=3)
    found = extras_of(project.path / "all.html")
    for name in ("test_expect[good]", "test_expect[bad]", "test_check[fair]", "test_check[bad]", "test_score"):
        image, scores = found[f"test_it.py::{name}"][:2]
        assert (image["format_type"], image["name"], scores["name"]) == ("image", "Image", "Scores")
        assert Image.open(BytesIO(content(image))).format == "JPEG"
        text = content(scores).decode()
        assert text.startswith(name)
        assert "├─ Quality" in text


def test_an_edit_has_both_pictures_and_its_figures(project: Project) -> None:
    project.tests(
        """
        def test_edit(edit_judge):
            edit_judge.expect("fair.png", "good.png", instruction="brighter")
        """
    )
    project.as_installed()
    project.run("--html=all.html", "--self-contained-html", "--edit-judge-model=stand-in")
    (extras,) = extras_of(project.path / "all.html").values()
    assert [each["name"] for each in extras] == ["Edited", "Source", "Scores"]
    assert re.search(r"^scores: score \d\.\d\d", content(extras[2]).decode(), re.MULTILINE)


def test_a_picture_that_is_gone_leaves_the_tree(project: Project) -> None:
    project.tests("def test_gone(image_judge):\n    image_judge.expect('gone.png', prompt='a fox')\n")
    project.as_installed()
    project.run("--html=all.html", "--self-contained-html").assert_outcomes(failed=1)
    (extras,) = extras_of(project.path / "all.html").values()
    assert [each["name"] for each in extras] == ["Scores"]
    assert b"no such file" in content(extras[0])


def test_allure_has_the_picture_and_the_tree(project: Project) -> None:
    pytest.importorskip("allure_pytest", reason="pip install allure-pytest")
    project.tests(TESTS)
    project.as_installed()
    project.run("--alluredir=own", process=True).assert_outcomes(passed=2, failed=3)
    results = [json.loads(path.read_text(encoding="utf-8")) for path in (project.path / "own").glob("*-result.json")]
    assert len(results) == 5
    for result in results:
        picture, scores = result["attachments"]
        assert picture["name"].startswith(f"Image: {result['name']}")
        with Image.open(project.path / "own" / picture["source"]) as attached:
            assert attached.size == (8, 8)
        assert picture["type"] == "image/png"
        text = (project.path / "own" / scores["source"]).read_text(encoding="utf-8")
        assert scores["name"].startswith(f"Scores: {result['name']}")
        assert "├─ Quality" in text


def test_allure_tells_rows_apart(project: Project) -> None:
    """Allure cuts a name at its first bracket and a file's name at its suffix, and takes what is alike for retries."""
    pytest.importorskip("allure_pytest", reason="pip install allure-pytest")
    rows = [{"ID": f"fox [{kind}]", "prompt": "a fox", "image_path": f"{kind}.png"} for kind in ("bad", "good")]
    project.manifest("rows.imagejudge.jsonl", [*rows, {"ID": "fox [none]"}])
    (project.path / "rows.imagejudge.json").write_text(json.dumps(rows[:1]), encoding="utf-8")
    project.as_installed()
    project.run("--alluredir=own", process=True).assert_outcomes(passed=1, failed=3)
    results = [json.loads(path.read_text(encoding="utf-8")) for path in (project.path / "own").glob("*-result.json")]
    cases = {(result["testCaseId"], *(each["value"] for each in result.get("parameters", ()))) for result in results}
    assert len(results) == len(cases) == len({result["historyId"] for result in results}) == 4


def test_without_such_a_report_nothing_is_made(project: Project) -> None:
    project.tests(
        """
        import sys

        def test_fox(image_judge):
            image_judge.check("good.png", prompt="a fox")
            assert "pytest_imagejudge.renderers.entry_text" not in sys.modules
        """
    )
    result = project.pytester.runpytest_subprocess(*project.arguments())  # no fork, which has all modules
    result.assert_outcomes(passed=1)
