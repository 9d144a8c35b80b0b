"""``expect``: the outcome of a test that is judged after it has run."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

THREE = """
import pytest

@pytest.mark.parametrize("picture", ["good", "bad", "fair"])
def test_fox(image_judge, picture):
    image_judge.expect(f"{picture}.png", prompt="a red fox")
"""


def test_each_test_is_reported_once_with_the_outcome_of_its_verdicts(project):
    project.tests(THREE)
    result = project.run("-v")
    result.assert_outcomes(passed=2, failed=1)
    assert result.ret == 1
    output = result.stdout.str()
    assert output.count("test_it.py:5") == 1
    assert output.count("JudgeFailure") <= 1
    for picture, word in (("good", "PASSED"), ("bad", "FAILED"), ("fair", "PASSED")):
        lines = [line for line in result.outlines if f"test_fox[{picture}]" in line and word in line and "%" in line]
        assert len(lines) == 1, output
    (line,) = [line for line in result.outlines if line.startswith("FAILED")]
    if pytest.version_tuple >= (9,):  # older ones show no message of a failure without a traceback there
        assert "Total: 0.0, bound 45.0" in line
    assert project.outcomes() == {"good": "passed", "bad": "failed", "fair": "passed"}
    assert {entry["where"] for entry in project.report["verdicts"]} == {"test_it.py:5"}


@pytest.mark.parametrize("flag", ["-q", "-qq", "-vv", "--tb=no", "--color=yes", "--tb=line", "--tb=native", "-rA"])
def test_output_options(project, flag):
    project.tests(THREE)
    result = project.run(flag)
    assert result.ret == 1
    output = result.stdout.str()
    assert "Traceback" not in output
    if flag == "--color=yes":
        assert "\x1b[" in output
    else:
        assert "\x1b[" not in output
    if flag not in ("--tb=no", "-qq") and (flag != "--tb=line" or pytest.version_tuple >= (9,)):
        assert "test_it.py:5" in output
    assert output.count("1 failed") + output.count("1\x1b[0m failed") >= (0 if flag == "-qq" else 1)
    assert project.outcomes() == {"good": "passed", "bad": "failed", "fair": "passed"}


@pytest.mark.parametrize("workers", [[], ["-n1"]], ids=["alone", "workers"])
@pytest.mark.parametrize("call", ["check", "expect"])
def test_a_summary_on_a_ci_server_has_one_line_a_failure(project, call, workers):
    project.environ("CI", "1")
    project.tests(THREE.replace(".expect(", f".{call}("))
    result = project.run("--junitxml=junit.xml", *workers)
    output = result.stdout.str()
    assert output.count("Look at the picture.") == 1  # shown with the failure, and not again
    assert "FAILED test_it.py::test_fox[bad] - ✗ Total: 0.0, bound 45.0\n" in output
    junit = ElementTree.parse(project.path / "junit.xml")
    (failure,) = junit.iter("failure")
    assert failure.get("message") == "✗ Total: 0.0, bound 45.0"
    assert "image      bad.png" in str(failure.text)


@pytest.mark.parametrize("call", ["check", "expect"])
def test_one_line_a_failure(project, call):
    project.tests(THREE.replace(".expect(", f".{call}("))
    result = project.run("--tb=line")
    result.stdout.fnmatch_lines(["*test_it.py:5: ✗ Total: 0.0, bound 45.0"])
    assert "image      bad.png" not in result.stdout.str()


def test_all_is_asked_while_tests_run(project):
    project.environ("STAND_IN_AT_ONCE", "15")  # three images of five requests: none is answered before all wait
    for number in range(3):
        project.picture("together", f"{number}.png", number)
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(3))
        def test_fox(image_judge, number):
            image_judge.expect(f"{number}.png", prompt="a red fox")
        """
    )
    project.run().assert_outcomes(passed=3)


