"""Where an edit was asked to be, in calls and in manifests, and the embedded judge's own profile for edits."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pytest_imagejudge.images.image_file import ImageFile
from pytest_imagejudge.images.region import Region
from pytest_imagejudge.inputs.manifest import Row, read_manifest
from pytest_imagejudge.plugin.expectation import Expectation
from pytest_imagejudge.plugin.pending_manifests import PendingManifests

SIGNALS = ("--edit-judge-model=signals", "--judge-report=report.json")
SIZE = (256, 192)
BOX = (40, 30, 120, 100)


def textured(seed: int = 5) -> Image.Image:
    """A picture with detail everywhere and no flat part."""
    random = np.random.default_rng(seed)
    rough = Image.fromarray(random.integers(40, 215, (48, 64, 3), dtype=np.uint8))
    return rough.resize(SIZE, Image.Resampling.BICUBIC)


@pytest.fixture
def pictures(project):
    source = textured()
    source.save(project.path / "source.png")
    edited = source.copy()
    edited.paste((200, 30, 30), BOX)
    edited.save(project.path / "edited.png")
    source.rotate(180).save(project.path / "turned.png")
    textured(9).save(project.path / "another.png")
    for name, size, box in (("mask", SIZE, BOX), ("elsewhere", SIZE, (150, 110, 240, 180)), ("small", (64, 48), BOX)):
        mask = Image.new("L", size, 0)
        mask.paste(255, box)
        mask.save(project.path / f"{name}.png")
    Image.new("L", SIZE, 0).save(project.path / "black.png")
    return project


def row(name, edited="edited.png", **more):
    return {"ID": name, "source_path": "source.png", "edited_path": edited, "instruction": "make it red", **more}


def signals(project, *args):
    return project.run(*SIGNALS, *args, judge=False)


def edits(project):
    return {entry["id"] or entry["test"].partition("::")[2]: entry for entry in project.report["edits"]}


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "two workers"])
def test_masks_and_boxes_of_calls(pictures, workers):
    pictures.tests(
        """
        import numpy as np
        import pytest
        from PIL import Image

        BOX = (40, 30, 120, 100)
        BOUND = {"edit": {"aspects": {"outside_change": {"max": 0.1}}}}

        def where(kind):
            if kind == "box":
                return {"box": BOX}
            if kind == "path":
                return {"mask": "mask.png"}
            mask = np.zeros((192, 256), bool)
            mask[30:100, 40:120] = True
            return {"mask": Image.fromarray(mask) if kind == "picture" else mask}

        @pytest.mark.parametrize("kind", ["box", "path", "picture", "array"])
        def test_inside(edit_judge, kind):
            verdict = edit_judge.check("source.png", "edited.png", "make it red", thresholds=BOUND, **where(kind))
            assert verdict.aspects["outside_change"] == 0
            assert edit_judge.score("source.png", "edited.png", "make it red", **where(kind)).aspects == verdict.aspects
            edit_judge.expect("source.png", "edited.png", "make it red", thresholds=BOUND, **where(kind))

        def test_outside(edit_judge):
            edit_judge.expect("source.png", "edited.png", "make it red", thresholds=BOUND, mask="elsewhere.png")

        def test_unknown(edit_judge):
            verdict = edit_judge.score("source.png", "edited.png", "make it red")
            assert verdict.aspects["outside_change"] is None
        """
    )
    result = signals(pictures, *workers)
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines(["*outside_change: 1.00, at most 0.10*", "*100.0% of the change lies outside*"])
    found = edits(pictures)
    assert found["test_outside"]["mask"] == "elsewhere.png"
    assert found["test_inside[box]"]["box"] == list(BOX)
    assert found["test_inside[box]"]["mask"] == ""
    assert found["test_inside[path]"]["mask"] == "mask.png"
    assert found["test_inside[path]"]["box"] is None
    keys = {found[f"test_inside[{kind}]"]["key"] for kind in ("box", "path", "picture", "array")}
    assert len(keys) == 1  # the same region, however it was given
    assert keys.isdisjoint({found["test_outside"]["key"], found["test_unknown"]["key"]})


def test_a_region_is_part_of_what_is_stored(pictures):
    pictures.manifest("one.imagejudge.jsonl", [row("a", mask="mask.png"), row("b", box=list(BOX)), row("c")])
    args = ("--judge-store=store", "--judge-thresholds=edit-signals")
    signals(pictures, *args).assert_outcomes(passed=3)
    assert pictures.report["run"]["requests"] == 3
    assert pictures.report["run"]["from_store"] == 1
    signals(pictures, *args).assert_outcomes(passed=3)
    assert pictures.report["run"]["from_store"] == 3
    mask = Image.new("L", SIZE, 0)
    mask.paste(255, (30, 30, 130, 110))
    mask.save(pictures.path / "mask.png")  # another region under the same name
    signals(pictures, *args).assert_outcomes(passed=3)
    assert pictures.report["run"]["from_store"] == 2


def test_bad_regions_are_errors_of_their_rows(pictures):
    (pictures.path / "inside").mkdir()
    (pictures.path / "inside" / "link.png").symlink_to(pictures.path / "mask.png")
    rows = [
        row("fine", mask="mask.png"),
        row("small", mask="small.png"),
        row("black", mask="black.png"),
        row("missing", mask="none.png"),
        row("outside", box=[0, 0, 300, 20]),
        row("empty", box="10, 10, 10, 20"),
        row("words", box="left"),
        row("both", box=list(BOX), mask="mask.png"),
        row("none", mask="", box=""),
    ]
    pictures.manifest("rows.imagejudge.jsonl", rows)
    result = signals(pictures, "--judge-thresholds=edit-signals")
    result.assert_outcomes(passed=2, failed=7)
    found = edits(pictures)
    assert {name for name, entry in found.items() if entry["outcome"] == "error"} == {
        *("small", "black", "missing", "outside", "empty", "words", "both")
    }
    assert found["small"]["error"].startswith("mask ")
    assert found["small"]["error"].endswith(
        "small.png: it has 64x48 pixels, the source 256x192; a mask has the source's size"
    )
    assert "all black: white may change" in found["black"]["error"]
    assert found["missing"]["error"].startswith('mask: no file "none.png"')
    assert found["outside"]["error"].startswith("box [0, 0, 300, 20]: it reaches beyond the source of 256x192 pixels")
    assert found["empty"]["error"].startswith("box: [10, 10, 10, 20]: it is empty")
    assert "box: four whole numbers are expected (left, top, right, bottom" in found["words"]["error"]
    assert found["both"]["error"].startswith("both mask and box are given")
    for name in ("source", "edited"):
        (pictures.path / f"{name}.png").rename(pictures.path / "inside" / f"{name}.png")
    pictures.manifest("inside/rows.imagejudge.jsonl", [row("link", mask="link.png"), row("up", mask="../mask.png")])
    pictures.ini("judge_root = inside")
    result = signals(pictures, "inside", "--judge-thresholds=edit-signals")
    result.assert_outcomes(failed=2)
    assert all("lies outside of" in entry["error"] for entry in edits(pictures).values())


def test_wrong_types_are_type_errors(pictures):
    pictures.tests(
        """
        import pytest

        @pytest.mark.parametrize("where", [{"box": "1,2,3,4"}, {"box": (1, 2, 3)}, {"mask": 3}, {"mask": [1, 2, 3, 4]},
                                           {"box": (1, 2, 3, 4), "mask": "mask.png"}])
        def test_types(edit_judge, where):
            for call in (edit_judge.score, edit_judge.check, edit_judge.expect):
                with pytest.raises(TypeError):
                    call("source.png", "edited.png", "make it red", **where)

        def test_values(edit_judge):
            verdict = edit_judge.score("source.png", "edited.png", "make it red", box=(-1, 0, 5, 5))
            assert verdict.error.startswith("box [-1, 0, 5, 5]: it lies outside of the picture")
            edit_judge.check("source.png", "edited.png", "make it red", box=(5, 5, 5, 9))
        """
    )
    result = signals(pictures)
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines(["*not judged: box [[]5, 5, 5, 9[]]: it is empty*"])


def test_a_judge_that_can_t_use_a_region_says_so_and_is_not_asked_again(project):
    mask = Image.open(project.path / "fair.png").convert("L").point(lambda value: 255)
    mask.save(project.path / "mask.png")
    project.tests(
        """
        def test_with(edit_judge):
            edit_judge.check("fair.png", "good.png", "make it bright", mask="mask.png")

        def test_without(edit_judge):
            edit_judge.check("fair.png", "good.png", "make it bright")

        def test_wrong(edit_judge):
            edit_judge.check("fair.png", "good.png", "make it bright", box=(0, 0, 9999, 1))
        """
    )
    project.run("--edit-judge-model=stand-in").assert_outcomes(passed=2, failed=1)
    found = edits(project)
    assert project.asked() == 1
    assert found["test_with"]["key"] == found["test_without"]["key"]
    assert found["test_with"]["mask"] == "mask.png"
    (problem,) = found["test_with"]["problems"]
    assert problem["kind"] == "region-unused"
    assert not found["test_without"]["problems"]
    assert found["test_wrong"]["outcome"] == "error"


def test_without_a_profile_edits_have_the_judge_s_own(pictures):
    pictures.manifest(
        "rows.imagejudge.jsonl", [row("edited"), row("untouched", "source.png"), row("turned", "turned.png")]
    )
    result = signals(pictures)
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["imagejudge: thresholds edit-signals, store *"])
    found = edits(pictures)
    assert {entry["thresholds"] for entry in found.values()} == {"edit-signals"}
    assert ["changed_area"] in [breach["path"] for breach in found["untouched"]["breaches"]]
    assert ["rotation"] in [breach["path"] for breach in found["turned"]["breaches"]]
    result = project_with_both(pictures)
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["imagejudge: thresholds default, edit-signals, store *"])
    assert pictures.report["verdicts"][0]["thresholds"] == "default"


def project_with_both(project):
    project.tests('def test_image(image_judge):\n    image_judge.check("good.png", "a fox")')
    return project.run("--edit-judge-model=signals")


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("[edit]\nscore = 3", "*edit.score is bounded, but the judge signals gives no overall score of an edit*"),
        ("[edit.aspects]\nfidelity = 3", "*edit.aspects.fidelity: at least 3 is bounded, but*gives 0 to 1*"),
        (
            "[edit.aspects]\ntext_alignment = 0.5",
            '*"text_alignment" is bounded, but the judge signals cannot measure it*',
        ),
        ("[edit.aspects]\nfidelity = {min = 0.9, max = 0.1}", "*edit.aspects.fidelity: min 0.9 is above max 0.1*"),
        ("[edit.aspects]\nfidelity = {most = 0.9}", "*edit.aspects.fidelity.most: unknown key*"),
    ],
)
def test_bounds_that_can_t_hold_are_refused_before_a_test_runs(pictures, profile, words):
    (pictures.path / "ours.toml").write_text(profile, encoding="utf-8")
    pictures.tests("def test_it(edit_judge):\n    raise AssertionError('it ran')")
    result = signals(pictures, "--judge-thresholds=ours.toml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([words])
    result.stdout.no_fnmatch_line("*it ran*")


def test_the_report_shows_the_region(pictures):
    pictures.manifest("rows.imagejudge.jsonl", [row("a", mask="elsewhere.png"), row("b", box=[150, 110, 240, 180])])
    result = signals(pictures, "--judge-thresholds=edit-signals", "--judge-report=report.html", "--judge-report=r.md")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines_random(["*mask *elsewhere.png", "*box *150, 110, 240, 180"])
    words = (pictures.path / "r.md").read_text(encoding="utf-8")
    assert "mask: elsewhere.png" in words
    assert "box: 150, 110, 240, 180" in words
    page = (pictures.path / "report.html").read_text(encoding="utf-8")
    assert '["Mask file","elsewhere.png","./elsewhere.png"]' in page
    assert '["Box (left, top, right, bottom)","150, 110, 240, 180"]' in page


@pytest.mark.parametrize("kind", ["mask", "box", "none"])
def test_what_another_process_judges_keeps_its_region(tmp_path, kind):
    for name in ("source", "edited", "mask"):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")
    source, edited, mask = (ImageFile(tmp_path / f"{name}.png", kept=True) for name in ("source", "edited", "mask"))
    region = {"mask": Region(mask), "box": Region(box=(1, 2, 3, 4)), "none": None}[kind]
    expected = Expectation("edit", "make it red", (source, edited), ("adjust",), region=region)
    assert Expectation.load(expected.dump()).region == region
    pending = PendingManifests(tmp_path / "pending")
    pending.add(expected)
    (file,) = pending.files
    (row,) = read_manifest(file)
    assert isinstance(row, Row)
    assert row.edit_type == "adjust"
    assert row.mask == (mask.path if kind == "mask" else None)
    assert row.box == ((1, 2, 3, 4) if kind == "box" else None)
    assert (str(mask.path) in row.extra["kept"]) is (kind == "mask")  # so that the copy goes with the run
    pending.done()
