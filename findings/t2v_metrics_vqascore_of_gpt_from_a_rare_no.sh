#!/usr/bin/env bash
# t2v-metrics 3.0 takes VQAScore with GPT from the first "Yes" or "No" among the likeliest tokens, however rare that is.
#
# Guess before the run: VQAScore is the probability of "Yes" as the first token, as for the open models, or its share of
# "Yes" and "No"; 0 where "Yes" is not among the tokens. A request that fails is an error.
# Seen with t2v-metrics 3.0, openai 3.57.0 on CPython 3.11 (a server of some lines on 127.0.0.1 gives the log probabilities):
# - If a "No" stands before "Yes", or alone, the score is 1 minus its probability, whatever else there is. A judge that
#   starts with "The" (97 %) and has "No" next (2 %) gives 0.98, though "Yes" was never in question. The same tokens with
#   "Yes" in the place of "No" give 0.02.
# - "No" with 50 % and "Yes" with 10 % give 0.50; by the share of the two it is 0.17.
# - "NO", " No" and "**" are no answers: with "NO" in front (99 %) and "No" behind (0.5 %) the score is 0.995.
# - A request that is refused becomes the score 0.0 after a second try, and a line on the standard output.
# So a bound such as 0.8 passes pictures on which the judge did not answer. By default two tokens are asked for
# (`top_logprobs`).
# The package's __init__ needs transformers and all the models; the package's own files are used as they are, tiktoken (it
# loads a file from the network to count the tokens of "Yes") is left out.
# torch from PyPI is large (on Linux x86-64 with CUDA some 3 GB); no GPU is used.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    torch==2.13.0 openai==3.57.0 numpy==2.4.6 pillow==13.0.0 opencv-python-headless==5.0.0.93 2>/dev/null
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps t2v-metrics==3.0 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import contextlib
import http.server
import importlib.metadata
import importlib.util
import io
import json
import math
import os
import sys
import threading
import types
from unittest import mock

from PIL import Image

sys.modules["tiktoken"] = mock.MagicMock()
sys.modules["tiktoken"].encoding_for_model.return_value.encode = lambda text: [text]
home = importlib.util.find_spec("t2v_metrics").submodule_search_locations[0]
for name in ("", ".models", ".models.vqascore_models"):  # packages without their __init__
    package = types.ModuleType("t2v_metrics" + name)
    package.__path__ = [home + name.replace(".", "/")]
    sys.modules[package.__name__] = package

from t2v_metrics.models.vqascore_models.gpt4v_model import GPT4VModel

tokens = {}  # of the next answer, with their probabilities


class Server(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        listed = [{"token": token, "logprob": math.log(p), "bytes": None} for token, p in tokens.items()]
        listed = listed[: asked["top_logprobs"]]
        body = {"id": "1", "object": "chat.completion", "created": 1, "model": "gpt-4o"}
        message = {"role": "assistant", "content": "An answer."}
        logprobs = {"content": [{**listed[0], "top_logprobs": listed}]} if listed else None
        body["choices"] = [{"index": 0, "finish_reason": "stop", "message": message, "logprobs": logprobs}]
        data = json.dumps(body if listed else {"error": {"message": "no such picture"}}).encode()
        self.send_response(200 if listed else 400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["OPENAI_BASE_URL"] = f"http://127.0.0.1:{server.server_port}/v1"
Image.new("RGB", (32, 32), "red").save("red.png")
model = GPT4VModel("gpt-4o", device="cpu", cache_dir="cache", api_key="none")


def score(**probabilities):
    tokens.clear()
    tokens.update(probabilities)
    with contextlib.redirect_stdout(io.StringIO()):
        return round(model.forward(["red.png"], ["a red square"]).item(), 3)


print("t2v-metrics", importlib.metadata.version("t2v-metrics"))
seen = {
    "Yes 0.9, No 0.1": score(Yes=0.9, No=0.1),
    "No 0.9, Yes 0.1": score(No=0.9, Yes=0.1),
    "No 0.5, Yes 0.1": score(No=0.5, Yes=0.1),
    "The 0.97, No 0.02": score(The=0.97, No=0.02),
    "The 0.97, Yes 0.02": score(The=0.97, Yes=0.02),
    "NO 0.99, No 0.005": score(NO=0.99, No=0.005),
    "The 0.97, This 0.02": score(The=0.97, This=0.02),
    "refused": score(),
}
server.shutdown()
for name, value in seen.items():
    print(f"{name}: {value}")
assert seen == {
    "Yes 0.9, No 0.1": 0.9,
    "No 0.9, Yes 0.1": 0.1,
    "No 0.5, Yes 0.1": 0.5,
    "The 0.97, No 0.02": 0.98,
    "The 0.97, Yes 0.02": 0.02,
    "NO 0.99, No 0.005": 0.995,
    "The 0.97, This 0.02": 0.0,
    "refused": 0.0,
}, "this has changed"
PYTHON
