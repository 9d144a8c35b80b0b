#!/usr/bin/env bash
# tokenizers 0.23.3: DecodeStream decodes all of an answer anew at each token for as long as no text comes out.
#
# Guess before the run: a token that adds no text costs what any other costs, some microseconds.
# Seen on CPython 3.11, Linux x86-64: step() keeps the tokens since the last text and decodes them all at each call.
# Words that have a text flush them, so a step costs the same from the first to the last. A token without an entry in the
# vocabulary, or one that is part of a character, flushes nothing: step 1,200 costs 5 to 20 times step 60.
# vLLM (0.26 to 0.33: FastIncrementalDetokenizer) calls step() for each token of each request in the process of its API
# server. A model with random weights (`--load-format dummy`) whose configuration counts more words than its tokenizer has
# writes such tokens all the time: its API server took 370 us a token and lagged 35 s behind a GPU that had finished.
# This fails if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet --disable-pip-version-check install tokenizers==0.23.3 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import statistics
import time

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from tokenizers.decoders import DecodeStream

alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
tokenizer = Tokenizer(models.BPE(vocab={word: number for number, word in enumerate(alphabet)}, merges=[]))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
(text,) = tokenizer.encode("a").ids
part = tokenizer.encode("\u20ac").ids[0]  # the first of the three bytes of a character
unknown = tokenizer.get_vocab_size() + 1_000


def growth(token: int) -> float:
    """How many times step 60 the step 1,200 costs."""
    early, late = [], []
    for _ in range(5):
        stream = DecodeStream(skip_special_tokens=True)
        for number in range(1, 1_241):
            begun = time.perf_counter()
            stream.step(tokenizer, token)
            spent = time.perf_counter() - begun
            if 40 <= number < 80:
                early.append(spent)
            elif number >= 1_200:
                late.append(spent)
    return statistics.median(late) / statistics.median(early)


grown = {"a letter": growth(text), "part of a character": growth(part), "no entry": growth(unknown)}
for name, times in grown.items():
    print(f"{name}: step 1,200 costs {times:.1f} times step 60")
assert grown["a letter"] < 2, "this has changed"
assert grown["part of a character"] > 4 and grown["no entry"] > 4, "this has changed"
PYTHON
