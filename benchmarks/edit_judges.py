"""VIEScore and EditScore against the published code: requests, and the reading of recorded and mutated answers.

    python benchmarks/edit_judges.py --step1x CHECKOUT --editscore CHECKOUT --viescore CHECKOUT [--answers 5000]

CHECKOUT are folders with stepfun-ai/Step1X-Edit at 570eba6e, VectorSpaceLab/EditScore at 6e0f1b9a and
TIGER-AI-Lab/VIEScore at 2cbea4e8; `edit_judges_published.py` says what else it takes. `benchmarks/edit_judges.md` has
the tables. The recorded answers stay where they are.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from edit_judges_published import EditScore, VIEScore, stand_in_for_models
from PIL import Image

from pytest_imagejudge.protocols import load_protocol, published_words
from pytest_imagejudge.protocols.score_lists import behind_mark, read_list, would_be_drawn
from pytest_imagejudge.support.text_tables import markdown_table

INSTRUCTIONS = (
    "make the sky blue",
    "Replace the 10 balloons with 25 kites, and keep scale 0 to 10.",
    "把背景换成雪山",
    'Write "Score: [3, 4]" on the sign.\nKeep the rest {as it is}.',
    "",
    "naïve café — 🦊 <sks> [score1, score2]",
)
SIZES = ((512, 512), (1024, 768), (300, 200), (17, 900), (640, 481), (1280, 720), (27, 27))
SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"


def requests(published: Any, name: str, families: tuple[str, ...]) -> list[list[object]]:
    """Compare our requests with the published ones; rows of (protocol, family, requests, equal texts, pictures)."""
    rows = []
    models = {"openai": "gpt-4.1", "qwen2.5-vl": "Qwen2.5-VL-72B-Instruct", "qwen3-vl": "Qwen3-VL-4B-Instruct"}
    for family in families:
        protocol = load_protocol(name, model=models[family], kind="edit")
        rng, asked, texts, pictures, seen = np.random.default_rng(1), 0, 0, 0, 0
        for instruction in INSTRUCTIONS:
            for size in SIZES:
                source = _picture(rng, size)
                edited = _picture(rng, SIZES[asked % len(SIZES)])
                # as both published scripts hand it on
                same_size = edited.convert("RGB").resize(source.size)
                theirs = published.messages(family, [source, same_size], instruction)
                for dimension in protocol.dimensions:
                    ours = protocol.render(instruction, [source, edited], dimension).messages
                    equal_text, equal_pictures, count = _same(ours, theirs[dimension], family)
                    asked, texts, pictures = asked + 1, texts + equal_text, pictures + equal_pictures
                    seen += count
        rows.append([name, family, asked, texts, f"{pictures:,} of {seen:,}"])
    return rows


def _picture(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def _same(ours: list[dict[str, Any]], theirs: Any, family: str) -> tuple[bool, int, int]:
    """Tell whether the texts are equal, and how many of our pictures are, of how many."""
    (message,) = ours
    content = message["content"]
    urls = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    if family == "openai":
        wanted = [part["image_url"]["url"] for part in theirs if part["type"] == "image_url"]
        order = [part.get("text", "") for part in theirs] == [part.get("text", "") for part in content]
        return order, sum(one == other for one, other in zip(urls, wanted, strict=True)), len(urls)
    prompt, images = _prompt_of(theirs)
    written = "".join(part["text"] if part["type"] == "text" else PICTURE for part in content)
    decoded = [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB") for url in urls]
    pairs = zip(decoded, images, strict=True)
    return prompt == written, sum(np.array_equal(one, other) for one, other in pairs), len(urls)


def _prompt_of(theirs: Any) -> tuple[str, list[Image.Image]]:
    """The user's turn, as the chat template writes it, and the pictures that go to the model's processor."""
    from qwen_vl_utils import process_vision_info

    if isinstance(theirs, dict) and isinstance(theirs["prompt"], str):
        text = theirs["prompt"].removeprefix(f"{SYSTEM}<|im_start|>user\n")
        return text.removesuffix("<|im_end|>\n<|im_start|>assistant\n"), theirs["multi_modal_data"]["image"]
    messages = theirs["prompt"] if isinstance(theirs, dict) else [{"role": "user", "content": theirs}]
    text = "".join(part["text"] if part["type"] == "text" else PICTURE for part in messages[0]["content"])
    return text, process_vision_info(messages)[0]


def recorded(checkout: Path) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Every recorded answer: judge, number of scores asked for, and the result; without automatic metrics."""
    root = checkout / "paper_implementation" / "_answers"
    asked = {"ImagenHub_Text-Guided_IG": 1, "ImagenHub_Multi-Concept_IC": 3}
    for file in sorted(root.glob("*/*/**/*.json")):
        judge, task = file.relative_to(root).parts[:2]
        if judge == "results_autometrics":
            continue
        count = 2 if file.stem.startswith("PQ") else asked.get(task, 2)
        for result in json.loads(file.read_text("utf-8")).values():
            yield judge.removeprefix("results_"), count, result


