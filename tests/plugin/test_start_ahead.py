"""Judges that start when the collection is over, beside the tests."""

from __future__ import annotations

import json

import pytest

MAKES = """
import pytest
from tests.stand_in.pictures import marked

@pytest.fixture(scope="session")
def generator(pytestconfig):
    root = pytestconfig.rootpath
    with (root / "engine.log").open("a") as log:
        log.write("generator loads\\n")
    return marked

def test_good(image_judge, generator):
    image_judge.expect(generator((220, 220, 220)), prompt="a red fox")

def test_fair(image_judge, generator):
    assert image_judge.score(generator((128, 128, 128)), prompt="a red fox")["Quality"] == 60
"""
NOW = "imagejudge: stand-in starts while the tests run: "
LATER = "imagejudge: stand-in starts at its first image: "


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU of the judge's own."""
    monkeypatch.setenv("STAND_IN_GPU", "own")


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that the tests use too."""
    monkeypatch.setenv("STAND_IN_GPU", "1")


def events(project) -> list[str]:
    """What the engine and the generator did, without the questions; the log is empty afterwards."""
    path = project.path / "engine.log"
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    path.unlink()
    return [line for line in lines if not line.startswith("ask ")]


def record(project) -> dict:
    """The only record of the last runs."""
    (found,) = json.loads((project.path / ".imagejudge" / "store" / "last-starts.json").read_text()).values()
    return found


@pytest.mark.usefixtures("own")
def test_it_begins_before_the_generator_loads(project) -> None:
    project.tests(MAKES)
    result = project.run()
    result.assert_outcomes(passed=2)
    assert events(project) == ["begin image", "generator loads", "start image", "close image"]
    result.stdout.fnmatch_lines([f"{NOW}it has GPUs of its own (GPU 0, --judge-gpus)"])


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    "options",
    [("--collect-only",), ("-k", "nothing"), ("--judge-when=after",), ("--judge-stored-only",), ("--setup-plan",)],
)
def test_nothing_begins_where_nothing_will_be_asked(project, options: tuple[str, ...]) -> None:
    project.tests(MAKES)
    project.run(*options)
    assert "begin image" not in events(project)


@pytest.mark.usefixtures("own")
def test_nothing_begins_for_tests_without_a_judge_or_skipped_ones(project) -> None:
    project.tests(
        """
        import pytest

        def test_plain():
            pass

        @pytest.mark.skip
        def test_skipped(image_judge):
            pass
        """
    )
    project.run().assert_outcomes(passed=1, skipped=1)
    assert events(project) == []


@pytest.mark.usefixtures("own")
def test_a_broken_collection_begins_nothing(project) -> None:
    project.tests(MAKES)
    project.tests("raise OSError", name="test_other")
    assert project.run().ret == pytest.ExitCode.INTERRUPTED
    assert events(project) == []


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_run_that_the_store_answered_is_not_begun_for_again(project, workers: tuple[str, ...]) -> None:
    project.tests(MAKES)
    project.run(*workers).assert_outcomes(passed=2)
    assert events(project).count("begin image") == 1
    assert record(project)["answered"] is False
    project.run(*workers).assert_outcomes(passed=2)  # nothing is known of the images before they are made
    assert events(project).count("begin image") == 1
    assert record(project)["answered"] is True
    result = project.run(*workers)
    result.assert_outcomes(passed=2)
    assert "begin image" not in events(project)
    result.stdout.fnmatch_lines([f"{LATER}the last run of these tests needed no judge"])
    project.run("-k", "good", *workers).assert_outcomes(passed=1)  # other tests
    assert "begin image" in events(project)


@pytest.mark.usefixtures("own")
def test_a_run_that_asks_after_all_is_recorded_so(project) -> None:
    project.tests(MAKES)
    for _ in range(2):
        project.run()
    assert record(project)["answered"] is True
    project.tests(MAKES.replace("220, 220, 220", "220, 220, 221"))  # the generator has changed
    events(project)
    project.run().assert_outcomes(passed=2)
    assert events(project) == ["generator loads", "start image", "close image"]
    assert record(project)["answered"] is False


@pytest.mark.usefixtures("own")
def test_a_stopped_run_records_nothing(project) -> None:
    project.tests("def test_broken():\n    assert False\n" + MAKES)
    project.run("-x").assert_outcomes(failed=1)
    assert events(project) == ["begin image", "close image"]
    assert not (project.path / ".imagejudge" / "store" / "last-starts.json").exists()


@pytest.mark.usefixtures("own")
def test_one_start_for_all_workers(project) -> None:
    project.tests(MAKES)
    result = project.run("-n2")
    result.assert_outcomes(passed=2)
    found = events(project)
    assert found.count("begin image") == 1
    assert found[0] == "begin image"
    result.stdout.fnmatch_lines([f"{NOW}it has GPUs of its own *"])


@pytest.mark.usefixtures("own")
def test_workers_that_will_ask_nothing(project) -> None:
    project.tests("def test_plain():\n    pass\n")
    project.run("-n2").assert_outcomes(passed=1)
    assert events(project) == []


@pytest.mark.usefixtures("own")
def test_workers_whose_server_is_to_sleep(project) -> None:
    """A server with a user more does not sleep, and its memory would not be freed."""
    project.ini("judge_sleep = 100")
    project.tests(MAKES)
    result = project.run("-n2")
    result.assert_outcomes(passed=2)
    assert "begin image" not in events(project)
    result.stdout.fnmatch_lines([f"{LATER}it is to sleep between the workers' images (judge_sleep)"])


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("workers", [(), ("-n2",)])
@pytest.mark.parametrize("how", ["row", "marker"])
def test_images_that_are_known_in_advance(project, how: str, workers: tuple[str, ...]) -> None:
    """The store is asked about them, and only what it can't answer starts the judge."""
    if how == "row":
        project.manifest("some.imagejudge.jsonl", [{"ID": "one", "prompt": "a fox", "image_path": "good.png"}])
    else:
        project.tests(
            """
            import pytest

            @pytest.mark.imagejudge(image="good.png", prompt="a fox")
            def test_marked(image_judge):
                image_judge.check("good.png", prompt="a fox")
            """
        )
    project.run(*workers).assert_outcomes(passed=1)
    assert ("begin image" in events(project)) is bool(workers)  # else the session asks by itself, and starts so
    (project.path / ".imagejudge" / "store" / "last-starts.json").unlink()
    project.run(*workers).assert_outcomes(passed=1)
    assert not {"begin image", "start image"} & set(events(project))


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("workers", [(), ("-n2",)])
@pytest.mark.parametrize("fault", ["begin", "start"])
def test_a_start_that_fails_is_told_by_the_images(project, fault: str, workers: tuple[str, ...]) -> None:
    project.environ("STAND_IN_FAULT", fault)
    project.tests(MAKES)
    result = project.run(*workers)
    if fault == "begin":  # it may go well later, as a judge that has begun nothing
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines([f"{LATER}stand-in: 56.0 GiB are needed on GPU 0"])
        return
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*the server did not come up: out of memory*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert {entry["outcome"] for entry in project.report["verdicts"]} == {"error"}


