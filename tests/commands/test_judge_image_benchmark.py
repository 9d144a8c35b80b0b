"""``imagejudge agree --bench agiqa-3k``: the published table, folders as people unpack them, and rows that go wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from scipy import stats

from pytest_imagejudge.cli import main
from pytest_imagejudge.taxonomy import TREE
from tests.stand_in import published_words
from tests.stand_in.endpoint import Call, Reply, StandIn, completion, failure

pytestmark = pytest.mark.usefixtures("few_fits")

HEADER = "name,prompt,adj1,adj2,style,mos_quality,std_quality,mos_align,std_align"


def answer(call: Call) -> Reply | None:
    """As many facets of a dimension excel as the prompt says of it: ``Quality=3``; ``none`` are all N/A."""
    text = json.dumps(call.body["messages"])
    if "refused" in text:
        return failure(400, "no such thing")
    one = re.search(r"About: (\w+)", text)
    assert one is not None
    said = re.search(rf"{one[1]}=(\w+)", text)
    assert said is not None
    if said[1] == "odd":
        return completion("<think>ok</think>I would not say")
    left = 0 if said[1] == "none" else int(said[1])
    scores: dict[str, Any] = {}
    for two, threes in TREE[one[1]].items():
        for three in threes:
            raw: int | str = "N/A" if said[1] == "none" else 2 if left > 0 else 0
            scores.setdefault(two, {})[three] = {"score": raw}
            left -= 1
    return completion(f"<think>ok</think>{json.dumps(scores)}")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    published_words.use(monkeypatch, tmp_path)
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path / "cache"))
    stand_in = StandIn(answer)
    yield stand_in
    stand_in.close()


def bench(folder: Path, rows: list[str], images: str = "") -> Path:
    """The folder as people have it: the table with Windows' line ends, the images beside it or in a folder below."""
    (folder / images).mkdir(parents=True, exist_ok=True)
    (folder / "data.csv").write_bytes("\r\n".join([HEADER, *rows, ""]).encode())
    for i in range(len(rows)):
        Image.new("RGB", (8, 8), (i * 10, 90, 90)).save(folder / images / f"sd1.5_normal_{i:03}.jpg")
    return folder


def row(i: int, quality: object, align: object, *, mos: tuple[object, object] | None = None) -> str:
    """A row as published: prompts with a style have a comma, and stand in quotes."""
    opinions = mos or (0.3 + i * 0.35, 4.4 - i * 0.3)
    prompt = f'"a fox {i}, Quality={quality} Alignment={align}, anime style"'
    return f"sd1.5_normal_{i:03}.jpg,{prompt},,,anime style,{opinions[0]},0.2,{opinions[1]},0.6"


def agree(
    capsys: pytest.CaptureFixture[str], server: StandIn, *args: object, code: int = 0
) -> tuple[dict[str, Any], str]:
    judge = ["--judge-url", server.url, "--judge-protocol", "q-judger", "--judge-sight=assumed"]
    assert main(["agree", "--bench", "agiqa-3k", *map(str, args), *judge, "--json"]) == code
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


ROWS = [row(i, quality=(3 * i) % 14, align=11 - i) for i in range(12)]


@pytest.mark.parametrize("images", ["", "images", "AGIQA-3K"])
def test_where_images_lie(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], images: str) -> None:
    found, _ = agree(capsys, server, bench(work / "agiqa", ROWS[:2], images))
    assert found["rows"]["judged"] == 2


