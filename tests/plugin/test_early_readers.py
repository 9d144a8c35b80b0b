"""Plugins that read the outcome of a test as it ends: a test waits for its verdicts, and they read the right one."""

import os
import xml.etree.ElementTree as ElementTree

import pytest

NOTES = """
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        with open(item.config.rootpath / "read.txt", "a") as file:
            file.write(f"{item.nodeid} {report.outcome}\\n")
    return report
"""
STEPS_BACK = """
def pytest_runtest_makereport(item, call):
    if call.when == "call":
        outcome = "passed" if call.excinfo is None else "failed"
        with open(item.config.rootpath / "read.txt", "a") as file:
            file.write(f"{item.nodeid} {outcome}\\n")
"""
TWO = """
import pytest

@pytest.mark.parametrize("picture", ["good", "bad"])
def test_fox(image_judge, picture):
    image_judge.expect(f"{picture}.png", prompt="a red fox")
"""
RIGHT = {f"test_it.py::test_fox[{name}]": outcome for name, outcome in (("good", "passed"), ("bad", "failed"))}
SLOWER = "imagejudge: each test waits for its verdicts, which is slower: {} reads outcomes as tests end"


def read(project):
    """What was read, by test."""
    return dict(line.rsplit(" ", 1) for line in (project.path / "read.txt").read_text().splitlines())


@pytest.mark.parametrize("options", [(), ("-n2",)], ids=str)
@pytest.mark.parametrize("conftest", [NOTES, STEPS_BACK], ids=["wrapper", "hook"])
def test_a_hook_around_reports_reads_the_right_outcomes(project, conftest, options):
    (project.path / "conftest.py").write_text(conftest)
    project.tests(TWO)
    rows = [{"ID": name, "prompt": "a fox", "image_path": f"{name}.png"} for name in ("good", "bad")]
    project.manifest("rows.imagejudge.jsonl", rows)
    result = project.run(*options)
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines([SLOWER.format("conftest.py")])
    of_rows = {"rows.imagejudge.jsonl::good": "passed", "rows.imagejudge.jsonl::bad": "failed"}
    assert read(project) == {**RIGHT, **of_rows}
    assert [entry["outcome"] for entry in project.report["verdicts"]].count("failed") == 2


def test_a_hook_that_reads_no_outcome_can_be_named(project):
    (project.path / "conftest.py").write_text(NOTES)
    project.ini("judge_wait_for_plugins = no:conftest.py")
    project.tests(TWO)
    result = project.run()
    result.assert_outcomes(passed=1, failed=1)
    assert set(read(project).values()) == {"passed"}
    assert "which is slower" not in result.stdout.str()


def test_in_a_folder_with_such_a_hook_tests_wait_and_elsewhere_they_do_not(project):
    project.tests(TWO, "sub/test_it")
    (project.path / "sub" / "conftest.py").write_text(NOTES)
    project.environ("STAND_IN_AT_ONCE", "10")  # two images of five requests: none is answered before both wait
    for number in range(2):
        project.picture("together", f"{number}.png", number)
    project.tests(TWO.replace('"good", "bad"', "0, 1"), "test_top")
    result = project.run()
    result.assert_outcomes(passed=3, failed=1)
    assert read(project) == {f"sub/{name}": outcome for name, outcome in RIGHT.items()}
    result.stdout.fnmatch_lines(["*a test that uses a judge waits*: sub/conftest.py reads outcomes as tests end"])


def test_a_plugin_that_the_ini_file_lists(project):
    (project.path / "mine.py").write_text(
        """
def pytest_runtest_logfinish(nodeid):
    with open("read.txt", "a") as file:
        file.write(f"{nodeid} {'failed' if SESSION.testsfailed else 'passed'}\\n")

def pytest_sessionstart(session):
    global SESSION
    SESSION = session
"""
    )
    project.environ("PYTHONPATH", f"{project.path}:{os.environ['PYTHONPATH']}")
    project.ini("judge_wait_for_plugins =", "    mine", "    yours")
    project.plugins.append("mine")
    project.tests(TWO)
    result = project.run(process=True)
    result.assert_outcomes(passed=1, failed=1)
    assert read(project) == RIGHT
    result.stdout.fnmatch_lines([SLOWER.format("mine"), "*judge_wait_for_plugins: no such plugin is active: yours"])


