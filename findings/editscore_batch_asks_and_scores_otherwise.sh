#!/usr/bin/env bash
# editscore 0.2: `batch_evaluate` asks other questions than `evaluate`, and makes up other scores where an answer fails.
#
# Guess before the run: `batch_evaluate` is `evaluate` for many edits: the same requests, the same scores.
# Seen with editscore 0.2 on CPython 3.11 (a model of three lines stands in for the judge, so no weights are needed):
# - Perceptual quality is asked with the edited picture alone by `evaluate`, and with both pictures by `batch_evaluate`.
# - The two return other keys: `overall` and `perceptual_quality`, or `O_score` and `PQ_score`.
# - An answer without a number: `evaluate` asks twice more, then draws both scores with `random.randint`, the readable
#   one's too. `batch_evaluate` gives 5.0 of 10 at once, without a word.
# - A score beyond the scale of 25: `batch_evaluate` puts half of 25 on the scale of 10, so a spoilt answer gets 12.5 of
#   10, and an overall of 11.18 of 10 where the other answer is perfect. `evaluate` keeps the number: 12.0 of 10.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
    editscore==0.2 json-repair==0.52.0 numpy==2.3.4 regex==2025.10.23 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import contextlib
import importlib.metadata
import io
import random

from editscore import EditScore

PERFECT = '{"reasoning": "as asked", "score": [25, 25]}'
BEYOND = '{"reasoning": "as asked", "score": [30, 30]}'
WITHOUT = "A fine edit."


class Judge:
    """Gives one answer for success of the edit and one for perceptual quality, and counts pictures and requests."""

    def __init__(self, quality):
        self.quality, self.pictures, self.requests = quality, [], 0

    def prepare_input(self, images, text):
        self.pictures.append(len(images) if isinstance(images, list) else 1)
        return text

    def inference(self, message, seed=None):
        self.requests += 1
        return self.quality if message == scorer.PQ_prompt else PERFECT

    def batch_inference(self, messages, seed=None):
        return [self.inference(message) for message in messages]


def single(quality):
    scorer.model = Judge(quality)
    with contextlib.redirect_stdout(io.StringIO()):
        result = scorer.evaluate(["before", "after"], "make it red")
    return {name: value for name, value in result.items() if "reasoning" not in name}


def batch(quality):
    scorer.model = Judge(quality)
    result = scorer.batch_evaluate([["before", "after"]], ["make it red"])[0]
    return {name: round(float(value), 2) for name, value in result.items() if name in ("SC_score", "PQ_score", "O_score")}


scorer = EditScore(backbone="none")
print("editscore", importlib.metadata.version("editscore"))

result = single(PERFECT)
print("evaluate, perfect:", {name: float(value) for name, value in result.items()}, "pictures", scorer.model.pictures)
assert scorer.model.pictures == [2, 1] and "overall" in result and "O_score" not in result
result = batch(PERFECT)
print("batch_evaluate, perfect:", result, "pictures", scorer.model.pictures)
assert scorer.model.pictures == [2, 2] and result == {"SC_score": 10.0, "PQ_score": 10.0, "O_score": 10.0}

drawn = set()
for seed in range(40):
    random.seed(seed)
    result = single(WITHOUT)
    assert scorer.model.requests == 6
    drawn.add((float(result["prompt_following"]), float(result["perceptual_quality"])))
print("evaluate, no number, 40 runs:", len(drawn), "other pairs of scores, for example", sorted(drawn)[:3])
assert len(drawn) > 20
result = batch(WITHOUT)
print("batch_evaluate, no number:", result)
assert result == {"SC_score": 10.0, "PQ_score": 5.0, "O_score": 7.07}

result = batch(BEYOND)
print("batch_evaluate, 30 of 25:", result)
assert result == {"SC_score": 10.0, "PQ_score": 12.5, "O_score": 11.18}
result = single(BEYOND)
print("evaluate, 30 of 25: perceptual_quality", float(result["perceptual_quality"]))
assert float(result["perceptual_quality"]) == 12.0
PYTHON
