"""Calibrate the embedded judge on edits: clean local edits must pass, and spoilt ones fail; writes edit_calibration.md.

python benchmarks/edit_calibration.py FOLDER [--half set] [--pictures 10] [--old PYTHON]

FOLDER holds KIND/{set,held}/NAME.png. The set half shows where the bounds of the profile ``edit-signals`` can lie; the
held half gives the shares of the table, with the bounds that the package ships. Every edit is made by
`edit_samples`, from seeds of the pictures' names. ``--old`` is the Python of another build, which measures the same
pictures: its documented bound is a fidelity of 0.9.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.stats import binomtest

sys.path.insert(0, str(Path(__file__).parent))
import edit_samples as samples

from pytest_imagejudge.engines.signals.edits import measure_edit
from pytest_imagejudge.scoring.verdict import EditVerdict
from pytest_imagejudge.thresholds.loading import load_profile

HERE = Path(__file__).parent
SIDE = 1024
OLD = (
    "import sys, json; from PIL import Image; from pytest_imagejudge.engines.signals.edits import measure_edit\n"
    "for line in sys.stdin:\n"
    "    a, b = line.rstrip('\\n').split('\\t')\n"
    "    print(json.dumps(measure_edit(Image.open(a).convert('RGB'), Image.open(b).convert('RGB'))[0]), flush=True)\n"
)


@dataclass(frozen=True)
class Sample:
    """One edit: its kind, what was done to it, and whether it must pass."""

    kind: str  # of picture
    edit: str
    finish: str
    clean: bool
    masked: bool
    source: Any
    edited: Any
    mask: Any = None
    number: int = 0  # of the picture


@dataclass
class Result:
    """The figures of one sample."""

    kind: str
    edit: str
    finish: str
    clean: bool
    masked: bool
    aspects: dict[str, float | None]
    old: dict[str, float | None] = field(default_factory=dict)


def pictures(folder: Path, half: str, most: int) -> Iterator[tuple[str, Path, Path]]:
    """Kind, picture, and another picture of the kind: one of each kind in turn, evenly out of each."""
    chosen: dict[str, list[Path]] = {}
    for kind in sorted(path for path in folder.iterdir() if (path / half).is_dir()):
        found = sorted((kind / half).glob("*.png"))
        step = max(1, len(found) // most)
        chosen[kind.name] = found[step // 2 :: step][:most]
    for number in range(most):
        for kind, paths in chosen.items():
            if number < len(paths):
                yield kind, paths[number], paths[(number + 1) % len(paths)]


def load(path: Path) -> Any:
    """A picture of at most `SIDE` pixels."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def edits_of(kind: str, path: Path, beside: Path) -> Iterator[Sample]:
    """All samples of one picture."""
    random = np.random.default_rng(zlib.crc32(path.name.encode()))
    source, other = load(path), load(beside)
    finishes = list(samples.FINISHES)
    start = int(random.integers(len(finishes)))
    for number, (name, edit) in enumerate(samples.EDITS.items()):
        edited, touched = edit(source, other, random)
        finish = finishes[(start + number) % len(finishes)]
        done = samples.FINISHES[finish](edited, random)
        mask = samples.grown(touched, 12)
        yield Sample(kind, name, finish, True, False, source, done)
        yield Sample(kind, name, finish, True, True, source, done, mask)
        if number == start % len(samples.EDITS):
            base, base_touched = edited, touched
    for finish in ("as it is", "JPEG 90"):
        yield Sample(kind, "untouched", finish, False, False, source, samples.FINISHES[finish](source, random))
    yield Sample(kind, "untouched", "made anew", False, False, source, samples.regenerated(source, 1, random))
    for name, spoil in samples.SPOILT.items():
        finish = ("as it is", "JPEG 95")[int(random.integers(2))]
        if name.startswith("JPEG"):
            finish = "as it is"
        spoilt = samples.FINISHES[finish](spoil(base, random), random)
        yield Sample(kind, name, finish, False, False, source, spoilt)
    fitted = np.asarray(Image.fromarray(other).resize(source.shape[1::-1]))
    yield Sample(kind, "another picture", "as it is", False, False, source, fitted)
    elsewhere = samples.blob(source.shape, max(0.01, float(base_touched.mean())), random, avoid=base_touched)
    for finish in ("as it is", "made anew, JPEG 92"):
        done = samples.FINISHES[finish](base, random)
        yield Sample(kind, "outside of its mask", finish, False, True, source, done, elsewhere)


