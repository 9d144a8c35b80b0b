from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.report import json_file as report_json
from pytest_imagejudge.report.model import FailedTest, Report, Run
from tests.report import samples


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    report_json.write(samples.report(3), tmp_path / "a.json")
    report_json.write(samples.report(3, first=20), tmp_path / "sub" / "b.json")
    return tmp_path


def run(*args: str) -> int:
    return main(["report", *args])


def test_every_format_of_merged_shards(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("a.json", "sub/b.json", "-o", "out/m.json", "-o", "out/m.html", "-o", "out/m.md") == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "--thresholds NAME decides them over the whole" in said.err
    data = json.loads((folder / "out" / "m.json").read_text(encoding="utf-8"))
    assert len(data["verdicts"]) == 10
    assert data["verdicts"][0]["image"] == "../img/0.png"
    assert data["verdicts"][5]["image"] == "../img/20.png"
    assert data["summary"]["n"] == 10
    assert (folder / "out" / "m.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (folder / "out" / "m.md").read_text(encoding="utf-8").startswith("# ❌")


def test_the_same_files_give_the_same_report(folder: Path) -> None:
    run("a.json", "sub/b.json", "-o", "1.json", "-o", "1.html")
    run("a.json", "sub/b.json", "-o", "2.json", "-o", "2.html")
    assert Path("1.json").read_bytes() == Path("2.json").read_bytes()
    assert Path("1.html").read_bytes() == Path("2.html").read_bytes()


def test_one_report_comes_through_unchanged(folder: Path) -> None:
    assert run("a.json", "-o", "b.json") == 0
    assert json.loads(Path("b.json").read_text()) == json.loads(Path("a.json").read_text())
    assert run("a.json", "a.json", "-o", "c.json") == 0
    assert json.loads(Path("c.json").read_text()) == json.loads(Path("a.json").read_text())


def test_without_an_output_the_tree_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("a.json") == 0
    assert "Quality" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("environment", "colors"), [({"TERM": "xterm"}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colors_only_where_they_are_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], environment: dict[str, str], colors: bool
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run("a.json") == 0
    assert ("\x1b[" in capsys.readouterr().out) is colors


def test_what_was_not_judged_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("a.json", "--unjudged") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "img/3.png: unreadable: Aesthetics",
        "img/broken-0.png: not judged: img/broken-0.png: truncated",
        "img/2-edited.png: unreadable: score",
    ]


def test_what_was_not_judged_goes_by_its_test_where_its_file_is_a_hash(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = samples.report(0, edits=False)
    lost.verdicts[-1].image = f"kept/{'0a' * 32}.png"
    report_json.write(lost, folder / "c.json")
    assert run("c.json", "--unjudged") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("test_b: not judged:")


def test_gate(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("a.json", "--gate", "-o", "x.md") == 1
    assert Path("x.md").exists()
    good = Report(verdicts=[samples.entry(1, bounds={("Quality",): 1})])
    report_json.write(good, folder / "good.json")
    assert run("good.json", "--gate", "-o", "x.md") == 0
    report_json.write(Report(), folder / "empty.json")
    capsys.readouterr()
    assert run("empty.json", "--gate", "-o", "x.md") == 1
    assert "--gate: no image or edit was judged" in capsys.readouterr().err
    report_json.write(good.model_copy(update={"suite": samples.report().suite}), folder / "suite.json")
    assert run("suite.json", "--gate", "-o", "x.md") == 1
    report_json.write(good.model_copy(update={"baseline": {"gate": "failed"}}), folder / "base.json")
    assert run("base.json", "--gate", "-o", "x.md") == 1


def test_a_gate_has_to_have_something_to_decide_by(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report_json.write(Report(verdicts=[samples.entry(1, bounds={})]), folder / "bare.json")
    report_json.write(Report(verdicts=[samples.entry(1, bounds={("Quality",): 1})]), folder / "good.json")
    (folder / "images.toml").write_text("[level1]\nQuality = 99\n")
    (folder / "margins.toml").write_text("[baseline.level1]\nQuality = 2\n")
    for args, words in (
        (("bare.json",), "no bounds were applied"),
        (("good.json", "--thresholds", "images.toml"), "images.toml bounds no mean of a run"),
        (("good.json", "--thresholds", "margins.toml"), "margins.toml bounds no mean of a run"),
        (("good.json", "--baseline", "good.json"), "margins under [baseline]"),
    ):
        assert run(*args, "--gate", "-o", "x.md") == 2
        assert words in capsys.readouterr().err
    assert run("good.json", "--baseline", "good.json", "--thresholds", "margins.toml", "--gate", "-o", "x.md") == 0


def test_a_gate_tells_of_bounds_on_single_images_that_are_not_applied(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mixed.toml").write_text("[level1]\nQuality = 99\n[suite.level1]\nQuality = 1\n")
    (folder / "means.toml").write_text("[suite.level1]\nQuality = 1\n")
    for name, other, told in (("mixed.toml", 98, True), ("mixed.toml", 99, False), ("means.toml", 98, False)):
        entry = samples.entry(1, bounds={("Quality",): other}, outcome="passed", thresholds="mixed.toml", breaches=[])
        report_json.write(Report(verdicts=[entry]), folder / "one.json")
        assert run("one.json", "--thresholds", name, "--gate", "-o", "x.md") == 0
        assert ("mixed.toml bounds single images too" in capsys.readouterr().err) is told


def test_a_gate_looks_at_the_tests_too(folder: Path) -> None:
    passed = samples.entry(1, bounds={("Quality",): 1})
    failed = samples.entry(2, bounds={("Quality",): 99})
    excused = Report(verdicts=[passed, failed], run=Run(excused=[failed.test or ""]))
    report_json.write(excused, folder / "excused.json")
    assert run("excused.json", "--gate", "-o", "x.md") == 0
    broken = Report(verdicts=[passed], run=Run(failed_tests=[FailedTest(test="test_x", message="CUDA error")]))
    report_json.write(broken, folder / "broken.json")
    assert run("broken.json", "--gate", "-o", "x.md") == 1
    scored = broken.model_copy(update={"verdicts": [samples.entry(1, bounds={})]})
    report_json.write(scored, folder / "scored.json")
    assert run("scored.json", "--gate", "-o", "x.md") == 1  # red whatever the bounds, of which there are none


def test_a_gate_does_not_pass_because_bounds_were_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2):
        part = Report(verdicts=[samples.entry(number, bounds={})], suite=samples.report().suite)
        report_json.write(part, folder / f"{number}.json")
    assert run("1.json", "2.json", "--gate", "-o", "x.md") == 2
    assert "--thresholds NAME" in capsys.readouterr().err
    for number in (1, 2):
        part = Report(verdicts=[samples.entry(number, bounds={})], baseline={"gate": "failed"})
        report_json.write(part, folder / f"{number}.json")
    assert run("1.json", "2.json", "--gate", "-o", "x.md") == 2
    assert "--baseline FILE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("gate", "remedy"),
    [({"suite": samples.report().suite}, "--thresholds NAME"), ({"baseline": {"gate": "failed"}}, "--baseline FILE")],
)
def test_a_merged_file_tells_what_its_merge_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str], gate: dict[str, Any], remedy: str
) -> None:
    for number in (1, 2, 3):
        part = Report(verdicts=[samples.entry(number, bounds={("Quality",): 1})], **(gate if number == 1 else {}))
        report_json.write(part, folder / f"{number}.json")
    assert run("1.json", "2.json", "--gate") == 2
    refusal = capsys.readouterr().err
    assert run("1.json", "2.json", "-o", "m.json") == 0
    note = capsys.readouterr().err.splitlines()[0]
    assert run("m.json", "3.json", "-o", "n.json", "-o", "n.html", "-o", "n.md", "--github-annotations") == 0
    said = capsys.readouterr()
    assert note in said.err
    sentence = note.removeprefix("imagejudge report: ")
    assert f"::warning title=Image judge::{sentence}" in said.out
    assert f'<p class="warning">{sentence}.</p>' in Path("n.html").read_text(encoding="utf-8")
    assert f"> {sentence}." in Path("n.md").read_text(encoding="utf-8")
    assert Path("n.md").read_text(encoding="utf-8").startswith("# ❔ All 3 images passed; not decided: ")
    for file in ("m.json", "n.json"):
        assert run(file, "--gate") == 2
        assert remedy in refusal
        assert capsys.readouterr().err == refusal


def test_a_profile_without_bounds_on_means_leaves_them_out_too(folder: Path) -> None:
    (folder / "images.toml").write_text("[level1]\nQuality = 1\n")
    (folder / "means.toml").write_text("[suite.level1]\nQuality = 1\n")
    assert run("a.json", "sub/b.json", "--thresholds", "images.toml", "-o", "m.json") == 0
    assert json.loads(Path("m.json").read_text())["left_out"] == ["suite"]
    assert run("m.json", "--thresholds", "means.toml", "-o", "n.json") == 0
    decided = json.loads(Path("n.json").read_text())
    assert (decided["left_out"], [row["path"] for row in decided["suite"]]) == ([], [["Quality"]])
    assert run("a.json", "--thresholds", "images.toml", "-o", "one.json") == 0
    assert json.loads(Path("one.json").read_text())["suite"] == json.loads(Path("a.json").read_text())["suite"]


def test_margins_are_left_out_until_a_profile_has_them(folder: Path) -> None:
    (folder / "margins.toml").write_text("[baseline.level1]\nQuality = 2\n")
    for number in (1, 2):
        part = Report(verdicts=[samples.entry(number, bounds={})], baseline={"gate": "passed"})
        report_json.write(part, folder / f"{number}.json")
    files = ("1.json", "2.json", "--baseline", "1.json")
    assert run(*files, "-o", "m.json") == 0
    assert json.loads(Path("m.json").read_text())["left_out"] == ["baseline"]
    assert run("m.json", "--gate") == 2
    assert run(*files, "--thresholds", "margins.toml", "-o", "n.json") == 0
    assert json.loads(Path("n.json").read_text())["left_out"] == []


def test_a_profile_decides_bounds_over_the_whole(folder: Path) -> None:
    (folder / "p.toml").write_text("[suite.level1]\nQuality = 1\n")
    for number in range(6):
        report_json.write(Report(verdicts=[samples.entry(number, bounds={})]), folder / f"{number}.json")
    files = [f"{number}.json" for number in range(6)]
    assert run(*files, "--thresholds", "p.toml", "--gate", "-o", "x.json") == 0
    (row,) = json.loads(Path("x.json").read_text())["suite"]
    assert (row["path"], row["n"], row["outcome"]) == (["Quality"], 6, "passed")
    (folder / "p.toml").write_text("[suite.level1]\nQuality = 99\n")
    assert run(*files, "--thresholds", "p.toml", "--gate", "-o", "x.json") == 1


def test_an_earlier_report_stands_beside(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report_json.write(Report(verdicts=[samples.entry(n, bounds={}) for n in range(6)]), folder / "now.json")
    report_json.write(Report(verdicts=[samples.entry(n, bounds={}) for n in range(6)]), folder / "old.json")
    assert run("now.json", "--baseline", "old.json", "-o", "x.json", "-o", "x.md") == 0
    data = json.loads(Path("x.json").read_text())
    assert data["verdicts"][0]["before"]["total"] == pytest.approx(data["verdicts"][0]["total"], abs=1e-3)
    assert {row["change"] for row in data["baseline"]["rows"]} == {0}
    assert "Against the baseline" in Path("x.md").read_text(encoding="utf-8")
    report_json.write(Report(verdicts=[samples.entry(99, bounds={})]), folder / "other.json")
    run("now.json", "--baseline", "other.json", "-o", "x.json")
    assert "no image of this run is in it" in capsys.readouterr().err


def test_a_page_without_the_baseline_s_pictures_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report_json.write(Report(verdicts=[samples.entry(0, bounds={})]), folder / "old.json")
    report_json.write(Report(verdicts=[samples.entry(0, bounds={}, image="")]), folder / "bare.json")
    for baseline, options, said in (
        ("old.json", ("-o", "x.html"), None),
        ("bare.json", ("-o", "x.md"), None),
        ("bare.json", ("-o", "x.html"), "alone; name their folder with --baseline-pictures DIR"),
        ("bare.json", ("-o", "x.html", "--baseline-pictures", "none"), "alone; nor are they in none"),
    ):
        assert run("old.json", "--baseline", baseline, *options) == 0
        found = capsys.readouterr().err
        assert found.count("holds no pictures") == (said is not None)
        assert said is None or said in found


def test_github(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("a.json", "--github-summary") == 2
    assert "GITHUB_STEP_SUMMARY is not set" in capsys.readouterr().err
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "s.md"))
    assert run("a.json", "--github-summary", "--github-annotations") == 0
    assert Path("s.md").read_text(encoding="utf-8").startswith("# ❌")
    assert all(line.startswith(("::error ", "::warning ")) for line in capsys.readouterr().out.splitlines())
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    monkeypatch.setenv("GITHUB_REPOSITORY", "o/r")
    monkeypatch.setenv("GITHUB_REF", "refs/pull/1/merge")
    assert run("a.json", "--github-comment") == 0
    assert "GITHUB_TOKEN is not set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["none.json", "-o", "x.html"], "none.json"),
        (["a.json", "-o", "x.htm"], 'did you mean ".html"'),
        (["a.json", "-o", "x"], "-o x"),
        (["a.json", "--failed-only", "-o", "x.json"], "--failed-only"),
        (["a.json", "--thresholds", "defualt", "-o", "x.md"], "default"),
        (["a.json", "--baseline", "none.json", "-o", "x.md"], "none.json"),
        (["a.json", "-o", "a.json/x.json"], "a.json"),
    ],
)
def test_wrong_input(args: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*args) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.startswith("imagejudge: ")
    assert said.out == ""


