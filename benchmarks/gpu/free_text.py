"""Time free-text requests to a server: free_text.py SERVE.json IMAGES TOKENS FIRST.

``SERVE.json`` is what ``imagejudge serve --json`` printed. Five requests an image, all at once, each of TOKENS tokens;
another FIRST makes other pictures.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "suite"))

import conftest  # noqa: E402 - the folder is named above

WORDS = (HERE.parents[1] / "pytest_imagejudge" / "protocols" / "house.toml").read_text("utf-8")[:6000]


def url(number: int) -> str:
    file = io.BytesIO()
    conftest.picture(number).save(file, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


async def ask(facts: dict[str, Any], urls: list[str], tokens: int) -> None:
    usage = {"prompt": 0, "cached": 0, "output": 0}
    headers = {"authorization": f"Bearer {facts['key']}"}

    async def one(client: httpx.AsyncClient, picture: str, part: int) -> None:
        content = [
            {"type": "image_url", "image_url": {"url": picture}},
            {"type": "text", "text": f"{WORDS}\nPart {part}."},
        ]
        body = {"model": facts["model"], "temperature": 0, "max_tokens": tokens, "ignore_eos": True}
        body["messages"] = [{"role": "user", "content": content}]
        reply = await client.post(f"{facts['url']}/chat/completions", json=body, headers=headers)
        reply.raise_for_status()
        told = reply.json()["usage"]
        usage["prompt"] += told["prompt_tokens"]
        usage["cached"] += (told.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        usage["output"] += told["completion_tokens"]

    async with httpx.AsyncClient(timeout=900, limits=httpx.Limits(max_connections=400)) as client:
        begun = time.monotonic()
        await asyncio.gather(*(one(client, picture, part) for picture in urls for part in range(5)))
    seconds = time.monotonic() - begun
    print(f"{len(urls)} images, {len(urls) * 5} requests of {tokens} tokens: {seconds:.1f} s; {usage}", flush=True)


def main() -> None:
    facts = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    images, tokens, first = map(int, sys.argv[2:5])
    with ThreadPoolExecutor(8) as pool:
        urls = list(pool.map(url, range(first, first + images)))
    asyncio.run(ask(facts, urls, tokens))


if __name__ == "__main__":
    main()
