from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from pytest_imagejudge import Verdict
from pytest_imagejudge.renderers import junit, markdown
from pytest_imagejudge.renderers.explanations import headline
from pytest_imagejudge.renderers.github import annotation_commands
from pytest_imagejudge.renderers.terminal_failure import failure_text
from pytest_imagejudge.renderers.terminal_summary import suite_tree
from pytest_imagejudge.report.model import (
    Breach,
    EditEntry,
    Facet,
    FailedTest,
    JudgeEntry,
    ProblemEntry,
    Report,
    Run,
    SuiteRow,
    VerdictEntry,
)
from pytest_imagejudge.scoring.verdict import Raw
from pytest_imagejudge.taxonomy import FACETS, LEVEL1, TREE, Path
from tests.report import samples

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def tree(report: Report, width: int = 80, color: bool = False, verbosity: int = 0, encoding: str = "utf-8") -> str:
    return suite_tree(report, samples.BOUNDS, width=width, color=color, verbosity=verbosity, encoding=encoding)


def failure(entry: object, width: int = 80, encoding: str = "utf-8") -> str:
    return failure_text(entry, width=width, color=False, encoding=encoding)  # type: ignore[arg-type]


def row(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if re.match(rf"(?:[│ ]*[├└]─ ){re.escape(name)} +\S", line))


def test_copies_of_the_judge() -> None:
    run = Run(copies=["judge\x1b[31m: 2 copies, on GPU 0, GPU 1: 60 images wait"])
    shown = tree(Report(verdicts=[samples.entry(1, bounds={})], run=run), width=200)
    assert ": 2 copies, on GPU 0, GPU 1: 60 images wait" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("width", "encoding", "color"),
    [
        *((width, "utf-8", color) for width in (40, 80, 140) for color in (False, True)),
        *((80, encoding, False) for encoding in ("ascii", "latin-1", "cp1252", "no-such-encoding")),
    ],
)
def test_every_line_fits_and_can_be_encoded(width: int, encoding: str, color: bool) -> None:
    report = samples.report(2)
    texts = [tree(report, width, color, 1, encoding)]
    texts += [
        failure_text(entry, width=width, color=color, encoding=encoding) for entry in (*report.verdicts, *report.edits)
    ]
    for text in texts:
        text.encode("ascii" if encoding == "no-such-encoding" else encoding)
        assert text.endswith("\n")
        assert ("\x1b[" in text) == color
        if encoding == "utf-8":  # elsewhere what has no character is spelt out, which takes room
            assert max(cell_len(ANSI.sub("", line)) for line in text.splitlines()) <= width


@pytest.mark.parametrize("width", [40, 60])
def test_a_narrow_terminal_shows_whole_figures_and_no_bar(width: int) -> None:
    report = samples.report()
    quality = report.summary.level1["Quality"]
    line = row(tree(report, width), "Quality")
    assert line.split()[2:6] == [str(quality.n), f"{quality.mean:.1f}", "60", "✗"]
    assert "█" not in line


def test_a_row_has_n_mean_bound_and_failures() -> None:
    report = samples.report()
    quality = report.summary.level1["Quality"]
    failed = sum(any(breach.path == ["Quality"] for breach in entry.breaches) for entry in report.verdicts)
    words = row(tree(report), "Quality").split()
    assert words[1:5] == ["Quality", str(quality.n), f"{quality.mean:.1f}", "60"]
    assert words[-3:] == ["✗", str(failed), "failed"]


def judged(scores: dict[Path, Raw], bounds: dict[Path, float] | None = None, **fields: Any) -> VerdictEntry:
    """One image with these raw scores."""
    return samples.entry(verdict_=samples.verdict(0, scores, **fields), bounds={} if bounds is None else bounds)


def everywhere(raw: Raw, but: dict[str, Raw] | None = None, below: Path = ()) -> dict[Path, Raw]:
    """One raw score for all facets below a place, and another for those that are named."""
    return {path: (but or {}).get(path[-1], raw) for path in FACETS if path[: len(below)] == below}


def of_judges(*judges: JudgeEntry, images: int = 2) -> Report:
    return Report(verdicts=[judged(everywhere(1))] * images, run=Run(judges=list(judges)))


def without_a_total(*measures: Path, images: int = 2) -> Report:
    detail = ("Quality", "Detail")
    scores: dict[Path, Raw] = {path: 1 if path[:2] == detail else "N/A" for path in FACETS}
    judge = JudgeEntry(model="signals", engine_versions=["signals 3"], measures=[list(path) for path in measures])
    return Report(verdicts=[judged(scores, has_total=False)] * images, run=Run(judges=[judge]))


