"""``imagejudge thresholds``: what a profile bounds, and how two differ."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..errors import ConfigError
from .printing import note, print_json, print_table, put

if TYPE_CHECKING:
    from ..thresholds.profile import Profile

_NONE = "-"


def register(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand and its arguments."""
    show = parser.add_subparsers(dest="what", required=True, metavar="ACTION").add_parser(
        "show", help="list what a profile bounds, and what it takes over from others; without a name the shipped ones"
    )
    show.add_argument("names", nargs="*", metavar="NAME", help="a shipped profile, or a TOML file")
    show.add_argument("--diff", action="store_true", help="of two profiles, only the bounds that differ")
    show.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the bounds."""
    from ..thresholds.loading import load_profile, misspelt_aspects

    if args.diff and len(args.names) != 2:
        raise ConfigError(f"--diff: two profiles are expected, not {len(args.names)}")
    if not args.names:
        return _list(json=args.json)
    profiles = [load_profile(name) for name in args.names]
    for words in filter(None, map(misspelt_aspects, profiles)):
        note(words)
    bounds = [bounds_in_words(profile) for profile in profiles]
    whole = {
        what: [one.get(what, _NONE) for one in bounds] for what in dict.fromkeys(what for one in bounds for what in one)
    }
    if args.diff:
        whole = {what: both for what, both in whole.items() if both[0] != both[1]}
    if args.json:
        print_json(
            {
                name: {what: each[i] for what, each in whole.items() if each[i] != _NONE}
                for i, name in enumerate(args.names)
            }
        )
    elif whole:
        print_table("", ["bound", *args.names], [[what, *each] for what, each in whole.items()], words=True)
    else:
        put("both bound the same")
    return 0


def _list(*, json: bool) -> int:
    """Print the shipped profiles, each with the sentence that its file begins with."""
    from ..thresholds.loading import shipped

    found = {}
    for name, path in shipped().items():
        lines = path.read_text("utf-8").splitlines()
        words = " ".join(
            line.removeprefix("#").strip()
            for line in lines[: next(i for i, line in enumerate(lines) if line[:1] != "#")]
        )
        found[name] = words.partition(". ")[0].rstrip(".")
    if json:
        print_json(found)
    else:
        print_table("", ["profile", "for"], [[name, words] for name, words in found.items()], words=True)
    return 0


def bounds_in_words(profile: Profile) -> dict[str, str]:
    """Return every bound of a profile: what it bounds, and how."""
    from ..taxonomy import TOTAL, show

    def name(path: tuple[str, ...]) -> str:
        return "total" if path == TOTAL else show(path)

    found: dict[str, list[str]] = {}
    must_not_fail = {tuple(facet) for facet in profile.must_not_fail}
    for path, bound in profile.bounds().items():  # a facet's next score after 0 is 60
        found[name(path)] = ["not 0" if path in must_not_fail and bound <= 60 else f"at least {bound:g}"]
    if profile.min_applicable:
        found["facets with a score"] = [f"at least {profile.min_applicable}"]
    for path, side, bound in profile.edit.bounds():
        found.setdefault(f"edit: {path[-1]}", []).append(f"at {side} {bound:g}")
    means = {name(path): bound for path, bound in profile.suite.bounds().items()}
    means |= {} if profile.suite.edit.score is None else {"edit: score": profile.suite.edit.score}
    for what, bound in means.items():
        found[f"mean of a run: {what}"] = [f"at least {bound:g}, undecided: {profile.suite.on_undecided}"]
    drops = {name(path): bound for path, bound in profile.baseline.bounds().items()}
    drops |= {} if profile.baseline.edit.score is None else {"edit: score": profile.baseline.edit.score}
    for what, bound in drops.items():
        found[f"drop against the baseline: {what}"] = [f"at most {bound:g}, undecided: {profile.baseline.on_undecided}"]
    if profile.baseline.newly_failing is not None:
        found["images that newly fail"] = [f"at most {profile.baseline.newly_failing}"]
    return {what: ", ".join(each) for what, each in found.items()}
