"""Estimate of a run's time, tokens and cost, from the figures of an earlier run."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..support.escaping import escape
from ..support.judge_options import JUDGE_OPTIONS, argparse_keywords, option_name, read_option
from ..support.prices import read_price
from ..support.rates import duration, pace
from ..support.usage import Usage
from ..support.words import plural

if TYPE_CHECKING:
    from ..report.model import Cost, Report
    from ..report.uses import JudgeUse

_PRICES = {"image": "judge_price", "edit": "edit_judge_price"}  # by kind of judge
FEW = 10  # images of a run, of whose time the judge's start is a large part
_NONE_NEW = "{} tells no time and no tokens: none of its images was judged anew, and {} came from the store"
UNKNOWN = (
    "Time, tokens and cost are not known, since there is no earlier run: judge a few of the images first, or name a "
    "report with --from. An image takes up to five requests, one for each L1; an edit takes one, or two with viescore "
    "and editscore."
)


def add_estimate_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the estimate."""
    for key in _PRICES.values():
        parser.add_argument(option_name(key), **argparse_keywords(JUDGE_OPTIONS[key]))
    parser.add_argument(
        "--judge-store",
        type=Path,
        metavar="DIR",
        help="the store with the last run's figures (default: .imagejudge/store)",
    )


def estimate_of(args: argparse.Namespace, images: int) -> dict[str, Any]:
    """Return what a run over ``images`` images takes, as ``--json`` prints it; what is not known is None.

    Raises:
        ConfigError: a price that is none, or figures of the last run that can't be read.
    """
    prices = {
        kind: read_option(JUDGE_OPTIONS[key], getattr(args, key), option_name(key)) for kind, key in _PRICES.items()
    }
    source, uses, cost, stored = _figures(args)
    asked = [use for use in uses if use.images]
    for use in asked:
        use.price = prices[use.kind] or use.price
    main = next(iter(sorted(asked, key=lambda use: use.kind == "edit")), None)
    found: dict[str, Any] = {
        "images": images,
        "seconds": None,
        "prompt_tokens": None,
        "cached_prompt_tokens": None,
        "output_tokens": None,
        "cost": None,
        "source": source if main else None,
        "from_store": stored.get(source),
        "notes": [_NONE_NEW.format(name, plural(n, "image")) for name, n in stored.items() if name != source],
        "judges": [_of_one(use) for use in asked],
    }
    if main is None:
        return found
    share = images / main.images
    found["seconds"] = round(main.seconds * share, 1) if main.seconds else None
    usage = _scaled(main.usage, images, main.images)
    if not usage.tokens:
        return found
    for name in ("prompt_tokens", "cached_prompt_tokens", "output_tokens"):
        found[name] = getattr(usage, name)
    if main.price:
        from ..report.uses import cost_at

        cost = cost_at(read_price(main.price, option_name(_PRICES[main.kind])), usage)
    elif cost is not None and cost.amount is not None:
        figures = {name: found[name] for name in ("prompt_tokens", "cached_prompt_tokens", "output_tokens")}
        cost = cost.model_copy(update={**figures, "amount": cost.amount * share})
    else:
        cost = None
    found["cost"] = None if cost is None else cost.model_dump(mode="json", exclude={"by_currency"})
    return found


