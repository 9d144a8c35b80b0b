"""``imagejudge score --bench gedit``: the published folder and metadata in, the published files and tables out."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pyarrow as arrow
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pytest_imagejudge.cli import main
from pytest_imagejudge.inputs.gedit import TASKS
from tests.stand_in import pair_words
from tests.stand_in.endpoint import Call, Reply, StandIn, completion, failure
from tests.stand_in.pictures import marked

HEADER = "source_image,edited_image,instruction,sementics_score,quality_score,intersection_exist,instruction_language"
IMAGE = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])


def answer(call: Call) -> Reply | None:
    """The change is scored as the instruction says (``7,9``), how it looks always 5 and 4."""
    said = pair_words.asked_for(call)
    if said is None:
        return completion('{"score": [5, 4], "reasoning": "so it looks"}')
    said = said.rpartition(" ")[2]
    if said == "refused":
        return failure(400, "no such thing")
    if said == "odd":
        return completion("I would rather not say")
    return completion(f'{{"score": [{said}], "reasoning": "so it is"}}')


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    pair_words.use(monkeypatch, tmp_path)
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path / "cache"))
    stand_in = StandIn(answer)
    yield stand_in
    stand_in.close()


def row(i: int, task: str, scores: str, language: str = "en", *, intersection: Any = True) -> dict[str, Any]:
    words = "make it, please, blue" if language == "en" else "把它变成蓝色，谢谢"
    return {
        "task_type": task,
        "key": f"k{i}",
        "instruction": f"{words} {scores}",
        "instruction_language": language,
        "Intersection_exist": intersection,
    }


ROWS = [
    row(1, "text_change", "7,9"),
    row(2, "background_change", "9,8", intersection=False),
    row(3, "background_change", "3,2"),
    row(3, "background_change", "4,4", "cn"),  # languages may share a key
]


def bench(work: Path, rows: list[dict[str, Any]], data: str = "metadata.jsonl") -> Path:
    """A model's folder and the benchmark's metadata; edits are larger than their sources."""
    for i, one in enumerate(rows):
        folder = work / f"results/ours/fullset/{one['task_type']}/{one['instruction_language']}"
        folder.mkdir(parents=True, exist_ok=True)
        marked((0, i, 90)).save(folder / f"{one['key']}_SRCIMG.png")
        marked((200, i, 90)).resize((64, 48)).save(folder / f"{one['key']}.png")
    (work / data).write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows))
    return work / "results/ours"


def command(server: StandIn, *args: object, data: str = "metadata.jsonl") -> list[str]:
    judge = ["--edit-judge-url", server.url, "--judge-sight=assumed"]
    return ["score", "--bench", "gedit", "--bench-data", data, *map(str, args), *judge]


def score(
    capsys: pytest.CaptureFixture[str], server: StandIn, *args: object, code: int = 0
) -> tuple[dict[str, Any], str]:
    assert main([*command(server, *args), "--json"]) == code
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def lines(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))


def test_the_published_files_and_means(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    bench(work, ROWS)
    found, _ = score(capsys, server, "results/ours")
    folder = work / "results/ours/qwen25vl/eval_results_new"
    names = {f"ours_{task}_gpt_score.csv" for task in (*TASKS, "combined")}
    assert names <= {path.name for path in folder.iterdir()}
    background = lines(folder / "ours_background_change_gpt_score.csv")
    assert background[0] == HEADER.split(",")
    place = "results/ours/fullset/background_change"
    assert background[1:] == [
        [f"{place}/en/k2_SRCIMG.png", f"{place}/en/k2.png", "make it, please, blue 9,8", "8", "4", "False", "en"],
        [f"{place}/en/k3_SRCIMG.png", f"{place}/en/k3.png", "make it, please, blue 3,2", "2", "4", "True", "en"],
        [f"{place}/cn/k3_SRCIMG.png", f"{place}/cn/k3.png", "把它变成蓝色，谢谢 4,4", "4", "4", "True", "cn"],
    ]
    assert (folder / "ours_background_change_gpt_score.csv").read_bytes().endswith(b"\r\n")
    assert lines(folder / "ours_tone_transfer_gpt_score.csv") == [HEADER.split(",")]
    combined = lines(folder / "ours_combined_gpt_score.csv")
    assert combined[1:] == [*background[1:], *lines(folder / "ours_text_change_gpt_score.csv")[1:]]
    english = found["gedit"]["languages"]["en"]
    full, intersection = english["fullset"], english["intersection"]
    assert full["semantics"]["background_change"] == {"mean": 5, "low": None, "high": None, "n": 2, "left_out": 0}
    assert full["overall"]["background_change"]["mean"] == pytest.approx((math.sqrt(32) + math.sqrt(8)) / 2)
    assert intersection["semantics"]["background_change"]["mean"] == 2
    assert full["semantics"]["tone_transfer"]["mean"] is None
    assert full["semantics"]["average"]["mean"] is None  # as published: a task without an edit has no mean
    assert found["gedit"]["languages"]["cn"]["fullset"]["overall"]["background_change"]["mean"] == 4
    assert found["judged"] == 4
    judged = lines(folder / "ours_judged.csv")
    assert judged[1][judged[0].index("ID")] == "text_change/en/k1"


def test_the_edit_is_asked_about_in_its_sources_size(work: Path, server: StandIn) -> None:
    bench(work, ROWS[:1])
    assert main(command(server, "results/ours")) == 0
    assert len(server.asked) == 2
    sizes = []
    for call in server.asked:
        for part in call.body["messages"][-1]["content"]:
            if part["type"] == "image_url":
                import base64

                data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
                with Image.open(io.BytesIO(data)) as picture:
                    sizes.append(picture.size)
    assert len(sizes) == 3
    assert len(set(sizes)) == 1


def test_the_average_is_over_tasks(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(i, task, f"{8 if task == 'text_change' else 2 + i % 3},9") for task in TASKS for i in range(6)]
    rows += [row(i, "text_change", "8,9") for i in range(6, 20)]
    bench(work, rows)
    found, _ = score(capsys, server, "results/ours")
    semantics = found["gedit"]["languages"]["en"]["fullset"]["semantics"]
    assert semantics["average"]["mean"] == pytest.approx((10 * 3 + 8) / 11)
    assert semantics["average"]["n"] == 80
    assert semantics["average"]["low"] < semantics["average"]["mean"] < semantics["average"]["high"]
    assert semantics["ps_human"]["low"] < 3 < semantics["ps_human"]["high"]
    # the same command asks nothing, and says the same
    asked = len(server.asked)
    again, _ = score(capsys, server, "results/ours")
    assert (again["gedit"], len(server.asked), again["from_store"]) == (found["gedit"], asked, 80)
    assert main(command(server, "results/ours")) == 0
    out = capsys.readouterr().out
    assert "GEdit-Bench: ours" in out
    assert "en, fullset" in out
    assert "en, intersection" in out
    assert "cn, fullset" not in out
    assert "Average: mean over tasks." in out


def test_every_row_is_accounted_for(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        *ROWS,
        row(5, "color_alter", "odd"),
        row(6, "color_alter", "refused"),
        row(7, "color_alter", "6,6"),
        row(8, "color_alter", "6,6"),
        row(9, "colour_alter", "6,6"),
        row(10, "color_alter", "6,6", "zh"),
        row(11, "color_alter", "6,6", intersection="perhaps"),
        row(7, "color_alter", "6,6"),
    ]
    folder = bench(work, rows)
    (folder / "fullset/color_alter/en/k8.png").rename(folder / "fullset/color_alter/en/stray.png")
    (folder / "fullset/tone_transfer/en").mkdir(parents=True)
    marked((9, 9, 9)).save(folder / "fullset/tone_transfer/en/k1.png")
    with (work / "metadata.jsonl").open("a") as file:
        file.write(json.dumps({**row(12, "color_alter", "6,6"), "key": "../../../etc/passwd"}) + "\n")
    found, said = score(capsys, server, "results/ours", code=3)
    fates = {
        fate: found[fate] for fate in ("judged", "unreadable", "image_missing", "bad_row", "duplicate", "engine_failed")
    }
    assert fates == {
        "judged": 5, "unreadable": 1, "image_missing": 1, "bad_row": 4, "duplicate": 1, "engine_failed": 1
    }  # fmt: skip
    assert (found["gedit"]["not_judged"], found["gedit"]["would_be_drawn"]) == (7, 1)
    colour = found["gedit"]["languages"]["en"]["fullset"]["semantics"]["color_alter"]
    assert (colour["mean"], colour["n"], colour["left_out"]) == (6, 1, 1)
    written = lines(folder / "qwen25vl/eval_results_new/ours_color_alter_gpt_score.csv")
    # the unreadable one has an empty cell, so that the published statistics say nan; the others have no line
    assert [(line[1].rpartition("/")[2], line[3], line[4]) for line in written[1:]] == [
        ("k5.png", "", "4"),
        ("k7.png", "6", "4"),
    ]
    for words in (
        'task_type: "colour_alter" is no task of GEdit-Bench (did you mean "color_alter"?)',
        'instruction_language: "zh"; en and cn are known',
        'Intersection_exist: true or false was expected, not "perhaps"',
        'key: "../../../etc/passwd" is no name of a file',
        "no such thing",
        "k8.png",
    ):
        assert words in said
    assert found["gedit"]["not_in_data"] == ["color_alter/en/stray.png", "tone_transfer/en/k1.png"]
    main(command(server, "results/ours"))
    out = capsys.readouterr().out
    assert "2 pictures in fullset/ not judged, as no row of the data names them: color_alter/en/stray.png, " in out
    assert "1 edit could not be read; the published code would have drawn their scores at random." in out


def dataset(path: Path, rows: list[dict[str, Any]], **pictures: list[bytes]) -> Path:
    """Rows with pictures, in Parquet or, as on the Hub, in Arrow."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table: dict[str, Any] = {name: [one[name] for one in rows] for name in rows[0]}
    for name, data in pictures.items():
        table[name] = arrow.array([{"bytes": one, "path": "a.png"} for one in data], IMAGE)
    if path.suffix == ".parquet":
        pq.write_table(arrow.table(table), path)
    else:
        made = arrow.table(table)
        with arrow.ipc.new_stream(str(path), made.schema) as writer:
            writer.write_table(made)
    return path


