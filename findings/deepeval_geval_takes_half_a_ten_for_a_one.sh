#!/usr/bin/env bash
# deepeval 4.3.1: G-Eval takes the "1" that begins a "10" for a score of 1, so that the chance of a better score lowers it.
#
# Guess before the run: scores go from 0 to 10 and are weighted by the probabilities of their tokens, so a judge between 9 and 10
# ends up between 9 and 10, whether its tokenizer has a token for "10" or writes it digit by digit; at worst 10 is left out.
# Seen with deepeval 4.3.1, litellm 1.110.2, mistral-common 1.13.1 on CPython 3.11 (a server of some lines on 127.0.0.1 answers
# as vLLM does; its tokens are those of Pixtral's tokenizer, in which "10" is "1" and "0"); a picture, threshold 0.7:
#   the judge is sure of                by hand    "10" is one token    "1", "0"
#   9 with 80 %, 8 with 20 %            0.88       0.88                 0.88
#   9 with 80 %, 10 with 20 %           0.92       0.92                 0.74
#   9 with 55 %, 10 with 45 %           0.945      0.945                0.54, fails
#   10 with 55 %, 9 with 45 %           0.955      0.955                1.0
#   8 with 40 %, 10 with 35 %, 9 25 %   0.895      0.895                0.58, fails
# - Every alternative for the token of the score that is a number is taken for a whole score. "1" is the only way in which such a
#   model can begin a 10, and nothing looks at what follows it.
# - Where 10 itself is the answer no token is equal to "10", so the score is the bare 10, without weights. Between the third and
#   the fourth row, where the judge thinks the same but for a tenth, the score goes from 0.54 to 1.0.
# - So it works with models that have a token for "10", and not with open ones whose tokenizers split numbers into digits.
# Neither a warning nor the documentation ("top_logprobs", "token probabilities") says so; the issues about these weights are
# about other things (which token is looked at, and no number among the alternatives). A gate fails the best pictures with it.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    deepeval==4.3.1 litellm==1.110.2 mistral-common==1.13.1 pillow==13.0.0 2>/dev/null
cd "$folder"
export DEEPEVAL_TELEMETRY_OPT_OUT=YES LITELLM_LOCAL_MODEL_COST_MAP=True HOME="$folder"
"$folder/venv/bin/python" - <<'PYTHON' 2>/dev/null
import collections
import http.server
import importlib.metadata
import json
import math
import pathlib
import threading

import mistral_common
from deepeval.metrics import GEval
from deepeval.models import LiteLLMModel
from deepeval.test_case import LLMTestCase, MLLMImage, SingleTurnParams
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from PIL import Image

tekken = Tekkenizer.from_file(pathlib.Path(mistral_common.__file__).parent / "data" / "tekken_240911.json")
judge = {}  # how likely each score is
whole = [False]  # whether "10" is one token
requests = []


def tokens(text):
    return [tekken.id_to_piece(number) for number in tekken.encode(text, bos=False, eos=False)]


def digits(score):
    return [str(score)] if whole[0] else tokens(str(score))


def answer():
    """The likeliest score as a server gives it: each token with its alternatives and their probabilities."""
    score = max(judge, key=judge.get)
    listed = [(token, {token: 1.0}) for token in tokens('{"reason": "It is red.", "score": ')]
    for place, token in enumerate(digits(score)):
        choices = collections.Counter()
        for other, share in judge.items():
            parts = digits(other)
            if parts[:place] == digits(score)[:place]:
                choices[parts[place] if place < len(parts) else "}"] += share
        listed.append((token, {name: share / choices.total() for name, share in choices.most_common()}))
    return [*listed, ("}", {"}": 1.0})]


def entry(token, share):
    return {"token": token, "logprob": math.log(share), "bytes": list(token.encode())}


class Server(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        content = [
            {**entry(token, choices[token]), "top_logprobs": [entry(*choice) for choice in choices.items()]}
            for token, choices in answer()
        ]
        message = {"role": "assistant", "content": "".join(token for token, _ in answer())}
        choice = {"index": 0, "finish_reason": "stop", "message": message, "logprobs": {"content": content}}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        body = {"id": "1", "object": "chat.completion", "created": 1, "model": "pixtral", "choices": [choice], "usage": usage}
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
Image.new("RGB", (64, 64), "red").save("red.png")
model = LiteLLMModel("hosted_vllm/pixtral", api_key="none", base_url=f"http://127.0.0.1:{server.server_port}/v1")


def seen(ten_is_one_token, scores):
    judge.clear()
    judge.update(scores)
    whole[0] = ten_is_one_token
    metric = GEval(
        name="Follows the prompt",
        evaluation_steps=["Look at the picture.", "Score how well it shows what the prompt asks for."],
        evaluation_params=[SingleTurnParams.INPUT, SingleTurnParams.ACTUAL_OUTPUT],
        model=model,
        threshold=0.7,
        async_mode=False,
    )
    case = LLMTestCase(input="a red square", actual_output=f"{MLLMImage(url='red.png', local=True)}")
    metric.measure(case, _show_indicator=False)
    return round(metric.score, 3), metric.is_successful()


print("deepeval", importlib.metadata.version("deepeval"), "litellm", importlib.metadata.version("litellm"))
print("10 as tokens:", tokens("10"))
assert tokens("10") == ["1", "0"]
for scores, one_token, two_tokens in [
    ({9: 0.8, 8: 0.2}, (0.88, True), (0.88, True)),
    ({9: 0.8, 10: 0.2}, (0.92, True), (0.74, True)),
    ({9: 0.55, 10: 0.45}, (0.945, True), (0.54, False)),
    ({10: 0.55, 9: 0.45}, (0.955, True), (1.0, True)),
    ({8: 0.4, 10: 0.35, 9: 0.25}, (0.895, True), (0.58, False)),
    ({10: 1.0}, (1.0, True), (1.0, True)),
]:
    by_hand = sum(score * share for score, share in scores.items()) / 10
    found = seen(True, scores), seen(False, scores)
    print(f"{scores}: by hand {by_hand:.3f}; one token {found[0]}, two tokens {found[1]}")
    assert found == (one_token, two_tokens), "this has changed"
complete = [asked["top_logprobs"] == 20 and "image_url" in json.dumps(asked["messages"]) for asked in requests]
print(f"{len(complete)} requests, of which {sum(complete)} with the picture and top_logprobs")
assert len(complete) == 12 and all(complete), "this has changed"
PYTHON
