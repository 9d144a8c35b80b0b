"""What the plugin costs a run that asks for no judge, beside two plugins that most projects have.

Each line is ``python -m pytest`` over one empty test in a process of its own, with no other plugin. The runs of all
lines are interleaved, so that a busy machine slows them alike, and each is compared with the bare run of its round.

    python benchmarks/startup.py [ROUNDS]      # writes benchmarks/startup.md
"""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

ROUNDS = 40
BARE, OURS = "pytest alone", "pytest-imagejudge, no judge asked for"
LINES = {
    BARE: [],
    OURS: ["-p", "pytest_imagejudge.plugin"],
    "pytest-benchmark": ["-p", "pytest_benchmark.plugin"],
    "pytest-html": ["-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin"],
}
TARGET = 10.0  # milliseconds
Times = tuple[float, float]  # milliseconds on the clock, and of the processor


def processor() -> float:
    """Seconds of the processor that children have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(folder: Path, options: list[str]) -> Times:
    """How long one run takes."""
    clock, used = time.perf_counter(), processor()
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "test_empty.py"],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": ""},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return 1000 * (time.perf_counter() - clock), 1000 * (processor() - used)


def measure(rounds: int) -> dict[str, list[Times]]:
    """Times of each line's runs, by round."""
    found: dict[str, list[Times]] = {name: [] for name in LINES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_empty.py").write_text("def test_empty():\n    pass\n")
        (folder / "pytest.ini").write_text("[pytest]\n")
        for options in LINES.values():
            run(folder, options)  # compiles what is imported
        order = list(LINES)
        for number in range(rounds):
            start = number % len(order)
            for line in order[start:] + order[:start]:
                found[line].append(run(folder, LINES[line]))
    return found


def quarters(values: list[float]) -> tuple[float, float, float]:
    """First quartile, median, third quartile."""
    ordered = sorted(values)
    return tuple(ordered[round((len(ordered) - 1) * share)] for share in (0.25, 0.5, 0.75))  # type: ignore[return-value]


def table(found: dict[str, list[Times]]) -> str:
    """The figures as Markdown."""
    bare = found[BARE]
    lines = [
        "# Start-up",
        "",
        f"`python benchmarks/startup.py`: one empty test, a process a run, plugins loaded one by one; {len(bare)}",
        "interleaved rounds, each run compared with the bare one of its round. Medians, and in brackets the middle",
        "half; the clock is that of a machine with other work, the processor's time is not.",
        "",
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"pytest {version('pytest')}, pytest-benchmark {version('pytest-benchmark')}, "
        f"pytest-html {version('pytest-html')}",
        "",
        "| run | clock, ms | more than bare | ratio | processor, ms | more than bare | ratio |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    more: dict[str, float] = {}
    for name, times in found.items():
        cells = []
        for kind in (0, 1):
            pairs = [(one[kind], other[kind]) for one, other in zip(times, bare, strict=True)]
            low, middle, high = quarters([one - other for one, other in pairs])
            ratio = quarters([one / other for one, other in pairs])[1]
            cells.append(f"{quarters([one for one, _ in pairs])[1]:.0f}")
            cells += ["", ""] if name == BARE else [f"{middle:.1f} ({low:.1f} to {high:.1f})", f"{ratio:.3f}"]
            more[name] = middle
        lines.append(f"| {name} | {' | '.join(cells)} |")
    verdict = "met" if more[OURS] <= TARGET else "missed"
    lines += ["", f"Target: at most {TARGET:g} ms more: {verdict}, {more[OURS]:.1f} ms of the processor."]
    lines += ["", "Before and after a change: `python benchmarks/compare_builds.py BEFORE AFTER --only startup` runs"]
    lines += ["two checkouts in alternation."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    text = table(measure(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)