def test_several_in_one_test(project):
    project.tests(
        """
        def test_foxes(image_judge):
            image_judge.expect("good.png", prompt="one")
            image_judge.expect("bad.png", prompt="two")
            image_judge.expect("unreadable.png", prompt="three")
            image_judge.check("fair.png", prompt="four")

        def test_edits(edit_judge):
            edit_judge.expect("fair.png", "bad.png", "make it blue")
        """
    )
    result = project.run("--edit-judge-model=stand-in")
    result.assert_outcomes(failed=2)
    output = result.stdout.str()
    for words in ("test_it.py:3", "test_it.py:4", "test_it.py:8"):
        assert output.count(words) == 1, words
    assert "test_it.py:2\n" not in output
    assert project.outcomes() == {"good": "passed", "unreadable": "error", "fair": "passed", "bad": "failed"}


@pytest.mark.parametrize("flag", ["-q", "-v"])
def test_of_many_failures_in_one_test_verbosity_shows_the_first_whole(project, flag):
    project.tests(
        """
        def test_foxes(image_judge):
            for number in range(30):
                image_judge.expect("bad.png", prompt=f"fox {number}")
            image_judge.expect("unreadable.png", prompt="fox")
        """
    )
    result = project.run(flag)
    result.assert_outcomes(failed=1)
    output = result.stdout.str()
    _, failures, _ = re.split(r"=+ (?:FAILURES|image judge) =+\n", output)
    assert failures.count("Look at the picture.") == 1
    assert output.count("Nothing passes on an answer that can't be read.") == 1
    assert failures.count("└─ Comic Creation") == (flag == "-v")
    assert "scores     total 0.0, Quality 0.0, Aesthetics 0.0, " in failures
    for number in range(30):
        assert f"prompt     fox {number}\n" in output
    assert output.count("✗ Quality: 0.0, bound 40.0") == 30


def test_what_to_do_is_said_once_in_a_run(project):
    project.tests(THREE.replace('"fair"', '"bad"'))
    result = project.run()
    result.assert_outcomes(passed=1, failed=2)
    assert result.stdout.str().count("Look at the picture.") == 1


