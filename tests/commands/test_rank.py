"""``imagejudge rank``: the N best of each prompt, copied or linked; what can't be read is never ranked."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from PIL import Image

from pytest_imagejudge.batch.best_of_n import FILE
from pytest_imagejudge.cli import main
from pytest_imagejudge.report.ranking import RANKING_SCHEMA_FILE, ranking_schema_text
from tests.docs.pages import ROOT
from tests.stand_in import published_words
from tests.stand_in.endpoint import Call, Reply, StandIn, completion, failure
from tests.stand_in.pictures import marked

SCHEMA = json.loads(RANKING_SCHEMA_FILE.read_text(encoding="utf-8"))


def answer(call: Call) -> Reply | None:
    """The score that the instruction gives the edited picture: ``say 4.10, 2.00``, by the number in its red."""
    import base64
    import io

    parts = [part for message in call.body["messages"] for part in message["content"] if isinstance(part, dict)]
    text = "".join(str(part.get("text", "")) for part in parts)
    urls = [part["image_url"]["url"] for part in parts if part.get("type") == "image_url"]
    with Image.open(io.BytesIO(base64.b64decode(urls[-1].partition(",")[2]))) as picture:
        pixel = picture.convert("RGB").getpixel((0, 0))
    assert isinstance(pixel, tuple)
    said = re.search(r"say ([^\n]*)", text)
    assert said is not None
    mine = said[1].split(", ")[pixel[0] // 20]
    if mine == "refused":
        return failure(400, "no such thing")
    return completion(f"it is fine</think><answer>{mine}</answer>" if mine != "odd" else "well</think>I would not say")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    published_words.use(monkeypatch, tmp_path)
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path / "cache"))
    stand_in = StandIn(answer)
    yield stand_in
    stand_in.close()


@pytest.fixture
def work(work: Path) -> Path:
    marked((200, 200, 200)).save(work / "source.png")
    for i in range(6):
        marked((i * 20, 90, 90)).save(work / f"{i}.png")
    return work


def manifest(*instructions: tuple[str, str], name: str = "edits.csv", **columns: list[str]) -> Path:
    """Rows of an instruction and the edited picture."""
    with Path(name).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ID", "source_path", "edited_path", "instruction", *columns])
        for i, (instruction, edited) in enumerate(instructions):
            writer.writerow([f"r{i}", "source.png", edited, instruction, *(values[i] for values in columns.values())])
    return Path(name)


def rank(
    capsys: pytest.CaptureFixture[str], server: StandIn, *args: object, code: int = 0
) -> tuple[dict[str, Any], str]:
    judge = ["--edit-judge-url", server.url, "--edit-judge-protocol", "ie-critic", "--judge-sight=assumed"]
    assert main(["rank", *map(str, args), *judge, "--json"]) == code
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    jsonschema.validate(found, SCHEMA)
    return found, captured.err


def copied(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


FOX, OWL = "a fox, say 2.00, 4.50, 3.10", "an owl, say 1.00, 1.00, 1.00, 5.00"


def test_the_shipped_schema_is_that_of_the_models() -> None:
    assert RANKING_SCHEMA_FILE.read_text(encoding="utf-8") == ranking_schema_text()


@pytest.mark.parametrize("link", [False, True])
def test_the_best_of_each_prompt(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], link: bool) -> None:
    path = manifest((FOX, "0.png"), (OWL, "3.png"), (FOX, "1.png"), (FOX, "2.png"), (OWL, "1.png"))
    found, _ = rank(capsys, server, path, "--n", 2, *(["--link"] if link else []))
    assert (found["kind"], found["score"], found["scale"], found["n"]) == ("edit", "score", [1, 5], 2)
    fox, _ = found["groups"]
    assert fox["text"] == FOX
    assert [(one["rank"], one["id"], one["score"], one["file"]) for one in fox["ranked"]] == [
        (1, "r2", 4.5, "0001/1_1.png"),
        (2, "r3", 3.1, "0001/2_2.png"),
        (3, "r0", 2.0, None),
    ]
    assert [one["image"] for one in fox["ranked"]] == ["../1.png", "../2.png", "../0.png"]
    assert fox["source_image"] == "../source.png"
    folder = work / "edits_best"
    assert copied(folder) == ["0001/1_1.png", "0001/2_2.png", "0002/1_3.png", "0002/2_1.png", FILE]
    assert json.loads((folder / FILE).read_text()) == found
    assert (folder / "0001/1_1.png").read_bytes() == (work / "1.png").read_bytes()
    assert (folder / "0001/1_1.png").is_symlink() is link
    assert len(server.asked) == 5


def test_the_unreadable_is_never_ranked(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    text = "a fox, say odd, 1.10, 9.00, refused"
    path = manifest((text, "0.png"), (text, "1.png"), (text, "2.png"), (text, "3.png"), (text, "absent.png"))
    found, said = rank(capsys, server, path, "--n", 6, code=3)
    (group,) = found["groups"]
    assert [one["id"] for one in group["ranked"]] == ["r1"]
    reasons = {one["id"]: one["reason"] for one in group["unranked"]}
    assert reasons["r0"] == "unreadable: Edit"
    assert reasons["r2"] == "unreadable: Edit"  # 9.00 is on no scale of 1 to 5
    assert "no such thing" in reasons["r3"]
    assert "absent.png" in reasons["r4"]
    assert copied(work / "edits_best") == ["0001/1_1.png", FILE]
    assert "r3" in said


def test_a_blank_picture_is_not_ranked(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (64, 64)).save(work / "black.png")
    path = manifest((FOX, "black.png"), (FOX, "1.png"), blank=["", ""])
    found, _ = rank(capsys, server, path)
    assert [one["reason"].partition(":")[0] for one in found["groups"][0]["unranked"]] == ["blank"]
    path = manifest((FOX, "black.png"), (FOX, "1.png"), blank=["yes", ""])
    found, _ = rank(capsys, server, path)
    assert len(found["groups"][0]["ranked"]) == 2


def test_ties_are_told(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    text = "a fox, say 3.00, 3.00, 2.00, 3.00"
    path = manifest(*((text, f"{i}.png") for i in range(4)))
    found, _ = rank(capsys, server, path, "--n", 2)
    (group,) = found["groups"]
    assert group["tied"] is True
    assert [(one["id"], one["rank"]) for one in group["ranked"]] == [("r0", 1), ("r1", 1), ("r3", 1), ("r2", 4)]
    found, _ = rank(capsys, server, path, "--n", 3)
    assert found["groups"][0]["tied"] is False
    judge = ["--edit-judge-url", server.url, "--edit-judge-protocol", "ie-critic"]
    assert main(["rank", str(path), "--n", "5", *judge]) == 0
    out = capsys.readouterr().out
    assert "1 group had fewer than 5 that could be ranked." in out
    assert re.search(r"^a fox, say 3.00, 3.00, 2.00, 3.00 +4 +0 +4 +3.00 +2.00$", out, re.MULTILINE)


def test_a_later_run_asks_nothing_and_replaces_the_copies(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    path = manifest((FOX, "0.png"), (FOX, "1.png"), (OWL, "3.png"))
    first, _ = rank(capsys, server, path, "--n", 2)
    (work / "edits_best/own.txt").write_text("mine")
    again, _ = rank(capsys, server, path, "--n", 1)
    assert len(server.asked) == 3
    assert (again["rows"]["from_store"], again["run"]["from_store"]) == (3, 3)
    assert [one["score"] for one in again["groups"][0]["ranked"]] == [
        one["score"] for one in first["groups"][0]["ranked"]
    ]
    assert copied(work / "edits_best") == ["0001/1_1.png", "0002/1_3.png", "own.txt", FILE]
    rank(capsys, server, manifest((FOX, "1.png")), "--n", 1)
    assert copied(work / "edits_best") == ["0001/1_1.png", "own.txt", FILE]


def test_a_run_that_ends_while_it_copies(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = manifest((FOX, "0.png"), (FOX, "1.png"), (OWL, "3.png"))
    judge = ["--edit-judge-url", server.url, "--edit-judge-protocol", "ie-critic", "--judge-sight=assumed"]
    with monkeypatch.context() as patch:
        usual = shutil.copyfile

        def copy(source: Path, target: Path) -> Path:
            if Path(source).name == "0.png":
                raise KeyboardInterrupt
            return usual(source, target)

        patch.setattr(shutil, "copyfile", copy)
        assert main(["rank", str(path), "--n", "2", *judge]) == 130
    folder = work / "edits_best"
    assert json.loads((folder / FILE).read_text())["complete"] is False
    assert (folder / "0001/1_1.png").exists()
    found, _ = rank(capsys, server, path)
    assert found["complete"] is True
    assert copied(folder) == ["0001/1_1.png", "0002/1_3.png", FILE]


@pytest.mark.parametrize("listed", ["../../keep.png", "/etc/hostname", "0001/../../keep.png", 7])
def test_only_what_a_ranking_copied_is_removed(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], listed: object
) -> None:
    (work / "keep.png").write_text("kept")
    folder = work / "edits_best"
    folder.mkdir()
    earlier = {"schema": "imagejudge-ranking/1", "groups": [{"ranked": [{"file": listed}, 3]}, 4]}
    (folder / FILE).write_text(json.dumps(earlier))
    rank(capsys, server, manifest((FOX, "1.png")))
    assert (work / "keep.png").read_text() == "kept"
    assert Path("/etc/hostname").exists()


def test_a_folder_of_others_is_left_alone(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    path = manifest((FOX, "1.png"))
    assert main(["rank", str(path), "--output-dir", ".", "--edit-judge-url", server.url]) == 2
    assert "and no ranking.json of an earlier ranking" in capsys.readouterr().err
    assert not server.asked


def test_groups_by_a_column(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    path = manifest((FOX, "0.png"), (OWL, "3.png"), (FOX, "2.png"), scene=["a", "a", "b"])
    found, _ = rank(capsys, server, path, "--by", "scene")
    assert [(one["group"], len(one["ranked"])) for one in found["groups"]] == [("a", 2), ("b", 1)]
    assert found["by"] == "scene"
    assert main(["rank", str(path), "--by", "scen", "--edit-judge-url", server.url]) == 2
    assert 'no column "scen" (did you mean "scene"?)' in capsys.readouterr().err


def test_images_by_one_dimension(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The embedded judge has no total, so a dimension is named; it finds the sharp picture the better one."""
    for name in ("astronaut", "astronaut_blurred"):
        shutil.copy(ROOT / "fixtures" / f"{name}.jpg", work)
    (work / "images.csv").write_text("ID,prompt,image_path\na,a woman,astronaut_blurred.jpg\nb,a woman,astronaut.jpg\n")
    judge = ["--judge-model", "signals"]
    assert main(["rank", "images.csv", *judge]) == 2
    assert "gives no total: --score names an L1, such as Quality" in capsys.readouterr().err
    assert main(["rank", "images.csv", "--score", "Quality / Detail", *judge, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    assert [one["id"] for one in found["groups"][0]["ranked"]] == ["b", "a"]
    assert found["score"] == "Quality / Detail"
    assert found["scale"] == [0, 100]
    for wrong, words in (("Qualty", 'did you mean "Quality"'), ("Alignment", "does not measure it")):
        assert main(["rank", "images.csv", "--score", wrong, *judge]) == 2
        assert words in capsys.readouterr().err


def test_edits_by_an_aspect(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = manifest(("make it red", "0.png"), ("make it red", "source.png"))
    judge = ["--edit-judge-model", "signals"]
    assert main(["rank", str(path), *judge]) == 2
    assert "gives edits no overall score: --score names one of changed_area" in capsys.readouterr().err
    assert main(["rank", str(path), "--score", "changed_area", *judge, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in found["groups"][0]["ranked"]] == ["r0", "r1"]
    assert found["scale"] == [0, 1]
    assert main(["rank", str(path), "--score", "changed_aria", *judge]) == 2
    assert 'did you mean "changed_area"' in capsys.readouterr().err


def test_pictures_in_a_table(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    import pyarrow as arrow
    from pyarrow import parquet

    kind = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    edits = [{"bytes": (work / f"{i}.png").read_bytes(), "path": f"../{i} x.png"} for i in range(3)]
    source = [{"bytes": (work / "source.png").read_bytes(), "path": "s.png"}] * 3
    table = {
        "ID": ["a", "b", "c"],
        "source_path": arrow.array(source, kind),
        "edited_path": arrow.array(edits, kind),
        "instruction": [FOX] * 3,
    }
    parquet.write_table(arrow.table(table), work / "edits.parquet")
    found, _ = rank(capsys, server, "edits.parquet")
    (group,) = found["groups"]
    assert [one["id"] for one in group["ranked"]] == ["b", "c", "a"]
    assert copied(work / "edits_best") == ["0001/1_1_x.png", FILE]
    assert (work / "edits_best/0001/1_1_x.png").read_bytes() == (work / "1.png").read_bytes()
    assert main(["rank", "edits.parquet", "--link", "--edit-judge-url", server.url]) == 2
    assert "are no files" in capsys.readouterr().err


def test_an_interrupted_run_ranks_nothing_and_goes_on(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    path = manifest((FOX, "0.png"), (FOX, "1.png"), (FOX, "2.png"))
    usual, held = server.answer, threading.Event()

    def slow(call: Call) -> Reply | None:
        if len(server.asked) < 3:
            return usual(call)
        os.kill(os.getpid(), signal.SIGINT)
        held.wait(30)
        return None

    server.answer = slow
    judge = ["--edit-judge-url", server.url, "--edit-judge-protocol", "ie-critic", "--judge-concurrency", "1"]
    assert main(["rank", str(path), *judge, "--judge-sight=assumed"]) == 130
    held.set()
    assert "nothing is ranked before all is judged" in capsys.readouterr().err
    assert not (work / "edits_best").exists()
    server.answer = usual
    asked = len(server.asked)
    found, _ = rank(capsys, server, path)
    assert len(server.asked) == asked + 1
    assert len(found["groups"][0]["ranked"]) == 3


@pytest.mark.parametrize(
    ("args", "words"),
    [(["--n", "0"], "a whole number of 1 or more"), ([], "no judge of edits: give --judge-model")],
)
def test_wrong_options(work: Path, capsys: pytest.CaptureFixture[str], args: list[str], words: str) -> None:
    assert main(["rank", str(manifest((FOX, "1.png"))), *args]) == 2
    assert words in capsys.readouterr().err
