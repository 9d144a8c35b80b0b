"""``--judge-when``: beside the tests, or after the last one has freed the GPU."""

import signal

import pytest

HELD = """
import pytest
from pathlib import Path

@pytest.fixture(scope="session")
def generator(pytestconfig):
    root = pytestconfig.rootpath
    (root / "held").touch()
    yield lambda kind: root / f"{kind}.png"
    (root / "held").unlink(missing_ok=True)
    with (root / "engine.log").open("a") as log:
        log.write("generator is gone\\n")
"""
TESTS = (
    HELD
    + """
def test_good(image_judge, generator):
    image_judge.expect(generator("good"), prompt="a red fox")

def test_bad(image_judge, generator):
    image_judge.expect(generator("bad"), prompt="a red fox")
"""
)


@pytest.fixture(autouse=True)
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN_GPU", "1")


def events(project) -> list[str]:
    lines = (project.path / "engine.log").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("ask ")]


def test_after(project) -> None:
    project.tests(TESTS)
    result = project.run("--judge-when=after")
    result.assert_outcomes(passed=1, failed=1)
    assert events(project) == ["generator is gone", "start image", "close image"]
    assert not list((project.path / ".imagejudge" / "pending").iterdir())


def test_auto_is_after_where_the_generator_holds_the_gpu(project) -> None:
    project.tests(TESTS)
    result = project.run()
    result.assert_outcomes(passed=1, failed=1)
    assert events(project) == ["generator is gone", "start image", "close image"]
    figures = "56.0 GiB are needed on GPU 0, 40.0 GiB of 140.0 GiB are free; held by generator (process 77) 100.0 GiB"
    assert result.stdout.str().count(figures) == 1
    result.stdout.fnmatch_lines(["imagejudge: judges during the tests if the GPU has room at the first image"])


def test_auto_is_during_where_the_judge_fits(project) -> None:
    project.tests(
        """
        def test_good(image_judge):
            image_judge.check("good.png", prompt="a red fox")
            image_judge.expect("fair.png", prompt="a red fox")
        """
    )
    project.run().assert_outcomes(passed=1)
    assert events(project) == ["start image", "close image"]


def test_check_says_the_ways_out(project) -> None:
    project.tests(
        HELD
        + """
def test_good(image_judge, generator):
    image_judge.check(generator("good"), prompt="a red fox")
"""
    )
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*score and check wait for the judge*40.0 GiB*--judge-gpus*--judge-url*"])
    assert "start image" not in events(project)


def test_during_is_refused_before_any_test(project) -> None:
    (project.path / "held").touch()
    project.tests("def test_never():\n    raise SystemExit")
    result = project.run("--judge-when=during")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*--judge-when during: stand-in does not fit*56.0 GiB*40.0 GiB*generator (process 77)*"]
    )


def test_workers_are_gone_before_the_judge_starts(project) -> None:
    project.tests(TESTS)
    result = project.run("--judge-when=after", "-n2")
    result.assert_outcomes(passed=1, failed=1)
    found = events(project)
    assert found.count("start image") == 1
    assert "generator is gone" in found
    assert "generator is gone" not in found[found.index("start image") :]


def test_a_failing_teardown_changes_nothing(project) -> None:
    project.tests(TESTS.replace("unlink(missing_ok=True)", "unlink(); raise OSError('late')"))
    result = project.run("--judge-when=after")
    result.assert_outcomes(passed=1, failed=1, errors=1)
    assert project.outcomes() == {"good": "passed", "bad": "failed"}


def test_stopped_by_a_failure(project) -> None:
    project.tests(TESTS + "\ndef test_broken():\n    assert False\n\ndef test_never():\n    pass\n")
    result = project.run("--judge-when=after", "-x")
    result.stdout.fnmatch_lines(
        ["*not decided*2 tests*", "*kept to be judged by the next run, or by: imagejudge score *"]
    )
    assert set(project.outcomes().values()) == {"error"}
    assert "start image" not in events(project)