def test_both_opinions_by_the_figures_of_edits(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = agree(capsys, server, bench(work / "agiqa", ROWS), "--save", "a.jsonl", "-o", "page.html")
    assert [found["rows"][name] for name in ("rows", "judged")] == [12, 12]
    assert len(server.asked) == 24  # two of the five dimensions
    saved = [json.loads(line) for line in (work / "a.jsonl").read_text().splitlines()]
    assert saved[2]["prompt"] == "a fox 2, Quality=6 Alignment=9, anime style"
    assert saved[0]["Quality"] == 0
    for name, label in (("Quality", "mos_quality"), ("Alignment", "mos_align")):
        plain = found["dimensions"][name]["left_out"]["without_fit"]
        x, y = [one[name] for one in saved], [one[label] for one in saved]
        assert len(set(x)) > 5
        assert plain["plcc"]["value"] == pytest.approx(stats.pearsonr(x, y)[0])
        assert plain["srcc"]["value"] == pytest.approx(stats.spearmanr(x, y)[0])
        assert plain["main"]["value"] == pytest.approx((plain["plcc"]["value"] + plain["srcc"]["value"]) / 2)
        assert plain["plcc"]["low"] <= plain["plcc"]["value"] <= plain["plcc"]["high"]
    assert "Alignment: predictions and labels" in (work / "page.html").read_text()
    # the same command asks nothing again, and what was saved says the same
    again, _ = agree(capsys, server, work / "agiqa")
    assert (again["dimensions"], again["rows"]["from_store"]) == (found["dimensions"], 12)
    assert len(server.asked) == 24
    assert main(["agree", "--bench", "agiqa-3k", "a.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dimensions"] == found["dimensions"]


def test_every_row_is_accounted_for(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(ROWS)
    rows[1] = row(1, "odd", 4)
    rows[2] = row(2, 4, "none")
    rows[3] = row(3, 4, 4, mos=("", 2))
    rows[4] = row(4, 4, 4, mos=(1, 5.5))
    rows[5] = "sd1.5_normal_005.jpg,a fox, Quality=1 Alignment=1, anime style,,,anime style,1,0.2,2,0.6"  # no quotes
    rows[6] = row(6, "refused", 4)
    folder = bench(work / "agiqa", rows)
    (folder / "sd1.5_normal_007.jpg").unlink()
    (folder / "sd1.5_normal_008.jpg").write_bytes(b"no picture")
    found, said = agree(capsys, server, folder, "--save", "a.csv", code=3)
    fates = {fate: n for fate, n in found["rows"].items() if n and fate not in ("rows", "from_store")}
    assert fates == {
        "judged": 5, "unreadable": 1, "image_missing": 1, "image_unreadable": 1, "bad_row": 3, "engine_failed": 1
    }  # fmt: skip
    quality, align = found["dimensions"]["Quality"], found["dimensions"]["Alignment"]
    assert (quality["n"], quality["unreadable"], quality.get("not_applicable", 0)) == (6, 1, 0)
    assert (align["n"], align["unreadable"], align["not_applicable"]) == (5, 0, 1)
    assert quality["counted"]["n"] == 6
    assert quality["left_out"]["n"] == 5
    assert len(found["errors"]) == 6
    for words in (
        "mos_quality is empty; a mean opinion score of 0 to 5 is expected",
        'mos_align is "5.5"; a mean opinion score of 0 to 5 is expected',
        "is a comma not in quotes?",
        "no such thing",
        'no file "sd1.5_normal_007.jpg"',
    ):
        assert words in said
    assert main(["agree", "--bench", "agiqa-3k", "a.csv", "--json"]) == 2
    again = json.loads(capsys.readouterr().out)
    for name in found["dimensions"]:  # all but that an answer had been asked for twice
        for part in ("n", "unreadable", "left_out", "counted"):
            assert again["dimensions"][name][part] == found["dimensions"][name][part]
    assert len(again["errors"]) == 6


SHARP = """
name = "sharp"
kind = "image"
template = "{{prompt}} {{image}} {{dimension}} {{checklist}}"
[facets.{}]
"{}" = "Is it?"
"""


def test_a_judge_of_one_of_both(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    """The other figure is not applicable, and a judge of neither is refused."""
    server.answer = lambda call: completion('{"Detail": {"Edge Clarity": {"score": 1}}}')
    folder = bench(work / "agiqa", ROWS[:3])
    (work / "sharp.toml").write_text(SHARP.format("Quality.Detail", "Edge Clarity"))
    judge = ["--judge-url", server.url, "--judge-sight=assumed", "--judge-protocol", "sharp.toml"]
    assert main(["agree", "--bench", "agiqa-3k", str(folder), *judge, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["dimensions"]
    assert (found["Quality"]["n"], found["Quality"].get("not_applicable")) == (3, None)
    assert (found["Alignment"]["n"], found["Alignment"]["not_applicable"]) == (0, 3)
    (work / "sharp.toml").write_text(SHARP.format("Aesthetics.Composition", "Composition"))
    assert main(["agree", "--bench", "agiqa-3k", str(folder), *judge]) == 2
    assert "asks about Aesthetics, not about Quality and Alignment" in capsys.readouterr().err


def test_the_table(work: Path, server: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    judge = ["--judge-url", server.url, "--judge-protocol", "q-judger"]
    assert main(["agree", "--bench", "agiqa-3k", str(bench(work / "agiqa", ROWS)), *judge]) == 0
    out = capsys.readouterr().out
    assert f"agiqa-3k: {work}/agiqa, Quality" in out
    assert f"agiqa-3k: {work}/agiqa, Alignment" in out
    assert out.count("0 of 12 answers can't be read.") == 2
    assert "percentile bootstrap over images" in out


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        ("nothing", (), "no such folder"),
        ("empty", (), "no data.csv in it"),
        ("columns", (), 'no column "mos_align"'),
        ("whole", ("--edit-judge-url", "http://localhost:1"), "a benchmark of images has one judge"),
        ("whole", ("--protocol", "house"), "a judge's protocol is --judge-protocol"),
    ],
)
def test_what_cannot_be_judged(
    work: Path, server: StandIn, capsys: pytest.CaptureFixture[str], make: str, options: tuple[str, ...], words: str
) -> None:
    folder = work / "agiqa"
    if make != "nothing":
        bench(folder, ROWS)
    if make == "empty":
        (folder / "data.csv").unlink()
    if make == "columns":
        (folder / "data.csv").write_text("name,prompt,mos_quality\na.jpg,a fox,1\n")
    assert main(["agree", "--bench", "agiqa-3k", str(folder), "--judge-url", server.url, *options]) == 2
    assert words in capsys.readouterr().err
    assert not server.asked


def test_a_folder_without_a_judge(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = bench(work / "agiqa", ROWS)
    for named in (folder, folder / "data.csv"):
        assert main(["agree", "--bench", "agiqa-3k", str(named)]) == 2
        assert "name a judge: --judge-model or --judge-url" in capsys.readouterr().err
