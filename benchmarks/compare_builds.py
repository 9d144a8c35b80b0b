"""Two checkouts side by side: start-up, store, leaderboard, batching, pages, tables: measured in alternation.

    python benchmarks/compare_builds.py BEFORE AFTER [--rounds 9] [--only startup store] [-o comparison.md]

Each round runs both checkouts, one directly after the other, and every second round begins with the other one, so a
busy minute slows both. Both run with this Python and its packages, in processes that find the checkout by PYTHONPATH:
install beforehand what either of them needs. The table holds medians, in brackets the middle half, and the median over
rounds of the ratio after / before.

The other scripts of this folder tell what is measured, and both checkouts are asked by the command line. The store is
an exception: each checkout's own ``benchmarks/store.py`` measures it, for the modules of the store are not public.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import batching

Figures = dict[str, float]  # name with unit: figure, the less the better
Measure = Callable[[Path], Figures]  # takes the folder of one side; PYTHONPATH names the checkout
WORSE, ENOUGH = 1.05, 5  # the ratio that counts, and the rounds without which it tells nothing


def timed(folder: Path, *command: str, exits: int = 0) -> tuple[float, float, float]:
    """Seconds on the clock, seconds of the processor, and peak MiB of ``python`` with these arguments."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != exits:
        raise SystemExit(f"exit {process.returncode}, with PYTHONPATH={os.environ['PYTHONPATH']}: {' '.join(command)}")
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def startup(folder: Path) -> Figures:
    """One empty test with the plugin and no judge; the least of five, for a start is short."""
    (folder / "test_empty.py").write_text("def test_empty():\n    pass\n")
    (folder / "pytest.ini").write_text("[pytest]\n")
    plugin = ("-p", "no:cacheprovider", "-p", "pytest_imagejudge.plugin")
    runs = [timed(folder, "-m", "pytest", "-q", *plugin, "test_empty.py") for _ in range(5)]
    return {"one empty test, s": min(run[0] for run in runs), "of the processor, s": min(run[1] for run in runs)}


