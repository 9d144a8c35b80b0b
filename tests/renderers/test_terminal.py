from __future__ import annotations

import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from pytest_imagejudge.renderers import junit, markdown
from pytest_imagejudge.renderers.github import annotation_commands
from pytest_imagejudge.renderers.terminal_failure import failure_text
from pytest_imagejudge.renderers.terminal_summary import suite_tree
from pytest_imagejudge.report.model import Judge, Report, Run, SuiteRow, VerdictEntry
from pytest_imagejudge.scoring.verdict import Verdict
from pytest_imagejudge.taxonomy import FACETS, LEVEL1, LEVEL2
from tests.report import samples

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def tree(report: Report, width: int = 80, color: bool = False, verbosity: int = 0, encoding: str = "utf-8") -> str:
    return suite_tree(report, samples.BOUNDS, width=width, color=color, verbosity=verbosity, encoding=encoding)


def failure(entry: object, width: int = 80, encoding: str = "utf-8") -> str:
    return failure_text(entry, width=width, color=False, encoding=encoding)  # type: ignore[arg-type]


def row(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if re.match(rf"(?:[│ ]*[├└]─ ){re.escape(name)} +\S", line))


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


def test_the_whole_hierarchy_is_there() -> None:
    text = tree(samples.report(), 140)
    for name in {path[-1] for path in (*((one,) for one in LEVEL1), *LEVEL2, *FACETS)}:
        assert name in text


def test_a_row_has_n_mean_bound_and_failures() -> None:
    report = samples.report()
    quality = report.summary.level1["Quality"]
    failed = sum(any(breach.path == ["Quality"] for breach in entry.breaches) for entry in report.verdicts)
    words = row(tree(report), "Quality").split()
    assert words[1:5] == ["Quality", str(quality.n), f"{quality.mean:.1f}", "60"]
    assert words[-3:] == ["✗", str(failed), "failed"]


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


def test_quiet_names_what_is_wrong_further_down() -> None:
    scores = {path: 0 if path[-1] == "Noise" else 2 for path in FACETS}
    entry = samples.entry(verdict_=samples.verdict(0, scores), bounds={("Quality", "Detail", "Noise"): 60.0})
    text = tree(Report(verdicts=[entry]), verbosity=-1)
    assert row(text, "Quality").endswith("✗ Noise")
    assert "✗" not in row(text, "Alignment")


def test_what_does_not_apply_is_shown_as_such_and_collapsed() -> None:
    scores = {path: 1 if path == ("Quality", "Detail", "Noise") else "N/A" for path in FACETS}
    report = Report(verdicts=[samples.entry(verdict_=samples.verdict(0, scores))])
    text = tree(report)
    assert row(text, "Alignment").split()[-3:] == ["N/A", "16", "facets"]
    assert "Layout" not in text
    assert row(text, "Edge Clarity").split()[-1] == "N/A"


def test_what_was_not_asked_is_shown_as_such() -> None:
    scores = {path: 1 for path in FACETS if path[0] == "Quality"}
    report = Report(verdicts=[samples.entry(verdict_=samples.verdict(0, scores, asked=("Quality",)))])
    assert "not asked" in row(tree(report), "Alignment")


def test_a_judge_without_a_total_says_how_much_it_measures() -> None:
    scores = {path: 1 if path[:2] == ("Quality", "Detail") else "N/A" for path in FACETS}
    report = Report(verdicts=[samples.entry(verdict_=samples.verdict(0, scores, has_total=False), bounds={})])
    assert "3 of the 56 facets were measured; this judge gives no total." in tree(report)
    assert "3 of the 56 facets were measured; this judge gives no total." in markdown.render(report)
    report.run.judges = [Judge(model="signals", measures=[list(path) for path in FACETS[:6]])]
    assert "This judge measures 6 of the 56 facets, so there is no total." in tree(report)
    assert "This judge measures 6 of the 56 facets, so there is no total." in markdown.render(report)


