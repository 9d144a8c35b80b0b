#!/usr/bin/env bash
# lmms-eval 0.7.3 gives an edit scores off ImgEdit's scale of 1 to 5, or another aspect's, for answers that can be read.
#
# Guess before the run: three named scores are found by their names, a half point is kept, and what can't be read or is
# off the scale is counted as such.
# Seen with lmms-eval 0.7.3 on CPython 3.11 (`parse_gpt_scores` of its task imgedit):
# - Scores in bold, as chat models often write them, are not found: the edit gets 0, 0, 0, below the scale's least, and
#   0 goes into the mean.
# - The last three numbers behind a colon are taken. With a line for the average at the end, the first score is lost and
#   the average stands for the third.
# - 4.5 is read as 4, and 50 as 50: nothing looks at the range.
# The module is loaded by its path, because the package's __init__ needs torch and a hundred others; the package's own
# files are used as they are.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps lmms-eval==0.7.3 2>/dev/null
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check loguru==0.7.3 openai==3.57.0 numpy==2.3.4 pillow==12.0.0 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import importlib.util
import sys
import types
from pathlib import Path

from loguru import logger

logger.remove()  # its warnings go to nobody here
root = Path(importlib.util.find_spec("lmms_eval").submodule_search_locations[0])
for name in ("lmms_eval", "lmms_eval.tasks", "lmms_eval.tasks.imgedit"):
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [str(root.parent.joinpath(*name.split(".")))]
from lmms_eval.tasks.imgedit.utils import calculate_average_score, parse_gpt_scores

PLAIN = "Brief reasoning: The cup is red.\nPrompt Compliance: {}\nVisual Naturalness: {}\nPhysical & Detail Integrity: {}\n"
BOLD = PLAIN.replace("{}", "**{}**")
answers = {
    "plain": PLAIN.format(5, 4, 3),
    "in bold": BOLD.format(5, 4, 3),
    "with an average": PLAIN.format(5, 4, 3) + "Average: 4\n",
    "half points": PLAIN.format(4.5, 4.5, 4.5),
    "off the scale": PLAIN.format(50, 40, 30),
}
print("lmms-eval", importlib.metadata.version("lmms-eval"))
seen = {name: parse_gpt_scores(answer) for name, answer in answers.items()}
for name, scores in seen.items():
    print(f"{name}: {scores}, mean {calculate_average_score(scores):.2f}")
assert seen == {
    "plain": (5.0, 4.0, 3.0),
    "in bold": (0.0, 0.0, 0.0),
    "with an average": (4.0, 3.0, 4.0),
    "half points": (4.0, 4.0, 4.0),
    "off the scale": (50.0, 40.0, 30.0),
}, "this has changed"
PYTHON
