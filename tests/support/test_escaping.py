import re

from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.support.escaping import escape, for_github, for_log, for_node_id


def test_ordinary_text_stays_as_it_is():
    for text in ("a red fox, 50% off: C:\\new\\table", "红色的狐狸", "ثعلب", "👩‍👩‍👧 café", ""):
        assert escape(text) == text


def test_controls_become_visible():
    assert escape("a\nb\r\tc") == "a\\nb\\r\\tc"
    assert escape("\x1b[31mred\x1b]0;title\x07") == "\\x1b[31mred\\x1b]0;title\\x07"
    assert escape("\x9b2J\x7f\0") == "\\x9b2J\\x7f\\x00"


def test_what_reorders_or_hides_becomes_visible():
    assert escape("exe\u202egnp") == "exe\\u202egnp"
    assert escape("a\u2066b\u2069\u200b\ufeff\u2028") == "a\\u2066b\\u2069\\u200b\\ufeff\\u2028"
    assert escape("x\U000e0041") == "x\\U000e0041"


def test_lone_surrogates_can_be_encoded_afterwards():
    assert escape("fox-\udcff.png").encode() == b"fox-\\udcff.png"


def test_anything_with_a_str_is_taken(tmp_path):
    assert escape(tmp_path / "a\nb").endswith("a\\nb")


@given(st.text(alphabet=st.characters(codec=None)))
def test_one_printable_line_whatever_it_is(text):
    safe = escape(text)
    assert safe.encode("utf-8").decode() == safe
    assert len(safe.splitlines()) <= 1
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", safe)
    assert escape(safe) == safe


def test_github_messages_are_encoded_as_the_runner_decodes_them():
    assert for_github("100%\r\nsecond") == "100%25%0D%0Asecond"
    assert for_github("tests/test_a.py::test_b") == "tests/test_a.py::test_b"
    assert for_github("a:b,c", prop=True) == "a%3Ab%2Cc"
    assert for_github("\x1b[0m") == "\\x1b[0m"


@given(st.lists(st.sampled_from([*":#[ %\r\n\te", "::error::", "##[error]", "::stop-commands::"])).map("".join))
def test_no_workflow_command_survives(text):
    assert "::" not in for_node_id(text)
    for safe in (for_github(text), for_log(text), for_node_id(text)):
        for line in safe.splitlines():
            assert not line.lstrip().startswith("::")
            assert "##[" not in line
    assert ":" not in for_github(text, prop=True)


def test_a_log_line_cannot_start_a_command():
    assert for_log("::error::gate passed") == ": :error::gate passed"
    assert for_log("  ::stop-commands::x") == "  : :stop-commands::x"
    assert for_log("x ##[error]y") == "x ## [error]y"
    assert for_log("a::b") == "a::b"


def test_a_node_id_has_no_part_more():
    assert for_node_id("::error::x") == ": :error: :x"
    assert for_node_id("a:b\n##[x]") == "a:b\\n## [x]"
    assert for_node_id("plain [1] C:\\new 狐") == "plain [1] C:\\new 狐"