def estimate_lines(estimate: dict[str, Any]) -> Iterator[str]:
    """Yield the estimate as lines for people."""
    from ..renderers.cost_words import cost_in_words
    from ..report.model import Cost

    if estimate["source"] is None:
        yield UNKNOWN
        yield from (f"Note: {escape(line)}." for line in estimate["notes"])
        return
    parts = [f"about {duration(estimate['seconds'])}"] if estimate["seconds"] else []
    if estimate["prompt_tokens"] is None:
        parts.append("no tokens reported")
    else:
        cached = estimate["cached_prompt_tokens"]
        told = "" if cached is None else f" ({cached:,} of them cached)"
        parts.append(f"{estimate['prompt_tokens']:,} prompt tokens{told}, {estimate['output_tokens']:,} output tokens")
        known = estimate["cost"] is not None
        parts.append(
            f"cost {cost_in_words(Cost.model_validate(estimate['cost']))}"
            if known
            else f"cost not known without {option_name('judge_price')}"
        )
    yield f"{plural(estimate['images'], 'image')} more: {', '.join(parts)}."
    for judge in estimate["judges"]:
        noun, rate = judge["kind"], judge["images_a_second"]
        speed = pace(judge["images"], None, judge["images"] / rate, f"{noun}s").removeprefix(", ") if rate else ""
        tokens = f"{judge['prompt_tokens']:,.0f} prompt and {judge['output_tokens']:,.0f} output tokens an {noun}"
        counted = judge["prompt_tokens"] or judge["output_tokens"]
        name = escape(" ".join(dict.fromkeys(filter(None, (judge["model"], judge["protocol"])))) or "the judge")
        yield f"{name}: {', '.join(filter(None, (speed, tokens if counted else 'no tokens reported')))}."
    counts = ""
    if (stored := estimate["from_store"]) is not None:
        anew = plural(sum(judge["images"] for judge in estimate["judges"]), "image")
        counts = f": {anew} judged anew, {stored:,} more from the store"
    yield f"Figures from: {escape(estimate['source'])}{counts}. Images in the store take no request."
    yield from (f"Note: {escape(line)}." for line in estimate["notes"])
    if estimate["seconds"] and (few := [judge for judge in estimate["judges"] if judge["images"] < FEW]):
        judged = " and ".join(plural(judge["images"], judge["kind"]) for judge in few)
        yield f"Note: that run judged {judged}: much of its time may be the judge's start; many images take less each."


def _figures(args: argparse.Namespace) -> tuple[str, list[JudgeUse], Cost | None, dict[str, int]]:
    """Return where figures are from, and each judge's: of the first report that was named and has any, or the last run.

    A report does not tell its judges apart: it says what they cost together. The last is how many images of each report
    that was read came from the store, by the report's name.
    """
    from ..report.json_file import read
    from ..report.last_run import FILE_NAME, last_run
    from ..store.answer_store import default_root

    stored: dict[str, int] = {}
    for name in args.source:
        path = Path(name)
        try:
            report = read(path) if path.is_file() and path.suffix.lower() == ".json" else None
        except ConfigError:
            continue  # a baseline, or judged rows
        if report is None:
            continue
        stored[name] = _count([*report.verdicts, *report.edits], "store")
        if uses := _uses_of(report):
            return name, uses, report.run.cost, stored
    store = args.judge_store or default_root()
    run = last_run(store)
    if run is None:
        return "", [], None, stored
    return f"{store / FILE_NAME}, the run of {run.started}", run.judges, None, stored


def _uses_of(report: Report) -> list[JudgeUse]:
    """Return the use of the judges in a report, which does not tell them apart; none where nothing was asked."""
    from ..report.uses import JudgeUse

    run = report.run
    images, edits = _count(report.verdicts, "engine"), _count(report.edits, "engine")
    if not images and not edits:
        return []
    judges = run.judges
    return [
        JudgeUse(
            kind="image" if images else "edit",
            model=", ".join(dict.fromkeys(judge.model for judge in judges)),
            protocol=", ".join(dict.fromkeys(str(judge.fingerprint.get("protocol") or "") for judge in judges)),
            images=images + edits,
            requests=run.requests - run.from_store,
            began=0.0,
            ended=run.seconds,
            prompt_tokens=run.prompt_tokens,
            cached_prompt_tokens=run.cached_prompt_tokens,
            output_tokens=run.output_tokens,
            uncounted=0 if run.cost is None else run.cost.uncounted,
        )
    ]


def _count(entries: Iterable[Any], source: str) -> int:
    """Count the images of a report that were judged in the run itself, "engine", or before it, "store"."""
    return sum(entry.source == source and not entry.error for entry in entries)


def _scaled(usage: Usage, images: int, known: int) -> Usage:
    """Return the usage of ``images``, by that of ``known`` ones; exact, and rounded up."""

    def scaled(count: int) -> int:
        return -(-count * images // known)

    cached = usage.cached_prompt_tokens
    return Usage(
        scaled(usage.prompt_tokens),
        None if cached is None else cached * images // known,
        scaled(usage.output_tokens),
        scaled(usage.uncounted),
    )


def _of_one(use: JudgeUse) -> dict[str, Any]:
    """Return the figures of one image, or edit, by one judge."""
    return {
        "kind": use.kind,
        "model": use.model,
        "protocol": use.protocol,
        "images": use.images,
        "images_a_second": round(use.images / use.seconds, 4) if use.seconds else 0.0,
        "prompt_tokens": use.prompt_tokens / use.images,
        "output_tokens": use.output_tokens / use.images,
    }
