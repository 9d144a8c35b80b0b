"""The options of the judge and its requests: one table, for pytest and for the command.

Each entry is an option of the commands that use a judge. In pytest it is an option with a twin in the ini file, or a
key of the ini file only. pytest loads this module in every run, so it imports nothing else at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from ..settings import JudgeSettings

    Kind = Literal["text", "list", "flag", "choice", "whole", "number", "price", "budget", "gpus"]

DEFAULT_KEEP_ALIVE = 30.0  # minutes, where an option without a number asks to keep the server


class Option:
    """One option: its words in ``--help``, the values that it takes, and the setting that it fills.

    A plain class, because a dataclass costs a millisecond in every pytest run.

    Attributes:
        text: the line in ``--help``.
        metavar: the value in ``--help``; a choice shows its choices.
        kind: "list" may be repeated, "whole" is a whole number.
        choices: of a choice, the default first.
        at_least: of a number.
        bare: the value of an option given without one; None makes a value required.
        field: the field of `JudgeSettings` to fill; empty for none.
        judge: "image" or "edit" for the option of one judge; empty for both.
        ini_only: True for a key of the ini file that is no option of pytest.
    """

    def __init__(
        self,
        text: str,
        metavar: str = "",
        kind: Kind = "text",
        choices: tuple[str, ...] = (),
        at_least: float = 0,
        bare: str | None = None,
        field: str = "",
        judge: str = "",
        ini_only: bool = False,
    ) -> None:
        self.text = text
        self.metavar = metavar
        self.kind = kind
        self.choices = choices
        self.at_least = at_least
        self.bare = bare
        self.field = field
        self.judge = judge
        self.ini_only = ini_only


# by the key of the ini file, which is the option without its dashes
JUDGE_OPTIONS: dict[str, Option] = {
    "judge_model": Option(
        "the judge: a Hub id or folder, served by vLLM, or 'signals'", "ID", field="model", judge="image"
    ),
    "judge_url": Option(
        "use a running OpenAI-compatible endpoint; may be repeated (key: IMAGEJUDGE_API_KEY)",
        "URL",
        "list",
        field="urls",
        judge="image",
    ),
    "edit_judge_model": Option("the judge of edits, as --judge-model", "ID", field="model", judge="edit"),
    "edit_judge_url": Option("the endpoint for edits, as --judge-url", "URL", "list", field="urls", judge="edit"),
    "judge_protocol": Option("q-judger, house, or a file; default by model", "NAME", field="protocol", judge="image"),
    "edit_judge_protocol": Option(
        "ie-critic, viescore, editscore, house, or a file; default by model",
        "NAME",
        field="protocol",
        judge="edit",
    ),
    "judge_revision": Option(
        "revision of the judge's model on the Hub", "REV", field="revision", judge="image", ini_only=True
    ),
    "edit_judge_revision": Option(
        "revision of the edit judge's model on the Hub", "REV", field="revision", judge="edit", ini_only=True
    ),
    "judge_decoding": Option(
        "free (as published, the default) or constrained (grammar from the start)",
        kind="choice",
        choices=("free", "constrained"),
        field="decoding",
        ini_only=True,
    ),
    "judge_aspect": Option(
        "stretch Q-Judger's pictures to a square (as published, the default), or keep their aspect",
        kind="choice",
        choices=("stretch", "keep"),
        field="aspect",
        ini_only=True,
    ),
    "judge_thinking_budget": Option(
        "tokens that the model may think where that is limited",
        "N",
        "whole",
        at_least=1,
        field="thinking_budget",
        ini_only=True,
    ),
    "judge_concurrency": Option(
        "requests in flight at each --judge-url (default: those of 48 images)",
        "N",
        "whole",
        at_least=1,
        field="concurrency",
        ini_only=True,
    ),
    "judge_image_format": Option(
        "format of pictures that are sent: png (the default) and webp lose nothing, jpeg is the smallest",
        kind="choice",
        choices=("png", "jpeg", "webp"),
        field="image_format",
        ini_only=True,
    ),
    "judge_image_bytes": Option(
        "most bytes of one picture that is sent: its quality, then its size is lowered (default: no limit)",
        "N",
        "whole",
        at_least=1024,
        field="image_bytes",
        ini_only=True,
    ),
    "judge_header": Option(
        "a header for the endpoint, its value from the environment variable; may be repeated",
        "NAME=VARIABLE",
        "list",
        field="headers",
    ),
    "judge_timeout": Option(
        "seconds for one request (default: 1800)",
        "SECONDS",
        "number",
        at_least=0.001,
        field="timeout",
        ini_only=True,
    ),
    "judge_arg": Option(
        "one token for the vLLM server, as it is (--judge-arg=--enforce-eager); may be repeated",
        "ARG",
        "list",
        field="args",
    ),
    "judge_gpus": Option("GPUs the judge may use, such as 0,1 (default: all visible)", "LIST", "gpus", field="gpus"),
    "judge_allow_fp8": Option("serve in FP8 where only that fits", kind="flag", field="allow_fp8", ini_only=True),
    "judge_keep_alive": Option(
        f"leave the server up for the next run, for MIN minutes without use (default {DEFAULT_KEEP_ALIVE:g})",
        "MIN",
        "number",
        bare=f"{DEFAULT_KEEP_ALIVE:g}",
        field="keep_alive",
    ),
    "judge_sleep": Option(
        "seconds without use after which the server frees the GPU (0: only on release())",
        "SECONDS",
        "number",
        bare="0",
        field="sleep",
        ini_only=True,
    ),
    "judge_stored_only": Option(
        "ask no judge: an image without a stored answer is an error", kind="flag", field="stored_only"
    ),
    "judge_price": Option(
        "prices of a million of the judge's tokens: input=2.50 cached=1.25 output=10 currency=USD",
        "PRICES",
        "price",
        field="price",
        judge="image",
        ini_only=True,
    ),
    "edit_judge_price": Option(
        "prices of the edit judge's tokens, as judge_price",
        "PRICES",
        "price",
        field="price",
        judge="edit",
        ini_only=True,
    ),
    "judge_budget": Option(
        "stop asking before this is passed: money (5, 5.00 USD) or tokens ('200,000 tokens')",
        "AMOUNT",
        "budget",
        field="budget",
    ),
    "judge_sight": Option(
        "checked (the default: an endpoint that no picture reaches is an error) or assumed (not checked)",
        kind="choice",
        choices=("checked", "assumed"),
        field="sight",
        ini_only=True,
    ),
    "judge_signals_style": Option(
        "a style of all pictures, such as film-grain, that 'signals' takes for no damage; may be repeated",
        "STYLE",
        "list",
        field="signals_style",
        judge="image",
        ini_only=True,
    ),
    "judge_passes": Option(
        "answers of editscore to each question, of which the mean counts (default: 1)",
        "N",
        "whole",
        at_least=1,
        field="passes",
        judge="edit",
        ini_only=True,
    ),
    "edit_judge_adapter": Option(
        "a LoRA adapter of --edit-judge-model, a Hub id or folder, served with it by vLLM",
        "ID",
        field="adapter",
        judge="edit",
    ),
    "judge_max_pixels": Option(
        "an image with more pixels is an error (default: 100,000,000)", "N", "whole", at_least=1, ini_only=True
    ),
}


def option_name(key: str) -> str:
    """Return the option as written: ``--judge-model`` for "judge_model"."""
    return "--" + key.replace("_", "-")


def argparse_keywords(option: Option) -> dict[str, Any]:
    """Return the keyword arguments of argparse's ``add_argument``; the value is checked by `read_option`."""
    if option.kind == "flag":
        return {"action": "store_true", "help": option.text}
    keywords: dict[str, Any] = {"metavar": option.metavar or f"{{{','.join(option.choices)}}}", "help": option.text}
    if option.kind == "list":
        keywords["action"] = "append"
    if option.bare is not None:
        keywords |= {"nargs": "?", "const": option.bare}
    return keywords


