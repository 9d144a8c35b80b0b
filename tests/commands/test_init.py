"""`imagejudge init`: what it writes runs, and nothing is written over."""

from __future__ import annotations

import shlex
import warnings
from pathlib import Path

import pytest
import yaml

from pytest_imagejudge.cli import main


def test_what_it_writes_runs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pytester.path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    assert main(["init"]) == 0
    result = pytester.runpytest_subprocess(
        "-pimagejudge",
        "--judge-model=signals",
        "--judge-thresholds=thresholds.toml",
        "--judge-report=report.json",
        "-p",
        "no:cacheprovider",
    )
    # the test, and the bound on the suite, which one image does not decide
    assert result.parseoutcomes() == {"passed": 1, "undecided": 1}
    assert (pytester.path / "report.json").is_file()


def test_the_workflow_is_for_the_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path), "--judge-model", "Qwen/Qwen-Image-Bench"]) == 0
    workflow = (tmp_path / ".github/workflows/imagejudge.yml").read_text()
    assert "pytest-imagejudge[vllm]" in workflow
    assert "runs-on: [self-hosted, gpu]" in workflow
    assert "${{ github.run_id }}" in workflow
    assert 'extends = "default"' in (tmp_path / "thresholds.toml").read_text()
    assert str(tmp_path / "thresholds.toml") in capsys.readouterr().out


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thresholds.toml").write_text("mine")
    assert main(["init", str(tmp_path)]) == 2
    assert "thresholds.toml; give --force" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thresholds.toml"]
    assert main(["init", str(tmp_path), "--force"]) == 0
    assert (tmp_path / "thresholds.toml").read_text() != "mine"


def test_the_workflow_keeps_the_answers_of_a_run_that_failed(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path)]) == 0
    text = (tmp_path / ".github/workflows/imagejudge.yml").read_text()
    steps = yaml.safe_load(text)["jobs"]["judge"]["steps"]
    action = (Path(__file__).parents[2] / ".github/actions/imagejudge/action.yml").read_text()
    kept = {one["uses"].partition("@")[0]: one for one in steps if "cache" in one.get("uses", "")}
    restore, save = kept["actions/cache/restore"], kept["actions/cache/save"]
    assert len(kept) == 2
    assert save["if"] == "always()"
    assert save["with"] == {name: restore["with"][name] for name in ("path", "key")}
    for line in (line.strip(" -") for line in text.splitlines() if "actions/cache" in line):
        assert line in action  # the same commit and version
    assert 'pip install "pytest-imagejudge[signals]"  # and your own package: pip install -e .' in text


@pytest.mark.parametrize("judge", ["C:\\models\\q", '"""', "a'b", "x\\"])
def test_a_judges_name_leaves_python_and_yaml_whole(tmp_path: Path, judge: str) -> None:
    assert main(["init", str(tmp_path), "--judge-model", judge]) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compile((tmp_path / "tests/test_images.py").read_text(), "test_images.py", "exec")
    workflow = yaml.safe_load((tmp_path / ".github/workflows/imagejudge.yml").read_text())
    (run,) = [one["run"] for one in workflow["jobs"]["judge"]["steps"] if "pytest --" in one.get("run", "")]
    assert shlex.split(run)[:3] == ["pytest", "--judge-model", judge]


def test_names_are_quoted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "a b"), "--judge-model", "my #judge"]) == 0
    workflow = yaml.safe_load((tmp_path / "a b/.github/workflows/imagejudge.yml").read_text())
    runs = [step.get("run", "") for step in workflow["jobs"]["judge"]["steps"]]
    assert any("--judge-model 'my #judge' --judge-thresholds" in text for text in runs)
    error = capsys.readouterr().err
    assert "a b' && pytest --judge-model 'my #judge'" in error
    with pytest.raises(SystemExit, match="2"):
        main(["init", ""])
