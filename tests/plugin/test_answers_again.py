"""Runs of pytest that follow each other: what they are given of earlier answers, and what they say of an endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.protocols.house import SHIPPED, source_of
from pytest_imagejudge.settings import API_KEY_VARIABLE
from pytest_imagejudge.taxonomy import LEVEL1
from tests.stand_in.endpoint import Call, Reply, StandIn, completion, failure
from tests.stand_in.judge import levels
from tests.stand_in.project import Project

BOTH = """
    import pytest

    @pytest.mark.parametrize("name", ["good", "unreadable"])
    def test_it(image_judge, name):
        image_judge.check(f"{name}.png", prompt="a red fox")
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.delenv(API_KEY_VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = StandIn()
    yield server
    server.close()


def sound(call: Call, **options: Any) -> Reply:
    text = json.dumps(call.body["messages"])
    (dimension,) = (one for one in LEVEL1 if f"in one respect only: {one}" in text)
    return completion(levels(dimension, 2), **options)


def ask(project: Project, server: StandIn, *options: str) -> pytest.RunResult:
    project.tests('def test_it(image_judge):\n    image_judge.check("fair.png", prompt="a red fox")')
    protocol = () if any("protocol" in option for option in options) else ("--judge-protocol=house",)
    return project.run(f"--judge-url={server.url}", "--judge-report=report.json", *protocol, *options, judge=False)


def test_only_what_could_be_read_is_not_asked_again(project: Project) -> None:
    project.tests(BOTH)
    for count in (1, 2):
        project.run().assert_outcomes(passed=1, failed=1)
        assert project.asked() == len(LEVEL1) + 2 * len(LEVEL1) * count
        assert project.outcomes() == {"good": "passed", "unreadable": "error"}
    assert project.report["run"]["from_store"] == len(LEVEL1)


def test_an_answer_that_the_server_broke_off_is_no_answer(project: Project, server: StandIn) -> None:
    broken: list[Call] = []

    def answer(call: Call) -> Reply:
        if len(broken) < 3:
            broken.append(call)
            return completion('{"Realism": ', reason="abort")
        return sound(call)

    server.answer = answer
    ask(project, server).assert_outcomes(passed=1)
    assert len(server.asked) == len(LEVEL1) + 3
    (verdict,) = project.report["verdicts"]
    assert verdict["problems"] == []


def test_a_context_that_is_full_is_said_by_the_run(project: Project, server: StandIn) -> None:
    usage = {"prompt_tokens": 3000, "completion_tokens": 1096}
    server.answer = lambda call: sound(call, reason="length", usage=usage)
    result = ask(project, server)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*--judge-arg=--max-model-len=N*"])
    result.stdout.no_fnmatch_line("*judge_decoding*")
    (verdict,) = project.report["verdicts"]
    assert [problem["kind"] for problem in verdict["problems"]] == ["context-full", "asked-again"] * len(LEVEL1)
    assert "1,096 of 4,096 tokens with a prompt of 3,000" in verdict["problems"][0]["detail"]
    server.answer = sound
    ask(project, server).assert_outcomes(passed=1)


@pytest.mark.parametrize("again", [("judge-may", 0), ("judge-june", 1)])
def test_another_model_under_the_same_name_is_told(
    project: Project, server: StandIn, again: tuple[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    served, lines = again
    against = ("--judge-baseline=base.json", "--judge-no-store")
    server.answer = lambda call: sound(call, told={"model": "judge-may", "system_fingerprint": "fp_1"})
    ask(project, server, *against, "--judge-update-baseline").assert_outcomes(passed=1)
    assert project.report["run"]["judges"][0]["served_models"] == ["judge-may"]
    (project.path / "report.json").rename(project.path / "may.json")
    server.answer = lambda call: sound(call, told={"model": served, "system_fingerprint": "fp_1"})
    result = ask(project, server, *against)
    result.assert_outcomes(passed=1)
    told = "judge was answered by judge-may before, by judge-june now: another model under the same name"
    assert " ".join(result.stdout.str().split()).count(told) == lines
    assert project.report["verdicts"][0]["fingerprint"]["served_model"] == served
    assert main(["compare", str(project.path / "may.json"), str(project.path / "report.json")]) == 0
    assert capsys.readouterr().err.count(told) == lines


FIELD = 'mm_processor_kwargs = { max_pixels = 65536 }\nmm_of_its_own = "x"\n'


@pytest.fixture
def protocol(project: Project) -> Path:
    """A protocol with fields that the endpoint may not know."""
    file = project.path / "own.toml"
    assert "house" in SHIPPED
    file.write_text(source_of("house").replace("temperature = 0\n", f"temperature = 0\n{FIELD}"), encoding="utf-8")
    return file


def test_a_field_that_the_endpoint_refuses_is_named_and_not_claimed(
    project: Project, server: StandIn, protocol: Path
) -> None:
    def answer(call: Call) -> Reply:
        if "mm_processor_kwargs" in call.body:
            return failure(400, "mm_processor_kwargs: max_pixels is no argument of this processor")
        return sound(call)

    server.answer = answer
    counts = []
    for _ in range(2):  # the second run is given what is stored, with all that is known of it
        ask(project, server, f"--judge-protocol={protocol}").assert_outcomes(passed=1)
        counts.append(len(server.asked))
        (verdict,) = project.report["verdicts"]
        assert [(problem["kind"], problem["path"]) for problem in verdict["problems"]] == [
            ("refused-field", [one]) for one in LEVEL1
        ]
        assert "max_pixels is no argument of this processor" in verdict["problems"][0]["detail"]
        for fingerprint in (verdict["fingerprint"], project.report["run"]["judges"][0]["fingerprint"]):
            assert "mm_processor_kwargs" not in fingerprint["sampling"]
            assert fingerprint["sampling"]["mm_of_its_own"] == "x"
    assert counts[0] == counts[1] > len(LEVEL1)


@pytest.mark.parametrize(("details", "cached"), [(None, None), ({"cached_tokens": 0}, 0), ({"cached_tokens": 90}, 450)])
def test_what_came_from_the_cache_is_said_where_the_server_tells_it(
    project: Project, server: StandIn, details: dict[str, int] | None, cached: int | None
) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 9, "prompt_tokens_details": details}
    server.answer = lambda call: sound(call, usage=usage)
    result = ask(project, server, "--judge-report=page.html", "-v", "-n1", "-o", "judge_sight=assumed")
    result.assert_outcomes(passed=1)
    assert project.report["run"]["cached_prompt_tokens"] == cached
    page = (project.path / "page.html").read_text(encoding="utf-8")
    if cached is None:
        result.stdout.no_fnmatch_line("*% cached*")
        result.stdout.fnmatch_lines(["*500 prompt tokens, 45 output tokens*"])
        assert "500 in, 45 out" in page
    else:
        result.stdout.fnmatch_lines([f"*500 prompt tokens ({cached // 5}% cached), 45 output tokens*"])
        assert f"500 in ({cached} cached), 45 out" in page


def test_answers_to_other_words_stay_in_the_store(project: Project, server: StandIn) -> None:
    """A protocol's words change, as those of ``house`` did with its reasons: both answers are kept, and told apart."""

    def with_reasons(call: Call) -> Reply:
        status, headers, body = sound(call)
        return status, headers, body.replace(rb"\"reason\": \"\"", rb"\"reason\": \"Seen.\"")

    def without(call: Call) -> Reply:
        status, headers, body = sound(call)
        return status, headers, body.replace(rb"\"reason\": \"\", ", b"")

    old = source_of("house").replace("reasons = true", "")
    (project.path / "old.toml").write_text(old, encoding="utf-8")
    project.picture("fair", "fair.png")
    server.answer = without
    ask(project, server, "--judge-protocol=old.toml").assert_outcomes(passed=1)
    server.answer = with_reasons
    for protocol, asked, reason in (("house", 5, "Seen."), ("old.toml", 0, ""), ("house", 0, "Seen.")):
        before = len(server.asked)
        ask(project, server, f"--judge-protocol={protocol}").assert_outcomes(passed=1)
        assert len(server.asked) - before == asked
        (verdict,) = project.report["verdicts"]
        assert verdict["level3"]["Quality"]["Detail"]["Noise"] == {"raw": 2, "score": 100.0, "evidence": reason}
        assert verdict["problems"] == []
