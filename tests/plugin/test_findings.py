"""Pictures without content, and what a pipeline says of its own: failures under every judge and profile."""

import json

import pytest

BLACK = 'Image.new("RGB", (64, 64))'
HEAD = "from PIL import Image\nimport pytest\nfrom types import SimpleNamespace\n"


def findings(entry):
    return [(found["kind"], found["failed"]) for found in entry["findings"]]


@pytest.mark.parametrize("call", ["check", "expect"])
@pytest.mark.parametrize("colour", ["black", "white", (220, 220, 220)])
def test_a_blank_picture_fails_whatever_the_judge_says(project, call, colour):
    project.tests(
        f"""{HEAD}
def test_fox(image_judge):
    image_judge.{call}(Image.new("RGB", (64, 64), {colour!r}), prompt="a red fox", thresholds={{"total": 0}})
"""
    )
    result = project.run("--judge-report=report.html", "--judge-report=report.md", "--junitxml=junit.xml")
    result.assert_outcomes(failed=1)
    (entry,) = project.report["verdicts"]
    assert entry["outcome"] == "failed"
    assert findings(entry) == [("blank", True)]
    assert entry["breaches"] == []
    result.stdout.fnmatch_lines(["*without content: 100% of it is within 12 codes of *", "*blank=True*"])
    result.stdout.fnmatch_lines(["FAILED *without content*"])
    for name in ("report.html", "report.md", "junit.xml"):
        assert "without content: 100% of it" in (project.path / name).read_text()


def test_the_embedded_judge_does_not_pass_a_black_picture(project):
    project.tests(f"{HEAD}\ndef test_fox(image_judge):\n    image_judge.check({BLACK}, prompt='a red fox')\n")
    args = ["--judge-model=signals", "--judge-report=report.json"]
    result = project.run(*args, judge=False)
    result.assert_outcomes(failed=1)
    assert findings(project.report["verdicts"][0]) == [("blank", True)]


def test_where_it_was_asked_for(project):
    project.tests(
        f"""{HEAD}
def test_call(image_judge):
    image_judge.check(Image.new("RGB", (64, 64), (220, 220, 220)), prompt="fog", blank=True)

@pytest.mark.imagejudge(blank=True)
def test_marker(image_judge):
    image_judge.expect(Image.new("RGB", (64, 64), (221, 220, 220)), prompt="fog")

@pytest.mark.imagejudge(blank=True)
def test_call_before_marker(image_judge):
    image_judge.expect(Image.new("RGB", (64, 64), (222, 220, 220)), prompt="fog", blank=False)

def test_other_bounds_hold(image_judge):
    image_judge.check({BLACK}, prompt="night", blank=True)
"""
    )
    project.run().assert_outcomes(passed=2, failed=2)
    by_test = {entry["test"].partition("::")[2]: entry for entry in project.report["verdicts"]}
    assert findings(by_test["test_call"]) == [("blank", False)]
    assert findings(by_test["test_marker"]) == [("blank", False)]
    assert findings(by_test["test_call_before_marker"]) == [("blank", True)]
    assert by_test["test_other_bounds_hold"]["breaches"]


def test_what_is_only_scored_is_named(project):
    project.tests(
        f"{HEAD}\ndef test_fox(image_judge):\n    assert image_judge.score({BLACK}, prompt='night').findings\n"
    )
    result = project.run()
    result.assert_outcomes(passed=1)
    (entry,) = project.report["verdicts"]
    assert entry["outcome"] != "failed"
    assert findings(entry) == [("blank", False)]
    result.stdout.fnmatch_lines(["*found: 1 without content*"])


def test_of_an_edit_the_edited_picture_counts(project):
    project.tests(
        f"""{HEAD}
def test_lost(edit_judge):
    edit_judge.check("good.png", Image.new("RGB", (64, 64), (220, 220, 220)), "make it blue")

def test_source(edit_judge):
    edit_judge.check(Image.new("RGB", (64, 64), (220, 220, 220)), "good.png", "draw a fox")

def test_asked_for(edit_judge):
    edit_judge.check("good.png", Image.new("RGB", (64, 64), (221, 220, 220)), "remove all", blank=True)
"""
    )
    args = ["--edit-judge-model=stand-in", "--edit-judge-protocol=house-edit", "--judge-report=report.json"]
    result = project.run(*args, judge=False)
    result.assert_outcomes(passed=2, failed=1)
    assert sorted(map(findings, project.report["edits"])) == [[], [("blank", False)], [("blank", True)]]


def test_where_only_the_run_is_bounded(project):
    project.tests(f"{HEAD}\ndef test_fox(image_judge):\n    image_judge.expect({BLACK}, prompt='a red fox')\n")
    (project.path / "suite.toml").write_text("[suite]\ntotal = 0\n")
    result = project.run("--judge-thresholds=suite.toml")
    assert result.parseoutcomes() == {"failed": 1, "undecided": 1}  # one image does not decide the bound on the run
    assert findings(project.report["verdicts"][0]) == [("blank", True)]


def test_rows_of_a_manifest(project):
    black = project.path / "black.png"
    from PIL import Image

    Image.new("RGB", (64, 64), (220, 220, 220)).save(black)
    rows = [{"ID": str(blank), "prompt": "fog", "image_path": "black.png", "blank": blank} for blank in (True, None)]
    rows.append({"ID": "odd", "prompt": "fog", "image_path": "black.png", "blank": "perhaps"})
    project.manifest("all.imagejudge.jsonl", rows)
    result = project.run()
    result.assert_outcomes(passed=1, failed=2)
    outcomes = {entry["id"]: entry["outcome"] for entry in project.report["verdicts"]}
    assert outcomes == {"True": "passed", "None": "failed", "odd": "error"}
    result.stdout.fnmatch_lines(['*blank: true or false was expected, not "perhaps"*'])


