"""`imagejudge doctor --plan`."""

from __future__ import annotations

import json

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.commands import cards
from pytest_imagejudge.engines.vllm.cards import JUDGES, SIZES, rows
from pytest_imagejudge.engines.vllm.gpus import MIB, Gpu
from tests.docs.pages import DOCS


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> list[Gpu]:
    found: list[Gpu] = []
    monkeypatch.setattr(cards, "visible_gpus", lambda: found)
    monkeypatch.setattr(cards, "gpu_problem", lambda: "")
    return found


def test_the_table_marks_this_machines_card(gpus: list[Gpu], capsys: pytest.CaptureFixture[str]) -> None:
    gpus.append(Gpu(0, "GPU-0", "NVIDIA L4", 23_034 * MIB, 23_000 * MIB))
    assert main(["doctor", "--plan"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (row,) = [line for line in lines if line.startswith("24 GB *") and "Qwen3-VL-8B" in line]
    assert row.split()[2:] == [
        *("*", "Qwen/Qwen3-VL-8B-Instruct", "16", "bit", "5", "measured", "--judge-model=Qwen/Qwen3-VL-8B-Instruct"),
        "--judge-protocol=house",
    ]
    assert any(line.startswith("16 GB  ") and "does not fit" in line for line in lines)
    assert "* this machine: GPU 0 (NVIDIA L4), 22.5 GiB" in lines
    assert any("older card is slower" in line for line in lines)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([], "this machine's GPUs: NVML and nvidia-smi show none"),
        ([Gpu(0, "GPU-0", "GB10", None, None)], "this machine's GPUs: their memory is unknown"),
        ([Gpu(0, "GPU-0", "small", 8_000 * MIB, None)], "this machine's GPUs are smaller than all of these cards"),
    ],
)
def test_a_machine_that_is_no_such_card(
    gpus: list[Gpu], capsys: pytest.CaptureFixture[str], found: list[Gpu], words: str
) -> None:
    gpus += found
    assert main(["doctor", "--plan"]) == 0
    out = capsys.readouterr().out
    assert words in out
    assert "GB *" not in out


def test_the_page_has_the_same_table() -> None:
    page = (DOCS / "cards.md").read_text(encoding="utf-8")
    written = [line for line in page.splitlines() if line.startswith("| `")]
    assert f"| to type | {' | '.join(f'{gb} GB' for gb in SIZES)} |" in page
    expected = []
    for judge in JUDGES:
        found = [row for row in rows() if row.judge == judge.model.name]
        cells = [f"{row.requests}{' in FP8' * (row.precision == 'FP8')}" if row.precision else "-" for row in found]
        shown = [f"**{cell}**" if row.measured else cell for row, cell in zip(found, cells, strict=True)]
        expected.append(f"| {' '.join(f'`{one}`' for one in judge.options)} | {' | '.join(shown)} |")
        assert all(row.speed in " ".join(page.split()) for row in found)
    assert written == expected


def test_json(gpus: list[Gpu], capsys: pytest.CaptureFixture[str]) -> None:
    gpus.append(Gpu(0, "GPU-0", "H200", 143_771 * MIB, None))
    assert main(["doctor", "--plan", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["cards"]
    assert len(found) == 20
    assert {row["gb"] for row in found if row["here"]} == {140}
    assert {"gb", "judge", "precision", "needed_bytes", "requests", "measured", "speed", "options"} <= found[0].keys()
