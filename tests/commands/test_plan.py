from __future__ import annotations

import json

import numpy as np
import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.report.json_file import write
from pytest_imagejudge.report.last_run import keep_last_run
from pytest_imagejudge.report.model import EditEntry, Report, VerdictEntry
from pytest_imagejudge.report.uses import JudgeUse
from pytest_imagejudge.statistics.baseline_file import update_baseline
from pytest_imagejudge.store.answer_store import default_root
from pytest_imagejudge.thresholds.loading import load_profile


@pytest.fixture
def plan(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    default_root().mkdir(parents=True)  # without an earlier run

    def run(*arguments):
        code = main(["plan", *map(str, arguments)])
        found = capsys.readouterr()
        return code, found.out, found.err

    return run


@pytest.fixture
def plan_json(plan):
    def run(*arguments):
        code, out, err = plan(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    return run


def entries(prompts, seeds, shift=0.0, seed=1):
    rng = np.random.default_rng(seed)
    base = 60 + np.random.default_rng(0).normal(0, 8, (prompts, 1))
    values = np.clip(base + rng.normal(-shift, 12, (prompts, seeds)), 0, 100)
    return [
        VerdictEntry(
            key=f"{seed} {i} {j}",
            image="a.png",
            prompt=f"p{i}",
            seed=j,
            outcome="passed",
            total=float(values[i, j]),
            level1={"Quality": float(values[i, j])},
            level2={"Quality": {"Realism": float(values[i, j])}},
        )
        for i in range(prompts)
        for j in range(seeds)
    ]


def test_defaults_say_that_they_are(plan):
    code, out, err = plan("--detect", 2, "--power", 0.8)
    assert code == 0
    assert err == ""
    assert "no baseline was given" in out
    assert "Spread from: defaults (--from FILE takes that of your own images, from a report or baseline)." in out
    assert "Real-world Fidelity" in out
    assert "To see a drop of 2 points in any of them, where no drop is allowed: " in " ".join(out.split())
    assert "\x1b" not in out


def named(found):
    return [" / ".join(row["path"]) for row in found["dimensions"]]


@pytest.mark.parametrize("how", [("--detect", 4), ("--images", 40)])
def test_only_what_the_judge_of_the_last_run_measures_is_planned(plan_json, plan, how):
    every = named(plan_json(*how))
    keep_last_run(default_root(), "2026-01-01", [JudgeUse(model="signals", protocol="signals", images=3)])
    found = plan_json(*how)
    assert [name for name in every if name not in named(found)] == ["total", "Alignment"]
    assert all(len(row["options"]) > 1 for row in found["dimensions"] if "--detect" in how)
    said = " ".join(plan(*how)[1].split())
    assert (
        "signals, measures 8 of 56 facets; left out, since no profile can bound them, are total and Alignment." in said
    )
    bounds = {"level1": dict.fromkeys(named(found), 2)}
    load_profile({"baseline": bounds}, name="planned").require_measurable(load_protocol("signals"), "signals")


def test_what_is_named_is_planned_and_what_can_not_be_bounded_told(plan_json):
    keep_last_run(default_root(), "2026-01-01", [JudgeUse(model="signals", protocol="signals", images=3)])
    found = plan_json("--detect", 4, "--dimension", "total", "--dimension", "Quality")
    assert named(found) == ["total", "Quality"]
    assert "no profile can bound total" in found["notes"][-1]
    assert "signals" not in str(plan_json("--detect", 4, "--dimension", "Quality")["notes"])


@pytest.mark.parametrize(
    "use",
    [
        JudgeUse(model="org/judge", protocol="house", images=3),
        JudgeUse(kind="edit", model="signals", protocol="signals-edit", images=3),
        JudgeUse(model="m", protocol="gone.toml", images=3),
    ],
)
def test_other_judges_leave_nothing_out(plan_json, use):
    every = named(plan_json("--detect", 4))
    keep_last_run(default_root(), "2026-01-01", [use])
    found = plan_json("--detect", 4)
    assert named(found) == every
    assert len(found["notes"]) == 2


def test_the_plan_as_json(plan_json):
    found = plan_json("--detect", 4, "--dimension", "total", "--seeds", 2)
    assert found["images"] == found["prompts"] * 2
    assert found["source"] == "defaults"
    (row,) = found["dimensions"]
    assert row["path"] == ["total"]
    assert row["options"] == found["options"]
    assert "suite" not in found


def test_every_dimension_is_seen_with_the_number_of_the_noisiest(plan_json):
    found = plan_json("--detect", 4)
    assert found["dimensions"][0]["path"] == ["total"]
    assert len(found["dimensions"]) == 6
    assert [option["seeds"] for option in found["options"]] == [1, 2, 4, 8]
    assert found["prompts"] == max(row["options"][0]["prompts"] for row in found["dimensions"])


def test_a_smaller_drop_more_power_or_fewer_alarms_take_more(plan_json):
    base = plan_json("--detect", 4)["images"]
    for other in (("--detect", 3), ("--detect", 4, "--power", 0.9), ("--detect", 4, "--alpha", 0.01)):
        assert plan_json(*other)["images"] > base
    assert plan_json("--detect", 4, "--margin", 3.5)["images"] > base
    assert plan_json("--detect", 4, "--margin", 1)["images"] == base  # a drop that is no chance is beyond 1 anyway


def test_a_given_suite_and_what_it_sees(plan_json):
    found = plan_json("--images", 200, "--seeds", 4)
    assert found["suite"] == {"images": 200, "prompts": 50, "seeds": 4, "detects": found["suite"]["detects"]}
    assert found["suite"]["detects"] == max(row["detects"] for row in found["dimensions"])
    assert "options" not in found
    drop = found["suite"]["detects"]
    assert plan_json("--detect", drop + 0.01, "--seeds", 4)["prompts"] <= 50
    assert plan_json("--images", 200, "--seeds", 4, "--margin", 1)["suite"]["detects"] == pytest.approx(drop)
    assert drop < plan_json("--images", 200, "--seeds", 4, "--margin", drop)["suite"]["detects"] < 2 * drop
    assert plan_json("--images", 3)["suite"]["detects"] is None


def test_from_a_baseline_with_seeds(plan_json, tmp_path):
    update_baseline(tmp_path / "baseline.json", entries(60, 4))
    found = plan_json("--detect", 3, "--from", tmp_path / "baseline.json")
    assert found["source"] == "baseline.json"
    assert [row["path"] for row in found["dimensions"]] == [["total"], ["Quality"]]
    row = found["dimensions"][0]
    assert row["sd_between_prompts"] == pytest.approx(8, rel=0.3)
    assert row["sd_between_seeds"] == pytest.approx(12, rel=0.15)
    assert (found["suite"]["images"], found["suite"]["prompts"], found["suite"]["seeds"]) == (240, 60, 4)
    realism = plan_json("--detect", 3, "--from", tmp_path / "baseline.json", "--dimension", "quality/realism")
    assert [row["path"] for row in realism["dimensions"]] == [["Quality", "Realism"]]


def test_from_two_reports(plan, plan_json, tmp_path):
    write(Report(verdicts=entries(60, 1)), tmp_path / "a.json")
    write(Report(verdicts=entries(60, 1, 4.0, seed=2)), tmp_path / "b.json")
    found = plan_json("--detect", 3, "--from", tmp_path / "a.json", tmp_path / "b.json")
    assert found["source"] == "a.json and b.json"
    assert found["dimensions"][0]["sd_change"] == pytest.approx(12 * 2**0.5, rel=0.2)
    code, out, _ = plan("--from", tmp_path / "a.json", tmp_path / "b.json")
    assert code == 0
    assert "A suite of 60 images" in out
    assert "points in any of them, where no drop is allowed." in " ".join(out.split())


def test_from_judged_edits(plan, plan_json, tmp_path):
    rows = [
        {"ID": i, "instruction": f"edit {i}", "source_path": "a.png", "edited_path": "b.png", "edit_score": 1 + i % 5}
        for i in range(10)
    ]
    (tmp_path / "a_judged.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = plan_json("--detect", 1, "--from", tmp_path / "a_judged.jsonl")
    assert [row["path"] for row in found["dimensions"]] == [["score"]]
    assert found["suite"]["prompts"] == 10
    code, _, err = plan("--from", tmp_path / "a_judged.jsonl", "--margin", 5)
    assert code == 2
    assert "--margin 5: a number from 0 to 4 is expected, since the mean score of these edits can't drop by more" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "plan: --detect, --images or --from is expected"),
        ((), "\n  imagejudge plan --detect 4 "),
        (("--detect", "0"), "--detect: a number above 0"),
        (("--detect", "nan"), "--detect"),
        (("--detect", "400"), "--detect: a number above 0 and up to 100, the whole scale, is expected, not 400"),
        (("--detect", "2", "--margin", "2"), "within the margin"),
        (("--detect", "2", "--margin", "-1"), "--margin -1: a number from 0 to 100 is expected"),
        (("--images", "20", "--margin", "500"), "--margin 500: a number from 0 to 100 is expected, since the mean"),
        (("--images", "20", "--margin", "500"), "give the largest drop to allow, such as --margin 2"),
        (("--images", "20", "--margin", "nan"), "--margin nan: a number from 0 to 100 is expected"),
        (("--detect", "2", "--power", "1"), "--power"),
        (("--detect", "2", "--power", "0.05"), "--power"),
        (("--detect", "2", "--alpha", "0"), "--alpha"),
        (("--images", "0"), "--images"),
        (("--images", "3", "--seeds", "4"), "--seeds"),
        (("--detect", "2", "--seeds", "0"), "--seeds"),
        (("--detect", "2", "--dimension", "Qualty"), 'did you mean "Quality"'),
        (("--detect", "2", "--dimension", "Quality/Realism"), "--from"),
        (("--from", "none.json"), "none.json: there is no such file"),
        (("--from", "a", "b", "c"), "--from"),
    ],
)
def test_wrong_input(plan, arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = plan(*arguments)
    assert code == 2
    assert words in err
    assert out == ""


def test_too_few_images_to_plan_from(plan, tmp_path):
    update_baseline(tmp_path / "b.json", entries(3, 1))
    code, _, err = plan("--detect", 2, "--from", tmp_path / "b.json")
    assert code == 2
    assert "3 prompts of b.json" in err


def test_equal_figures_do_not_tell_their_spread(plan, tmp_path):
    images = entries(12, 2)
    for image in images:
        image.level1["Quality"] = 60.0
    write(Report(verdicts=images), tmp_path / "equal.json")
    code, out, _ = plan("--detect", 4, "--from", tmp_path / "equal.json")
    assert code == 0
    assert "equal in all images, which does not tell how they spread: Quality; plan from more" in " ".join(out.split())
    (line,) = (line.split() for line in out.splitlines() if line.startswith("Quality"))
    assert line[1:] == ["-"] * 8
    data = json.loads(plan("--detect", 4, "--from", tmp_path / "equal.json", "--json")[1])
    (row,) = (row for row in data["dimensions"] if row["path"] == ["Quality"])
    assert (row["detects"], row["half_width"], row["options"][0]["prompts"]) == (None, None, None)
    assert data["suite"]["detects"] == max(row["detects"] or 0 for row in data["dimensions"])
    assert data["prompts"] == max(row["options"][0]["prompts"] or 0 for row in data["dimensions"])


def test_where_all_figures_are_equal_nothing_is_promised(plan, tmp_path):
    images = [image.model_copy(update={"total": 60.0, "level1": {"Quality": 60.0}}) for image in entries(12, 1)]
    write(Report(verdicts=images), tmp_path / "equal.json")
    code, out, _ = plan("--detect", 4, "--from", tmp_path / "equal.json")
    assert code == 0
    assert "To see a drop" not in out
    assert "sees a drop of 0" not in out
    assert "0.0" not in out
    assert "equal in all images, which does not tell how they spread: total and Quality" in " ".join(out.split())


def test_a_drop_of_edits_within_their_scale(plan, tmp_path):
    edits = [EditEntry(key=f"k{n}", source_image="", edited_image="", instruction=f"{n}", outcome="scored",
                       score=1.0 + n % 4) for n in range(8)]  # fmt: skip
    write(Report(edits=edits), tmp_path / "edits.json")
    assert plan("--detect", 4, "--from", tmp_path / "edits.json")[0] == 0
    code, out, err = plan("--detect", 5, "--from", tmp_path / "edits.json")
    assert (code, out) == (2, "")
    assert "--detect: a number above 0 and up to 4, the whole scale of the edits, is expected, not 5" in err


def test_text_is_no_number(plan):
    with pytest.raises(SystemExit) as caught:
        plan("--detect", "two")
    assert caught.value.code == 2


def rarely_aesthetic():
    """Twelve prompts, of which one has a figure of Aesthetics."""
    images = entries(12, 2)
    images[0].level1["Aesthetics"] = 60.0
    return images


@pytest.mark.parametrize("runs", [1, 2])
def test_a_dimension_that_hardly_any_prompt_has_is_left_out(plan, tmp_path, runs):
    files = [tmp_path / f"{number}.json" for number in range(runs)]
    for file in files:
        write(Report(verdicts=rarely_aesthetic()), file)
    code, out, err = plan("--from", *files, "--detect", 3)
    assert (code, err) == (0, "")
    assert "left out, since fewer than 5 prompts have a figure of it: Aesthetics (1 prompt)" in out
    assert [line.split()[0] for line in out.splitlines()[3:5]] == ["total", "Quality"]
    code, _, err = plan("--from", *files, "--detect", 3, "--dimension", "Aesthetics")
    assert code == 2
    assert "1 prompt of" in err