@pytest.mark.parametrize("workers", [(), ("-n1",)])
def test_a_pipeline_that_blocked_its_picture(project, workers):
    project.tests(
        f"""{HEAD}
from tests.stand_in.pictures import marked

def output(*said):
    return SimpleNamespace(images=[marked((220, 220, 220))], nsfw_content_detected=list(said) if said else None)

def test_blocked(image_judge):
    image_judge.expect(output(True), prompt="a red fox", blank=True)

@pytest.mark.parametrize("said", [[], [False], [None]])
def test_not_blocked(image_judge, said):
    image_judge.expect(output(*said), prompt="a fox")
"""
    )
    result = project.run(*workers)
    result.assert_outcomes(passed=3, failed=1)
    failed = [entry for entry in project.report["verdicts"] if entry["outcome"] == "failed"]
    assert [findings(entry) for entry in failed] == [[("nsfw", True)]]
    result.stdout.fnmatch_lines(["*blocked by its pipeline: nsfw_content_detected of *"])


def test_a_stored_run_decodes_nothing_and_says_the_same(project, monkeypatch):
    project.tests(
        f"""{HEAD}
def test_black(image_judge):
    image_judge.check("black.png", prompt="a red fox")

def test_good(image_judge):
    image_judge.check("good.png", prompt="a red fox")
"""
    )
    from PIL import Image

    Image.new("RGB", (64, 64), (220, 220, 220)).save(project.path / "black.png")
    project.run().assert_outcomes(passed=1, failed=1)
    first = project.report["verdicts"]

    def decode(*args, **options):
        raise AssertionError("decoded")

    monkeypatch.setattr("pytest_imagejudge.images.loading.decode", decode)
    project.run().assert_outcomes(passed=1, failed=1)
    second = project.report["verdicts"]
    assert [entry["source"] for entry in second] == ["store", "store"]
    assert [entry["findings"] for entry in second] == [entry["findings"] for entry in first]


def test_a_store_from_before_is_looked_at_once_more(project):
    import sqlite3

    project.tests(f"{HEAD}\ndef test_black(image_judge):\n    image_judge.check('black.png', prompt='a red fox')\n")
    from PIL import Image

    Image.new("RGB", (64, 64), (220, 220, 220)).save(project.path / "black.png")
    project.run().assert_outcomes(failed=1)
    asked = project.asked()
    with sqlite3.connect(project.path / ".imagejudge" / "store" / "answers.sqlite") as store:
        assert store.execute("DELETE FROM pixels").rowcount == 1
    project.run().assert_outcomes(failed=1)
    assert project.asked() == asked
    assert findings(project.report["verdicts"][0]) == [("blank", True)]


def test_how_much_must_apply(project):
    project.tests(
        """
        def test_fox(image_judge):
            image_judge.check("good.png", prompt="a red fox", thresholds={"min_applicable": 56})

        def test_part(image_judge):
            dimensions = ["Quality"]
            image_judge.check("fair.png", "a red fox", dimensions=dimensions, thresholds={"min_applicable": 40})

        def test_absent(image_judge):
            image_judge.check("absent.png", prompt="a red fox", thresholds={"min_applicable": 1, "total": 1})
        """
    )
    result = project.run()
    result.assert_outcomes(passed=1, failed=2)
    assert [findings(entry) for entry in project.report["verdicts"]] == [
        [],
        [("few-applicable", True)],
        [("few-applicable", True)],
    ]
    result.stdout.fnmatch_lines(["*too little applies: 0 of the facets that were asked about have a score*"])


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ('image_judge.check("good.png", "a fox", blank="yes")', "*blank: True or False is expected, not str*"),
        ('image_judge.score("good.png", "a fox", blank=True)', "*unexpected keyword argument 'blank'*"),
    ],
)
def test_wrong_values(project, code, words):
    project.tests(f"def test_fox(image_judge):\n    {code}\n")
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([words])


def test_a_wrong_marker(project):
    project.tests("import pytest\n@pytest.mark.imagejudge(blank='yes')\ndef test_fox(image_judge):\n    pass\n")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*marker imagejudge: blank: True or False is expected, not 'yes'*"])


def test_the_report_says_it_in_figures(project):
    project.tests(f"{HEAD}\ndef test_fox(image_judge):\n    image_judge.check({BLACK}, prompt='a red fox')\n")
    project.run()
    text = json.dumps(project.report["verdicts"][0]["findings"])
    assert text == '[{"kind": "blank", "detail": "100% of it is within 12 codes of black (#000000)", "failed": true}]'


def test_the_cause_of_a_failure_stands_before_what_fails_nothing(project):
    project.tests(
        """
import numpy as np

def test_fox(image_judge):
    pixels = np.random.default_rng(3).integers(0, 256, (96, 96, 3), np.uint8)
    pixels[:60] = (40, 40, 40)
    image_judge.check(pixels, prompt="a red fox")
"""
    )
    result = project.run("--judge-report=report.md")
    (entry,) = project.report["verdicts"]
    assert findings(entry) == [("half-blank", False)]
    result.stdout.fnmatch_lines(["*Quality: 0.0, bound *", "*found: half without content*", "FAILED *: 0.0, bound *"])
    text = (project.path / "report.md").read_text()
    assert text.index("- **Quality: ") < text.index("- found: half without content")
