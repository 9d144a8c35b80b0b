"""Beside other plugins: what pytest and each plugin report of images that pass and images that fail.

Installs the plugins, pinned, into a temporary folder, and runs with each a suite of one passing and one failing test
of each kind (`check`, `expect`, a manifest's row, and a test without a picture), in one process and with two workers.
The judge is a stand-in, so that no GPU is needed.

    python benchmarks/plugins.py [NAME ...]      # writes the table of plugins.md
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "benchmarks" / "plugins.md"
BEGIN, END = "<!-- benchmarks/plugins.py writes this table -->\n", "<!-- its end -->\n"
HEAD = """| plugin | run with | pytest, one process | pytest, 2 workers | what the plugin itself reports |
|---|---|---|---|---|
"""

CALLS = """
import pytest

{before}

@pytest.mark.parametrize("picture", ["good", "bad"])
{mark}
def test_check(image_judge, picture):
    image_judge.check(f"{{picture}}.png", prompt="a fox")


@pytest.mark.parametrize("picture", ["good", "bad"])
{mark}
def test_expect(image_judge, picture):
    image_judge.expect(f"{{picture}}.png", prompt="another fox")


@pytest.mark.parametrize("picture", ["good", "bad"])
{mark}
def test_plain(picture):
    assert picture == "good"
"""
ROWS = [{"ID": name, "prompt": "a third fox", "image_path": f"{name}.png"} for name in ("good", "bad")]
PICTURES = {"good": True, "bad": False}
EXPECTED = {
    f"test_calls.py::test_{kind}[{name}]": passed
    for kind in ("check", "expect", "plain")
    for name, passed in PICTURES.items()
} | {f"rows.imagejudge.jsonl::{name}": passed for name, passed in PICTURES.items()}
Found = dict[str, bool | None]  # by test: passed, failed, or neither


@dataclass(frozen=True)
class Case:
    """A plugin, how it is run, and where it says what it found.

    Attributes:
        load: what ``-p`` takes.
        options: of pytest.
        own: reads what the plugin itself reports, from the folder of the run; None where it reports nothing.
        before, mark: code of the suite, and the decorator of its tests.
        files: further files of the suite; with them the suite is only these.
        expected: outcomes by test, where the suite is another.
        runs: how often it is run; the last run is looked at.
        workers: whether it can run with workers.
    """

    name: str
    pins: tuple[str, ...]
    load: tuple[str, ...]
    options: tuple[str, ...] = ()
    own: Callable[[Path], Found] | None = None
    before: str = ""
    mark: str = ""
    ini: str = ""
    files: dict[str, str] = field(default_factory=dict)
    expected: dict[str, bool] = field(default_factory=lambda: dict(EXPECTED))
    runs: int = 1
    workers: bool = True


def allure(folder: Path) -> Found:
    """The results of Allure."""
    found: Found = {}
    for file in (folder / "own").glob("*-result.json"):
        data = json.loads(file.read_text(encoding="utf-8"))
        found[_test_of(data["name"])] = {"passed": True, "failed": False, "broken": False}.get(data["status"])
    return found


def json_report(folder: Path) -> Found:
    """The outcomes of pytest-json-report."""
    data = json.loads((folder / "own").read_text(encoding="utf-8"))
    return {test["nodeid"]: {"passed": True, "failed": False}.get(test["outcome"]) for test in data["tests"]}


def html(folder: Path) -> Found:
    """The page of pytest-html."""
    page = (folder / "own").read_text(encoding="utf-8").replace("&#34;", '"').replace("\\", "")
    results = re.findall(r'"result": "(\w+)", "testId": "([^"]+)"', page)
    results += [(result, test) for test, result in re.findall(r'"testId": "([^"]+)"[^{}]*?"result": "(\w+)"', page)]
    return {test: {"Passed": True, "Failed": False}.get(result) for result, test in results}


def report_log(folder: Path) -> Found:
    """The log of pytest-reportlog."""
    found: Found = {}
    for line in (folder / "own").read_text(encoding="utf-8").splitlines():
        data = json.loads(line)
        if data.get("when") == "call":
            found[data["nodeid"]] = data["outcome"] == "passed"
    return found


def cucumber(folder: Path) -> Found:
    """The steps of pytest-bdd's report: a scenario passed where all of its steps did."""
    found: Found = {}
    for feature in json.loads((folder / "own").read_text(encoding="utf-8")):
        for scenario in feature["elements"]:
            passed = all(step["result"]["status"] == "passed" for step in scenario["steps"])
            found[f"test_calls.py::test_{scenario['name']}"] = passed
    return found


