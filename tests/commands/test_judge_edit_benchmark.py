"""``imagejudge agree --bench`` with a judge: every shape of the benchmark, and every way for a row to go wrong."""

from __future__ import annotations

import base64
import contextlib
import csv
import html
import io
import json
import os
import re
import signal
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pyarrow as arrow
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pytest_imagejudge.batch import run
from pytest_imagejudge.batch.fates import RowCounts
from pytest_imagejudge.cli import main
from tests.commands.test_agree import edits
from tests.stand_in import published_words
from tests.stand_in.endpoint import Call, Reply, StandIn, completion, failure
from tests.stand_in.forks import ForkServer

pytestmark = pytest.mark.usefixtures("few_fits")

IMAGE = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
FIGURES = ("n", "readable", "unreadable", "left_out", "counted")


def answer(call: Call) -> Reply | None:
    """What the instruction says that the judge is to say."""
    text = " ".join(str(part.get("text", "")) for part in call.body["messages"][0]["content"])
    words = re.search(r"Wanted: (.*)", text)
    assert words is not None
    if "refused" in words[1]:
        return failure(400, "no such thing")
    if "cut" in words[1]:
        return completion("it is fine</think><answer>3.1", reason="length")
    if "odd" in words[1]:
        return completion("well</think>I would not say")
    if "bare" in words[1]:  # can be read only because the engine says that it is whole
        return completion("well</think>3.40")
    score = re.search(r"say (\S+)", words[1])
    assert score is not None
    return completion(f"it is fine</think><answer>{score[1]}</answer>")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    published_words.use(monkeypatch, tmp_path)
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path / "cache"))
    stand_in = StandIn(answer)
    yield stand_in
    stand_in.close()


