from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.cli import main
from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.renderers.html_payload import embed
from pytest_imagejudge.report import json_file as report_json
from pytest_imagejudge.report.entry import entry_of
from pytest_imagejudge.report.lookup import bounds_of
from pytest_imagejudge.report.model import Report
from pytest_imagejudge.thresholds.loading import load_profile
from tests.report import samples


def test_the_shipped_schema_is_that_of_the_models() -> None:
    assert report_json.SCHEMA_FILE.read_text(encoding="utf-8") == report_json.schema_text()


def test_a_report_fits_its_schema_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    report = samples.report()
    report_json.write(report, tmp_path / "deep" / "x.json")
    data = json.loads((tmp_path / "deep" / "x.json").read_text(encoding="utf-8"))
    jsonschema.validate(data, json.loads(report_json.SCHEMA_FILE.read_text(encoding="utf-8")))
    assert data["schema"] == "imagejudge-report/1"
    assert data["verdicts"][0]["image"] == "../img/0.png"
    assert data["verdicts"][0]["total"] == report.verdicts[0].total  # full precision
    assert data["verdicts"][-1]["total"] is None
    assert report_json.read(tmp_path / "deep" / "x.json") == report


@pytest.mark.parametrize("place", [(), ("run",), ("verdicts", 0), ("edits", 0), ("suite", 0), ("summary",)])
def test_the_schema_refuses_a_report_that_lacks_a_field(tmp_path: Path, place: tuple[str | int, ...]) -> None:
    report_json.write(samples.report(1), tmp_path / "x.json")
    data = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    schema = jsonschema.Draft202012Validator(json.loads(report_json.SCHEMA_FILE.read_text(encoding="utf-8")))
    part = data
    for step in place:
        part = part[step]
    for name in list(part):
        value = part.pop(name)
        assert not schema.is_valid(data), name
        part[name] = value
    assert schema.is_valid(data)


def test_a_report_that_lacks_fields_is_still_read(tmp_path: Path) -> None:
    """An older version did not write all of them."""
    (tmp_path / "x.json").write_text(
        '{"schema": "imagejudge-report/1", "verdicts": [{"key": "k", "image": "", "prompt": "", "outcome": "passed"}]}'
    )
    (entry,) = report_json.read(tmp_path / "x.json").verdicts
    assert (entry.outcome, entry.test_failed, entry.shown_as_failed) == ("passed", False, False)