def buildkite(folder: Path) -> Found:
    """The file of Buildkite's test collector."""
    data = json.loads((folder / "own").read_text(encoding="utf-8"))
    return {_test_of(test["name"]): {"passed": True, "failed": False}.get(test.get("result")) for test in data}


def ctrf(folder: Path) -> Found:
    """The file of pytest-json-ctrf."""
    data = json.loads((folder / "own").read_text(encoding="utf-8"))
    return {
        _test_of(test["name"].rpartition("::")[2]): {"passed": True, "failed": False}.get(test["status"])
        for test in data["results"]["tests"]
    }


def _test_of(name: str) -> str:
    """The node ID of a test, from a report that leaves its file out."""
    return next((test for test in EXPECTED if test.rpartition("::")[2] == name), name)


FEATURE = """Feature: foxes
  Scenario: check_good
    Then check good

  Scenario: check_bad
    Then check bad

  Scenario: expect_good
    Then expect good

  Scenario: expect_bad
    Then expect bad
"""
STEPS = """
from pytest_bdd import parsers, scenarios, then

scenarios("foxes.feature")

@then(parsers.parse("{call} {picture}"))
def _judge(image_judge, call, picture):
    getattr(image_judge, call)(f"{picture}.png", prompt="a fox")
"""
SCENARIOS = {
    f"test_calls.py::test_{call}_{name}": name == "good" for call in ("check", "expect") for name in ("good", "bad")
}
DEPENDENCY = """
import pytest

@pytest.mark.dependency(name="good")
def test_good(image_judge):
    image_judge.expect("good.png", prompt="a fox")

@pytest.mark.dependency(name="bad")
def test_bad(image_judge):
    image_judge.expect("bad.png", prompt="a fox")

@pytest.mark.dependency(depends=["good"])
def test_after_good():
    pass

@pytest.mark.dependency(depends=["bad"])
def test_after_bad():
    assert False, "runs though what it depends on failed"
"""
SOFT = """
import pytest
from pytest_check import check

@pytest.mark.parametrize("picture", ["good", "bad"])
def test_check(image_judge, picture):
    with check:
        image_judge.check(f"{picture}.png", prompt="a fox")

@pytest.mark.parametrize("picture", ["good", "bad"])
def test_expect(image_judge, picture):
    image_judge.expect(f"{picture}.png", prompt="another fox")
    check.equal(1, 1)

@pytest.mark.parametrize("picture", ["good", "bad"])
def test_plain(image_judge, picture):
    image_judge.expect("good.png", prompt="a third fox")
    check.equal(picture, "good")
"""
SUBTESTS = """
import pytest

@pytest.mark.parametrize("picture", ["good", "bad"])
def test_check(image_judge, subtests, picture):
    with subtests.test("one"):
        image_judge.check(f"{picture}.png", prompt="a fox")

@pytest.mark.parametrize("picture", ["good", "bad"])
def test_expect(image_judge, subtests, picture):
    with subtests.test("one"):
        image_judge.expect(f"{picture}.png", prompt="another fox")
"""
RUNS_ITSELF = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    runtestprotocol(item, nextitem=nextitem)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
"""
KEEPS_REPORTS = """
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    vars(item).setdefault("reports", {})[report.when] = report
    return report

def pytest_runtest_teardown(item):
    with open("own", "a") as file:
        file.write(f"{item.nodeid} {item.reports['call'].outcome}\\n")