def test_an_unreadable_answer_is_named_where_it_is() -> None:
    text = tree(samples.report())
    assert "1 not judged" in row(text, "Aesthetics")
    assert "not judged" not in row(text, "Alignment")


def test_repeated_judgements_of_an_image_do_not_count() -> None:
    report = samples.report(edits=False)
    before = row(tree(report), "Quality")
    report.verdicts.append(VerdictEntry.model_validate({**report.verdicts[0].model_dump(), "repeat": 2}))
    assert row(tree(report), "Quality") == before


def test_the_run_is_described() -> None:
    text = " ".join(tree(samples.report(), 200).split())
    assert "14 images, 3 edits · 9 failed · 3 not judged · 5 passed · the run failed: mean of Aesthetics below" in text
    assert "60 requests, 20 from the store" in text
    assert "100,000 prompt tokens (58% cached), 16,000 output tokens (mean 400 an answer)" in text
    assert "engine versions are mixed: vllm 0.26.0, vllm 0.32.0" in text
    assert "started again, 1 time" in text
    plain = tree(Report(verdicts=[samples.entry()], run=Run(judges=[Judge(model="m", engine_versions=["vllm 1"])])))
    assert "mixed" not in plain
    assert "started again" not in plain
    assert "tokens" not in plain


def test_what_was_excused_is_counted_by_itself() -> None:
    failed = samples.entry(2, bounds={("Quality",): 99})
    report = Report(verdicts=[samples.entry(1, bounds={}), failed], run=Run(excused=[failed.test or ""]))
    assert tree(report).startswith("2 images · 1 passed · 1 excused\n")


def test_bounds_on_the_mean_failed_ones_first() -> None:
    text = tree(samples.report(), 140)
    lines = [line.strip() for line in text.splitlines() if "n 1" in line and "bound" in line]
    assert [line[0] for line in lines[:3]] == ["✗", "?", "✓"]
    assert "Aesthetics: mean 55.0 [54.0, 59.0], n 11, bound 70: failed" in lines[0]
    assert "about 120 images would decide it" in lines[1]


def test_a_suite_row_without_a_mean() -> None:
    report = Report(
        suite=[SuiteRow(path=[], mean=None, low=None, high=None, n=0, bound=50, outcome="failed", detail="x")]
    )
    assert "✗ Total: no mean, n 0, bound 50: failed; x" in tree(report)


def test_the_baseline() -> None:
    text = tree(samples.report(), 140)
    assert "Against the baseline base.json" in text
    assert "✗ Quality: 62.1 -> 59.0, -3.1 [-5.0, -1.2], n 12, allowed drop 2.0: failed" in text
    assert "warning: another engine version" in text


def test_edits() -> None:
    text = tree(samples.report())
    assert re.search(r"Score \(1 to 5\) +2 +2\.91 +✗ 1 failed, 1 not judged", text)


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


def test_failure_names_the_facets_at_fault_with_the_judges_words() -> None:
    scores = {path: 0 if path[-1] in ("Noise", "Edge Clarity") else 2 for path in FACETS if path[0] == "Quality"}
    entry = samples.entry(verdict_=samples.verdict(0, scores, asked=("Quality",)), bounds={("Quality", "Detail"): 50})
    text = " ".join(failure(entry, 200).split())
    assert "✗ Quality / Detail: 33.3, bound 50.0 Noise: 0 (fail): estimated noise sigma 23.1, fail above 15" in text
    assert 'Edge Clarity: 0 (fail): "' in text  # without evidence of its own: quoted from the reasoning
    assert "blurred into the background" in text
    assert "Naturalness: 2" not in text


