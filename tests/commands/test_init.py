"""`imagejudge init`: what it writes runs, and nothing is written over."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pytest_imagejudge.cli import main


def test_what_it_writes_runs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pytester.path)
    assert main(["init"]) == 0
    result = pytester.runpytest_subprocess(
        "--judge-model=signals",
        "--judge-thresholds=thresholds.toml",
        "--judge-report=report.json",
        "-p",
        "no:cacheprovider",
    )
    result.assert_outcomes(passed=2)  # the test, and the bound on the suite
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


def test_names_are_quoted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "a b"), "--judge-model", "my #judge"]) == 0
    workflow = yaml.safe_load((tmp_path / "a b/.github/workflows/imagejudge.yml").read_text())
    runs = [step.get("run", "") for step in workflow["jobs"]["judge"]["steps"]]
    assert any("--judge-model 'my #judge' --judge-thresholds" in text for text in runs)
    error = capsys.readouterr().err
    assert "a b' && pytest --judge-model 'my #judge'" in error
    with pytest.raises(SystemExit, match="2"):
        main(["init", ""])
