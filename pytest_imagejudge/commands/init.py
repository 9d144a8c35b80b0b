"""`imagejudge init`: write a starter that runs."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from pathlib import Path
from string import Template
from urllib.parse import parse_qsl

from ..engines.address import Address
from ..errors import ConfigError
from ..settings import API_KEY_VARIABLE, SIGNALS
from ..support.entry_points import ENGINES, names_of
from ..support.files import make_folder, whole_file
from .init_project import (
    Addition,
    Value,
    is_package,
    judge_there,
    owner_of_remote,
    tests_folder,
    with_ignored,
    with_keys,
)
from .store import folder_name

FILES = {  # in starter/: where it goes
    "test_images.txt": "test_images.py",  # in the folder of tests
    "thresholds.toml": "thresholds.toml",
    "imagejudge.yml": ".github/workflows/imagejudge.yml",
}
STARTER = Path(__file__).with_name("starter")
_SECRET = re.compile(r"key|token|secret|sig|auth|pass", re.IGNORECASE)  # names of such parts of a query


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("folder", nargs="?", type=folder_name, default=Path(), help="where to write (default: here)")
    parser.add_argument(
        "--judge-model", metavar="ID",
        help=f"the judge the starter is for (default: {SIGNALS}); with --judge-url the model that is served there",
    )  # fmt: skip
    parser.add_argument(
        "--judge-url", metavar="URL", action="append", default=[],
        help=f"the endpoint of a hosted judge; may be repeated (its key is the secret {API_KEY_VARIABLE})",
    )  # fmt: skip
    parser.add_argument(
        "--judge-header", metavar="NAME=VARIABLE", action="append", default=[],
        help="a header for the endpoint, its value a secret of that name; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--shared-workflow", metavar="OWNER", nargs="?", const="", default=None,
        help="a workflow that calls the reusable one of OWNER's repository pytest-imagejudge (default: the owner of "
        "the git remote), in place of steps of your own",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="write over files that are there")


def run(args: argparse.Namespace) -> int:
    """Write what is missing of the starter; nothing at all where it would not run with what is there."""
    values, keys = _hosted(args) if args.judge_url else _own(args)
    own = " -e .  # your package, with extras that its tests need: -e .[test]"
    values["own"] = own if is_package(args.folder) else "  # and your own package: pip install -e ."
    if args.shared_workflow is not None:
        values |= _shared(args, values)
    tests = {"test_images.txt": f"{tests_folder(args.folder)}/test_images.py"}
    targets = {args.folder / target: name for name, target in (FILES | tests).items()}
    stay = [] if args.force else [path for path in targets if path.exists()]
    if (profile := args.folder / "thresholds.toml") in stay:
        _check_profile(profile, args)
    ini = with_keys(
        args.folder, {**_beside(args, keys), "judge_thresholds": "thresholds.toml", "judge_report": ["report.html"]}
    )
    for path, name in targets.items():
        if path in stay:
            continue
        if name == "imagejudge.yml" and args.shared_workflow is not None:
            name = "shared_workflow.yml"
        _write(Addition(path, _filled(name, values)))
    for addition in filter(None, (ini, with_ignored(args.folder))):
        _write(addition)
    for path in stay:
        print(f"{path} is there already, and stays as it is; --force writes over it", file=sys.stderr)
    _say_next(args, ini, spoilt=not {targets[path] for path in stay} & {"test_images.txt", "thresholds.toml"})
    return 0


def _check_profile(path: Path, args: argparse.Namespace) -> None:
    """Check that a file that stays is a profile, and one that the embedded judge can measure where that judges.

    Raises:
        ConfigError: no run could use it.
    """
    from ..protocols import load_protocol
    from ..thresholds.loading import load_profile

    there = judge_there(args.folder)
    model = args.judge_model or "".join(there.get("judge_model", [])) or ("" if args.judge_url or there else SIGNALS)
    try:
        profile = load_profile(path.resolve())
        if model == SIGNALS:
            profile.require_measurable(load_protocol(SIGNALS), SIGNALS)
    except ConfigError as error:
        raise ConfigError(f"{error}\n{path} is there already; move it, or give --force to write over it") from None


def _beside(args: argparse.Namespace, keys: dict[str, Value]) -> dict[str, Value]:
    """Return the keys of the judge, or those that are there already where the command line names none.

    Raises:
        ConfigError: the command line names another judge than pytest's file.
    """
    there = judge_there(args.folder)
    new = {key: value.split() if isinstance(value, str) else list(value) for key, value in keys.items()}
    if not there or there == {key: new[key] for key in ("judge_model", "judge_url") if key in new}:
        return keys
    if args.judge_model is None and not args.judge_url:
        return dict.fromkeys(there, "")  # which stay
    said = ", ".join(f"{key} = {' '.join(words)}" for key, words in there.items())
    option = "--judge-url" if args.judge_url else "--judge-model"
    raise ConfigError(
        f"{option}: pytest's file names another judge already: {said}; take that out of the file, or leave out {option}"
    )


def _write(addition: Addition) -> None:
    try:
        make_folder(addition.path.parent)
        with whole_file(addition.path) as file:
            file.write(addition.text)
    except OSError as error:
        raise ConfigError(f"{addition.path}: {error.strerror or error}") from None
    print(addition.path)


def _say_next(args: argparse.Namespace, ini: Addition, *, spoilt: bool) -> None:
    """Print what to run, and what else can be written, to standard error."""
    for key in ini.kept:
        print(f"{ini.path} has {key} already, which stays as it is", file=sys.stderr)
    where = "" if args.folder == Path() else f"cd {shlex.quote(str(args.folder))} && "
    print(f"next: {where}pytest", file=sys.stderr)
    if spoilt:
        print("      pytest --runxfail   shows a failure: one picture is spoilt on purpose", file=sys.stderr)
    if args.judge_url:
        names = dict.fromkeys([API_KEY_VARIABLE, *map(_variable, args.judge_header)])
        print(
            f"      set {', '.join(names)} in your environment, and as a secret of the repository: "
            "the workflow gives it to the step that judges",
            file=sys.stderr,
        )
    elif args.judge_model is None:
        print(
            "other judges: --judge-model Qwen/Qwen-Image-Bench (all 56 facets, on your GPU), --judge-url URL (hosted)",
            file=sys.stderr,
        )


def _filled(name: str, values: dict[str, str]) -> str:
    return Template((STARTER / name).read_text("utf-8")).substitute(values)


def _own(args: argparse.Namespace) -> tuple[dict[str, str], dict[str, Value]]:
    """Values of the templates, and ini keys, for a judge in the job: the embedded one, or one of vLLM's on a GPU."""
    if args.judge_header:
        raise ConfigError("--judge-header: it is sent to an endpoint, which --judge-url names")
    model = SIGNALS if args.judge_model is None else args.judge_model
    if not model.isprintable() or not model:
        raise ConfigError(f"--judge-model {model!r}: a Hub id, a folder or {SIGNALS!r} is expected")
    embedded = model == SIGNALS
    if not (
        embedded or re.search(r"[/\\]", model) or Path(model).is_dir() or model.partition(":")[0] in names_of(ENGINES)
    ):
        raise ConfigError(
            f"--judge-model {model}: a Hub id (OWNER/NAME), a folder or {SIGNALS!r} is expected; for a model behind an "
            "API give its endpoint with --judge-url, such as --judge-url https://api.openai.com/v1"
        )
    values = {
        "options": f"--judge-model {shlex.quote(model)}",
        "package": "pytest-imagejudge[signals]" if embedded else "pytest-imagejudge[vllm]",
        "runner": "ubuntu-latest" if embedded else "[self-hosted, gpu]",
        "extends": "signals" if embedded else "default",
    }
    return values | {"judge_step": _filled("judge_step.yml", values)}, {"judge_model": model}


