"""Reports to draw, made by the same way that the plugin makes them: verdict, profile, entry."""

from __future__ import annotations

import random
from pathlib import Path as FilePath
from typing import Any

from PIL import Image

from pytest_imagejudge.report.entry import entry_of
from pytest_imagejudge.report.model import Bound, Breach, EditEntry, JudgeEntry, Report, Run, SuiteRow, VerdictEntry
from pytest_imagejudge.report.tally import summarize
from pytest_imagejudge.scoring.verdict import FacetScore, Raw, Verdict
from pytest_imagejudge.taxonomy import FACETS, LEVEL1, Path

BOUNDS: dict[Path, float] = {(): 55.0, ("Quality",): 60.0, ("Quality", "Realism"): 50.0}
HOSTILE = (
    "\x1b[31m</script><script>window.pwned = 1</script><img src=x onerror=pwned()> [bold]x[/bold] \u2028\u202e"
    "::error::x 雪"
)
THINKING = (
    "<think>The picture shows a fox in the snow. Noise is strong in the dark areas. Physical Logic holds: the shadow "
    "falls where the light says. Edge Clarity suffers at the ears, which are blurred into the background.</think>"
)


def verdict(number: int = 0, scores: dict[Path, Raw] | None = None, **fields: Any) -> Verdict:
    """A verdict whose facets are given, or drawn by ``number``."""
    rng = random.Random(number)
    if scores is None:
        scores = {path: "N/A" if rng.random() < 0.4 else rng.choice((0, 1, 1, 1, 2, 2)) for path in FACETS}
    asked = fields.pop("asked", LEVEL1)
    evidence = "estimated noise sigma 23.1, fail above 15"
    level3 = {
        path: FacetScore(raw, evidence if path[-1] == "Noise" else "")
        for path, raw in scores.items()
        if path[0] in asked
    }
    fields = {
        "prompt": f"prompt {number}: a red fox in the snow",
        "key": f"key-{number}",
        "image": f"img/{number}.png",
        "answers": {"Quality": THINKING + '{"Detail": {}}'},
        "fingerprint": {"model": "Qwen/Qwen-Image-Bench", "revision": "abc", "engine": "vllm"},
        **fields,
    }
    return Verdict(level3=level3, asked=tuple(asked), **fields)


def entry(
    number: int = 0, bounds: dict[Path, float] | None = None, verdict_: Verdict | None = None, **fields: Any
) -> VerdictEntry:
    """An entry with bounds applied."""
    judged = verdict_ or verdict(number)
    made = entry_of(judged, None, test=f"tests/test_x.py::test_{number}", where=f"tests/test_x.py:{number + 3}")
    assert isinstance(made, VerdictEntry)
    for path, bound in (BOUNDS if bounds is None else bounds).items():
        made.bounds.append(Bound(path=list(path) or ["total"], bound=bound))
        value = judged.value(path)
        if value is not None and value < bound:
            made.breaches.append(Breach(path=list(path) or ["total"], score=value, bound=bound))
    if made.outcome == "scored":
        made.outcome = "failed" if made.breaches else "passed"
    return made.model_copy(update=fields)


def edit(number: int, score: float | None, bound: float = 3.5, **fields: Any) -> EditEntry:
    """An edit with a bound applied."""
    failed = score is not None and score < bound
    return EditEntry(
        key=f"edit-{number}",
        test=f"tests/test_edit.py::test_{number}",
        where=f"tests/test_edit.py:{number + 3}",
        source_image=f"img/{number}.png",
        edited_image=f"img/{number}-edited.png",
        instruction="make the sky blue",
        score=score,
        answer=f"<think>The sky is still grey.</think><answer>{score}</answer>",
        outcome="error" if score is None else "failed" if failed else "passed",
        unreadable=[["score"]] if score is None else [],
        breaches=[Breach(path=["score"], score=score, bound=bound)] if failed and score is not None else [],
    ).model_copy(update=fields)


def report(n: int = 12, *, edits: bool = True, first: int = 0) -> Report:
    """A report with passed, failed, unreadable and unjudged images, a suite and a baseline."""
    entries = [entry(first + number) for number in range(n)]
    entries.append(
        entry(
            first + n,
            verdict_=verdict(
                first + n,
                {path: 1 for path in FACETS if path[0] != "Aesthetics"},
                unreadable=(("Aesthetics",),),
            ),
        )
    )
    broken = f"img/broken-{first}.png"
    entries.append(
        VerdictEntry(key="", image=broken, prompt=HOSTILE, error=f"{broken}: truncated", test="tests/test_x.py::test_b")
    )
    made = Report(
        verdicts=entries,
        edits=[edit(first, 3.71), edit(first + 1, 2.1), edit(first + 2, None)] if edits else [],
        run=Run(
            version="0.1.0",
            started=f"2025-01-01T00:00:{first % 60:02}Z",
            requests=60,
            from_store=20,
            prompt_tokens=100_000,
            cached_prompt_tokens=58_000,
            output_tokens=16_000,
            restarts=1,
            seconds=51.2,
            judges=[JudgeEntry(model="Qwen/Qwen-Image-Bench", engine_versions=["vllm 0.26.0", "vllm 0.32.0"])],
        ),
        suite=[
            SuiteRow(path=["total"], mean=62.5, low=60.1, high=64.9, n=12, bound=50, outcome="passed"),
            SuiteRow(path=["Quality"], mean=59, low=51, high=63, n=12, bound=58, outcome="undecided", needed=120),
            SuiteRow(path=["Aesthetics"], mean=55, low=54, high=59, n=11, bound=70, outcome="failed"),
        ],
        baseline={
            "file": "base.json",
            "rows": [
                {"path": ["total"], "before": 61.0, "after": 62.5, "change": 1.5, "n": 12, "outcome": "passed"},
                {"path": ["Quality"], "before": 62.1, "after": 59.0, "change": -3.1, "low": -5.0, "high": -1.2,
                 "n": 12, "allowed": 2.0, "outcome": "failed"},
            ],
            "warnings": ["another engine version: vllm 0.26.0, now vllm 0.32.0"],
        },
    )  # fmt: skip
    made.summary = summarize([*made.verdicts, *made.edits])
    return made


def pictures(folder: FilePath, n: int) -> None:
    """The pictures that sample reports name."""
    folder.mkdir()
    for number in range(n):
        picture = Image.linear_gradient("L").resize((64, 48)).convert("RGB")
        picture.paste((number * 9 % 256, 80, 160), (number, number, number + 20, number + 20))
        picture.save(folder / f"{number}.png")
        if number < 4:
            picture.paste((250, 20, 20), (30, 10, 50, 30))
            picture.save(folder / f"{number}-edited.png")
