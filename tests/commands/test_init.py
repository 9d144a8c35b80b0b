"""`imagejudge init`: what it writes runs, and nothing is written over."""

from __future__ import annotations

import shlex
import subprocess
import warnings
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_imagejudge.cli import main
from tests.stand_in.forks import ForkServer


def test_what_it_writes_runs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, forks: ForkServer) -> None:
    monkeypatch.setattr(pytester, "popen", forks.popen)
    monkeypatch.chdir(pytester.path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    assert main(["init"]) == 0
    plugins = ("-pimagejudge", "-p", "no:cacheprovider")
    result = pytester.runpytest_subprocess(*plugins)
    assert result.parseoutcomes() == {"passed": 1, "xfailed": 1}  # and nothing that one image can't decide
    assert (pytester.path / "report.html").is_file()
    result = pytester.runpytest_subprocess(*plugins, "--runxfail")
    assert result.parseoutcomes() == {"passed": 1, "failed": 1}
    result.stdout.fnmatch_lines(["*Quality / Detail / Noise: raw score 0*", "*estimated noise sigma*"])
    result.stdout.no_fnmatch_line("*Naturalness: raw score*")  # what was spoilt fails, and nothing beside it


def test_the_workflow_is_for_the_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path), "--judge-model", "Qwen/Qwen-Image-Bench"]) == 0
    workflow = (tmp_path / ".github/workflows/imagejudge.yml").read_text()
    assert "pytest-imagejudge[vllm]" in workflow
    assert "runs-on: [self-hosted, gpu]" in workflow
    assert "${{ github.run_id }}" in workflow
    assert 'extends = "default"' in (tmp_path / "thresholds.toml").read_text()
    assert str(tmp_path / "thresholds.toml") in capsys.readouterr().out


@pytest.mark.parametrize("text", ["mine", "[suite.edit]\n", "total = 50\n", "[level1]\nQualty = 50\n"])
def test_nothing_is_written_where_the_profile_there_is_of_no_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "thresholds.toml").write_text(text)
    assert main(["init", str(tmp_path)]) == 2
    assert "thresholds.toml is there already; move it, or give --force" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thresholds.toml"]
    assert main(["init", str(tmp_path), "--force"]) == 0
    assert (tmp_path / "thresholds.toml").read_text() != text


@pytest.mark.parametrize("options", [("--judge-model=a/b",), ("--judge-url=http://one:1",)])
def test_a_profile_there_is_for_another_judge(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "thresholds.toml").write_text("total = 50\n")  # which the embedded judge does not give
    assert main(["init", str(tmp_path), *options]) == 0
    assert (tmp_path / "thresholds.toml").read_text() == "total = 50\n"


@pytest.mark.parametrize("name", ["thresholds.toml", "tests/test_images.py", ".github/workflows/imagejudge.yml"])
def test_what_is_there_stays_and_the_rest_is_added(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["init", str(tmp_path / "new")]) == 0
    written = {str(path.relative_to(tmp_path / "new")) for path in (tmp_path / "new").rglob("*") if path.is_file()}
    own = tmp_path / "old" / name
    own.parent.mkdir(parents=True)
    own.write_text("[level1]\nQuality = 50\n")
    capsys.readouterr()
    assert main(["init", str(tmp_path / "old")]) == 0
    found = capsys.readouterr()
    assert {
        str(path.relative_to(tmp_path / "old")) for path in (tmp_path / "old").rglob("*") if path.is_file()
    } == written
    assert own.read_text() == "[level1]\nQuality = 50\n"
    assert str(own) not in found.out
    assert f"{own} is there already, and stays as it is; --force writes over it" in found.err
    assert ("--runxfail" in found.err) == (name not in ("tests/test_images.py", "thresholds.toml"))


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
    assert "a b' && pytest" in error
    assert "judge_model = my/ #judge\n" in (tmp_path / "a b/pytest.ini").read_text()
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


