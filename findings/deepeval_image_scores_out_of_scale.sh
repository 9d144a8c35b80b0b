#!/usr/bin/env bash
# deepeval 4.3.1 takes a judge's scores for an image as they come, so that answers off the scale pass.
#
# Guess before the run: a score outside of the 0 to 10 that the judge is asked for is an error, or asked again.
# Seen with deepeval 4.3.1 on CPython 3.11 (a model of ten lines stands in for the judge; threshold 0.5, scores 0 to 1):
# - The overall is sqrt(min(SC) * min(PQ)) / 10 without a look at the range. A judge that answers on a scale of 100
#   gives 8.0 of 1; a picture at 30 of 100, which is poor, gets 3.0 and passes.
# - Two scores of minus eight multiply to the overall of two of plus eight: 0.8, passed. One of them alone ends in a
#   math domain error.
# - TextToImageMetric and ImageEditingMetric are the same in this. The number of scores is not looked at, either.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check deepeval==4.3.1 pillow==12.0.0 2>/dev/null
cd "$folder"
DEEPEVAL_TELEMETRY_OPT_OUT=1 "$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import itertools
import json

from deepeval.metrics.multimodal_metrics import ImageEditingMetric, TextToImageMetric
from deepeval.models import DeepEvalBaseLLM
from deepeval.test_case import LLMTestCase, MLLMImage
from PIL import Image


class Judge(DeepEvalBaseLLM):
    def __init__(self, *scores):
        self.scores = itertools.cycle(scores)
        super().__init__("judge")

    def load_model(self):
        return self

    def get_model_name(self):
        return "judge"

    def supports_multimodal(self):
        return True

    def generate(self, prompt, schema=None):
        return schema(**json.loads(json.dumps({"reasoning": "seen", "score": next(self.scores)})))

    async def a_generate(self, prompt, schema=None):
        return self.generate(prompt, schema)


def seen(metric_class, *scores):
    metric = metric_class(model=Judge(*scores), threshold=0.5, async_mode=False)
    try:
        metric.measure(CASES[metric_class], _show_indicator=False)
    except ValueError as error:
        return str(error)
    return round(metric.score, 2), "passed" if metric.success else "failed"


Image.new("RGB", (32, 32), "red").save("red.png")
picture = str(MLLMImage(url="red.png", local=True))
CASES = {
    TextToImageMetric: LLMTestCase(input="a red square", actual_output=picture),
    ImageEditingMetric: LLMTestCase(input=f"make it red {picture}", actual_output=picture),
}
print("deepeval", importlib.metadata.version("deepeval"))
for metric_class in CASES:
    results = {
        "3 of 10": seen(metric_class, [3, 3]),
        "30, of a judge that takes 100": seen(metric_class, [30, 30]),
        "80, of a judge that takes 100": seen(metric_class, [80, 80]),
        "minus eight twice": seen(metric_class, [-8, -8]),
        "minus eight once": seen(metric_class, [-8, -8], [8, 8]),
        "one score in place of two": seen(metric_class, [8]),
    }
    for name, result in results.items():
        print(f"{metric_class.__name__}, {name}: {result}")
    assert results == {
        "3 of 10": (0.3, "failed"),
        "30, of a judge that takes 100": (3.0, "passed"),
        "80, of a judge that takes 100": (8.0, "passed"),
        "minus eight twice": (0.8, "passed"),
        "minus eight once": "math domain error",
        "one score in place of two": (0.8, "passed"),
    }, "this has changed"
PYTHON