def read_option(option: Option, value: Any, shown: str) -> Any:
    """Check and convert the ``value`` of an option: a tuple for a list, a number for a number.

    A missing value gives None, for a list an empty tuple, for a flag False, and for a choice the first one.

    Args:
        option: the entry of the table.
        value: from argparse or pytest's ini file.
        shown: the user's name of the option, for errors.

    Raises:
        ConfigError: an invalid value; names the found and the expected value.
    """
    match option.kind:
        case "list":
            return tuple(value or ())
        case "flag":
            return bool(value)
        case "choice":
            return _choice(option, value or option.choices[0], shown)
        case "whole" | "number":
            return None if value in (None, "") else _number(option, value, shown)
        case "price" | "budget":
            return None if value is None else _money(option, str(value), shown)  # "" is an unset variable, not "none"
        case "gpus":
            return _gpus(value, shown) if value else None
    return value or None


def _choice(option: Option, value: str, shown: str) -> str:
    if value not in option.choices:
        from ..errors import ConfigError
        from ..taxonomy import nearest

        expected, hint = ", ".join(option.choices), nearest(value, option.choices)
        raise ConfigError(f"{shown}: one of {expected} is expected, not {value!r}{hint}")
    return value


def _number(option: Option, value: Any, shown: str) -> float:
    try:
        number = int(value) if option.kind == "whole" else float(value)
    except ValueError:
        number = None
    if number is None or not option.at_least <= number < float("inf"):
        from ..errors import ConfigError

        what = "whole number" if option.kind == "whole" else "number"
        raise ConfigError(f"{shown}: a {what} of at least {option.at_least:g} is expected, not {value!r}")
    return number