def test_what_was_not_judged_fails_its_test(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("picture", ["unreadable", "refused", "fault", "absent", "gone", "good"])
        def test_fox(image_judge, picture):
            image_judge.expect(f"{picture}.png", prompt="a red fox")
        """
    )
    result = project.run()
    result.assert_outcomes(passed=1, failed=5)
    outcomes = project.outcomes()
    assert outcomes.pop("good") == "passed"
    assert outcomes.pop("absent") == "failed"
    assert set(outcomes.values()) == {"error"}


def test_an_engine_that_does_not_start_fails_every_test(project):
    project.environ("STAND_IN_FAULT", "start")
    project.tests(THREE)
    project.manifest("rows.imagejudge.jsonl", [{"ID": 1, "prompt": "a fox", "image_path": "good.png"}])
    result = project.run()
    result.assert_outcomes(failed=4)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*the server did not come up: out of memory*"])
    assert project.starts() == 1
    assert {entry["outcome"] for entry in project.report["verdicts"]} == {"error"}


def test_the_log_of_a_server_that_failed_is_shown_once(project):
    project.environ("STAND_IN_FAULT", "log")
    project.tests(THREE)
    result = project.run()
    result.assert_outcomes(failed=3)
    shown = result.stdout.str()
    assert shown.count("not judged: the judge's server failed\n") == 6  # each with its line in the short summary
    assert shown.count("cause: ValueError: why\n") == 3
    assert shown.count("log: server.log, its end:\n(18 lines left out)\n  | line 18 of the log\n") == 1
    assert shown.count("line 29 of the log") == 1


def test_own_failure_stands_and_is_still_judged(project):
    project.tests(
        """
        import pytest

        def test_fails(image_judge):
            image_judge.expect("bad.png", prompt="a red fox")
            assert 1 == 2

        def test_skips(image_judge):
            image_judge.expect("good.png", prompt="a red fox")
            pytest.skip("enough")

        def test_raises(image_judge):
            image_judge.expect("unreadable.png", prompt="a red fox")
            raise ValueError("no")
        """
    )
    result = project.run("-rs")
    result.assert_outcomes(failed=2, skipped=1)
    result.stdout.fnmatch_lines(["*assert 1 == 2*", "*enough*"])
    assert project.outcomes() == {"bad": "failed", "good": "passed", "unreadable": "error"}
    assert {entry["test"].partition("::")[2] for entry in project.report["verdicts"]} == {
        "test_fails",
        "test_skips",
        "test_raises",
    }


def test_teardown_failure(project):
    project.tests(
        """
        import pytest

        @pytest.fixture
        def broken():
            yield
            raise ValueError("torn")

        def test_good(image_judge, broken):
            image_judge.expect("good.png", prompt="a red fox")

        def test_bad(image_judge, broken):
            image_judge.expect("bad.png", prompt="a red fox")
        """
    )
    result = project.run()
    result.assert_outcomes(passed=1, failed=1, errors=2)
    assert project.outcomes() == {"good": "passed", "bad": "failed"}


@pytest.mark.parametrize("failures", [1, 2])
def test_a_failure_at_which_the_run_stops_tears_down_every_fixture(project, failures):
    project.tests(
        """
        import pytest

        @pytest.fixture(scope="module")
        def broken(image_judge):
            yield
            image_judge.expect("good.png", prompt="a red fox")
            raise ValueError("torn")

        def test_fails(broken):
            assert False

        def test_again(broken):
            assert False

        def test_never(broken):
            pass
        """
    )
    result = project.run(f"--maxfail={failures}")
    result.assert_outcomes(failed=failures, errors=1)
    assert project.outcomes() in ({"good": "passed"}, {"good": "error"})
    assert result.ret == 1
    assert "test_never" not in result.stdout.str()


def test_expect_in_fixtures_counts_for_the_test_that_set_them_up(project):
    project.tests(
        """
        import pytest

        @pytest.fixture(scope="module")
        def module(image_judge):
            image_judge.expect("bad.png", prompt="a red fox")

        @pytest.fixture(scope="class")
        def of_class(image_judge):
            image_judge.expect("unreadable.png", prompt="a red fox")

        @pytest.fixture
        def after(image_judge):
            yield
            image_judge.expect("refused.png", prompt="a red fox")

        def test_first(module):
            pass

        def test_second(module):
            pass

        class TestClass:
            def test_one(self, of_class):
                pass

            def test_two(self, of_class):
                pass

        def test_teardown(after):
            pass

        def test_last():
            pass
        """
    )
    result = project.run("-v")
    result.assert_outcomes(failed=3, passed=3)
    result.stdout.fnmatch_lines_random(
        ["*::test_first FAILED*", "*::test_one FAILED*", "*::test_teardown FAILED*", "*::test_second PASSED*"]
    )
    assert {entry["test"].rpartition("::")[2] for entry in project.report["verdicts"]} == {
        "test_first",
        "test_one",
        "test_teardown",
    }


def test_expected_failures(project):
    project.tests(
        """
        import pytest

        @pytest.mark.xfail
        def test_bad(image_judge):
            image_judge.expect("bad.png", prompt="a red fox")

        @pytest.mark.xfail(strict=True)
        def test_bad_strict(image_judge):
            image_judge.expect("bad.png", prompt="a red fox")

        @pytest.mark.xfail
        def test_good(image_judge):
            image_judge.expect("good.png", prompt="a red fox")

        @pytest.mark.xfail(strict=True, reason="not yet")
        def test_good_strict(image_judge):
            image_judge.expect("good.png", prompt="a red fox")

        @pytest.mark.xfail(strict=True)
        def test_bad_check(image_judge):
            image_judge.check("bad.png", prompt="a red fox")

        @pytest.mark.xfail(strict=True, raises=pytest.fail.Exception)
        def test_bad_raises(image_judge):
            image_judge.expect("bad.png", prompt="a red fox")

        @pytest.mark.xfail(strict=True, raises=ZeroDivisionError)
        def test_bad_raises_other(image_judge):
            image_judge.expect("bad.png", prompt="a red fox")

        @pytest.mark.xfail(raises=ZeroDivisionError)
        def test_bad_raises_other_not_strict(image_judge):
            image_judge.expect("bad.png", prompt="a red fox")

        @pytest.mark.xfail(run=False)
        def test_not_run(image_judge):
            image_judge.expect("bad.png", prompt="a red fox")

        def test_imperative(image_judge):
            image_judge.expect("bad.png", prompt="a red fox")
            pytest.xfail("known")
        """
    )
    result = project.run("-rxX", "-v")
    result.assert_outcomes(xfailed=6, xpassed=1, failed=3)
    result.stdout.fnmatch_lines_random(
        [
            "*test_bad XFAIL*",
            "*test_bad_strict XFAIL*",
            "*test_good XPASS*",
            "*test_good_strict FAILED*",
            "*test_bad_check XFAIL*",
            "*test_bad_raises XFAIL*",
            "*test_bad_raises_other FAILED*",
            "*test_bad_raises_other_not_strict FAILED*",
            "*test_not_run XFAIL*",
            "*test_imperative XFAIL*",
        ]
    )
    result = project.run("--runxfail")
    result.assert_outcomes(failed=8, passed=2)


def test_stop_at_the_first_failure(project):
    project.tests(
        """
        def test_hanging(image_judge):
            image_judge.expect("hanging.png", prompt="a red fox")

        def test_good(image_judge):
            image_judge.check("good.png", prompt="a red fox")

        def test_fails(image_judge):
            image_judge.expect("hanging.png", prompt="a blue fox")
            assert False

        def test_never():
            pass
        """
    )
    result = project.run("-x")
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*not decided*1 test*", "*test_it.py::test_hanging*"])
    assert "test_never" not in result.stdout.str()
    by_test = {entry["test"].rpartition("::")[2]: entry for entry in project.report["verdicts"]}
    assert by_test["test_good"]["outcome"] == "passed"
    assert by_test["test_hanging"]["outcome"] == "error"
    assert by_test["test_fails"]["outcome"] == "error"
    assert "-x" in by_test["test_hanging"]["error"]


def test_a_verdict_that_fails_stops_the_run(project):
    project.tests(
        """
        def test_bad(image_judge):
            image_judge.expect("bad.png", prompt="a red fox")

        def test_good(pytestconfig):
            judge, = pytestconfig.pluginmanager.get_plugin("imagejudge-gate").parts.judges.used()
            while judge.session.outstanding:
                pass

        def test_never():
            pass
        """
    )
    result = project.run("--maxfail=1", "-v")
    result.assert_outcomes(failed=1, passed=1)
    assert "test_never" not in result.stdout.str()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*stopping after 1 failures*"])


def test_a_verdict_that_fails_ends_the_wait_for_the_others(project):
    project.tests(
        """
        def test_hanging(image_judge):
            image_judge.expect("hanging.png", prompt="a red fox")

        def test_bad(image_judge):
            image_judge.expect("bad.png", prompt="a red fox")
        """
    )
    result = project.run("-x")
    result.assert_outcomes(failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["not decided*1 test", "*::test_hanging", "*stopping after 1 failures*"])
    assert project.outcomes() == {"bad": "failed", "hanging": "error"}


@pytest.mark.parametrize("workers", [[], ["-n1"]], ids=["alone", "workers"])
def test_no_more_failures_are_told_than_asked_for(project, workers):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_fox(image_judge, number):
            image_judge.expect("good.png" if number == 5 else "bad.png", prompt=f"{number}")
        """
    )
    result = project.run("--maxfail=2", *workers)
    assert result.parseoutcomes()["failed"] == 2
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*stopping after 2 failures*"])
    shown = [entry["prompt"] for entry in project.report["verdicts"]]
    asked = {line.split()[-1] for line in project.log() if line.startswith("ask ")}
    assert asked <= set(shown)  # what was judged is shown all the same
    assert len(shown) == len(set(shown)) >= 2