def test_a_facet_that_may_not_fail_goes_by_its_raw_score() -> None:
    scores = {path: 0 if path[-1] == "Noise" else 2 for path in FACETS}
    entry = samples.entry(verdict_=samples.verdict(0, scores), bounds={("Quality", "Detail", "Noise"): 60.0})
    report = Report(verdicts=[entry])
    for text in (failure(entry), markdown.render(report)):
        assert "Quality / Detail / Noise: raw score 0" in text
        assert "may not be 0" in text
        assert "60.0" not in text.partition("image")[0]
    assert ("imagejudge.breach", "Quality / Detail / Noise: raw score 0, may not be 0") in junit.properties(entry)
    bounds = {("Quality", "Detail", "Noise"): 60.0}
    text = suite_tree(report, bounds, width=80, color=False, verbosity=0, encoding="utf-8")
    assert "not 0" in row(text, "Noise")


def test_a_mean_below_the_bound_of_other_images_says_so() -> None:
    entry = samples.entry(verdict_=samples.verdict(0, dict.fromkeys(FACETS, 1)), bounds={})
    text = suite_tree(Report(verdicts=[entry]), {("Quality",): 70}, width=120, color=False, verbosity=0)
    assert "mean below the bound" in row(text, "Quality")
    assert "❌ mean below the bound" in markdown.render(Report(verdicts=[entry]), {("Quality",): 70})


def test_a_long_reasoning_is_cut_to_where_it_speaks_of_the_facet() -> None:
    thinking = f"<think>{'Nothing to see. ' * 60}Edge Clarity is lost at the ears. {'More words. ' * 60}</think>"
    scores = {path: 0 if path[-1] == "Edge Clarity" else 2 for path in FACETS if path[0] == "Quality"}
    judged = samples.verdict(0, scores, asked=("Quality",), answers={"Quality": thinking})
    text = " ".join(failure(samples.entry(verdict_=judged, bounds={("Quality",): 90}), 120).split())
    assert 'Edge Clarity: 0 (fail): "… Edge Clarity is lost at the ears.' in text
    assert text.count("Nothing to see") <= 1


def test_a_breach_by_a_hair_does_not_look_like_none() -> None:
    entry = samples.entry().model_copy(update={"breaches": [samples.Breach(path=["total"], score=59.98, bound=60.0)]})
    assert failure(entry).splitlines()[0] == "✗ Total: 59.98, bound 60.00"


def test_failure_of_what_was_not_judged() -> None:
    report = samples.report()
    text = failure(report.verdicts[-1])
    assert text.startswith("not judged: img/broken-0.png: truncated\n")
    assert "Mend what the message names" in text
    assert "unreadable" not in text  # the error says it all
    assert failure(report.verdicts[-2]).startswith("unreadable: Aesthetics\n")


def test_an_unreadable_answer_is_quoted() -> None:
    unreadable = next(entry for entry in samples.report().verdicts if entry.unreadable and not entry.error)
    unreadable.answers["Aesthetics"] = (
        "<think>It is a fox.</think>Sorry, \x1b[31mI can't | <b>rate</b> it. " + "x" * 999
    )
    text = failure(unreadable)
    assert text.startswith('unreadable: Aesthetics\n    the answer: "…')
    assert "It is a fox" not in text
    assert text.count("x") < 600
    unreadable.answers["Aesthetics"] = unreadable.answers["Aesthetics"].rstrip("x")
    assert 'the answer: "Sorry, \\x1b[31mI can\'t | <b>rate</b> it."' in failure(unreadable)
    text = markdown.render(Report(verdicts=[unreadable]))
    assert "- unreadable: **Aesthetics**: Sorry, \\\\x1b\\[31mI can't \\| &lt;b&gt;rate&lt;/b&gt; it." in text
    (line,) = annotation_commands(Report(verdicts=[unreadable]))
    assert "unreadable: Aesthetics (the answer: \"Sorry, \\x1b[31mI can't" in line
    unreadable.answers["Aesthetics"] = "<think>It is a fox in"
    assert 'the answer: "<think>It is a fox in"' in failure(unreadable)


