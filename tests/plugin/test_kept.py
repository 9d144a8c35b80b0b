"""What is kept: answers between runs, and images that were handed over in memory."""

import json

import pytest

PLAIN = """
def test_good(image_judge):
    image_judge.check("good.png", "a red fox")

def test_bad(image_judge):
    image_judge.expect("bad.png", "a red fox")
"""


def test_a_second_run_starts_no_engine(project):
    project.tests(PLAIN)
    project.run().assert_outcomes(passed=1, failed=1)
    assert project.starts() == 1
    project.environ("STAND_IN_FAULT", "start")
    project.run().assert_outcomes(passed=1, failed=1)
    assert project.starts() == 1
    assert project.asked() == 10
    assert {entry["source"] for entry in project.report["verdicts"]} == {"store"}
    assert project.report["run"]["from_store"] == 10
    assert project.report["run"]["output_tokens"] == 0
    assert project.report["verdicts"][0]["judged_at"].startswith("2026-01-01")


def test_the_same_pixels_under_another_name_are_not_judged_again(project):
    project.tests(PLAIN)
    project.run()
    (project.path / "good.png").rename(project.path / "moved.png")
    project.tests('def test_moved(image_judge): image_judge.check("moved.png", "a red fox")')
    project.run().assert_outcomes(passed=1)
    assert project.asked() == 10
    project.picture("good", "moved.png", variant=9)
    project.run().assert_outcomes(passed=1)
    assert project.asked() == 15


def test_a_run_that_cannot_start_gives_what_is_stored(project):
    project.tests(PLAIN)
    project.run()
    project.tests(PLAIN + '\ndef test_new(image_judge): image_judge.check("fair.png", "a new fox")')
    project.environ("STAND_IN_FAULT", "preflight")
    result = project.run("-k", "not new")
    result.assert_outcomes(passed=1, failed=1, deselected=1)
    result.stdout.fnmatch_lines(["*70 GiB*", "*only images whose answers are stored can be judged*"])


def test_without_a_store_all_is_judged_again(project):
    project.tests(PLAIN)
    for _ in range(2):
        project.run("--judge-no-store").assert_outcomes(passed=1, failed=1)
    assert project.asked() == 20
    assert not (project.path / ".imagejudge").exists()


def test_without_a_store_nobody_is_told_that_something_is_in_it(project):
    project.tests('def test_refused(image_judge): image_judge.check("refused.png", "a red fox")')
    result = project.run("--judge-no-store")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Fix what the message names and run again*"])
    assert "in the store" not in " ".join(result.stdout.str().split())


