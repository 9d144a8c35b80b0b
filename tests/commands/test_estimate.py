"""``imagejudge plan --images N``: time, tokens and cost beforehand, from an earlier run."""

import argparse
import json

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.commands.estimate import UNKNOWN
from pytest_imagejudge.report.json_file import write
from pytest_imagejudge.report.last_run import FILE_NAME, keep_last_run
from pytest_imagejudge.report.model import Cost, EditEntry, JudgeEntry, Report, Run, VerdictEntry
from pytest_imagejudge.report.uses import JudgeUse

PRICE = "input=2 cached=1 output=10"
USED = {"prompt_tokens": 40_000, "cached_prompt_tokens": 10_000, "output_tokens": 8_000}
USE = JudgeUse(model="m", protocol="house", images=20, requests=100, began=1000.0, ended=1060.0, **USED)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".imagejudge" / "store").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def kept(folder):
    def keep(*uses, store=".imagejudge/store"):
        (folder / store).mkdir(exist_ok=True)
        keep_last_run(folder / store, "2026-01-01T00:00:00+00:00", uses)

    return keep


@pytest.fixture
def plan(capsys):
    def run(*arguments):
        code = main(["plan", "--images", "200", *map(str, arguments)])
        found = capsys.readouterr()
        return argparse.Namespace(code=code, out=" ".join(found.out.split()), err=found.err)

    return run


@pytest.fixture
def estimate(plan, capsys):
    def run(*arguments):
        assert main(["plan", "--images", "200", *map(str, arguments), "--json"]) == 0
        return json.loads(capsys.readouterr().out)["estimate"]

    return run


def test_where_nothing_is_known_that_is_said(plan, estimate):
    found = plan()
    assert found.code == 0
    assert UNKNOWN in found.out
    known = estimate("--judge-price", PRICE)
    assert known["images"] == 200
    figures = ("seconds", "prompt_tokens", "cached_prompt_tokens", "output_tokens", "cost", "source")
    assert all(known[name] is None for name in figures)


def test_the_last_run_is_scaled(plan, estimate, kept):
    kept(USE)
    found = estimate("--judge-price", PRICE)
    assert {name: found[name] for name in ("images", "seconds", *USED)} == {
        "images": 200,
        "seconds": 600.0,
        **{name: 10 * value for name, value in USED.items()},
    }
    assert found["cost"] == {
        "amount": (300_000 * 2 + 100_000 * 1 + 80_000 * 10) / 10**6,
        "currency": "USD",
        "uncounted": 0,
        **{name: 10 * value for name, value in USED.items()},
    }
    assert FILE_NAME in found["source"]
    assert "2026-01-01" in found["source"]
    (judge,) = found["judges"]
    assert (judge["model"], judge["images_a_second"], judge["prompt_tokens"]) == ("m", round(20 / 60, 4), 2000)
    text = plan("--judge-price", PRICE).out
    assert "200 images more: about 10 min 00 s, 400,000 prompt tokens (100,000 of them cached), 80,000 output" in text
    assert "cost 1.50 USD" in text
    assert "m house: 20 images a minute, 2,000 prompt and 400 output tokens an image." in text
    assert "A suite of 200 images" in text  # as before


def test_a_judge_that_uses_no_tokens(plan, kept):
    kept(USE.model_copy(update=dict.fromkeys(USED, 0)))
    text = plan().out
    assert "200 images more: about 10 min 00 s, no tokens reported." in text
    assert "m house: 20 images a minute, no tokens reported." in text
    assert "Note: that run" not in text


def test_the_time_of_a_run_of_few_images_is_told_as_such(plan, kept):
    kept(USE.model_copy(update={"model": "signals", "protocol": "signals", "images": 1}))
    text = plan().out
    assert ". signals: 1 images a minute" in text  # its name once
    assert "Note: that run judged 1 image: much of its time may be the judge's start" in text


def test_without_a_price_the_cost_is_not_known(plan, estimate, kept):
    kept(USE)
    assert estimate()["cost"] is None
    assert "cost not known without --judge-price" in plan().out


def test_the_price_of_the_last_run_is_kept_with_it(estimate, kept):
    kept(USE.model_copy(update={"price": PRICE}))
    assert estimate()["cost"]["amount"] == 1.5
    assert estimate("--judge-price=input=0 output=0 currency=EUR")["cost"]["currency"] == "EUR"


