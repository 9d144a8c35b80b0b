"""What commands print: no figure of a table is broken or cut, and a wrong argument is answered in words."""

import re
import sys

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.commands.console import Output, table
from pytest_imagejudge.outputs import print_table

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


def test_headings_of_a_plan_fit_into_80_columns(monkeypatch, capsys):
    terminal(monkeypatch, 80)
    found = table("dimension", "SD prompts", "SD seeds", *(f"prompts (x {k})" for k in (1, 2, 4, 8)), "sees a drop of")
    found.add_row("Real-world Fidelity", "15.1", "24.5", "1,432", "718", "361", "183", "12.40")
    Output().print(found)
    out = plain(capsys.readouterr().out)
    assert "…" not in out
    assert all(word in out for word in ("Real-world Fidelity", "24.5", "1,432", "12.40", "(x 8)"))


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
        (["init", "a", "##[error]\x1b[31m"], "unrecognized arguments: ## [error]\\x1b[31m"),
    ],
)
def test_a_wrong_argument_is_named_with_the_nearest(capsys, arguments, words):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    out, err = capsys.readouterr()
    assert (out, words in err) == ("", True)