def excused() -> Report:
    failed = samples.entry(2, bounds={("Quality",): 99})
    return Report(verdicts=[samples.entry(1, bounds={}), failed], run=Run(excused=[failed.test or ""]))


def broken_test() -> Report:
    tests = [FailedTest(test="tests/test_x.py::test_a", message="RuntimeError: CUDA error")]
    return Report(verdicts=[judged(everywhere(1))], run=Run(failed_tests=tests))


NO_MEAN = SuiteRow(
    path=[], mean=None, low=None, high=None, n=0, bound=50, outcome="failed", detail="no image was judged"
)
JUDGE = JudgeEntry(model="m", engine_versions=["vllm 0.26.0", "vllm 0.32.0"], fingerprint={"protocol": "q-judger"})
OTHER = JUDGE.model_copy(update={"fingerprint": {"protocol": "other"}})
OF_EDITS = JUDGE.model_copy(update={"fingerprint": {"protocol": "q-judger", "kind": "edit"}})
NOISE = ("Quality", "Detail", "Noise")
REPORTS: dict[str, Callable[[], Report]] = {
    "a run": samples.report,
    "nothing": Report,
    "one image that passed": lambda: of_judges(JUDGE.model_copy(update={"engine_versions": ["vllm 1"]}), images=1),
    "one image of a judge without a total": lambda: without_a_total(images=1),
    "one edit that passed": lambda: Report(edits=[samples.edit(1, 4.0, aspects={"fidelity": 0.93})]),
    "two images that passed": lambda: of_judges(JUDGE),
    "two judges of one name": lambda: of_judges(JUDGE, OTHER),
    "one judge of images and edits": lambda: of_judges(JUDGE, OF_EDITS),
    "some facets apply": lambda: Report(verdicts=[judged(everywhere("N/A", {"Noise": 1}))] * 2),
    "one dimension asked": lambda: Report(verdicts=[judged(everywhere(1, below=("Quality",)), asked=("Quality",))] * 2),
    "a judge without a total": without_a_total,
    "a judge that names what it measures": lambda: without_a_total(*FACETS[:6]),
    "what was excused": excused,
    "a test that broke": broken_test,
    "a mean that is not there": lambda: Report(suite=[NO_MEAN]),
    "a facet failed": lambda: Report(verdicts=[judged(everywhere(2, {"Noise": 0}), {NOISE: 60.0})]),
}


@pytest.mark.parametrize(
    ("name", "width"),
    [
        *((name, 80) for name in REPORTS),
        *((name, 140) for name in ("a run", "a facet failed", "a judge without a total")),
    ],
)
def test_the_tree_over_a_run(name: str, width: int, snapshot: SnapshotAssertion) -> None:
    assert tree(REPORTS[name](), width) == snapshot


@pytest.mark.parametrize(("name", "verbosity"), [("a run", -1), ("a facet failed", -1), ("some facets apply", 1)])
def test_the_tree_quiet_and_verbose(name: str, verbosity: int, snapshot: SnapshotAssertion) -> None:
    assert tree(REPORTS[name](), verbosity=verbosity) == snapshot


def test_one_image_that_passed_has_a_tree_where_it_is_asked_for() -> None:
    report = REPORTS["one image that passed"]()
    assert len(tree(report).splitlines()) == 4  # and a line that separates them from pytest's own
    assert "├─ Quality" in tree(report, verbosity=1)
    report.verdicts[0].outcome = "failed"
    assert "├─ Quality" in tree(report)


def test_the_tree_in_ascii(snapshot: SnapshotAssertion) -> None:
    assert tree(REPORTS["a judge without a total"](), encoding="ascii") == snapshot


def test_a_mean_below_the_bound_of_other_images_says_so(snapshot: SnapshotAssertion) -> None:
    report = Report(verdicts=[judged(everywhere(1))])
    assert suite_tree(report, {("Quality",): 70}, width=80, color=False, verbosity=-1) == snapshot


@pytest.mark.parametrize(("told", "words"), [(0, "(0% cached)"), (58_000, "(58% cached)"), (None, "")])
def test_what_came_from_the_cache_is_said_where_it_is_told(told: int | None, words: str) -> None:
    report = samples.report()
    report.run.cached_prompt_tokens = told
    text = tree(report, width=200)
    assert " ".join(f"100,000 prompt tokens {words}".split()) + ", 16,000 output tokens" in text