def store(folder: Path) -> Figures:
    """The rows of ``benchmarks/store.py`` that are seconds."""
    script = Path(os.environ["PYTHONPATH"], "benchmarks", "store.py")
    done = subprocess.run([sys.executable, script, "--runs", "1"], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found = re.findall(r"^\| (.+?) \| ([\d.]+) s \(", done.stdout, re.MULTILINE)
    assert found, done.stdout
    return {f"{name}, s": float(seconds) for name, seconds in found}


def leaderboard(released: Path) -> Measure:
    """``imagejudge leaderboard`` over synthetic answers, the same file for both."""

    def measure(folder: Path) -> Figures:
        seconds, used, memory = timed(
            folder, "-m", "pytest_imagejudge", "leaderboard", str(released), "--output-dir", "out"
        )
        return {"ranking, s": seconds, "of the processor, s": used, "peak, MiB": memory}

    return measure


def batches(url: str, images: int, delay: float) -> Measure:
    """200 images at an endpoint with a delay; then stored answers, from the second round on."""

    def measure(folder: Path) -> Figures:
        few, many = folder / "few", folder / "many"
        if not few.exists():
            for inside, count, side in ((few, batching.IMAGES, 64), (many, images, 8)):
                batching.pictures(inside, count, side)
                batching.manifest(inside, count)
                (inside / "loose.toml").write_text("total = 0\n")
            (few / "test_images.py").write_text(batching.CHECK.replace("check", "expect") % batching.IMAGES)
            batching.figures(url)
            batching.pytest_run(many, url, "rows.imagejudge.jsonl")  # fills the store
        found: Figures = {}
        for name, what in (("expect", "test_images.py"), ("manifest", "rows.imagejudge.jsonl")):
            batching.figures(url, delay)
            seconds, _ = batching.pytest_run(few, url, "--judge-no-store", what)
            assert batching.figures(url)["requests"] == batching.IMAGES * batching.DIMENSIONS
            found[f"{batching.IMAGES} images by {name}, {delay:g} s an answer, s"] = seconds
        batching.figures(url)
        score = ("pytest_imagejudge", "score", "rows.imagejudge.jsonl", "--output-dir=scored", *batching.judge(url))
        seconds, memory = batching.pytest_run(many, url, "rows.imagejudge.jsonl")
        found |= {f"{images:,} stored, by manifest, s": seconds, "peak, MiB": memory}
        _, seconds, memory = batching.run(many, *score)
        found |= {f"{images:,} stored, `imagejudge score`, s": seconds, "its peak, MiB": memory}
        assert batching.figures(url)["requests"] == 0
        return found

    return measure


def page(url: str, photographs: Path, images: int) -> Measure:
    """The wait for an HTML report once the last image is judged, and the same page made of the run's JSON report."""
    _table(photographs / "rows.csv", [f"{number}.png" for number in range(images)])

    def measure(folder: Path) -> Figures:
        asked = (*batching.judge(url)[:-1], "--judge-dimensions=Quality", "--judge-no-store", f"--output-dir={folder}")
        reports = ("--judge-report=page.html", "--judge-report=run.json")
        rows = str(photographs / "rows.csv")
        _, used, memory = timed(folder, "-m", "pytest_imagejudge", "score", rows, *asked, *reports)
        judged = (folder / "rows_judged.csv").stat().st_ctime  # given its name when the last row is judged
        wait = (folder / "page.html").stat().st_mtime - judged
        again, used_again, _ = timed(folder, "-m", "pytest_imagejudge", "report", "run.json", "-o", "again.html")
        return {
            f"{images:,} images, wait for the page, s": wait,
            "page, MB": (folder / "page.html").stat().st_size / 1e6,
            "whole run, of the processor, s": used,
            "its peak, MiB": memory,
            "page of the JSON report, s": again,
            "of the processor, s": used_again,
        }

    return measure


def table(url: str, rows: int) -> Measure:
    """`imagejudge score` over a table of which a hundred rows can be judged."""

    def measure(folder: Path) -> Figures:
        if not (folder / "rows.csv").exists():
            batching.pictures(folder, 100, 8)
            names = [f"missing/{number}.png" for number in range(rows)]
            names[:: rows // 100] = [f"images/{number}.png" for number in range(100)]
            _table(folder / "rows.csv", names)
        asked = (*batching.judge(url)[:-1], "--judge-no-store", "--output-dir=scored")
        seconds, used, memory = timed(folder, "-m", "pytest_imagejudge", "score", "rows.csv", *asked, exits=2)
        return {f"{rows:,} rows, 100 images, s": seconds, "of the processor, s": used, "peak, MiB": memory}

    return measure


def _table(path: Path, pictures: list[str]) -> None:
    lines = [f'row-{number},"a red fox, number {number}",{name}' for number, name in enumerate(pictures)]
    path.write_text("\n".join(["ID,prompt,image_path", *lines]) + "\n")


@contextlib.contextmanager
def using(checkout: Path) -> Iterator[None]:
    """Let children find this checkout, and no plugin but those that are named."""
    os.environ["PYTHONPATH"] = str(checkout)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        del os.environ["PYTHONPATH"]


def alternate(measure: Measure, sides: dict[str, Path], folder: Path, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Figures by name and side, one a round; a first round that compiles and fills caches is left out."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: {name: [] for name in sides})
    for number in range(rounds + 1):
        order = list(sides) if number % 2 else list(reversed(sides))
        for name in order:
            inside = folder / name
            inside.mkdir(exist_ok=True)
            with using(sides[name]):
                figures = measure(inside)
            if number:
                for figure, value in figures.items():
                    found[figure][name].append(value)
        print(f"  round {number} of {rounds}", file=sys.stderr, flush=True)
    return found


def middle(values: list[float]) -> tuple[float, float, float]:
    """Median, first and third quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return median, low, high


def rows(benchmark: str, found: dict[str, dict[str, list[float]]]) -> Iterator[tuple[str, str]]:
    """Lines of the table, each with the name of its figure where that got worse, else nothing."""
    for name, sides in found.items():
        before, after = sides["before"], sides["after"]
        if not before or not after:  # the stores' own scripts may differ
            yield f"| {benchmark} | {name} | | | only {'before' if before else 'after'} |", ""
            continue
        ratios = [two / one for one, two in zip(before, after, strict=True)]
        shown = [f"{median:.3g} ({low:.3g} to {high:.3g})" for median, low, high in (middle(before), middle(after))]
        ratio, low, high = middle(ratios)
        cells = (benchmark, name, *shown, f"{ratio:.3f} ({low:.3f} to {high:.3f})")
        yield f"| {' | '.join(cells)} |", f"{benchmark}: {name}" if ratio > WORSE and low > 1 else ""


def commit(checkout: Path) -> str:
    """The checkout's commit, for the heading."""
    done = subprocess.run(["git", "-C", checkout, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or checkout.name


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="a checkout")
    parser.add_argument("after", type=Path, help="another one")
    names = ("startup", "store", "leaderboard", "batching", "page", "table")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="which benchmarks (default: all)")
    parser.add_argument("--rounds", type=int, default=9, help="how often each is measured, after one that warms up")
    parser.add_argument("--images", type=int, default=batching.FEW, help="of the runs from the store")
    parser.add_argument("--photographs", type=int, default=200, help="of the page")
    parser.add_argument("--rows", type=int, default=200_000, help="of the table")
    parser.add_argument("--prompts", type=int, default=1000, help="of the leaderboard")
    parser.add_argument("--models", type=int, default=18, help="of the leaderboard")
    parser.add_argument("--delay", type=float, default=1.0, help="seconds that the endpoint takes for an answer")
    parser.add_argument("-o", "--output", type=Path, help="write the table here too")
    args = parser.parse_args()
    sides = {"before": args.before.resolve(), "after": args.after.resolve()}
    lines, worse = [], []
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        for benchmark in args.only:
            print(benchmark, file=sys.stderr, flush=True)
            folder = Path(name, benchmark)
            folder.mkdir()
            measure: Measure
            if benchmark == "leaderboard":
                measure = leaderboard(_released(sides["after"], folder, args.prompts, args.models))
            elif benchmark == "batching":
                measure = batches(stack.enter_context(batching.endpoint()), args.images, args.delay)
            elif benchmark == "page":
                pictures = _photographs(sides["after"], folder, args.photographs)
                measure = page(stack.enter_context(batching.endpoint()), pictures, args.photographs)
            elif benchmark == "table":
                measure = table(stack.enter_context(batching.endpoint()), args.rows)
            else:
                measure = {"startup": startup, "store": store}[benchmark]
            for line, name_if_worse in rows(benchmark, alternate(measure, sides, folder, args.rounds)):
                lines.append(line)
                worse += [name_if_worse] if name_if_worse else []
    heading = [
        f"Before {commit(sides['before'])}, after {commit(sides['after'])}; rounds in alternation: {args.rounds}. "
        "Medians, and in brackets the middle half.",
        "",
        "| benchmark | figure | before | after | after / before |",
        "|---|---|--:|--:|--:|",
    ]
    ending = [
        "",
        f"Worse by more than {WORSE - 1:.0%} in the median, and the middle half is above 1: "
        f"{'; '.join(worse) or 'none'}."
        if args.rounds >= ENOUGH
        else f"Under {ENOUGH} rounds: too few to tell what got worse.",
        "",
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}. "
        f"Load average at the end {os.getloadavg()[0]:.1f}.",
    ]
    text = "\n".join([*heading, *lines, *ending]) + "\n"
    print(text)
    if args.output:
        args.output.write_text(text, encoding="utf-8")


def _photographs(checkout: Path, folder: Path, number: int) -> Path:
    """Photographs, as ``benchmarks/report_html.py`` makes them."""
    inside = folder / "photographs"
    inside.mkdir()
    code = "import sys; sys.path.insert(0, sys.argv[1]); import report_html, pathlib; "
    code += "report_html.photographs(pathlib.Path(sys.argv[2]), int(sys.argv[3]))"
    with using(checkout):
        timed(folder, "-c", code, str(Path(__file__).parent), str(inside), str(number))
    return inside


def _released(checkout: Path, folder: Path, prompts: int, models: int) -> Path:
    """Synthetic released answers, as ``benchmarks/leaderboard.py`` writes them."""
    path = folder / "released.jsonl"
    code = "import sys; sys.path.insert(0, sys.argv[1]); import leaderboard, pathlib; "
    code += "leaderboard.write(pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), 240)"
    with using(checkout):
        timed(folder, "-c", code, str(Path(__file__).parent), str(path), str(prompts), str(models))
    return path


if __name__ == "__main__":
    main()
