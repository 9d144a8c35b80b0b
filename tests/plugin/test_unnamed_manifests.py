"""Tables that were given to pytest as if they were test files."""

from __future__ import annotations

import pytest

from pytest_imagejudge.plugin import NAMED_MANIFESTS
from tests.stand_in.project import Project

ROWS = '{"prompt": "a red fox", "image_path": "good.png"}\n'


@pytest.mark.parametrize("ending", [ending.removeprefix(".imagejudge") for ending in NAMED_MANIFESTS])
@pytest.mark.parametrize("judge", [True, False])
def test_a_table_is_told_what_to_do(project: Project, ending: str, judge: bool) -> None:
    (project.path / "sub").mkdir()
    (project.path / f"sub/acme{ending}").write_text(ROWS)
    result = project.run(f"sub/acme{ending}", judge=judge)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            f"ERROR: not found: *acme{ending}",
            f"ERROR: sub/acme{ending} is no test file. *rename it to sub/acme.imagejudge{ending}, "
            f"*pytest sub/acme{ending} --judge-manifest sub/acme{ending}",
        ]
    )


def test_the_advice_works(project: Project) -> None:
    (project.path / "acme.JSONL").write_text(ROWS)
    words = project.run("acme.JSONL").stderr.str()
    assert "rename it to acme.imagejudge.jsonl" in words
    assert "--judge-manifest acme.JSONL" in words
    project.tests("def test_of_another_file(): pass")
    project.run("acme.JSONL", "--judge-manifest", "acme.JSONL").assert_outcomes(passed=1)  # and no other test
    project.run("--judge-manifest", "acme.JSONL").assert_outcomes(passed=2)
    (project.path / "acme.JSONL").rename(project.path / "acme.imagejudge.jsonl")
    project.run("acme.imagejudge.jsonl").assert_outcomes(passed=1)


def test_the_advice_can_be_pasted(project: Project) -> None:
    (project.path / "of acme.csv").write_text(ROWS)
    words = project.run("of acme.csv").stderr.str()
    assert "pytest 'of acme.csv' --judge-manifest 'of acme.csv'" in words


def test_each_table_is_named_and_nothing_else(project: Project) -> None:
    project.tests("def test_plain(): pass")
    for name in ("a.csv", "b.csv", "readme.rst"):
        (project.path / name).write_text(ROWS)
    result = project.run("a.csv::x", "test_it.py", "readme.rst", "test_it.py::test_gone", "b.csv")
    errors = [line for line in result.stderr.lines if "no test file" in line]
    assert [line.split()[1] for line in errors] == ["a.csv", "b.csv"]
    assert "no test file" not in project.run("test_it.py::test_gone").stderr.str()
    assert "no test file" not in project.run("gone.csv").stderr.str()  # pytest says that there is no such file


@pytest.mark.parametrize(
    ("args", "file"),
    [((), "acme.imagejudge.csv"), (("--judge-manifest", "acme.csv"), "acme.csv")],
    ids=["by name", "by option"],
)
def test_a_mistyped_row_is_told_with_the_nearest_one(project: Project, args: tuple[str, ...], file: str) -> None:
    (project.path / file).write_text("ID,prompt,image_path\ncoffee,a cup,good.png\nfox [1],a fox,good.png\n")
    result = project.run(f"{file}::cofee", *args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f'ERROR: {file} has no row "cofee" (did you mean "coffee"[?])'])
    assert "no test file" not in result.stderr.str()
    result = project.run(f"{file}::coffee", f"{file}::fox [1]", f"{file}::zzzzzzzz", *args)
    assert [line for line in result.stderr.lines if "has no row" in line] == [f'ERROR: {file} has no row "zzzzzzzz"']


def test_a_row_of_a_manifest_that_cannot_be_read(project: Project) -> None:
    (project.path / "acme.imagejudge.csv").write_text("ID,image_path\ncoffee,good.png\n")
    result = project.run("acme.imagejudge.csv::coffee")
    result.stderr.fnmatch_lines(["ERROR: *acme.imagejudge.csv*prompt*"])
    assert "no test file" not in result.stderr.str()