def test_unknown_fields_are_kept(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(
        '{"schema": "imagejudge-report/1", "colour": "red",'
        ' "verdicts": [{"key": "", "image": "", "prompt": "", "new": 1}]}'
    )
    report_json.write(report_json.read(tmp_path / "x.json"), tmp_path / "y.json")
    data = json.loads((tmp_path / "y.json").read_text())
    assert data["colour"] == "red"
    assert data["verdicts"][0]["new"] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["not JSON", "line 1", "a report is expected, as --judge-report FILE.json writes it"]),
        ("{", ["not JSON"]),
        ("[]", ["a JSON object, not an array"]),
        ("3", ["not a number"]),
        ("null", ["not null"]),
        ("{}", ['"schema" is missing', "imagejudge-report/1"]),
        ('{"shema": "imagejudge-report/1"}', ['is "shema" meant for it']),
        ('{"schema": "imagejudge-report/2"}', ["imagejudge-report/2", "another version"]),
        ('{"schema": "imagejudge-baseline/1"}', ["a baseline, not a report", "--judge-report"]),
        ('{"schema": "imagejudge-ranking/1"}', ["a ranking, not a report"]),
        ('{"schema": "imagejudge-repot/1"}', ['did you mean "imagejudge-report/1"']),
        ('{"schema": 1}', ['"schema" is 1']),
        ('{"schema": "imagejudge-report/1", "verdicts": 3}', ["verdicts is 3"]),
        ('{"schema": "imagejudge-report/1", "verdicts": [{"image": ""}]}', ["verdicts[0].prompt is missing"]),
        ('{"schema": "imagejudge-report/1", "edits": [{"source_image": ""}]}', ["edits[0].edited_image is missing"]),
        (
            '{"schema": "imagejudge-report/1", "verdicts": [{"key": "", "image": "", "promt": ""}]}',
            ["verdicts[0].prompt is missing", 'is "promt" meant for it'],
        ),
        (
            '{"schema": "imagejudge-report/1", "verdicts":'
            ' [{"key": "", "image": "", "prompt": "", "outcome": "pased"}]}',
            ["verdicts[0].outcome", '"pased"', 'did you mean "passed"'],
        ),
        ('{"schema": "imagejudge-report/1", "run": {"seconds": NaN}}', ["NaN is no JSON number"]),
        (
            '{"schema": "imagejudge-report/1", "run": {"seconds": -1e999}}',
            ["-1e999 is larger than any figure of a report"],
        ),
        (
            '{"schema": "imagejudge-report/1", "verdicts": [{"image": "", "prompt": "", "total": "60"}]}',
            ['verdicts[0].total is "60"', "valid number"],
        ),
        ('{"schema": "imagejudge-report/1", "run": {"seconds": "1e999"}}', ['run.seconds is "1e999"', "finite"]),
        ('{"schema": "imagejudge-report/1", "run": {"seconds": 1e308}}', ["1e308 is larger than any figure"]),
        (
            '{"schema": "imagejudge-report/1", "run": {"requests": ' + "9" * 400 + "}}",
            ["999… is larger than any figure"],
        ),
        (
            '{"schema": "imagejudge-report/1", "x": {"\\ud800": 1}}',
            ['a name "\\ud800": it contains half a surrogate pair'],
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        report_json.read(path)
    for word in ["bad.json", *words]:
        assert word in str(caught.value)


def test_files_that_cant_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json"):
        report_json.read(tmp_path / "none.json")
    with pytest.raises(ConfigError, match=tmp_path.name):
        report_json.read(tmp_path)
    (tmp_path / "latin.json").write_bytes(b'{"schema": "\xe9"}')
    with pytest.raises(ConfigError, match=r"latin\.json: not a report: not UTF-8"):
        report_json.read(tmp_path / "latin.json")
    (tmp_path / "deep.json").write_text('{"schema": "imagejudge-report/1", "x": ' + "[" * 100_000)
    with pytest.raises(ConfigError, match=r"deep\.json"):
        report_json.read(tmp_path / "deep.json")


def test_a_byte_order_mark_is_taken(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('\ufeff{"schema": "imagejudge-report/1"}', encoding="utf-8")
    assert report_json.read(tmp_path / "x.json") == Report()


@given(st.text(), st.text(st.characters(categories=["Cc", "Cf", "Zl", "Zp"])))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, prompt: str, odd: str) -> None:
    path = tmp_path_factory.mktemp("any") / "x.json"
    entry = samples.entry(1).model_copy(update={"prompt": prompt + odd})
    report_json.write(Report(verdicts=[entry]), path)
    assert report_json.read(path).verdicts[0].prompt == prompt + odd


def test_a_file_that_cant_be_written_leaves_nothing_and_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(ConfigError, match=r"folder\.json"):
        report_json.write(Report(), tmp_path / "folder.json")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="file"):
        report_json.write(Report(), tmp_path / "file" / "x.json")
    path = tmp_path / "x.json"
    path.write_text("old")
    broken = samples.entry(1).model_copy(update={"total": float("nan")})
    with pytest.raises(ValueError, match=r"(?i)nan|range"):
        report_json.write(Report(verdicts=[broken]), path)
    assert path.read_text() == "old"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "folder.json", "x.json"]