def read_all(checkout: Path) -> tuple[list[list[object]], Counter[str], list[str]]:
    """Read all recorded answers; rows by judge, and texts of two scores for the mutations."""
    judges: dict[str, Counter[str]] = {}
    named: Counter[str] = Counter()
    texts: list[str] = []
    for judge, count, result in recorded(checkout):
        row = judges.setdefault(judge, Counter())
        row["answers"] += 1
        behind = behind_mark(result.get("reasoning"))
        scores = result.get("score")
        given = json.dumps({"score": scores, "reasoning": result.get("reasoning", "")}, ensure_ascii=False)
        text = given if behind is None else behind
        found = read_list(text, "stop" if behind is None else None, ("SC",), count=count, high=10)
        kinds = "+".join(sorted({problem.kind for problem in found.problems} - {"drawn"}))
        if behind is not None:
            row["drawn"] += 1
            row["drawn, read"] += bool(found.scores)
            named[f"drawn, {'read: ' if found.scores else 'not read: '}{kinds}"] += 1
            if found.scores and not found.problems:
                raise AssertionError(f"read without a named repair: {text[:200]!r}")
        elif found.scores:
            row["read"] += 1
            wanted = tuple(map(float, scores if isinstance(scores, list) else [scores]))
            if found.scores != wanted:
                raise AssertionError(f"{found.scores} instead of {wanted}: {text[:200]!r}")
            if kinds:
                named[f"read: {kinds}"] += 1
        else:
            row["refused"] += 1
            named[f"not read: {kinds}: {found.problems[0].detail.split(',')[0]}"[:60]] += 1
        if count == 2 and (behind is None or len(text) < 2000):
            texts.append(text)
    rows = [
        [judge, row["answers"], row["drawn"], row["drawn, read"], row["read"], row["refused"]]
        for judge, row in sorted(judges.items())
    ]
    rows.append(["all", *(sum(int(row[column]) for row in rows) for column in range(1, 6))])
    return rows, named, texts


def _mutations(high: int) -> dict[str, Callable[[str, random.Random], str]]:
    def scores(change: Callable[[list[Any]], Any]) -> Callable[[str, random.Random], str]:
        def changed(text: str, _: random.Random) -> str:
            found = json.loads(text)
            return json.dumps({**found, "score": change(list(found["score"]))}, ensure_ascii=False)

        return changed

    return {
        "as recorded": lambda text, _: text,
        "cut off": lambda text, rng: text[: rng.randrange(len(text))],
        "twice": lambda text, _: f"{text}\n{text}",
        "twice, differing": lambda text, _: f'{text}\n{{"score": [1, 2], "reasoning": "another"}}',
        "three scores": scores(lambda found: [*found, found[0]]),
        "one score": scores(lambda found: found[:1]),
        "a number": scores(lambda found: found[0]),
        "out of range": scores(lambda found: [found[0], high + 1]),
        "negative": scores(lambda found: [-1, found[1]]),
        "null": scores(lambda found: [None, found[1]]),
        "true": scores(lambda found: [True, found[1]]),
        "words": scores(lambda found: ["good", "bad"]),
        "numbers as text": scores(lambda found: [str(one) for one in found]),
        "out of the scale": scores(lambda found: [f"{one}/{high}" for one in found]),
        "a list in a list": scores(lambda found: [found]),
        "halves": scores(lambda found: [min(one + 0.5, high) for one in found]),
        "no scores": scores(lambda found: []),
        "fenced": lambda text, _: f"```json\n{text}\n```",
        "delimited": lambda text, _: f"||V^=^V||\n{text}\n||V^=^V||",
        "surrounded": lambda text, _: f"Here is my answer:\n{text}\nI hope this helps.",
        "quotes in the reasoning": lambda text, _: text.replace('"reasoning": "', '"reasoning": "a "red" sky, '),
        "single quotes": lambda text, _: text.replace('"score"', "'score'").replace('"reasoning"', "'reasoning'"),
        "no quotes": lambda text, _: text.replace('"score"', "score").replace('"reasoning"', "reasoning"),
        "a trailing comma": lambda text, _: text[:-1] + ",}",
        "only the list": lambda text, _: str(json.loads(text)["score"]),
        "only a number": lambda text, _: str(json.loads(text)["score"][0]),
        "the question's form": lambda text, _: "output score = [score1, score2]",
        "a line break in the reasoning": lambda text, _: text.replace('"reasoning": "', '"reasoning": "one\ntwo '),
        "empty": lambda text, _: "",
    }


