from __future__ import annotations

import csv
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from pytest_imagejudge.cli import main
from pytest_imagejudge.report.json_file import write
from pytest_imagejudge.report.model import EditEntry, Report, VerdictEntry
from pytest_imagejudge.scoring import figures
from pytest_imagejudge.taxonomy import FACETS, LEVEL1

HOSTILE = "<script>alert(1)</script> | `x` \x1b[31m @team\n::error::x"


def drawn(number, rng, fail=0.1, **fields):
    scores = {path: rng.choices((0.0, 60.0, 100.0), (fail, 0.5, 0.5 - fail))[0] for path in FACETS}
    found = figures.aggregate(scores, LEVEL1)
    common = {
        "key": f"{number} {rng.random()}",
        "image": f"{number}.png",
        "prompt": f"prompt {number}",
        "outcome": "passed",
        "fingerprint": {"model": "judge"},
        "pixels": f"{rng.random()}",
    }
    return VerdictEntry(**{**common, "total": found.total, "level1": found.level1, "level2": found.level2, **fields})


def edits(score):
    return [
        EditEntry(
            key=str(i),
            source_image="a.png",
            edited_image="b.png",
            instruction=f"e{i}",
            score=score,
            outcome="passed",
        )
        for i in range(8)
    ]


def run_of(n, seed, fail=0.1, **fields):
    rng = random.Random(seed)
    return [drawn(i, rng, fail, **fields) for i in range(n)]


@pytest.fixture
def save(tmp_path):
    def save(name, verdicts=(), edits=()):
        write(Report(verdicts=list(verdicts), edits=list(edits)), tmp_path / name)
        return str(tmp_path / name)

    return save


@pytest.fixture
def compare(capsys):
    def run(*arguments):
        code = main(["compare", *map(str, arguments)])
        found = capsys.readouterr()
        return code, found.out, found.err

    return run


def test_a_drop_is_shown_by_dimension(compare, save):
    code, out, err = compare(save("a.json", run_of(40, 1)), save("b.json", run_of(40, 2, 0.35)))
    assert (code, err) == (0, "")
    assert "b.json against a.json: 40 pairs" in out
    assert "a drop is shown" in out
    assert "Largest changes of the total (20)" in out
    assert "\x1b" not in out


def test_what_is_shown_as_zero_has_no_minus(compare, save, tmp_path):
    before, after = run_of(8, 1), run_of(8, 1)
    for entry in after:
        entry.total -= 1e-9
    _, out, _ = compare(
        save("a.json", before), save("b.json", after), "-o", tmp_path / "page.md", "-o", tmp_path / "page.html"
    )
    pages = [out, *((tmp_path / name).read_text() for name in ("page.md", "page.html"))]
    assert all("+0.00" in page and "-0.00" not in page for page in pages)


def test_as_json(compare, save):
    before, after = run_of(40, 1), run_of(40, 2, 0.35)
    del after[0], before[-1]
    code, out, _ = compare(save("a.json", before), save("b.json", after), "--json", "--top", 3)
    found = json.loads(out)
    assert code == 0
    assert found["pairs"] == 38
    assert (found["only_a"], found["only_b"]) == (["prompt 0"], ["prompt 39"])
    assert len(found["rows"]) == 29
    total = found["rows"][0]
    assert total["path"] == ["total"]
    assert total["low"] < total["change"] < total["high"] < 0
    assert total["change"] == pytest.approx(total["after"] - total["before"])
    assert [abs(move["change"]) for move in found["moved"]] == sorted(
        (abs(move["change"]) for move in found["moved"]), reverse=True
    )
    assert len(found["moved"]) == 3
    assert found["gate"] is None


@pytest.mark.parametrize(("pairs", "interval"), [(1, False), (3, False), (5, False), (6, True)])
def test_too_few_pairs_have_no_interval_and_say_what_decides(compare, save, pairs, interval):
    same = save("a.json", run_of(pairs, 1))
    code, out, _ = compare(same, same, "--max-drop", 2)
    lines = [line for line in out.splitlines() if re.match(r"(?i) *(Total|Quality|Detail) ", line)]
    assert (code, len(lines)) == (0, 3)
    counted = "1 pair" if pairs == 1 else f"{pairs} pairs"
    for line in lines[:2]:
        assert ("+0.00 to +0.00" in line) is interval
        words = "" if interval else f"; {counted}: too few for a 95% interval, so the mean decides"
        assert line.endswith(f"passed: the mean did not drop{words}")
    assert ("+0.00 to +0.00" in lines[2]) is interval
    assert lines[2].endswith(f"{counted}: too few for a 95% interval, which needs 6") is not interval