def killed(project, number: int) -> str:
    """Run until the second test, which kills the run by signal ``number``."""
    project.tests(
        """
        import os
        from tests.stand_in.pictures import marked

        def test_kept(image_judge):
            image_judge.expect(marked((220, 220, 220)), prompt="a red fox")

        def test_end():
            if "KILL" in os.environ:
                os.kill(os.getpid(), int(os.environ["KILL"]))
        """
    )
    done = project.killed("--judge-when=after", KILL=str(number))
    assert done.returncode
    return done.stdout


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_the_next_run_takes_up_what_was_left(project, number: int) -> None:
    output = killed(project, number)
    left = list((project.path / ".imagejudge" / "pending").glob("*.jsonl"))
    assert len(left) == 1
    if number == signal.SIGINT:
        assert f"imagejudge score {left[0]}" in output
    assert not project.starts()
    result = project.run("--judge-when=after")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([f"judged too, from a run that was killed: {left[0]}"])
    (entry,) = project.report["verdicts"]  # the same image, of this run and of the one before
    assert (entry["test"], entry["outcome"]) == ("test_it.py::test_kept", "passed")
    result.stdout.fnmatch_lines(["1 image · 1 passed", "counted once, though a killed run had them too: 1 image"])
    assert not list((project.path / ".imagejudge" / "pending").iterdir())


def test_what_was_left_and_cannot_be_read_stops_nothing(project) -> None:
    killed(project, signal.SIGKILL)
    folder = project.path / ".imagejudge" / "pending"
    (left,) = folder.glob("*.jsonl")
    row = left.read_text()
    left.write_text(row + row[:20])  # the disk was full
    (folder / "0.image.jsonl").write_text("")
    (folder / "1.image.jsonl").write_bytes(b"\xff\xfe\x00")
    result = project.run("--judge-when=after")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines_random(  # files are read by name, and the name of the one left is made at random
        [
            "*not judged, from a run that was killed: *1.image.jsonl*",
            f"*was killed: {left}: row 2, line 2*",
            f"judged too*{left}",
        ]
    )
    assert len(project.report["verdicts"]) == 1
    assert [path.name for path in folder.iterdir()] == ["1.image.jsonl"]


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_each_image_counts_once_after_a_kill_between_the_phases(project, workers: tuple[str, ...]) -> None:
    """Twelve are generated; the run is killed before the first is judged; the next run generates them again."""
    project.tests(
        """
        import os
        import pytest
        from tests.stand_in.pictures import marked

        @pytest.mark.parametrize("number", range(6))
        def test_image(image_judge, number):
            image_judge.expect(marked((220, 220, number)), prompt="a red fox")

        @pytest.mark.parametrize("number", range(6))
        def test_edit(edit_judge, number):
            edited = marked((number, 220, 220))
            edit_judge.expect("fair.png", edited, instruction="more light")

        def test_end(image_judge):
            if "CHANGED" in os.environ:
                image_judge.expect(marked((200, 200, 77)), prompt="a red fox")
            if "KILL" in os.environ:
                os.kill(os.getpid(), 9)
        """
    )
    arguments = ("--judge-when=after", "--edit-judge-model=stand-in")
    for _ in range(2):  # killed twice, the same images were left twice
        done = project.killed(*arguments, KILL="1", CHANGED="1")
        assert done.returncode == -signal.SIGKILL
    result = project.run(*arguments, *workers, process=True)
    result.assert_outcomes(passed=13)
    tests = [entry["test"] for entry in (*project.report["verdicts"], *project.report["edits"])]
    assert len(tests) == 13
    assert len(set(tests)) == 13
    assert tests.count(None) == 1  # only the earlier run made it
    result.stdout.fnmatch_lines(
        ["7 images, 6 edits · 12 passed · 1 scored", "counted once, though a killed run had them too: 25 images"]
    )
    assert not list((project.path / ".imagejudge" / "pending").iterdir())
    assert not (project.path / "imagejudge-images").exists()  # nor are copies left of any run