def test_what_failed_is_asked_again_and_what_was_read_is_not(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("picture", ["good", "refused", "fault"])
        def test_fox(image_judge, picture):
            image_judge.check(f"{picture}.png", "a red fox", dimensions=["Quality"])
        """
    )
    project.run().assert_outcomes(passed=1, failed=2)
    first = project.asked()
    project.run().assert_outcomes(passed=1, failed=2)
    assert project.asked() == first + (first - 1)


def test_repeat_judges_as_often_as_asked(project):
    project.tests(
        """
        def test_fox(image_judge):
            image_judge.check("fickle.png", "a red fox", dimensions=["Quality"], thresholds={"level1": {"Quality": 0}})
        """
    )
    project.run("--judge-repeat=3").assert_outcomes(passed=1)
    assert project.asked() == 3
    entries = project.report["verdicts"]
    first = [entry["level1"]["Quality"] for entry in entries]
    assert sorted(first) == [0.0, 60.0, 100.0]
    assert [entry.get("repeat") for entry in entries] == [None, 1, 2]
    assert project.report["summary"]["n"] == 1
    project.run("--judge-repeat=3").assert_outcomes(passed=1)
    assert project.asked() == 3
    assert [entry["level1"]["Quality"] for entry in project.report["verdicts"]] == first


IN_MEMORY = """
import io
import numpy
import pytest
from types import SimpleNamespace
from tests.stand_in.pictures import marked

def picture(level):
    return marked((level, level, level))

def encoded(level):
    stream = io.BytesIO()
    picture(level).save(stream, "PNG")
    return stream.getvalue()

KINDS = {
    "pil": picture,
    "bytes": encoded,
    "array": lambda level: numpy.asarray(picture(level)),
    "floats": lambda level: numpy.asarray(picture(level)) / 255,
    "pipeline": lambda level: SimpleNamespace(images=[picture(level)]),
}

@pytest.mark.parametrize("level", [220, 40])
@pytest.mark.parametrize("kind", KINDS)
def test_fox(image_judge, kind, level):
    image_judge.expect(KINDS[kind](level), "a red fox")
"""


@pytest.mark.parametrize("keep", ["failed", "all", "none"])
def test_images_in_memory(project, keep):
    project.tests(IN_MEMORY)
    project.ini(f"judge_keep_images = {keep}")
    project.run("--judge-report=out/report.html").assert_outcomes(passed=5, failed=5)
    folder = project.path / "out" / "imagejudge-images"
    assert len(list(folder.glob("*.png")) if folder.is_dir() else []) == {"failed": 2, "all": 4, "none": 0}[keep]
    assert project.asked() == 10
    for entry in project.report["verdicts"]:
        assert (project.path / entry["image"]).exists() == (
            keep == "all" or (keep == "failed" and entry["outcome"] == "failed")
        )


def test_pictures_on_disk_are_never_removed(project):
    project.tests(PLAIN)
    project.ini("judge_keep_images = none")
    project.picture("good", "imagejudge-images/mine.png")
    project.tests('def test_mine(image_judge): image_judge.check("imagejudge-images/mine.png", "a red fox")')
    project.run().assert_outcomes(passed=1)
    assert (project.path / "imagejudge-images" / "mine.png").exists()


def test_pictures_that_cannot_be_judged(project):
    (project.path / "folder.png").mkdir()
    (project.path / "text.png").write_text("this is no picture")
    (project.path / "empty.png").touch()
    (project.path / "cut.png").write_bytes((project.path / "good.png").read_bytes()[:45])
    project.tests(
        """
        import pytest

        NAMES = ["folder.png", "text.png", "empty.png", "cut.png", "gone.png", "good.png", "no\\0name.png"]

        @pytest.mark.parametrize("name", NAMES, ids=[name[:4] for name in NAMES])
        @pytest.mark.parametrize("call", ["check", "expect"])
        def test_fox(image_judge, call, name):
            getattr(image_judge, call)(name, "a red fox")
        """
    )
    result = project.run()
    result.assert_outcomes(passed=2, failed=12)
    assert result.ret == 1
    for entry in project.report["verdicts"]:
        name = entry["image"]
        assert (entry["outcome"] == "passed") == (name == "good.png")
        if name != "good.png":
            assert entry["outcome"] == "error"
            assert name.partition("\0")[0][:4] in entry["error"]


def test_large_pictures(project):
    project.ini("judge_max_pixels = 63")
    project.tests(PLAIN)
    project.run().assert_outcomes(failed=2)
    assert all("63" in entry["error"] for entry in project.report["verdicts"])


def test_a_damaged_store_is_judged_again(project):
    project.tests(PLAIN)
    project.run()
    (project.path / ".imagejudge" / "store" / "answers.sqlite").write_bytes(b"no database at all" * 100)
    result = project.run()
    assert "INTERNALERROR" not in result.stdout.str()
    if result.ret != 4:
        result.assert_outcomes(passed=1, failed=1)


def test_the_report_is_valid(project):
    import jsonschema

    from pytest_imagejudge.report.model import json_schema

    project.tests(PLAIN)
    project.run()
    jsonschema.validate(project.report, json_schema())
    assert json.dumps(project.report)
