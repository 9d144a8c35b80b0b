"""Rendered text for the calibration: right and wrong words, Latin and Chinese, small, large and picture-filling."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from pytest_imagejudge.engines.signals import text as measurement

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
        draw.text((512, 384), words, fill=ink, font=ImageFont.truetype(str(face), height * 768 / 0.7), anchor="mm")
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


def one_poster(job: tuple[str, str, str, str, Path, float | None, int]) -> tuple[str, str, str, str, object, str]:
    """Measure one poster."""
    script, size, kind, shown, face, height, number = job
    wanted = shown.split("\0")
    facet = measurement.measure(poster(wanted[0], face, height, number), f'a poster that says "{wanted[1]}"')
    return script, size, kind, face.name, facet.raw, facet.evidence


def measured(folder: Path) -> list[tuple[str, str, str, str, object, str]]:
    """All posters, measured."""
    fetch_fonts(folder)
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
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(one_poster, jobs))


def text_table(folder: Path) -> str:
    """The table of what is read."""
    rows = measured(folder)
    lines = ["| script | size | text | posters | scored 2 | scored 1 | failed |", "|---|---|---|---|---|---|---|"]
    for script, size, kind in sorted({row[:3] for row in rows}):
        raws = [row[4] for row in rows if row[:3] == (script, size, kind)]
        counts = " | ".join(str(raws.count(raw)) for raw in (2, 1, 0))
        lines.append(f"| {script} | {size} | {kind} | {len(raws)} | {counts} |")
    right = [row[4] for row in rows if row[2] == "right"]
    wrong = [row[4] for row in rows if row[2] != "right"]
    lines += [
        "",
        f"Right words not failed: {1 - right.count(0) / len(right):.1%} of {len(right)}; "
        f"wrong words failed: {wrong.count(0) / len(wrong):.1%} of {len(wrong)}.",
    ]
    missed = [row for row in rows if (row[4] == 0) == (row[2] == "right")]
    if missed:
        lines += ["", "Scored against expectation:", ""]
        lines += [f"- {script}, {size}, {kind}, {face}: {words}" for script, size, kind, face, _, words in missed]
    return "\n".join(lines)