@pytest.mark.parametrize("width", [80, 140])
def test_in_a_narrow_terminal_the_words_stand_below_the_table(compare, save, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    same = save("a.json", run_of(3, 1))
    _, out, _ = compare(same, same, "--max-drop", 2)
    out = re.sub(r"\x1b\[[\d;]*m", "", out)
    lines = [line.strip() for line in out.splitlines()]
    assert max(map(len, lines)) <= width
    assert any(re.match("Quality .* passed: the mean did not drop; 3 pairs", line) for line in lines) is (width == 140)
    assert out.count("which needs 6") == (1 if width == 80 else 23)
    assert ("total, Quality, Aesthetics, Alignment," in out) is (width == 80)


@pytest.mark.parametrize(("fail", "code"), [(0.35, 1), (0.1, 0)])
def test_the_gate_on_drops(compare, save, fail, code):
    found, out, _ = compare(save("a.json", run_of(60, 1)), save("b.json", run_of(60, 2, fail)), "--max-drop", 2)
    assert found == code
    assert ("failed" if code else "passed") in out.splitlines()[-1]


def worse(number, of=12):
    """A run, and one in which the first images lost 72.6 points of Quality."""
    runs = []
    for lost in (0.0, 72.6):
        level1 = {**dict.fromkeys(LEVEL1, 60.0), "Quality": 99.2}
        entries = [drawn(i, random.Random(i), level1=dict(level1)) for i in range(of)]
        for entry in entries[:number]:
            entry.level1["Quality"] -= lost
        runs.append(entries)
    return runs


def test_a_drop_that_may_be_chance_is_decided_by_the_mean_which_is_said(compare, save, tmp_path):
    before, after = worse(4)
    files = save("a.json", before), save("b.json", after)
    code, out, _ = compare(*files, "--max-drop", 2, "-o", tmp_path / "c.html", "-o", tmp_path / "c.md")
    assert code == 1
    said = "Gate (no drop of more than 2): failed: Quality (undecided: the mean decided)"
    assert out.splitlines()[-1] == said
    words = " ".join(out.split())
    assert "99.20 75.00 -24.20" in words
    assert "it may be chance (p = 0.062); the mean decides, so the gate fails; about 15 pairs would decide it" in words
    assert said in (tmp_path / "c.html").read_text()
    assert f"❌ **{said}**" in (tmp_path / "c.md").read_text()


@pytest.mark.parametrize(
    ("policy", "code", "gate"), [("mean", 1, "failed"), ("fail", 1, "failed"), ("pass", 0, "undecided")]
)
def test_what_comes_of_an_undecided_drop(compare, save, tmp_path, policy, code, gate):
    before, after = worse(4)
    files = save("a.json", before), save("b.json", after)
    options = ("--max-drop", 2, "--on-undecided", policy)
    found, out, _ = compare(*files, *options, "--json")
    data = json.loads(out)
    assert (found, data["gate"], data["on_undecided"]) == (code, gate, policy)
    (row,) = [row for row in data["rows"] if row["outcome"] == "undecided"]
    assert (row["path"], row["p"], row["needed"]) == (["Quality"], 1 / 16, 15)
    _, out, _ = compare(*files, *options, "-o", tmp_path / "c.html", "-o", tmp_path / "c.md")
    assert out.splitlines()[-1].startswith(f"Gate (no drop of more than 2): {gate}: Quality")
    assert f'<p class="{gate}">Gate' in (tmp_path / "c.html").read_text()
    shown = "undecided: " if gate == "undecided" else "undecided, the gate fails: "
    assert f'<td class="words {gate}">{shown}' in (tmp_path / "c.html").read_text()
    assert f"| {shown}" in (tmp_path / "c.md").read_text()
    assert f"{'❔' if gate == 'undecided' else '❌'} **Gate" in (tmp_path / "c.md").read_text()


def test_a_drop_that_is_no_chance_needs_no_policy(compare, save):
    before, after = worse(5)
    files = save("a.json", before), save("b.json", after)
    code, out, _ = compare(*files, "--max-drop", 2, "--on-undecided", "pass")
    assert (code, out.splitlines()[-1]) == (1, "Gate (no drop of more than 2): failed: Quality")


def test_images_that_newly_fail_are_told(compare, save, tmp_path):
    before, after = run_of(12, 1, thresholds="ours.toml"), run_of(12, 1, thresholds="ours.toml")
    for entry in after[:3]:
        entry.outcome = "failed"
    files = save("a.json", before), save("b.json", after)
    code, out, _ = compare(*files, "-o", tmp_path / "c.html", "-o", tmp_path / "c.md")
    said = "By their bounds: 3 images newly fail, 0 newly pass (exact sign test of more failures: p = 0.125)."
    assert code == 0
    assert said in out
    assert said in (tmp_path / "c.html").read_text()
    assert "3 images newly fail" in (tmp_path / "c.md").read_text()
    _, out, _ = compare(*files, "--json")
    assert json.loads(out)["outcomes"]["newly_failing"] == ["prompt 0", "prompt 1", "prompt 2"]


def test_the_gate_fails_where_nothing_was_judged_before(compare, save):
    lost = run_of(8, 1, error="gone", outcome="error", total=None, level1={}, level2={})
    code, out, _ = compare(save("a.json", lost), save("b.json", run_of(8, 1)), "--max-drop", 2)
    assert (code, out.splitlines()[-1].endswith("failed: a.json has no total, L1 or score of an edit")) == (1, True)


def test_the_gate_says_that_it_fails_by_other_questions(compare, save):
    after = run_of(8, 1)
    for entry, name in zip(before := run_of(8, 1), "abcdefgh", strict=True):
        entry.id = name
    for entry, name in zip(after, "abcdefgh", strict=True):
        entry.id = name
    after[0].prompt = "another question"
    code, out, _ = compare(save("a.json", before), save("b.json", after), "--max-drop", 2)
    assert code == 1
    assert out.splitlines()[-1].endswith("failed: 1 with another prompt or other dimensions")


def test_a_policy_without_a_gate(compare, save):
    file = save("a.json", run_of(6, 1))
    assert "give that too" in compare(file, file, "--on-undecided", "pass")[2]
    assert "--on-undecided" in compare("--repeat", file, "--on-undecided", "pass")[2]


def test_files_of_one_name_are_told_apart_by_their_paths(compare, save, tmp_path):
    files = []
    for seed, folder in enumerate("ab"):
        (tmp_path / folder).mkdir()
        files.append(save(f"{folder}/run.json", run_of(10, seed)[seed:]))
    code, out, _ = compare(*files)
    assert code == 0
    shown = " ".join(out.split())
    assert f"{files[1]} against {files[0]}: 9 pairs" in shown
    assert f"1 only in {files[0]}" in shown


@pytest.mark.parametrize("command", [["compare", "a.json"], ["plan", "--from"], ["leaderboard"]])
def test_an_empty_name_is_no_folder(capsys, command):
    assert main([*command, ""]) == 2
    assert "FILE is empty; a file is expected" in capsys.readouterr().err


def test_the_gate_fails_on_what_was_not_judged(compare, save):
    after = run_of(20, 1)
    after[3] = drawn(3, random.Random(1), error="gone", outcome="error", total=None, level1={}, level2={})
    code, out, err = compare(save("a.json", run_of(20, 1)), save("b.json", after), "--max-drop", 50)
    assert code == 1
    assert "1 image that was judged before was not judged now" in " ".join(out.split())
    assert "1 pair not judged in full" in err


def test_the_same_run_twice(compare, save):
    file = save("a.json", run_of(20, 1))
    code, out, _ = compare(file, file, "--max-drop", 0, "--json")
    found = json.loads(out)
    assert (code, found["gate"], found["moved"]) == (0, "passed", [])
    assert all(row["change"] == 0 for row in found["rows"])


def test_edits(compare, save):
    code, out, _ = compare(
        save("a.json", edits=edits(4.0)), save("b.json", edits=edits(3.0)), "--max-drop", 0.5, "--json"
    )
    found = json.loads(out)
    assert code == 1
    assert [(row["path"], row["outcome"]) for row in found["rows"]] == [(["score"], "failed")]


def test_other_judges_are_a_warning_and_no_gate(compare, save):
    other = run_of(20, 1)
    for entry in other:
        entry.fingerprint = {"model": "another"}
    files = save("a.json", run_of(20, 1)), save("b.json", other)
    code, _, err = compare(*files)
    assert code == 0
    assert "model: 'judge' before, 'another' now" in err
    code, _, err = compare(*files, "--max-drop", 2)
    assert code == 2
    assert "model" in err


def judged(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def row_of(number, raw, **fields):
    answer = {}
    for one, two, three in FACETS:
        answer.setdefault(one, {}).setdefault(two, {})[three] = {"score": raw}
    return {
        "ID": number,
        "prompt": f"prompt {number}",
        "image_path": f"{number}.png",
        "judge_model_output": json.dumps(answer),
        **fields,
    }


def test_judged_rows_of_the_published_shape(compare, tmp_path):
    a = judged(tmp_path / "a_judged.jsonl", [row_of(i, 2) for i in range(10)])
    b = judged(tmp_path / "b_judged.jsonl", [row_of(i, 1) for i in range(10)])
    code, out, _ = compare(a, b, "--json")
    found = json.loads(out)
    assert code == 0
    assert {(row["before"], row["after"], row["n"]) for row in found["rows"]} == {(100, 60, 10)}


def test_judged_rows_in_every_format_that_score_writes(compare, tmp_path):
    rows = [row_of(i, raw) for i, raw in enumerate((0, 1, 2, 2, 1, 0))]
    (tmp_path / "b_judged.json").write_text(json.dumps(rows, indent=1))
    with (tmp_path / "c_judged.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    a = judged(tmp_path / "a_judged.jsonl", rows)
    for other in (tmp_path / "b_judged.json", tmp_path / "c_judged.csv"):
        code, out, err = compare(a, other, "--json", "--max-drop", "0")
        found = json.loads(out)
        assert (code, err, found["pairs"], found["gate"]) == (0, "", 6, "passed")
        assert {row["change"] for row in found["rows"]} == {0}
    (tmp_path / "d.csv").write_text("ID,prompt\n1,x\n")
    code, _, err = compare(a, tmp_path / "d.csv")
    assert (code, 'd.csv: row 1, line 2: no "judge_model_output"' in err) == (2, True)


def test_judged_rows_that_are_broken(compare, tmp_path):
    a = judged(tmp_path / "a_judged.jsonl", [row_of(i, 2) for i in range(10)])
    rows = [row_of(i, 2) for i in range(10)]
    broken = json.loads(rows[0]["judge_model_output"])
    broken["Quality"]["Detail"]["Noise"] = {"score": 1.9}
    rows[0]["judge_model_output"] = broken
    rows[1]["judge_model_output"] = "no JSON"
    rows[2]["judge_model_output"] = None
    rows[3] = {"ID": 3, "prompt": "prompt 3"}
    rows.append(row_of(5, 0))
    b = judged(tmp_path / "b_judged.jsonl", rows)
    code, out, err = compare(a, b, "--json")
    found = json.loads(out)
    assert code == 0
    n = {tuple(row["path"]): row["n"] for row in found["rows"]}
    assert (n["total",], n["Quality",], n["Quality", "Detail"], n["Aesthetics",]) == (6, 6, 6, 7)
    assert n["Quality", "Realism"] == 7
    assert found["only_a"] == ["3"]
    assert "row 4, line 4" in err
    assert "appears twice" in err


EDIT_ROW = {"source_path": "s.png", "edited_path": "e.png", "finish_reason": None}


def edit_of(number, score, **fields):
    answer = None if score is None else f"<answer>{score}</answer>"
    text = {"ID": f"e{number}", "instruction": f"edit {number}", "edit_score": score, "model_response": answer}
    return {**text, **EDIT_ROW, **fields}


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl"])
@pytest.mark.parametrize("images", [0, 8])
@pytest.mark.parametrize(("after", "code", "outcome"), [(5.0, 0, "passed"), (1.0, 1, "failed"), (None, 1, "failed")])
def test_edits_of_judged_files(compare, tmp_path, suffix, images, after, code, outcome):
    files = []
    for name, score in (("a", 5.0), ("b", after)):
        rows = [*(row_of(i, 2) for i in range(images)), *(edit_of(i, score) for i in range(8))]
        files.append(tmp_path / f"{name}_judged.{suffix}")
        if suffix == "csv":
            with files[-1].open("w", newline="") as file:
                table = csv.DictWriter(file, list(dict.fromkeys(column for row in rows for column in row)))
                table.writeheader()
                table.writerows(rows)
        else:
            files[-1].write_text(json.dumps(rows) if suffix == "json" else "\n".join(map(json.dumps, rows)))
    found_code, out, _ = compare(*files, "--max-drop", "0.5", "--json")
    found = json.loads(out)
    assert (found_code, found["gate"], found["pairs"]) == (code, outcome, 8 + images)
    assert found["rows"][-1]["path"] == ["score"]
    assert found["rows"][-1]["outcome"] == outcome
    assert {row["n"] for row in found["rows"][:-1]} == ({images} if images else set())
    assert len(found["not_judged"]) == (8 if after is None else 0)


@pytest.mark.parametrize("score", ["", "much", "nan", "9.5", True, "-inf", {}])
def test_an_edit_score_that_is_none(compare, tmp_path, score):
    a = judged(tmp_path / "a_judged.jsonl", [edit_of(i, "4.00") for i in range(6)])
    b = judged(tmp_path / "b_judged.jsonl", [edit_of(i, score if i == 3 else 4) for i in range(6)])
    code, out, _ = compare(a, b, "--max-drop", "1", "--json")
    assert (code, json.loads(out)["not_judged"]) == (1, ["e3"])


def test_edits_whose_pictures_had_no_names(compare, tmp_path):
    bare = {"source_path": "", "edited_path": ""}
    a = judged(tmp_path / "a_judged.jsonl", [edit_of(i, 4, **bare) for i in range(6)])
    b = judged(tmp_path / "b_judged.jsonl", [edit_of(i, 4 if i else None, **bare) for i in range(6)])
    code, out, _ = compare(a, b, "--max-drop", "1", "--json")
    assert (code, json.loads(out)["not_judged"]) == (1, ["e0"])


@pytest.mark.parametrize("bad", ["{broken", '{"ID": 1, "prompt": "x"}', "[]"])
def test_the_gate_fails_on_rows_that_cannot_be_read(compare, tmp_path, bad):
    a = judged(tmp_path / "A.jsonl", [row_of(i, 2) for i in range(20)])
    b = judged(tmp_path / "B.jsonl", [row_of(i, 2) for i in range(10)])
    code, out, _ = compare(a, b, "--max-drop", "5")
    assert (code, "passed" in out.splitlines()[-1]) == (0, True)
    b.write_text(b.read_text() + f"{bad}\n" * 10)
    code, out, err = compare(a, b, "--max-drop", "5")
    assert code == 1
    assert out.splitlines()[-1].endswith("failed: 10 rows of B.jsonl can't be read")
    assert "10 rows of B.jsonl can't be read, so the gate fails" in err
    code, out, _ = compare(a, b, "--max-drop", "5", "--json")
    assert (code, json.loads(out)["unread"]) == (1, 10)
    assert compare(a, b)[0] == 0


def test_the_gate_fails_on_what_follows_an_array(compare, tmp_path):
    rows = json.dumps([row_of(i, 2) for i in range(6)])
    (tmp_path / "a.json").write_text(rows)
    (tmp_path / "b.json").write_text(f"{rows}\n{rows}")
    assert compare(tmp_path / "a.json", tmp_path / "b.json", "--max-drop", "5")[0] == 1


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no /dev/fd")
def test_reports_out_of_pipes(save):
    files = save("a.json", run_of(20, 1)), save("b.json", run_of(20, 1))
    script = '"$0" -m pytest_imagejudge compare <(cat "$1") <(cat "$2") --json'
    found = subprocess.run(["bash", "-c", script, sys.executable, *files], capture_output=True, check=False)
    assert (found.returncode, found.stderr) == (0, b"")
    assert json.loads(found.stdout)["pairs"] == 20


def test_a_report_without_ids_pairs_with_rows_by_prompt(compare, save, tmp_path):
    b = judged(tmp_path / "b_judged.jsonl", [row_of(i, 1) for i in range(10)])
    code, out, err = compare(save("a.json", run_of(10, 1)), b, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["pairs"] == 10
    assert found["method"].startswith("paired by prompt alone")
    assert "paired by prompt alone" in err


def test_a_page_with_pictures_side_by_side(compare, save, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for i in range(8):
        Image.new("RGB", (64, 48), (30 * i, 10, 200)).save(tmp_path / f"{i}.png")
    before, after = run_of(8, 1), run_of(8, 2, 0.3)
    for old, new in zip(before, after, strict=True):
        new.pixels = old.pixels  # of one file
    for entry in (before[0], after[0]):
        entry.prompt = HOSTILE
    after[1].image = "gone.png"
    page = tmp_path / "out" / "c.html"
    code, _, _ = compare(save("a.json", before), save("b.json", after), "-o", page, "-o", tmp_path / "c.md")
    assert code == 0
    text = page.read_text(encoding="utf-8")
    assert text.count('src="data:image/jpeg;base64,') == 15
    assert "gone.png" in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "\x1b" not in text
    assert "http" not in text.replace("http-equiv", "")
    markdown = (tmp_path / "c.md").read_text(encoding="utf-8")
    assert "<script>" not in markdown
    assert "@team" not in markdown
    assert "\x1b" not in markdown
    assert all(line.count("|") - line.count("\\|") in (0, 5, 8) for line in markdown.splitlines())


def test_a_baseline_has_its_pictures_in_a_folder(compare, save, tmp_path):
    before, after = run_of(8, 1, image=""), run_of(8, 2, 0.3, image="")
    for i, entry in enumerate(before):
        entry.pixels = f"{i:064x}"
    (tmp_path / "kept").mkdir()
    Image.new("RGB", (64, 48), "red").save(tmp_path / "kept" / f"{3:064x}.jpg")
    files = save("a.json", before), save("b.json", after)
    for options, pictures, said in (
        (
            (),
            0,
            "a.json holds no pictures, so the page shows the later ones alone; name their folder with --baseline-p",
        ),
        (("--baseline-pictures", "none"), 0, "nor are they in none"),
        (("--baseline-pictures", tmp_path / "kept"), 1, ""),
    ):
        code, _, err = compare(*files, "-o", tmp_path / "c.html", *options)
        assert code == 0
        assert said in err
        assert ("holds no pictures" in err) == (not pictures)
        text = (tmp_path / "c.html").read_text(encoding="utf-8")
        assert text.count('src="data:image/jpeg;base64,') == pictures
        assert text.count("for those of a baseline name --baseline-pictures DIR") == 8 - pictures
    assert "holds no pictures" not in compare(*files, "-o", tmp_path / "c.md")[2]


def test_a_hostile_prompt_cannot_move_the_cursor(compare, save):
    before, after = run_of(8, 1, prompt=HOSTILE), run_of(8, 2, 0.3, prompt=HOSTILE)
    code, out, _ = compare(save("a.json", before), save("b.json", after))
    assert code == 0
    assert "\x1b" not in out
    assert not any(line.startswith("::error") for line in out.splitlines())


def test_a_label_starts_no_workflow_command(compare, save):
    rng = random.Random(3)
    names = ("::error::x", "##[error]y")
    again = [
        drawn(0, rng, id=name, prompt=name, repeat=i, outcome=outcome)
        for name in names
        for i, outcome in enumerate(("passed", "failed"))
    ]
    for arguments in ((save("::error::a.json", again), "--repeat"), (save("::error::b.json", again[::2]),) * 2):
        _, out, err = compare(*arguments)
        for line in (out + err).splitlines():
            assert not line.lstrip().startswith("::")
            assert "##[" not in line


def test_numbers_of_rows_are_ids_as_everywhere(compare, save, tmp_path):
    scores = {one: {two: {} for two in ()} for one in LEVEL1}
    scores["Quality"] = {"Detail": {"Noise": {"score": 1}}}
    (tmp_path / "a_judged.jsonl").write_text(json.dumps({"ID": 7.0, "prompt": "b", "judge_model_output": scores}))
    (tmp_path / "b_judged.jsonl").write_text(json.dumps({"ID": "7", "prompt": "b", "judge_model_output": scores}))
    _, out, _ = compare(tmp_path / "a_judged.jsonl", tmp_path / "b_judged.jsonl", "--json")
    assert (json.loads(out)["pairs"], json.loads(out)["only_a"]) == (1, [])


def test_repeated_judgements_of_several_files(compare, save):
    first, second = run_of(10, 1), run_of(10, 1)
    second[4].outcome = "failed"
    second[4].total += 10
    code, out, _ = compare("--repeat", save("a.json", first), save("b.json", second), "--json")
    found = json.loads(out)
    assert code == 0
    assert found["images"] == 10
    assert [one["label"] for one in found["flipped"]] == ["prompt 4"]
    total = next(row for row in found["rows"] if row["path"] == ["total"])
    assert (total["changed"], total["n"]) == (1, 10)
    assert total["sd"] == pytest.approx((50 / 10) ** 0.5)
    code, out, _ = compare("--repeat", save("a.json", first), save("b.json", second))
    assert "1 changed the outcome: 10.0% (95% interval 0.3% to 44.5%)" in out
    assert "prompt 4: passed, failed" in out


def test_repeated_judgements_of_one_report(compare, save):
    entries = run_of(6, 1)
    again = [entry.model_copy(update={"repeat": 1}) for entry in entries]
    code, out, _ = compare("--repeat", save("a.json", [*entries, *again]), "--json")
    assert code == 0
    assert json.loads(out)["judgements"] == 12
    code, out, _ = compare(save("a.json", [*entries, *again]), save("b.json", entries), "--json")
    assert json.loads(out)["pairs"] == 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a.json",), "two files are expected"),
        (("a.json", "b.json", "c.json"), "two files are expected"),
        (("a.json", "none.json"), "none.json: there is no such file"),
        (("a.json", "."), "is a folder"),
        (("a.json", "a.json", "--max-drop", "-1"), "--max-drop -1: a number from 0 to 100 is expected"),
        (("a.json", "a.json", "--max-drop", "nan"), "--max-drop nan: a number from 0 to 100 is expected"),
        (("a.json", "a.json", "--max-drop", "101"), "give the largest drop to allow, such as --max-drop 2"),
        (("edits.json", "edits.json", "--max-drop", "5"), "--max-drop 5: a number from 0 to 4 is expected"),
        (("a.json", "a.json", "--top", "-1"), "--top"),
        (("a.json", "a.json", "-o", "x.pdf"), ".html or .md"),
        (("a.json", "other.json"), "no image in common"),
        (("--repeat", "a.json"), "no image was judged more than once"),
        (("--repeat", "a.json", "a.json", "--max-drop", "1"), "--repeat"),
        (("a.json", "rows.jsonl"), "judge_model_output"),
        (("a.json", "empty.jsonl"), "empty"),
        (("a.json", "bad.json"), "bad.json"),
    ],
)
def test_wrong_input(compare, save, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    save("a.json", run_of(6, 1))
    save("other.json", [entry.model_copy(update={"prompt": f"other {entry.prompt}"}) for entry in run_of(6, 1)])
    save("edits.json", edits=edits(4.0))
    (tmp_path / "rows.jsonl").write_text('{"ID": 1, "prompt": "x"}\n')
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "bad.json").write_text("{")
    code, out, err = compare(*arguments)
    assert code == 2
    assert words in err
    assert out == ""


@pytest.mark.parametrize(("drop", "code"), [("0", 1), ("90", 0)])
def test_a_reader_that_leaves_early_does_not_change_the_exit_code(save, drop, code):
    files = save("a.json", run_of(60, 1)), save("b.json", run_of(60, 2, 0.4))
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "pytest_imagejudge", "compare", *files, "--max-drop", drop]
    try:
        found = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writer)
    assert (found.returncode, found.stderr) == (code, b"")


def test_a_prompt_that_no_encoding_can_carry(compare, tmp_path):
    for name, raw in (("a", 2), ("b", 1)):
        rows = [{**row_of(i, raw), "prompt": f"p{i} \u4e2d \U0001f600 \ud800"} for i in range(6)]
        judged(tmp_path / f"{name}_judged.jsonl", rows)
    files = tmp_path / "a_judged.jsonl", tmp_path / "b_judged.jsonl"
    code, out, _ = compare(*files, "--json", "-o", tmp_path / "x.html")
    assert code == 0
    assert json.loads(out)["pairs"] == 6
    command = [sys.executable, "-m", "pytest_imagejudge", "compare", *map(str, files)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    found = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert found.returncode == code
    assert b"Traceback" not in found.stderr


def test_any_script_in_a_terminal_that_knows_ascii_only(save):
    prompts = {"prompt": "狐狸 в снегу 🦊"}
    files = save("a.json", run_of(8, 1, **prompts)), save("b.json", run_of(8, 2, 0.4, **prompts))
    for more in ((), ("--json",)):
        found = subprocess.run(
            [sys.executable, "-m", "pytest_imagejudge", "compare", *files, *more],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            check=False,
        )
        assert (found.returncode, found.stderr) == (0, b"")


def test_what_moved_most_has_a_name_and_a_figure(compare, save, tmp_path):
    runs = []
    for score, total in ((4.0, None), (2.0, None)):
        nameless = drawn(0, random.Random(0), total=total)
        nameless.prompt, nameless.image, nameless.level1 = "", "out/fox.png", {"Quality": score * 20}
        changed = EditEntry(
            key="e", id="row-1", source_image="a.png", edited_image="b.png", instruction="make it blue", score=score,
            outcome="passed",
        )  # fmt: skip
        runs.append(([nameless], [changed]))
    files = [save(f"{name}.json", *run) for name, run in zip("ab", runs, strict=True)]
    _, out, _ = compare(*files, "-o", tmp_path / "page.md", "-o", tmp_path / "page.html")
    assert "Largest changes of the mean of the dimensions and an edit's score (2):" in out
    assert "80.00 -> 40.00  fox.png" in out
    assert "4.00 -> 2.00  row-1: make it blue" in out
    markdown, html = ((tmp_path / f"page.{kind}").read_text() for kind in ("md", "html"))
    assert "| fox.png | 80.00 | 40.00 | -40.00 |" in markdown
    assert "<h3>fox.png</h3>" in html
    assert "<h3>row-1: make it blue</h3>" in html


@pytest.mark.parametrize("kept", [False, True])
def test_a_picture_that_was_written_over_is_not_shown_as_the_one_before(compare, save, tmp_path, kept):
    for name, colour in (("0.png", "blue"), ("copy.jpg", "red")):
        Image.new("RGB", (8, 8), colour).save(tmp_path / name)
    image = str(tmp_path / "0.png")
    before = drawn(0, random.Random(1), image=image, copies={"image": str(tmp_path / "copy.jpg")} if kept else {})
    after = drawn(0, random.Random(2), 0.5, image=image)
    files = save("a.json", [before]), save("b.json", [after])
    _, out, _ = compare(*files, "--json")
    (move,) = json.loads(out)["moved"]
    assert (move["written_over"], Path(move["before_image"]).name, Path(move["after_image"]).name) == (
        True,
        "copy.jpg" if kept else "",
        "0.png",
    )
    compare(*files, "-o", tmp_path / "c.html")
    page = (tmp_path / "c.html").read_text()
    assert len(set(re.findall('src="(data:[^"]*)"', page))) == (2 if kept else 1)
    assert ("the later run wrote over this file; --judge-pictures keeps a copy" in page) is not kept
    same = before.model_copy(update={"pixels": after.pixels})
    _, out, _ = compare(save("a.json", [same]), files[1], "--json")
    assert not json.loads(out)["moved"][0]["written_over"]