def test_last_failed_and_failed_first(project):
    project.tests(THREE)
    project.run().assert_outcomes(passed=2, failed=1)
    result = project.run("--lf")
    result.assert_outcomes(failed=1)
    result = project.run("--ff", "-v")
    result.assert_outcomes(passed=2, failed=1)
    project.tests(THREE.replace('"bad"', '"bad", "gone"').replace("red", "blue"))
    project.run("--nf").assert_outcomes(passed=2, failed=2)
    project.run("--lf").assert_outcomes(failed=2)


def test_junit(project):
    project.tests(
        THREE
        + """
def test_fails(image_judge):
    image_judge.expect("good.png", prompt="a red fox")
    assert False

def test_skips(image_judge):
    image_judge.expect("good.png", prompt="a red fox")
    pytest.skip("enough")

@pytest.mark.xfail
def test_xfail(image_judge):
    image_judge.expect("bad.png", prompt="a red fox")

@pytest.mark.parametrize("number", range(4))
def test_more(image_judge, number):
    image_judge.check("fair.png", prompt=f"a red fox {number}")
"""
    )
    (project.path / "gate.toml").write_text("total = 20\n[suite]\ntotal = 90\n")
    result = project.run("--junitxml=junit.xml", "--judge-thresholds=gate.toml")
    suite = ElementTree.parse(project.path / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    told = ("properties", "system-out")  # of images
    cases = {case.get("name"): [child.tag for child in case if child.tag not in told] for case in suite}
    assert len(suite.findall("testcase")) == 11
    assert cases == {
        "test_fox[good]": [],
        "test_fox[bad]": ["failure"],
        "test_fox[fair]": [],
        "test_fails": ["failure"],
        "test_skips": ["skipped"],
        "test_xfail": ["skipped"],
        "suite[Total]": ["failure"],
        **{f"test_more[{number}]": [] for number in range(4)},
    }
    assert suite.get("failures") == "3"
    assert suite.get("skipped") == "2"
    assert suite.get("tests") == "11"
    assert result.ret == 1
    result.assert_outcomes(passed=6, failed=3, skipped=1, xfailed=1)


def test_collect_only_asks_nothing(project):
    project.tests(THREE)
    project.manifest("rows.imagejudge.jsonl", [{"ID": 1, "prompt": "a fox", "image_path": "good.png"}])
    result = project.run("--collect-only", "-q")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*test_fox?bad?*", "*4 tests collected*"])
    assert not project.log()
    assert not (project.path / "report.json").exists()


@pytest.mark.parametrize("flag", ["--fixtures", "--fixtures-per-test", "--setup-plan", "--setup-only", "--cache-show"])
def test_what_only_shows_asks_nothing(project, flag):
    project.tests(THREE)
    project.manifest("rows.imagejudge.jsonl", [{"ID": 1, "prompt": "a fox", "image_path": "good.png"}])
    assert project.run(flag).ret == 0
    assert not project.log()
    assert not (project.path / "report.json").exists()


def test_deselected_tests_are_not_judged(project):
    project.tests(THREE)
    project.manifest(
        "rows.imagejudge.jsonl",
        [{"ID": name, "prompt": "a fox", "image_path": f"{name}.png"} for name in ("good", "bad")],
    )
    project.run("-k", "good").assert_outcomes(passed=2, deselected=3)
    assert set(project.outcomes()) == {"good"}
    assert project.asked() == 10


def test_setup_show_is_of_one_test_at_a_time(project):
    project.tests(THREE)
    result = project.run("--setup-show")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*test_fox?bad? (fixtures used: *)*F"])


def test_without_a_terminal(project):
    project.tests(THREE)
    result = project.run("-p", "no:terminal", process=True)
    assert result.ret == 1
    assert result.stderr.str() == ""
    assert project.outcomes() == {"good": "passed", "bad": "failed", "fair": "passed"}


def test_unittest_and_doctest(project):
    project.tests(
        '''
        import unittest
        import pytest

        class TestFox(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _judge(self, image_judge):
                self.judge = image_judge

            def test_good(self):
                self.judge.expect("good.png", prompt="a red fox")

            def test_bad(self):
                self.judge.expect("bad.png", prompt="a red fox")

            def test_check(self):
                self.judge.check("bad.png", prompt="a red fox")

        def double(number):
            """
            >>> double(2)
            4
            >>> getfixture("image_judge").expect("bad.png", prompt="a blue fox")
            """
            return 2 * number
        '''
    )
    result = project.run("--doctest-modules", "-v")
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines_random(["*test_good PASSED*", "*test_bad FAILED*", "*test_it.double FAILED*"])


def test_captured_output_and_properties_stay_with_their_test(project):
    project.tests(
        """
        def test_bad(image_judge, record_property):
            print("made with seed 7")
            record_property("seed", 7)
            image_judge.expect("bad.png", prompt="a red fox")
        """
    )
    result = project.run("--junitxml=junit.xml", "-ojunit_family=xunit1")
    once_ = [line for line in result.outlines if line == "made with seed 7"]
    assert len(once_) == 1
    assert '<property name="seed" value="7"' in (project.path / "junit.xml").read_text()


def test_durations_and_step_wise(project):
    project.tests(THREE.replace('"good", "bad", "fair"', '"good", "bad", "fair", "unreadable", "refused"'))
    for mended, passed, deselected in (("bad", 1, 0), ("unreadable", 2, 1), ("refused", 1, 3)):
        result = project.run("--stepwise", "--durations=3")
        result.assert_outcomes(passed=passed, failed=1, deselected=deselected)
        (line,) = [line for line in result.outlines if line.startswith("FAILED")]
        assert mended in line  # the first that fails, however fast the others are judged
        project.picture("good", f"{mended}.png", 1)
    result = project.run("--stepwise")
    assert result.ret == 0


def test_loggers_added_by_the_judges_thread(project):
    project.tests(
        """
        import logging

        def test_fox(image_judge):
            for number, logger in enumerate(logging.root.manager.loggerDict.values()):
                logging.getLogger(f"added.meanwhile.{number}")
                if number > 3:
                    break
            image_judge.expect("good.png", prompt="a red fox")
        """
    )
    project.run().assert_outcomes(passed=1)


def test_what_is_judged_while_a_long_test_runs_is_taken_in(project):
    """A test that hands over thousands holds no more verdicts than came out of order."""
    with (project.path / "conftest.py").open("a") as file:
        file.write("\n\nseen = []\n\ndef pytest_imagejudge_verdict(entry):\n    seen.append(entry.prompt)\n")
    project.tests(
        """
        def test_long(image_judge, request):
            (conftest,) = (p for p in request.config.pluginmanager.get_plugins() if hasattr(p, "seen"))
            for number in range(5000):
                image_judge.expect("bad.png" if number == 1 else "good.png", prompt=f"{number}")
                if len(conftest.seen) > 2:
                    break
            assert conftest.seen[:3] == ["0", "1", "2"]
        """
    )
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Total: 0.0, bound 45*"])
    entries = project.report["verdicts"]
    assert [entry["prompt"] for entry in entries] == [str(number) for number in range(len(entries))]
    assert [entry["outcome"] for entry in entries[:3]] == ["passed", "failed", "passed"]


def test_what_is_expected_while_no_test_runs_fails_the_run(project):
    project.tests(
        """
        def test_a(image_judge):
            image_judge.expect("good.png", prompt="a red fox")
        """
    )
    late = """
def pytest_runtest_logfinish(nodeid):
    if nodeid.endswith("test_a"):
        JUDGE.expect("bad.png", prompt="a red fox")

def pytest_collection_finish(session):
    from pytest_imagejudge.plugin.stash import IMAGE_JUDGE

    global JUDGE
    JUDGE = session.config.stash[IMAGE_JUDGE]
"""
    (project.path / "conftest.py").write_text(late)
    result = project.run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["conftest.py:* handed over while no test was running*", "FAILED imagejudge::expect*"])