def measure(found: Iterator[Sample], old: str | None, most: int) -> Iterator[Result]:
    """The figures of every sample, and those of another build."""
    with tempfile.TemporaryDirectory() as place:
        other = None
        if old:
            other = subprocess.Popen(
                [old, "-c", OLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(old).parents[2]
            )
        for sample in found:
            source, edited = Image.fromarray(sample.source), Image.fromarray(sample.edited)
            mask = None if sample.mask is None else Image.fromarray(sample.mask.astype(np.uint8) * np.uint8(255))
            aspects, _ = measure_edit(source, edited, mask)
            result = Result(sample.kind, sample.edit, sample.finish, sample.clean, sample.masked, aspects)
            if other is not None and mask is None and sample.number <= most:
                paths = [Path(place) / name for name in ("source.bmp", "edited.bmp")]
                source.save(paths[0])
                edited.save(paths[1])
                other.stdin.write("\t".join(map(str, paths)) + "\n")
                other.stdin.flush()
                result.old = json.loads(other.stdout.readline())
            yield result
        if other is not None:
            other.stdin.close()
            other.wait()


# --- tables --------------------------------------------------------------------------------------------------------


def failed(aspects: dict[str, float | None]) -> list[str]:
    """The aspects that miss a bound of the profile."""
    check = load_profile("edit-signals").check_edit(EditVerdict("", aspects=aspects))
    return [breach.path[0] for breach in check.breaches] or ([] if check.passed else ["nothing applies"])


def share(hits: int, of: int) -> str:
    """A share with its interval of 95%."""
    if not of:
        return "none"
    low, high = binomtest(hits, of).proportion_ci(method="wilson")
    return f"{hits / of:.0%} ({low:.0%} to {high:.0%}) of {of}"


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--half", default="set", choices=("set", "held"))
    parser.add_argument("--pictures", type=int, default=10, help="of each kind")
    parser.add_argument("--minutes", type=float, default=60, help="no further picture is begun after so long")
    parser.add_argument("--old", help="the Python of another build, CHECKOUT/.venv/bin/python")
    parser.add_argument("--old-pictures", type=int, default=6, help="how many pictures it measures too")
    parser.add_argument("--figures", type=Path, help="a JSON Lines file for every figure")
    parser.add_argument("--write", action="store_true", help="write edit_calibration.md")
    args = parser.parse_args()
    begun, cpu = time.time(), time.process_time()
    chosen = list(pictures(args.folder, args.half, args.pictures))
    taken: list[Path] = []
    results = []

    def every() -> Iterator[Sample]:
        for kind, path, beside in chosen:
            if time.time() - begun > 60 * args.minutes:
                return
            taken.append(path)
            yield from (replace(sample, number=len(taken)) for sample in edits_of(kind, path, beside))

    for result in measure(every(), args.old, args.old_pictures):
        results.append(result)
        if args.figures:
            with args.figures.open("a") as file:
                file.write(json.dumps(vars(result)) + "\n")
    text = tables(results, args.half, len(taken))
    print(text)
    print(f"{len(results)} samples, {time.time() - begun:.0f} s, {time.process_time() - cpu:.0f} CPU-seconds")
    if args.write:
        template = (HERE / "edit_calibration.md.in").read_text(encoding="utf-8")
        (HERE / "edit_calibration.md").write_text(template.replace("{{tables}}", text), encoding="utf-8")


def tables(results: list[Result], half: str, count: int) -> str:
    """The tables of edit_calibration.md."""
    clean = [each for each in results if each.clean]
    spoilt = [each for each in results if not each.clean]
    lines = [f"The {half} half: {count} pictures, {len(results)} measurements.", ""]
    lines += ["| clean edits | failed | failed with the mask | by | old build, failed |", "|---|---|---|---|---|"]
    lines.append(_clean_row("all", clean))
    for by in ("edit", "kind", "finish"):
        for name in dict.fromkeys(getattr(each, by) for each in clean):
            lines.append(_clean_row(f"{by}: {name}", [each for each in clean if getattr(each, by) == name]))
    lines += ["", "| spoilt | caught | by | missed of | old build, caught |", "|---|---|---|---|---|"]
    for name in dict.fromkeys(map(_spoilt, spoilt)):
        lines.append(_spoilt_row(name, [each for each in spoilt if _spoilt(each) == name]))
    return "\n".join(lines) + "\n"


def _spoilt(result: Result) -> str:
    apart = result.edit in ("untouched", "outside of its mask") and result.finish != "as it is"
    return f"{result.edit}, {result.finish}" if apart else result.edit


def _clean_row(name: str, some: list[Result]) -> str:
    plain = [failed(each.aspects) for each in some if not each.masked]
    masked = [failed(each.aspects) for each in some if each.masked]
    reasons = Counter(one for found in (*plain, *masked) for one in found)
    shares = [share(sum(map(bool, found)), len(found)) for found in (plain, masked)]
    return f"| {name} | {' | '.join(shares)} | {_top(reasons)} | {_old(some)} |"


def _spoilt_row(name: str, some: list[Result]) -> str:
    found = [failed(each.aspects) for each in some]
    reasons = Counter(one for each in found for one in each)
    missed = Counter(each.kind for each, caught in zip(some, found, strict=True) if not caught)
    return f"| {name} | {share(sum(map(bool, found)), len(some))} | {_top(reasons)} | {_top(missed)} | {_old(some)} |"


def _old(some: list[Result]) -> str:
    old = [each.old["fidelity"] or 0 for each in some if each.old]
    return share(sum(fidelity < 0.9 for fidelity in old), len(old)) if old else ""


def _top(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.most_common(4))


if __name__ == "__main__":
    main()