"""


def kept(folder: Path) -> Found:
    """What a hook read as tests were torn down."""
    lines = (folder / "own").read_text(encoding="utf-8").splitlines()
    return {test: outcome == "passed" for test, _, outcome in (line.rpartition(" ") for line in lines)}


CASES = [
    Case("none", (), ()),
    Case(
        "allure-pytest",
        ("allure-pytest==2.16.2", "allure-python-commons==2.16.2"),
        ("allure_pytest",),
        ("--alluredir=own",),
        allure,
    ),
    Case(
        "buildkite-test-collector",
        ("buildkite-test-collector==1.9.1",),
        ("buildkite_test_collector.pytest_plugin",),
        ("--json=own",),
        buildkite,
    ),
    Case(
        "flaky",
        ("flaky==3.8.1",),
        ("flaky.flaky_pytest_plugin",),
        before="from flaky import flaky",
        mark="@flaky(max_runs=2)",
    ),
    Case("flaky, all", ("flaky==3.8.1",), ("flaky.flaky_pytest_plugin",), ("--force-flaky", "--no-flaky-report")),
    Case(
        "pytest-bdd",
        ("pytest-bdd==9.0.1", "parse==1.22.4", "parse-type==0.6.6", "gherkin-official==42.0.1", "Mako==1.4.3"),
        ("pytest_bdd.plugin",),
        ("--cucumberjson=own",),
        cucumber,
        files={"test_calls.py": STEPS, "foxes.feature": FEATURE},
        expected=SCENARIOS,
        workers=False,
    ),
    Case(
        "pytest-check",
        ("pytest-check==3.0.3",),
        ("pytest_check.plugin",),
        files={"test_calls.py": SOFT},
        expected={test: ok for test, ok in EXPECTED.items() if "::test_" in test},
    ),
    Case(
        "pytest-dependency",
        ("pytest-dependency==0.6.1",),
        ("pytest_dependency",),
        files={"test_calls.py": DEPENDENCY},
        expected={
            "test_calls.py::test_good": True,
            "test_calls.py::test_bad": False,
            "test_calls.py::test_after_good": True,
        },
        workers=False,
    ),
    Case("pytest-forked", ("pytest-forked==1.7.5",), ("pytest_forked",), ("--forked",)),
    Case(
        "pytest-github-actions-annotate-failures",
        ("pytest-github-actions-annotate-failures==0.4.2",),
        ("pytest_github_actions_annotate_failures.plugin",),
    ),
    Case(
        "pytest-html",
        ("pytest-html==4.2.0", "pytest-metadata==3.1.1"),
        ("pytest_metadata.plugin", "pytest_html.plugin"),
        ("--html=own", "--self-contained-html"),
        html,
    ),
    Case("pytest-instafail", ("pytest-instafail==0.5.0",), ("pytest_instafail",), ("--instafail",)),
    Case("pytest-json-ctrf", ("pytest-json-ctrf==0.6.1",), ("ctrf.main",), ("--ctrf=own",), ctrf),
    Case(
        "pytest-json-report",
        ("pytest-json-report==1.5.0", "pytest-metadata==3.1.1"),
        ("pytest_metadata.plugin", "pytest_jsonreport.plugin"),
        ("--json-report", "--json-report-file=own"),
        json_report,
    ),
    Case("pytest-randomly", ("pytest-randomly==5.1.0",), ("pytest_randomly",)),
    Case(
        "pytest-reportlog",
        ("pytest-reportlog==1.0.0",),
        ("pytest_reportlog.plugin",),
        ("--report-log=own",),
        report_log,
    ),
    Case("pytest-rerunfailures", ("pytest-rerunfailures==16.7",), ("pytest_rerunfailures",), ("--reruns=1",)),
    Case("pytest-retry", ("pytest-retry==1.7.0",), ("pytest_retry.retry_plugin",), ("--retries=1",)),
    Case(
        "pytest-run-parallel",
        ("pytest-run-parallel==0.10.0",),
        ("pytest_run_parallel.plugin",),
        ("--parallel-threads=2",),
    ),
    Case(
        "pytest-subtests, of pytest",
        (),
        (),
        files={"test_calls.py": SUBTESTS},
        expected={test: ok for test, ok in EXPECTED.items() if "check" in test or "expect" in test},
    ),
    Case("pytest-sugar", ("pytest-sugar==1.1.1", "termcolor==3.2.0"), ("pytest_sugar",)),
    Case("pytest-testmon, third run", ("pytest-testmon==2.2.0",), ("testmon.pytest_testmon",), ("--testmon",), runs=3),
    Case("pytest-timeout", ("pytest-timeout==2.4.0",), ("pytest_timeout",), ("--timeout=300",)),
    Case("a conftest's own protocol", (), (), files={"conftest.py": RUNS_ITSELF}),
    Case("a conftest that keeps reports", (), (), files={"conftest.py": KEEPS_REPORTS}, own=kept),
]


def write_suite(folder: Path, case: Case) -> None:
    """The suite of one case."""
    for name, colour in (("good", (220, 220, 220)), ("bad", (40, 40, 40))):
        picture = Image.new("RGB", (64, 64), colour)
        picture.paste((200, 60, 60), (16, 16, 48, 48))  # a picture of one colour is failed as blank, without the judge
        picture.save(folder / f"{name}.png")
    (folder / "pytest.ini").write_text(f"[pytest]\n{case.ini}\n")
    if "test_calls.py" not in case.files:
        (folder / "test_calls.py").write_text(CALLS.format(before=case.before, mark=case.mark))
        (folder / "rows.imagejudge.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    for name, text in case.files.items():
        (folder / name).write_text(text)


def run(case: Case, installed: Path, workers: bool) -> tuple[str, str]:
    """What pytest says, and what the plugin says; each beginning with "right" where that is so."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_suite(folder, case)
        load = [*(("xdist",) if workers else ()), *case.load, "pytest_imagejudge.plugin"]
        command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-Werror", *(f"-p{one}" for one in load)]
        command += [
            *(["-n2"] if workers else []),
            "--junitxml=junit.xml",
            "--judge-model=stand-in",
            "--judge-report=report.json",
            *case.options,
        ]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(installed)]),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_PLUGINS": "tests.stand_in.judge",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        for _ in range(case.runs):
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        said = dict.fromkeys(case.expected) | outcomes(folder / "junit.xml", case)
        if case.runs > 1:  # what passed before is not run again
            said = {test: True if found is None else found for test, found in said.items()}
        answer = verdict(said, case.expected)
        if done.returncode != 1:
            answer = f"exit {done.returncode}: {(done.stdout + done.stderr).strip().splitlines()[-1]}"
        if case.own is None:
            return answer, "-"
        try:
            return answer, verdict(case.own(folder), case.expected)
        except OSError as error:
            return answer, f"nothing: {error}"


