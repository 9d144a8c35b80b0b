"""Tests, fixtures and processes that end in an odd way: nothing hangs, nothing is lost, nothing passes by it."""

import pytest

OUT_OF_THE_RUN = """
import pytest

@pytest.fixture(scope="session", autouse=True)
def summary(image_judge):
    yield
    print("SUMMARY", image_judge.score("good.png", prompt="a contact sheet")["Quality"])

def test_first(image_judge):
    {first}

@pytest.mark.parametrize("number", range(20))
def test_more(number, image_judge):
    image_judge.expect("fair.png", prompt=f"fox {{number}}")
"""


@pytest.mark.parametrize("first", ["assert False", "pytest.exit('bye', returncode=1)"])
@pytest.mark.parametrize("gpu", ["", "1"])
def test_a_fixture_may_ask_when_the_run_was_stopped(project, gpu, first):
    project.environ("STAND_IN_GPU", gpu)
    project.tests(OUT_OF_THE_RUN.format(first=first))
    result = project.run("-x", "-s", process=True)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*SUMMARY 100*"])
    assert (project.starts(), project.log()["close image"]) == (1, 1)
    assert project.outcomes()["good"] == "scored"


FORKED = """
import multiprocessing

def ask(judge, how):
    getattr(judge, how)("bad.png", prompt="from a child")

def run(judge, how):
    child = multiprocessing.get_context("fork").Process(target=ask, args=(judge, how))
    child.start()
    child.join(600)
    assert child.exitcode == 0

def test_expect(image_judge):
    run(image_judge, "expect")

def test_score(image_judge):
    image_judge.score("good.png", prompt="a fox")
    run(image_judge, "score")
"""


def test_a_forked_process_is_told_that_it_cannot_ask(project):
    project.tests(FORKED)
    result = project.run(process=True)
    result.assert_outcomes(failed=2)
    words = "a forked process can't use the judge: hand the picture back to the test"
    assert result.stdout.str().count(f"JudgeFailure: {words}") == 2


def test_an_exception_without_words_is_that_tests_own(project):
    project.tests(
        """
        class Odd(Exception):
            def __str__(self):
                return self.args[0].text

        def test_odd():
            raise Odd()

        def test_good(image_judge):
            image_judge.check("good.png", prompt="a fox")
        """
    )
    project.run().assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize("options", [(), ("-n1",)])
def test_a_failed_subtest_fails_its_test(project, options):
    pytest.importorskip("_pytest.subtests")
    project.tests(
        """
        def test_sub(image_judge, subtests):
            with subtests.test("own"):
                image_judge.expect("good.png", prompt="a fox")
                assert False
        """
    )
    project.run(*options).assert_outcomes(failed=2)
    lasting = (project.path / ".pytest_cache" / "v" / "cache" / "lastfailed").read_text()
    assert "test_it.py::test_sub" in lasting


def test_a_test_that_passed_is_told_though_its_teardown_ends_the_run(project):
    project.tests(
        """
        import pytest

        @pytest.fixture
        def ends():
            yield
            pytest.exit("bye", returncode=0)

        def test_first():
            pass

        def test_second(ends):
            pass
        """
    )
    project.run("-v").assert_outcomes(passed=2)


def test_stops_at_a_teardown_that_fails_while_the_verdict_is_out(project):
    project.environ("STAND_IN_DELAY", "0.2")
    project.tests(
        """
        import pytest

        @pytest.fixture
        def broken():
            yield
            raise RuntimeError("no disk")

        def test_first(image_judge, broken):
            image_judge.expect("good.png", prompt="a fox")

        def test_never():
            pass
        """
    )
    project.run("-x").assert_outcomes(passed=1, errors=1)


OWN = """
import pytest
from PIL import Image

def test_own(image_judge):
    verdict = image_judge.check(Image.open("good.png").convert("RGB"), prompt="a fox")
    assert verdict["Quality"] < 50

def test_gone(image_judge):
    image_judge.expect(Image.open("fair.png").convert("RGB"), prompt="a fox")
    raise RuntimeError("CUDA error")

@pytest.mark.xfail
def test_expected(image_judge):
    image_judge.expect("bad.png", prompt="a fox")

@pytest.mark.xfail
def test_expected_now(image_judge):
    image_judge.check("bad.png", prompt="a blue fox")

def test_good(image_judge):
    image_judge.check("good.png", prompt="a fox")
"""


@pytest.mark.parametrize("options", [(), ("-n2",)])
def test_the_report_says_which_tests_failed_for_another_reason_and_what_is_excused(project, options):
    project.tests(OWN)
    result = project.run(*options)
    result.assert_outcomes(passed=1, failed=2, xfailed=2)
    run = project.report["run"]
    found = {test["test"].rpartition("::")[2]: test["message"] for test in run["failed_tests"]}
    assert found.keys() == {"test_own", "test_gone"}
    assert found["test_own"].startswith("AssertionError: assert 100 < 50")
    assert found["test_gone"] == "RuntimeError: CUDA error"
    assert run["excused"] == ["test_it.py::test_expected", "test_it.py::test_expected_now"]
    assert len(list((project.path / "imagejudge-images").iterdir())) == 2  # those of the tests that failed
    result.stdout.fnmatch_lines(["5 images * 3 passed*"])


def test_a_users_mistake_is_told_without_our_own_frames(project):
    project.tests(
        """
        def test_list(image_judge):
            image_judge.check(["good.png"], prompt="a fox")
        """
    )
    result = project.run()
    result.stdout.fnmatch_lines(["E *TypeError: an image is *", "test_it.py:2: TypeError"])
    assert "pytest_imagejudge/" not in result.stdout.str().partition("image judge =")[0].replace(str(project.path), "")
    assert "fixtures.py" in project.run("--full-trace").stdout.str()


def test_a_failure_is_red_above_its_facts(project):
    project.tests('def test_bad(image_judge): image_judge.check("bad.png", prompt="a fox", thresholds={"total": 50})')
    for options in (), ("-n1",):
        text = project.run("--color=yes", *options).stdout.str()
        assert "\x1b[31m✗ Total: 0.0, bound 50.0" in text


SHARED = """
import pytest

@pytest.fixture(scope="module")
def gallery(image_judge):
    image_judge.expect("bad.png", prompt="a fox")

@pytest.fixture(scope="module", autouse=True)
def last(image_judge):
    yield
    image_judge.expect("bad.png", prompt="the last fox")

def test_needs_more(gallery):
    pytest.skip("no more")

def test_other(gallery):
    pass

@pytest.mark.skip
def test_never():
    pass
"""


@pytest.mark.parametrize("delay", ["0", "0.2"])
@pytest.mark.parametrize("options", [(), ("-n1",)])
def test_what_a_fixture_of_several_tests_expects_is_not_excused_by_a_skip(project, options, delay):
    project.environ("STAND_IN_DELAY", delay)
    project.tests(SHARED)
    result = project.run(*options)
    result.assert_outcomes(passed=1, failed=2, skipped=2)
    result.stdout.fnmatch_lines(["FAILED imagejudge::expect[[]test_it.py:*"])
    assert project.report["run"]["excused"] == []
