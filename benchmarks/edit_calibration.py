"""Calibrate the embedded judge on edits: clean local edits must pass, and spoilt ones fail; writes edit_calibration.md.

python benchmarks/edit_calibration.py FOLDER [--half set] [--pictures 10] [--minutes 60]

FOLDER holds KIND/{set,held}/NAME.png. The set half shows where the bounds of the profile ``edit-signals`` can lie; the
held half gives the shares of the table, with the bounds that the package ships. Every edit is made by
`edit_samples`, from seeds of the pictures' names.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
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
OLD = 0.9  # the bound on fidelity alone that the docs gave before


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


@dataclass
class Result:
    """The figures of one sample."""

    kind: str
    edit: str
    finish: str
    clean: bool
    masked: bool
    aspects: dict[str, float | None]


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


def edits_of(kind: str, path: Path, beside: Path, *, few: bool = False, rest: bool = False) -> Iterator[Sample]:
    """All samples of one picture.

    ``few`` are two edits, and the weakest strength of each damage; ``rest`` are the other three edits alone.
    """
    random = np.random.default_rng(zlib.crc32(path.name.encode()))
    source, other = load(path), load(beside)
    finishes = list(samples.FINISHES)
    start = int(random.integers(len(finishes)))
    every = list(samples.EDITS.items())
    for number, (name, edit) in enumerate((every[start % 5 :] + every[: start % 5])[: 2 if few else 5]):
        edited, touched = edit(source, other, random)
        finish = finishes[(start + number) % len(finishes)]
        done = samples.FINISHES[finish](edited, random)
        mask = samples.grown(touched, 12)
        if not rest or number >= 2:
            yield Sample(kind, name, finish, True, False, source, done)
            yield Sample(kind, name, finish, True, True, source, done, mask)
        base, base_touched = edited, touched
    if rest:
        return
    for finish in ("JPEG 90",) if few else ("as it is", "JPEG 90"):
        yield Sample(kind, "untouched", finish, False, False, source, samples.FINISHES[finish](source, random))
    yield Sample(kind, "untouched", "made anew", False, False, source, samples.regenerated(source, 1, random))
    for name, spoil in samples.SPOILT.items():
        if few and name not in samples.WEAKEST:
            continue
        finish = ("as it is", "JPEG 95")[int(random.integers(2))]
        if "JPEG" in name:
            finish = "as it is"
        spoilt = samples.FINISHES[finish](spoil(base, random), random)
        yield Sample(kind, name, finish, False, False, source, spoilt)
    fitted = np.asarray(Image.fromarray(other).resize(source.shape[1::-1]))
    yield Sample(kind, "another picture", "as it is", False, False, source, fitted)
    elsewhere = samples.blob(source.shape, max(0.01, float(base_touched.mean())), random, avoid=base_touched)
    box = samples.box_of(base_touched)
    for share in (0.05, 0.03):
        spoilt = samples.block(base, box, share)
        if spoilt is not None:
            yield Sample(kind, f"a red block of {share:.0%} beside", "as it is", False, True, source, spoilt, box)
    for finish in ("as it is", "made anew, JPEG 92"):
        done = samples.FINISHES[finish](base, random)
        yield Sample(kind, "outside of its mask", finish, False, True, source, done, elsewhere)


def measured(found: Iterator[Sample]) -> Iterator[Result]:
    """The figures of every sample."""
    for sample in found:
        source, edited = Image.fromarray(sample.source), Image.fromarray(sample.edited)
        mask = None if sample.mask is None else Image.fromarray(sample.mask.astype(np.uint8) * np.uint8(255))
        aspects, _ = measure_edit(source, edited, mask)
        yield Result(sample.kind, sample.edit, sample.finish, sample.clean, sample.masked, aspects)


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
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--half", default="set", choices=("set", "held"))
    parser.add_argument("--pictures", type=int, default=10, help="of each kind")
    parser.add_argument("--few", action="store_true", help="two edits a picture, and the weakest of each damage")
    parser.add_argument("--rest", action="store_true", help="the three edits that --few leaves out, and no damage")
    parser.add_argument("--minutes", type=float, default=60, help="no further picture is begun after so long")
    parser.add_argument("--figures", type=Path, help="a JSON Lines file for every figure")
    parser.add_argument("--tables", nargs="+", type=Path, metavar="FIGURES", help="tables of earlier figures")
    parser.add_argument("--write", action="store_true", help="write edit_calibration.md")
    args = parser.parse_args()
    if args.tables:
        lines = [line for path in args.tables for line in path.read_text().splitlines()]
        results = [Result(**json.loads(line)) for line in lines]
    else:
        results = list(_measure(args))
    text = tables(results, args.half)
    print(text)
    if args.write:
        template = (HERE / "edit_calibration.md.in").read_text(encoding="utf-8")
        (HERE / "edit_calibration.md").write_text(template.replace("{{tables}}", text), encoding="utf-8")


def _measure(args: argparse.Namespace) -> Iterator[Result]:
    begun, cpu, count = time.time(), time.process_time(), 0
    for kind, path, beside in pictures(args.folder, args.half, args.pictures):
        if time.time() - begun > 60 * args.minutes:
            break
        for result in measured(edits_of(kind, path, beside, few=args.few, rest=args.rest)):
            count += 1
            if args.figures:
                with args.figures.open("a") as file:
                    file.write(json.dumps(vars(result)) + "\n")
            yield result
    print(f"{count} measurements, {time.time() - begun:.0f} s, {time.process_time() - cpu:.0f} CPU-seconds")


def tables(results: list[Result], half: str) -> str:
    """The tables of edit_calibration.md."""
    clean = [each for each in results if each.clean]
    spoilt = [each for each in results if not each.clean]
    count = sum(each.edit == "another picture" for each in results)
    lines = [f"The {half} half: {count} pictures, {len(results)} measurements.", ""]
    lines += ["| clean edits | failed | failed with the mask | by | fidelity below 0.9 |", "|---|---|---|---|---|"]
    lines.append(_clean_row("all", clean))
    for by in ("edit", "kind", "finish"):
        for name in dict.fromkeys(getattr(each, by) for each in clean):
            lines.append(_clean_row(f"{by}: {name}", [each for each in clean if getattr(each, by) == name]))
    lines += ["", "| spoilt | caught | by | missed of | fidelity below 0.9 |", "|---|---|---|---|---|"]
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
    fidelities = [each.aspects["fidelity"] for each in some if not each.masked]
    told = [fidelity for fidelity in fidelities if fidelity is not None]
    return share(sum(fidelity < OLD for fidelity in told), len(told)) if told else ""


def _top(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.most_common(4))


if __name__ == "__main__":
    main()
