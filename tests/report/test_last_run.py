"""The last run's figures, in the folder of the store."""

import pytest

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.report.last_run import FILE_NAME, keep_last_run, last_run
from pytest_imagejudge.report.uses import JudgeUse

USE = JudgeUse(model="m", protocol="house", images=3, prompt_tokens=30, output_tokens=6, began=1.0, ended=2.0)


def test_what_is_kept_is_read(tmp_path):
    keep_last_run(tmp_path, "2026-01-01", [USE, JudgeUse(kind="edit")])
    found = last_run(tmp_path)
    assert found is not None
    assert (found.started, found.judges) == ("2026-01-01", [USE])


def test_a_run_that_asked_nothing_leaves_the_one_before(tmp_path):
    keep_last_run(tmp_path, "2026-01-01", [USE])
    keep_last_run(tmp_path, "2026-01-02", [JudgeUse()])
    found = last_run(tmp_path)
    assert found is not None
    assert found.started == "2026-01-01"


def test_nothing_is_known(tmp_path):
    assert last_run(tmp_path) is None
    assert last_run(tmp_path / "gone") is None


def test_without_a_store_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keep_last_run(None, "", [USE])
    keep_last_run(tmp_path / "gone", "", [USE])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", '{"judges": [{"images": "many"}]}', "\xff"])
def test_something_else_is_named(tmp_path, text):
    (tmp_path / FILE_NAME).write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError, match=FILE_NAME):
        last_run(tmp_path)
