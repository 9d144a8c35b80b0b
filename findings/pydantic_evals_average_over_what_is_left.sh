#!/usr/bin/env bash
# pydantic-evals 2.62.0 averages over the cases that could be scored, so that a run in which nearly all failed has 100 %.
#
# Guess before the run: a case whose task or evaluator raises counts against the averages, or makes them NaN; at least the share
# of passed assertions is one of all cases.
# Seen with pydantic-evals 2.62.0 on CPython 3.11 (the judge is an evaluator of some lines: a score of 100, and whether it passes):
#                                                          score   assertions
#   1 good picture, 1 poor                                 50      0.5
#   1 good picture, 3 whose generation raised              90      1.0
#   1 good picture, 2 on which the judge raised            90      1.0
#   1 good picture, 3 for which the judge had no verdict   90      1.0
#   nothing but cases whose generation raised              None, and `report.cases` is empty
# - `report.averages()` and the row "Averages" of the table are the same. Failed tasks go into `report.failures`, below the table,
#   and failed evaluators into `evaluator_failures` of a case; neither raises, and neither has a part in the averages.
# - So `assert report.averages().assertions == 1` is green with one picture of four, and a loop over `report.cases` is so with none.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pydantic-evals==2.62.0 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON' 2>/dev/null
import importlib.metadata
from dataclasses import dataclass

from pydantic_evals import Case, Dataset
from pydantic_evals.evaluators import Evaluator, EvaluatorContext

SCORES = {"good": 90, "poor": 10}


@dataclass
class Judge(Evaluator):
    def evaluate(self, ctx: EvaluatorContext):
        if ctx.output == "judge down":
            raise RuntimeError("503")
        if ctx.output == "no verdict":
            return {}
        return {"score": SCORES[ctx.output], "passed": SCORES[ctx.output] >= 60}


def generate(name):
    if name == "out of memory":
        raise RuntimeError(name)
    return name


def seen(*names):
    cases = [Case(name=f"{place}", inputs=name) for place, name in enumerate(names)]
    report = Dataset(name="pictures", cases=cases, evaluators=[Judge()]).evaluate_sync(generate, progress=False)
    averages = report.averages()
    table = report.render(width=200)
    return (
        averages and (averages.scores["score"], averages.assertions),
        (len(report.cases), len(report.failures), sum(len(case.evaluator_failures) for case in report.cases)),
        "100.0%" in next((line for line in table.splitlines() if "Averages" in line), ""),
    )


print("pydantic-evals", importlib.metadata.version("pydantic-evals"))
for names, expected in {
    ("good", "poor"): ((50.0, 0.5), (2, 0, 0), False),
    ("good", *["out of memory"] * 3): ((90.0, 1.0), (1, 3, 0), True),
    ("good", *["judge down"] * 2): ((90.0, 1.0), (3, 0, 2), True),
    ("good", *["no verdict"] * 3): ((90.0, 1.0), (4, 0, 0), True),
    ("out of memory",): (None, (0, 1, 0), False),
}.items():
    found = seen(*names)
    print(f"{names}: averages {found[0]}; cases, failures, failed evaluators {found[1]}; 100 % in the table: {found[2]}")
    assert found == expected, "this has changed"
PYTHON
