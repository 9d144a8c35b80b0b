"""VIEScore as GEdit-Bench asks it: scores of 0 to 10, of GPT-4.1 or Qwen2.5-VL-72B.

Source: repository stepfun-ai/Step1X-Edit at commit 570eba6ebda0c45c013983a483afbf2fd12bfcbc, folder GEdit-Bench.
"""

from __future__ import annotations

from typing import Any

from . import published_words
from .score_pairs import ScorePairs


class VIEScore(ScorePairs):
    """VIEScore: one greedy answer to each question.

    A model of OpenAI's is sent the text first, pictures as JPEG and no more fields than the published code sends;
    any other model is asked as Qwen2.5-VL is.
    """

    name = "viescore"
    high = 10
    pin = published_words.VIESCORE
    order = ("score", "reasoning")

    def published_sampling(self, index: int, *, again: bool) -> dict[str, Any]:
        """Return the request fields of the one pass, where decoding is free."""
        if self.family == "openai":
            return {"max_tokens": 2800 if again else 1400}
        # Greedy; the penalty is that of Qwen2.5-VL's generation_config.json, which the published code leaves in force.
        # Greedy decoding would fail in the same way again, most often in a loop, so the second try has a higher one.
        return {
            "temperature": 0,
            "top_p": 1.0,
            "seed": 42,
            "repetition_penalty": 1.1 if again else 1.05,
            "max_tokens": 1024 if again else 512,
        }
