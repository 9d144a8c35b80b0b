"""Sight: proof that pictures reach the model behind an endpoint, by the prompt tokens that the endpoint counts."""

from __future__ import annotations

import asyncio
import base64
import functools
import io
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import EngineError
from ..protocols.base import Request
from . import spending
from .address import Address
from .base import Answer, Progress
from .chat_client import ChatClient, RefusedError
from .request_fields import GRAMMAR
from .retries import UnavailableError

QUESTION = "Name one colour."


# Tokens that a picture has at least. Those of 224 x 224 have 49 and more by the published rules of Qwen, OpenAI,
# Anthropic and Google; a placeholder in the picture's place, such as "[image]", has one to five.
LEAST = 8


# Characters of a data URL for each token, where it is read as text: base64 has about two. The picture is noise, so that
# its text has more tokens than any model counts for a picture of this size (8,500: GPT-4o mini).
CHARACTERS = 4


SIDE = 224


# The most tokens of the answer. One is enough, but models that think first may refuse so few.
LIMITS = (1, 1024)


# With these statuses a server refuses all requests, and says why: the key, the path or the model, a quota.
OF_ALL = frozenset((401, 403, 404, 429))


# Fields that make sense for the answers of a protocol only.
OF_THE_ANSWER = frozenset((GRAMMAR, "max_tokens", "max_completion_tokens", "thinking_token_budget", "stop"))


UNKNOWN = "it can't be known whether pictures reach the judge"


# Together AI counted no tokens of pictures that its model saw (BerriAI/litellm#6488), Ollama one with llama3.2-vision
# (ollama/ollama#7592).
WAY_OUT = "judge_sight = assumed in the ini file (of the command: --judge-sight=assumed) if the server counts wrongly"


@dataclass(frozen=True)
class Sight:
    """The prompt tokens of one question, as an endpoint counts them.

    Attributes:
        plain: of the question alone; 0 where it is not told.
        pictured: of the same question beside a picture; 0 where it is not told, or where the picture is refused.
        sees: False where no picture reaches the model; None where it can't be known.
        words: a sentence on what was seen.
        answers: the answers, which cost tokens.
    """

    plain: int
    pictured: int
    sees: bool | None
    words: str
    answers: tuple[Answer, ...] = ()


class BlindError(EngineError):
    """No picture reaches the judge, so that no answer of it is about one."""


class Sights:
    """The sight of each endpoint of a session, found out once, before the first request to it.

    Attributes:
        progress: told where the sight of an endpoint can't be known.
    """

    def __init__(self) -> None:
        self.progress: Progress = lambda line: None
        self._known: dict[Address, Sight] = {}
        self._pending: dict[Address, asyncio.Task[Sight]] = {}

    async def of(self, client: ChatClient, sampling: Mapping[str, Any]) -> Sight:
        """Return the sight of the endpoint of ``client``. All who ask at once wait for one answer.

        Args:
            client: of the endpoint.
            sampling: fields of the requests that follow, for `look`.

        Raises:
            UnavailableError: the server is lost.
            EngineError: its responses are no chat completions.
        """
        address = client.address
        if address in self._known:
            return self._known[address]
        if address not in self._pending:
            self._pending[address] = asyncio.create_task(self._find_out(client, sampling))
        return await asyncio.shield(self._pending[address])

    async def check(self, client: ChatClient, sampling: Mapping[str, Any]) -> None:
        """Refuse an endpoint whose judge sees no pictures; arguments as of `of`.

        Raises:
            BlindError: it is blind; with the figures, and what may be the cause.
            UnavailableError, EngineError: as `of`.
        """
        sight = await self.of(client, sampling)
        if sight.sees is False:
            raise BlindError(sight.words)

    def cancel(self) -> None:
        """Stop what is being found out."""
        pending, self._pending = self._pending, {}
        for task in pending.values():
            task.cancel()

    async def _find_out(self, client: ChatClient, sampling: Mapping[str, Any]) -> Sight:
        try:
            sight = await look(client, sampling)
        finally:
            self._pending.pop(client.address, None)
        self._known[client.address] = sight
        for answer in sight.answers:
            spending.spend(answer)
        if sight.sees is None:
            self.progress(sight.words)
        return sight


async def look(client: ChatClient, sampling: Mapping[str, Any]) -> Sight:
    """Ask the server of ``client`` one question without a picture and with one, and compare the prompt tokens.

    The questions carry the fields of ``sampling`` that any server may refuse, so that the client learns of it from them
    and not from as many requests, with pictures, as are sent at once.

    Raises:
        RefusedError: the server would refuse any other request too.
        UnavailableError: the server is lost.
        EngineError: its responses are no chat completions.
    """
    fields = {name: value for name, value in sampling.items() if name not in OF_THE_ANSWER}
    few, more = LIMITS
    limit = few
    try:
        try:
            plain = await client.ask(_request(QUESTION, fields, few))
        except RefusedError as refusal:
            if refusal.status in OF_ALL:
                raise
            limit = more
            plain = await client.ask(_request(QUESTION, fields, more))
    except RefusedError as refusal:
        if refusal.status in OF_ALL:
            raise
        words = f"{client.address.base}: a question without a picture is refused, so {UNKNOWN}: {refusal.reason}"
        return Sight(0, 0, None, words)
    content: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": _picture()}},
        {"type": "text", "text": QUESTION},
    ]
    try:
        pictured = await client.ask(_request(content, fields, limit))
    except (RefusedError, UnavailableError) as error:
        if isinstance(error, UnavailableError) and error.status not in (500, 501):
            raise  # else the server is there: llama.cpp refuses pictures with 500 (ggml-org/llama.cpp#15377)
        words = f"a question is answered, and refused as soon as there is a picture: {error}"
        return Sight(plain.prompt_tokens, 0, False, _blind(client, words), (plain,))
    return compare(client, plain, pictured)


def compare(client: ChatClient, plain: Answer, pictured: Answer) -> Sight:
    """Return the sight of an endpoint by its answers to one question without a picture and with one."""
    without, beside = plain.prompt_tokens, pictured.prompt_tokens
    sees: bool | None = True
    figures = f"{beside} prompt tokens with a picture, {without} without one"
    if not (without and beside):
        sees, words = None, f"{client.address.base}: the server does not tell the tokens of a prompt, so {UNKNOWN}"
    elif beside - without < LEAST:
        sees, words = False, _blind(client, f"the same question has {figures}")
    elif beside - without >= len(_picture()) / CHARACTERS:
        sees, words = False, _blind(client, f"the same question has {figures}, so the picture is read as text")
    else:
        words = f"{client.address.base}: pictures reach the judge: {figures}"
    return Sight(without, beside, sees, words, (plain, pictured))


def _blind(client: ChatClient, seen: str) -> str:
    return (
        f"{client.address.base}: no picture reaches the judge: {seen}. Either the model {client.model!r} takes no "
        "pictures, or a gateway before it drops them: name a vision model, or the address of its own server, or set "
        f"{WAY_OUT}"
    )


def _request(content: str | list[dict[str, Any]], fields: Mapping[str, Any], limit: int) -> Request:
    return Request("", [{"role": "user", "content": content}], {**fields, "max_tokens": limit}, QUESTION)


@functools.cache
def _picture() -> str:
    """The data URL of a picture of coloured noise, the same each time."""
    from PIL import Image

    small = SIDE // 2
    noise = Image.frombytes("RGB", (small, small), random.Random(0).randbytes(small * small * 3))  # noqa: S311
    buffer = io.BytesIO()
    noise.resize((SIDE, SIDE), Image.Resampling.NEAREST).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