def _hosted(args: argparse.Namespace) -> tuple[dict[str, str], dict[str, Value]]:
    """Values of the templates, and ini keys, for a judge behind a URL."""
    if args.judge_model == SIGNALS:
        raise ConfigError(f"--judge-model {SIGNALS} with --judge-url: this judge asks no URL; leave out one of them")
    if args.judge_model is not None and not (args.judge_model and args.judge_model.isprintable()):
        raise ConfigError(f"--judge-model {args.judge_model!r}: the name of the model that is served there is expected")
    options = [f"--judge-url {shlex.quote(_checked_url(url))}" for url in args.judge_url]
    if args.judge_model:
        options.append(f"--judge-model {shlex.quote(args.judge_model)}")
    variables = dict.fromkeys(_variable(header) for header in args.judge_header)
    options += [f"--judge-header {shlex.quote(header)}" for header in args.judge_header]
    values = {
        "options": " ".join(options),
        "package": "pytest-imagejudge",
        "runner": "ubuntu-latest",
        "extends": "default",
        "header_variables": "".join(f"{' ' * 10}{name}: ${{{{ secrets.{name} }}}}\n" for name in variables),
    }
    keys: dict[str, Value] = {"judge_url": [url.strip() for url in args.judge_url]}
    keys |= {"judge_model": args.judge_model} if args.judge_model else {}
    keys |= {"judge_header": args.judge_header} if args.judge_header else {}
    return values | {"judge_step": _filled("hosted_step.yml", values)}, keys