def test_reports_that_differ(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(Path("a.json").read_text())
    data["verdicts"][0]["level1"]["Quality"] = 1.0
    Path("changed.json").write_text(json.dumps(data))
    assert run("a.json", "changed.json", "-o", "x.json") == 2
    assert "a.json and changed.json hold different verdicts" in capsys.readouterr().err
    assert not Path("x.json").exists()


def test_a_shard_that_could_not_judge_contradicts_nothing(folder: Path) -> None:
    data = json.loads(Path("a.json").read_text())
    data["verdicts"] = data["verdicts"][:1]
    data["edits"] = []
    lost = data["verdicts"][0]
    lost |= {"test": "test_other.py::test_it", "error": "no answer", "outcome": "error", "total": None}
    lost |= {"level1": {}, "level2": {}, "level3": {}, "unreadable": [["Quality"]]}
    Path("lost.json").write_text(json.dumps(data))
    assert run("a.json", "lost.json", "-o", "x.json") == 0
    merged = json.loads(Path("x.json").read_text())
    assert merged["verdicts"][-1]["error"] == "no answer"


def test_two_judges_of_one_name_stay_two(folder: Path) -> None:
    for name, started in (("a.json", "2026-01-01T00:00:00+00:00"), ("b.json", "2026-01-02T00:00:00+00:00")):
        data = json.loads(Path("a.json").read_text())
        data["run"]["started"] = started
        data["run"]["judges"] = [{"model": "m", "fingerprint": {"protocol": kind}} for kind in ("house", "house-edit")]
        Path(name).write_text(json.dumps(data))
    assert run("a.json", "b.json", "-o", "x.json") == 0
    judges = json.loads(Path("x.json").read_text())["run"]["judges"]
    assert [judge["fingerprint"]["protocol"] for judge in judges] == ["house", "house-edit"]


def test_scores_of_earlier_runs_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "earlier").mkdir()
    for day in (1, 2):
        earlier = samples.report(3)
        earlier.run.started = f"2024-01-0{day}"
        report_json.write(earlier, folder / "earlier" / f"{day}.json")
    assert run("a.json", "--history", "earlier", "-o", "out.json", "-o", "out.html") == 0
    told = report_json.read(Path("out.json")).verdicts[0].history
    assert [past.started for past in told] == ["2024-01-01", "2024-01-02"]
    assert '"2024-01-01"' in Path("out.html").read_text(encoding="utf-8")
    assert run("a.json", "--history", "none.json", "-o", "out.json") == 2
    assert "none.json" in capsys.readouterr().err