def test_the_worst_is_first() -> None:
    lines = tree(samples.report()).splitlines()
    ones = [line[3:].split("  ")[0] for line in lines if line.startswith(("├─ ", "└─ "))]
    assert ones[0] == "Quality"  # the only L1 whose bound is missed
    assert ones[1] == "Aesthetics"  # an answer on it could not be read
    assert sorted(ones) == sorted(LEVEL1)


def test_quiet_is_shorter_and_verbose_is_longer() -> None:
    report = samples.report()
    entry = samples.entry(
        0, verdict_=samples.verdict(0, {path: 1 for path in FACETS if path[0] == "Quality"}, asked=("Quality",))
    )
    report.verdicts = [entry]
    quiet, plain, verbose = (len(tree(report, verbosity=level).splitlines()) for level in (-1, 0, 1))
    assert quiet < plain < verbose
    assert "Realism" not in tree(report, verbosity=-1)
    assert "Comic Creation" in tree(report, verbosity=1)


def test_repeated_judgements_of_an_image_do_not_count() -> None:
    report = samples.report(edits=False)
    before = row(tree(report), "Quality")
    report.verdicts.append(VerdictEntry.model_validate({**report.verdicts[0].model_dump(), "repeat": 2}))
    assert row(tree(report), "Quality") == before


BARE: dict[str, Any] = {"breaches": [], "bounds": [], "outcome": "failed", "thresholds": "safety"}
DETAIL: dict[Path, float] = {("Quality", "Detail"): 50}
LONG = f"<think>{'Nothing to see. ' * 60}Edge Clarity is lost at the ears. {'More words. ' * 60}</think>"
SPOKEN = "<think>It is a fox.</think>Sorry, \x1b[31mI can't | <b>rate</b> it."


def quality(but: dict[str, Raw], bounds: dict[Path, float], **fields: Any) -> VerdictEntry:
    return judged(everywhere(2, but, ("Quality",)), bounds, asked=("Quality",), **fields)


def unreadable(answer: str) -> VerdictEntry:
    entry = next(entry for entry in samples.report().verdicts if entry.unreadable and not entry.error)
    return entry.model_copy(update={"answers": {"Aesthetics": answer}})


def changed(entry: VerdictEntry | EditEntry, **fields: Any) -> VerdictEntry | EditEntry:
    return entry.model_copy(update=fields)


FAILURES: dict[str, Callable[[], VerdictEntry | EditEntry]] = {
    "several bounds": lambda: next(entry for entry in samples.report().verdicts if len(entry.breaches) > 1),
    "facets at fault": lambda: quality({"Noise": 0, "Edge Clarity": 0}, DETAIL),
    "a facet": lambda: judged(everywhere(2, {"Noise": 0}), {NOISE: 60.0}),
    "long reasoning": lambda: quality({"Edge Clarity": 0}, {("Quality",): 90}, answers={"Quality": LONG}),
    "by a hair": lambda: changed(samples.entry(), breaches=[Breach(path=["total"], score=59.98, bound=60.0)]),
    "not judged": lambda: samples.report().verdicts[-1],
    "unreadable, no answer": lambda: unreadable(""),
    "unreadable": lambda: unreadable(SPOKEN),
    "unreadable, a long answer": lambda: unreadable(f"{SPOKEN} {'x' * 999}"),
    "unreadable, thinking alone": lambda: unreadable("<think>It is a fox in"),
    "nothing applied": lambda: changed(samples.entry(), breaches=[], outcome="failed", not_applicable=[["Quality"]]),
    "something did not apply": lambda: changed(samples.entry(1), not_applicable=[["Quality", "Resolution"]]),
    "no bounds for images": lambda: changed(samples.entry(), **BARE),
    "no bounds for edits": lambda: changed(samples.edit(1, 4.0), **BARE),
    "an edit": lambda: samples.edit(1, 2.1, aspects={"fidelity": 0.912345}),
    "an edit without a score": lambda: changed(
        samples.edit(1, 2.1),
        score=None,
        breaches=[],
        outcome="failed",
        not_applicable=[["score"]],
        aspects={"fidelity": 0.9, "text_alignment": None},
    ),
    "from the store": lambda: changed(samples.entry(1), source="store", judged_at="2025-05-05T05:05:05Z", id="row-1"),
}


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("name", FAILURES)
def test_why_one_failed(name: str, width: int, snapshot: SnapshotAssertion) -> None:
    drawn = width == 80 and name in ("several bounds", "a facet", "unreadable")
    text = failure_text(FAILURES[name](), width=width, color=False, encoding="utf-8", tree=drawn)
    assert text == snapshot


