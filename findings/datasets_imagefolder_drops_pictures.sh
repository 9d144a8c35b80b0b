#!/usr/bin/env bash
# datasets 4.4.1 leaves pictures out of an `imagefolder` without a word, by the words in their file names.
#
# Guess before the run: without folders named after splits, every picture of a folder is in the split "train".
# Seen with datasets 4.4.1, Pillow 12.0.0 on CPython 3.11:
# - One file whose name holds "test", "dev", "val", "eval" or "train" between non-letters makes a split of that name of
#   the files so named, and every other picture is left out. Outputs of two models as `dev_1.png` and `schnell_1.png`
#   become one row in the split "validation". A picture named after its prompt, `a test of glass.png`, takes the place of
#   all the others.
# - With a metadata.jsonl that lists both pictures it is the same: the listed row is dropped.
# - A picture without a row in metadata.jsonl is left out, too, while a row without its picture is an error.
# No warning is issued in any of these. A mean over such a data set is a mean over what happened to be left.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check datasets==4.4.1 pillow==12.0.0 2>/dev/null
cd "$folder"
HF_HOME="$folder/home" HF_HUB_OFFLINE=1 "$folder/venv/bin/python" - <<'PYTHON'
import json
import pathlib
import warnings

import datasets
from datasets import load_dataset
from PIL import Image

datasets.disable_progress_bars()


def rows(name, files, listed=()):
    folder = pathlib.Path(name)
    folder.mkdir()
    for file in files:
        Image.new("RGB", (8, 8)).save(folder / file)
    if listed:
        text = "".join(json.dumps({"file_name": file, "prompt": file[:-4]}) + "\n" for file in listed)
        (folder / "metadata.jsonl").write_text(text, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return {split: len(part) for split, part in load_dataset("imagefolder", data_dir=name).items()}


print("datasets", datasets.__version__)
models = ("dev_1.png", "dev_2.png", "schnell_1.png", "schnell_2.png")
seen = {
    "plain names": rows("plain", ("bird.png", "cat.png", "dog.png")),
    "two models": rows("models", models),
    "two models, all listed": rows("listed", models, listed=models),
    "named after prompts": rows("prompts", ("a bird.png", "a cat.png", "a test of glass.png")),
    "one of three without a row": rows("partly", ("bird.png", "cat.png", "dog.png"), listed=("bird.png", "cat.png")),
}
for name, value in seen.items():
    print(f"{name}: {value}")
assert seen == {
    "plain names": {"train": 3},
    "two models": {"validation": 2},
    "two models, all listed": {"validation": 2},
    "named after prompts": {"test": 1},
    "one of three without a row": {"train": 2},
}, "this has changed"
PYTHON