def test_a_failed_gate_that_a_comparison_replaces_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"path": ["Quality"], "change": -9.0, "outcome": "failed", "gate": "failed"}
    images = [samples.entry(n, bounds={}) for n in range(6)]
    report_json.write(Report(verdicts=images), folder / "old.json")
    report_json.write(Report(verdicts=images, baseline={"gate": "failed", "rows": [row]}), folder / "now.json")
    said = "The run's own gate had failed (Quality against the baseline); what is compared here replaces it"
    assert run("now.json", "--baseline", "old.json", "-o", "x.html", "-o", "x.md", "-o", "x.json") == 0
    assert said in capsys.readouterr().err
    assert said.replace("'", "&#39;") in Path("x.html").read_text(encoding="utf-8")
    assert said in Path("x.md").read_text(encoding="utf-8").replace("\\", "")
    assert json.loads(Path("x.json").read_text())["baseline"]["replaced"] == ["Quality against the baseline"]
    assert run("now.json", "--baseline", "old.json") == 0
    shown = capsys.readouterr()
    assert said in " ".join(shown.out.split())
    assert run("now.json", "-o", "x.md") == 0
    assert "replaces it" not in capsys.readouterr().err
    (folder / "p.toml").write_text("[suite.level1]\nQuality = 1\n")
    failed = samples.report().suite[1].model_copy(update={"gate": "failed"})
    report_json.write(Report(verdicts=images, suite=[failed]), folder / "now.json")
    assert run("now.json", "--thresholds", "p.toml", "-o", "x.md") == 0
    assert "The run's own gate had failed (mean of Quality " in capsys.readouterr().err


