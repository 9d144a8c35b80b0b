"""``imagejudge score``: a real endpoint that answers by the prompt, and every way of giving it rows."""

from __future__ import annotations

import base64
import csv
import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import huggingface_hub
import openpyxl
import pyarrow as arrow
import pytest
from PIL import Image
from pyarrow import parquet

from pytest_imagejudge.batch.fates import RowCounts
from pytest_imagejudge.batch.judged_rows import JudgedRows, _lock
from pytest_imagejudge.cli import main
from pytest_imagejudge.commands.progress import progress_line
from pytest_imagejudge.recorded.runs import read_run
from pytest_imagejudge.report.json_file import read as read_report
from pytest_imagejudge.taxonomy import TREE
from tests.stand_in import published_words
from tests.stand_in.endpoint import Call, Reply, StandIn, completion, failure
from tests.stand_in.forks import Forked, ForkServer
from tests.stand_in.pictures import marked

L1_OUTPUTS = [
    "quality_judge_output",
    "aesthetics_judge_output",
    "alignment_judge_output",
    "real_world_fidelity_judge_output",
    "creative_generation_judge_output",
]


def text_of(call: Call) -> str:
    parts = (
        call.body["messages"][1]["content"] if len(call.body["messages"]) > 1 else call.body["messages"][0]["content"]
    )
    return parts if isinstance(parts, str) else "".join(part.get("text", "") for part in parts)


def answer(call: Call) -> Reply | None:
    """Scores by a word in the prompt: bad 0, fair 1, good 2; ``odd`` can't be read; ``refused`` is refused."""
    text = text_of(call)
    if "refused" in text:
        return failure(400, "no such thing")
    if "Wanted:" in text or any("Wanted:" in str(m["content"]) for m in call.body["messages"]):
        return completion("so it is</think><answer>3.50</answer>")
    one = re.search(r"About: (.*)", text)
    assert one is not None
    if "odd" in text and one[1] == "Quality":
        return completion("<think>hm")
    raw = 0 if "bad" in text else 2 if "good" in text else 1
    scores = {two: {three: {"score": raw} for three in threes} for two, threes in TREE[one[1]].items()}
    return completion(f"<think>ok</think>{json.dumps(scores)}")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    published_words.use(monkeypatch, tmp_path)
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path / "cache"))
    stand_in = StandIn(answer)
    yield stand_in
    stand_in.close()


@pytest.fixture
def work(work: Path) -> Path:
    for i in range(6):
        marked((i * 20, 90, 90)).save(work / f"{i}.png")
    return work


def rows(*prompts: str) -> list[dict[str, Any]]:
    return [{"ID": i, "prompt": prompt, "image_path": f"{i}.png"} for i, prompt in enumerate(prompts)]


def write(path: Path, values: list[dict[str, Any]]) -> Path:
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(values[0]))
            writer.writeheader()
            writer.writerows(values)
    else:
        lines = [json.dumps(value) for value in values]
        path.write_text("\n".join(lines) + "\n" if path.suffix == ".jsonl" else json.dumps(values))
    return path


def command(server: StandIn, *args: object) -> list[str]:
    judge = ("--judge-url", server.url, "--judge-protocol", "q-judger")
    return ["score", *map(str, args), *judge, "--judge-sight=assumed"]  # figures are those of the rows alone


def score(
    capsys: pytest.CaptureFixture[str], server: StandIn, *args: object, code: int = 0
) -> tuple[dict[str, Any], str]:
    assert main([*command(server, *args), "--json"]) == code
    captured = capsys.readouterr()
    found: dict[str, Any] = json.loads(captured.out)
    fates = set(RowCounts().fates)
    assert sum(found[fate] for fate in fates) == found["rows"]
    return found, captured.err


