"""The projects of ``examples/``: what can be checked without their environments. ``make examples`` runs them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, examples
from tests.docs.test_docs import check_ini, check_spelling

EXAMPLES = ROOT / "examples"
PROJECTS = sorted(path.parent for path in EXAMPLES.glob("*/README.md"))
CI = EXAMPLES / "ci"
STEP = "sh judge.sh"


def tool(name: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_each_is_a_small_project_of_its_own(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (project / "README.md").read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```|<!--.*?-->", "", readme, flags=re.DOTALL)
    assert len([line for line in prose.splitlines() if line.strip()]) <= 10
    consoles = [example for example in examples(project / "README.md") if example.kind == "console"]
    assert consoles
    for example in consoles:
        check_spelling(example, monkeypatch)
        ini = project / "pytest.ini"
        runs_pytest = any(re.search(r"(^| )pytest\b(?!-)", command) for command, _ in example.commands())
        assert ini.is_file() == (runs_pytest or project.name == "ci")  # else the checkout's own would be read
        if ini.is_file():
            keys = re.findall(r"^(\w+) *=", ini.read_text(encoding="utf-8"), re.MULTILINE)
            check_ini(keys, example)
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert f"[{project.name}]({project.name}/README.md)" in table


def test_the_pages_of_ci_services_fit_their_schemas() -> None:
    for schema, file in (("vendor.gitlab-ci", ".gitlab-ci.yml"), ("vendor.buildkite", ".buildkite/pipeline.yml")):
        command = [tool("check-jsonschema"), "--builtin-schema", schema, str(CI / file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert STEP in (CI / file).read_text(encoding="utf-8")


def test_the_container_passes_its_linter() -> None:
    done = subprocess.run([tool("hadolint"), str(CI / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert re.search(r'^CMD \["sh", "judge.sh"\]$', (CI / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_jenkinsfile_is_a_pipeline() -> None:
    parsing = pytest.importorskip("tree_sitter")
    groovy = pytest.importorskip("tree_sitter_groovy")
    parser = parsing.Parser(parsing.Language(groovy.language()))
    text = (CI / "Jenkinsfile").read_bytes()
    tree = parser.parse(text)
    assert not tree.root_node.has_error
    assert parser.parse(text.replace(b"}", b"", 1)).root_node.has_error  # it would be told
    names = re.findall(rb"^ *(\w+)(?:\('images'\))? \{", text, re.MULTILINE)
    assert names == [b"pipeline", b"agent", b"stages", b"stage", b"steps", b"post", b"always"]
    assert f"sh '{STEP}'".encode() in text


def test_the_shell_step_is_sound() -> None:
    for shell in ("sh", "bash"):
        done = subprocess.run([tool(shell), "-n", str(CI / "judge.sh")], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
