"""Rows and tests in quarantine: judged, told with their failure rate, and not red."""

from __future__ import annotations

import pytest

from .test_manifests_collected import row


def known(project):
    return {
        one["test"]: (one["failed"], one["failed_runs"], one["runs"], one["reason"])
        for one in project.report["run"].get("quarantined", ())
    }


@pytest.mark.parametrize("column", ["quarantine", "xfail"])
def test_a_row_in_quarantine_is_judged_and_not_red(project, column):
    rows = [
        row("a", "bad.png", **{column: "flaky hands"}),
        row("b"),
        row("c", **{column: True}),
        row("d", **{column: "no"}),
    ]
    project.manifest("m.imagejudge.jsonl", rows)
    result = project.run()
    result.assert_outcomes(passed=2, xfailed=1, xpassed=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["quarantine: 1 of 2 failed", "  m.imagejudge.jsonl::a: failed: flaky hands", "  m.imagejudge.jsonl::c: passed"]
    )
    outcomes = {entry["id"]: entry["outcome"] for entry in project.report["verdicts"]}
    assert outcomes == {"a": "failed", "b": "passed", "c": "passed", "d": "passed"}
    assert project.report["run"]["excused"] == ["m.imagejudge.jsonl::a"]


def test_the_failure_rate_is_that_of_the_last_runs(project):
    project.tests(
        """
        import pytest
        @pytest.mark.imagejudge(quarantine="new model")
        def test_fox(image_judge):
            image_judge.check("fox.png", prompt="a fox")
        """
    )
    for kind in ("good", "bad", "bad"):
        project.picture(kind, "fox.png")
        result = project.run()
        assert result.ret == 0
    result.stdout.fnmatch_lines(["  test_it.py::test_fox: failed, 2 of its last 3 runs failed (67%): new model"])
    assert known(project) == {"test_it.py::test_fox": (True, 2, 3, "new model")}
    result = project.run("--judge-no-store")  # keeps nothing
    assert known(project) == {"test_it.py::test_fox": (True, 1, 1, "new model")}
    result = project.run("--runxfail")
    result.assert_outcomes(failed=1)
    assert known(project) == {}


def test_the_ini_file_names_tests(project):
    project.ini("judge_quarantine =", "    *::test_fox[a fox]", "    *::test_hen")
    project.tests(
        """
        import pytest
        @pytest.mark.parametrize("prompt", ["a fox", "an owl"])
        def test_fox(image_judge, prompt):
            image_judge.expect("bad.png", prompt=prompt)
        def test_hen(image_judge):
            assert image_judge.score("bad.png", prompt="a hen").total > 50
        def test_cow(image_judge):
            image_judge.expect("bad.png", prompt="a cow")
        """
    )
    result = project.run()
    result.assert_outcomes(failed=2, xfailed=2)
    assert set(known(project)) == {"test_it.py::test_fox[a fox]", "test_it.py::test_hen"}


def test_a_test_that_breaks_is_red_in_quarantine_too(project):
    project.tests(
        """
        import pytest
        @pytest.mark.imagejudge(quarantine=True)
        def test_broken(image_judge):
            image_judge.expect("good.png", prompt="a fox")
            raise RuntimeError("no such pipeline")
        """
    )
    project.run().assert_outcomes(failed=1)


def test_a_reason_is_text(project):
    project.tests(
        """
        import pytest
        @pytest.mark.imagejudge(quarantine=3)
        def test_odd(image_judge):
            pass
        """
    )
    result = project.run()
    assert result.ret != 0
    assert "quarantine: a reason, True or False is expected, not 3" in result.stdout.str() + result.stderr.str()


def test_workers_send_what_is_in_quarantine(project):
    project.plugins.append("xdist")
    project.manifest("m.imagejudge.jsonl", [row("a", "bad.png", quarantine="x"), row("b", quarantine="y")])
    result = project.run("-n2")
    result.assert_outcomes(xfailed=1, xpassed=1)
    assert known(project) == {
        "m.imagejudge.jsonl::a": (True, 1, 1, "x"),
        "m.imagejudge.jsonl::b": (False, 0, 1, "y"),
    }


def test_a_cell_that_is_no_reason_is_an_error_of_its_row(project):
    project.manifest("m.imagejudge.jsonl", [row("a", quarantine=[1])])
    project.run().assert_outcomes(failed=1)


def test_markdown_tells_it_too(project):
    project.manifest("m.imagejudge.jsonl", [row("a", "bad.png", quarantine="flaky *hands*")])
    project.run("--judge-report=r.md")
    text = (project.path / "r.md").read_text()
    assert "Quarantine: 1 of 1 failed:\n- m.imagejudge.jsonl::a: failed: flaky \\*hands\\*\n" in text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), True),
        (("-n2",), True),
        (("-k", "fox or hen"), False),
        (("-k", "fox", "-n2"), False),
        (("test_it.py",), False),
        (("--deselect=test_it.py::test_hen",), False),
        (("--lf",), False),
        (("-x",), False),
    ],
)
def test_a_pattern_without_a_test_is_told_after_a_whole_run(project, options, told):
    project.ini("judge_quarantine =", "    *::test_fox[a fox]", "    *::test_fxo*", "    m.imagejudge.jsonl::a")
    project.manifest("m.imagejudge.jsonl", [row("a")])
    project.tests(
        """
        import pytest
        @pytest.mark.parametrize("prompt", ["a fox"])
        def test_fox(image_judge, prompt):
            image_judge.check("bad.png", prompt=prompt)
        def test_hen(image_judge):
            image_judge.check("bad.png", prompt="a hen")
        """
    )
    result = project.run(*options)
    said = [line for line in result.outlines if "judge_quarantine" in line]
    assert said == (['warning: judge_quarantine: no test of this run matches "*::test_fxo*"'] if told else [])
