"""Tokens that an engine uses beside the answers that it returns: told to the account of the request that used them.

A try whose answer was lost on the way may be charged all the same, and so are a primer and a trial question. The code
that sends them knows of no account: it tells of each to the account of the running task, where there is one.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol

from ..support.usage import Usage
from .base import Answer


class Account(Protocol):
    """Account of one request."""

    def spend(self, usage: Usage) -> None:
        """Book tokens of a request that is no try of this one."""

    def lose(self, usage: Usage | None) -> None:
        """Book a try without an answer; None where its tokens are not known.

        Raises:
            EngineError: the budget allows no further try.
        """


ACCOUNT: ContextVar[Account | None] = ContextVar("imagejudge_account", default=None)


def used_by(answer: Answer) -> Usage:
    """Return the tokens of an answer; one that was not told of counts as ``uncounted``."""
    told = answer.prompt_tokens > 0 and (answer.output_tokens > 0 or not answer.text)
    return Usage(answer.prompt_tokens, answer.cached_prompt_tokens, answer.output_tokens, 0 if told else 1)


def spend(answer: Answer) -> None:
    """Tell of an answer that is not returned to the session."""
    if (account := ACCOUNT.get()) is not None:
        account.spend(used_by(answer))


def lose(answer: Answer | None = None) -> None:
    """Tell of a try without an answer to return, after which there may be another; ``answer`` tells its tokens.

    Raises:
        EngineError: the budget allows no further try.
    """
    if (account := ACCOUNT.get()) is not None:
        account.lose(None if answer is None else used_by(answer))