def test_of_two_judges_the_one_of_images_counts(plan, estimate, kept):
    kept(USE.model_copy(update={"kind": "edit", "model": "e"}), USE)
    found = estimate("--edit-judge-price=input=99 output=99")
    assert found["prompt_tokens"] == 400_000
    assert found["cost"] is None
    assert [judge["kind"] for judge in found["judges"]] == ["edit", "image"]
    assert "tokens an edit." in plan().out


def test_of_a_judge_of_edits_alone(estimate, kept):
    kept(USE.model_copy(update={"kind": "edit"}))
    assert estimate("--edit-judge-price", PRICE)["cost"]["amount"] == 1.5


def test_another_store(estimate, kept):
    kept(USE, store="other")
    assert estimate()["source"] is None
    assert estimate("--judge-store=other")["prompt_tokens"] == 400_000


def test_a_judge_that_told_no_tokens(plan, estimate, kept):
    kept(JudgeUse(images=20, began=1.0, ended=61.0, uncounted=100))
    found = estimate("--judge-price", PRICE)
    assert (found["seconds"], found["prompt_tokens"], found["cost"]) == (600.0, None, None)
    assert "no tokens reported" in plan().out


def test_some_tokens_that_were_not_told_make_it_a_least_one(plan, kept):
    kept(USE.model_copy(update={"uncounted": 1}))
    assert "cost at least 1.50 USD" in plan("--judge-price", PRICE).out


def report(folder, *, cost=None, source="engine", edits=0):
    entry = {"source": source, "outcome": "passed"}
    images = [VerdictEntry(key=str(i), image="a", prompt=f"p{i}", total=60.0, **entry) for i in range(20)]
    both = [EditEntry(key=f"e{i}", source_image="a", edited_image="b", instruction="c", **entry) for i in range(edits)]
    run = Run(seconds=60.0, requests=100, cost=cost, judges=[JudgeEntry(model="m")], **USED)
    write(Report(run=run, verdicts=images, edits=both), folder / "r.json")
    return "--from=r.json"


def test_a_report_is_a_source(plan, estimate, folder, kept):
    kept(USE.model_copy(update={"images": 1}))
    found = estimate(report(folder), "--judge-price", PRICE)
    assert (found["seconds"], found["prompt_tokens"], found["cost"]["amount"]) == (600.0, 400_000, 1.5)
    assert found["source"] == "r.json"


def test_what_a_report_says_of_its_cost_is_scaled(estimate, folder):
    found = estimate(report(folder, cost=Cost(amount=0.25, currency="EUR", **USED)))
    assert (found["cost"]["amount"], found["cost"]["currency"]) == (2.5, "EUR")
    found = estimate(report(folder, cost=Cost(amount=None, currency="EUR, USD")))
    assert found["cost"] is None


def test_a_report_of_images_and_edits_gives_means_over_both(estimate, folder):
    assert estimate(report(folder, edits=20))["prompt_tokens"] == 200_000


def test_a_report_of_stored_answers_says_nothing(plan, estimate, folder, kept):
    found = estimate(report(folder, source="store"))
    assert (found["source"], found["from_store"]) == (None, None)
    why = "Note: r.json tells no time and no tokens: none of its images was judged anew, and 20 images came from the"
    assert f"{UNKNOWN} {why} store." in plan("--from=r.json").out
    kept(USE)
    assert FILE_NAME in estimate(report(folder, source="store"))["source"]
    assert "Images in the store take no request. " + why in plan("--from=r.json").out


def test_images_from_the_store_are_told_beside_those_that_were_judged(plan, estimate, folder):
    report(folder)
    data = json.loads((folder / "r.json").read_text())
    for entry in data["verdicts"][:15]:
        entry["source"] = "store"
    (folder / "r.json").write_text(json.dumps(data))
    assert estimate("--from=r.json")["from_store"] == 15
    assert "Figures from: r.json: 5 images judged anew, 15 more from the store." in plan("--from=r.json").out


def test_without_images_there_is_no_estimate(capsys):
    assert main(["plan", "--detect", "4", "--json"]) == 0
    assert "estimate" not in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("key", ["--judge-price", "--edit-judge-price"])
def test_no_price(plan, key):
    found = plan(f"{key}=2.50")
    assert found.code == 2
    assert f"{key}: '2.50' is no price" in found.err


def test_damaged_figures_are_named(plan, folder):
    (folder / ".imagejudge" / "store" / FILE_NAME).write_text("{")
    found = plan()
    assert found.code == 2
    assert FILE_NAME in found.err
