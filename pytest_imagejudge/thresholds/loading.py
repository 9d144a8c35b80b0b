"""Profiles read from TOML, a name or a mapping, merged with the profiles that they extend."""

from __future__ import annotations

import os
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ..errors import ConfigError
from ..protocols import Kind, load_protocol
from ..protocols.base import Protocol
from ..protocols.signals_edit_bounds import ASPECTS
from ..taxonomy import EDIT_SCALE, LEVEL1, closest, nearest, show, show_scale
from .aspects import as_tables
from .profile import PART, Edit, EditMargin, Margins, Profile, Suite, SuiteEdit
from .scales import OWN_PROFILES, left_over

_NEARLY = 0.85  # likeness of two names that are hardly two: a judge of one's own may well give "identity"
MAPPING = "given as a mapping"  # where reports tell which profile was applied


def shipped() -> dict[str, Path]:
    """The profiles that come with this package, by name."""
    package = Path(__file__).parents[1]
    folder = next(path for path in (package / "_thresholds", package.parent / "thresholds") if path.is_dir())
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_profile(
    source: str | Path | Mapping[str, Any] | Profile, *, base: Path | None = None, name: str = ""
) -> Profile:
    """Load a profile by shipped name, from a TOML file, or from a mapping of the same shape.

    Args:
        source: the name, the file or the mapping.
        base: the folder of a relative file; None is the working folder.
        name: the name of a mapping in reports and errors; without one they say that it is a mapping.

    Raises:
        ConfigError: naming the file, the key, what was found, and the nearest valid name.
    """
    if isinstance(source, Profile):
        return source
    where = name or "thresholds"
    if isinstance(source, Mapping):
        data = _resolve(dict(source), Path.cwd() if base is None else base, where, ())
        return _build(data, name or MAPPING, where)
    if not isinstance(source, (str, os.PathLike)):
        raise ConfigError(f"{where}: a profile's name, a file or a mapping is expected, not {source!r}")
    path = _find(source, Path.cwd() if base is None else base, "thresholds")
    data = _resolve(_read(path), path.parent, str(path), (path.resolve(),))
    known = shipped().get(path.stem)
    return _build(data, path.stem if known == path else str(source), str(path))


def _find(source: str | Path, base: Path, asker: str) -> Path:
    text = str(source)
    known = shipped()
    if text in known:
        return known[text]
    path = base / text
    if path.is_file():
        return path
    found = f"{path} is a folder" if path.is_dir() else f"there is none at {path}"
    raise ConfigError(
        f"{asker}: no profile {text!r}{nearest(text, known)}; shipped are {', '.join(known)}, or give a TOML file "
        f"({found})"
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:  # also a number of too many digits, or lists too deep
        raise ConfigError(f"{path}: not valid TOML: {error}") from None


def _resolve(data: dict[str, Any], folder: Path, where: str, seen: tuple[Path, ...]) -> dict[str, Any]:
    """Merge ``data`` over the profile that it extends: tables by key, other values replaced."""
    # each file by itself, so that an error names the file it is in
    parent = _validate(data, where, whole=False).extends
    if (edit := data.get("edit", {})).get("aspects"):
        data = {**data, "edit": {**edit, "aspects": as_tables(edit["aspects"])}}
    if parent is None:
        return data
    path = _find(parent, folder, f"{where}: extends")
    if path.resolve() in seen:
        raise ConfigError(f"{where}: extends {parent!r}, which extends this file again")
    inherited = _resolve(_read(path), path.parent, str(path), (*seen, path.resolve()))
    if lost := left_over(inherited, data):
        scale = tuple(inherited.get("edit", {}).get("scale", EDIT_SCALE))
        raise ConfigError(
            f"{where}: edit.scale is another than that of {parent!r}, which it extends: {', '.join(lost)} there "
            f"{'are' if len(lost) > 1 else 'is'} on the scale {show_scale(scale)}; set a bound on the new scale here"
        )
    return _merge(inherited, data)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _validate(data: dict[str, Any], where: str, *, whole: bool = True) -> Profile:
    """Make a profile; of a file that extends another, and names no scale, the bounds are checked when both are one."""
    part = not whole and "extends" in data and "scale" not in _table(data.get("edit"))
    try:
        return Profile.model_validate(data, context=PART if part else None)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(where, item) for item in error.errors())) from None


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _build(data: dict[str, Any], name: str, where: str) -> Profile:
    profile = _validate(data, where)
    if not profile.bounds_anything:
        raise ConfigError(f"{where}: the profile bounds nothing, so it could never fail")
    profile._name = name
    for path, bound in (*profile.bounds().items(), *profile.suite.bounds().items()):
        if 0 < bound < 1:
            words = f"{where}: {show(path)}: a bound of {bound:g} has almost no effect: bounds run from 0 to 100"
            warnings.warn(words, stacklevel=2)
    return profile