def mutated(texts: list[str], published: Any, count: int, *, reasoning_first: bool) -> list[list[object]]:
    """Compare our readings of mutated answers with the published ones; rows of (difference, answers, mutations)."""
    rng = random.Random(4)
    whole = [text for text in texts if text.startswith('{"score": [') and len(json.loads(text)["score"]) == 2]
    drawn = [text for text in texts if not text.startswith("{")]
    found: dict[str, Counter[str]] = {}
    mutations = _mutations(published.high)
    for number in range(count):
        name, change = list(mutations.items())[number % len(mutations)]
        text = rng.choice(whole)
        if reasoning_first:
            parts = json.loads(text)
            text = json.dumps({"reasoning": parts["reasoning"], "score": parts["score"]}, ensure_ascii=False)
        text = rng.choice(drawn) if number % 10 == 9 else change(text, rng)
        name = "recorded, not read" if number % 10 == 9 else name
        ours = read_list(text, "length" if name == "cut off" else "stop", ("SC",), count=2, high=published.high)
        found.setdefault(_difference(ours, published.read(text), text), Counter())[name] += 1
    order = sorted(found.items(), key=lambda pair: -pair[1].total())
    return [[words, names.total(), ", ".join(sorted(names))] for words, names in order]


def _difference(ours: Any, theirs: tuple[float, ...] | None, text: str) -> str:
    """Name the difference between two readings; the same readings are named, too."""
    problems = [problem for problem in ours.problems if problem.kind != "drawn"]
    kinds = ", ".join(dict.fromkeys(problem.kind for problem in problems))
    if ours.scores:
        if theirs == ours.scores:
            return f"the same scores ({kinds})" if kinds else "the same scores"
        assert kinds, f"read without a named repair, and otherwise: {text[:200]!r}"
        return f"read here only ({kinds})" if theirs is None else f"other scores ({kinds})"
    if theirs is None:
        return (
            "read by neither; drawn in the end" if would_be_drawn(text) else "read by neither; asked again, or an error"
        )
    return f"refused here ({problems[0].kind}): {problems[0].detail.split(':')[0][:40]}".rstrip(": ")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("step1x", "editscore", "viescore"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--answers", type=int, default=5000, help="mutated answers of each protocol")
    args = parser.parse_args()
    stand_in_for_models()
    for pin, checkout in ((published_words.VIESCORE, args.step1x), (published_words.EDITSCORE, args.editscore)):
        words = published_words.find(pin, checkout)
        if words is None:
            parser.error(f"{checkout} has no {pin.path} with SHA-256 {pin.sha256}")
        published_words.keep(pin, words)
    judges = {"viescore": VIEScore(args.step1x), "editscore": EditScore(args.editscore)}
    families = {"viescore": ("qwen2.5-vl", "openai"), "editscore": ("qwen2.5-vl", "qwen3-vl", "openai")}
    rows = [row for name, judge in judges.items() for row in requests(judge, name, families[name])]
    print(markdown_table(["protocol", "family", "requests", "equal texts", "equal pictures"], rows))
    table, named, texts = read_all(args.viescore)
    head = ["judge", "answers", "drawn", "of these read here", "read, the same", "refused here"]
    print(markdown_table(head, table))
    print(markdown_table(["recorded answers", "number"], [list(pair) for pair in named.most_common()]))
    for name, judge in judges.items():
        print(f"\n{name}: {args.answers} answers\n")
        rows = mutated(texts, judge, args.answers, reasoning_first=name == "editscore")
        print(markdown_table(["reading", "answers", "of answers that were"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
