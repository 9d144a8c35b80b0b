"""`imagejudge init`: what it writes runs, and nothing is written over."""

from __future__ import annotations

import shlex
import warnings
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize("judge", ["C:\\models\\q", 'a/"""', "a/b'c", "x\\"])
def test_a_judges_name_leaves_python_and_yaml_whole(tmp_path: Path, judge: str) -> None:
    assert main(["init", str(tmp_path), "--judge-model", judge]) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compile((tmp_path / "tests/test_images.py").read_text(), "test_images.py", "exec")
    workflow = yaml.safe_load((tmp_path / ".github/workflows/imagejudge.yml").read_text())
    (run,) = [one["run"] for one in workflow["jobs"]["judge"]["steps"] if "pytest --" in one.get("run", "")]
    assert shlex.split(run)[:3] == ["pytest", "--judge-model", judge]


def test_names_are_quoted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "a b"), "--judge-model", "my/ #judge"]) == 0
    workflow = yaml.safe_load((tmp_path / "a b/.github/workflows/imagejudge.yml").read_text())
    runs = [step.get("run", "") for step in workflow["jobs"]["judge"]["steps"]]
    assert any("--judge-model 'my/ #judge' --judge-thresholds" in text for text in runs)
    error = capsys.readouterr().err
    assert "a b' && pytest --judge-model 'my/ #judge'" in error
    with pytest.raises(SystemExit, match="2"):
        main(["init", ""])


HOSTED = ("--judge-url=https://api.example.com/v1", "--judge-model=gpt-4o")


def hosted_step(folder: Path) -> dict[str, Any]:
    job = yaml.safe_load((folder / ".github/workflows/imagejudge.yml").read_text())["jobs"]["judge"]
    assert job["runs-on"] == "ubuntu-latest"
    (step,) = [one for one in job["steps"] if "pytest --" in one.get("run", "")]
    others = [text for one in job["steps"] if one is not step for text in (str(one),)]
    assert not any("secrets." in text for text in others)
    assert any('pip install "pytest-imagejudge"' in text for text in others)
    return step


def test_a_hosted_judge_needs_no_vllm_and_no_gpu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    headers = ("--judge-header=x-team=TEAM_KEY", "--judge-header=x-cost=TEAM_KEY", "--judge-header=x-b=B_2")
    assert main(["init", str(tmp_path), *HOSTED, *headers]) == 0
    step = hosted_step(tmp_path)
    secrets = {name: f"${{{{ secrets.{name} }}}}" for name in ("IMAGEJUDGE_API_KEY", "TEAM_KEY", "B_2")}
    assert step["env"].items() >= secrets.items()
    options = [text for option in (*HOSTED, *headers) for text in option.split("=", 1)]
    assert f"pytest {' '.join(options)} \\\n" in step["run"]
    assert f"# run: pytest {' '.join(options)} --judge-thresholds" in (tmp_path / "tests/test_images.py").read_text()
    assert 'extends = "default"' in (tmp_path / "thresholds.toml").read_text()
    assert "set IMAGEJUDGE_API_KEY, TEAM_KEY, B_2 in your environment" in capsys.readouterr().err


def test_several_endpoints_and_a_model_that_is_not_named(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path), "--judge-url=http://one:1", "--judge-url=http://two:2/v1?a=1&b=2"]) == 0
    run = hosted_step(tmp_path)["run"]
    assert "pytest --judge-url http://one:1 --judge-url 'http://two:2/v1?a=1&b=2' \\\n" in run


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            ["--judge-model=gpt-4o"],
            "--judge-model gpt-4o: a Hub id (OWNER/NAME), a folder or 'signals' is expected; for",
        ),
        (["--judge-model=gpt-4o"], "give its endpoint with --judge-url, such as --judge-url https://api.openai.com/v1"),
        (["--judge-model="], "--judge-model '': a Hub id"),
        (["--judge-url=api.example.com"], "did you mean 'http://api.example.com'?"),
        (
            ["--judge-url=https://me:hunter2@a.example/v1"],
            "--judge-url https://a.example/v1: a user or a password would",
        ),
        (["--judge-url=https://a.example/v1?key=hunter2"], "key= in its query would be committed"),
        (["--judge-url=https://a.example/v1\x1b"], "characters that can't be printed"),
        (["--judge-url=https://a.example", "--judge-model=signals"], "this judge asks no URL"),
        (["--judge-url=https://a.example", "--judge-model="], "--judge-model '': the name of the model"),
        (
            ["--judge-url=https://a.example", "--judge-header=x-key: hunter2"],
            "--judge-header: NAME=VARIABLE is expected",
        ),
        (["--judge-url=https://a.example", "--judge-header=x-key=hunter2"], "in capitals the environment variable"),
        (["--judge-header=x-key=X"], "--judge-header: it is sent to an endpoint, which --judge-url names"),
    ],
)
def test_what_is_no_judge_is_refused(
    tmp_path: Path, args: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path), *args]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "hunter2" not in error
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_a_judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("judge").mkdir()
    assert main(["init", "starter", "--judge-model", "judge"]) == 0
