"""``image_judge.score`` and ``check``."""

import pytest


def test_check_passes_and_returns_the_verdict(project):
    project.tests(
        """
        def test_fox(image_judge):
            verdict = image_judge.check("good.png", prompt="a red fox")
            assert verdict["Quality"] == 100
            assert verdict["Quality", "Realism"] >= 60
            assert verdict["Quality", "Detail", "Noise"] == 100
            assert verdict.total == 100
            assert verdict.prompt == "a red fox"
        """
    )
    result = project.run()
    result.assert_outcomes(passed=1)
    assert result.ret == 0
    (entry,) = project.report["verdicts"]
    assert entry["outcome"] == "passed"
    assert entry["test"] == "test_it.py::test_fox"
    assert entry["total"] == 100.0
    assert entry["image"] == "good.png"
    assert entry["where"] == "test_it.py:2"
    assert entry["thresholds"] == "default"
    assert entry["source"] == "engine"
    assert project.report["run"]["requests"] == 5
    assert project.report["run"]["prompt_tokens"] == 500
    assert project.report["run"]["judges"][0]["model"] == "stand-in"


def test_check_fails_on_a_breach_with_image_dimension_bound_and_place(project):
    project.tests(
        """
        def test_fox(image_judge):
            image_judge.check("bad.png", prompt="a red fox")
        """
    )
    result = project.run()
    result.assert_outcomes(failed=1)
    assert result.ret == 1
    output = result.stdout.str()
    assert output.count("test_it.py:2") == 1
    for words in ("bad.png", "a red fox", "Quality", "40"):
        assert words in output
    assert "Traceback" not in output
    assert "gate.py" not in output
    (line,) = [line for line in result.outlines if line.startswith("FAILED")]
    assert line.startswith("FAILED test_it.py::test_fox - ")
    assert "Total: 0.0, bound 45.0" in line
    (entry,) = project.report["verdicts"]
    assert entry["outcome"] == "failed"
    assert {tuple(breach["path"]): (breach["score"], breach["bound"]) for breach in entry["breaches"]} == {
        ("total",): (0.0, 45.0),
        ("Quality",): (0.0, 40.0),
        ("Aesthetics",): (0.0, 40.0),
        ("Alignment",): (0.0, 40.0),
        ("Real-world Fidelity",): (0.0, 30.0),
        ("Creative Generation",): (0.0, 40.0),
    }


def test_score_never_fails_a_test(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("picture", ["bad", "absent", "unreadable", "refused", "fault", "no such file"])
        def test_fox(image_judge, picture):
            image_judge.score(f"{picture}.png", prompt="a red fox")
        """
    )
    result = project.run()
    result.assert_outcomes(passed=6)
    assert result.ret == 0
    assert project.outcomes() == {
        "bad": "scored",
        "absent": "scored",
        "unreadable": "error",
        "refused": "error",
        "fault": "error",
        "no such file": "error",
    }
    assert not any(entry["breaches"] for entry in project.report["verdicts"])


def test_a_score_fails_an_assertion_with_an_explanation(project):
    project.tests(
        """
        def test_fox(image_judge):
            verdict = image_judge.score("bad.png", prompt="a red fox")
            assert verdict["Quality"] >= 60

        def test_bound_first(image_judge):
            assert 60 <= image_judge.score("bad.png", prompt="a red fox")["Quality", "Detail"]
        """
    )
    result = project.run()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*0 >= 60*", "*Quality: 0*", "*Detail / Noise: 0*", "*prompt: a red fox*"])
    result.stdout.fnmatch_lines(["*60 <= 0*", "*Quality / Detail: 0*"])


@pytest.mark.parametrize(
    ("picture", "dimension", "shown"),
    [("unreadable", "Quality", "unreadable"), ("absent", "Quality", "N/A"), ("good", "Aesthetics", "not asked")],
)
def test_a_score_that_is_not_there_fails_every_assertion(project, picture, dimension, shown):
    project.tests(
        f"""
        import pytest

        @pytest.mark.parametrize("compare", ["__ge__", "__gt__", "__le__", "__lt__", "__eq__"])
        def test_fox(image_judge, compare):
            verdict = image_judge.score("{picture}.png", prompt="a red fox", dimensions=["Quality"])
            assert not getattr(verdict["{dimension}"], compare)(0)

        def test_words(image_judge):
            verdict = image_judge.score("{picture}.png", prompt="a red fox", dimensions=["Quality"])
            assert verdict["{dimension}"] >= 0
        """
    )
    result = project.run()
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines([f"*{dimension}: {shown}*"])


def test_an_unknown_name_says_the_nearest(project):
    project.tests(
        """
        def test_fox(image_judge):
            image_judge.score("good.png", prompt="a red fox")["Qualty"]
        """
    )
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(['*KeyError*Qualty*did you mean "Quality"*'])


def test_what_was_not_judged_fails_a_check_and_no_other(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("picture", ["unreadable", "good", "refused", "fair", "fault", "no such file"])
        def test_fox(image_judge, picture):
            image_judge.check(f"{picture}.png", prompt="a red fox")
        """
    )
    result = project.run()
    result.assert_outcomes(passed=2, failed=4)
    assert result.ret == 1
    words = {
        "unreadable": "unreadable: Quality ",
        "refused": "not judged: the judge refused this request ",
        "fault": "not judged: RuntimeError: a fault nobody foresaw ",
        "no such file": f"not judged: {project.path / 'no such file.png'}: no such file ",
    }
    said = " ".join(result.stdout.str().split())  # where a line ends depends on the folder's name
    for entry in project.report["verdicts"]:
        name = entry["image"].removesuffix(".png")
        assert (entry["outcome"] == "error") == (name in words)
        if name in words:
            assert entry["total"] is None
            assert set(entry["level1"].values()) == {None}
            assert words[name] in said


