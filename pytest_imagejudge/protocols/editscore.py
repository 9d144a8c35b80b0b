"""EditScore: reward models of edits on Qwen2.5-VL and Qwen3-VL, which reason first and score from 0 to 25.

Source: repository VectorSpaceLab/EditScore at commit 6e0f1b9a73b40f227d82d9cb32bd9cfb7189739b; the package
``editscore`` 0.2 is the same.
"""

from __future__ import annotations

from typing import Any

from . import published_words
from .request_parts import text_part
from .score_pairs import ScorePairs

SEED = 42  # of the first pass; each further one has the next
AGAIN = 1000  # is added to the seed of a second try: the same seed would draw the same answer


class EditScore(ScorePairs):
    """EditScore: one answer or several to each question, drawn at the published temperature with seeds from 42 on."""

    name = "editscore"
    high = 25
    pin = published_words.EDITSCORE
    order = ("reasoning", "score")

    def rescaled(self, rules: str) -> str:
        """Return rules with the most that a score can be in place of 10, as the published code makes them."""
        return rules.replace("10", str(self.high))

    def published_sampling(self, index: int, *, again: bool) -> dict[str, Any]:
        """Return the request fields of pass ``index``, from 0, where decoding is free."""
        seed = SEED + index + (AGAIN if again else 0)
        if self.family == "openai":  # the published code sends no limit; without one no budget can be kept
            return {"seed": seed, "max_tokens": 4096}
        return {
            "temperature": 0.7,
            "top_p": 0.9,
            "top_k": 20,
            "repetition_penalty": 1.0,
            "seed": seed,
            "max_tokens": 1024 if again else 512,
        }

    def content(self, question: str, pictures: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Arrange a question and its pictures; Qwen2.5-VL's are numbered, as the published code writes its prompt."""
        if self.family != "qwen2.5-vl":
            return super().content(question, pictures)
        numbered = [
            part for index, picture in enumerate(pictures, 1) for part in (text_part(f"<img{index}>: "), picture)
        ]
        return [*numbered, text_part(question)]