def test_the_file_can_be_read_by_others(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        report_json.write(Report(), tmp_path / "x.json")
    finally:
        os.umask(mask)
    assert (tmp_path / "x.json").stat().st_mode & 0o777 == 0o644


@given(
    st.recursive(st.text(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
)
def test_what_is_embedded_in_html_is_json_that_cant_end_its_element(data: object) -> None:
    text = embed(data)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == data


def test_the_bounds_of_a_run_are_those_that_all_its_images_share() -> None:
    one, two = samples.entry(1), samples.entry(2, bounds={(): 55.0, ("Quality",): 10.0})
    assert bounds_of([one]) == samples.BOUNDS
    assert bounds_of([one, two]) == {(): 55.0}
    assert bounds_of([one, samples.entry(3, bounds={})]) == samples.BOUNDS
    assert bounds_of([]) == {}


def test_the_profile_that_was_applied_is_in_the_entry() -> None:
    profile = load_profile("typography")
    made = entry_of(samples.verdict(1), profile)
    assert made.thresholds == "typography"
    assert {tuple(each.path) for each in made.bounds} >= {path or ("total",) for path in profile.bounds()}
    assert {tuple(each.path) for each in made.breaches} <= {tuple(each.path) for each in made.bounds}


def test_a_report_of_another_program_with_only_what_is_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = {
        "schema": "imagejudge-report/1",
        "run": {"version": "", "started": "", "seconds": 0.0, "judges": [{"model": "", "fingerprint": {}}],
                "requests": 0, "from_store": 0, "prompt_tokens": 0, "cached_prompt_tokens": 0, "output_tokens": 0,
                "restarts": 0},
        "verdicts": [{"key": "", "id": None, "test": None, "image": "", "prompt": "", "outcome": "failed",
                      "source": "engine", "total": 61.3, "level1": {"Quality": 60.0, "New": 3},
                      "level2": {"Quality": {"Realism": 60.0}},
                      "level3": {"Quality": {"Realism": {"Physical Logic": {"raw": 1, "score": 60.0, "evidence": ""}}}},
                      "error": "", "unreadable": [["Aesthetics"], ["New", "Name"]],
                      "problems": [{"path": ["Quality"], "kind": "wrapped", "detail": ""}],
                      "breaches": [{"path": ["Quality", "Realism"], "score": 40.0, "bound": 50.0},
                                   {"path": ["New"], "score": 1, "bound": 2}],
                      "answers": {"Quality": "raw text"}}],
        "edits": [{"source_image": "", "edited_image": "", "instruction": "", "score": 3.71, "aspects": {},
                   "answer": ""}],
        "suite": [{"path": ["Quality"], "mean": 0.0, "low": 0.0, "high": 0.0, "n": 0, "bound": 0.0,
                   "outcome": "undecided"}],
        "summary": {"n": 0, "total": {"mean": 0.0, "n": 0}, "level1": {}, "level2": {}, "level3": {}},
    }  # fmt: skip
    (tmp_path / "x.json").write_text(json.dumps(data))
    assert main(["report", "x.json", "-o", "y.html", "-o", "y.md", "-o", "y.json"]) == 0
    assert main(["report", "x.json"]) == 0
    assert "Quality / Realism 40.0 &lt; 50.0" in (tmp_path / "y.md").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "y.json").read_text())["verdicts"][0]["level1"]["New"] == 3


def test_an_empty_report_can_be_written_in_every_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.json").write_text('{"schema": "imagejudge-report/1"}')
    assert main(["report", "x.json", "-o", "y.html", "-o", "y.md", "-o", "y.json"]) == 0
    assert "Nothing was judged" in (tmp_path / "y.html").read_text(encoding="utf-8")


def test_a_report_that_is_not_there_says_what_writes_one(tmp_path):
    words = r"none\.json: there is no such file; a report is expected, as --judge-report FILE\.json writes it"
    with pytest.raises(ConfigError, match=words):
        report_json.read(tmp_path / "none.json")