def test_a_check_in_which_nothing_applies_fails(project):
    project.tests(
        """
        def test_fox(image_judge):
            image_judge.check("absent.png", prompt="a red fox")
        """
    )
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*not applicable*"])
    (entry,) = project.report["verdicts"]
    assert entry["outcome"] == "failed"
    assert ["total"] in entry["not_applicable"]


def test_a_bound_on_a_dimension_that_was_not_asked_alone_fails(project):
    project.tests(
        """
        def test_fox(image_judge):
            image_judge.check("good.png", "a fox", dimensions=["Quality"], thresholds={"level1": {"Alignment": 50}})
        """
    )
    project.run().assert_outcomes(failed=1)


def test_dimensions_of_the_argument_are_asked_alone(project):
    project.tests(
        """
        def test_fox(image_judge):
            verdict = image_judge.check("good.png", "a red fox", dimensions=["Alignment", "Quality"])
            assert verdict.asked == ("Quality", "Alignment")

        def test_one(image_judge):
            assert image_judge.score("fair.png", "a red fox", dimensions="Quality").asked == ("Quality",)
        """
    )
    project.run().assert_outcomes(passed=2)
    assert set(project.log()) >= {"ask Quality a red fox", "ask Alignment a red fox"}
    assert project.asked() == 3


