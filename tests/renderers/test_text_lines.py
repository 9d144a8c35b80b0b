from __future__ import annotations

import pytest
from rich.text import Text

from pytest_imagejudge.renderers.text_lines import fits, in_columns, indented, wrapped
from tests.renderers.test_terminal import FAILURES, failure_text


def plain(lines):
    return [line.plain for line in lines]


def test_cells_are_a_space_apart_and_the_last_one_hangs() -> None:
    cells = [Text("one"), Text("2"), Text("red fox in snow")]
    assert plain(in_columns(cells, [4, 1], 15)) == ["one  2 red fox ", "       in snow"]
    assert plain(in_columns([Text("狐"), Text("x")], [3], 20)) == ["狐  x"]  # which is two columns wide


def test_a_row_has_a_width_for_each_cell_but_the_last() -> None:
    with pytest.raises(ValueError):
        list(in_columns([Text("a"), Text("b")], [1, 1], 20))


def test_styles_stay_with_their_words() -> None:
    (line,) = in_columns([Text("a", "dim"), Text("b", "bold")], [2], 20)
    assert [(span.start, span.end, span.style) for span in line.spans] == [(0, 1, "dim"), (3, 4, "bold")]


def test_indented() -> None:
    assert plain(indented(Text("red fox"), 4, 8)) == ["    red ", "    fox"]


@pytest.mark.parametrize(("text", "width", "fit"), [
    ("red fox", 7, True), ("red fox", 6, False), ("狐" * 3, 6, True), ("狐" * 4, 6, False), ("a\nb", 9, False),
    ("a\tb", 9, False), ("", 1, True),
])  # fmt: skip
def test_what_needs_no_wrapping(text: str, width: int, fit: bool) -> None:
    assert fits(Text(text), width) is fit
    assert (plain(wrapped(Text(text), width)) == [text]) is fit


def test_a_long_word_is_divided() -> None:
    assert plain(wrapped(Text("abcdefgh"), 3)) == ["abc", "def", "gh"]


def test_in_a_narrow_terminal_names_give_way_to_scores_and_words() -> None:
    text = failure_text(FAILURES["several bounds"](), width=52, color=False, encoding="utf-8")
    lines = text.splitlines()
    assert all(len(line) <= 52 for line in lines)
    (total,) = (line for line in lines if line.startswith("Total"))
    assert total.split() == ["Total", "53.8", "✗", "bound", "55"]
    assert any("…" in line and line.split()[-2:] == ["100.0", "2"] for line in lines)