def test_one_image_as_markdown_junit_and_an_annotation(snapshot: SnapshotAssertion) -> None:
    for name in ("a facet", "unreadable", "an edit"):
        entry = FAILURES[name]()
        report = Report(edits=[entry]) if isinstance(entry, EditEntry) else Report(verdicts=[entry])
        page, _, _ = markdown.render(report, {}, facets=False).partition("## Dimensions")
        assert page == snapshot(name=f"{name}, markdown")
        assert "\n".join(map(" = ".join, junit.properties(entry))) == snapshot(name=f"{name}, junit")
        assert "\n".join(annotation_commands(report)) == snapshot(name=f"{name}, annotation")


def test_a_context_that_is_full_is_not_mended_by_another_way_of_decoding() -> None:
    full = ProblemEntry(path=["Aesthetics"], kind="context-full", detail="room for 9 of 99 tokens; --max-model-len")
    entry = unreadable("").model_copy(update={"problems": [full]})
    text = " ".join(failure(entry, width=200).split())
    assert "problem: context-full (Aesthetics): room for 9 of 99 tokens; --max-model-len" in text
    assert "--judge-arg=--max-model-len=N" in text
    assert "decoding" not in text
    assert headline(entry) == "unreadable: Aesthetics (the context is full: --max-model-len)"
    assert "judge_decoding = constrained" in failure(unreadable(""), width=999)


def test_a_grammar_that_was_refused_is_not_advised() -> None:
    refused = ProblemEntry(path=["Aesthetics"], kind="unconstrained", detail="structured_outputs: HTTP 400: no")
    entry = unreadable("").model_copy(update={"problems": [refused]})
    text = failure(entry, width=999)
    assert "The next run asks again." in text
    assert "judge_decoding" not in text


def test_failure_leads_with_what_fell_short_most() -> None:
    entry = next(entry for entry in samples.report().verdicts if len(entry.breaches) > 1)
    lines = failure(entry).splitlines()
    worst = min(entry.breaches, key=lambda breach: breach.score - breach.bound)
    assert lines[0] == f"✗ {' / '.join(worst.path)}: {worst.score:.1f}, bound {worst.bound:.1f}"
    text = "\n".join(lines)
    assert all(f"bound {breach.bound:.1f}" in text for breach in entry.breaches)
    assert entry.image in text
    assert entry.prompt in text
    assert entry.where in text
    assert "Look at the picture" in text


@pytest.mark.parametrize("width", [40, 41, 43, 47, 80])
def test_nothing_from_outside_speaks_for_itself(width: int) -> None:
    words = "::error::pwned ##[error]x \x1b[2J\r\n::stop-commands::t [red]x[/red] :smile: \x07\u202e"
    entry = samples.entry(1)
    for name in ("prompt", "image", "error", "where", "id", "thresholds", "test"):
        entry = entry.model_copy(update={name: words})
    noise = entry.level3["Quality"]["Detail"]
    noise["Noise"] = noise["Noise"].model_copy(update={"evidence": words})
    entry.answers = {"Quality": f"<think>{words * 20}</think>"}
    report = Report(
        verdicts=[entry], run=Run(judges=[JudgeEntry(model=words)]), baseline={"file": words, "warnings": [words]}
    )
    for text in (failure(entry, width), tree(report, width)):
        assert not re.search(r"^\s*::", text, re.M)
        assert "##[" not in text
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", text)
        assert ":smile:" in text.replace("\n", "").replace(" ", "")
    assert "[red]x[/red]" in failure(entry, 200)


def test_what_has_to_be_copied_is_not_broken() -> None:
    url = "https://example.invalid/" + "word/" * 20
    entry = samples.entry(1).model_copy(update={"error": f"could not be fetched ({url}); run", "level3": {}})
    assert url in failure_text(entry, width=80, color=False)
    image = f"imagejudge-images/{'0' * 64}.png"
    assert f" {image}\n" in failure_text(changed(samples.entry(1), image=image), width=80, color=False)
    edit = changed(samples.edit(1, 2.1), source_image=image, edited_image=image)
    assert f"\nedited      {image}\n" in failure_text(edit, width=80, color=False)


@pytest.mark.parametrize(
    ("entry", "profile"),
    [
        (samples.entry(), "default"),
        (changed(samples.entry(), fingerprint={"protocol": "signals"}), "signals"),
        (samples.edit(1, 4.0), "edit"),
        (samples.edit(1, 4.0, scale=[0, 10]), "edit-10"),
        (changed(samples.edit(1, 4.0), score=None, aspects={"fidelity": 0.9}), "edit-signals"),
    ],
)
def test_a_profile_without_bounds_for_such_names_one_that_has(entry: VerdictEntry | EditEntry, profile: str) -> None:
    where = f'(thresholds="{profile}" of the call or the marker, or in a manifest\'s column)'
    assert where in failure(changed(entry, **BARE), width=999)