def idle_bounds(profile: Profile, run: Profile | None) -> str:
    """Say which bounds on the run have no effect, since they stand in a profile for some images; empty for none.

    Args:
        profile: of a test, a call or a row.
        run: that of ``--judge-thresholds``, or the judge's own; None is none. What the profile has of it is no fault.
    """
    found = []
    for name in ("suite", "baseline"):
        own: BaseModel = getattr(profile, name)
        if own != type(own)() and (run is None or own != getattr(run, name)):
            found.append(f"[{name}]")
    if not found:
        return ""
    named = "none" if run is None else f'"{run.name}"'
    return (
        f"thresholds {profile.name}: {' and '.join(found)} {'has' if len(found) == 1 else 'have'} no effect in a "
        f"profile for some of the images: bounds on the run count in that of --judge-thresholds, here {named}; "
        "put them there"
    )


def misspelt_aspects(profile: Profile) -> str:
    """Name the aspects of edits that are nearly those of a shipped judge; empty for none, or where a name is new.

    It is for runs without a judge of edits: a judge knows its own names, and another one may give any.
    """
    from ..protocols.score_pairs import ScorePairs

    if not profile.edit.aspects:
        return ""
    house = load_protocol("house-edit", kind="edit").aspects or ()
    known = dict.fromkeys((*ASPECTS, *house, *ScorePairs.aspects))
    found = []
    for name in profile.edit.aspects:
        close = closest(name, known, _NEARLY)
        if close and name not in known:
            found.append(f'"{name}" (did you mean "{close}"?)')
    named = f"thresholds {profile.name}: edit.aspects: no shipped judge of edits gives"
    return f"{named} {', '.join(found)}" if found else ""


_TABLES: dict[str, type[BaseModel]] = {
    "edit": Edit,
    "suite": Suite,
    "suite.edit": SuiteEdit,
    "baseline": Margins,
    "baseline.edit": EditMargin,
}


def _explain(where: str, error: Any) -> str:
    loc = [str(part) for part in error["loc"]]
    key, kind, found = ".".join(loc), error["type"], error["input"]
    if kind == "extra_forbidden":
        model = _TABLES.get(".".join(loc[:-1]), Profile)
        keys = list(model.model_fields)
        hint = " (a dimension belongs under [level1])" if loc[-1] in LEVEL1 else nearest(loc[-1], keys)
        return f"{where}: {key}: unknown key{hint}; known are {', '.join(keys)}"
    if kind == "value_error":
        mark = "." if loc[-1:] == ["aspects"] else ": "  # these name the aspect themselves
        return f"{where}: {key + mark if key else ''}{error['ctx']['error']}"
    if kind == "literal_error":
        names = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        hint = nearest(found, names) if isinstance(found, str) else ""
        return f"{where}: {key}: {error['ctx']['expected']} is expected, not {found!r}{hint}"
    what = {
        "float_type": "a number is expected",
        "int_type": "a whole number is expected",
        "less_than_equal": f"a number of at most {error.get('ctx', {}).get('le', 100):g} is expected",
        "greater_than_equal": f"a number of at least {error.get('ctx', {}).get('ge', 0):g} is expected",
        "finite_number": "a finite number is expected",
        "dict_type": "a table is expected",
        "model_type": "a table is expected",
        "list_type": "a list is expected",
        "string_type": "a string is expected",
    }.get(kind, error["msg"])
    remedy = f"; {_meant(loc)}" if "number" in what and _meant(loc) else ""
    return f"{where}: {key}: {what}, not {found!r}{remedy}"


def _meant(loc: Sequence[str]) -> str:
    """Say what to give for a bound on scores; an empty text for another key."""
    inner = loc[1:] if loc[0] in ("suite", "baseline") else loc
    if inner[:1] not in (["total"], ["level1"], ["level2"], ["level3"]):
        return ""
    if loc[0] == "baseline":
        return "give the largest drop to allow, 0 to 100 points, such as 2"
    return "give the least score, 0 to 100, such as 60"


def own_profiles(protocols: Mapping[Kind, Protocol]) -> dict[Kind, Profile]:
    """The profile of each kind, "image" and "edit", where none is named: the judge's own."""
    return {kind: load_profile(default_profile(protocol)) for kind, protocol in protocols.items()}


def both_of(own: Mapping[Kind, Profile]) -> Profile:
    """One profile of a run, made of those of each kind: bounds on edits are those of the profile for edits."""
    image, edit = own.get("image"), own.get("edit")
    if image is None or edit is None or image.name == edit.name:
        profile = image or edit
        assert profile is not None  # a run has a judge
        return profile
    both = image.model_copy(update={"edit": edit.edit})
    both._name = f"{image.name}, {edit.name}"
    return both


def default_profile(protocol: Protocol) -> str:
    """The profile used when none is named; the embedded judge's own for one that measures part of what there is.

    Raises:
        ConfigError: a judge of edits on a scale that no shipped profile is on.
    """
    if not protocol.has_total:
        return "signals" if protocol.kind == "image" else "edit-signals"
    if protocol.kind == "image":
        return "default"
    if protocol.scale not in OWN_PROFILES:
        raise ConfigError(
            f"the protocol {protocol.name} scores edits from {show_scale(protocol.scale)}, and no shipped profile has "
            f"bounds on that scale: name one with --judge-thresholds, with scale = [{protocol.scale[0]:g}, "
            f"{protocol.scale[1]:g}] under [edit]"
        )
    return OWN_PROFILES[protocol.scale]