def picture(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (shade % 256, shade // 256, 90)).save(buffer, "PNG")
    return buffer.getvalue()


def bench(count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """Rows as published; ten edits share a source."""
    guesses, labels = edits(count, seed)
    return [
        {"images": [picture(i // 10), picture(1000 + i)], "edit_inst": f"say {guess:.2f}", "answer": label}
        for i, (guess, label) in enumerate(zip(guesses, labels, strict=True))
    ]


def parquet(path: Path, rows: list[dict[str, Any]], **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [
        None if row["images"] is None else [{"bytes": data, "path": f"{i}.png"} for i, data in enumerate(row["images"])]
        for row in rows
    ]
    table = {
        "images": arrow.array(cells, arrow.list_(IMAGE)),
        "edit_inst": arrow.array([row["edit_inst"] for row in rows]),
        "answer": arrow.array([row["answer"] for row in rows]),
        **columns,
    }
    pq.write_table(arrow.table(table), path, row_group_size=7)
    return path


def command(server: StandIn, *args: object) -> list[str]:
    judge = ["--edit-judge-url", server.url, "--edit-judge-protocol", "ie-critic"]
    return ["agree", "--bench", "ie-bench-4k", *map(str, args), *judge]


def agree(
    capsys: pytest.CaptureFixture[str], server: StandIn, *args: object, code: int = 0
) -> tuple[dict[str, Any], str]:
    assert main([*command(server, *args), "--json"]) == code
    captured = capsys.readouterr()
    found: dict[str, Any] = json.loads(captured.out)
    counts = found["rows"]
    assert sum(counts[fate] for fate in RowCounts().fates) == counts["rows"] == found["n"] + len(found["errors"])
    return found, captured.err


def recorded(capsys: pytest.CaptureFixture[str], path: Path, code: int = 0) -> dict[str, Any]:
    assert main(["agree", "--bench", "ie-bench-4k", str(path), "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def figures(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in FIGURES}


@pytest.mark.parametrize("suffix", ["jsonl", "json", "csv"])
def test_judged_as_recorded(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    rows = bench(20)
    rows[3]["edit_inst"] = "odd"
    rows[4]["edit_inst"] = "cut"
    rows[5]["edit_inst"] = "bare"
    rows[6]["edit_inst"] = "say 50"
    path = parquet(work / "test.parquet", rows)
    found, said = agree(capsys, server, path, "--save", f"answers.{suffix}", "-o", "page.html")
    assert (found["n"], found["readable"], found["unreadable"], found["errors"]) == (20, 17, 3, [])
    assert (found["rows"]["judged"], found["rows"]["unreadable"]) == (17, 3)
    assert [row["row"] for row in found["unreadable_rows"]] == [4, 5, 7]
    assert found["judge"]["protocol"] == "ie-critic"
    assert found["data"] == {"source": str(path), "revision": None, "files": [str(path)]}
    assert f"answers.{suffix}" in said
    again = recorded(capsys, work / f"answers.{suffix}")
    assert figures(again) == figures(found)
    assert [row["id"] for row in again["unreadable_rows"]] == [row["id"] for row in found["unreadable_rows"]]
    page = html.unescape((work / "page.html").read_text())
    assert "<polyline" in page
    assert "can't be read in full" in page


def test_the_table(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    rows = bench(12)
    rows[1]["answer"] = None
    assert main(command(server, parquet(work / "test.parquet", rows))) == 2
    said = capsys.readouterr()
    assert "cross-validated fit" in said.out
    assert "0 of 11 answers can't be read." in said.out
    assert re.search(r"row can't be used\W+1\b", said.out)
    assert "1 of 12 rows not judged: the figures lack them." in said.out
    assert said.err.count("answer is empty") == 1


def test_every_row_is_accounted_for(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    rows = bench(40)
    rows[1]["images"] = [picture(0), b"no picture at all"]
    rows[2]["images"] = [picture(0), picture(5)[:40]]
    rows[3]["images"] = [picture(0), b""]
    rows[4]["images"] = [picture(0)]
    rows[5]["images"] = None
    rows[6]["answer"] = None
    rows[7]["answer"] = 7.25
    rows[8]["answer"] = float("nan")
    rows[9]["edit_inst"] = ""
    rows[10]["edit_inst"] = "refused"
    rows[11]["edit_inst"] = "odd"
    path = parquet(work / "test.parquet", rows)
    found, said = agree(capsys, server, path, "--save", "answers.jsonl", code=3)
    assert {fate: n for fate, n in found["rows"].items() if n} == {
        "rows": 40,
        "judged": 29,
        "unreadable": 1,
        "image_unreadable": 3,
        "bad_row": 6,
        "engine_failed": 1,
    }
    assert (found["n"], found["readable"], len(found["errors"])) == (30, 29, 10)
    for line in (
        "images: the source and the edited one were expected, not 1 image",
        "images: the source and the edited one were expected, not nothing",
        'row 7 (ID "7"): answer is empty; a mean opinion score of 1 to 5 is expected',
        'row 8 (ID "8"): answer is "7.25"',
        "row 9",
        "no such thing",
    ):
        assert line in said
    again = recorded(capsys, work / "answers.jsonl", code=2)
    assert figures(again) == figures(found)
    assert len(again["errors"]) == 10
    # without what the engine refused it is the input that is wrong
    found, _ = agree(capsys, server, parquet(path, [*rows[:10], *rows[11:]]), code=2)
    assert found["rows"]["from_store"] > 0


def test_other_shapes(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    rows = bench(20)
    for i, row in enumerate(rows):
        row["images"] = [
            f"{i}-{j}.png" for j, data in enumerate(row["images"]) if (work / f"{i}-{j}.png").write_bytes(data)
        ]
    expected, _ = agree(capsys, server, parquet(work / "test.parquet", bench(20)))
    (work / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"images": ["0-0.png"')
    (work / "b.json").write_text(
        json.dumps([{**row, "id": f"e{i}", "answer": str(row["answer"])} for i, row in enumerate(rows)])
    )
    with (work / "c.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["images", "edit_inst", "answer"])
        writer.writerows([json.dumps(row["images"]), row["edit_inst"], row["answer"]] for row in rows)
    manifest = [
        {
            "ID": i,
            "source_path": row["images"][0],
            "edited_path": row["images"][1],
            "instruction": row["edit_inst"],
            "mos_perception": row["answer"],
        }
        for i, row in enumerate(rows)
    ]
    (work / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in manifest))
    (work / "e.jsonl").write_text((work / "d.jsonl").read_text().replace("mos_perception", "mos"))
    asked = len(server.asked)
    for name, options, code in (
        ("a.jsonl", [], 2),
        ("b.json", [], 0),
        ("c.csv", [], 0),
        ("d.jsonl", [], 0),
        ("e.jsonl", ["--label-field", "mos"], 0),
    ):
        found, said = agree(capsys, server, work / name, *options, code=code)
        assert figures(found) == figures(expected), name
        assert ('row 21, line 21 (ID "21"): no valid JSON' in said) == bool(code)
    assert len(server.asked) == asked, "the store answers what it has answered before"


def test_a_folder_of_the_split(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    rows = bench(30)
    whole, _ = agree(capsys, server, parquet(work / "test.parquet", rows))
    for i, part in enumerate((rows[:12], rows[12:])):
        parquet(work / f"snapshot/data/test-0000{i}-of-00002.parquet", part)
    parquet(work / "snapshot/data/latest-train-00000-of-00001.parquet", bench(5, seed=9))
    found, _ = agree(capsys, server, work / "snapshot")
    assert figures(found) == figures(whole)
    assert [Path(name).name for name in found["data"]["files"]] == [
        "test-00000-of-00002.parquet",
        "test-00001-of-00002.parquet",
    ]


@pytest.mark.parametrize("named", ["folder", "file"])
def test_a_shard_that_is_missing(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], named: str) -> None:
    path = parquet(work / "snapshot/data/test-00000-of-00002.parquet", bench(12))
    assert main(command(server, work / "snapshot" if named == "folder" else path)) == 2
    said = capsys.readouterr().err
    assert "is one of 2 shards: test-00001-of-00002.parquet" in said
    assert not server.asked
    parquet(work / "snapshot/data/test-00001-of-00002.parquet", bench(12, seed=1))
    if named == "folder":
        agree(capsys, server, work / "snapshot")
    else:  # there it is, but not read
        assert main(command(server, path)) == 2
        assert "name the folder" in capsys.readouterr().err


def test_pictures_in_json_are_named_as_in_parquet(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = bench(8)
    whole, _ = agree(capsys, server, parquet(work / "test.parquet", rows))
    for i, row in enumerate(rows):
        for j, data in enumerate(row["images"]):
            (work / f"{i}-{j}.png").write_bytes(data)
    named = [
        {**row, "images": [{"bytes": None, "path": f"{i}-{j}.png"} for j in range(2)]} for i, row in enumerate(rows)
    ]
    (work / "named.jsonl").write_text("".join(json.dumps(row) + "\n" for row in named))
    (work / "named.json").write_text(json.dumps(named))
    with (work / "named.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(named[0]))
        writer.writeheader()
        writer.writerows({**row, "images": json.dumps(row["images"])} for row in named)
    inline = [
        {**row, "images": ["data:image/png;base64," + base64.b64encode(data).decode() for data in row["images"]]}
        for row in rows
    ]
    (work / "inline.jsonl").write_text("".join(json.dumps(row) + "\n" for row in inline))
    asked = len(server.asked)
    for name in ("named.jsonl", "named.json", "named.csv", "inline.jsonl"):
        found, _ = agree(capsys, server, work / name)
        assert figures(found) == figures(whole), name
    assert len(server.asked) == asked


def test_the_hub(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = work / "hub" / "snapshots" / commit
    path = parquet(snapshot / "data" / "test-00000-of-00001.parquet", bench(12))
    asked: list[Any] = []

    def fetch(repo: str, *, repo_type: str, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((repo, repo_type, revision, allow_patterns))
        if repo != "Coobiw/IE-Bench-4k":
            raise OSError("404: no such data set")
        return str(snapshot)

    def download(repo: str, name: str, *, repo_type: str, revision: str | None) -> str:
        asked.append((repo, name, repo_type, revision))
        return str(snapshot / name)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    for source, call in (
        ("Coobiw/IE-Bench-4k", ("Coobiw/IE-Bench-4k", "dataset", None, ["*test*.parquet"])),
        ("Coobiw/IE-Bench-4k@v1", ("Coobiw/IE-Bench-4k", "dataset", "v1", ["*test*.parquet"])),
        (
            "hf://datasets/Coobiw/IE-Bench-4k/data/test-00000-of-00001.parquet",
            ("Coobiw/IE-Bench-4k", "data/test-00000-of-00001.parquet", "dataset", None),
        ),
    ):
        found, _ = agree(capsys, server, source)
        assert asked.pop() == call
        assert found["data"] == {"source": source, "revision": commit, "files": [str(path)]}
        assert found["n"] == 12
    assert main(command(server, "Cobiw/IE-Bench-4k")) == 2
    assert "404" in capsys.readouterr().err


def test_ids(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    path = parquet(work / "test.parquet", bench(6), id=arrow.array(["a", "b", "a", "d", "e", None]))
    found, said = agree(capsys, server, path, "--save", "answers.jsonl", code=2)
    assert (found["n"], found["rows"]["duplicate"]) == (5, 1)
    assert "row 3" in said
    saved = [json.loads(line) for line in (work / "answers.jsonl").read_text().splitlines()]
    assert [row["ID"] for row in saved] == ["a", "b", "a", "d", "e", "6"]
    assert [bool(row["error"]) for row in saved] == [False, False, True, False, False, False]


def test_pictures_are_kept_no_longer_than_they_are_judged(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rows: what is on the disk is what is in flight."""
    monkeypatch.setattr(run, "_WINDOW", 1)  # so that four times as many requests as the judge takes at once count
    temporary = work / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    most = 0

    def watched(call: Call) -> Reply | None:
        nonlocal most
        most = max(most, sum(1 for _ in temporary.rglob("*.png")))
        return answer(call)

    server.answer = watched
    found, _ = agree(capsys, server, parquet(work / "test.parquet", bench(40)), "--judge-concurrency=4")
    assert found["rows"]["judged"] == 40
    assert 0 < most <= 2 * 16
    assert not list(temporary.rglob("*.png"))


def stored(store: Path) -> int:
    """How many answers are in a store that another process writes."""
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as file:
        try:
            return int(file.execute("SELECT count(*) FROM answers").fetchone()[0])
        except sqlite3.OperationalError:  # the table is not there yet
            return 0


def test_an_interrupted_run_goes_on(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], forks: ForkServer
) -> None:
    path = parquet(work / "test.parquet", bench(30))
    reached, going_on = threading.Event(), threading.Event()

    def slow(call: Call) -> Reply | None:
        if len(server.asked) > 10:
            reached.set()
            going_on.wait(600)
        return answer(call)

    server.answer = slow
    arguments = ["-m", "pytest_imagejudge", *command(server, path, "--save", "answers.jsonl", "--json")]
    with Path("out").open("wb") as out, Path("said").open("wb") as said:
        process = forks.start(arguments, env=os.environ, stdin=0, stdout=out.fileno(), stderr=said.fileno())
    assert reached.wait(600)
    store = work / ".imagejudge" / "store" / "answers.sqlite"
    for _ in range(12_000):  # until something of what was answered is in the store
        if store.exists() and stored(store):
            break
        going_on.wait(0.05)
    os.kill(process.pid, signal.SIGTERM)
    code = process.wait(600)
    going_on.set()
    assert code == 130, Path("said").read_text()
    found = json.loads(Path("out").read_text())
    assert found["rows"]["not_reached"] > 0
    assert found["rows"]["rows"] == 30
    assert len((work / "answers.jsonl").read_text().splitlines()) == 30
    asked = len(server.asked)
    server.answer = answer
    found, _ = agree(capsys, server, path)
    assert found["n"] == 30
    assert found["rows"]["from_store"] >= 1
    assert len(server.asked) - asked < 30


def test_judges(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    path = parquet(work / "test.parquet", bench(5))
    protocol = ["--judge-protocol", "ie-critic"]
    (work / "own.jsonl").write_text('{"images": ["a.png", "b.png"], "edit_inst": "say 3.00", "answer": 3}\n')
    start = ["agree", "--bench", "ie-bench-4k", str(path)]
    for args in (
        ["--judge-url", server.url, *protocol],
        ["--judge", server.url, "--edit-judge-protocol", "ie-critic"],
        ["--edit-judge-url", server.url, *protocol],
        ["--judge", "judge", "--edit-judge-url", server.url, "--edit-judge-protocol", "ie-critic"],
    ):
        assert main([*start, *args]) == 0, args
    capsys.readouterr()
    for args, expected in (
        ([*start], "name a judge: --edit-judge-model"),
        ([*start[:-1], "Coobiw/IE-Bench-4k"], "name a judge"),
        ([*start, "--judge-url", server.url, "--edit-judge-url", server.url], "one judge"),
        ([*start, "--judge", "signals"], "no overall score"),
        ([*start, "--judge", server.url, "--protocol", "ie-critic"], "--edit-judge-protocol"),
        ([*start, "--judge", server.url, *protocol, "--save", "x.txt"], ".jsonl"),
        ([*start, "--save", "x.jsonl"], "needs a judge"),
        ([*start[:-1], "own.jsonl", "--judge", server.url, *protocol, "--save", "own.jsonl"], "overwrite"),
        (["agree", "a.csv", "b.csv", "--judge", server.url], "needs --bench"),
        ([*start[:-1], "tests.parquet", "--judge", server.url], 'did you mean "test.parquet"'),
        ([*start[:-1], str(work), "--judge", server.url, "--label-field", "mos"], 'no column "mos"'),
    ):
        assert main(args) == 2, args
        assert expected in capsys.readouterr().err


@pytest.mark.parametrize("content", ["cut", "columns", "split"])
def test_data_that_cannot_be_used(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    path = parquet(work / "data" / "test.parquet", bench(5))
    source: object = path
    if content == "cut":
        path.write_bytes(path.read_bytes()[:-30])
    elif content == "columns":
        pq.write_table(arrow.table({"image": ["x"], "edit_inst": ["y"], "answer": [3.0]}), path)
    else:
        path.rename(work / "data" / "train.parquet")
        source = work / "data"
    assert main(command(server, source)) == 2
    said = capsys.readouterr().err
    expected = {"cut": "can't be read as Parquet", "columns": 'no column "images"', "split": "train.parquet"}
    assert expected[content] in said
    assert not server.asked


def test_an_engine_that_is_not_there(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    path = parquet(work / "test.parquet", bench(5))
    server.close()
    assert main(command(server, path)) in (2, 3)
    assert "127.0.0.1" in capsys.readouterr().err
