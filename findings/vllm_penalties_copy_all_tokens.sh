#!/usr/bin/env bash
# vLLM 0.26.0: a step with repetition_penalty copies each token that was generated so far, of each request, once more.
#
# Guess before the run: 40 to 50 ns a token, so 10 to 14 ms of each step at 240 requests that have 1,200 tokens.
# Seen on CPython 3.11, Linux x86-64, numpy 2.4.6:
# - apply_all_penalties (the sampler of the older model runner, which 0.26 has hybrid models on, Qwen3.5 among them) hands
#   over the whole list of every request, at each call. Nothing is kept from the step before.
# - That list becomes an array at 20 to 25 ns a token: 0.6 ms at 100 tokens, 6 ms at 1,200, with 240 requests. So an
#   answer of n tokens costs n * n / 2 of these.
# The wheel is downloaded (300 MB) and two of its files are read; torch is left out, since no tensor is looked at here.
# This fails if it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" --quiet --disable-pip-version-check)
"${pip[@]}" install numpy==2.4.6 2>/dev/null
"${pip[@]}" download --no-deps --only-binary :all: --platform manylinux_2_28_x86_64 --dest "$folder" vllm==0.26.0 2>/dev/null
"$folder/venv/bin/python" - "$folder"/vllm-0.26.0-*.whl <<'PYTHON'
import ast
import statistics
import sys
import time
import zipfile
from unittest import mock

import numpy as np

wheel = zipfile.ZipFile(sys.argv[1])
penalties, tools = (
    ast.parse(wheel.read(f"vllm/{name}.py")) for name in ("v1/sample/ops/penalties", "utils/torch_utils")
)


def functions(tree, *names, **known):
    found = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name in names]
    for one in found:
        one.returns = None
        for argument in (*one.args.args, *one.args.kwonlyargs):
            argument.annotation = None
    exec(compile(ast.Module(found, []), "vllm", "exec"), known)
    return [known[name] for name in names]


made = mock.MagicMock()
parts = {name: mock.MagicMock() for name in ("torch", "apply_penalties", "PIN_MEMORY")}
apply_all, _ = functions(penalties, "apply_all_penalties", "_convert_to_tensors", make_tensor_with_pad=made, **parts)
logits = mock.MagicMock(shape=(240, 248_320))
answers = [[] for _ in range(240)]
copied = []
for token in range(5):
    for answer in answers:
        answer.append(token)
    apply_all(logits, *[mock.MagicMock()] * 4, answers)
    copied.append(sum(map(len, made.call_args.args[0])))
print("tokens copied, step by step:", copied)
assert copied == [240, 480, 720, 960, 1200], "this has changed"

(pad,) = functions(tools, "make_ndarray_with_pad", np=np)
seconds = {100: [], 1200: []}
for _ in range(30):
    for length, times in seconds.items():
        answers = [[number * 997 % 248_320 + token for token in range(length)] for number in range(240)]
        begun = time.process_time()
        pad(answers, 248_320, np.int64)
        times.append(time.process_time() - begun)
short, long = (statistics.median(times) for times in seconds.values())
print(f"240 requests: {1000 * short:.1f} ms at 100 tokens, {1000 * long:.1f} ms at 1,200: {long / short:.1f} times")
assert long > 5 * short, "this has changed"
PYTHON