def judged(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return list(csv.DictReader(file))
    text = path.read_text()
    found: list[dict[str, Any]] = (
        json.loads(text) if path.suffix == ".json" else [json.loads(x) for x in text.splitlines()]
    )
    return found


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl"])
def test_published_outputs(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    source = [{**row, "note": "kept"} for row in rows("a bad fox", "a fair fox", "a good fox")]
    found, _ = score(capsys, server, write(work / f"in.{suffix}", source))
    assert (found["rows"], found["judged"], found["requests"]) == (3, 3, 15)
    lines = judged(work / f"in_judged.{suffix}")
    assert list(lines[0]) == ["ID", "prompt", "image_path", "note", "judge_model_output", *L1_OUTPUTS]
    assert [str(line["ID"]) for line in lines] == ["0", "1", "2"]
    output = json.loads(lines[2]["judge_model_output"])
    assert list(output) == list(TREE)
    assert output["Creative Generation"]["Visual Storytelling"]["Camera / Lens Style"] == {"score": 2}
    assert lines[2]["quality_judge_output"].startswith("<think>ok</think>{")
    bench = json.loads((work / "in_bench_scores.json").read_text())
    assert list(bench) == ["level1", "level2", "total"]
    assert bench["total"] == pytest.approx(160 / 3)
    assert bench["level1"] == pytest.approx(dict.fromkeys(TREE, 160 / 3))
    assert bench["level2"]["Quality"]["Detail"] == pytest.approx(160 / 3)
    book = openpyxl.load_workbook(work / "in_bench_scores.xlsx")
    assert book.sheetnames == ["Level-1 Summary", *TREE]
    summary = [[cell.value for cell in row] for row in book["Level-1 Summary"].rows]
    assert summary[0] == ["Dimension", "Score"]
    assert summary[-1] == ["Total", pytest.approx(160 / 3)]
    assert [cell.value for cell in next(book["Quality"].rows)] == ["Sub-dimension", "Score"]
    assert not list(work.glob("*.partial"))
    assert main(["leaderboard", str(work / f"in_judged.{suffix}"), "--json"]) == 0
    standing = json.loads(capsys.readouterr().out)["models"][0]
    assert (standing["model"], standing["total"]["mean"]) == ("in", pytest.approx(160 / 3))


def test_a_second_run_asks_nothing(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(work / "in.jsonl", rows("a bad fox", "a fair fox"))
    score(capsys, server, path)
    asked = len(server.asked)
    found, _ = score(capsys, server, path)
    assert len(server.asked) == asked
    assert (found["judged"], found["from_store"], found["requests_from_store"]) == (2, 2, 10)
    found, _ = score(capsys, server, path, "--judge-no-store")
    assert found["from_store"] == 0


def test_every_row_is_accounted_for(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "4.png").write_bytes(b"no image at all")
    values = [
        *rows("a good fox", "", "a good owl", "an odd one", "a broken image", "a good cat"),
        {"ID": 0, "prompt": "again", "image_path": "0.png"},
        {"ID": "gone", "prompt": "p", "image_path": "gone.png"},
        {"ID": "out", "prompt": "p", "image_path": "../q_words.png"},
        {"ID": "win", "prompt": "p", "image_path": "C:\\x\\y.png"},
        {"ID": float("nan"), "prompt": "p", "image_path": "0.png"},
    ]
    path = write(work / "in.jsonl", values)
    metadata = write(work / "meta.json", [{"ID": i, "dims_en": "Quality / Detail / Noise"} for i in (0, 1, 3, 4, 5)])
    found, said = score(
        capsys, server, path, "--root", work, "--judge-metadata", metadata, "--judge-report", work / "r.json", code=2
    )
    assert {name: found[name] for name in RowCounts().fates} == {
        "judged": 2,
        "unreadable": 1,
        "image_missing": 3,
        "image_unreadable": 1,
        "unknown_id": 1,
        "duplicate": 1,
        "bad_row": 2,
        "over_budget": 0,
        "engine_failed": 0,
        "not_reached": 0,
    }
    for line in (
        'row 2, line 2 (ID "1"): the prompt is empty',
        'row 3, line 3 (ID "2"): the metadata does not have this ID',
        'row 7, line 7 (ID "0"): the ID "0" is that of row 1 already',
        'row 8, line 8 (ID "gone"): image_path: no file "gone.png"',
        'row 9, line 9 (ID "out"): image_path: "../q_words.png" lies outside',
        "a Windows path",
        "row 11, line 11: no ID",
        "4.png",
    ):
        assert line in said
    lines = judged(work / "in_judged.jsonl")
    assert [line["ID"] for line in lines] == [0, 1, 2, 3, 4, 5, "gone", "out", "win"]
    by_id = {line["ID"]: line for line in lines}
    assert by_id[1]["judge_model_output"] is None
    assert json.loads(by_id[3]["judge_model_output"]) == {"Quality": {}}
    assert by_id[3]["quality_judge_output"] == "<think>hm"
    assert list(json.loads(by_id[5]["judge_model_output"])) == ["Quality"]
    # Of the rows that were not judged, the metadata says of three that they were to be asked about it.
    assert found["left_out"] == {"Quality": 4, "total": 9}
    assert found["scores"]["total"] == 100
    report = read_report(work / "r.json")
    assert len(report.verdicts) == found["rows"]
    assert sum(entry.outcome == "error" for entry in report.verdicts) == 9
    run = read_run(work / "in_judged.jsonl")
    assert len(run.images) == 9


def test_unreadable_answers_are_no_success(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(work / "in.csv", rows("an odd one", "a good fox"))
    found, said = score(capsys, server, path, code=1)
    assert (found["judged"], found["unreadable"]) == (1, 1)
    assert 'row 1, line 2 (ID "0"): unreadable: Quality' in said
    assert found["scores"]["total"] == 100
    assert found["left_out"] == {"Quality": 1, "total": 1}
    assert main(command(server, path)) == 1
    assert "judged, but the answer can't be read in full" in capsys.readouterr().out


def test_what_the_engine_refuses_is_its_failure(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(work / "in.csv", rows("a good fox", "refused", "", "a good owl"))
    found, said = score(capsys, server, path, code=3)
    assert (found["judged"], found["engine_failed"], found["bad_row"]) == (2, 1, 1)
    assert "no such thing" in said
    assert [line["judge_model_output"] != "" for line in judged(work / "in_judged.csv")] == [True, False, False, True]


def test_an_endpoint_that_is_not_there(work: Path, capsys: pytest.CaptureFixture[str], server: StandIn) -> None:
    path = write(work / "in.csv", rows("a fox"))
    server.close()
    assert main(command(server, path)) == 3
    assert "127.0.0.1" in capsys.readouterr().err


def test_an_endpoint_that_fails(work: Path, capsys: pytest.CaptureFixture[str], server: StandIn) -> None:
    server.listing = lambda: failure(503)
    assert main(command(server, write(work / "in.csv", rows("a fox")))) == 3
    assert "HTTP 503" in capsys.readouterr().err


def test_outputs_that_cannot_be_written(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(work / "in.csv", rows("a fox"))
    assert main(command(server, path, "--output-dir", path)) == 2
    assert "can't be written" in capsys.readouterr().err
    found, said = score(capsys, server, path, "--judge-report", path / "r.json", "--judge-report", "r.md", code=2)
    assert f"--judge-report: {path / 'r.json'}: can't be written" in said
    assert (work / "in_judged.csv").is_file()
    assert (work / "r.md").is_file()  # what can be written is
    assert found["judged"] == 1


def test_what_can_be_written_is_written(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(work / "in.csv", rows("a good fox"))
    (work / "in_bench_scores.xlsx").mkdir()
    found, said = score(capsys, server, path, "--judge-report", "r.json", code=2)
    assert "in_bench_scores.xlsx: can't be written" in said
    assert [Path(name).name for name in found["files"]] == ["in_judged.csv", "in_bench_scores.json", "r.json"]
    assert read_report(work / "r.json").verdicts[0].outcome == "scored"
    server.calls.clear()
    (work / "out" / "in_judged.csv").mkdir(parents=True)
    assert main(command(server, path, "--output-dir", "out")) == 2
    assert "in_judged.csv can't be written: it is a folder; a file name is expected" in capsys.readouterr().err
    assert not server.asked  # what is known before is said before


def test_a_disk_that_fills_up(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (work / "in_judged.csv.partial").symlink_to("/dev/full")
    path = write(work / "in.csv", rows("a good fox", "a good owl"))
    monkeypatch.setattr(
        "pytest_imagejudge.batch.judged_rows._alone", lambda path: path.open("w")
    )  # no other file can be full
    found, said = score(capsys, server, path, "--judge-report", "r.json", code=2)
    message = "in_judged.csv.partial can't be written: No space left on device"
    assert said.count(f"{message}; judging goes on") == 1
    assert said.count(message) == 2
    assert (found["judged"], found["scores"]["total"]) == (2, 100)
    assert not (work / "in_judged.csv").exists()
    assert len(read_report(work / "r.json").verdicts) == 2


def test_a_folder_in_whose_place_is_a_file(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(work / "in.csv", rows("a fox"))
    (work / "afile").write_text("")
    for folder in ("afile", "afile/below"):
        assert main(command(server, path, "--output-dir", folder)) == 2
        said = capsys.readouterr().err
        assert f"{folder}/in_judged.csv can't be written: afile is a file; a folder is expected" in said
    _, said = score(capsys, server, path, "--judge-report", "afile/r.json", code=2)
    assert "afile/r.json: can't be written: afile is a file; a folder is expected" in said


def hold_up(server: StandIn) -> tuple[threading.Event, threading.Event]:
    """What is "slow" gets no answer until the second event is set; the first says that such a request is there."""
    reached, release = threading.Event(), threading.Event()

    def slowly(call: Call) -> Reply | None:
        if "slow" in text_of(call):
            reached.set()
            release.wait(600)
        return answer(call)

    server.answer = slowly
    return reached, release


def test_two_runs_over_one_output(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], forks: ForkServer
) -> None:
    path = write(work / "in.jsonl", rows("a good fox", "slow one"))
    reached, release = hold_up(server)
    process = start(forks, server, path)
    assert reached.wait(600)
    assert main(command(server, path)) == 2
    said = capsys.readouterr().err
    assert "in_judged.jsonl.partial can't be written: another run is writing it" in said
    release.set()
    ended(process)
    assert process.returncode == 0
    assert len(judged(work / "in_judged.jsonl")) == 2
    score(capsys, server, path)  # afterwards it is free


def test_a_file_that_was_named_meanwhile_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = JudgedRows(tmp_path / "x.jsonl", ["ID"])
    first.write({"ID": 1})
    locked = _lock

    def late(file: Any) -> None:
        first.close()  # between the second one's opening the partial file and its having the lock
        locked(file)

    monkeypatch.setattr("pytest_imagejudge.batch.judged_rows._lock", late)
    second = JudgedRows(tmp_path / "x.jsonl", ["ID"])
    assert (tmp_path / "x.jsonl").read_text() == '{"ID": 1}\n'
    second.write({"ID": 2})
    second.release()
    assert (tmp_path / "x.jsonl").read_text() == '{"ID": 1}\n'
    assert (tmp_path / "x.jsonl.partial").read_text() == '{"ID": 2}\n'


def test_what_was_not_judged_is_left_out(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    values = rows("a good fox", "a fair fox", "refused")
    values[1]["image_path"] = "gone.png"
    path = write(work / "in.csv", [{**value, "dimensions": ""} for value in values])
    found, _ = score(capsys, server, path, "--judge-dimensions", "Quality", "--judge-report", "r.json", code=3)
    assert found["left_out"] == {"Quality": 2, "total": 2}
    summary = read_report(work / "r.json").summary
    assert (summary.level1["Quality"].left_out, summary.total.left_out) == (2, 2)
    values[1]["dimensions"] = "Alignment; Aesthetics"
    values[2]["prompt"] = "a fox"
    found, _ = score(capsys, server, write(work / "own.json", values), "--judge-dimensions", "Quality", code=2)
    assert found["left_out"] == {"Aesthetics": 1, "Alignment": 1, "total": 1}
    edit = {"ID": 9, "prompt": "", "image_path": "", "edited_path": "gone.png", "instruction": "darker"}
    path = write(work / "both.json", [*values, {**edit, "source_path": "0.png"}])
    found, _ = score(capsys, server, path, "--edit-judge-url", server.url, "--edit-judge-protocol", "house", code=2)
    assert found["scores"]["edits"] == {"score": None, "n": 0, "left_out": 1}
    assert found["left_out"]["total"] == 1


def test_nothing_is_left_out_of_what_the_judge_does_not_measure(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "1.png").write_bytes(b"no image")
    values = [*rows("a fox", "an owl"), {"ID": 2, "prompt": "a cat", "image_path": "gone.png"}]
    args = ["score", str(write(work / "in.csv", values)), "--judge-model", "signals", "--json"]
    assert main(args) == 2
    left_out = json.loads(capsys.readouterr().out)["left_out"]
    assert left_out == {"Quality": 2, "Aesthetics": 2, "Real-world Fidelity": 2, "Creative Generation": 2, "total": 2}


@pytest.mark.parametrize("folder", [False, True])
def test_judged_rows_name_their_images_from_where_they_lie(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], folder: bool
) -> None:
    (work / "set").mkdir()
    (work / "0.png").rename(work / "set" / "0.png")
    (work / "set" / "0.txt").write_text("a good fox")
    given = work / "set" if folder else write(work / "set" / "in.jsonl", rows("a good fox"))
    score(capsys, server, given.relative_to(work), "--output-dir", "out/deep")
    (again,) = (work / "out" / "deep").glob("*_judged.jsonl")
    (line,) = judged(again)
    assert line["image_path"] == "../../set/0.png"
    found, _ = score(capsys, server, again)
    assert (found["judged"], found["from_store"]) == (1, 1)


def test_words_that_cannot_be_had(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEJUDGE_Q_JUDGER_WORDS", "gone.py#00")
    assert main(command(server, write(work / "in.csv", rows("a fox")))) == 2
    assert "gone.py" in capsys.readouterr().err
    assert not server.asked


def test_gates(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(work / "in.jsonl", rows("a fair fox", "a good fox", "a good owl", "a good cat", "a good dog"))
    (work / "strict.toml").write_text("total = 80\n[suite]\ntotal = 95\n")
    found, said = score(capsys, server, path, "--judge-thresholds", "strict.toml", code=1)
    assert (found["failed"], found["judged"], len(found["suite"])) == (1, 5, 1)
    assert found["missed"][0].startswith("total")
    breach = {"path": ["total"], "score": 60.0, "bound": 80.0, "side": "least"}
    assert found["failed_rows"] == [{"row": 1, "line": 1, "id": "0", "breaches": [breach], "not_applicable": []}]
    assert 'row 1, line 1 (ID "0"): Total 60.0 < 80.0' in said
    (work / "mild.toml").write_text("total = 50\n[suite]\ntotal = 50\n")
    found, _ = score(capsys, server, path, "--judge-thresholds", "mild.toml", "--judge-report", "r.html")
    assert (found["failed"], found["missed"]) == (0, [])
    assert (work / "r.html").is_file()
    assert main(command(server, path, "--judge-thresholds", "strict.toml")) == 1
    assert "1 row missed them" in capsys.readouterr().out
    values = rows("a fair fox", "a good fox")
    values[0]["thresholds"], values[1]["thresholds"] = "strict.toml", ""
    found, said = score(capsys, server, write(work / "own.jsonl", values), code=1)
    assert found["failed"] == 1
    words = "[suite] has no effect in a profile for some of the images: bounds on the run count in that of"
    assert f"thresholds strict.toml: {words} --judge-thresholds, here none; put them there" in said
    (work / "typo.toml").write_text("total = 10\n[edit.aspects]\nfidelty = 0.6\n")
    values[0]["thresholds"] = "typo.toml"
    _, said = score(capsys, server, write(work / "own.jsonl", values))
    assert 'edit.aspects: no shipped judge of edits gives "fidelty" (did you mean "fidelity"?)' in said
    values[0]["thresholds"] = "gone.toml"
    found, said = score(capsys, server, write(work / "own.jsonl", values), code=2)
    assert (found["bad_row"], found["judged"]) == (1, 1)
    assert "gone.toml" in said
    assert main(command(server, path, "--judge-thresholds", "strictt.toml")) == 2


def test_a_profile_that_bounds_only_the_run(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(work / "in.jsonl", rows("a fair fox", "a good fox", "a good owl", "a good cat", "a good dog"))
    (work / "run.toml").write_text("[suite]\ntotal = 50\n")
    found, _ = score(capsys, server, path, "--judge-thresholds", "run.toml", "--judge-report", "r.json")
    assert (found["failed"], found["missed"], len(found["suite"])) == (0, [], 1)
    assert {entry.outcome for entry in read_report(work / "r.json").verdicts} == {"scored"}
    (work / "run.toml").write_text("[suite]\ntotal = 99\n")
    found, _ = score(capsys, server, path, "--judge-thresholds", "run.toml", code=1)
    assert (found["failed"], len(found["missed"])) == (0, 1)
    few = write(work / "few.jsonl", rows("a fair fox", "a good fox"))
    assert main(command(server, few, "--judge-thresholds", "run.toml")) == 0
    assert "Suite, undecided: total: 2 images: no interval under 5 different ones" in capsys.readouterr().out
    (work / "run.toml").write_text("[baseline]\ntotal = 5\n")
    assert main(command(server, path, "--judge-thresholds", "run.toml")) == 2
    assert "only margins against a baseline" in capsys.readouterr().err


def test_margins_against_a_baseline_are_told_not_to_have_been_looked_at(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(work / "in.jsonl", rows("a good fox"))
    (work / "gate.toml").write_text("total = 50\n[baseline]\nnewly_failing = 0\n")
    options = ("--judge-thresholds", "gate.toml", "--judge-report", "r.json", "--judge-report", "r.md")
    _, said = score(capsys, server, path, *options)
    assert "warning: thresholds gate.toml: its bounds under [baseline] were not looked at" in said
    assert "imagejudge report REPORT.json --baseline FILE --thresholds NAME does" in said
    assert read_report(work / "r.json").left_out == ["no_baseline"]
    assert "bounds under [baseline]" in (work / "r.md").read_text().replace("\\", "")
    assert main(["report", "r.json", "--baseline", "r.json", "--thresholds", "gate.toml"]) == 0  # as the words say
    assert "0 images newly fail" in capsys.readouterr().out
    (work / "gate.toml").write_text("total = 50\n")
    _, said = score(capsys, server, path, *options)
    assert "[baseline]" not in said


def test_the_embedded_judge_has_no_total_in_what_reads_its_rows(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(work / "in.csv", rows("a fox", "an owl"))
    assert main(["score", str(path), "--judge-model", "signals", "--judge-no-store"]) == 0
    (work / "again.csv").write_text((work / "in_judged.csv").read_text())
    capsys.readouterr()
    assert main(["compare", str(work / "in_judged.csv"), str(work / "again.csv"), "--json"]) == 0
    paths = [row["path"] for row in json.loads(capsys.readouterr().out)["rows"]]
    assert ["Quality"] in paths
    assert ["total"] not in paths
    assert [] not in paths


def test_dimensions(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    values = rows("a fox", "an owl")
    values[0]["dimensions"] = "Alignment; Quality"
    found, _ = score(capsys, server, write(work / "in.jsonl", values), "--judge-dimensions", "Aesthetics")
    assert found["requests"] == 3
    lines = judged(work / "in_judged.jsonl")
    assert [list(json.loads(line["judge_model_output"])) for line in lines] == [
        ["Quality", "Alignment"],
        ["Aesthetics"],
    ]
    assert main(command(server, work / "in.jsonl", "--judge-dimensions", "Qualty")) == 2
    assert 'did you mean "Quality"' in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["csv", "txt", "sidecar", "metadata.jsonl"])
def test_folders(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    folder = work / "images"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.png", "b.jpg", "deep/c.webp", ".hidden.png"):
        marked((len(name), 0, 0)).save(folder / name)
    prompts = {"a.png": "a bad fox", "b.jpg": "a fair fox", "deep/c.webp": "a good fox"}
    args: list[object] = []
    if kind == "csv":
        args = ["--prompts", work / "p.csv"]
        (work / "p.csv").write_text("ID,prompt\na,a bad fox\nb.jpg,a fair fox\ndeep/c,a good fox\n")
    elif kind == "txt":
        (folder / "prompts.txt").write_text("\n".join(prompts.values()) + "\n")
    elif kind == "sidecar":
        for name, prompt in prompts.items():
            (folder / name).with_suffix(".txt").write_text(prompt + "\n")
    else:
        lines = [json.dumps({"file_name": name, "text": prompt}) for name, prompt in prompts.items()]
        (folder / "metadata.jsonl").write_text("\n".join(lines))
    found, _ = score(capsys, server, folder, *args)
    assert found["judged"] == 3
    lines_out = judged(work / "images_judged.jsonl")
    assert {line["ID"]: line["prompt"] for line in lines_out} == prompts
    assert found["scores"]["total"] == pytest.approx(160 / 3)


def test_folders_that_do_not_fit(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "p.csv").write_text("ID,prompt\n0,a fox\n0.png,again\nzz,nothing there\n1,\n")
    found, said = score(capsys, server, work, "--prompts", work / "p.csv", "--output-dir", work / "out", code=2)
    assert (found["judged"], found["image_missing"], found["bad_row"]) == (1, 1, 6)
    assert 'no image "zz"' in said
    assert "has a prompt already" in said
    assert "no prompt for 2.png" in said
    for name, content, expected in (
        ("p.txt", "one\ntwo\n", "2 prompts for 6 images"),
        ("p.csv", "ID,promt\n0,a\n", 'is "promt" meant for it'),
        ("p.csv", "thing,prompt\n0,a\n", 'no column "image_path"'),
    ):
        (work / name).write_text(content)
        assert main(command(server, work, "--prompts", work / name)) == 2
        assert expected in capsys.readouterr().err
    (work / "empty").mkdir()
    for args, expected in (
        ([work / "empty"], "no images in it"),
        ([work], "no prompts"),
        ([work / "gone.csv"], "no such file or folder"),
        ([work / "0.png"], "0.png: a picture, without its prompt; name its folder, with the prompts in a file"),
        ([""], "INPUT is empty"),
        ([work / "p.csv", "--prompts", work / "p.csv"], "is not a folder"),
        (["hf://models/x/y"], "is expected"),
        (["hf://datasets/x/y"], "name a file"),
        ([write(work / "in.csv", rows("a")), "--judge-report", "x.pdf"], ".html, .json, .md"),
        ([work / "in.csv", "--judge-max-pixels", "0"], "--judge-max-pixels: a whole number of at least 1 is expected"),
        ([work / "in.csv", "--judge-keep-alive", "nan"], "--judge-keep-alive: a number of at least 0 is expected"),
    ):
        assert main(command(server, *args)) == 2
        assert expected in capsys.readouterr().err
    assert main(["score", str(work / "in.csv")]) == 2
    said = capsys.readouterr().err
    assert "no judge of images" in said
    assert "pytest's ini file is not read here" in said


def test_hub_data_sets(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, snapshot = work / "hub", work / "snapshot"
    for folder in (hub / "data", snapshot / "data"):
        folder.mkdir(parents=True)
    write(hub / "data" / "rows.jsonl", [{"ID": 1, "prompt": "a good fox", "image_path": "0[1].png"}])
    write(hub / "qwen_image_bench_hf_v0518.jsonl", [{"ID": 1, "dims_en": "Quality / Detail / Noise"}])
    asked: list[Any] = []

    def download(repo: str, name: str, *, repo_type: str, revision: str | None) -> str:
        asked.append((repo, name, repo_type, revision))
        if not (hub / name).is_file():
            raise OSError("404: no such entry")
        (snapshot / name).write_bytes((hub / name).read_bytes())
        return str(snapshot / name)

    def fetch(repo: str, *, repo_type: str, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append(list(allow_patterns))
        (snapshot / "data" / "0[1].png").write_bytes((work / "0.png").read_bytes())
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    found, _ = score(
        capsys,
        server,
        "hf://datasets/org/set@v2/data/rows.jsonl",
        "--judge-metadata",
        "hf://datasets/Qwen/Qwen-Image-Bench",
    )
    assert (found["judged"], found["requests"]) == (1, 1)
    assert asked[0] == ("org/set", "data/rows.jsonl", "dataset", "v2")
    assert asked[1] == ["data/0[[]1].png"]
    assert asked[2][:2] == ("Qwen/Qwen-Image-Bench", "qwen_image_bench_hf_v0518.jsonl")
    assert (work / "rows_judged.jsonl").is_file()
    assert main(command(server, "hf://datasets/org/set/gone.jsonl")) == 2
    assert "404" in capsys.readouterr().err


def test_masks_of_edits_are_measured_and_written(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("cv2")
    Image.effect_noise((160, 120), 60).convert("RGB").save(work / "source.png")
    picture = Image.open(work / "source.png")
    picture.paste((200, 20, 20), (40, 30, 100, 90))
    picture.save(work / "edited.png")
    for name, box in (("mask", (40, 30, 100, 90)), ("elsewhere", (120, 80, 150, 110))):
        mask = Image.new("L", (160, 120), 0)
        mask.paste(255, box)
        mask.save(work / f"{name}.png")
    Image.new("L", (16, 12), 255).save(work / "small.png")
    data = "data:image/png;base64," + base64.b64encode((work / "elsewhere.png").read_bytes()).decode()
    edit = {"source_path": "source.png", "edited_path": "edited.png", "instruction": "red"}
    masks = ["mask.png", "elsewhere.png", data, "small.png", "gone.png"]
    values = [{"ID": i, **edit, "mask": mask} for i, mask in enumerate(masks)]
    path = write(work / "edits.jsonl", [*values, {"ID": 9, **edit, "box": [40, 30, 100, 90]}])
    (work / "ours.toml").write_text("[edit.aspects]\noutside_change = {max = 0.2}\n")
    args = [
        "--edit-judge-model=signals",
        "--judge-thresholds=ours.toml",
        "--output-dir=out",
        "--judge-report=r.json",
        "--json",
    ]
    assert main(["score", str(path), *args]) == 2  # bad rows
    found = json.loads(capsys.readouterr().out)
    assert (found["judged"], found["image_missing"], found["image_unreadable"]) == (4, 1, 1)
    breach = {"path": ["outside_change"], "score": 1.0, "bound": 0.2, "side": "most"}
    assert [(row["id"], row["breaches"]) for row in found["failed_rows"]] == [("1", [breach]), ("2", [breach])]
    lines = judged(work / "out" / "edits_judged.jsonl")
    assert lines[0]["mask"] == "../mask.png"
    assert lines[5]["box"] == [40, 30, 100, 90]
    edits = {entry.id: entry for entry in read_report(work / "r.json").edits}
    assert edits["0"].mask == "mask.png"
    assert edits["9"].box == [40, 30, 100, 90]
    assert edits["0"].key == edits["9"].key != edits["1"].key == edits["2"].key


def test_edits_and_their_agreement(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    values = [
        {"ID": i, "source_path": "0.png", "edited_path": f"{i}.png", "instruction": "darker", "mos_perception": 3.1}
        for i in range(1, 6)
    ]
    path = write(work / "edits.jsonl", [*values, {**values[0], "ID": 9, "edited_path": "gone.png"}])
    args = ["score", str(path), "--judge-url", server.url, "--judge-protocol", "ie-critic", "--json"]
    assert main(args) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["judged"], found["image_missing"], found["scores"]["edits"]["score"]) == (5, 1, 3.5)
    lines = judged(work / "edits_judged.jsonl")
    assert lines[0]["edit_score"] == 3.5
    assert "judge_model_output" not in lines[0]
    assert main(["agree", "--bench", "ie-bench-4k", str(work / "edits_judged.jsonl"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["readable"] == 5


def test_parquet(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    image = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    cells = [
        {"bytes": (work / "0.png").read_bytes(), "path": "zero.png"},
        {"bytes": b"no image", "path": None},
        {"bytes": None, "path": "2.png"},
        None,
    ]
    prompts = ["a good fox", "a fair fox", "a fair owl", "a fox"]
    table = {"ID": [1, 2, 3, 4], "prompt": prompts, "image_path": arrow.array(cells, image)}
    parquet.write_table(arrow.table(table), work / "in.parquet")
    args = [work / "in.parquet", "--judge-report", "r.json"]
    found, said = score(capsys, server, *args, code=2)
    assert (found["judged"], found["image_unreadable"], found["bad_row"]) == (2, 1, 1)
    assert 'row 4 (ID "4"): the image_path is empty' in said
    assert 'row 2 (ID "2"): image_path: the picture: not an image' in said
    lines = judged(work / "in_judged.jsonl")
    assert [line["image_path"] for line in lines] == ["zero.png", "", "2.png", None]
    assert lines[0]["judge_model_output"]
    kept = {entry.id: work / entry.image for entry in read_report(work / "r.json").verdicts if entry.image}
    assert kept["1"].read_bytes() == (work / "0.png").read_bytes()
    assert kept["1"].parent == work / "in_images"
    assert main([*command(server, work / "in.parquet"), "--engine", "ray"]) == 2
    assert "give a file of paths" in capsys.readouterr().err


def test_pictures_inside_a_struct(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """Other columns may hold any: they are written by name."""
    image = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    picture = {"bytes": (work / "0.png").read_bytes(), "path": "zero.png"}
    one = arrow.struct([("image", image), ("width", arrow.int64())])
    table = {
        "ID": [1, 2],
        "prompt": ["a good fox", "a fair fox"],
        "image_path": arrow.array([picture] * 2, image),
        "struct": arrow.array([{"image": picture, "width": 8}, None], one),
        "list": arrow.array([[{"image": picture, "width": 8}], []], arrow.list_(one)),
    }
    parquet.write_table(arrow.table(table), work / "in-00000-of-00002.parquet")
    found, said = score(capsys, server, work / "in-00000-of-00002.parquet", "--judge-report", "r.json")
    assert found["judged"] == 2
    assert "in-00000-of-00002.parquet is one of 2 shards: in-00001-of-00002.parquet not judged" in said
    first, second = judged(work / "in-00000-of-00002_judged.jsonl")
    assert first["struct"] == {"image": "zero.png", "width": 8}
    assert first["list"] == [{"image": "zero.png", "width": 8}]
    assert (second["struct"], second["list"]) == (None, [])
    table["image_path"] = table.pop("struct")
    parquet.write_table(arrow.table(table), work / "other.parquet")
    found, said = score(capsys, server, work / "other.parquet", code=2)
    assert found["judged"] == 0
    assert 'row 1 (ID "1"): image_path: text was expected' in said


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json"])
def test_pictures_in_data_urls(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    values = rows("a good fox", "a fair fox", "a bad fox")
    data = [(work / f"{i}.png").read_bytes() for i in range(3)]
    values[0]["image_path"] = "data:image/png;base64," + base64.b64encode(data[0]).decode()
    values[1]["image_path"] = " DATA:image/png," + quote_from_bytes(data[1])
    values[2]["image_path"] = "data:image/png;base64,bm8gaW1hZ2U="
    path = write(work / f"in.{suffix}", values)
    found, said = score(capsys, server, path, "--judge-report", "r.json", code=2)
    assert (found["judged"], found["image_unreadable"]) == (2, 1)
    assert 'image_path: the picture "data:image/png;base64' in said
    lines = judged(work / f"in_judged.{suffix}")
    assert [line["image_path"] for line in lines] == [value["image_path"] for value in values]  # a manifest too
    kept = {entry.prompt: work / entry.image for entry in read_report(work / "r.json").verdicts if entry.image}
    assert [kept[value["prompt"]].read_bytes() for value in values[:2]] == data[:2]


def start(forks: ForkServer, server: StandIn, path: Path) -> Forked:
    """Begin a run; what it prints to standard error is lost."""
    with Path(os.devnull).open("r+b") as none:
        arguments = ["-m", "pytest_imagejudge", *command(server, path, "--json")]
        return forks.start(arguments, env=os.environ, stdin=none.fileno(), stderr=none.fileno())


def ended(process: Forked) -> bytes:
    """What a run prints, once it has ended."""
    assert process.stdout is not None
    with process.stdout:
        printed: bytes = process.stdout.read()
    process.wait(600)
    return printed


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_killed_goes_on_from_there(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], how: signal.Signals, forks: ForkServer
) -> None:
    path = write(work / "in.jsonl", rows("a good fox", "a fair fox", "a bad fox", "slow one", "slow two", "slow three"))
    reached, release = hold_up(server)
    process = start(forks, server, path)
    assert reached.wait(600)
    partial = work / "in_judged.jsonl.partial"
    for _ in range(12_000):  # until the rows before are on the disk
        if partial.exists() and partial.read_text().count("\n") >= 3:
            break
        release.wait(0.05)
    process.send_signal(how)
    out = ended(process)
    release.set()
    if how != signal.SIGKILL:
        assert process.returncode == 130
        found = json.loads(out)
        assert (found["judged"], found["rows"]) == (3, 6)
        assert found["not_reached"] + found["engine_failed"] == 3
        assert len(judged(work / "in_judged.jsonl")) == 6
    else:
        assert partial.read_text().count("\n") == 3
    server.answer = answer
    server.calls.clear()
    found, _ = score(capsys, server, path)
    assert (found["judged"], found["from_store"]) == (6, 3)
    assert len(server.asked) == 15
    assert len(judged(work / "in_judged.jsonl")) == 6


@pytest.mark.parametrize("after", [0, 1, 5, 19])
def test_a_row_is_never_lost_where_a_run_is_stopped(work: Path, server: StandIn, after: int) -> None:
    from pytest_imagejudge import Judge
    from pytest_imagejudge.batch.plan import RunSettings
    from pytest_imagejudge.batch.run import BatchRun
    from pytest_imagejudge.inputs.manifest import read_manifest

    path = write(work / "in.jsonl", rows(*(f"a good fox {number}" for number in range(20))))
    written: list[str | None] = []
    submitted: list[int] = []

    def source() -> Iterator[Any]:
        for row in read_manifest(path):
            submitted.append(row.number)
            yield row

    with Judge("judge", url=server.url, protocol="house") as judge:
        bench = BatchRun(
            RunSettings(image=judge), None, say=lambda line: None, each=lambda row, result: written.append(row.id)
        )
        with pytest.raises(KeyboardInterrupt):
            bench.run(source(), lambda: len(submitted) > after)
    assert len(written) == len(set(written)) == bench.tally.rows == 20


def test_a_stopped_run_counts_what_was_in_flight(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = threading.Event()

    def held(call: Call) -> Reply | None:
        going_on.wait(600)
        return answer(call)

    monkeypatch.setattr("pytest_imagejudge.commands.score.terminated", lambda: nullcontext(lambda: bool(server.asked)))
    server.answer = held
    path = write(work / "in.jsonl", rows("a good fox"))
    try:
        found, said = score(
            capsys, server, path, "--judge-price", "input=1 output=2", "--judge-sight=assumed", code=130
        )
    finally:
        going_on.set()
    assert found["not_reached"] == 1
    assert found["cost"]["amount"] is None
    assert found["cost"]["uncounted"] >= 1
    assert "cost unknown: the tokens of " in said


def test_progress() -> None:
    tally = RowCounts(rows=30, from_store=10)
    assert progress_line(tally, 100, 60.0) == "30 of 100 rows, 20 a minute, 3 min 30 s left"
    assert progress_line(tally, None, 60.0) == "30 of ? rows, 20 a minute"
    assert progress_line(RowCounts(), 5, 1.0) == "0 of 5 rows"


def test_a_picture_without_content(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (64, 64)).save(work / "1.png")
    (work / "low.toml").write_text("total = 0\n")
    source = [{**row, "blank": blank} for row, blank in zip(rows("a fair fox", "a good fox"), ("", "no"), strict=True)]
    path = write(work / "in.csv", source)
    found, said = score(capsys, server, path)  # only scored: named, and no failure
    assert (found["failed"], found["findings"]) == (0, {"blank": 1})
    found, said = score(capsys, server, path, "--judge-thresholds", "low.toml", code=1)
    assert [(one["id"], one["findings"][0]["kind"]) for one in found["failed_rows"]] == [("1", "blank")]
    assert 'row 2, line 3 (ID "1"): without content: 100% of it is within 12 codes of black' in said
    (work / "suite.toml").write_text("[suite]\ntotal = 0\n")
    found, _ = score(capsys, server, path, "--judge-thresholds", "suite.toml", code=1)
    assert found["failed"] == 1
    assert main(command(server, path, "--judge-thresholds", "low.toml")) == 1
    assert "Found: 1 without content." in capsys.readouterr().out
    asked = write(work / "asked.csv", [{**row, "blank": "yes"} for row in source])
    found, _ = score(capsys, server, asked, "--judge-thresholds", "low.toml")
    assert found["failed"] == 0


PRICE = "--judge-price=input=2 cached=1 output=10"
USAGE = {"prompt_tokens": 3000, "completion_tokens": 200, "prompt_tokens_details": {"cached_tokens": 1000}}
COST = (2000 * 2 + 1000 * 1 + 200 * 10) / 10**6  # of an answer


def counted(call: Call) -> Reply | None:
    """The same answers, with their tokens."""
    reply = answer(call)
    assert reply is not None
    status, headers, body = reply
    return status, headers, json.dumps({**json.loads(body), "usage": USAGE}).encode()


def test_the_cost_is_told(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = counted
    path = write(work / "in.jsonl", rows("a bad fox", "a good fox"))
    found, said = score(capsys, server, path, PRICE, "--judge-report", work / "r.json")
    cost = {"prompt_tokens": 30_000, "cached_prompt_tokens": 10_000, "output_tokens": 2000}
    assert {name: found[name] for name in cost} == cost
    assert found["cost"] == {**cost, "amount": 10 * COST, "currency": "USD", "uncounted": 0, "by_currency": []}
    assert "imagejudge: 10 requests: 30,000 prompt tokens (10,000 cached), 2,000 output tokens; cost 0.070 USD" in said
    assert read_report(work / "r.json").run.cost is not None
    found, said = score(capsys, server, path, PRICE)  # all of it from the store
    assert (found["cost"]["amount"], found["prompt_tokens"]) == (0, 0)
    assert "0 requests: 0 prompt tokens, 0 output tokens; cost 0.00 USD" in said
    assert main(["plan", "--images", "100", "--json"]) == 0
    estimate = json.loads(capsys.readouterr().out)["estimate"]
    assert (estimate["prompt_tokens"], estimate["cost"]["amount"]) == (1_500_000, 500 * COST)


def test_a_second_try_costs_too(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = counted
    found, _ = score(capsys, server, write(work / "in.jsonl", rows("an odd fox")), PRICE, code=1)
    assert len(server.asked) == 6
    assert found["cost"]["amount"] == pytest.approx(6 * COST)


def test_a_cost_that_nobody_told_is_no_zero(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    found, said = score(capsys, server, write(work / "in.jsonl", rows("a good fox")), PRICE)
    assert (found["cost"]["amount"], found["cost"]["uncounted"]) == (None, 5)
    assert "cost unknown: the tokens of 5 requests were not reported" in said


def test_without_a_price_no_cost_is_told(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = counted
    found, said = score(capsys, server, write(work / "in.jsonl", rows("a good fox")))
    assert "cost" not in found
    assert "budget" not in found
    assert "5 requests: 15,000 prompt tokens (5,000 cached), 1,000 output tokens\n" in said


def test_a_budget_stops_the_asking(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = counted
    path = write(work / "in.jsonl", rows(*["a good fox"] * 6))
    found, said = score(capsys, server, path, "--judge-budget=80,000 tokens", "--judge-report", work / "r.json", code=3)
    asked = len(server.asked)
    assert 0 < asked < 30
    assert 0 < found["over_budget"] < 6
    assert found["over_budget"] + found["judged"] == 6
    assert found["budget"] == {"limit": 80_000, "unit": "tokens", "used": 3200 * asked, "refused": 30 - asked}
    assert found["budget"]["used"] <= 80_000
    assert f"budget: {3200 * asked:,} tokens of 80,000 tokens used; {30 - asked} requests not sent" in said
    assert "not judged: budget: " in said
    errors = [entry for entry in read_report(work / "r.json").verdicts if entry.error]
    assert len(errors) == found["over_budget"]
    assert all(entry.outcome == "error" and entry.error.startswith("not judged: budget: ") for entry in errors)
    found, _ = score(capsys, server, path, "--judge-budget=200,000 tokens")
    assert (found["judged"], found["over_budget"]) == (6, 0)
    assert len(server.asked) == 30


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--judge-price=2"], "--judge-price: '2' is no price"),
        (["--judge-price="], "--judge-price: '' is no price"),
        (["--judge-budget="], "--judge-budget: '' is no budget"),
        (["--judge-budget=0"], "--judge-budget: '0' is no budget"),
        (["--judge-budget=5"], "--judge-budget: '5' is money, which needs --judge-price"),
        ([PRICE, "--judge-budget=5 EUR"], "--judge-budget: '5 EUR' is in EUR, but the judge's price is in USD"),
        (
            [PRICE, "--edit-judge-model=m", "--edit-judge-price=input=1 output=1 currency=EUR"],
            "--judge-price is in USD and --edit-judge-price is in EUR",
        ),
        (["--judge-budget=5 tokens", "--engine=ray"], "--judge-budget 5 tokens with --engine ray"),
    ],
)
def test_prices_and_budgets_that_are_refused(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    path = write(work / "in.jsonl", rows("a good fox"))
    assert main(command(server, path, *options)) == 2
    assert words in capsys.readouterr().err
    assert server.asked == []


def test_rows_in_quarantine_are_named_and_fail_nothing(
    server: StandIn, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = rows("good", "bad", "good")
    table[1]["quarantine"] = "new sampler"
    table[2]["quarantine"] = "yes"
    (work / "m.json").write_text(json.dumps(table))
    args = ["score", "m.json", f"--judge-url={server.url}", "--judge-protocol=q-judger", "--judge-thresholds=default"]
    assert main(args) == 0
    said = capsys.readouterr()
    assert "Quarantine: 1 of 2 rows missed them." in said.out
    assert "0 rows missed them" in said.out
    assert '(ID "1"): in quarantine (new sampler): ' in said.err
    assert main([*args, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["quarantined"] == {"rows": 2, "failed": 1}


def test_a_workbook_with_other_names(server: StandIn, work: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["image", "text"], ["0.png", "good"], ["1.png", "bad"]):
        book.active.append(row)
    book.save(work / "m.xlsx")
    assert main(["score", "m.xlsx", f"--judge-url={server.url}", "--judge-protocol=q-judger"]) == 0
    judged = [json.loads(line) for line in (work / "m_judged.jsonl").read_text().splitlines()]
    assert [(row["ID"], row["prompt"], row["image_path"]) for row in judged] == [
        ("0.png", "good", "0.png"),
        ("1.png", "bad", "1.png"),
    ]