@pytest.mark.usefixtures("own")
def test_an_interrupted_run_closes_what_has_begun(project) -> None:
    project.tests(
        """
        import os, signal

        def test_slow(image_judge):
            os.kill(os.getpid(), signal.SIGINT)
        """
    )
    done = project.killed()
    assert done.returncode == pytest.ExitCode.INTERRUPTED
    assert events(project) == ["begin image", "close image"]


@pytest.mark.usefixtures("shared")
def test_a_shared_gpu_needs_a_record_of_the_tests(project) -> None:
    project.tests(MAKES)
    result = project.run()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([f"{LATER}how much GPU memory these tests take is not known before a first run"])
    assert events(project) == ["generator loads", "start image", "close image"]
    assert record(project)["free"] == {"GPU-0": 140 * 2**30}
    project.tests(MAKES.replace("220, 220, 220", "220, 220, 221"))
    result = project.run()
    result.stdout.fnmatch_lines([f"{NOW}the last run of these tests left the memory for it"])
    assert events(project) == ["begin image, 140 GiB are free", "generator loads", "start image", "close image"]
    assert record(project)["free"] == {"GPU-0": 140 * 2**30}  # kept: this run could not see it


@pytest.mark.usefixtures("shared")
def test_a_judge_that_came_after_the_tests_does_so_again(project) -> None:
    held = "    (root / 'held').touch()\n    yield marked\n    (root / 'held').unlink()"
    project.tests(MAKES.replace("    return marked", held))
    for _ in range(2):
        result = project.run("-k", "good")
        result.stdout.fnmatch_lines(["*judging after the last test: *"])
        assert "begin image" not in " ".join(events(project))
        assert record(project)["free"] == {}


@pytest.mark.usefixtures("shared")
def test_a_test_that_runs_out_of_memory_beside_the_judge_ends_it(project) -> None:
    project.tests(MAKES)
    project.run()
    project.tests(MAKES.replace("220, 220, 220", "220, 220, 221").replace("128)), p", "129)), p"))
    (project.path / "conftest.py").write_text(
        "def pytest_runtest_teardown(item):\n    raise RuntimeError('CUDA out of memory')\n"
    )
    result = project.run()
    result.stdout.fnmatch_lines([f"{NOW}*", "*The judge stand-in runs beside the tests and holds*"])
    assert record(project)["free"] == {}


@pytest.mark.usefixtures("shared")
def test_workers_share_no_gpu_ahead(project) -> None:
    project.tests(MAKES)
    for _ in range(2):
        result = project.run("-n2", "--judge-no-store")
        result.stdout.fnmatch_lines([f"{LATER}with xdist only a judge with GPUs of its own starts earlier *"])
        assert "begin image" not in " ".join(events(project))


@pytest.mark.usefixtures("shared")
def test_two_judges_share_no_gpu_ahead(project) -> None:
    project.tests(
        MAKES
        + """
def test_edit(edit_judge):
    edit_judge.expect("fair.png", "good.png", instruction="more light")
"""
    )
    for _ in range(2):
        result = project.run("--edit-judge-model=stand-in", "--judge-no-store")
        result.stdout.fnmatch_lines([f"{LATER}two judges start earlier only on GPUs of their own (--judge-gpus)"])
        assert "begin" not in " ".join(events(project))


def test_a_judge_that_starts_nothing_says_nothing(project) -> None:
    project.tests(MAKES)
    result = project.run()
    result.assert_outcomes(passed=2)
    assert "stand-in starts" not in result.stdout.str()
    assert events(project) == ["generator loads", "start image", "close image"]


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": {"free": 1, "answered": true, "at": 0}}'])
def test_a_damaged_record_is_none(project, content: str) -> None:
    file = project.path / ".imagejudge" / "store" / "last-starts.json"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    project.tests(MAKES)
    project.run().assert_outcomes(passed=2)
    assert events(project)[0] == "begin image"
    assert record(project)["answered"] is False
