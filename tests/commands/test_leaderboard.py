"""``imagejudge leaderboard``: parity with the published formula, what can't be read, bad rows, files."""

from __future__ import annotations

import csv
import json
import random
import re
import sys
from pathlib import Path
from typing import Any

import huggingface_hub
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.cli import main
from pytest_imagejudge.inputs.judged_columns import FIELDS
from pytest_imagejudge.recorded import answer_codes
from pytest_imagejudge.recorded.answers import _merge, _ranges, read_lines, read_recorded
from pytest_imagejudge.taxonomy import LEVEL1, TREE, facets_of

FIELD = dict(zip(LEVEL1, FIELDS, strict=True))
MAPPED = {0: 0.0, 1: 60.0, 2: 100.0}


def scores_of(rng: random.Random, one: str) -> dict[str, Any]:
    return {
        two: {three: {"score": rng.choice([0, 1, 2, "N/A"])} for three in threes} for two, threes in TREE[one].items()
    }


def answer(scores: object, thinking: str = "It is so.") -> str:
    return f"<think>\n{thinking}\n</think>\n\n{json.dumps(scores, indent=2)}"


def plain_mean(values: list[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return sum(present) / len(present) if present else None


def figures_of(scores: dict[str, Any]) -> tuple[float | None, dict[str, float | None]]:
    """The published formula: of one answer, the L1 and its L2."""
    level2 = {
        two: plain_mean([MAPPED.get(facet["score"]) for facet in facets.values()]) for two, facets in scores.items()
    }
    return plain_mean(list(level2.values())), level2


def bench(prompts: int, models: list[str], seed: int = 0) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Released rows, some dimensions of some prompts not asked, and the expected figures."""
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    totals: dict[str, list[float | None]] = {model: [] for model in models}
    level1: dict[str, dict[str, list[float | None]]] = {model: {} for model in models}
    level2: dict[str, dict[str, dict[str, list[float | None]]]] = {model: {} for model in models}
    for number in range(1, prompts + 1):
        row: dict[str, Any] = {"ID": number, "prompt": f"p{number}", "dims_en": "kept"}
        asked = sorted(rng.sample(LEVEL1, rng.randint(1, 5)))
        for model in models:
            of_row = []
            for one in LEVEL1:
                row[f"{FIELD[one]}_response_{model}"] = ""
                if one not in asked:
                    continue
                scores = scores_of(rng, one)
                row[f"{FIELD[one]}_response_{model}"] = answer(scores)
                of_one, of_two = figures_of(scores)
                of_row.append(of_one)
                level1[model].setdefault(one, []).append(of_one)
                for two, value in of_two.items():
                    level2[model].setdefault(one, {}).setdefault(two, []).append(value)
            totals[model].append(plain_mean(of_row))
        rows.append(row)
    expected = {
        model: {
            "total": plain_mean(totals[model]),
            "level1": {one: plain_mean(values) for one, values in level1[model].items()},
            "level2": {
                one: {two: plain_mean(values) for two, values in twos.items()} for one, twos in level2[model].items()
            },
        }
        for model in models
    }
    return rows, expected


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def board(capsys: pytest.CaptureFixture[str], *args: object, code: int = 0) -> dict[str, Any]:
    assert main(["leaderboard", *map(str, args), "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_parity_with_the_published_formula(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, expected = bench(60, ["A", "B & <b>", "=C"])
    main(["leaderboard", str(write(tmp_path / "released.jsonl", rows)), "--output-dir", str(tmp_path / "out")])
    detail = json.loads((tmp_path / "out" / "scores_detail.json").read_text())
    assert list(detail) == sorted(expected, key=lambda model: -expected[model]["total"])
    for model, figures in expected.items():
        assert list(detail[model]) == ["total", "level1", "level2"]
        assert detail[model]["total"] == pytest.approx(figures["total"], abs=1e-9)
        assert detail[model]["level1"] == pytest.approx(figures["level1"], abs=1e-9)
        for one, twos in figures["level2"].items():
            assert detail[model]["level2"][one] == pytest.approx(twos, abs=1e-9)
    book = openpyxl.load_workbook(tmp_path / "out" / "scores_result.xlsx")
    order = ["Quality", "Aesthetics", "Alignment", "Creative Generation", "Real-world Fidelity"]
    assert book.sheetnames == ["Level-1 Summary", *order]
    summary = [[cell.value for cell in row] for row in book["Level-1 Summary"].rows]
    assert summary[0] == ["Model", *order, "Total"]
    assert [row[0] for row in summary[1:]] == list(detail)
    assert summary[1][6] == pytest.approx(detail[summary[1][0]]["total"])
    quality = [[cell.value for cell in row] for row in book["Quality"].rows]
    assert quality[0] == ["Model", "Detail", "Realism", "Resolution"]
    assert quality[1][1] == pytest.approx(detail[quality[1][0]]["level2"]["Quality"]["Detail"])
    page = (tmp_path / "out" / "leaderboard.html").read_text()
    assert "B &amp; &lt;b&gt;" in page
    assert "<b>" not in page
    assert "<svg" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "&lt;b&gt;" in (tmp_path / "out" / "leaderboard.md").read_text()
    out = capsys.readouterr().out
    assert "=C" in out
    assert "\x1b" not in out


def test_parts_of_a_large_file_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _ = bench(40, ["A", "B"], seed=3)
    rows[30]["ID"] = rows[2]["ID"]
    path = write(tmp_path / "r.jsonl", rows)
    whole = read_recorded([path])
    size = path.stat().st_size
    cuts = [0]
    content = path.read_bytes()
    for share in (0.3, 0.6):
        cuts.append(content.index(b"\n", int(size * share)) + 1)
    parts = [read_lines(path, a, b, None, "q-judger") for a, b in zip(cuts, [*cuts[1:], size], strict=True)]
    together = _merge([(path, parts)])
    assert together.ids == whole.ids
    assert together.errors == whole.errors
    assert "row 31, line 31" in whole.errors[0]
    assert all((together.models[name] == whole.models[name]).all() for name in ("A", "B"))
    monkeypatch.setattr("pytest_imagejudge.recorded.answers._SHARE", 1000)
    monkeypatch.setattr("pytest_imagejudge.recorded.answers._cpus", lambda: 3)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", __file__, raising=False)  # xdist's workers have none
    spread = _ranges(path)
    assert len(spread) == 3
    assert spread[0][0] == 0
    assert spread[-1][1] == size
    assert all(content[start - 1 : start] == b"\n" for start, _ in spread[1:])
    assert read_recorded([path]).errors == whole.errors


def test_unreadable_and_missing_answers_are_counted_not_averaged_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = {
        one: {two: {three: {"score": 1} for three in threes} for two, threes in TREE[one].items()} for one in LEVEL1
    }
    row = {f"{FIELD[one]}_response_{m}": answer(good[one]) for one in LEVEL1 for m in "AB"}
    rows = [{"ID": i, **row} for i in range(10)]
    rows[0]["quality_response_A"] = "<think> {" + '"Realism": {"Physical Logic": {"score": 2}}}'
    rows[1]["aesthetics_response_A"] = None
    rows[2]["alignment_response_A"] = "[1, 2]"
    half = json.loads(json.dumps(good["Quality"]))
    half["Detail"]["Noise"]["score"] = 1.9
    rows[3]["quality_response_A"] = answer(half)
    for i in range(10):  # all else of A is excellent, and must not profit
        for one in LEVEL1[3:]:
            excellent = json.loads(json.dumps(good[one]).replace(": 1", ": 2"))
            rows[i][f"{FIELD[one]}_response_A"] = answer(excellent)
    found = board(capsys, write(tmp_path / "r.jsonl", rows))
    a = next(model for model in found["models"] if model["model"] == "A")
    assert (a["answers"], a["unreadable"], a["missing"]) == (49, 3, 1)
    assert a["unreadable_by"]["Quality"] == 2
    assert a["total"] == pytest.approx({"mean": 76.0, "low": 76.0, "high": 76.0, "n": 6, "left_out": 4})
    assert (a["level1"]["Quality"]["n"], a["level1"]["Quality"]["left_out"]) == (8, 2)
    assert a["level2"]["Quality"]["Realism"]["n"] == 9
    assert a["level2"]["Quality"]["Detail"]["n"] == 8
    main(["leaderboard", str(tmp_path / "r.jsonl")])
    out = capsys.readouterr().out
    assert "A: 3 answers can't be read (Quality 2, Alignment 1)." in out
    assert "A: 4 of 10 prompts left out of the total" in out


def test_metadata_says_what_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, _ = bench(6, ["A"])
    for row in rows:
        row["quality_response_A"] = answer(scores_of(random.Random(1), "Quality"))
    metadata = tmp_path / "meta.json"
    metadata.write_text(json.dumps([{"ID": i, "dims_en": "Quality / Detail / Noise"} for i in range(1, 6)]))
    found = board(capsys, write(tmp_path / "r.jsonl", rows), "--judge-metadata", metadata, code=2)
    assert found["models"][0]["total"]["n"] == 5
    assert found["models"][0]["level1"]["Alignment"]["n"] == 0
    assert found["errors"] == ['the ID "6" is not in the metadata; its answers are left out']


def test_several_files_and_judged_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, expected = bench(12, ["A", "B"])
    one = write(tmp_path / "a.jsonl", [{k: v for k, v in row.items() if not k.endswith("_B")} for row in rows])
    of_b = [
        {"ID": row["ID"], "prompt": "p", **{f"{FIELD[x]}_judge_output": row[f"{FIELD[x]}_response_B"] for x in LEVEL1}}
        for row in rows
    ]
    for suffix in ("jsonl", "json", "csv"):
        path = tmp_path / f"B_judged.{suffix}"
        if suffix == "csv":
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(of_b[0]))
                writer.writeheader()
                writer.writerows(of_b)
        else:
            path.write_text(json.dumps(of_b) if suffix == "json" else "".join(json.dumps(row) + "\n" for row in of_b))
        found = board(capsys, one, path)
        means = {model["model"]: model["total"]["mean"] for model in found["models"]}
        assert means == pytest.approx({name: expected[name]["total"] for name in "AB"}, abs=1e-9)
    twice = board(capsys, one, write(tmp_path / "again.jsonl", rows), code=2)
    assert twice["errors"] == [
        f'{tmp_path / "again.jsonl"}: "A" has answers for 12 prompts that an earlier file has answers for too; '
        "the first ones count"
    ]
    assert main(["leaderboard", str(one), str(one)]) == 2


def of_signals(scores: dict[str, dict[str, object]]) -> str:
    return json.dumps(
        {
            two: {three: {"score": raw, "evidence": "e"} for three, raw in threes.items()}
            for two, threes in scores.items()
        }
    )


@pytest.mark.parametrize("options", [[], ["--protocol", "signals"]])
def test_judged_files_of_the_embedded_judge_have_no_total(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    answers = {
        "Quality": of_signals(
            {"Detail": {"Noise": 2, "Edge Clarity": 1, "Naturalness": 2}, "Resolution": {"Resolution": 2}}
        ),
        "Aesthetics": of_signals(
            {"Color Harmony": {"Color Harmony": "N/A"}, "Lighting": {"Lighting & Atmosphere": "N/A"}}
        ),
        "Alignment": "{}",
        "Real-world Fidelity": of_signals({"Safety & Compliance": {"Safety & Compliance": 1}}),
        "Creative Generation": of_signals({"Text Rendering": {"Text Accuracy": "N/A"}}),
    }
    columns = {f"{FIELD[one]}_judge_output": text for one, text in answers.items()}
    nothing = dict.fromkeys(columns)
    path = write(
        tmp_path / "S_judged.jsonl", [{"ID": i, "prompt": "p", **(columns if i else nothing)} for i in range(8)]
    )
    (model,) = board(capsys, path, *options)["models"]
    assert (model["total"]["mean"], model["total"]["left_out"], model["rank"]) == (None, 0, None)
    assert model["level1"]["Quality"]["mean"] == pytest.approx((260 / 3 + 100) / 2)
    assert (model["unreadable"], model["level1"]["Aesthetics"]["mean"]) == (0, None)
    assert main(["leaderboard", str(path), *options]) == 0
    out = capsys.readouterr().out
    assert "S: its judge measures too little for a total, so it has no rank." in out
    head, row = (re.split(r"\s{2,}", out.splitlines()[number]) for number in (1, 3))
    assert (head[-3], row[-3]) == ("Prompts", "7")  # one of the eight has no answer


def test_where_no_answer_can_be_read_the_option_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "S_judged.jsonl", [{"ID": 1, "prompt": "p", "quality_judge_output": "fine"}])
    assert main(["leaderboard", str(path)]) == 0
    assert "S: none can be read; name the protocol of these answers with --protocol." in capsys.readouterr().out


def test_prompts_without_any_answer_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, _ = bench(6, ["A"])
    rows[3] = {name: "" if "_response_" in name else value for name, value in rows[3].items()}
    path = write(tmp_path / "r.jsonl", rows)
    assert board(capsys, path)["unanswered"] == 1
    main(["leaderboard", str(path)])
    assert "1 of 6 prompts left out: no model has an answer." in capsys.readouterr().out


def test_bad_rows_cost_only_themselves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, _ = bench(8, ["A"])
    lines = [json.dumps(row) for row in rows]
    lines[2] = "not json"
    lines[4] = json.dumps({**rows[4], "ID": 1})
    lines[5] = json.dumps({**rows[5], "ID": None})
    lines[6] = ""
    path = tmp_path / "r.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    assert main(["leaderboard", str(path), "--output-dir", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "row 3, line 3: no valid JSON" in error
    assert 'row 5, line 5 (ID "1"): the ID "1" is that of row 1 already' in error
    assert "row 6, line 6: no ID" in error
    assert json.loads((tmp_path / "out" / "leaderboard.json").read_text())["prompts"] == 4


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("r.jsonl", "", "is empty"),
        ("r.txt", "x", "can be read"),
        ("r.jsonl", '{"ID": 1, "prompt": "a"}', "no answers"),
        ("r.jsonl", '{"id": 1, "quality_response_A": "a"}', 'no column "ID" (is "id" meant for it?)'),
        ("r_judged.jsonl", '{"ID": 1, "quality_judge_outputs": "a"}', "quality_judge_output"),
        ("r.json", "[]", "no rows"),
    ],
)
def test_files_without_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content)
    assert main(["leaderboard", str(tmp_path / name)]) == 2
    assert said in capsys.readouterr().err


def test_no_row_that_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "r.jsonl", [{"ID": None, "quality_response_A": "x"}, {"ID": [], "quality_response_A": "x"}])
    assert main(["leaderboard", str(path)]) == 2
    found = capsys.readouterr()
    assert (found.out, "r.jsonl, row 2, line 2: no ID" in found.err) == ("", True)


def test_a_name_of_a_judged_file_that_is_no_more_than_that(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(1)
    for name in ("judged", "_judged"):
        row = {"ID": 1, **{f"{FIELD[one]}_judge_output": answer(scores_of(rng, one)) for one in LEVEL1}}
        found = board(capsys, write(tmp_path / f"{name}.jsonl", [row]))
        assert [model["model"] for model in found["models"]] == [name]


@pytest.mark.parametrize(("name", "words"), [("q-juger", 'did you mean "q-judger"'), ("ie-critic", "judges edits")])
def test_a_wrong_protocol_is_said_where_no_answer_needs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    path = write(tmp_path / "r.jsonl", bench(2, ["A"])[0])
    assert main(["leaderboard", str(path), "--protocol", name]) == 2
    found = capsys.readouterr()
    assert (found.out, words in found.err) == ("", True)


def test_names_of_models_speak_to_no_terminal_and_no_ci_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = ["::error::a", "##[error]b", "c\x1b[31m\x9b\u202e", "d\ud800"]
    path = write(tmp_path / "r.jsonl", bench(3, models)[0])
    path.write_text(path.read_text() + '{"ID": "##[error]e", "ID": 1}\n')
    for option in ((), ("--json",)):
        assert main(["leaderboard", str(path), *option]) == 2
        found = capsys.readouterr()
        for line in (found.out + found.err).splitlines():
            assert not line.lstrip().startswith("::")
            assert "##[" not in line
            assert line.isprintable()
        if option:
            assert sorted(model["model"] for model in json.loads(found.out)["models"]) == sorted(models)


def test_an_output_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, _ = bench(5, ["A"])
    path = write(tmp_path / "r.jsonl", rows)
    assert main(["leaderboard", str(path), "--output-dir", str(path)]) == 2
    assert "can't be written" in capsys.readouterr().err


def test_a_data_set_of_the_hub(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, _ = bench(5, ["A"])
    path = write(tmp_path / "qwen_image_bench_hf_v0518.jsonl", rows)
    asked: list[object] = []

    def download(repo: str, name: str, **options: object) -> str:
        asked.append((repo, name))
        return str(path)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert board(capsys, "hf://datasets/Qwen/Qwen-Image-Bench")["prompts"] == 5
    assert asked == [("Qwen/Qwen-Image-Bench", path.name)]


def test_ranks_that_cannot_be_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(5)
    models = {"worst": (0.1, 0.3), "even": (0.4, 0.8), "evens": (0.4, 0.8), "best": (0.95, 1.0)}
    rows = []
    for number in range(80):
        row: dict[str, Any] = {"ID": number}
        for model, (zero, one) in models.items():
            pick = lambda low=zero, high=one: 2 if rng.random() < low else 1 if rng.random() < high else 0  # noqa: E731
            scores = {two: {three: {"score": pick()} for three in threes} for two, threes in TREE["Quality"].items()}
            row[f"quality_response_{model}"] = answer(scores)
        rows.append(row)
    found = board(capsys, write(tmp_path / "r.jsonl", rows))
    order = [model["model"] for model in found["models"]]
    assert (order[0], order[-1]) == ("best", "worst")
    assert [(m["rank_low"], m["rank_high"]) for m in found["models"]] == [(1, 1), (2, 3), (2, 3), (4, 4)]
    assert found["not_told_apart"] == [{"ranks": [2, 3], "models": order[1:3]}]
    for model in found["models"]:
        assert model["total"]["low"] < model["total"]["mean"] < model["total"]["high"]
    few = board(capsys, write(tmp_path / "few.jsonl", rows[:4]))
    assert {(m["rank_low"], m["rank_high"]) for m in few["models"]} == {(1, 4)}
    assert few["models"][0]["total"]["low"] is None


def test_answers_that_are_nearly_json_count_as_json() -> None:
    scores = scores_of(random.Random(0), "Quality")
    text = json.dumps(scores, indent=2)
    reader = answer_codes.AnswerReader("q-judger")
    expected = reader.codes(LEVEL1.index("Quality"), text)
    assert answer_codes.UNREADABLE not in expected
    for nearly in (repr(scores), text[:-2], text[:-2] + ",}", text.replace("{", "{ // so\n", 1)):
        assert reader.codes(LEVEL1.index("Quality"), f"<think>no</think>{nearly}") == expected


@pytest.mark.parametrize("draft", ["{", '{"draft": "', "{ so: {} ", '{"Realism": {"score": 1}'])
def test_an_end_of_thinking_that_a_draft_may_quote_ends_no_thinking(draft: str) -> None:
    text = f"{draft}</think>{json.dumps(scores_of(random.Random(0), 'Quality'))}"
    place = LEVEL1.index("Quality")
    codes = answer_codes.AnswerReader("q-judger").codes(place, text)
    assert set(codes) == {answer_codes.UNREADABLE}


LEAF = st.sampled_from([0, 1, 2, "N/A"])


@given(data=st.data(), one=st.sampled_from(LEVEL1))
def test_the_short_way_reads_as_the_reader_does(data: st.DataObject, one: str) -> None:
    """Well-formed, reordered and damaged answers: the same scores with and without the short way."""
    scores: dict[str, Any] = {
        two: {three: {"score": data.draw(LEAF)} for three in threes} for two, threes in TREE[one].items()
    }
    if data.draw(st.booleans()):
        scores = {two: scores[two] for two in data.draw(st.permutations(list(scores)))}
    path = data.draw(st.sampled_from(facets_of((one,))))
    change = data.draw(st.sampled_from(["none", "none", "drop", "value", "extra", "flat", "name"]))
    facet = scores[path[1]][path[2]]
    if change == "drop":
        del scores[path[1]][path[2]]
    elif change == "value":
        facet["score"] = data.draw(st.sampled_from([3, -1, True, None, 1.0, 1.9, "1", "n/a", "NA", [], {}]))
    elif change == "extra":
        facet["score2"] = 1
    elif change == "flat":
        scores[path[1]][path[2]] = facet["score"]
    elif change == "name":
        scores[path[1]][path[2].lower() + " "] = scores[path[1]].pop(path[2])
    text = json.dumps(scores, indent=data.draw(st.sampled_from([None, 1, 2])))
    mutation = data.draw(st.sampled_from(["", "", "twice", "cut", "fence", "think", "quotes", "brace"]))
    if mutation == "twice":
        text = text.replace('{"score": 1}', '{"score": 1, "score": 2}', 1)
    elif mutation == "cut":
        text = text[: data.draw(st.integers(0, len(text)))]
    elif mutation == "fence":
        text = f"```json\n{text}\n```"
    elif mutation == "think":
        text = f"{text} <think> no"
    elif mutation == "quotes":
        text = repr(scores)
    elif mutation == "brace":
        text = text[:-1]
    opened = data.draw(
        st.sampled_from(["<think>", "<think>", "", "<thinking>", "<think><thinking>", "<THINKING>a<", "{"])
    )
    full = f"{opened}{data.draw(st.text(max_size=20))}</think>{text}"
    reader = answer_codes.AnswerReader("q-judger")
    reader.codes(LEVEL1.index(one), answer(scores_of(random.Random(0), one)))
    quick = reader.codes(LEVEL1.index(one), full)
    assert quick == reader._read(LEVEL1.index(one), full)
    assert reader.codes(LEVEL1.index(one), full) == quick