def test_wrong_dimensions_fail_with_the_valid_names(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("value", ["Qualty", ["Qualty"], ["Quality", "Qualty"], [], ("Quality", 1), 5, {}])
        def test_fox(image_judge, value):
            with pytest.raises((KeyError, TypeError, pytest.UsageError), match="L1"):
                image_judge.check("good.png", "a red fox", dimensions=value)
        """
    )
    project.run().assert_outcomes(passed=7)
    assert project.asked() == 0


def test_wrong_arguments_are_type_errors_that_name_what_is_accepted(project):
    project.tests(
        """
        import pytest

        calls = pytest.mark.parametrize("call", ["score", "check", "expect"])

        @calls
        @pytest.mark.parametrize("image", [None, 42, object(), [], "", ["good.png"]])
        def test_image(image_judge, call, image):
            with pytest.raises(TypeError, match="a path, bytes, a PIL image"):
                getattr(image_judge, call)(image, prompt="a red fox")

        @calls
        @pytest.mark.parametrize("prompt", [None, 1, b"a red fox"])
        def test_prompt(image_judge, call, prompt):
            with pytest.raises(TypeError, match="prompt: a string is expected"):
                getattr(image_judge, call)("good.png", prompt=prompt)

        @calls
        @pytest.mark.parametrize("label", [1.5, True, b"1", ["1"]])
        @pytest.mark.parametrize("name", ["id", "seed"])
        def test_label(image_judge, call, name, label):
            with pytest.raises(TypeError, match=f"{name}: a string or a whole number is expected"):
                getattr(image_judge, call)("good.png", prompt="a red fox", **{name: label})
        """
    )
    project.run().assert_outcomes(passed=51)
    assert project.asked() == 0


@pytest.mark.parametrize("workers", [[], ["-n1"]], ids=["alone", "workers"])
def test_words_and_numbers_of_other_classes_become_plain(project, workers):
    project.tests(
        """
        import enum
        import numpy as np
        import pytest

        class Prompt(enum.StrEnum):
            FOX = "a red fox"

        class Words(str):
            pass

        @pytest.mark.parametrize("call", ["score", "check", "expect"])
        def test_fox(image_judge, edit_judge, call):
            judge = getattr(image_judge, call)
            judge("good.png", prompt=np.str_("a"), id=np.int64(7), seed=np.int64(3))
            judge("good.png", prompt=Prompt.FOX, id=Words("x"), seed=Words("y"))
            judge("good.png", prompt=Words("a red fox"), id=5)
            getattr(edit_judge, call)("good.png", "good.png", Words("make it blue"), id=6, seed=np.int64(1))
        """
    )
    result = project.run("--edit-judge-model=stand-in", *workers)
    result.assert_outcomes(passed=3)
    found = {(entry["prompt"], entry["id"], entry["seed"]) for entry in project.report["verdicts"]}
    assert found == {("a", "7", 3), ("a red fox", "x", "y"), ("a red fox", "5", None)}
    assert len(project.report["verdicts"]) == 9
    assert [(entry["id"], entry["seed"]) for entry in project.report["edits"]] == [("6", 1)] * 3


def test_the_same_image_in_two_tests_is_judged_once(project):
    project.tests(
        """
        def test_one(image_judge):
            image_judge.check("good.png", "a red fox")

        def test_two(image_judge):
            image_judge.check("good.png", "a red fox")

        def test_three(image_judge):
            image_judge.check("good.png", "a blue fox")
        """
    )
    project.run().assert_outcomes(passed=3)
    assert project.asked() == 10
    assert project.report["run"]["from_store"] == 5
    assert [entry["test"].rpartition("::")[2] for entry in project.report["verdicts"]] == [
        "test_one",
        "test_two",
        "test_three",
    ]


def test_edits(project):
    project.tests(
        """
        def test_edit(edit_judge):
            assert edit_judge.check("fair.png", "good.png", instruction="make the sky blue").score >= 3.5

        def test_poor(edit_judge):
            edit_judge.check("fair.png", "bad.png", instruction="make the sky blue")

        def test_score(edit_judge):
            assert edit_judge.score("good.png", "bad.png", instruction="make the sky green").score == 1.5

        def test_unreadable(edit_judge):
            edit_judge.check("fair.png", "unreadable.png", instruction="make the sky blue")

        def test_images(image_judge):
            pass
        """
    )
    result = project.run("--edit-judge-model=stand-in", "-rs", judge=False)
    result.assert_outcomes(passed=2, failed=2, skipped=1)
    result.stdout.fnmatch_lines(["*--judge-model*"])
    project.run("--edit-judge-model=stand-in").assert_outcomes(passed=3, failed=2)
    edits = project.report["edits"]
    assert [(edit["outcome"], edit["score"]) for edit in edits] == [
        ("passed", 4.5),
        ("failed", 1.5),
        ("scored", 1.5),
        ("error", None),
    ]
    assert edits[1]["breaches"] == [{"path": ["score"], "score": 1.5, "bound": 3.0, "side": "least"}]
    assert edits[0]["source_image"] == "fair.png"
    assert edits[0]["instruction"] == "make the sky blue"


def test_a_comparison_with_no_score_says_why_there_is_none(project):
    project.tests(
        """
        def test_edit(edit_judge):
            assert edit_judge.score("fair.png", "unreadable.png", instruction="make the sky blue").score >= 3

        def test_image(image_judge):
            assert image_judge.score("unreadable.png", "fox").total >= 3

        def test_own(image_judge):
            image_judge.score("good.png", "fox")
            assert None >= 3
        """
    )
    result = project.run("--edit-judge-model=stand-in")
    result.stdout.fnmatch_lines(
        [
            "E *TypeError: '>=' not supported*",
            "E *verdict.score is None (the answer could not be read: *); a bound on edit.score reports this",
            "E *TypeError: '>=' not supported*",
            "E *verdict.total is None (the answer could not be read: *); a bound on total reports this",
        ]
    )
    assert result.stdout.str().count(" is None (") == 2


def test_a_green_run_of_one_image_says_it_in_five_lines(project):
    project.tests("def test_fox(image_judge):\n    image_judge.check('fair.png', prompt='a fox')\n")
    project.environ("COLUMNS", "140")
    lines = project.run().stdout.lines
    begin = next(number for number, line in enumerate(lines) if "= image judge =" in line)
    assert lines[begin + 1] == "1 image · 1 passed"
    assert lines[begin + 2].startswith("judge stand-in")
    assert lines[begin + 3].startswith("Total 60.0 · Quality 60.0 · ")
    assert lines[begin + 4].startswith("report: ")
    assert "1 passed in" in lines[begin + 5]
    project.run("-v").stdout.fnmatch_lines(["├─ Quality *"])


@pytest.mark.parametrize("use", ['["Quality"]', ".total", " > 3"])
def test_the_use_of_what_expect_returns_is_explained(project, use: str) -> None:
    project.tests(
        f"""
        def test_uses(image_judge):
            assert image_judge.expect("good.png", prompt="a fox"){use}
        """
    )
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *'NoneType'*", "E *expect returns None: check and score return a verdict"])
