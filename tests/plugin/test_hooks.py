"""The hooks for other plugins."""

import json

import pytest

TESTS = """
import pytest

@pytest.mark.parametrize("picture", ["good", "fair", "bad"])
def test_fox(image_judge, picture):
    image_judge.expect(f"{picture}.png", prompt="a red fox")

def test_now(image_judge):
    image_judge.check("good.png", prompt="another fox")
"""
PLUGIN = """
import dataclasses
import json
from pytest_imagejudge.judge import protocol_for
from pytest_imagejudge.protocols.base import Protocol
from pytest_imagejudge.support.digests import digest_of

class Wrapped(Protocol):
    def __init__(self, usual, words):
        self.usual, self.words, self.name = usual, words, "wrapped"
    @property
    def digest(self):
        return digest_of(self.words, self.usual.digest)
    def sampling(self, dimension, *, again=False):
        return self.usual.sampling(dimension, again=again)
    def render(self, text, images, dimension, *, again=False):
        request = self.usual.render(text, images, dimension, again=again)
        return dataclasses.replace(request, text=f"{self.words}: {text}", primer=None)
    def read(self, dimension, text, finish_reason):
        return self.usual.read(dimension, text, finish_reason)

def pytest_addoption(parser):
    parser.addoption("--words")

def pytest_imagejudge_protocol(config, settings):
    words = config.getoption("--words")
    return Wrapped(protocol_for(settings), words) if words else None

def pytest_imagejudge_verdict(config, entry):
    with (config.rootpath / "verdicts.jsonl").open("a") as file:
        on_worker = hasattr(config, "workerinput")
        file.write(json.dumps([entry.test, entry.outcome, entry.total, on_worker]) + "\\n")

def pytest_imagejudge_report(config, report, path):
    if path.name != "count.md":
        return None
    path.write_text(f"{len(report.verdicts)} of {report.summary.n}")
    return True
"""


@pytest.fixture
def plugged(project):
    project.tests(TESTS)
    (project.path / "ours.py").write_text(PLUGIN, encoding="utf-8")
    project.pytester.syspathinsert()
    return project


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "with workers"])
def test_a_verdict_is_told_once(plugged, workers):
    result = plugged.run("-pours", *workers, process=True)
    result.assert_outcomes(passed=3, failed=1)
    told = [json.loads(line) for line in (plugged.path / "verdicts.jsonl").read_text().splitlines()]
    assert sorted(told) == [
        ["test_it.py::test_fox[bad]", "failed", 0, False],
        ["test_it.py::test_fox[fair]", "passed", 60, False],
        ["test_it.py::test_fox[good]", "passed", 100, False],
        ["test_it.py::test_now", "passed", 100, False],
    ]


def test_a_report_of_ones_own_and_the_usual_beside_it(plugged):
    plugged.run("-pours", "--judge-report=count.md", "--judge-report=usual.md")
    assert (plugged.path / "count.md").read_text() == "4 of 4"
    assert (plugged.path / "usual.md").read_text().startswith("#")
    assert len(plugged.report["verdicts"]) == 4


def test_a_changed_request_has_answers_of_its_own(plugged):
    plugged.run("-pours", "--words=look twice")
    assert plugged.log()["ask Quality look twice: a red fox"] == 3
    assert plugged.report["verdicts"][0]["fingerprint"]["protocol"] == "wrapped"
    assert plugged.report["run"]["from_store"] == 0
    asked = plugged.asked()
    plugged.run("-pours", "--words=look twice")
    assert plugged.asked() == asked
    plugged.run("-pours", "--words=look again")
    assert plugged.asked() == 2 * asked
    plugged.run("-pours")
    assert plugged.asked() == 3 * asked


def test_the_protocol_decides_what_can_be_bounded(plugged):
    (plugged.path / "ours.py").write_text(PLUGIN.replace('"wrapped"\n', '"wrapped"; self.has_total = False\n', 1))
    result = plugged.run("-pours", "--words=look", "--judge-thresholds=default")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*total is bounded, but the judge stand-in*has no total*"])
