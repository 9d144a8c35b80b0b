"""The pages and settings for contributors name only what is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "pytest_imagejudge"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
NAME_MAKE = ["CONTRIBUTING.md", "RELEASING.md", "README.md", ".ci/run", ".github/workflows/ci.yml",
             ".github/workflows/release.yml", ".github/pull_request_template.md"]  # fmt: skip


@pytest.mark.parametrize("page", NAME_MAKE)
def test_the_targets_that_are_named_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^\$ |^- run: |^ *- run: |^|`)make ([a-z-]+)", text, re.MULTILINE))
    assert named, "it names no target"
    assert named <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def test_the_hooks_of_pre_commit_run_what_make_lint_runs() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooked = [hook["entry"].split() for repo in config["repos"] for hook in repo["hooks"]]
    recipe = MAKEFILE.partition("\nlint:")[2].partition("\n\n")[0]
    linted = [line.split() for line in re.findall(r"^\t\$\(BIN\)/(.*)", recipe, re.MULTILINE)]
    programs = [(entry[0].removeprefix(".venv/bin/"), *entry[1:2]) for entry in hooked]
    assert [one for one in programs if one[0] != "ruff"] == [tuple(line) for line in linted if line[0] != "ruff"]
    assert [one for one in programs if one[0] == "ruff"] == [tuple(line[:2]) for line in linted if line[0] == "ruff"]


def test_the_modules_that_architecture_names_exist() -> None:
    if not (PACKAGE / "scoring").is_dir():
        pytest.skip("the page is written for the packages that are to come")
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    packages = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    table = text.partition("## Packages")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == {
        name for name in packages if not name.startswith("_")
    }
    named = {one for one in re.findall(r"\b([a-z]+\.[a-z_]+)\b", text) if one.partition(".")[0] in packages}
    named -= set(re.findall(r"\b[a-z]+\.md\b", text))
    assert len(named) > 20
    for name in sorted(named):
        path = PACKAGE / name.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), name


def test_the_layers_that_contributing_names_are_those_of_the_contract() -> None:
    every = PYPROJECT["tool"]["importlinter"]["contracts"]
    contracts = [one for one in every if one["type"] == "layers" and one.get("containers") == ["pytest_imagejudge"]]
    if not contracts:
        pytest.skip("the page is written for the contract that is to come")
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = text.partition("## Layers")[2].partition("```text\n")[2].partition("```")[0]
    assert [layer.strip() for layer in named.split(">")] == contracts[0]["layers"]


def test_fragments_are_of_a_known_type_and_say_something() -> None:
    types = {one["directory"] for one in PYPROJECT["tool"]["towncrier"]["type"]}
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Changelog")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", contributing, re.MULTILINE)) == types
    for path in (ROOT / "changelog.d").iterdir():
        if path.name != "README.md":
            assert re.fullmatch(rf"(\d+|\+\w+)\.({'|'.join(types)})\.md", path.name), path.name
            assert path.read_text(encoding="utf-8").strip(), path.name


def test_towncrier_finds_where_to_write() -> None:
    start = PYPROJECT["tool"]["towncrier"]["start_string"]
    assert (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").count(start) == 1


def test_the_source_archive_holds_what_the_pages_link_to() -> None:
    included = PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    for name in included:
        assert (ROOT / name).exists(), name
    for page in ("README.md", "CONTRIBUTING.md", "RELEASING.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)\s#]+)", text):
            if not target.startswith("https:"):
                assert Path(target).parts[0] in included, f"{page}: {target}"
