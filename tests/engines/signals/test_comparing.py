"""The comparison of a text with what was read: letters, case, doubt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.engines.signals.comparing import compare
from pytest_imagejudge.engines.signals.ocr import Line
from pytest_imagejudge.engines.signals.page import Page, pages


def page(*texts, trust=0.99):
    return Page(
        [
            Line(text, (trust,) * len(text), (0.0, 60.0 * row, 20.0 * len(text), 60.0 * row + 40), 40.0)
            for row, text in enumerate(texts)
        ]
    )


@pytest.mark.parametrize(
    ("text", "lines", "wrong"),
    [
        ("Grand Opening", ["Grand Opening"], ()),
        ("Grand Opening", ["Grand", "Opening"], ()),
        ("Grand Opening", ["Grand Openning"], ("'n' added",)),
        ("COFFEE", ["COFEE"], ("'F' missing",)),
        ("Do Not Enter", ["Do Not Entor"], ("'o' for 'e'",)),
        ("Bee", ["Bees"], ("'s' added",)),
        ("The", ["Theory", "The"], ()),
        ("生日快乐", ["祝你生日快乐"], ()),
        ("生日快乐", ["生目快乐"], ("'目' for '日'",)),
    ],
)
def test_letters_that_are_wrong(text, lines, wrong):
    assert compare(text, page(*lines)).wrong == wrong


def test_a_letter_that_was_hardly_read_is_not_wrong_for_sure():
    found = compare("Do Not Enter", page("Do Not Entor", trust=0.7))
    assert found.wrong == ()
    assert found.similarity < 1


@pytest.mark.parametrize(
    ("text", "read", "case", "height"),
    [
        ("Open", "Open", 0, 0),
        ("OPEN", "Open", 2, 1),
        ("Keep Calm", "keep calm", 0, 2),
        ("Café 24", "CAFÉ 24", 2, 1),
    ],
)
def test_letters_in_the_other_case(text, read, case, height):
    found = compare(text, page(read))
    assert (len(found.case), len(found.height)) == (case, height)
    assert found.similarity == 1


def test_the_place_in_the_right_case_is_the_one_that_counts():
    found = compare("OPEN", page("open", "OPEN", "open"))
    assert (found.case, found.read) == ((), "OPEN")


def test_doubt_is_about_the_chinese_sign_that_was_read_worst():
    lines = [Line("营业时间", (1.0, 0.99, 1.0, 0.8), (0.0, 0.0, 160.0, 40.0), 40.0)]
    assert compare("营业时间", Page(lines)).doubt == ("间", 0.8)
    assert compare("Tea", page("Tea", trust=0.8)).doubt is None


@pytest.mark.parametrize(
    ("text", "rivals", "rival"),
    [
        ("营业时间", {"间": ("问", 0.3), "时": ("地", 0.1)}, ("间", "问", 0.3)),
        ("营业时间", {"间": ("間", 0.4)}, None),  # the traditional form
        ("營業時間", {"間": ("间", 0.4), "時": ("峙", 0.1)}, ("時", "峙", 0.1)),  # the simplified form
        ("間に合う", {"間": ("问", 0.4), "合": ("台", 0.2)}, ("合", "台", 0.2)),  # of no Japanese
        ("未来", {"来": ("來", 0.4), "未": ("末", 0.3)}, ("未", "末", 0.3)),  # the older form, in Japanese
        ("人口", {"口": ("ロ", 0.4)}, None),  # a syllable that looks the same
        ("営業时间", {"间": ("问", 0.4)}, ("间", "问", 0.4)),  # signs of several scripts
        ("Tea", {"T": ("I", 0.4)}, None),
        ("天", {"天": ("", 0.4)}, None),
    ],
)
def test_the_second_choice_for_a_chinese_sign_is_one_of_the_same_script(text, rivals, rival):
    others = tuple(rivals.get(char, ("", 0.0)) for char in text)
    line = Line(text, (0.6,) * len(text), (0.0, 0.0, 160.0, 40.0), 40.0, others)
    assert compare(text, Page([line])).rival == rival


def test_columns_are_read_as_well_as_rows():
    lines = [
        Line(text, (1.0,) * len(text), (left, top, left + 100, top + 40), 40.0)
        for text, left, top in [("Fresh", 0.0, 0.0), ("Bus", 500.0, 2.0), ("Bread", 0.0, 50.0), ("Stop", 500.0, 52.0)]
    ]
    assert [one.text for one in pages(lines)] == ["Fresh Bus Bread Stop", "Fresh Bread Bus Stop"]


@given(
    st.text(alphabet="abAB天天 .1é", max_size=12),
    st.lists(st.text(alphabet="abAB天 .1é", min_size=1, max_size=9), max_size=3),
)
def test_any_text_is_compared_with_any_page(text, lines):
    found = compare(text, page(*lines))
    assert 0 <= found.similarity <= 1
    assert all(0 <= start < end for start, end in found.spans)


@given(st.text(alphabet="abcdeABCDE天地人 ", min_size=1, max_size=12).filter(lambda text: text.strip()))
def test_a_text_is_found_in_itself_without_a_fault(text):
    found = compare(text, page(text))
    assert found.similarity == 1
    assert (found.wrong, found.case, found.height, found.closed) == ((), (), (), True)
