"""Tokens that a judge used, as far as it told them."""

from __future__ import annotations

from dataclasses import dataclass

from .counts import sum_of_told


@dataclass
class Usage:
    """Counts of tokens.

    Attributes:
        prompt_tokens, output_tokens: tokens that were told.
        cached_prompt_tokens: of the prompt tokens those that came from a cache; None where nobody told of any.
        uncounted: requests that may have used tokens, of which no number was told.
    """

    prompt_tokens: int = 0
    cached_prompt_tokens: int | None = None
    output_tokens: int = 0
    uncounted: int = 0

    def add(self, other: Usage) -> None:
        """Add the counts of ``other``."""
        self.prompt_tokens += other.prompt_tokens
        self.output_tokens += other.output_tokens
        self.cached_prompt_tokens = sum_of_told((self.cached_prompt_tokens, other.cached_prompt_tokens))
        self.uncounted += other.uncounted

    @property
    def tokens(self) -> int:
        """Prompt and output tokens together."""
        return self.prompt_tokens + self.output_tokens
