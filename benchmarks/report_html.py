"""The HTML report at 1,000 images: size, time to write, time to open and to filter in Chromium.

A run writes it with copies of the pictures that were made while these were judged; `imagejudge report` makes them of
the files. A copy takes what decoding takes longer while copies are made.

Run: python benchmarks/report_html.py [--images 1000]    (Playwright and Chromium)
Writes benchmarks/html.md, up to its first section.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageEnhance

from pytest_imagejudge.images.loading import load
from pytest_imagejudge.renderers.html_page import BUDGET, write_html
from pytest_imagejudge.renderers.small_copies import SmallCopies
from pytest_imagejudge.report.entry import entry_of
from pytest_imagejudge.report.model import Breach, Report, Run, VerdictEntry
from pytest_imagejudge.report.tally import summarize
from pytest_imagejudge.scoring.verdict import FacetScore, Verdict
from pytest_imagejudge.taxonomy import FACETS, LEVEL1

if TYPE_CHECKING:
    from playwright.sync_api import Page

HERE = Path(__file__).parent
TEXT = (
    "the picture shows a scene whose light falls from one side while shadows lie where they should edges are crisp in"
    " front and soft behind noise is low in dark areas colours agree and the text on the sign reads as asked no finger"
    " is missing the horizon is level material looks like metal glass wood cloth the prompt asks for two cups and two"
    " are there composition follows the rule of thirds nothing else stands out"
)
WORDS = TEXT.split()


def photographs(folder: Path, n: int) -> None:
    """``n`` different photographs, 1024 x 1024, cut from the sample images."""
    sources = [Image.open(path).convert("RGB") for path in sorted((HERE.parent / "fixtures").glob("*.jpg"))]
    for number in range(n):
        rng = random.Random(number)
        source = sources[number % len(sources)]
        side = int(min(source.size) * rng.uniform(0.55, 1.0))
        left, top = rng.randint(0, source.width - side), rng.randint(0, source.height - side)
        cut = source.crop((left, top, left + side, top + side)).resize((1024, 1024), Image.Resampling.LANCZOS)
        ImageEnhance.Color(cut).enhance(rng.uniform(0.6, 1.4)).save(folder / f"{number}.png", compress_level=1)


def answer(rng: random.Random, words: int) -> str:
    """Reasoning of that many words, then an answer."""
    return f"<think>{' '.join(rng.choices(WORDS, k=words))}.</think>" + '{"Realism": {"Physical Logic": {"score": 1}}}'


def report(folder: Path, n: int, words: int) -> Report:
    """``n`` entries, a third of them failed, with five answers of ``words`` words each."""
    entries = []
    for number in range(n):
        rng = random.Random(number)
        scores = {
            path: FacetScore("N/A" if rng.random() < 0.4 else rng.choice((0, 1, 1, 1, 2)), "seen in the lower third")
            for path in FACETS
        }
        verdict = Verdict(
            prompt=" ".join(rng.choices(WORDS, k=40)),
            level3=scores,
            asked=LEVEL1,
            answers={one: answer(rng, words) for one in LEVEL1},
            fingerprint={"model": "Qwen/Qwen-Image-Bench", "engine": "vllm"},
            key=f"{number:064x}",
            image=str(folder / f"{number}.png"),
        )
        entry = entry_of(verdict, None, id=f"row-{number}", test=f"tests/test_model.py::test_row[{number}]")
        assert isinstance(entry, VerdictEntry)
        quality = entry.level1["Quality"]
        if quality is not None and quality < 45:
            entry.breaches = [Breach(path=["Quality"], score=quality, bound=45)]
            entry.outcome = "failed"
        entries.append(entry)
    made = Report(verdicts=entries, run=Run(requests=n * 5))
    made.summary = summarize(entries)
    return made


# Each returns milliseconds from the event to the next frame that was painted.
PAINTED = """async () => {
    const controls = document.getElementById("controls");
    controls.reset();
    controls.dispatchEvent(new Event("input", {bubbles: true}));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const start = performance.now();
    ACT;
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return performance.now() - start;
}"""
ACTS = {
    "filter by outcome": "document.querySelector('[name=outcome][value=failed]').click()",
    "filter by text": "const f = document.getElementById('text'); f.value = 'metal glass';"
    " f.dispatchEvent(new Event('input', {bubbles: true}))",
    "filter by dimension": "const d = document.getElementById('dimension'); d.value = '0/1/0';"
    " d.dispatchEvent(new Event('input', {bubbles: true}))",
    "sort by score": "const s = document.getElementById('sort'); s.value = 'low';"
    " s.dispatchEvent(new Event('input', {bubbles: true}))",
    "open an image": "document.querySelector('#grid a').click()",
}


def measure(page: Page, path: Path) -> dict[str, float]:
    """Milliseconds by act, each the median of five fresh loads."""
    found: dict[str, list[float]] = {}
    for _ in range(5):
        start = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_selector("#grid a img")
        found.setdefault("open the report", []).append((time.perf_counter() - start) * 1000)
        for name, act in ACTS.items():
            found.setdefault(name, []).append(float(page.evaluate(PAINTED.replace("ACT", act))))
    return {name: sorted(times)[len(times) // 2] for name, times in found.items()}


def written(made: Report, folder: Path) -> dict[str, str]:
    """Write the report to ``report.html``, of the files and with copies; seconds, and size."""

    def clocks() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()

    def since(before: tuple[float, float]) -> str:
        wall, processor = (now - then for now, then in zip(clocks(), before, strict=True))
        return f"{wall:.1f} s ({processor:.1f} s)"

    def decode() -> float:
        begun = time.process_time()
        for entry in made.verdicts:
            load(entry.image)
        return time.process_time() - begun

    path, bounds = folder / "report.html", {("Quality",): 45.0}
    begun = clocks()
    write_html(made, path, bounds, folder=folder)
    of_files, alone = since(begun), decode()
    with SmallCopies(BUDGET) as copies:
        copied = decode() - alone
        begun = clocks()
        write_html(made, path, bounds, folder=folder, copies=copies)
        with_copies = since(begun)
    return {
        "size": f"{path.stat().st_size / 1e6:.1f} MB",
        "write, at the end of a run": with_copies,
        "a copy, while the judge works": f"{copied / len(made.verdicts) * 1000:.1f} ms",
        "write, `imagejudge report`": of_files,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright

    executable = os.environ.get("IMAGEJUDGE_CHROMIUM") or shutil.which("chromium")
    columns = {"answers of 300 words": 300, "answers of 3,000 words (near the limit of 4,096 tokens)": 3000}
    table: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        photographs(folder, args.images)
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        for words in columns.values():
            made = report(folder, args.images, words)
            for figure, value in written(made, folder).items():
                table.setdefault(figure, []).append(value)
            for act, milliseconds in measure(page, folder / "report.html").items():
                table.setdefault(act, []).append(f"{milliseconds:.0f} ms")
        version = browser.version
        browser.close()
    lines = [
        f"# The HTML report at {args.images:,} images",
        "",
        "Photographs of 1024 x 1024 pixels, five answers an image; in brackets seconds of the processor. Times in the",
        "browser are from the event to the next painted frame, medians of five loads.",
        "",
        f"| | {' | '.join(columns)} |",
        f"|---|{'---:|' * len(columns)}",
        *(f"| {act} | {' | '.join(values)} |" for act, values in table.items()),
        "",
        f"`python benchmarks/report_html.py --images {args.images}`; {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, Chromium {version}",
    ]
    file = HERE / "html.md"
    _, section, kept = file.read_text(encoding="utf-8").partition("\n## ")
    file.write_text("\n".join(lines) + "\n" + section + kept, encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