def test_failure_where_nothing_applied() -> None:
    entry = samples.entry().model_copy(update={"breaches": [], "outcome": "failed", "not_applicable": [["Quality"]]})
    assert "bounded, but not applicable to this image: Quality" in failure(entry)
    text = failure(samples.entry(1).model_copy(update={"not_applicable": [["Quality", "Resolution"]]}))
    assert "N/A    Quality / Resolution (bounded)" in text  # beside what was missed no more than a fact


def test_an_edit_judge_without_an_overall_score_says_what_can_be_bounded() -> None:
    entry = samples.edit(1, 2.1).model_copy(
        update={
            "score": None,
            "breaches": [],
            "outcome": "failed",
            "not_applicable": [["score"]],
            "aspects": {"fidelity": 0.9, "text_alignment": None},
        }
    )
    assert "under [edit.aspects]: fidelity." in " ".join(failure(entry).split())


def test_a_profile_that_says_nothing_of_edits() -> None:
    bare = {"breaches": [], "bounds": [], "outcome": "failed", "thresholds": "safety"}
    text = failure(samples.edit(1, 4.0).model_copy(update=bare))
    assert text.startswith("the thresholds safety bound nothing of an edit")
    assert "under [edit] (score = 3.5)" in " ".join(text.split())
    assert failure(samples.entry().model_copy(update=bare)).startswith(
        "the thresholds safety bound nothing of an image"
    )


def test_two_judges_of_one_name_are_told_apart() -> None:
    report = samples.report()
    one = report.run.judges[0].model_copy(update={"model": "m", "fingerprint": {"protocol": "q-judger"}})
    two = one.model_copy(update={"fingerprint": {"protocol": "ie-critic"}})
    report.run.judges = [one, two]
    text = tree(report)
    assert "judge m (q-judger)" in text
    assert "judge m (ie-critic)" in text


def test_a_judge_of_images_and_edits_is_named_once() -> None:
    report = samples.report()
    one = report.run.judges[0].model_copy(update={"model": "signals", "fingerprint": {"protocol": "signals"}})
    report.run.judges = [one, one.model_copy(update={"fingerprint": {"protocol": "signals", "kind": "edit"}})]
    assert tree(report).count("judge signals · vllm 0.26.0, vllm 0.32.0") == 1
    assert "judge signals · " in markdown.render(report)


def test_failure_of_an_edit() -> None:
    text = failure(samples.edit(1, 2.1, aspects={"fidelity": 0.912345}))
    assert text.startswith('✗ Edit score: 2.10, bound 3.50\n    score: 2.10: "The sky is still grey."\n')
    assert "fidelity: 0.91\n" in text
    assert "make the sky blue" in text
    assert "img/1-edited.png" in text


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
        verdicts=[entry], run=Run(judges=[Judge(model=words)]), baseline={"file": words, "warnings": [words]}
    )
    for text in (failure(entry, width), tree(report, width)):
        assert not re.search(r"^\s*::", text, re.M)
        assert "##[" not in text
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", text)
        assert ":smile:" in text.replace("\n", "").replace(" ", "")
    assert "[red]x[/red]" in failure(entry, 200)


def test_a_verdict_draws_itself() -> None:
    judged = samples.verdict(1, prompt="a [red] <b>fox</b>")
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(judged)
    text = capture.get()
    assert "a [red] <b>fox</b>" in text
    assert "Quality" in text
    assert f"{judged.total:.1f}" in text
    assert "&lt;b&gt;fox&lt;/b&gt;" in judged._repr_html_()
    assert f"{judged.total:.1f}" in judged._repr_html_()
    assert "boo" in Verdict(prompt="p", error="boo")._repr_html_()


def test_what_has_to_be_copied_is_not_broken() -> None:
    url = "https://example.invalid/" + "word/" * 20
    entry = samples.entry(1).model_copy(update={"error": f"could not be fetched ({url}); run", "level3": {}})
    assert url in failure_text(entry, width=80, color=False)
