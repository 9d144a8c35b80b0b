"""Calibrate the embedded judge: real photographs, graded distortions of them, rendered text; writes calibration.md.

python benchmarks/calibration.py [--folder CACHE]

Needs the extra "signals", Debian's apt-get and dpkg-deb, and a package index. Half of the photographs, chosen by
their names, suggest the bounds: about the middle, on a log scale, between what 98% of undistorted photographs stay
within and what 98% of strong distortions exceed, moved within that half where both targets of 95% ask for it. The
other half gives every share in the table, with the bounds that the package ships.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageFilter

sys.path.insert(0, str(Path(__file__).parent))
import calibration_text
from photographs import fetch, held_out, photographs

from pytest_imagejudge.engines.signals import quality, safety
from pytest_imagejudge.protocols.signals_bounds import BOUNDS, REVISION

HERE = Path(__file__).parent
SIDE = 768  # pixels; the long side at which photographs are distorted
SEED = 7
Distortion = Callable[[Image.Image], Image.Image]


def jpeg(picture: Image.Image, grade: int) -> Image.Image:
    """Through JPEG at this quality, colour at half the resolution."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=grade)
    return Image.open(io.BytesIO(file.getvalue())).convert("RGB")


def noise(picture: Image.Image, sigma: float) -> Image.Image:
    """Gaussian noise of this sigma, in levels, by channel."""
    pixels = np.asarray(picture, np.float64)
    return clip(pixels + np.random.default_rng(SEED).normal(0, sigma, pixels.shape))


def grey_noise(picture: Image.Image, sigma: float) -> Image.Image:
    """Gaussian noise, the same in all channels."""
    pixels = np.asarray(picture, np.float64)
    return clip(pixels + np.random.default_rng(SEED).normal(0, sigma, pixels.shape[:2])[..., None])


def shot_noise(picture: Image.Image, photons: float) -> Image.Image:
    """Poisson noise; white is this many photons."""
    return clip(np.random.default_rng(SEED).poisson(np.asarray(picture) / 255 * photons) / photons * 255)


def salt_and_pepper(picture: Image.Image, share: float) -> Image.Image:
    """This share of the pixels black or white."""
    pixels = np.asarray(picture).copy()
    draw = np.random.default_rng(SEED).random(pixels.shape[:2])
    pixels[draw < share / 2] = 0
    pixels[draw > 1 - share / 2] = 255
    return Image.fromarray(pixels)


def clip(pixels: Any) -> Image.Image:
    """As a picture."""
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def gaussian(picture: Image.Image, sigma: float) -> Image.Image:
    """Gaussian blur; sigma in pixels at a long side of 1024."""
    return picture.filter(ImageFilter.GaussianBlur(sigma * max(picture.size) / 1024))


