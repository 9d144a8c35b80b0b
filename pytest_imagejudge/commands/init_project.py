"""Additions of ``imagejudge init`` to a project's ini file of pytest and its ``.gitignore``; its owner on GitHub."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError

IGNORED = (".imagejudge/", "imagejudge-images/", "/report.html", "/report.json")
# In the order in which pytest looks: the file, and the table or section that makes it pytest's.
_PLACES = (
    ("pytest.toml", "pytest"),
    (".pytest.toml", "pytest"),
    ("pytest.ini", "pytest"),
    (".pytest.ini", "pytest"),
    ("pyproject.toml", "tool.pytest"),
    ("pyproject.toml", "tool.pytest.ini_options"),
    ("tox.ini", "pytest"),
    ("setup.cfg", "tool:pytest"),
)
_REMOTE = re.compile(r"(?:github\.com[:/])(?P<owner>[A-Za-z0-9-]+)/[^/\s]+?(?:\.git)?/?")
Value = str | Sequence[str]


@dataclass(frozen=True)
class Addition:
    """A file with lines added to it.

    Attributes:
        path: the file, which may be new.
        text: all that stands in it then.
        kept: keys that the file has already, and that stay as they are.
    """

    path: Path
    text: str
    kept: tuple[str, ...] = ()


def with_keys(folder: Path, keys: Mapping[str, Value]) -> Addition:
    """Add ini keys to the file that pytest reads in ``folder``; without one to ``pyproject.toml``, or a new file.

    Raises:
        ConfigError: the file can't be read, or has its table of pytest in a form that can't be added to.
    """
    path, section = _place(folder)
    text = _read(path)
    toml = path.suffix == ".toml"
    header = re.compile(rf"^[ \t]*\[[ \t]*{re.escape(section)}[ \t]*\][ \t]*(?:[#;].*)?$", re.MULTILINE)
    found = header.search(text)
    present = _keys_of(text, section) if toml else _keys_between(text, found)
    new = {key: value for key, value in keys.items() if key not in present}
    lines = "".join(f"{key} = {_toml(value) if toml else _ini(value)}\n" for key, value in new.items())
    if found is not None:
        end = found.end() + 1
        text = f"{text[: found.end()]}\n{lines}{text[end:]}"
    elif toml and present:
        raise ConfigError(f"{path}: [{section}] is written in a form that can't be added to; write there:\n{lines}")
    else:
        text = f"{text.rstrip()}\n\n[{section}]\n{lines}".lstrip()
    return Addition(path, text, tuple(key for key in keys if key in present))


def tests_folder(folder: Path) -> str:
    """Return the name of the folder in which pytest looks for tests: that of ``testpaths``, else ``tests``.

    Raises:
        ConfigError: pytest's file can't be read.
    """
    names = _words(folder, "testpaths")
    there = [name for name in (*names, "tests", "test") if name != "." and (folder / name).is_dir()]
    new = [name for name in names if re.fullmatch(r"[\w-][\w./-]*", name)]  # no pattern, and nothing outside
    return [*there, *new, "tests"][0].rstrip("/")


def judge_there(folder: Path) -> dict[str, list[str]]:
    """Return what names a judge of images in pytest's file already, by ini key.

    Raises:
        ConfigError: pytest's file can't be read.
    """
    return {key: words for key in ("judge_model", "judge_url") if (words := _words(folder, key))}


def _words(folder: Path, key: str) -> list[str]:
    """The words of a key in pytest's file."""
    path, section = _place(folder)
    text = _read(path)
    if path.suffix == ".toml":
        said = _table(path, text, section).get(key, "")
        return [str(word) for word in said] if isinstance(said, list) else str(said).split()
    found = re.search(rf"^{key}[ \t]*[=:](.*(?:\n[ \t]+\S.*)*)", text, re.MULTILINE)
    return found[1].split() if found else []


def with_ignored(folder: Path) -> Addition | None:
    """Add what runs leave to ``.gitignore``; None where all of it is ignored already."""
    path = folder / ".gitignore"
    text = _read(path)
    have = {line.strip().strip("/") for line in text.splitlines()}
    missing = [line for line in IGNORED if line.strip("/") not in have]
    if not missing:
        return None
    before = text if not text or text.endswith("\n") else f"{text}\n"
    return Addition(path, before + "".join(f"{line}\n" for line in missing))


def is_package(folder: Path) -> bool:
    """Tell whether pip can install ``folder``: it names its build system, or has a setup.py.

    Raises:
        ConfigError: a pyproject.toml that is none.
    """
    path = folder / "pyproject.toml"
    return (folder / "setup.py").is_file() or (path.is_file() and bool(_table(path, _read(path), "build-system")))


def owner_of_remote(folder: Path) -> str | None:
    """Return the owner in the address of the git remote ``origin`` on GitHub, or None."""
    where = next((one for one in (folder, *folder.resolve().parents) if one.is_dir()), folder)
    command = ["git", "-C", str(where), "remote", "get-url", "origin"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):  # no git, or one that hangs
        return None
    found = _REMOTE.search(done.stdout)
    return found["owner"] if done.returncode == 0 and found is not None else None


def _place(folder: Path) -> tuple[Path, str]:
    """The file that pytest reads in ``folder`` and its section, or those that are to be made."""
    for name, section in _PLACES:
        path = folder / name
        if not path.is_file():
            continue
        if name.startswith(("pytest.", ".pytest.")):  # pytest's own, whatever is in it
            return path, section
        text = _read(path)
        if path.suffix == ".toml" and section == "tool.pytest":
            if set(_table(path, text, section)) - {"ini_options"}:
                return path, section
        elif path.suffix == ".toml":
            if _table(path, text, section):
                return path, section
        elif re.search(rf"^\[{re.escape(section)}\]", text, re.MULTILINE):
            return path, section
    if (folder / "pyproject.toml").is_file():
        return folder / "pyproject.toml", "tool.pytest.ini_options"
    return folder / "pytest.ini", "pytest"


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can't be read: {error}") from None


def _table(path: Path, text: str, section: str) -> Mapping[str, object]:
    """The table of a TOML file, empty where it has none."""
    try:
        found: object = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} can't be read as TOML: {error}") from None
    for name in section.split("."):
        found = found.get(name, {}) if isinstance(found, dict) else {}
    return found if isinstance(found, dict) else {}


def _keys_of(text: str, section: str) -> set[str]:
    return set(_table(Path(section), text, section)) if text.strip() else set()


def _keys_between(text: str, header: re.Match[str] | None) -> set[str]:
    """Keys of an ini file from a section's header to the next one."""
    if header is None:
        return set()
    rest = re.split(r"^\[", text[header.end() :], maxsplit=1, flags=re.MULTILINE)[0]
    return set(re.findall(r"^([A-Za-z_]+)[ \t]*[=:]", rest, re.MULTILINE))


def _toml(value: Value) -> str:
    return json.dumps(value if isinstance(value, str) else list(value), ensure_ascii=False)


def _ini(value: Value) -> str:
    if isinstance(value, str) or len(value) == 1:
        return value if isinstance(value, str) else value[0]
    return "".join(f"\n    {line}" for line in value)