def test_what_was_left_counts_in_no_mean_of_the_next_run(project) -> None:
    killed(project, signal.SIGKILL)
    project.tests(
        """
        from tests.stand_in.pictures import marked

        def test_bad(image_judge):
            for number in range(5):
                image_judge.expect(marked((40, 40, number)), prompt="a red fox")
        """
    )
    (project.path / "suite.toml").write_text("[suite]\ntotal = 10\n")
    baseline = ["--judge-baseline=baseline.json", "--judge-update-baseline"]
    result = project.run("--judge-when=after", "--judge-thresholds=suite.toml", *baseline)
    result.assert_outcomes(passed=1, failed=1)
    assert len(project.report["verdicts"]) == 6
    assert project.report["suite"][0]["n"] == project.report["summary"]["total"]["n"] == 5
    assert project.report["suite"][0]["mean"] == 0
    result.stdout.fnmatch_lines(["baseline: 5 images written to *"])


def test_a_dead_worker_leaves_nothing_that_was_judged(project) -> None:
    project.tests(
        """
        import os
        from tests.stand_in.pictures import marked

        def test_kept(image_judge):
            image_judge.expect(marked((220, 220, 220)), prompt="a red fox")

        def test_dies():
            os._exit(3)
        """
    )
    result = project.run("--judge-when=after", "-n1")
    result.assert_outcomes(passed=1, failed=1)
    assert len(project.report["verdicts"]) == 1
    assert not list((project.path / ".imagejudge" / "pending").iterdir())


def test_two_judges_one_after_the_other(project) -> None:
    project.tests(
        TESTS
        + """
def test_edit(edit_judge, generator):
    edit_judge.expect(generator("good"), generator("fair"), instruction="make it grey")
"""
    )
    result = project.run("--judge-when=after", "--edit-judge-model=stand-in")
    result.assert_outcomes(passed=2, failed=1)
    assert events(project)[0] == "generator is gone"
    assert {"start image", "start edit"} <= set(events(project))


def test_a_generator_that_runs_out_of_memory_beside_the_judge(project) -> None:
    project.tests(
        """
        def test_good(image_judge):
            image_judge.check("good.png", prompt="a red fox")

        def test_generate():
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")

        def test_other():
            raise RuntimeError("something else")
        """
    )
    result = project.run()
    result.assert_outcomes(passed=1, failed=2)
    text = result.stdout.str()
    assert text.count("The judge stand-in runs beside the tests and holds") == 1
    assert "--judge-when after" in text
    assert "image_judge.release()" in text


def test_release_puts_the_server_to_sleep(project) -> None:
    project.tests(
        """
        def test_good(image_judge):
            image_judge.check("good.png", prompt="a red fox")
            image_judge.release()
            image_judge.check("fair.png", prompt="a red fox")
        """
    )
    project.run().assert_outcomes(passed=1)
    assert events(project) == ["start image", "sleep image", "close image"]


def test_an_idle_server_goes_to_sleep(project) -> None:
    project.ini("judge_sleep = 0.01")
    project.tests(
        """
        def test_good(image_judge, pytestconfig):
            image_judge.check("good.png", prompt="a red fox")
            log = pytestconfig.rootpath / "engine.log"
            while "sleep" not in log.read_text():
                pass
        """
    )
    project.run().assert_outcomes(passed=1)
    assert events(project) == ["start image", "sleep image", "close image"]


@pytest.mark.parametrize("options", [("--reruns=1",), ("--stepwise",), ("--setup-show",)])
def test_a_test_that_must_know_its_verdicts_does_not_wait_for_a_judge_that_comes_after_it(project, options) -> None:
    project.plugins.append("rerunfailures")
    project.tests('def test_good(image_judge): image_judge.expect("good.png", prompt="a fox")')
    result = project.run("--judge-when=after", *options)
    assert "1 failed" in result.stdout.str()
    assert "this test has to know its verdicts before it ends" in result.stdout.str()
