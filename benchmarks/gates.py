"""What the gates promise, simulated: coverage, false alarms, power.

Run ``python benchmarks/gates.py``. Seeded; takes some twenty minutes on an idle core. Writes the tables to
``benchmarks/gates.md``. Names of parts (``coverage``, ``choice``, ``false_alarms``, ``power``, ``calibration``) measure
only these, and the others stay as they are. With ``--quick`` it draws a tenth of the suites and only prints them.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import textwrap
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import scipy  # noqa: E402

sys.path.append(str(Path(__file__).parent))

import drop_tests  # noqa: E402
from simulated import HIGH, LOW, PATHS, draw, draw_prompts  # noqa: E402

from pytest_imagejudge.statistics.calibration import gate_calibration  # noqa: E402
from pytest_imagejudge.statistics.intervals import mean_interval  # noqa: E402
from pytest_imagejudge.statistics.paired import Difference, differences  # noqa: E402
from pytest_imagejudge.statistics.pairing import Scored  # noqa: E402
from pytest_imagejudge.statistics.power import default_noise, drop_seen, noise_from, power_of, prompts_needed  # noqa: E402
from pytest_imagejudge.taxonomy import FACETS, show  # noqa: E402
from pytest_imagejudge.taxonomy import Path as TreePath  # noqa: E402

MAIN = PATHS[:6]
MODELS = {"Qwen Image 2.0 Pro": LOW, "GPT Image 2": HIGH}
BATCH = 100_000  # images drawn at a time
QUICK = "--quick" in sys.argv
CHANCE = 0.05
lines: list[str] = []


def say(text: str = "") -> None:
    lines.append(text)
    print(text, flush=True)


def explain(text: str) -> None:
    say(textwrap.fill(" ".join(text.split()), 110) + "\n")


def suites(count: int) -> int:
    return max(50, count // 10) if QUICK else count


def batches(count: int, images: int) -> Iterator[int]:
    each = max(1, BATCH // images)
    while count > 0:
        yield min(each, count)
        count -= each


@cache
def truth(means: tuple[float, ...], shift: float = 0.0) -> dict[TreePath, float]:
    """Means over 600,000 images, the same ones for every shift."""
    rng = np.random.default_rng(99)
    sums = {path: np.zeros(2) for path in MAIN}
    for _ in range(6):
        figures = draw(rng, 1, BATCH, means=means, shift=shift).figures
        for path in MAIN:
            values = figures[path]
            sums[path] += np.nansum(values), np.count_nonzero(~np.isnan(values))
    return {path: float(total / count) for path, (total, count) in sums.items()}


def coverage() -> None:
    say("## Coverage of the 95% interval of a mean\n")
    say("Share of suites whose interval contains the true mean, in percent, of those with an interval (five images")
    say("at least have the figure); prompts x seeds.\n")
    say("| means of | suite | suites | " + " | ".join(show(path) for path in MAIN) + " |")
    say("|---|--:|--:|" + "--:|" * len(MAIN))
    for model, means in MODELS.items():
        true = truth(means)
        plans = [
            (5, 1, 4000),
            (10, 1, 4000),
            (20, 1, 4000),
            (50, 1, 4000),
            (200, 1, 4000),
            (1000, 1, 2500),
            (20, 5, 4000),
        ]
        for prompts, seeds, count in [*plans, (50, 4, 4000)]:
            rng = np.random.default_rng([1, prompts, seeds])
            hits, having, total = dict.fromkeys(MAIN, 0), dict.fromkeys(MAIN, 0), suites(count)
            for size in batches(total, prompts * seeds):
                figures = draw(rng, size, prompts, seeds, means=means).figures
                labels = np.repeat(np.arange(prompts), seeds)
                for path in MAIN:
                    for values in figures[path].reshape(size, -1):
                        here = ~np.isnan(values)
                        found = mean_interval(values[here].tolist(), labels[here].tolist())
                        having[path] += found.low is not None
                        hits[path] += found.low is not None and found.low <= true[path] <= (found.high or 0.0)
            say(
                f"| {model} | {prompts} x {seeds} | {total} | "
                + " | ".join(f"{100 * hits[path] / having[path]:.1f}" for path in MAIN)
                + " |"
            )
    say()


def paired_suites(
    rng: np.random.Generator,
    count: int,
    prompts: int,
    seeds: int,
    paths: tuple[TreePath, ...],
    shift: float | np.ndarray,
) -> Iterator[dict[TreePath, list[tuple[int, float, float]]]]:
    """Pairs of runs over the same prompts, as the baseline gate gets them."""
    labels = np.repeat(np.arange(prompts), seeds).tolist()
    for size in batches(count, 2 * prompts * seeds):
        given = draw_prompts(rng, size, prompts)
        before = draw(rng, size, prompts, seeds, given=given).figures
        after = draw(rng, size, prompts, seeds, given=given, shift=shift).figures
        for number in range(size):
            yield {
                path: [
                    row
                    for row in zip(labels, before[path][number].ravel(), after[path][number].ravel(), strict=True)
                    if row[1] == row[1] and row[2] == row[2]
                ]
                for path in paths
            }


def shift_for(path: TreePath, drop: float) -> float:
    """The latent shift at which the true mean at ``path`` drops by ``drop``; drops are nearly proportional to it."""
    shift = drop / 30
    for _ in range(2):
        shift *= drop / (truth(LOW)[path] - truth(LOW, shift)[path])
    return shift


def fails(row: Difference, margin: float = 0.0) -> bool:
    """Tell whether the gate fails by a row: the mean drop is beyond the margin, and is no chance."""
    return row.p is not None and row.p <= CHANCE and row.difference is not None and -row.difference > margin + 1e-9


def choice() -> None:
    say("## Which test tells a drop from chance\n")
    explain("""
        Five tests on the same runs: false alarms in percent of runs where nothing changed, in any figure; power in
        percent of runs for the one L1 that dropped; milliseconds a run, the median. Normal: five L1 apart from each
        other, 30 points of spread a pair, a drop of 12 in one. Checklist: the total and five L1 of simulated suites,
        with the zeros, ties and missing figures that a checklist gives; either every picture is another (other seeds,
        Quality drops by 12), or one of five is. The standard error of power is at most 1.2 points (200 images: 1.6), of
        false alarms at 5% it is 0.5 (0.7).
    """)
    for line in drop_tests.table(suites):
        say(line)
    say()
    explain(CHOSEN)


CHOSEN = """
The gate takes joint sign flips. Of normal differences they see as much as t tests with Holm's correction; of a
checklist's figures, which are correlated and full of zeros, more, since their false alarms stay near 5% where the
others waste part of that. The signed rank test sees less, most of all where few pictures changed: it does not ask
about the mean. At five images t tests see a little more, at a false alarm rate that nothing but normal differences
keeps; joint flips are exact there too, while the flips of a figure by itself give 1 in 32 at best, which Holm's
correction multiplies. All take milliseconds.
"""


def false_alarms() -> None:
    say("## False alarms of the baseline gate\n")
    explain("""
        Share of runs, in percent, in which any dimension with a margin fails although nothing changed (margin 0: with a
        larger one there are fewer). Where every dimension dropped by exactly its margin no promise is made: the drop is
        real, and each mean is beyond its margin in half of the runs.
    """)
    say("| dimensions | prompts x seeds | what is true | suites | runs that fail |")
    say("|---|--:|---|--:|--:|")
    shift = 0.06
    base, moved = truth(LOW), truth(LOW, shift)
    at_margin = {path: base[path] - moved[path] for path in MAIN}
    designs = [(10, 1), (20, 1), (50, 1), (200, 1), (20, 5), (50, 4)]
    cases = [(MAIN, "total and 5 L1", design, False, 3000) for design in designs]
    cases += [(PATHS, "total, 5 L1, 23 L2", design, False, 1000) for design in ((20, 1), (50, 1), (200, 1), (50, 4))]
    cases += [(MAIN, "total and 5 L1", design, True, 3000) for design in ((20, 1), (50, 1), (200, 1), (50, 4))]
    for paths, name, (prompts, seeds), dropped, wanted in cases:
        rng = np.random.default_rng([2, prompts, seeds, len(paths), dropped])
        alarms, total = 0, suites(wanted)
        for pairs in paired_suites(rng, total, prompts, seeds, paths, shift if dropped else 0.0):
            margin = at_margin if dropped else dict.fromkeys(paths, 0.0)
            alarms += any(fails(row, margin[row.path]) for row in differences(pairs))
        what = "drop at the margin" if dropped else "nothing changed"
        say(f"| {name} | {prompts} x {seeds} | {what} | {total} | {100 * alarms / total:.1f} |")
    say()


ALONE = ((50, 1), (200, 1), (50, 4))  # designs in which one L1 alone is made to drop too
PLANNED = ((2.0, 0.0, 1, 1000), (4.0, 0.0, 1, 2000), (4.0, 0.0, 4, 2000), (8.0, 0.0, 1, 2000), (4.0, 2.0, 1, 2000),
           (8.0, 6.0, 1, 2000))  # fmt: skip


def power() -> None:
    say("## Power of the baseline gate, as `imagejudge plan` promises it\n")
    explain("""
        Promised from the defaults, and one simulated baseline of 500 prompts x 4 seeds. Margin 0, 6 dimensions. Seen
        where this L1 alone drops (and the total by a fifth of it), which the promise is for, and where all drop
        together: those that are surely no chance leave the family, so more is seen.
    """)
    say("| design | dimension | true drop | promised (defaults) | promised (baseline) | seen, alone | seen, all drop |")
    say("|---|---|--:|--:|--:|--:|--:|")
    defaults = default_noise()
    measured = noise_from(_baseline(500, 4), MAIN, "a simulated baseline")
    base = truth(LOW)
    for (prompts, seeds), shift, wanted in (
        ((50, 1), 0.35, 2000),
        ((200, 1), 0.15, 2000),
        ((500, 1), 0.10, 1000),
        ((20, 5), 0.30, 2000),
        ((50, 4), 0.15, 2000),
    ):
        moved = truth(LOW, shift)
        rng = np.random.default_rng([3, prompts, seeds])
        seen, total = dict.fromkeys(MAIN, 0), suites(wanted)
        for pairs in paired_suites(rng, total, prompts, seeds, MAIN, shift):
            for row in differences(pairs):
                seen[row.path] += fails(row)
        alone: dict[TreePath, str] = {}
        for path in MAIN[1:] if (prompts, seeds) in ALONE else ():
            only = np.array([facet[0] == path[0] for facet in FACETS], dtype=np.float32) * shift
            found = paired_suites(np.random.default_rng([8, prompts, seeds]), suites(1000), prompts, seeds, MAIN, only)
            count = sum(fails(next(row for row in differences(pairs) if row.path == path)) for pairs in found)
            alone[path] = f"{100 * count / suites(1000):.1f}"
        for path in MAIN:
            drop = base[path] - moved[path]
            promised = [100 * power_of(noise, path, drop, prompts, seeds) for noise in (defaults, measured)]
            say(
                f"| {prompts} x {seeds} | {show(path)} | {drop:.2f} | {promised[0]:.1f} | {promised[1]:.1f} "
                f"| {alone.get(path, '')} | {100 * seen[path] / total:.1f} |"
            )
    say()
    say("The prompts that `plan --detect D --margin M --power 0.8` gives for the total, and what they then see:\n")
    say("| D | M | seeds | prompts | power seen | suites |")
    say("|--:|--:|--:|--:|--:|--:|")
    for drop, margin, seeds, wanted in PLANNED:
        prompts = prompts_needed(defaults, MAIN[0], drop, 0.8, seeds, margin=margin)
        assert prompts is not None
        shift = shift_for(MAIN[0], drop)
        rng = np.random.default_rng([4, prompts, seeds, int(margin)])
        seen_total, total = 0, suites(wanted)
        for pairs in paired_suites(rng, total, prompts, seeds, MAIN, shift):
            seen_total += fails(next(row for row in differences(pairs) if row.path == MAIN[0]), margin)
        say(f"| {drop:g} | {margin:g} | {seeds} | {prompts} | {100 * seen_total / total:.1f} | {total} |")
    say()
    say("| images | sees a drop of the total of | of each L1 of |")
    say("|--:|--:|--:|")
    for prompts in (20, 50, 200, 1000):
        found = [drop_seen(defaults, path, prompts, 0.8) or 0.0 for path in MAIN]
        say(f"| {prompts} | {found[0]:.1f} | {min(found[1:]):.1f} to {max(found[1:]):.1f} |")
    say()


def _baseline(prompts: int, seeds: int) -> list[Scored]:
    figures = draw(np.random.default_rng(5), 1, prompts, seeds).figures
    return [
        Scored(
            kind="image",
            id=None,
            prompt=f"prompt {i}",
            seed=j,
            figures={path: float(figures[path][0, i, j]) for path in PATHS if not np.isnan(figures[path][0, i, j])},
        )
        for i in range(prompts)
        for j in range(seeds)
    ]


def calibration() -> None:
    say("## Coverage of a gate's calibration against people\n")
    say("True pass rate 0.7, sensitivity 0.8, specificity 0.9; labelled images, then a run to correct.\n")
    say("| labelled | run | suites | sensitivity (Wilson) | specificity (Wilson) | corrected pass rate |")
    say("|--:|--:|--:|--:|--:|--:|")
    for labelled, n in ((50, 100), (200, 200), (1000, 500)):
        rng = np.random.default_rng([6, labelled])
        hits, total = np.zeros(3), suites(4000)
        for _ in range(total):
            good = rng.random(labelled) < 0.7
            passed = rng.random(labelled) < np.where(good, 0.9, 0.2)
            found = gate_calibration(passed.tolist(), good.tolist())
            fine = rng.binomial(n, 0.7)
            rate = found.corrected_pass_rate(int(rng.binomial(fine, 0.9) + rng.binomial(n - fine, 0.2)), n)
            for i, (share, true) in enumerate(((found.sensitivity, 0.8), (found.specificity, 0.9), (rate, 0.7))):
                hits[i] += share.low is not None and share.high is not None and share.low <= true <= share.high
        say(f"| {labelled} | {n} | {total} | " + " | ".join(f"{100 * hit / total:.1f}" for hit in hits) + " |")
    say()


PARTS = (coverage, choice, false_alarms, power, calibration)
HEAD = """# What the statistics promise, simulated