def test_a_plugin_that_looks_at_marked_tests_only(project):
    """As pytest-dependency, whose hook is there in every run."""
    (project.path / "pytest_dependency.py").write_text(
        NOTES + "\ndef pytest_addoption(parser):\n    parser.addini('automark_dependency', '', type='bool')\n"
        "\ndef pytest_configure(config):\n    config.addinivalue_line('markers', 'dependency: marked')\n"
    )
    project.environ("PYTHONPATH", f"{project.path}:{os.environ['PYTHONPATH']}")
    project.plugins.append("pytest_dependency")
    project.tests(TWO + TWO.replace("test_fox", "test_two").replace("@pytest", "@pytest.mark.dependency\n@pytest"))
    project.run(process=True).assert_outcomes(passed=2, failed=2)
    found = read(project)
    assert found["test_it.py::test_fox[bad]"] == "passed"
    assert found["test_it.py::test_two[bad]"] == "failed"
    project.ini("automark_dependency = true")
    project.run(process=True).assert_outcomes(passed=2, failed=2)
    assert read(project)["test_it.py::test_fox[bad]"] == "failed"


STEPWISE = """
import pytest

def pytest_addoption(parser):
    parser.addoption("--cucumberjson", dest="cucumber_json_path")

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return (yield)
"""


@pytest.mark.parametrize(("options", "found"), [((), "went on"), (("--cucumberjson=c.json",), "")], ids=str)
def test_a_report_of_steps_has_a_test_fail_at_the_image(project, options, found):
    """As pytest-bdd's, whose hook is there in every run."""
    (project.path / "pytest_bdd.py").write_text(STEPWISE)
    project.environ("PYTHONPATH", os.pathsep.join([str(project.path), os.environ["PYTHONPATH"]]))
    project.plugins.append("pytest_bdd")
    project.tests(
        """
        def test_fox(image_judge):
            image_judge.expect("bad.png", prompt="a fox")
            with open("steps.txt", "a") as file:
                file.write("went on")
        """
    )
    (project.path / "steps.txt").touch()
    project.run(*options, process=True).assert_outcomes(failed=1)
    assert (project.path / "steps.txt").read_text() == found


@pytest.mark.parametrize("enabled", [True, False])
def test_a_plugin_that_is_switched_on_or_off(project, enabled):
    """As ReportPortal's, whose hook is there in every run."""
    (project.path / "pytest_reportportal.py").write_text(
        NOTES + f"\ndef pytest_configure(config):\n    config._rp_enabled = {enabled}\n"
    )
    project.environ("PYTHONPATH", os.pathsep.join([str(project.path), os.environ["PYTHONPATH"]]))
    project.plugins.append("pytest_reportportal")
    project.tests(TWO)
    project.run(process=True).assert_outcomes(passed=1, failed=1)
    assert read(project)["test_it.py::test_fox[bad]"] == ("failed" if enabled else "passed")


def test_a_test_that_waits_asks_for_all_its_images_at_once(project):
    (project.path / "conftest.py").write_text(NOTES)
    project.environ("STAND_IN_AT_ONCE", "15")
    for number in range(3):
        project.picture("together", f"{number}.png", number)
    project.tests(
        """
        def test_foxes(image_judge):
            for number in range(3):
                image_judge.expect(f"{number}.png", prompt="a red fox")
        """
    )
    project.run().assert_outcomes(passed=1)


@pytest.mark.parametrize("options", [(), ("-n1",)], ids=str)
def test_where_the_judge_comes_after_the_tests_it_is_an_error(project, options):
    (project.path / "conftest.py").write_text(NOTES)
    project.tests(TWO)
    result = project.run("--judge-when=after", *options)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: *but conftest.py reads outcomes as tests end. *no:conftest.py*--judge-gpus*"])


HOLDS_THE_GPU = """
@pytest.fixture(scope="session", autouse=True)
def generator(pytestconfig):
    yield
    (pytestconfig.rootpath / "held").unlink()
"""


def test_where_the_gpu_has_no_room_it_is_an_error_too(project):
    (project.path / "conftest.py").write_text(NOTES + HOLDS_THE_GPU)
    project.environ("STAND_IN_GPU", "1")
    (project.path / "held").write_text("")
    project.tests(TWO)
    result = project.run()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*before it ends (conftest.py reads outcomes as tests end)*no:conftest.py*"])
    (project.path / "held").write_text("")
    project.manifest("rows.imagejudge.jsonl", [{"ID": 1, "prompt": "a fox", "image_path": "good.png"}])
    result = project.run()
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: *but conftest.py reads outcomes as tests end. *"])


def test_junit_has_no_case_of_a_test_with_subtests_that_was_not_decided(project):
    pytest.importorskip("_pytest.subtests")
    project.tests(
        """
        from PIL import Image

        def test_never(image_judge, subtests):
            with subtests.test("one"):
                image_judge.expect(Image.new("RGB", (8, 8), (255, 0, 255)), prompt="a red fox")

        def test_own():
            assert 0
        """
    )
    project.run("-x", "--junitxml=j.xml")
    cases = list(ElementTree.parse(project.path / "j.xml").iter("testcase"))
    assert [case.get("name") for case in cases] == ["test_own"]
