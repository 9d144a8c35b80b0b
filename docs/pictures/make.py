"""Make the pictures of README's first screen from a real run: ``python docs/pictures/make.py``.

The embedded judge judges pictures that are drawn here. terminal.svg is what pytest prints, page.png the HTML report in
Chromium. It takes ``pip install -e '.[signals]' playwright``, and Chromium (``CHROMIUM`` names it).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
TEST = """
import pytest
from PIL import Image

PROMPTS = {
    "opening": 'a poster with the words "GRAND OPENING"',
    "coffee": 'a poster with the words "FRESH COFFEE"',
    "harbour": "a lighthouse above a harbour at dusk",
}


@pytest.mark.parametrize("name", PROMPTS)
def test_pictures(image_judge, name):
    image_judge.expect(f"{name}.png", prompt=PROMPTS[name])
"""
WIDTH, HEIGHT = 1280, 760  # of the page's picture, before it is made smaller


def main() -> None:
    """Draw, judge, and take both pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder)
        (folder / "test_pictures.py").write_text(TEST, encoding="utf-8")
        (folder / "pytest.ini").write_text("[pytest]\njudge_model = signals\n", encoding="utf-8")
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "PYTEST_", "CI"))
        }
        environment |= {"COLUMNS": "92", "FORCE_COLOR": "1", "TERM": "xterm-256color", "PYTHONUTF8": "1"}
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "--color=yes",
            "--judge-report=report.html",
        ]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 1:
            sys.exit(
                f"one picture fails, so the run should exit with 1, not {done.returncode}\n{done.stdout}{done.stderr}"
            )
        terminal(done.stdout.replace(str(folder), "~/model"))
        page(folder / "report.html")


def draw(folder: Path) -> None:
    """Draw three pictures; on one a letter is missing."""
    for name, words, paper, ink in (
        ("opening", "GRAND OPENING", (246, 238, 220), (122, 44, 30)),
        ("coffee", "FRESH COFEE", (58, 40, 32), (238, 214, 178)),
    ):
        poster = Image.new("RGB", (900, 600), paper)
        pen = ImageDraw.Draw(poster)
        pen.rectangle((24, 24, 876, 576), outline=ink, width=8)
        pen.ellipse((390, 90, 510, 210), outline=ink, width=8)
        pen.text((450, 350), words, fill=ink, anchor="mm", font_size=92)
        poster.save(folder / f"{name}.png")
    sky = Image.linear_gradient("L").resize((900, 600))
    scene = Image.merge(
        "RGB", [sky.point(lambda v, a=a, b=b: int(a + (b - a) * v / 255)) for a, b in ((46, 236), (54, 150), (110, 96))]
    )
    scene = Image.blend(scene, Image.effect_noise((900, 600), 20).convert("RGB"), 0.05)
    pen = ImageDraw.Draw(scene)
    pen.rectangle((0, 430, 900, 600), fill=(34, 58, 86))
    for line in range(440, 600, 14):
        pen.line((0, line, 900, line + 3), fill=(52, 84, 118), width=3)
    pen.polygon([(560, 430), (600, 180), (660, 180), (700, 430)], fill=(232, 226, 214))
    for top in (220, 300, 380):
        pen.rectangle((572, top, 688, top + 34), fill=(170, 48, 40))
    pen.rectangle((596, 140, 664, 182), fill=(250, 214, 120), outline=(40, 40, 44), width=5)
    pen.polygon([(590, 140), (630, 104), (670, 140)], fill=(40, 40, 44))
    scene.filter(ImageFilter.SHARPEN).save(folder / "harbour.png")


def terminal(printed: str) -> None:
    """Draw the failure and the figures of what pytest printed, of the tree the first level and what failed."""
    lines = printed.splitlines()
    plain = [Text.from_ansi(line).plain for line in lines]
    first = next(i for i, line in enumerate(plain) if "FAILURES" in line)
    figures = next(i for i, line in enumerate(plain) if "= image judge =" in line)
    advice = next((i for i in range(first, figures) if plain[i].startswith("Look at the picture")), figures)
    end = next((i for i in range(figures, len(plain)) if "short test summary" in plain[i]), len(plain))
    tree = [lines[i] for i in range(figures, end) if not re.match(r"(│|   [│├└])", plain[i]) or "✗" in plain[i]]
    kept = [*lines[first:advice], *tree, lines[-1]]
    console = Console(record=True, width=92, file=open(os.devnull, "w", encoding="utf-8"), force_terminal=True)  # noqa: PTH123, SIM115
    console.print(Text("$ pytest -q --judge-model signals --judge-report report.html", style="bold"))
    for line in kept:
        console.print(Text.from_ansi(line), no_wrap=True, crop=True)
    svg = console.export_svg(title="pytest-imagejudge", unique_id="terminal")
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # nothing is fetched from elsewhere
    (HERE / "terminal.svg").write_text(svg, encoding="utf-8")


def page(report: Path) -> None:
    """Take a picture of the top of the page."""
    from playwright.sync_api import sync_playwright

    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        tab.goto(report.as_uri())
        tab.wait_for_load_state("networkidle")
        shot = tab.screenshot()
        browser.close()
    picture = (
        Image.open(BytesIO(shot)).convert("RGB").resize((WIDTH * 3 // 4, HEIGHT * 3 // 4), Image.Resampling.LANCZOS)
    )
    picture.quantize(128).save(HERE / "page.png", optimize=True)


if __name__ == "__main__":
    main()
