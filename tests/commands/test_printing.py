"""What commands print: no figure of a table is broken or cut, and a wrong argument is answered in words."""

import errno
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.commands.printing import print_table
from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.support.spreadsheets import write_xlsx

HEAD = ["Model", *(f"Dimension {i}" for i in range(9)), "95% interval"]
ROWS = [[f"a model {i}", *(f"{i}{j}.25" for j in range(1, 10)), f"{i}.10 to {i}.90"] for i in range(1, 4)]


def terminal(monkeypatch, width):
    """A terminal of ``width`` columns; to be called in the test itself, which has its own standard output."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize("width", [40, 80, 140, 300])
def test_figures_are_whole_in_any_width(monkeypatch, capsys, width):
    terminal(monkeypatch, width)
    print_table("[b]Title[/b]", HEAD, ROWS)
    out = plain(capsys.readouterr().out)
    assert out.count("[b]Title[/b]") == 1
    assert max(map(len, out.splitlines())) <= width
    words = out.split()
    for row in ROWS:
        assert all(word in words for cell in row for word in cell.split())


@pytest.mark.parametrize("width", [40, 80, 140, 300])
def test_words_that_are_wider_than_the_terminal(monkeypatch, capsys, width):
    terminal(monkeypatch, width)
    print_table("Title", ["Name", "n"], [["x" * 500, 7]])
    out = plain(capsys.readouterr().out)
    assert max(map(len, out.splitlines())) <= width
    assert out.count("x") == 500
    assert "7" in out.split()


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_plan_keeps_its_figures_in_narrow_terminals(monkeypatch, capsys, width):
    terminal(monkeypatch, width)
    assert main(["plan", "--detect", "2", "--images", "50", "--seeds", "4"]) == 0
    out = plain(capsys.readouterr().out)
    assert max(map(len, out.splitlines())) <= width
    assert "…" not in out
    assert all(word in out.split() for word in ("Fidelity", "24.5", "807", "SD", "seeds"))
    assert "(12 prompts x 4 seeds, 2 left over)" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["leaderbord", "x"], 'did you mean "leaderboard"'),
        (["store", "stast"], 'did you mean "stats"'),
        (["agree", "x", "--bench", "ie-bench-4"], 'did you mean "ie-bench-4k"'),
        (
            ["score", "x", "--judge-modl=signals"],
            'unrecognized arguments: --judge-modl=signals (did you mean "--judge-model"',
        ),
        (
            ["store", "stats", "--jsn"],
            'imagejudge store stats: error: unrecognized arguments: --jsn (did you mean "--json"',
        ),
        (["score", "a.png", "--prompt", "x"], 'unrecognized arguments: --prompt (did you mean "--prompts"?), x'),
        (["plan", "--jso"], 'unrecognized arguments: --jso (did you mean "--json"'),
        (["store", "stats", "--js"], 'unrecognized arguments: --js (did you mean "--json"'),
        (["leaderboard", "x", "-o", "y"], 'unrecognized arguments: -o (did you mean "--output-dir"?), y\n'),
        (["leaderboard", "x", "-x", "y"], "unrecognized arguments: -x, y\n"),
        (["thresholds"], "required: ACTION; one of show is expected\n"),
        ([], "required: COMMAND; one of score, rank, leaderboard, agree,"),
        (["init", "a", "##[error]\x1b[31m"], "unrecognized arguments: ## [error]\\x1b[31m"),
    ],
)
def test_a_wrong_argument_is_named_with_the_nearest(capsys, arguments, words):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    out, err = capsys.readouterr()
    assert (out, words in err) == ("", True)


REPORT = {
    "schema": "imagejudge-report/1",
    "verdicts": [{"key": "k", "image": "x.png", "prompt": "a fox", "outcome": "passed"}],
}


def shell(line, folder, **environment):
    """Run a command line of a shell in which ``ij`` is the command."""
    path = str(Path(__file__).parents[2])
    start = f'ij() {{ "{sys.executable}" -m pytest_imagejudge "$@"; }}\n'
    environment = {**os.environ, "PYTHONPATH": path, "IMAGEJUDGE_CACHE": str(folder / "cache"), **environment}
    return subprocess.run(
        ["bash", "-c", start + line], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("ij report r.json >&-", 0),
        ("ij compare r.json r.json >&-", 0),
        ("ij plan --detect 5 >&-", 0),
        ("ij protocol export house >&- 2>&-", 0),
        ("ij store import - <&-", 2),
        ("ij report gone.json >&- 2>&-", 2),
        ("ij report gone.json 2>&-", 2),
    ],
)
def test_a_closed_stream_is_as_the_null_device(tmp_path, line, code):
    (tmp_path / "r.json").write_text(json.dumps(REPORT))
    done = shell(line, tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    if code:
        assert done.stdout == ""  # what is for standard error does not go there instead


def test_a_score_without_standard_error(tmp_path):
    (tmp_path / "m.csv").write_text("ID,prompt,image_path\n1,a fox,gone.png\n")
    done = shell("ij score m.csv --judge-model signals --json 2>&-", tmp_path)
    assert (done.returncode, json.loads(done.stdout)["image_missing"]) == (2, 1)


@pytest.mark.parametrize(
    "line",
    ["ij init żółw/i", "mkdir żółw; : > żółw/answers.sqlite; ij store --store żółw stats"],
)
def test_no_character_is_refused_for_the_encoding(tmp_path, line):
    done = shell(line, tmp_path, PYTHONIOENCODING="ascii:strict")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "\\u017c\\xf3\\u0142w" in done.stdout + done.stderr


def test_a_workbook(tmp_path):
    write_xlsx(tmp_path / "x.xlsx", {"One": (["a", "b"], [["=1+1", 2.5], [None, float("nan")]])})
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx")["One"]
    assert [[cell.value for cell in row] for row in sheet.rows] == [["a", "b"], ["=1+1", 2.5]]
    assert sheet["A2"].data_type == "s"


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_workbook_on_a_full_disk(tmp_path, monkeypatch):
    class Full(io.FileIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fdopen", lambda handle, *mode, **more: Full(handle, "w"))
    with pytest.raises(ConfigError, match="No space left on device"):
        write_xlsx(tmp_path / "x.xlsx", {"One": (["a"], [[1]])})
    assert list(tmp_path.iterdir()) == []
