"""The words that a published judge was trained on: fetched, pinned by SHA-256, and parsed without being run.

The words are an artefact like the weights, so this package does not contain them. The user's cache
(`settings.cache_dir`) keeps each file under its hash.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..settings import CACHE_HINT, cache_dir
from ..support.files import make_folder, whole_file

URL_VARIABLE = "IMAGEJUDGE_WORDS_URL"  # base that serves REPO/COMMIT/PATH, for mirrors


DEFAULT_URL = "https://raw.githubusercontent.com"


OFFLINE_VARIABLES = ("IMAGEJUDGE_OFFLINE", "HF_HUB_OFFLINE")


_LARGEST = 4_000_000  # bytes


@dataclass(frozen=True)
class Pin:
    """One published file at one commit: Python source, or a JSON object.

    Attributes:
        protocol: name of the protocol with these words.
        repositories: places of publication, first choice first; the hash makes them equal.
        names: the module-level names to read, or of JSON the names that have to be there.
        override: environment variable that names another file, as ``PATH#SHA256``; the default is made of the name.
            Other words give the protocol another digest, so that nobody replaces them unnoticed.
    """

    protocol: str
    repositories: tuple[str, ...]
    commit: str
    path: str
    sha256: str
    names: tuple[str, ...] = ()
    override: str = ""

    @property
    def variable(self) -> str:
        """The environment variable that names another file."""
        return self.override or f"IMAGEJUDGE_{self.protocol.upper().replace('-', '_')}_WORDS"

    @property
    def filename(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]


Q_JUDGER = Pin(
    "q-judger",
    ("QwenLM/Qwen-Image-Bench", "Stability-AI/Qwen-Image-Bench"),
    "b6b556bb14dcb37da873bbb571c29273562804f2",
    "checklists.py",
    "0b2608752afb8adfd2ee38a7cd09ea6b11fd87365c94111eb70d10d60fd2eab3",
    ("SYSTEM_PROMPT", "USER_PROMPT_TEMPLATE", "DIM_TO_CHECKLIST"),
    "IMAGEJUDGE_Q_JUDGER_WORDS",
)


IE_CRITIC = Pin(
    "ie-critic",
    ("Coobiw/IE-Critic-R1",),
    "357c239709aeabb3393ac8af76c2c9103568d70c",
    "scripts/iebench_eval.py",
    "b77d6b3fc0136f89d1cb4e847048a2311eed4227f269b49fb32423bdb4e70737",
    ("CoT_PROMPT",),
    "IMAGEJUDGE_IE_CRITIC_WORDS",
)


VIESCORE = Pin(
    "viescore",
    ("stepfun-ai/Step1X-Edit",),
    "570eba6ebda0c45c013983a483afbf2fd12bfcbc",
    "GEdit-Bench/viescore/vie_prompts.py",
    "010234af186eb0a70fcb99047cd32ad1da01bed59ca1a95a01335426417cf838",
    (
        "_context_no_delimit",
        "_prompts_0shot_two_image_edit_rule",
        "_prompts_0shot_tie_rule_SC",
        "_prompts_0shot_rule_PQ",
    ),
    "IMAGEJUDGE_VIESCORE_WORDS",
)


EDITSCORE = Pin(
    "editscore",
    ("VectorSpaceLab/EditScore",),
    "6e0f1b9a73b40f227d82d9cb32bd9cfb7189739b",
    "editscore/vie_prompts.py",
    "14dee0ac57433f096ee3c44aa84577576f546c41df56e19b8d85ac44c175aa29",
    (
        "_context_no_delimit_reasoning_first",
        "_prompts_0shot_two_image_edit_rule",
        "_prompts_0shot_tie_rule_SC",
        "_prompts_0shot_rule_PQ",
    ),
    "IMAGEJUDGE_EDITSCORE_WORDS",
)


PINS: dict[str, Pin] = {pin.protocol: pin for pin in (Q_JUDGER, IE_CRITIC, VIESCORE, EDITSCORE)}


def cached_path(pin: Pin) -> Path:
    """Return the path of a pinned file in the cache."""
    return cache_dir() / "protocols" / pin.protocol / f"{pin.sha256}{Path(pin.path).suffix}"


def load(pin: Pin) -> tuple[dict[str, Any], str]:
    """Return the values of ``pin.names``, or a JSON object whole, and the SHA-256 of their file.

    The file is fetched where it is not cached.

    Raises:
        ConfigError: neither cached nor fetched, another hash, or another shape.
    """
    read = texts if pin.path.endswith(".json") else constants
    if named := os.environ.get(pin.variable):
        path, _, expected = named.rpartition("#")
        if not path:
            raise ConfigError(f"{pin.variable} is PATH#SHA256 (the file's hash in hex), not {named!r}")
        content = _read(Path(path), pin.variable)
        found = hashlib.sha256(content).hexdigest()
        if found != expected.strip().lower():
            raise ConfigError(f"{path} ({pin.variable}) has SHA-256 {found}, expected {expected}")
        return read(content, pin.names, path), found
    return read(pull(pin), pin.names, pin.path), pin.sha256


def pull(pin: Pin) -> bytes:
    """Return the pinned file, from the cache or downloaded into it.

    Raises:
        ConfigError: as `fetch`, or the cache can't be read or written.
    """
    kept = cached_path(pin)
    try:
        content = kept.read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise ConfigError(f"{kept} can't be read: {error.strerror or error}; {CACHE_HINT}") from error
    if hashlib.sha256(content).hexdigest() != pin.sha256:  # not here, or damaged
        content = fetch(pin)
        keep(pin, content)
    return content


def fetch(pin: Pin) -> bytes:
    """Download a pinned file and check its hash.

    Raises:
        ConfigError: offline, not found, or another hash; names another way to get the file.
    """
    base = (os.environ.get(URL_VARIABLE) or DEFAULT_URL).rstrip("/")
    addresses = [f"{base}/{repository}/{pin.commit}/{pin.path}" for repository in pin.repositories]
    if variable := next((name for name in OFFLINE_VARIABLES if _on(os.environ.get(name))), None):
        raise ConfigError(_missing(pin, [f"{variable} is set, so nothing is fetched"], addresses[0]))
    import httpx

    from ..support import certificates

    verify = certificates.ssl_context()
    failures = []
    for address in addresses:
        try:
            response = httpx.get(address, timeout=30, follow_redirects=True, verify=verify)
            response.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            # the first line: what follows links to pages on HTTP
            why = (str(error) or type(error).__name__).splitlines()[0]
            if rejection := certificates.rejection(error):
                why = certificates.rejected(rejection, "the server")
            failures.append(f"{address}: {why}")
            continue
        found = hashlib.sha256(response.content).hexdigest()
        if found == pin.sha256:
            return response.content
        failures.append(f"{address}: SHA-256 {found}, expected {pin.sha256}")
    raise ConfigError(_missing(pin, failures, addresses[0]))


def find(pin: Pin, source: Path) -> bytes | None:
    """Find the pinned file at ``source``, a file or a folder (a checkout), or None."""
    candidates = [source] if source.is_file() else [source / pin.path, source / pin.filename]
    if source.is_dir():
        candidates += sorted(source.glob(f"*/{pin.path}"))
    for candidate in candidates:
        if candidate.is_file() and candidate.stat().st_size <= _LARGEST:
            content = _read(candidate, "--from")
            if hashlib.sha256(content).hexdigest() == pin.sha256:
                return content
    return None


def keep(pin: Pin, content: bytes) -> Path:
    """Put a checked file into the cache, whole or not at all."""
    path = cached_path(pin)
    try:
        make_folder(path.parent)
        with whole_file(path, binary=True) as file:
            file.write(content)
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error}; {CACHE_HINT}") from error
    return path


def constants(content: bytes, names: tuple[str, ...], where: str) -> dict[str, Any]:
    """Return module-level strings, and dicts of strings, from Python source, which is parsed and never run.

    Raises:
        ConfigError: not Python, or a name is missing or is not built of literals.
    """
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray escape in the source is not ours to report
            tree = ast.parse(content.decode("utf-8"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConfigError(f"{where} is not Python source: {error}") from error
    values: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets, expression = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, expression = [node.target], node.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name):
                try:
                    values[target.id] = _value(expression, values)
                except ValueError:
                    values.pop(target.id, None)
    for name in names:
        if name not in values:
            raise ConfigError(f"{where} has no {name} made of literals; expected {', '.join(names)}")
    return {name: values[name] for name in names}


def texts(content: bytes, names: tuple[str, ...], where: str) -> dict[str, Any]:
    """Return the texts of a JSON object, by name.

    Raises:
        ConfigError: no JSON object of texts, or a name is missing.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where} is not JSON: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ConfigError(f"{where}: a JSON object of texts is expected")
    if missing := [name for name in names if name not in found]:
        raise ConfigError(f"{where} has no {missing[0]}; expected {', '.join(names)}")
    return found


def _value(node: ast.expr, values: dict[str, Any]) -> Any:
    match node:
        case ast.Constant(value=str() as value):
            return value
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            parts = _value(left, values), _value(right, values)
            if all(isinstance(part, str) for part in parts):
                return parts[0] + parts[1]
        case ast.Dict(keys=keys, values=contents) if None not in keys:
            return {
                _value(key, values): _value(content, values)
                for key, content in zip(keys, contents, strict=True)
                if key is not None
            }
    raise ValueError("not a literal")


def _read(path: Path, named_by: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} ({named_by}) can't be read: {error.strerror or error}") from error


def _on(value: str | None) -> bool:
    return (value or "").strip().lower() not in ("", "0", "false", "no", "off")


def _missing(pin: Pin, failures: list[str], address: str) -> str:
    return (
        f"the published words of {pin.protocol} are not here and could not be fetched ({'; '.join(failures)}). "
        f"On a machine with a network, get {address} (SHA-256 {pin.sha256}); "
        + (
            f"here, run: imagejudge protocol pull --from {pin.filename}"
            if pin.protocol in PINS
            else f"here, set {pin.variable}=PATH#{pin.sha256}"
        )
    )