def _shared(args: argparse.Namespace, values: dict[str, str]) -> dict[str, str]:
    """Values of the workflow that calls the reusable one.

    Raises:
        ConfigError: nobody names the owner of its repository.
    """
    owner = args.shared_workflow or owner_of_remote(args.folder)
    if owner is None or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", owner):
        found = "no git remote of GitHub names one here" if owner is None else f"{owner!r} can't be one"
        raise ConfigError(
            f"--shared-workflow OWNER: the owner of the repository pytest-imagejudge on GitHub is expected; {found}"
        )
    inputs = (
        [f"judge-model: {json.dumps(args.judge_model or SIGNALS)}"] if args.judge_model or not args.judge_url else []
    )
    if args.judge_url:
        inputs.append("judge-url: |\n" + "\n".join(f"        {url.strip()}" for url in args.judge_url))
    elif values["runner"] != "ubuntu-latest":
        inputs.append("""gpu-runner: '["self-hosted", "gpu"]'""")
    if is_package(args.folder):
        inputs.append("install: .")
    options = ["--judge-thresholds=thresholds.toml", *(f"--judge-header={header}" for header in args.judge_header)]
    inputs.append("args: |\n" + "\n".join(f"        {option}" for option in options))
    secrets = (
        ["    secrets:", f"      IMAGEJUDGE_API_KEY: ${{{{ secrets.{API_KEY_VARIABLE} }}}}"] if args.judge_url else []
    )
    if args.judge_header:
        secrets.append("      IMAGEJUDGE_HEADERS: ${{ secrets.IMAGEJUDGE_HEADERS }}  # VARIABLE=value, one a line")
    return {"owner": owner, "inputs": "\n".join(f"      {one}" for one in inputs), "secrets": "\n".join(secrets)}


def _checked_url(url: str) -> str:
    """Return a URL that may stand in a committed file.

    Raises:
        ConfigError: it is no http(s) URL, or holds a secret.
    """
    address = Address.parse(url)
    secret = next((name for name, _ in parse_qsl(address.query, keep_blank_values=True) if _SECRET.search(name)), None)
    if address.auth is not None or secret:
        what = f"{secret}= in its query" if secret and address.auth is None else "a user or a password"
        raise ConfigError(
            f"--judge-url {address.base}: {what} would be committed with the workflow; leave it out of the URL, "
            f"and put the key into {API_KEY_VARIABLE}"
        )
    if not url.strip().isprintable():
        raise ConfigError(f"--judge-url {url!r}: it has characters that can't be printed")
    return url.strip()


def _variable(header: str) -> str:
    """Return the variable of ``NAME=VARIABLE``.

    Raises:
        ConfigError: it is written in another way.
    """
    found = re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+=([A-Z_][A-Z0-9_]*)", header)
    if found is None:  # not shown: it may be the value itself
        raise ConfigError(
            "--judge-header: NAME=VARIABLE is expected, such as x-team=TEAM_KEY: a header, and in capitals the "
            "environment variable that holds its value"
        )
    return found[1]