def motion(picture: Image.Image, length: float, angle: float) -> Image.Image:
    """Motion blur; length in pixels at a long side of 1024, angle in degrees."""
    reach = max(1, round(length * max(picture.size) / 1024 / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    x, y = np.cos(np.radians(angle)) * reach, np.sin(np.radians(angle)) * reach
    cv2.line(kernel, (round(reach - x), round(reach - y)), (round(reach + x), round(reach + y)), 1.0)
    return through(picture, kernel)


def defocus(picture: Image.Image, radius: float) -> Image.Image:
    """Blur by a disc; radius in pixels at a long side of 1024."""
    reach = max(1, round(radius * max(picture.size) / 1024))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return through(picture, (x * x + y * y <= reach * reach).astype(np.float32))


def through(picture: Image.Image, kernel: Any) -> Image.Image:
    """Convolved."""
    return Image.fromarray(cv2.filter2D(np.asarray(picture), -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT))


def enlarged(picture: Image.Image, times: float, how: Image.Resampling) -> Image.Image:
    """Made smaller by area, then as large as it was."""
    small = picture.resize(tuple(max(1, round(side / times)) for side in picture.size), Image.Resampling.BOX)
    return small.resize(picture.size, how)


CUBIC, LINEAR, LANCZOS, NEAREST = (
    Image.Resampling.BICUBIC,
    Image.Resampling.BILINEAR,
    Image.Resampling.LANCZOS,
    Image.Resampling.NEAREST,
)
# facet: {words: (strong, distortion)}; what is not strong is shown and aims at nothing
DISTORTIONS: dict[str, dict[str, tuple[bool, Distortion]]] = {
    "Noise": {
        "Gaussian noise, sigma 10": (False, lambda p: noise(p, 10)),
        "Gaussian noise, sigma 25": (True, lambda p: noise(p, 25)),
        "Gaussian noise, sigma 40": (True, lambda p: noise(p, 40)),
        "grey noise, sigma 25": (True, lambda p: grey_noise(p, 25)),
        "shot noise, 20 photons": (True, lambda p: shot_noise(p, 20)),
        "salt and pepper, 5%": (True, lambda p: salt_and_pepper(p, 0.05)),
        "noise sigma 40, then JPEG 75": (True, lambda p: jpeg(noise(p, 40), 75)),
    },
    "Edge Clarity": {
        "Gaussian blur, sigma 1.5": (False, lambda p: gaussian(p, 1.5)),
        "Gaussian blur, sigma 4": (True, lambda p: gaussian(p, 4)),
        "Gaussian blur, sigma 8": (True, lambda p: gaussian(p, 8)),
        "defocus, radius 8": (True, lambda p: defocus(p, 8)),
        "motion blur, 25 pixels, 0 degrees": (True, lambda p: motion(p, 25, 0)),
        "motion blur, 25 pixels, 45 degrees": (True, lambda p: motion(p, 25, 45)),
        "motion blur, 25 pixels, 70 degrees": (True, lambda p: motion(p, 25, 70)),
        "motion blur, 40 pixels, 115 degrees, then JPEG 85": (True, lambda p: jpeg(motion(p, 40, 115), 85)),
    },
    "Resolution": {
        "enlarged 2 times, bicubic": (False, lambda p: enlarged(p, 2, CUBIC)),
        "enlarged 4 times, bicubic": (True, lambda p: enlarged(p, 4, CUBIC)),
        "enlarged 4 times, Lanczos": (True, lambda p: enlarged(p, 4, LANCZOS)),
        "enlarged 4 times, bilinear, then JPEG 85": (True, lambda p: jpeg(enlarged(p, 4, LINEAR), 85)),
        "enlarged 8 times, bicubic": (True, lambda p: enlarged(p, 8, CUBIC)),
        "squares of 5.3 pixels": (True, lambda p: enlarged(p, 5.3, NEAREST)),
        "squares of 8 pixels, then JPEG 85": (True, lambda p: jpeg(enlarged(p, 8, NEAREST), 85)),
        "JPEG 40": (False, lambda p: jpeg(p, 40)),
        "JPEG 10": (True, lambda p: jpeg(p, 10)),
        "JPEG 5": (True, lambda p: jpeg(p, 5)),
    },
}
SCORES = {"Noise": quality.score_noise, "Edge Clarity": quality.score_edges, "Resolution": quality.score_resolution}
NATIVE, SMALL = "undistorted, as published", f"undistorted, at most {SIDE} pixels"


def one_photograph(name: str, picture: Image.Image) -> dict[str, Any]:
    """Every measurement of one photograph."""
    exposed = safety.measure(picture)
    rows: dict[str, Any] = {
        NATIVE: asdict(quality.figures_of(picture)),
        "safety": exposed.raw,
        "exposed": exposed.evidence,
    }
    small = picture.copy()
    small.thumbnail((SIDE, SIDE), LANCZOS)
    rows[SMALL] = asdict(quality.figures_of(small))
    for kinds in DISTORTIONS.values():
        for words, (_, distort) in kinds.items():
            rows[words] = asdict(quality.figures_of(distort(small)))
    return {"name": name, "held_out": held_out(name), "rows": rows}


def measured(folder: Path, file: Path) -> list[dict[str, Any]]:
    """All photographs, measured; ``file`` keeps one a line, so that a run that was cut off goes on from there."""
    cv2.setNumThreads(1)
    done = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    names = {result["name"] for result in done}
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool, file.open("a") as lines:
        running: list[Future[dict[str, Any]]] = []

        def collect(most: int) -> None:
            while len(running) > most:
                done.append(running.pop(0).result())
                lines.write(json.dumps(done[-1]) + "\n")
                lines.flush()

        for name, picture in photographs(folder):
            if name not in names:
                running.append(pool.submit(one_photograph, name, picture))
                collect(6)
        collect(0)
    return sorted(done, key=lambda result: result["name"])


def share(results: Iterable[dict[str, Any]], words: str, facet: str, wanted: Callable[[Any], bool]) -> tuple[int, int]:
    """How many have a raw score that is wanted, of how many."""
    raws = [SCORES[facet](quality.Measurements(**result["rows"][words])).raw for result in results]
    return sum(map(wanted, raws)), len(raws)


def suggestion(results: list[dict[str, Any]], name: str, strong: list[str], high: bool) -> str:
    """What the setting half says of a bound."""

    def values(words: str) -> list[float]:
        found = [getattr(quality.Measurements(**result["rows"][words]), name) for result in results]
        return [value for value in found if value is not None]

    clean = np.percentile(values(NATIVE) + values(SMALL), 98 if high else 2)
    bad = np.percentile([value for words in strong for value in values(words)], 2 if high else 98)
    return f"{clean:.3g} | {bad:.3g} | {math.sqrt(max(clean, 1e-6) * max(bad, 1e-6)):.3g}"


def percent(pair: tuple[int, int]) -> str:
    """As a share with its count."""
    return f"{pair[0] / pair[1]:.1%} ({pair[0]} of {pair[1]})"


def strong_of(facet: str, *parts: str) -> list[str]:
    """The strong distortions of a facet whose words hold one of ``parts`` (all without any)."""
    kinds = DISTORTIONS[facet].items()
    return [words for words, (strong, _) in kinds if strong and (not parts or any(part in words for part in parts))]


def quality_tables(results: list[dict[str, Any]], posters: list[calibration_text.Row]) -> str:
    """All shares, and the tables of what is measured on photographs."""
    held = [result for result in results if result["held_out"]]
    setting = [result for result in results if not result["held_out"]]
    lines = [
        f"{len(results)} photographs; {len(setting)} suggest the bounds, {len(held)} are held out and give the shares.",
        "",
        "| facet | undistorted, not failed | strong distortions, failed |",
        "|---|---|---|",
    ]
    for facet in SCORES:
        clean = [share(held, words, facet, lambda raw: raw != 0) for words in (NATIVE, SMALL)]
        bad = [share(held, words, facet, lambda raw: raw == 0) for words in strong_of(facet)]
        lines.append(f"| {facet} | {percent(added(clean))} | {percent(added(bad))} |")
    right, wrong = calibration_text.text_shares(posters)
    lines.append(f"| Text Accuracy (posters: right words, wrong words) | {percent(right)} | {percent(wrong)} |")
    exposed = [result["rows"]["safety"] != 0 for result in results]
    lines.append(f"| Safety & Compliance (all photographs) | {percent((sum(exposed), len(exposed)))} | not testable |")
    lines += [
        "",
        "By distortion, on the held-out photographs:",
        "",
        "| facet | distortion | strong | failed |",
        "|---|---|---|---|",
    ]
    for facet, kinds in DISTORTIONS.items():
        for words in (NATIVE, SMALL):
            lines.append(f"| {facet} | {words} | | {percent(share(held, words, facet, lambda raw: raw == 0))} |")
        for words, (strong, _) in kinds.items():
            failed = percent(share(held, words, facet, lambda raw: raw == 0))
            lines.append(f"| {facet} | {words} | {'yes' if strong else 'no'} | {failed} |")
    lines += [
        "",
        "What the setting half suggests, beside the bound that ships (raw score 0 beyond it):",
        "",
        "| measure | 98% of undistorted within | 98% of strong beyond | middle | bound |",
        "|---|---|---|---|---|",
    ]
    gauss = strong_of("Noise", "noise")
    for name, strong, high in (
        ("noise_sigma", gauss, True),
        ("impulse_share", strong_of("Noise", "salt"), True),
        ("edge_sigma", strong_of("Edge Clarity"), True),
        ("effective_share", strong_of("Resolution", "8 times", "squares of 5"), False),
        ("fine_detail", strong_of("Resolution", "enlarged"), False),
        ("block_share", strong_of("Resolution", "JPEG 10", "JPEG 5"), True),
    ):
        lines.append(f"| {name} | {suggestion(setting, name, strong, high)} | {BOUNDS[name][0]:g} |")
    return "\n".join(lines)


def added(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """Counts, added up."""
    ones, totals = zip(*pairs, strict=True)
    return sum(ones), sum(totals)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache" / "imagejudge" / "calibration")
    args = parser.parse_args()
    fetch(args.folder)
    results = measured(args.folder, args.folder / f"figures-{REVISION}.jsonl")
    posters = calibration_text.measured(args.folder)
    page = (HERE / "calibration.md.in").read_text()
    page = page.replace("@QUALITY@", quality_tables(results, posters))
    page = page.replace("@TEXT@", calibration_text.text_table(posters))
    (HERE / "calibration.md").write_text(page)
    print(page)


if __name__ == "__main__":
    main()
