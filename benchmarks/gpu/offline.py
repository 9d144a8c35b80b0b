"""Raw vLLM given the plugin's own requests in one offline batch: what the plugin is compared with.

    python benchmarks/gpu/offline.py CHECKPOINT [--images 48] [-- server arguments, as with --judge-arg]

The engine gets the arguments that the plugin gives its server. Each image's primer first, then all requests.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "suite"))


def fixed(tokens: int) -> dict[str, Any]:
    """Sampling of answers of so many tokens; 0 for answers as they come."""
    return {"max_tokens": tokens, "ignore_eos": True} if tokens else {}


def use_server_environment(install: Any, settings: Any) -> None:
    """Set the variables that the plugin sets for its server, caches included."""
    from pytest_imagejudge.engines.vllm import arguments, caches
    from pytest_imagejudge.settings import cache_dir

    changes = arguments.server_environment(install, settings, caches.caches_folder(cache_dir(), install))
    os.environ.update({name: value for name, value in changes.items() if value is not None})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint")
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--first", type=int, default=200_000)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=1, help="as many batches, each of other images")
    parser.add_argument("--thinking-budget", type=int, default=340)
    parser.add_argument("--tokens", action="append", type=int, default=[], help="of a batch's answers, in free text")
    parser.add_argument("--server-arg", action="append", default=[])
    args = parser.parse_args()

    import conftest

    from pytest_imagejudge.engines import make_engine
    from pytest_imagejudge.protocols import load_protocol
    from pytest_imagejudge.settings import JudgeSettings, cache_dir

    conftest.SIDE = args.side
    decoding = "free" if args.tokens else "constrained"
    settings = JudgeSettings(model=args.checkpoint, args=tuple(args.server_arg), decoding=decoding)
    protocol = load_protocol("q-judger", decoding=decoding, thinking_budget=args.thinking_budget)
    engine: Any = make_engine(settings, protocol, state_dir=cache_dir())
    plan = engine.plan()
    use_server_environment(plan.install, settings)

    def render(first: int) -> tuple[list[Any], list[Any], float]:
        """Requests and primers of the images from number ``first`` on, and the seconds that they took."""
        pictures = [conftest.picture(number) for number in range(first, first + args.images)]
        begun = time.monotonic()
        requests, primers = [], []
        for number, picture in enumerate(pictures, first):
            mine = [protocol.render(conftest.PROMPT.format(number), [picture], name) for name in protocol.dimensions]
            primers.append(mine[0].primer)
            requests += mine
        return requests, primers, time.monotonic() - begun

    requests, primers, rendered = render(args.first)

    from vllm import LLM, SamplingParams
    from vllm.engine.arg_utils import EngineArgs
    from vllm.sampling_params import StructuredOutputsParams

    try:
        from vllm.utils.argparse_utils import FlexibleArgumentParser
    except ImportError:
        from vllm.utils import FlexibleArgumentParser

    own = EngineArgs.add_cli_args(FlexibleArgumentParser())
    tokens = list(plan.options)
    cut = tokens.index("--served-model-name")
    del tokens[cut : cut + 2]
    known, unknown = own.parse_known_args(["--model", args.checkpoint, *tokens, *args.server_arg])
    print("server arguments that an offline engine has not:", unknown)
    engine_args = EngineArgs.from_cli_args(known)
    begun = time.monotonic()
    llm = LLM(**{field.name: getattr(engine_args, field.name) for field in dataclasses.fields(engine_args)})
    started = time.monotonic() - begun

    def params(sampling: dict[str, Any]) -> SamplingParams:
        fields = {k: v for k, v in sampling.items() if k not in ("structured_outputs", "chat_template_kwargs")}
        if "structured_outputs" not in sampling:
            return SamplingParams(**fields)
        grammar = StructuredOutputsParams(json=sampling["structured_outputs"]["json"])
        return SamplingParams(**fields, structured_outputs=grammar)

    kwargs = dict(requests[0].sampling.get("chat_template_kwargs", {}))
    warm = [request.messages for request in requests[:5]]
    llm.chat(warm, [params({**r.sampling, "max_tokens": 8}) for r in requests[:5]], chat_template_kwargs=kwargs)
    llm.reset_prefix_cache()
    for number, tokens_each in enumerate(args.tokens or [0] * args.rounds):
        if number:
            requests, primers, rendered = render(args.first + number * args.images)
        begun = time.monotonic()
        llm.chat(
            primers,
            SamplingParams(max_tokens=1, temperature=0.0),
            add_generation_prompt=False,
            chat_template_kwargs=kwargs,
            use_tqdm=False,
        )
        outputs = llm.chat(
            [request.messages for request in requests],
            [params({**request.sampling, **fixed(tokens_each)}) for request in requests],
            chat_template_kwargs=kwargs,
            use_tqdm=False,
        )
        seconds = time.monotonic() - begun
        prompt = sum(len(output.prompt_token_ids or ()) for output in outputs)
        result = {
            "images": args.images,
            "start_seconds": round(started, 1),
            "render_seconds": round(rendered, 2),
            "batch_seconds": round(seconds, 2),
            "seconds_an_image": round(seconds / args.images, 3),
            "prompt_tokens": prompt,
            "cached_share": round(sum(output.num_cached_tokens or 0 for output in outputs) / prompt, 3),
            "output_tokens": sum(len(output.outputs[0].token_ids) for output in outputs),
        }
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