def outcomes(file: Path, case: Case) -> Found:
    """What pytest was told, from JUnit's file; of a test with several cases there a failed one counts."""
    names = {test.rpartition("::")[2]: test for test in case.expected}
    found: Found = {}
    for one in ElementTree.parse(file).iter("testcase") if file.exists() else ():
        test = names.get(one.get("name", ""), one.get("name", ""))
        failed = found.get(test) is False or any(one.find(word) is not None for word in ("failure", "error"))
        found[test] = False if failed else None if one.find("skipped") is not None else True
    return found


def verdict(found: Found, expected: dict[str, bool]) -> str:
    """Where outcomes are not what they should be."""
    words = {True: "passed", False: "failed", None: "nothing"}
    wrong = [f"{test}: {words[found.get(test)]}" for test, passed in expected.items() if found.get(test) is not passed]
    wrong += [f"{test} too: {words[found[test]]}" for test in found if test not in expected and found[test] is False]
    return "right" if not wrong else "**wrong**: " + "; ".join(wrong)


def main(names: list[str]) -> None:
    """Install, run, and write the table; with names only these are run, and the table is printed."""
    cases = [case for case in CASES if not names or case.name in names]
    with tempfile.TemporaryDirectory() as name:
        pins = sorted({pin for case in cases for pin in case.pins})
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", f"--target={name}", *pins]
        subprocess.run(install, check=True)
        rows = []
        for case in cases:
            single, own = run(case, Path(name), workers=False)
            double, own_2 = run(case, Path(name), workers=True) if case.workers else ("-", own)
            versions = ", ".join(pin.replace("==", " ") for pin in case.pins[:1])
            shown = case.name if not versions else f"{case.name} ({versions.rpartition(' ')[2]})"
            own = own if own == own_2 else f"{own}; with workers {own_2}"
            how = " ".join(option for option in (case.mark, *case.options) if option) or "-"
            rows.append(f"| {shown} | {how} | {single} | {double} | {own} |\n")
            print(rows[-1], end="", file=sys.stderr, flush=True)
    if names:
        return
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    PAGE.write_text(before + BEGIN + HEAD + "".join(rows) + END + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
