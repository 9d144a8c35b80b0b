"""Calibrate the embedded judge: six kinds of pictures as they are, and damaged; writes calibration.md.

python benchmarks/calibration.py [--half held] [--damaged 100] [--before CHECKOUT]

Prepares the corpus (`corpus.py`), applies each damage of `damages.py`, and asks the public judge, each of CHECKOUT and
of this checkout with its own packages. Bounds are set on the half "set"; the half "held" is measured once, for the
table. Figures are kept, by picture, damage, prompt and code, so that a run that was cut off goes on.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import calibration_tables as tables
import calibration_text
import corpus
from calibration_figures import Build, Figure, Measured, jobs, pictures
from corpus_sources import KINDS
from damages import IN_FILES

HERE = Path(__file__).parent


def commit(checkout: Path) -> str:
    """The checkout's commit."""
    done = subprocess.run(["git", "-C", checkout, "describe", "--always"], capture_output=True, text=True, check=True)
    return f"commit {done.stdout.strip()}"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cache = Path.home() / ".cache" / "imagejudge" / "calibration"
    parser.add_argument("--folder", type=Path, default=cache, help="of packages, pictures and figures")
    parser.add_argument("--corpus", type=Path, help="pictures that corpus.py wrote (default: write them)")
    parser.add_argument("--half", choices=["set", "held"], default="held")
    parser.add_argument("--fine", type=int, default=1000, help="pictures of a kind that are measured as they are")
    parser.add_argument("--damaged", type=int, default=100, help="pictures of a kind that are damaged")
    parser.add_argument("--before", type=Path, help="another checkout, with its .venv, to measure beside this one")
    parser.add_argument("--before-damaged", type=int, default=30, help="the same for that one")
    parser.add_argument("--this", type=Path, default=HERE.parent, help="this checkout, or one to take its place")
    parser.add_argument("--processes", type=int, default=1, help="0 writes what is known")
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="of each build, after which no picture is begun"
    )
    parser.add_argument("--report", type=Path, help="write the failures, with names, here; and no calibration.md")
    parser.add_argument("--files", action="store_true", help="print the table of pictures in lossy files instead")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    if not args.corpus:
        args.corpus = args.folder / "corpus"
        corpus.prepare(args.folder, args.corpus, [*KINDS])
    found = pictures(args.corpus, args.half)
    results: list[list[Figure]] = []
    builds = [(Build("this checkout", args.this, Path(sys.executable)), args.damaged, True)]
    if args.before:
        before = Build("before", args.before, args.before / ".venv" / "bin" / "python")
        builds.append((before, args.before_damaged, False))
    for build, damaged, words in builds:
        if args.files:
            wanted = jobs(found, 0, damaged, words=False, damages=IN_FILES)
        else:
            wanted = jobs(found, args.fine, damaged, words)
        name = build.name.replace(" ", "-")
        measured = Measured(build, args.corpus, args.folder / f"figures-{name}-{args.half}.jsonl")
        if args.processes:
            measured.measure(wanted, args.processes, args.minutes)
        results.append([*measured.figures(wanted)])
    now, old = results[0], results[1] if args.before else []
    if args.files:
        print(tables.files_table(now, old))
        return
    if args.report:
        args.report.write_text(tables.report(now, old), encoding="utf-8")
        return
    posters = calibration_text.measured(args.folder, args.corpus, [args.half])
    page = (HERE / "calibration.md.in").read_text(encoding="utf-8")
    page = page.replace("@CORPUS@", tables.corpus_table(args.corpus))
    page = page.replace("@FINE@", tables.fine_table(now, old))
    page = page.replace("@DAMAGES@", tables.damage_table(now, old))
    page = page.replace("@WORDS@", tables.words_table(now))
    page = page.replace("@COUNT@", tables.counts(now, old))
    page = page.replace("@BEFORE@", commit(args.before) if args.before else "not measured")
    page = page.replace("@THIS@", commit(args.this))
    page = page.replace("@MISSED@", tables.missed(now))
    page = page.replace("@TEXT@", calibration_text.text_table(posters))
    (HERE / "calibration.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