OWNER = "https://github.com/{}/model.git"
INI = "judge_model = signals\njudge_thresholds = thresholds.toml\njudge_report = report.html\n"
TOML = 'judge_model = "signals"\njudge_thresholds = "thresholds.toml"\njudge_report = ["report.html"]\n'


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("pytest.ini", None, f"[pytest]\n{INI}"),
        ("pytest.ini", "", f"[pytest]\n{INI}"),
        ("pytest.ini", "[pytest]\naddopts = -q\n[other]\nx=1\n", f"[pytest]\n{INI}addopts = -q\n[other]\nx=1\n"),
        ("tox.ini", "[tox]\n\n[pytest]", f"[tox]\n\n[pytest]\n{INI}"),
        ("setup.cfg", "[tool:pytest]\nx = 1\n", f"[tool:pytest]\n{INI}x = 1\n"),
        ("pyproject.toml", '[project]\nname = "a"\n', f'[project]\nname = "a"\n\n[tool.pytest.ini_options]\n{TOML}'),
        ("pyproject.toml", "[tool.pytest.ini_options]\nx = 1\n", f"[tool.pytest.ini_options]\n{TOML}x = 1\n"),
        ("pyproject.toml", "[tool.pytest]  # 9\nx = 1\n", f"[tool.pytest]  # 9\n{TOML}x = 1\n"),
        ("pytest.toml", "[pytest]\nx = 1\n", f"[pytest]\n{TOML}x = 1\n"),
    ],
)
def test_the_keys_go_to_the_file_that_pytest_reads(tmp_path: Path, name: str, before: str | None, after: str) -> None:
    if before is not None:
        (tmp_path / name).write_text(before)
    assert main(["init", str(tmp_path)]) == 0
    assert (tmp_path / name).read_text() == after


@pytest.mark.parametrize(
    ("there", "given", "words"),
    [
        ("judge_model = signals", "--judge-url=http://one:1", "--judge-url: * already: judge_model = signals; take"),
        ("judge_url =\n  http://one:1\n  http://two:2", "--judge-model=a/b", "judge_url = http://one:1 http://two:2;"),
        ("judge_model = a/b", "--judge-model=signals", "leave out --judge-model"),
    ],
)
def test_another_judge_is_not_written_beside_the_one_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], there: str, given: str, words: str
) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\n{there}\n")
    assert main(["init", "--force", given, str(tmp_path)]) == 2
    assert fnmatch(capsys.readouterr().err, f"*{words}*\n")
    assert [path.name for path in tmp_path.iterdir()] == ["pytest.ini"]
    assert main(["init", str(tmp_path)]) == 0
    (tmp_path / "pytest.ini").write_text("[pytest]\njudge_model = a/b\n")
    assert main(["init", "--force", "--judge-model=a/b", str(tmp_path)]) == 0  # the same


def test_keys_that_are_there_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\njudge_model = other/judge\n")
    assert main(["init", str(tmp_path)]) == 0
    assert (tmp_path / "pytest.ini").read_text().count("judge_model") == 1
    assert "pytest.ini has judge_model already, which stays as it is" in capsys.readouterr().err
    (tmp_path / "pytest.ini").write_text("[pytest]\njudge_url = http://one:1\n")
    assert main(["init", "--force", str(tmp_path)]) == 0
    assert "judge_model" not in (tmp_path / "pytest.ini").read_text()  # an endpoint and the embedded judge
    assert "pytest.ini has judge_url already, which stays as it is" in capsys.readouterr().err
    (tmp_path / "pytest.ini").unlink()
    (tmp_path / "pyproject.toml").write_text('tool.pytest.ini_options.addopts = "-q"\n')
    assert main(["init", "--force", str(tmp_path)]) == 2
    assert 'can\'t be added to; write there:\njudge_model = "signals"' in capsys.readouterr().err


def test_a_hosted_judges_keys(tmp_path: Path) -> None:
    urls = ("--judge-url=http://one:1", "--judge-url=http://two:2")
    assert main(["init", str(tmp_path), *urls, "--judge-model=m", "--judge-header=x-team=TEAM"]) == 0
    assert (
        (tmp_path / "pytest.ini")
        .read_text()
        .startswith(
            "[pytest]\njudge_url = \n    http://one:1\n    http://two:2\njudge_model = m\njudge_header = x-team=TEAM\n"
        )
    )


