"""Processor time of vLLM's servers for each token that they generate: decoding_cost.py SERVE.json...

``SERVE.json`` is what ``imagejudge serve --json`` printed; for another server, an object with url, key, model and pid.
The servers are asked in turn, in another order each round, with and without what Q-Judger's requests ask of sampling. A
batch whose requests arrive one by one takes more steps of fewer tokens, which cost more a token: compare steps.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import statistics
from pathlib import Path
from typing import Any

import httpx
import psutil

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "penalty": {"repetition_penalty": 1.05, "top_k": 1, "top_p": 1.0, "seed": 42},
}


def processes(pid: int) -> dict[str, psutil.Process]:
    """Return the API server's process and the engine's."""
    server = psutil.Process(pid)
    (engine,) = (one for one in server.children(recursive=True) if "EngineCore" in " ".join(one.cmdline()))
    return {"API server": server, "engine": engine}


async def ask(client: httpx.AsyncClient, facts: dict[str, Any], body: dict[str, Any]) -> int:
    """Return the number of tokens that were generated."""
    headers = {"authorization": f"Bearer {facts['key']}"}
    reply = await client.post(f"{facts['url']}/chat/completions", json=body, headers=headers)
    reply.raise_for_status()
    return int(reply.json()["usage"]["completion_tokens"])


def steps(facts: dict[str, Any]) -> float:
    """Return the number of steps that the engine has made, by the server's own metrics."""
    headers = {"authorization": f"Bearer {facts['key']}"}
    text = httpx.get(facts["url"].removesuffix("/v1") + "/metrics", headers=headers).text
    return sum(map(float, re.findall(r"^vllm:iteration_tokens_total_count\{.*\} (\S+)", text, re.MULTILINE)))


async def cost(facts: dict[str, Any], variant: str, requests: int, tokens: int) -> dict[str, float]:
    """Return microseconds of each process a token, and of the engine a step, over a batch of requests at once."""
    watched = processes(facts["pid"])
    body = {"model": facts["model"], "temperature": 0, "max_tokens": tokens, "ignore_eos": True, **VARIANTS[variant]}
    texts = [f"Picture {random.random()}: judge its quality, layout and light." for _ in range(requests)]
    before, stepped = {name: sum(one.cpu_times()[:2]) for name, one in watched.items()}, steps(facts)
    async with httpx.AsyncClient(timeout=900, limits=httpx.Limits(max_connections=requests)) as client:
        bodies = [{**body, "messages": [{"role": "user", "content": text}]} for text in texts]
        made = sum(await asyncio.gather(*(ask(client, facts, one) for one in bodies)))
    seconds = {name: sum(one.cpu_times()[:2]) - before[name] for name, one in watched.items()}
    each = {f"{name} a token": 1e6 * spent / made for name, spent in seconds.items()}
    return {**each, "engine a step": 1e6 * seconds["engine"] / (steps(facts) - stepped)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("servers", nargs="+", type=Path)
    parser.add_argument("--requests", type=int, default=96)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=6)
    args = parser.parse_args()
    servers = {file.name: json.loads(file.read_text("utf-8")) for file in args.servers}
    runs = [(name, variant) for name in servers for variant in VARIANTS]
    seen: dict[tuple[str, str], list[dict[str, float]]] = {run: [] for run in runs}
    for name, variant in runs:
        asyncio.run(cost(servers[name], variant, 8, 16))
    for _ in range(args.rounds):
        for name, variant in random.sample(runs, len(runs)):
            seen[name, variant].append(asyncio.run(cost(servers[name], variant, args.requests, args.tokens)))
    for (name, variant), found in seen.items():
        medians = {figure: statistics.median(one[figure] for one in found) for figure in found[0]}
        print(name, variant, *(f"{figure} {value:.0f} us" for figure, value in medians.items()), sep=", ")


if __name__ == "__main__":
    main()