def encoded(shade: int) -> bytes:
    buffer = io.BytesIO()
    marked((0, shade, 90)).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_data_set_of_the_hub(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pictures stand in for sources that the model's folder lacks."""
    folder = bench(work, ROWS)
    snapshot = work / "hub/snapshots/0123456789abcdef0123456789abcdef01234567"
    path = dataset(snapshot / "data-00000-of-00001.arrow", ROWS, input_image=[encoded(i) for i in range(4)])
    whole, _ = score(capsys, server, "results/ours")
    asked: list[Any] = []

    def fetch(repo: str, *, repo_type: str, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((repo, repo_type, revision, allow_patterns))
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    for source in folder.rglob("*_SRCIMG.png"):
        source.unlink()
    count = len(server.asked)
    arguments = [part for part in command(server, "results/ours") if part not in ("--bench-data", "metadata.jsonl")]
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gedit"] == whole["gedit"]
    assert asked[0] == ("stepfun-ai/GEdit-Bench", "dataset", None, ["*train*.parquet", "*.arrow"])
    assert len(server.asked) == count  # the same pixels
    assert path.exists()


def test_a_data_set_with_the_edits_in_it(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = [encoded(i) for i in range(4)]
    dataset(work / "ours/train.parquet", ROWS, input_image=pictures, edited_image=pictures[::-1])
    found, _ = score(capsys, server, "ours/train.parquet", "--output-dir", "out")
    assert found["judged"] == 4
    (first, *_) = lines(work / "out/train_text_change_gpt_score.csv")[1:]
    assert first[:2] == ["train/fullset/text_change/en/k1_SRCIMG.png", "train/fullset/text_change/en/k1.png"]
    dataset(work / "without/train.parquet", ROWS, input_image=pictures)
    assert main(command(server, "without/train.parquet")) == 2
    assert "no column of edits (edited_path, edited_image, output_image)" in capsys.readouterr().err


def test_gates_and_reports_as_of_any_edits(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    bench(work, ROWS)
    (work / "gate.toml").write_text("[edit]\nscale = [0, 10]\nscore = 5\n")
    found, _ = score(
        capsys, server, "results/ours", "--judge-thresholds", "gate.toml", "--judge-report", "report.json", code=1
    )
    assert found["failed"] == 2
    report = json.loads((work / "report.json").read_text())
    assert report["edits"][0]["id"] == "text_change/en/k1"
    assert {entry["outcome"] for entry in report["edits"]} == {"passed", "failed"}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["results"], "no folder fullset/TASK/LANGUAGE in it; name one of its folders: ours"),
        (["nowhere"], "nowhere: there is no such file, folder or data set's id"),
        (["results/ours", "--bench-data", "empty.jsonl"], 'no column "Intersection_exist"'),
        (["results/ours", "--edit-judge-protocol", "house"], "gives edits no SC and PQ"),
        (["results/ours", "--judge-dimensions", "Quality"], "--bench gedit takes no --judge-dimensions"),
    ],
)
def test_what_cannot_be_judged(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], args: list[str], words: str
) -> None:
    bench(work, ROWS)
    partial = [{name: value for name, value in one.items() if name != "Intersection_exist"} for one in ROWS]
    (work / "empty.jsonl").write_text("".join(json.dumps(one) + "\n" for one in partial))
    assert main(command(server, *args)) == 2
    assert words in capsys.readouterr().err
    assert not server.asked


def test_data_without_a_benchmark(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    bench(work, ROWS)
    assert main(["score", "metadata.jsonl", "--bench-data", "x", "--edit-judge-url", server.url]) == 2
    assert "--bench-data goes with --bench" in capsys.readouterr().err