def _money(option: Option, value: str, shown: str) -> str:
    from .prices import read_budget, read_price

    (read_price if option.kind == "price" else read_budget)(value, shown)
    return value


def _gpus(value: str, shown: str) -> str:
    words = [word.strip() for word in value.split(",") if word.strip()]
    if not words or not all(word.isdecimal() or word.upper().startswith(("GPU-", "MIG-")) for word in words):
        from ..errors import ConfigError

        expected = "GPUs' indices, as nvidia-smi counts them, or UUIDs are expected, such as 0,1 or GPU-5c1e"
        raise ConfigError(f"{shown}: {expected}, not {value!r}")
    return value


def read_judges(
    value: Callable[[str], Any],
    shown: Callable[[str], str] = option_name,
    place: Callable[[str, str], str] = lambda key, name: name,
) -> tuple[JudgeSettings, JudgeSettings]:
    """Read the judge of images and the judge of edits from the options, each told of the other.

    Args:
        value: returns the user's value for a key, or None.
        shown: returns the user's name of an option.
        place: takes a key and its value, which may be the path of a model or a protocol, and returns the full path.

    Raises:
        ConfigError: an invalid value; names the option, the found and the expected value.
    """
    from ..settings import SIGNALS, JudgeSettings, side_by_side

    values = {key: read_option(one, value(key), shown(key)) for key, one in JUDGE_OPTIONS.items()}
    if values["judge_header"]:
        from .headers import named_headers

        named_headers(values["judge_header"])

    def judge(kind: Literal["image", "edit"]) -> JudgeSettings:
        found: dict[str, Any] = {}
        for key, given in values.items():
            option = JUDGE_OPTIONS[key]
            if not option.field or option.judge not in ("", kind):
                continue
            if option.field in ("protocol", "adapter") and given:
                given = place(key, given)
            elif option.field == "model" and given not in (None, SIGNALS):
                beside_url = values[key.replace("model", "url")]  # it is the served model's name then
                given = given if beside_url else place(key, given)
            found[option.field] = given
        return JudgeSettings(kind=kind, **found)

    image, edit = judge("image"), judge("edit")
    if any(one.price or one.budget for one in (image, edit)):
        from .prices import limit_of

        limit_of((image, edit), shown)
    return side_by_side(image, edit)
