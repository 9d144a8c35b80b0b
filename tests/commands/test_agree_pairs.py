"""``imagejudge agree --bench editreward-bench``: pairs as published, judged here or recorded."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pytest_imagejudge.cli import main
from tests.stand_in import pair_words
from tests.stand_in.endpoint import Call, Reply, StandIn, completion, failure

IMAGE = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
PROTOCOL = """
name = "pairs"
kind = "edit"
overall = "overall"
template = "Wanted: {instruction} {source} {edited} {aspects}"
[aspects]
overall = "How good is it?"
prompt_following = "Was it done?"
consistency = "Was the rest kept?"
"""


def answer(call: Call) -> Reply | None:
    """The scores that stand in the instruction, for the edit whose colour it names first, then for the other."""
    text = json.dumps(call.body["messages"])
    said = re.search(r"Wanted: (\S+)", text)
    assert said is not None
    first, second = said[1].split("|")
    mine = first if '"red"' in text or call_is_red(call) else second
    if mine == "refused":
        return failure(400, "no such thing")
    if mine == "odd":
        return completion("I would not say")
    names = ("overall", "prompt_following", "consistency")
    return completion(json.dumps(dict(zip(names, map(float, mine.split(",")), strict=True))))


def call_is_red(call: Call) -> bool:
    """True where the edited picture, the last of the request, is red."""
    import base64

    parts = [part for part in call.body["messages"][-1]["content"] if part["type"] == "image_url"]
    data = base64.b64decode(parts[-1]["image_url"]["url"].partition(",")[2])
    with Image.open(io.BytesIO(data)) as picture:
        pixel = picture.convert("RGB").getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return pixel[0] > 200


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path / "cache"))
    stand_in = StandIn(answer)
    yield stand_in
    stand_in.close()


@pytest.fixture
def work(work: Path) -> Path:
    (work / "pairs.toml").write_text(PROTOCOL)
    return work


def picture(red: int, other: int) -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (red, other, 90)).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": "a.png"}


def pair(i: int, scores: str, task: str, dimension: str) -> dict[str, Any]:
    return {
        "key": [f"a{i}", f"b{i}"],
        "instruction": scores,
        "input_image": picture(0, i),
        "output_images": [picture(255, i), picture(10, i)],
        "task_type": task,
        "dimension": dimension,
    }


def parquet(path: Path, pairs: list[dict[str, Any]]) -> Path:
    """Pairs in Parquet or, as on the Hub, in Arrow, where the two pictures are a list of fixed size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, Any] = {name: [one[name] for one in pairs] for name in pairs[0]}
    columns["input_image"] = arrow.array(columns["input_image"], IMAGE)
    if path.suffix == ".parquet":
        columns["output_images"] = arrow.array(columns["output_images"], arrow.list_(IMAGE))
        pq.write_table(arrow.table(columns), path)
        return path
    columns["output_images"] = arrow.array(columns["output_images"], arrow.list_(IMAGE, 2))
    table = arrow.table(columns)
    with arrow.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table)
    return path


PAIRS = [
    pair(1, "4,5,2|3,1,2", "subject-add", "overall"),
    pair(2, "4,5,2|3,1,2", "subject-add", "prompt_following"),
    pair(3, "4,5,2|3,1,2", "subject-add", "consistency"),  # a tie
    pair(4, "2,5,2|3,1,2", "subject-add", "overall"),
    pair(5, "2,5,2|1,1,2", "extract", "overall"),
    pair(6, "2,1,4|1,2,3", "extract", "consistency"),
    pair(7, "2,1,4|1,2,3", "extract", "prompt_following"),
]