def test_a_verdict_draws_itself(snapshot: SnapshotAssertion) -> None:
    shown = samples.verdict(1, prompt="a [red] <b>fox</b>")
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(shown)
    assert "\n".join(line.rstrip() for line in capture.get().splitlines()) == snapshot(name="rich")
    assert shown._repr_html_() == snapshot(name="html")
    assert Verdict(prompt="p", error="boo <i>")._repr_html_() == snapshot(name="not judged")


def test_a_problem_of_several_dimensions_is_told_once() -> None:
    names = ("Quality", "Aesthetics")
    problems = [ProblemEntry(path=[name], kind="refused-field", detail="seed: HTTP 400") for name in names]
    other = ProblemEntry(path=["Quality"], kind="refused-field", detail="top_k: HTTP 400")
    entry = unreadable("").model_copy(update={"problems": [*problems, other]})
    told = [line for line in failure(entry, width=200).splitlines() if "problem: " in line]
    page = markdown.render(Report(verdicts=[entry]), {})
    assert [line.strip() for line in told] == [
        "problem: refused-field (Quality, Aesthetics): seed: HTTP 400",
        "problem: refused-field (Quality): top_k: HTTP 400",
    ]
    assert "- problem: refused-field in Quality, Aesthetics: seed: HTTP 400\n" in page
    assert page.count("seed: HTTP 400") == 1


TEXT: Path = ("Creative Generation", "Text Rendering", "Text Accuracy")


def without_text(reason: str = "the prompt asks for no text", number: int = 1) -> VerdictEntry:
    """An image whose bounded Text Accuracy does not apply, of which the judge says why."""
    entry = samples.entry(number, bounds={}, outcome="failed", not_applicable=[list(TEXT)])
    entry.level3[TEXT[0]][TEXT[1]] = {
        name: Facet(raw="N/A", score=None, evidence=reason if name == TEXT[2] else "")
        for name in TREE[TEXT[0]][TEXT[1]]
    }
    return entry


@pytest.mark.parametrize("width", [80, 140])
def test_why_a_facet_does_not_apply_stands_beside_it_on_one_line(width: int) -> None:
    reason = "the prompt asks for no text, " + "and the picture shows none, " * 9
    lines = tree(Report(verdicts=[without_text(reason)] * 2), width, verbosity=1).splitlines()
    said = [line for line in lines if "the prompt asks" in line]
    assert len(said) == 1
    assert re.match(r"[│ ]+[├└]─ Text Accuracy +N/A +the prompt asks for no text, .*…$", said[0])
    assert cell_len(said[0]) == width
    lines = failure(without_text(reason), width).splitlines()
    said = [line for line in lines if re.match(r"[│ ]+[├└]─ Text Accuracy +N/A +the prompt asks for", line)]
    assert [cell_len(line) <= width and line.endswith("…") for line in said] == [True]


def test_of_several_reasons_the_most_common_is_shown() -> None:
    entries = [without_text(reason, n) for n, reason in enumerate(("no text is asked for", "none asked", "none asked"))]
    assert row(tree(Report(verdicts=entries), 140, verbosity=1), "Text Accuracy").endswith(
        "none asked (and other reasons)"
    )


def test_a_bound_that_does_not_apply_names_the_reason() -> None:
    entry = without_text()
    assert headline(entry) == f"no bounded score applies: {' / '.join(TEXT)} (the prompt asks for no text)"
    assert f"image: {' / '.join(TEXT)} (the prompt asks for no text)" in " ".join(failure(entry).split())
    entry = entry.model_copy(update={"breaches": [Breach(path=["total"], score=1.0, bound=2.0)]})
    assert "(the prompt asks for no text): its bound does not apply" in " ".join(failure(entry).split())
    edit = changed(
        samples.edit(1, 4.0), outcome="failed", not_applicable=[["fidelity"]], evidence={"fidelity": "no mask"}
    )
    assert headline(edit) == "no bounded score applies: fidelity (no mask)"
    edit = changed(edit, not_applicable=[["a"], ["fidelity"], ["b"]], evidence={"fidelity": "no mask", "b": "no mask"})
    assert headline(edit) == "no bounded score applies: fidelity, b (no mask), a"