@pytest.mark.parametrize("scope", ["session", "module"])
def test_a_wide_fixture_that_expects_when_the_last_test_has_no_judge(project, scope):
    project.tests(
        f"""
        import pytest

        @pytest.fixture(scope="{scope}")
        def gallery(image_judge):
            yield
            image_judge.expect("good.png", prompt="a red fox")

        def test_a(gallery): pass

        def test_b(): pass
        """
    )
    result = project.run("-Werror")
    result.assert_outcomes(passed=2)
    assert len(project.report["verdicts"]) == 1


def test_threads_of_a_test(project):
    project.tests(
        """
        from concurrent.futures import ThreadPoolExecutor

        def test_threads(image_judge):
            with ThreadPoolExecutor(8) as pool:
                for number in range(60):
                    pool.submit(image_judge.expect, "good.png" if number % 2 else "bad.png", "a red fox", id=number)
        """
    )
    result = project.run("-q")
    result.assert_outcomes(failed=1)
    assert sorted(int(entry["id"]) for entry in project.report["verdicts"]) == list(range(60))
    assert {entry["where"] for entry in project.report["verdicts"]} == {
        "test_it.py:3"
    }  # the test: the frame is a library's
    result.stdout.fnmatch_lines(["30 images of this test failed."])


def test_no_case_without_a_name_of_a_test_that_was_not_decided(project):
    project.tests(
        """
        from tests.stand_in.pictures import marked

        def test_never(image_judge):
            image_judge.expect(marked((255, 0, 255)), prompt="a red fox")

        def test_own():
            assert 0
        """
    )
    project.run("-x", "--junitxml=j.xml")
    cases = list(ElementTree.parse(project.path / "j.xml").iter("testcase"))
    assert [case.get("name") for case in cases] == ["test_own"]