Suites of images with facet scores 0, 60 and 100, correlated within prompt, picture and dimension; the means
of the L1 are those of two models of the published leaderboard (`benchmarks/simulated.py`). Measured by
`python benchmarks/gates.py`, seeded; the standard error of a share is at most 0.7 points for coverage and false
alarms, 1.6 for power. The gate's error is at most 5% where nothing changed, whatever the figures are like.
"""


def main() -> None:
    """Measure all parts, or those that are named, and write the page."""
    named = [name for name in sys.argv[1:] if not name.startswith("-")]
    page = Path(__file__).with_suffix(".md")
    old = {text.partition("\n")[0]: text for text in re.split(r"^## ", page.read_text(), flags=re.M)[1:]}
    texts = [HEAD]
    for part in PARTS:
        begun = time.monotonic()
        lines.clear()
        if not named or part.__name__ in named:
            part()
            say(
                f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, "
                f"{platform.machine()}; {(time.monotonic() - begun) / 60:.0f} minutes.\n"
            )
            texts.append("\n".join(lines).rstrip() + "\n")
        else:
            title = TITLES[part.__name__]
            texts.append("## " + next(text for head, text in old.items() if head.startswith(title)).rstrip() + "\n")
    if not QUICK:
        page.write_text("\n".join(texts))


TITLES = {
    "coverage": "Coverage of the 95% interval",
    "choice": "Which test",
    "false_alarms": "False alarms",
    "power": "Power",
    "calibration": "Coverage of a gate's calibration",
}


if __name__ == "__main__":
    main()
