"""Rendered text for the calibration: right and wrong words, Latin and Chinese, small, large and picture-filling."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from pytest_imagejudge.engines.signals import text as measurement
from pytest_imagejudge.protocols.signals_bounds import REVISION

# script, size, kind, what is shown and what is expected, font, height of letters, number of the text
Job = tuple[str, str, str, str, Path, float | None, int]
Row = tuple[str, str, str, str, object, str]  # script, size, kind, font, raw score, evidence

FONT_PACKAGES = ("fonts-noto-cjk", "fonts-liberation2", "fonts-comfortaa", "fonts-lobster")
LATIN = {
    "Grand Opening": "Grand Openning",
    "COFFEE": "COFEE",
    "Happy Birthday Anna": "Happy Birtday Anna",
    "Summer Sale 50% Off": "Summer Sale 60% Off",
    "Open 24 Hours": "Open 24 Huors",
    "Welcome to Our Library": "Welcome to Our Libary",
    "Café Zürich": "Café Zürch",
    "Keep Calm and Carry On": "Keep Calm and Cary On",
    "Fresh Bread Daily": "Fresh Braed Daily",
    "Jazz Night": "Jazz Nigth",
    "Do Not Enter": "Do Not Entor",
    "The Art of Slow Travel": "The Art of Slow Travle",
}
CHINESE = {
    "欢迎光临": "欢迎光监",
    "生日快乐": "生日快东",
    "新鲜面包": "新鲜面饱",
    "夏日音乐节": "夏目音乐节",
    "安全出口": "安全出囗牌",
    "好好学习天天向上": "好好学习天大向上",
    "图书馆开放时间": "图书馆开放时问",
    "中秋节快乐": "中秋节快了",
}
PAPERS = (((250, 244, 230), (28, 32, 44)), ((24, 40, 80), (255, 214, 90)), ((196, 48, 43), (255, 255, 255)))
SIZES = {"small (letters of 3% of the height)": 0.03, "large (9%)": 0.09, "filling the picture": None}


def fetch_fonts(folder: Path) -> None:
    """Download and unpack the fonts into ``folder``, where they are not there yet."""
    for name in FONT_PACKAGES:
        if not (folder / name).is_dir():
            subprocess.run(["apt-get", "download", name], cwd=folder, check=True, stdout=sys.stderr)
            (package,) = folder.glob(f"{name}_*.deb")
            subprocess.run(["dpkg-deb", "-x", package.name, name], cwd=folder, check=True)


def faces(folder: Path, chinese: bool) -> list[Path]:
    """The font files."""
    cjk = folder / "fonts-noto-cjk/usr/share/fonts/opentype/noto"
    if chinese:
        return [cjk / "NotoSansCJK-Bold.ttc", cjk / "NotoSerifCJK-Regular.ttc"]
    liberation = folder / "fonts-liberation2/usr/share/fonts/truetype/liberation2"
    return [
        liberation / "LiberationSans-Bold.ttf",
        liberation / "LiberationSerif-Italic.ttf",
        next(folder.glob("fonts-comfortaa/**/*old*.?tf")),
        next(folder.glob("fonts-lobster/**/*.?tf")),
    ]


def poster(words: str, face: Path, height: float | None, number: int) -> Image.Image:
    """``words`` on one line in the middle, or, filling the picture, on as many lines as make them largest."""
    paper, ink = PAPERS[number % len(PAPERS)]
    picture = Image.new("RGB", (1024, 768), paper)
    draw = ImageDraw.Draw(picture)
    if height is not None:
        font = ImageFont.truetype(str(face), height * 768 / 0.7)
        if (width := draw.textlength(words, font)) > 960:
            font = ImageFont.truetype(str(face), font.size * 960 / width)
        draw.text((512, 384), words, fill=ink, font=font, anchor="mm")
        return picture
    lines = "\n".join(words.split()) if " " in words else words
    size = 20
    while True:
        box = draw.multiline_textbbox((0, 0), lines, font=ImageFont.truetype(str(face), size + 4), spacing=size // 8)
        if box[2] - box[0] > 1010 or box[3] - box[1] > 756:
            break
        size += 4
    font = ImageFont.truetype(str(face), size)
    draw.multiline_text((512, 384), lines, fill=ink, font=font, anchor="mm", align="center", spacing=size // 8)
    return picture


def one_poster(job: Job) -> Row:
    """Measure one poster."""
    script, size, kind, shown, face, height, number = job
    wanted = shown.split("\0")
    facet = measurement.measure(poster(wanted[0], face, height, number), f'a poster that says "{wanted[1]}"')
    return script, size, kind, face.name, facet.raw, facet.evidence


def all_jobs(folder: Path) -> list[Job]:
    """One job a poster."""
    jobs = []
    for script, texts in (("Latin", LATIN), ("Chinese", CHINESE)):
        fonts = faces(folder, script == "Chinese")
        for number, (right, wrong) in enumerate(texts.items()):
            for step, (size, height) in enumerate(SIZES.items()):
                face = fonts[(number + step) % len(fonts)]
                other = list(texts)[(number + 1) % len(texts)]
                for kind, shown in (("right", right), ("one letter wrong", wrong), ("another text", other)):
                    if kind != "another text" or step == 1:
                        jobs.append((script, size, kind, f"{shown}\0{right}", face, height, number))
    return jobs


def measured(folder: Path) -> list[Row]:
    """All posters, measured; ``folder`` keeps them, so that a run that was cut off goes on from there."""
    fetch_fonts(folder)
    file = folder / f"text-{REVISION}.jsonl"
    done = dict(map(json.loads, file.read_text().splitlines())) if file.exists() else {}
    jobs = {"/".join(job[:4]): job for job in all_jobs(folder)}
    left = {name: job for name, job in jobs.items() if name not in done}
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool, file.open("a") as lines:
        for name, row in zip(left, pool.map(one_poster, left.values()), strict=True):
            done[name] = row
            lines.write(json.dumps([name, row]) + "\n")
            lines.flush()
    return [tuple(done[name]) for name in jobs]


def text_shares(rows: list[Row]) -> tuple[tuple[int, int], tuple[int, int]]:
    """How many right words were not failed, of how many, and how many wrong words were failed."""
    right = [row[4] != 0 for row in rows if row[2] == "right"]
    wrong = [row[4] == 0 for row in rows if row[2] != "right"]
    return (sum(right), len(right)), (sum(wrong), len(wrong))


def text_table(rows: list[Row]) -> str:
    """The table of what is read."""
    lines = ["| script | size | text | posters | scored 2 | scored 1 | failed |", "|---|---|---|---|---|---|---|"]
    for script, size, kind in sorted({row[:3] for row in rows}):
        raws = [row[4] for row in rows if row[:3] == (script, size, kind)]
        counts = " | ".join(str(raws.count(raw)) for raw in (2, 1, 0))
        lines.append(f"| {script} | {size} | {kind} | {len(raws)} | {counts} |")
    missed = [row for row in rows if (row[4] == 0) == (row[2] == "right")]
    if missed:
        lines += ["", "Scored against expectation:", ""]
        lines += [f"- {script}, {size}, {kind}, {face}: {words}" for script, size, kind, face, _, words in missed]
    return "\n".join(lines)