def test_a_failure_that_is_only_shown_says_so_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = "imagejudge report: the failure is only shown, and the exit status is 0; --gate makes it 1\n"
    for outputs in ((), ("-o", "x.md", "-o", "x.html")):
        assert run("a.json", *outputs) == 0
        assert capsys.readouterr().err.count(said) == 1
    assert run("a.json", "--gate", "-o", "x.md") == 1
    assert said not in capsys.readouterr().err
    report_json.write(Report(verdicts=[samples.entry(1, bounds={})]), folder / "good.json")
    assert run("good.json", "-o", "x.md") == 0
    assert said not in capsys.readouterr().err


def test_a_gate_takes_the_profile_under_which_the_images_were_judged(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def report(name: str, bound: float) -> None:
        images = [samples.entry(n, bounds={("Quality",): bound}, thresholds="/ci/thresholds.toml") for n in (1, 2)]
        own = samples.entry(3, bounds={("Alignment",): 0}, thresholds="photoreal")  # named by its marker
        report_json.write(Report(verdicts=[*images, own], edits=[samples.edit(1, 4.0)]), folder / name)

    (folder / "thresholds.toml").write_text("[level1]\nQuality = 1\n")
    report("good.json", 1)
    report("bad.json", 99)
    gate = ("--thresholds", "thresholds.toml", "--gate", "-o", "x.md")
    assert run("good.json", *gate) == 0
    assert "the gate is by its bounds on single images, applied when these were judged" in capsys.readouterr().err
    assert run("bad.json", *gate) == 2  # other bounds than the file has now
    assert "leave --thresholds out" in capsys.readouterr().err
    (folder / "thresholds.toml").write_text("[level1]\nQuality = 99\n")
    assert run("bad.json", *gate) == 1
    assert run("good.json", *gate) == 2
