"""Every example of the documentation is run, or checked where it can't be; the reference leaves nothing out."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from pytest_imagejudge.cli import COMMANDS, main
from pytest_imagejudge.plugin import options
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.report import model
from pytest_imagejudge.scoring.verdict import ProblemKind
from pytest_imagejudge.thresholds.loading import load_profile, shipped
from pytest_imagejudge.thresholds.profile import Edit, EditMargin, Margins, Profile, Suite
from tests.docs.pages import DOCS, REFERENCE, ROOT, Example, examples, first_missing, pages
from tests.stand_in import published_words
from tests.stand_in.forks import ForkServer

KINDS = {"console", "csv", "ini", "json", "jsonl", "mermaid", "python", "text", "toml", "yaml"}
INI_KEYS = {option.lstrip("-").replace("-", "_") for option in options.OPTIONS} | set(options.INI_ONLY)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forks: ForkServer) -> dict[str, str]:
    """What commands find: this Python's programs, the pictures, a stand-in for the judges that need a GPU."""
    published_words.use(monkeypatch, tmp_path)
    folder = tmp_path / "project"
    shutil.copytree(
        ROOT / "fixtures", folder / "fixtures", ignore=shutil.ignore_patterns("*.py", "*.ini", "*.jsonl", "__*")
    )
    (tmp_path / "pytest-imagejudge").symlink_to(ROOT)  # a checkout beside the project
    for name in os.environ:
        if name.startswith(("GITHUB_", "PYTEST_", "COV_")) or name in ("CI", "COLUMNS", "FORCE_COLOR", "NO_COLOR"):
            monkeypatch.delenv(name)
    return {
        **os.environ,
        "PATH": os.pathsep.join(
            [str(forks.programs(tmp_path / "forks")), str(Path(sys.executable).parent), os.environ["PATH"]]
        ),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder / "installed")]),  # this checkout, whatever is installed
        "PYTHONUTF8": "1",
        "PYTEST_PLUGINS": "tests.stand_in.judge",
        "STAND_IN_FOR_ALL": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # those that tests here use take long to load, in every process
        "PYTEST_ADDOPTS": "-pimagejudge -pxdist -pno:cacheprovider",
        "IMAGEJUDGE_CACHE": str(tmp_path / "cache"),
        "PWD": str(folder),
    }


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_examples(
    page: Path,
    environment: dict[str, str],
    forks: ForkServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = Path(environment["PWD"])
    monkeypatch.chdir(folder)
    written: list[str] = []
    printed = ""
    for example in examples(page):
        assert example.kind in KINDS, example.where
        assert set(example.says) <= {"file", "exit", "not run"}, example.where
        if name := example.says.get("file"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(example.text, encoding="utf-8")
            written.append(name)
        if example.kind == "console":
            if "not run" in example.says:
                assert example.says["not run"], f"{example.where}: say why it is not run"
                check_spelling(example, monkeypatch)
            else:
                printed += run(example, environment)
        elif example.kind == "python" and not name:
            printed += execute(example, environment, forks)
        else:
            check(example)
    capsys.readouterr()
    for name in written:
        if Path(name).name.startswith("test_"):
            shown = re.compile(rf"^(\S+/)?{re.escape(Path(name).name)}(::\S*)* ", re.MULTILINE)
            assert shown.search(printed), f"{page.name}: {name} was not run"


def test_the_pictures_that_the_first_page_copies_are_no_tests(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of the whole folder holds tests, some of which fail on purpose."""
    folder = Path(environment["PWD"])
    monkeypatch.chdir(folder)
    shutil.rmtree(folder / "fixtures")
    first = examples(DOCS / "start.md")[0]
    run(first, environment)
    copied = {path.name for path in (folder / "fixtures").iterdir()}
    assert copied == {path.name for path in (ROOT / "fixtures").iterdir() if path.suffix in (".jpg", ".png")}
    done = subprocess.run(["pytest", "--collect-only", "-q"], env=environment, capture_output=True, text=True)
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, done.stdout


def run(example: Example, environment: dict[str, str]) -> str:
    """Run the commands of a console, and compare what they print."""
    commands = example.commands()
    printed = ""
    for number, (command, shown) in enumerate(commands):
        done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=600)
        output = done.stdout + done.stderr
        last = number == len(commands) - 1
        expected = int(example.says.get("exit", "0")) if last else 0
        assert done.returncode == expected, f"{example.where}: {command}: exit {done.returncode}\n{output}"
        line = first_missing(shown, output)
        assert line is None, f"{example.where}: {command} does not print, or not in this order: {line}\n{output}"
        printed += output
    return printed


def execute(example: Example, environment: dict[str, str], forks: ForkServer) -> str:
    """Run a script."""
    done = forks.run("-c", example.text, env=environment)
    assert done.returncode == 0, f"{example.where}:\n{done.stderr}"
    return done.stdout


def check_spelling(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parse commands without running them."""
    for command, _ in example.commands():
        program, *args = shlex.split(command.partition(" #")[0])
        if program == "pytest":
            for arg in args:
                if arg.startswith(("--judge", "--edit-judge")):
                    assert arg.partition("=")[0] in options.OPTIONS, f"{example.where}: {arg}"
        elif program == "imagejudge":
            module = importlib.import_module(f"pytest_imagejudge.commands.{COMMANDS[args[0]][0]}")
            with monkeypatch.context() as patch:
                patch.setattr(module, "run", lambda args: 0)
                assert main(args) == 0, f"{example.where}: {command}"


def check(example: Example) -> None:
    """Read a file as what it is for would."""
    if example.kind == "python":
        compile(example.text, example.where, "exec")
    elif example.kind == "toml":
        data = tomllib.loads(example.text)
        if "project" in data:
            install(data["project"], Path(example.says["file"]).parent)
        elif "template" in data:
            Path("page.toml").write_text(example.text, encoding="utf-8")
            load_protocol("page.toml")
        elif "tool" in data:
            table = data["tool"]["pytest"]
            check_ini(table.get("ini_options", table), example)
        else:
            load_profile(data)
    elif example.kind == "ini":
        check_ini([line.partition("=")[0].strip() for line in example.text.splitlines() if re.match(r"\w+ *=", line)],
                  example)  # fmt: skip
    elif example.kind == "json":
        data = json.loads(example.text)
        if isinstance(data, dict) and data.get("schema") == model.SCHEMA:
            check_report(data, example)
    elif example.kind == "jsonl":
        for line in example.text.splitlines():
            json.loads(line)
    elif example.kind == "yaml":
        check_workflow(yaml.safe_load(example.text), example)


def install(project: dict[str, Any], folder: Path) -> None:
    """Have Python find a distribution, with the modules of its entry points, which are still to be written."""
    info = Path("installed") / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8"
    )
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    info.joinpath("entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for module in {value for points in project["entry-points"].values() for value in points.values()}:
        Path("installed", f"{module}.py").symlink_to(folder.resolve() / f"{module}.py")


def check_ini(keys: Any, example: Example) -> None:
    for key in keys:
        if "judge" in key:
            assert key in INI_KEYS, f"{example.where}: {key}"


def check_report(data: dict[str, Any], example: Example) -> None:
    """A report of known fields only."""

    def extra(part: Any) -> None:
        if isinstance(part, model.ReportPart):
            assert not part.model_extra, f"{example.where}: {part.model_extra}"
            for value in vars(part).values():
                extra(value)
        elif isinstance(part, (list, tuple)):
            for value in part:
                extra(value)
        elif isinstance(part, dict):
            extra(list(part.values()))

    extra(model.Report.model_validate(data))


def check_workflow(data: dict[str, Any], example: Example) -> None:
    """Steps and jobs that use what this repository has give it inputs that it takes."""
    for job in data["jobs"].values():
        for user in [job, *job.get("steps", ())]:
            used = user.get("uses", "")
            if "/pytest-imagejudge/" not in used:
                continue
            path = ROOT / used.partition("/pytest-imagejudge/")[2].partition("@")[0]
            definition = yaml.safe_load((path if path.is_file() else path / "action.yml").read_text(encoding="utf-8"))
            inputs = definition.get("inputs") or definition[True]["workflow_call"]["inputs"]  # "on" is a boolean
            assert set(user.get("with", ())) <= set(inputs), f"{example.where}: {used}"


# --- the reference names everything, and nothing that is not there ---


def test_every_kind_of_problem() -> None:
    section = REFERENCE.partition("## Problems")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([a-z-]+)`", section, re.MULTILINE) == list(get_args(ProblemKind))


@pytest.mark.parametrize(
    "part",
    [
        model.Report,
        model.Run,
        model.VerdictEntry,
        model.EditEntry,
        model.SuiteRow,
        model.Summary,
    ],
)
def test_every_field_of_the_report(part: type[model.ReportPart]) -> None:
    section = REFERENCE.partition("## The JSON report")[2].partition("\n## ")[0]
    for name, field in part.model_fields.items():
        assert f"`{field.alias or name}`" in section, f"{part.__name__}: {name}"


def test_every_key_of_a_profile() -> None:
    section = REFERENCE.partition("## Keys of a profile")[2].partition("\n## ")[0]
    for key in Profile.model_fields:
        assert f"`{key}" in section, key
    for prefix, table in (("edit", Edit), ("suite", Suite), ("baseline", Margins), ("baseline.edit", EditMargin)):
        for key in table.model_fields:
            assert f"`{prefix}.{key}" in section, f"{prefix}.{key}"
    for name in shipped():
        assert f"`{name}`" in section, name


def test_every_command_and_variable() -> None:
    for name in COMMANDS:
        assert f"`{name}`" in REFERENCE, name
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "pytest_imagejudge").rglob("*.py"))
    variables = {name for name in re.findall(r'"(IMAGEJUDGE_[A-Z_]+)"', source) if not name.endswith("_")}
    assert len(variables) >= 7
    for name in variables:
        assert f"`{name}`" in REFERENCE, name


def test_every_input_of_the_workflow_and_the_action() -> None:
    page = (DOCS / "ci.md").read_text(encoding="utf-8")
    for file in ("workflows/judge.yml", "actions/imagejudge/action.yml"):
        data = yaml.safe_load((ROOT / ".github" / file).read_text(encoding="utf-8"))
        called = data if "inputs" in data else data[True]["workflow_call"]  # "on" is a boolean
        title = "## The action" if called is data else "## The reusable workflow"
        section = page.partition(title)[2].partition("\n## ")[0]
        named = set(re.findall(r"`([\w-]+)`", "".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE))))
        assert named == set(called["inputs"]), file
        for name in {**called.get("outputs", {}), **called.get("secrets", {})}:
            assert f"`{name}`" in section, f"{file}: {name}"


@pytest.mark.parametrize("page", [*pages(), *sorted(ROOT.glob("*.md"))], ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:")):
            path, _, anchor = target.partition("#")
            found = page.parent / path if path else page
            assert found.exists(), target
            if anchor:
                titles = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
                slugs = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
                assert anchor in slugs, target
