"""``imagejudge agree``: against scipy on known data, unreadable answers, tables and labels of every kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import curve_fit

from pytest_imagejudge.cli import main
from pytest_imagejudge.inputs.opinion_scores import number
from pytest_imagejudge.recorded.score_tables import is_ranking
from pytest_imagejudge.report.json_file import write as write_report
from pytest_imagejudge.report.model import Report, VerdictEntry
from pytest_imagejudge.statistics.agreement import rank_agreement, score_agreement

JUDGE = """model,Quality,Aesthetics,Alignment,Real-world Fidelity,Creative Generation,Total
A,58.65,67.53,65.85,57.38,75.23,64.69
B,54.77,61.08,62.40,54.28,67.05,59.82
C,55.14,60.88,61.72,53.95,66.35,59.65
D,55.67,60.26,61.25,54.07,66.23,59.45
E,54.39,58.67,59.28,51.83,64.94,57.84
"""
HUMAN = """Model,quality,aesthetics,alignment,real_world_fidelity,creative generation,overall
A,4.1,4.5,4.0,4.2,4.8,4.4
B,3.9,4.0,4.1,3.9,4.2,4.0
C,3.7,4.1,3.8,3.5,4.0,3.9
D,4.0,3.9,3.6,3.6,3.9,3.7
E,3.5,3.5,3.3,3.3,3.2,3.5
"""


def agree(capsys: pytest.CaptureFixture[str], *args: object, code: int = 0) -> tuple[dict[str, Any], str]:
    assert main(["agree", *map(str, args), "--json"]) == code
    captured = capsys.readouterr()
    return (json.loads(captured.out) if captured.out else {}), captured.err


def tables(folder: Path, judge: str = JUDGE, human: str = HUMAN) -> tuple[Path, Path]:
    (folder / "judge.csv").write_text(judge)
    (folder / "human.csv").write_text(human)
    return folder / "judge.csv", folder / "human.csv"


def test_two_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = agree(capsys, *tables(tmp_path), "-o", tmp_path / "page.html")
    assert list(found["dimensions"]) == [
        "Quality",
        "Aesthetics",
        "Alignment",
        "Real-world Fidelity",
        "Creative Generation",
    ]
    x, y = [58.65, 54.77, 55.14, 55.67, 54.39], [4.1, 3.9, 3.7, 4.0, 3.5]
    quality = found["dimensions"]["Quality"]
    assert quality["spearman"]["value"] == pytest.approx(stats.spearmanr(x, y)[0])
    assert quality["kendall"]["value"] == pytest.approx(stats.kendalltau(x, y)[0])
    assert (quality["pairs"], quality["pairwise"]["value"]) == (10, pytest.approx(0.9))
    assert quality["published_spearman"] == 0.89
    assert quality["spearman"]["low"] <= quality["spearman"]["value"] <= quality["spearman"]["high"]
    assert found["overall"]["spearman"]["value"] == pytest.approx(1.0)
    assert found["overall"]["published_spearman"] == 0.92
    assert not found["overall"]["computed"]
    page = (tmp_path / "page.html").read_text()
    assert page.count("<svg") == 7
    main(["agree", *map(str, tables(tmp_path))])
    out = capsys.readouterr().out
    assert "0.92" in out
    assert "18 models" in out


def test_overall_is_computed_where_it_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    human = "\n".join(line.rpartition(",")[0] for line in HUMAN.strip().splitlines())
    found, _ = agree(capsys, *tables(tmp_path, human=human))
    assert found["overall"]["computed"]
    assert found["overall"]["n"] == 5


def test_ranks_are_taken_by_name_or_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ranked = "model,Quality rank\nA,1\nB,3\nC,4\nD,2\nE,5\n"
    found, said = agree(capsys, *tables(tmp_path, human=ranked))
    assert found["dimensions"]["Quality"]["spearman"]["value"] == pytest.approx(0.9)
    assert found["dimensions"]["Quality"]["human_as"] == "ranks"
    assert "1 is best" in said
    plain = ranked.replace(" rank", "")
    found, said = agree(capsys, *tables(tmp_path, human=plain))
    assert found["dimensions"]["Quality"]["spearman"]["value"] == pytest.approx(-0.9)
    assert "--human-as ranks" in said
    found, _ = agree(capsys, *tables(tmp_path, human=plain), "--human-as", "ranks")
    assert found["dimensions"]["Quality"]["spearman"]["value"] == pytest.approx(0.9)
    judge, human = tables(tmp_path, human=plain)
    found, _ = agree(capsys, judge, human.rename(tmp_path / "human_rankings.csv"))
    assert found["dimensions"]["Quality"]["spearman"]["value"] == pytest.approx(0.9)


@pytest.mark.parametrize(("first", "title"), [("score", "Overall"), ("Quality", "Quality")])
def test_the_only_columns_belong_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], first: str, title: str
) -> None:
    scores, ranks = [58.0, 54.0, 55.0, 51.0], [1, 3, 4, 2]
    judge = f"model,{first}\n" + "".join(f"{name},{value}\n" for name, value in zip("ABCD", scores, strict=True))
    human = "name,rank\n" + "".join(f"{name},{value}\n" for name, value in zip("ABCD", ranks, strict=True))
    found, said = agree(capsys, *tables(tmp_path, judge, human))
    entry = found["overall"] if title == "Overall" else found["dimensions"][title]
    assert entry["spearman"]["value"] == pytest.approx(stats.spearmanr(scores, [-rank for rank in ranks])[0])
    assert f'"{first}" and "rank"' in said


def test_notes_are_not_among_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = tables(tmp_path, "model,score\nA,1\nB,2\nC,3\nD,4\n", "model,rank\nA,1\nB,2\nC,3\n")
    assert main(["agree", *map(str, files)]) == 0
    said = capsys.readouterr()
    assert "note:" not in said.out
    assert "1 only in the judge table, left out: D" in said.err


def test_two_dimensions_never_belong_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, said = agree(capsys, *tables(tmp_path, "model,Quality\nA,1\nB,2\n", "model,Alignment\nA,1\nB,2\n"), code=2)
    assert "no dimension in common" in said


def test_what_does_not_match_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    human = "model,Qualty,Alignment,note\nA,1,4.0,x\nB,2,x,y\nC,3,3,\nD,4,2,\nD,5,5,\nF,6,1,\n,7,7,\n"
    found, said = agree(capsys, *tables(tmp_path, human=human), code=2)
    assert 'did you mean "Qualty"?' in said
    assert 'human.csv, row 2, line 3: Alignment is "x", no number' in said
    assert 'row 5, line 6: "D" is in row 4 already' in said
    assert "row 7, line 8: no model" in said
    assert (found["only_in_judge"], found["only_in_human"]) == (["E"], ["F"])
    assert (found["n"], found["dimensions"]["Alignment"]["n"]) == (4, 3)
    assert found["dimensions"]["Alignment"]["left_out"] == 1


@pytest.mark.parametrize(
    ("judge", "human", "said"),
    [
        (JUDGE, "thing,Quality\nA,1\n", 'no column called "model"'),
        (JUDGE, "model,Colour\nA,1\nB,2\n", "no dimension in common"),
        (JUDGE, "model,Quality\nX,1\nY,2\n", "0 items in common"),
        (JUDGE, "model,Quality\nA,good\nB,bad\n", "no column of numbers"),
        (JUDGE, "model,Quality,quality\nA,1,2\nB,2,3\n", "two columns mean"),
        ("", HUMAN, "is empty"),
    ],
)
def test_tables_that_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], judge: str, human: str, said: str
) -> None:
    assert main(["agree", *map(str, tables(tmp_path, judge, human))]) == 2
    assert said in capsys.readouterr().err


def test_a_leaderboards_detail_is_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, human = tables(tmp_path)
    detail = {line.split(",")[0]: {"total": float(line.split(",")[6]), "level1": {"Quality": float(line.split(",")[1])},
                                   "level2": {}} for line in JUDGE.splitlines()[1:]}  # fmt: skip
    (tmp_path / "scores_detail.json").write_text(json.dumps(detail))
    found, _ = agree(capsys, tmp_path / "scores_detail.json", human)
    assert list(found["dimensions"]) == ["Quality"]
    assert found["overall"]["spearman"]["value"] == pytest.approx(1.0)


VALUES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=25)


def test_a_leaderboards_detail_that_holds_no_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, human = tmp_path / "scores_detail.json", tables(tmp_path)[1]
    written = ("1e999", "9" * 400, "-Infinity", "true", '"x"', "[1]")
    good = [f'"{name}": {{"total": {i}, "level1": {{"Quality": {i}}}}}' for i, name in enumerate("ABC")]
    for value in written:
        path.write_text("{" + ", ".join([*good, f'"D": {{"total": 5, "level1": {{"Quality": {value}}}}}']) + "}")
        found, err = agree(capsys, path, human, code=2)
        assert (found["dimensions"]["Quality"]["n"], found["overall"]["n"]) == (3, 4)
        assert 'scores_detail.json, "D": Quality is ' in err
    path.write_text("{" + ", ".join([*good, good[0].replace("0", "9")]) + "}")
    found, err = agree(capsys, path, human, code=2)
    assert (found["n"], '"A" appears twice; the first one counts' in err) == (3, True)


@given(VALUES)
def test_rank_agreement_is_that_of_scipy(pairs: list[tuple[int, int]]) -> None:
    x, y = ([float(value) for value in values] for values in zip(*pairs, strict=True))
    found = rank_agreement(x, y, resamples=50)
    told = [(i, j) for i in range(len(x)) for j in range(i) if y[i] != y[j]]
    assert found.pairs == len(told)
    if len(set(x)) > 1 and len(set(y)) > 1:
        assert found.spearman.value == pytest.approx(stats.spearmanr(x, y)[0], abs=1e-12)
        assert found.kendall.value == pytest.approx(stats.kendalltau(x, y)[0], abs=1e-12)
    else:
        assert found.spearman.value is None
    if told:
        alike = sum(0.5 if x[i] == x[j] else float((x[i] > x[j]) == (y[i] > y[j])) for i, j in told)
        assert found.pairwise.value == pytest.approx(alike / len(told))
    for one in (found.spearman, found.kendall, found.pairwise):
        assert one.low is None or (one.value is not None and one.high is not None and one.low <= one.high)


def test_intervals_of_many_and_few_items_agree() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=700)
    x = y + rng.normal(size=700)
    whole = rank_agreement(x, y)
    part = rank_agreement(x[:600], y[:600])
    assert whole.kendall.low is not None
    assert part.kendall.low is not None
    assert whole.kendall.low == pytest.approx(part.kendall.low, abs=0.04)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3, 4], True),
        ([3, 1, 2], True),
        ([1, 2, 2, 4], True),
        ([1, 2.5, 2.5, 4], True),
        ([1, 2, 2, 3, 5], False),
        ([1, 3, 5], False),
        ([0, 1, 2], False),
        ([1, 2], False),
        ([4.1, 3.9, 3.7], False),
    ],
)
def test_is_ranking(values: list[float], expected: bool) -> None:
    assert is_ranking(values) == expected


def edits(count: int = 120, seed: int = 0) -> tuple[list[float], list[float]]:
    rng = np.random.default_rng(seed)
    labels = rng.uniform(1, 5, count).round(3)
    guesses = np.clip(1 + 4 / (1 + np.exp(-(labels - 3) * 1.5)) + rng.normal(0, 0.5, count), 1, 5).round(2)
    return list(map(float, guesses)), list(map(float, labels))


def bench_file(path: Path, guesses: list[float], labels: list[float]) -> Path:
    rows = [
        {"mos_perception": label, "model_response": f"<think>ok 1.00</think><answer>{guess:.2f}</answer>"}
        for guess, label in zip(guesses, labels, strict=True)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def published(labels: list[float], guesses: list[float]) -> tuple[float, float, float, float]:
    """PLCC, SRCC without, PLCC with fit and main with fit, by the published formula, written out again."""
    y, x = np.array(labels), np.array(guesses)

    def curve(value: Any, b1: float, b2: float, b3: float, b4: float) -> Any:
        return b2 + (b1 - b2) / (1 + np.exp(-(value - b3) / abs(b4)))

    found, _ = curve_fit(curve, x, y, p0=[y.max(), y.min(), x.mean(), 0.5], maxfev=100_000)
    srcc = stats.spearmanr(x, y)[0]
    fitted = stats.pearsonr(curve(x, *found), y)[0]
    return stats.pearsonr(x, y)[0], srcc, fitted, (fitted + srcc) / 2


def test_bench_of_edits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guesses, labels = edits()
    path = bench_file(tmp_path / "p.jsonl", guesses, labels)
    found, _ = agree(capsys, "--bench", "ie-bench-4k", path, "-o", tmp_path / "page.html")
    plcc, srcc, fitted, main_score = published(labels, guesses)
    left_out = found["left_out"]
    assert left_out["without_fit"]["plcc"]["value"] == pytest.approx(plcc, abs=1e-12)
    assert left_out["without_fit"]["srcc"]["value"] == pytest.approx(srcc, abs=1e-12)
    assert left_out["without_fit"]["main"]["value"] == pytest.approx((plcc + srcc) / 2, abs=1e-12)
    assert left_out["with_fit"]["plcc"]["value"] == pytest.approx(fitted, abs=1e-6)
    assert left_out["with_fit"]["main"]["value"] == pytest.approx(main_score, abs=1e-6)
    assert left_out["cross_validated"]["plcc"]["value"] < left_out["with_fit"]["plcc"]["value"]
    assert left_out["folds"] == 10
    for name in ("without_fit", "with_fit", "cross_validated"):
        main_figure = left_out[name]["main"]
        assert main_figure["low"] < main_figure["value"] < main_figure["high"]
    assert {**found["counted"], "counted_as": None} == {**left_out, "counted_as": None}
    assert "<polyline" in (tmp_path / "page.html").read_text()


def test_unreadable_answers_are_counted_both_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guesses, labels = edits()
    rows = [json.loads(line) for line in bench_file(tmp_path / "p.jsonl", guesses, labels).read_text().splitlines()]
    rows[0]["model_response"] = "<think>I would say <answer>4.00</answer>"
    rows[1]["model_response"] = "<think>x</think><answer>50</answer>"
    rows[2]["model_response"] = None
    rows[3]["model_response"] = "<think>x</think><answer>8/10</answer>"
    rows[4]["model_response"], rows[4]["finish_reason"] = "<think>x</think><answer>3.1", "length"
    rows[5]["mos_perception"] = float("nan")
    rows[6]["mos_perception"] = "high"
    path = tmp_path / "p.json"  # the published script saves an array
    path.write_text(json.dumps(rows))
    found, said = agree(capsys, "--bench", "ie-bench-4k", path, code=2)
    assert (found["n"], found["readable"], found["unreadable"]) == (118, 113, 5)
    assert [row["row"] for row in found["unreadable_rows"]] == [1, 2, 3, 4, 5]
    assert found["problems"]["out-of-range"] == 1
    assert "row 6" in said
    assert "row 7" in said
    plcc = stats.pearsonr(guesses[7:], labels[7:])[0]
    assert found["left_out"]["without_fit"]["plcc"]["value"] == pytest.approx(plcc, abs=1e-12)
    middle = float(np.mean(guesses[7:]))
    assert found["counted"]["counted_as"] == pytest.approx(middle)
    counted = stats.pearsonr([middle] * 5 + guesses[7:], labels[:5] + labels[7:])[0]
    assert found["counted"]["without_fit"]["plcc"]["value"] == pytest.approx(counted, abs=1e-12)
    assert found["counted"]["n"] == 118
    main(["agree", "--bench", "ie-bench-4k", str(path)])
    assert "5 of 118 answers can't be read." in capsys.readouterr().out


def test_other_fields_and_nothing_to_correlate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"mos": 3, "out": "<answer>3.00</answer>"}\n{"mos": 3, "out": "no"}\n')
    fields = ("--label-field", "mos", "--answer-field", "out")
    found, _ = agree(capsys, "--bench", "ie-bench-4k", path, *fields)
    assert found["left_out"]["without_fit"]["plcc"]["value"] is None
    assert found["left_out"]["with_fit"] is None
    assert main(["agree", "--bench", "ie-bench-4k", str(path)]) == 2
    assert 'no column "mos_perception"; the columns are: "mos", "out"' in capsys.readouterr().err
    path.write_text('{"mos": 3, "out": "no"}\n')
    found, _ = agree(capsys, "--bench", "ie-bench-4k", path, *fields)
    assert (found["readable"], found["counted"]["counted_as"]) == (0, None)


@pytest.mark.parametrize(
    "args", [["a.csv"], ["a.csv", "b.csv", "c.csv"], ["--bench", "ie-bench-4k", "a", "b"], ["--labels", "x", "a", "b"]]
)
def test_wrong_numbers_of_files(capsys: pytest.CaptureFixture[str], args: list[str]) -> None:
    assert main(["agree", *args]) == 2
    assert "file" in capsys.readouterr().err


def test_the_fit_is_not_made_on_few_items() -> None:
    found = score_agreement([1.0, 2.0, 3.0, 4.5, 4.7, 2.2], [1.2, 2.1, 3.3, 4.0, 4.9, 2.0])
    assert found.cross_validated is None
    assert found.plain.plcc.low is not None


@pytest.mark.parametrize(
    ("guesses", "labels", "plain", "fit"),
    [
        ([], [], None, None),
        ([3.0], [2.0], None, None),
        ([1.0, 2.0], [2.0, 3.0], 1.0, None),
        ([1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 1.0, 4.0], 0.4, None),
        ([3.0] * 20, [1.0, 2.0, 3.0, 4.0] * 5, None, None),
        ([1.0, 2.0, 3.0, 4.0] * 5, [3.0] * 20, None, None),
        ([1.0, 2.0, 3.0, 4.0, 5.0] * 4, [1.0, 2.0, 3.0, 4.0, 5.0] * 4, 1.0, 1.0),
        ([1.0, 5.0] * 10, [1.2, 4.8] * 10, 1.0, 1.0),
    ],
)
def test_what_cannot_be_computed_is_not_applicable(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    guesses: list[float],
    labels: list[float],
    plain: float | None,
    fit: float | None,
) -> None:
    """Warnings are errors here; perfect agreement is 1, not a little more."""
    path = bench_file(tmp_path / "p.jsonl", guesses, labels)
    if not guesses:
        path.write_text('{"mos_perception": 3, "model_response": "no"}\n')
    found, _ = agree(capsys, "--bench", "ie-bench-4k", path)
    left_out = found["left_out"]
    few = len(guesses) < 5
    for figure in ("plcc", "srcc", "main"):
        estimate = left_out["without_fit"][figure]
        assert estimate["value"] == (plain if plain in (None, 1.0) else pytest.approx(plain))
        if plain is None or few:
            assert (estimate["low"], estimate["high"]) == (None, None)
        else:
            assert estimate["low"] == estimate["high"] == 1.0
        fitted = left_out["with_fit"][figure] if left_out["with_fit"] else {"value": None}
        assert fitted["value"] == (fit if fit is None else pytest.approx(fit))
    assert (left_out["with_fit"] is None) == (few or len(set(guesses)) == 1)
    assert main(["agree", "--bench", "ie-bench-4k", str(path)]) == 0
    shown = capsys.readouterr().out
    assert ("N/A" in shown) == (plain is None or fit is None)
    assert ("interval N/A" in shown) == (few and plain is not None)


def test_a_label_beyond_all_measure_costs_only_its_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"mos_perception": 1 + i / 5, "model_response": f"</think><answer>{1 + i / 6:.2f}</answer>"} for i in range(9)
    ]
    rows += [{"mos_perception": value, "model_response": "</think><answer>3.00</answer>"} for value in (1e308, -1e200)]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found, err = agree(capsys, "--bench", "ie-bench-4k", path, code=2)
    assert found["n"] == 9
    assert [error.partition(": ")[2] for error in found["errors"]] == [
        'mos_perception is "1e+308"; a mean opinion score of 1 to 5 is expected',
        'mos_perception is "-1e+200"; a mean opinion score of 1 to 5 is expected',
    ]
    assert "Warning" not in err


@pytest.mark.parametrize("label", ["0.5", "5.1", "3_0", "\u0663", "2,345", "1e999", "nought"])
def test_a_label_that_is_no_opinion_score_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], label: str
) -> None:
    path = tmp_path / "a.csv"
    values = "".join(f'"{value}",</think><answer>3.00</answer>\n' for value in (3, "3,5", label))
    path.write_text(f"mos_perception,model_response\n{values}", encoding="utf-8")
    found, said = agree(capsys, "--bench", "ie-bench-4k", path, code=2)
    assert found["n"] == 2
    assert f'a.csv, row 3, line 4: mos_perception is "{label}"; a mean opinion score of 1 to 5 is expected' in said


def test_a_table_of_words_and_a_page_of_another_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "words.csv").write_text("model,Quality\nA,good\nB,bad\n")
    one = str(tmp_path / "words.csv")
    assert main(["agree", one, one]) == 2
    assert (
        'no column of numbers beside that of the names; the columns are: "model", "Quality"' in capsys.readouterr().err
    )
    assert main(["agree", one, one, "-o", "page.json"]) == 2
    assert "--output page.json: a file ending in .html is expected" in capsys.readouterr().err


def test_decimal_commas(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "judge.csv").write_text("model;Quality;votes\nA;3,5;1,234\nB;2,25;2,345\nC;1,0;3,456\n")
    (tmp_path / "human.csv").write_text("model,Quality\nA,3\nB,2\nC,1\n")
    found, said = agree(capsys, tmp_path / "judge.csv", tmp_path / "human.csv", code=2)
    assert found["dimensions"]["Quality"]["spearman"]["value"] == pytest.approx(1)
    assert 'judge.csv, row 1, line 2: votes is "1,234", no number such as 3.5' in said


@given(st.floats(-1e6, 1e6).map(lambda value: round(value, 2)), st.sampled_from(["{}", " {} ", "{:e}", "{:+f}"]))
def test_numbers_are_read_as_written(value: float, form: str) -> None:
    text = form.format(value)
    assert number(text) == float(text)
    if "e" not in text and len(text.strip().rpartition(".")[2]) != 3:
        assert number(text.replace(".", ",")) == float(text)


@given(st.text(st.sampled_from("0123456789.,_-+e '\u0663"), max_size=8))
def test_no_text_is_another_number_than_it_says(text: str) -> None:
    found = number(text)
    if isinstance(found, float):
        assert found == float(text.replace(",", "."))
        assert set(text.strip()) <= set("0123456789.,-+e")


@pytest.mark.parametrize("scale", [1e-9, 1, 1e6, 1e12, 1e40])
@pytest.mark.parametrize("spread", [0, 1])
def test_a_chart_of_scores_of_any_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], scale: float, spread: int
) -> None:
    judge, human = (
        "model,Quality\n" + "".join(f"m{i},{scale * (5 + spread * i * k)}\n" for i in range(6)) for k in (1, 2)
    )
    agree(capsys, *tables(tmp_path, judge, human), "-o", tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text()
    assert 3 <= page.count('class="grid"') <= 27
    assert "nan" not in page


def test_a_gate_against_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = ["failed"] * 9 + ["passed"] + ["passed"] * 8 + ["failed"] * 2 + ["error"]
    entries = [
        VerdictEntry(key=str(i), id=str(i), image="x.png", prompt="p", outcome=outcome)  # type: ignore[arg-type]
        for i, outcome in enumerate(outcomes)
    ]
    write_report(Report(verdicts=entries), tmp_path / "report.json")
    labels = "".join(f"{i},{'bad' if i < 10 else 1}\n" for i in range(21))
    (tmp_path / "labels.csv").write_text(f"ID,label\n{labels}99,good\n20,good\n5x,maybe\n")
    args = ["--labels", tmp_path / "labels.csv", tmp_path / "report.json"]
    found, said = agree(capsys, *args, "-o", tmp_path / "page.html", code=2)
    assert found["sensitivity"]["value"] == pytest.approx(0.9)
    assert found["specificity"]["value"] == pytest.approx(0.8)
    assert (found["n"], found["left_out"], found["informative"]) == (21, 1, True)
    assert 'the ID "99" is not in' in said
    assert 'the label is "maybe"' in said
    assert "<svg" in (tmp_path / "page.html").read_text()


def test_recorded_answers_of_a_judge_that_asks_several_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = []
    for number_ in range(12):
        pair = [number_ % 9 + 1, 9]
        answers = {"SC": json.dumps({"score": pair}), "PQ": json.dumps({"score": [9, 9]})}
        if number_ > 9:
            answers["PQ"] = "I can't help with that."
        rows.append({"mos_perception": 1 + number_ % 5, "model_response": json.dumps(answers), "finish_reason": "stop"})
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    found, _ = agree(capsys, "--bench", "ie-bench-4k", path, "--protocol", "viescore")
    assert (found["n"], found["unreadable"]) == (12, 2)
    assert found["problems"] == {"drawn": 2, "no-answer": 2}
    assert main(["agree", "--bench", "ie-bench-4k", str(path), "--protocol", "viescore"]) == 0
    assert "Problems in the answers: drawn 2, no-answer 2." in capsys.readouterr().out