def test_repeated_judgements_are_one_image_in_every_headline(project):
    project.tests(
        """
        from tests.stand_in.pictures import marked

        def test_flips(image_judge):
            image_judge.expect(marked((100, 200, 2)), prompt="a red fox")
        """
    )
    result = project.run("--judge-repeat=3", "--judge-report=r.md")
    result.stdout.fnmatch_lines(["1 image * 1 *ed"])
    title = (project.path / "r.md").read_text().splitlines()[0]
    assert re.search("of 1 image|1 image passed", title)


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_marker_alone_judges_nothing_and_is_told(project, workers: tuple[str, ...]) -> None:
    project.tests(
        """
        import pytest

        pytestmark = pytest.mark.imagejudge(image="good.png", prompt="a fox")

        def test_forgets(image_judge):
            pass

        @pytest.mark.parametrize("how", ["check", "score", "expect"])
        def test_judges(image_judge, how):
            getattr(image_judge, how)("good.png", prompt="a fox")

        def test_skips():
            pytest.skip("another time")
        """
    )
    result = project.run(*workers, "-Wdefault::pytest.PytestWarning")
    result.assert_outcomes(passed=4, skipped=1, warnings=1)
    result.stdout.fnmatch_lines(["*test_it.py::test_forgets: its marker imagejudge names an image, but *"])
    project.run(*workers, "-Werror::pytest.PytestWarning").assert_outcomes(passed=4, skipped=1, errors=1)