def agree(
    capsys: pytest.CaptureFixture[str], *args: object, server: StandIn | None = None, code: int = 0
) -> tuple[dict[str, Any], str]:
    judge = [] if server is None else ["--edit-judge-url", server.url, "--edit-judge-protocol", "pairs.toml"]
    assert main(["agree", "--bench", "editreward-bench", *map(str, args), *judge, "--json"]) == code
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def test_accuracy_by_task_and_dimension(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    parquet(work / "bench/data-00000-of-00001.arrow", PAIRS)
    found, _ = agree(capsys, "bench", "--save", "scores.jsonl", "-o", "page.html", server=server)
    add, extract = found["tasks"]["subject-add"], found["tasks"]["extract"]
    assert add["overall"]["accuracy"]["value"] == 0.5
    assert (add["overall"]["n"], add["overall"]["right"], add["overall"]["wrong"]) == (2, 1, 1)
    assert (add["consistency"]["ties"], add["consistency"]["accuracy"]["value"]) == (1, 0)
    assert [extract[name]["accuracy"]["value"] for name in ("overall", "consistency", "prompt_following")] == [1, 1, 0]
    average = found["means"]["average"]
    # means over tasks, as published, and not over pairs
    assert average["overall"]["accuracy"]["value"] == 0.75
    assert average["overall"]["accuracy"]["low"] < 0.75 < average["overall"]["accuracy"]["high"]
    assert [found["means"][name]["overall"]["accuracy"]["value"] for name in ("object", "scene")] == [0.5, 1]
    assert "advanced" not in found["means"]
    assert found["rows"]["judged"] == 14
    assert "<svg" in (work / "page.html").read_text()
    saved = [json.loads(line) for line in (work / "scores.jsonl").read_text().splitlines()]
    assert [one["score"] for one in saved][:3] == [[4, 3], [5, 1], [2, 2]]
    assert saved[4]["key"] == ["a5", "b5"]
    again, _ = agree(capsys, "scores.jsonl")
    assert (again["tasks"], again["means"]) == (found["tasks"], found["means"])
    asked = len(server.asked)
    resumed, _ = agree(capsys, "bench", server=server)
    assert (resumed["tasks"], len(server.asked)) == (found["tasks"], asked)


def test_what_cannot_be_read_is_wrong_and_told(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [*PAIRS, pair(8, "4,4,4|odd", "extract", "overall"), pair(9, "4,4,4|refused", "extract", "overall")]
    pairs += [{**pair(10, "4,4,4|3,3,3", "extract", "overall"), "output_images": [picture(255, 1)]}]
    pairs += [pair(11, "4,4,4|3,3,3", "extract", "beauty")]
    pairs += [{**pair(12, "4,4,4|3,3,3", "extract", "overall"), "input_image": {"bytes": b"none", "path": "x.png"}}]
    path = parquet(work / "train.parquet", pairs)
    found, said = agree(capsys, path, "--save", "scores.jsonl", server=server, code=3)
    overall = found["tasks"]["extract"]["overall"]
    assert (overall["n"], overall["right"], overall["unreadable"]) == (2, 1, 1)
    assert overall["accuracy"]["value"] == 0.5
    assert overall["without_unreadable"]["value"] == 1
    assert "output_images: two pictures were expected, not 1 of them" in said
    assert 'dimension: "beauty"; prompt_following, consistency, overall are known' in said
    assert "no such thing" in said
    assert len(found["errors"]) == 5  # the picture that is none is that of two edits
    assert main(["agree", "--bench", "editreward-bench", "scores.jsonl", "--json"]) == 2
    again = json.loads(capsys.readouterr().out)
    assert again["means"] == found["means"]
    assert main(["agree", "--bench", "editreward-bench", "scores.jsonl"]) == 2
    assert "1 pair can't be read and count as wrong" in capsys.readouterr().out


def test_pairs_that_would_have_been_drawn(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """EditScore's answer without anything to read is told from one with three scores, which its reader takes."""
    pair_words.use(monkeypatch, work)
    said = {"a": "I would rather not say", "b": '{"reasoning": "", "score": [1, 2, 3]}'}
    good = completion('{"reasoning": "", "score": [20, 20]}')

    def by_name(call: Call) -> Reply:
        name = pair_words.asked_for(call)
        return completion(said[name]) if name in said and call_is_red(call) else good

    server.answer = by_name
    parquet(work / "train.parquet", [pair(i, name, "extract", "overall") for i, name in enumerate("abc")])
    judge = ["--edit-judge-url", server.url, "--edit-judge-protocol", "editscore", "--judge-sight=assumed"]
    command = ["agree", "--bench", "editreward-bench", "train.parquet", "--save", "scores.csv", *judge]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    overall = found["tasks"]["extract"]["overall"]
    assert (overall["unreadable"], overall["ties"], found["would_be_drawn"]) == (2, 1, 1)
    assert main(command) == 0
    assert "the published evaluation would have drawn a random score for 1 of them." in capsys.readouterr().out
    assert main(["agree", "--bench", "editreward-bench", "scores.csv", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["tasks"], again["would_be_drawn"]) == (found["tasks"], 1)


def test_a_judge_that_gives_one_score_only(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "pairs.toml").write_text(PROTOCOL.replace("consistency =", "harmony ="))
    server.answer = lambda call: completion('{"overall": 3, "prompt_following": 2, "harmony": 2}')
    found, _ = agree(capsys, parquet(work / "train.parquet", PAIRS), server=server)
    assert found["unmeasured"] == {"consistency": 2}
    assert found["means"]["average"]["consistency"]["accuracy"]["value"] is None
    assert found["means"]["average"]["overall"]["ties"] == 3


def test_the_published_layout(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = {"SC_reasoning": ["fine", "guess_if_cannot_parse | hm"], "PQ_reasoning": ["fine", "fine"]}
    fine = {"SC_reasoning": ["fine", "fine"], "PQ_reasoning": ["fine", "fine"]}
    quality = {"SC_reasoning": ["fine", "fine"], "PQ_reasoning": ["guess_if_cannot_parse | hm", "fine"]}
    for name, lines in {
        "subject-add/overall": [{"score": [7.2, 5], **fine}, {"score": [7, 5], **quality}, {"score": [5, 7], **drawn}],
        "subject-add/consistency": [{"score": [7, 5], **quality}, {"score": ["7", 5]}, {"score": [7]}],
        "ps_human/overall": [{"score": [3.0, 3]}],
    }.items():
        path = work / f"qwen25vl/{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found, said = agree(capsys, "qwen25vl", code=2)
    overall = found["tasks"]["subject-add"]["overall"]
    assert (overall["right"], overall["unreadable"], found["drawn"]) == (1, 2, 2)
    assert found["tasks"]["subject-add"]["consistency"]["right"] == 1  # the other request was drawn
    assert found["tasks"]["ps_human"]["overall"]["ties"] == 1
    assert said.count("row 2, line 2: score:") + said.count("row 3, line 3: score:") == 2
    main(["agree", "--bench", "editreward-bench", "qwen25vl"])
    out = capsys.readouterr().out
    assert "For 2 pairs a recorded score is random, not read from an answer; here they count as unreadable." in out
    assert re.search(r"^average +5 ", out, re.MULTILINE)


@pytest.mark.parametrize("named", ["folder", "table"])
def test_without_scores(work: Path, capsys: pytest.CaptureFixture[str], named: str) -> None:
    parquet(work / "bench/train.parquet", PAIRS)
    (work / "bench/a.jsonl").write_text('{"task_type": "a", "dimension": "overall"}\n')
    source = "bench" if named == "folder" else "bench/a.jsonl"
    assert main(["agree", "--bench", "editreward-bench", source]) == 2
    assert ("name a judge" if named == "folder" else 'no column "score"') in capsys.readouterr().err
