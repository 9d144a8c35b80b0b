"""A trial of a judge behind a URL: do pictures reach it, and can its answer to one real question be read."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from ..engines.endpoint import EndpointEngine
from ..errors import ImageJudgeError
from ..protocols.base import Protocol
from ..support.escaping import escape

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 512


PROMPT, INSTRUCTION = "a red disc on a white background", "make the disc blue"


WORDS = 160  # characters of an answer that are shown


def try_endpoint(engine: EndpointEngine, protocol: Protocol, problems: list[str]) -> dict[str, Any]:
    """Ask an endpoint for its sight and one question; return what came back, and add what is wrong to ``problems``."""
    return asyncio.run(_try(engine, protocol, problems))


async def _try(engine: EndpointEngine, protocol: Protocol, problems: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"sight": [], "question": None}
    try:
        await engine.start(lambda line: None)
        found["sight"] = await _sight(engine, protocol, problems)
        if not problems:
            found["question"] = await _question(engine, protocol, problems)
    except ImageJudgeError as error:
        problems.append(str(error))
    finally:
        await engine.close()
    return found


async def _sight(engine: EndpointEngine, protocol: Protocol, problems: list[str]) -> list[dict[str, Any]]:
    """Return what each URL counts for one question without and with a picture."""
    sampling = protocol.sampling(protocol.dimensions[0])
    found = []
    for client in engine.clients if engine.settings.sight == "checked" else ():
        sight = await engine.sights.of(client, sampling)
        if sight.sees is False:
            problems.append(sight.words)
        found.append(
            {
                "url": client.address.base,
                "sees": sight.sees,
                "prompt_tokens": sight.plain,
                "prompt_tokens_with_picture": sight.pictured,
                "words": sight.words,
            }
        )
    return found


async def _question(engine: EndpointEngine, protocol: Protocol, problems: list[str]) -> dict[str, Any]:
    """Ask the protocol's first dimension of a drawn picture, again as a run would, and return what came back."""
    dimension = protocol.dimensions[0]
    edit = protocol.kind == "edit"
    images = [_disc("red"), _disc("blue")] if edit else [_disc("red")]
    for again in (False, True):
        request = protocol.render(INSTRUCTION if edit else PROMPT, images, dimension, again=again)
        begun = time.monotonic()
        answer = await engine.ask(request)
        seconds = time.monotonic() - begun
        reading = protocol.read(dimension, answer.text, answer.finish_reason)
        if not reading.unreadable or not protocol.can_ask_again(dimension):
            break
    shown = " ".join(answer.text.split())
    found: dict[str, Any] = {
        "dimension": dimension,
        "readable": not reading.unreadable,
        "asked_again": again,
        "seconds": round(seconds, 3),
        "prompt_tokens": answer.prompt_tokens,
        "output_tokens": answer.output_tokens,
        "finish_reason": answer.finish_reason,
        "problems": [problem.kind for problem in reading.problems],
        "answer": shown[:WORDS] + ("…" if len(shown) > WORDS else ""),
    }
    if reading.unreadable:
        kinds = ", ".join(dict.fromkeys(found["problems"])) or "it holds no score that was asked for"
        problems.append(
            f"its answer to one question of protocol {protocol.name} ({dimension}) can't be read ({kinds}; "
            f"finish reason {answer.finish_reason!r}): {found['answer'] or '(empty)'}"
        )
    return found


def _disc(colour: str) -> Image:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (SIDE, SIDE), "white")
    ImageDraw.Draw(image).ellipse((SIDE // 4, SIDE // 4, 3 * SIDE // 4, 3 * SIDE // 4), fill=colour)
    return image


def trial_lines(judge: dict[str, Any]) -> list[str]:
    """Return the lines on a trial, for people; none where there was none."""
    lines = [f"  {escape(sight['words'])}" for sight in judge.get("sight", ()) if sight["sees"] is not False]
    if question := judge.get("question"):
        state, again = ("readable", " at the second try") if question["readable"] else ("unreadable", ", twice")
        again = again if question["asked_again"] else ""
        told = f"{question['prompt_tokens']} prompt tokens, {question['output_tokens']} output tokens"
        counted = told if question["prompt_tokens"] or question["output_tokens"] else "tokens not reported"
        lines.append(
            f"  one question ({question['dimension']}): {state}{again}, {question['seconds']:.1f} s, {counted}: "
            f"{escape(question['answer']) or '(empty)'}"
        )
    return lines