def test_what_runs_leave_is_ignored(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.pyc\n.imagejudge")
    assert main(["init", str(tmp_path)]) == 0
    ignored = (tmp_path / ".gitignore").read_text()
    assert ignored == "*.pyc\n.imagejudge\nimagejudge-images/\n/report.html\n/report.json\n"
    assert main(["init", "--force", str(tmp_path)]) == 0
    assert (tmp_path / ".gitignore").read_text() == ignored


@pytest.mark.parametrize(
    "address", [OWNER.format("acme"), "git@github.com:acme/model.git", "ssh://git@github.com/acme/m"]
)
def test_the_owner_of_the_shared_workflow_is_that_of_the_remote(tmp_path: Path, address: str) -> None:
    for command in (["init", "--quiet"], ["remote", "add", "origin", address]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    assert main(["init", str(tmp_path / "new"), "--shared-workflow", "--judge-model=a/b"]) == 0
    job = yaml.safe_load((tmp_path / "new/.github/workflows/imagejudge.yml").read_text())["jobs"]["judge"]
    assert job["uses"] == "acme/pytest-imagejudge/.github/workflows/judge.yml@v0"
    assert job["with"] == {
        "judge-model": "a/b",
        "gpu-runner": '["self-hosted", "gpu"]',
        "args": "--judge-thresholds=thresholds.toml\n",
    }


def test_the_shared_workflow_takes_what_it_has_inputs_for(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path), "--shared-workflow=acme", *HOSTED, "--judge-header=x-team=TEAM"]) == 0
    job = yaml.safe_load((tmp_path / ".github/workflows/imagejudge.yml").read_text())["jobs"]["judge"]
    called = yaml.safe_load((Path(__file__).parents[2] / ".github/workflows/judge.yml").read_text())
    takes = called[True]["workflow_call"]  # YAML 1.1 reads `on` as true
    assert set(job["with"]) <= set(takes["inputs"])
    assert set(job["secrets"]) == {"IMAGEJUDGE_API_KEY", "IMAGEJUDGE_HEADERS"} <= set(takes["secrets"])
    assert job["with"]["judge-url"] == "https://api.example.com/v1\n"
    assert job["with"]["args"].splitlines()[1] == "--judge-header=x-team=TEAM"


@pytest.mark.parametrize(
    ("name", "text", "installed"),
    [
        ("pyproject.toml", '[build-system]\nrequires = ["hatchling"]\n', True),
        ("pyproject.toml", '[project]\nname = "scripts"\n', False),  # of uv: dependencies alone, not built
        ("setup.py", "", True),
        ("setup.cfg", "[tool:pytest]\n", False),
    ],
)
def test_the_workflow_installs_what_can_be_installed(tmp_path: Path, name: str, text: str, installed: bool) -> None:
    (tmp_path / name).write_text(text)
    workflow = tmp_path / ".github/workflows/imagejudge.yml"
    assert main(["init", str(tmp_path)]) == 0
    (step,) = (step for step in yaml.safe_load(workflow.read_text())["jobs"]["judge"]["steps"] if "pip" in str(step))
    assert step["run"] == 'pip install "pytest-imagejudge[signals]"' + (" -e ." if installed else "")
    assert main(["init", str(tmp_path), "--force", "--shared-workflow=acme"]) == 0
    job = yaml.safe_load(workflow.read_text())["jobs"]["judge"]
    assert job["with"].get("install") == ("." if installed else None)


def test_an_owner_that_nobody_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "-C", str(tmp_path), "init", "--quiet"], check=True)
    assert main(["init", str(tmp_path), "--shared-workflow"]) == 2
    assert "no git remote of GitHub names one here" in capsys.readouterr().err
    assert main(["init", str(tmp_path), "--shared-workflow=a/b"]) == 2
    assert "'a/b' can't be one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ini", "folders", "place"),
    [
        ("", (), "tests"),
        ("", ("test",), "test"),
        ("[pytest]\ntestpaths = checks more\n", ("checks", "tests"), "checks"),
        ("[pytest]\ntestpaths =\n    gone\n    more/deep\nx = 1\n", ("more/deep",), "more/deep"),
        ("[pytest]\ntestpaths = .\n", (), "tests"),
        ("[pytest]\ntestpaths = checks/images more\n", ("tests_of_mine",), "checks/images"),
        ("[pytest]\ntestpaths = packages/*/tests ../other\n", (), "tests"),
    ],
)
def test_the_test_lies_where_pytest_looks(tmp_path: Path, ini: str, folders: tuple[str, ...], place: str) -> None:
    for name in folders:
        (tmp_path / name).mkdir(parents=True)
    if ini:
        (tmp_path / "pytest.ini").write_text(ini)
    assert main(["init", str(tmp_path)]) == 0
    assert (tmp_path / place / "test_images.py").is_file()


def test_testpaths_in_toml(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\ntestpaths = ["checks"]\n')
    (tmp_path / "checks").mkdir()
    assert main(["init", str(tmp_path)]) == 0
    assert (tmp_path / "checks" / "test_images.py").is_file()
