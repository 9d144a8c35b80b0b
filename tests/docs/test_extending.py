"""The package that the page on extending writes: built, installed where nothing else is, and tested."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, examples

NAME = "imgedit_judge"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the page, in a folder beside the sample pictures."""
    folder = tmp_path_factory.mktemp("extending")
    (folder / "fixtures").mkdir()
    for name in ("coffee.jpg", "coffee_blue_cup.jpg"):
        shutil.copy(ROOT / "fixtures" / name, folder / "fixtures")
    for example in examples(DOCS / "extending.md"):
        name = example.says.get("file", "")
        if name.startswith(f"{NAME}/"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(example.text, encoding="utf-8")
    return folder / NAME


@pytest.fixture(scope="module")
def environment(package: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What finds the package only as its wheel installs it, and no index to fetch anything from."""
    site = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source") / NAME
    shutil.copytree(package, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-index", "--no-deps"]
    command = [*pip, "--no-build-isolation", "--target", str(site), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    (package / f"{NAME}.py").unlink()  # only the installed one is left
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_", "CI"))}
    return {
        **variables,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(site)]),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "-p pytest_imagejudge.plugin -p no:cacheprovider",
        "IMAGEJUDGE_CACHE": str(site / "cache"),
        "IMAGEJUDGE_OFFLINE": "1",
    }


def test_the_protocol_is_one_file_of_at_most_60_lines() -> None:
    (code,) = [one for one in examples(DOCS / "extending.md") if one.says.get("file") == f"{NAME}/{NAME}.py"]
    assert len(code.text.splitlines()) <= 60


def test_the_installed_package_passes_its_tests(package: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "pytest", "--edit-judge-model", "canned", "--edit-judge-protocol", "imgedit"]
    done = subprocess.run(command, cwd=package, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "11 passed" in done.stdout
    assert "canned, protocol imgedit" in done.stdout


def test_an_edit_without_its_type_is_an_error(package: Path, environment: dict[str, str]) -> None:
    manifest = package / "typeless.csv"
    lines = (package / "edits.imagejudge.csv").read_text().splitlines()
    manifest.write_text(
        "\n".join([lines[0], lines[1].replace("adjust", "adjsut"), lines[1][:-6].replace("blue,", "b,", 1)])
    )
    judge = ["--edit-judge-model", "canned", "--edit-judge-protocol", "imgedit"]
    pytest_imagejudge = [sys.executable, "-m", "pytest", "--judge-manifest", manifest.name, *judge, manifest.name]
    done = subprocess.run(pytest_imagejudge, cwd=package, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 1, done.stdout + done.stderr
    assert 'edit_type: "adjsut" (did you mean "adjust"?); protocol imgedit asks by the type of an edit' in done.stdout
    assert "edit_type: none; protocol imgedit asks by the type of an edit: add, adjust" in done.stdout


def test_recorded_answers_are_read_by_type(package: Path, environment: dict[str, str]) -> None:
    lines = [{"id": i, "dimension": "adjust", "text": text} for i, text in enumerate(("A: 4\nB: 5\nC: 3", "A: 4"))]
    (package / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = [sys.executable, "-m", "pytest_imagejudge", "protocol", "read", "--protocol", "imgedit", "answers.jsonl"]
    done = subprocess.run(command, cwd=package, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    read, unread = map(json.loads, done.stdout.splitlines())
    assert (read["score"], read["aspects"]) == (4, {"A": 4, "B": 5, "C": 3})
    assert (unread["score"], unread["unreadable"]) == (None, [["adjust"]])
