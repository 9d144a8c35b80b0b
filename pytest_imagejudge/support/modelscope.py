"""ModelScope's client, made when it is needed; it comes with the extra ``modelscope``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..errors import ConfigError
from .escaping import escape

if TYPE_CHECKING:
    from modelscope_hub import HubApi

TOKEN = "MODELSCOPE_API_TOKEN"  # noqa: S105 - the name of a variable
# Of names that a site may list and that lead out of the folder into which its files are fetched.
OUTSIDE = ("/*", "..", "../*", "*/..", "*/../*")


def leads_out(name: str) -> bool:
    """Return True of the name of a file that is not a plain path below the folder of its repository."""
    return "\0" in name or not {"", ".", ".."}.isdisjoint(name.split("/"))


def client(endpoint: str | None = None) -> HubApi:
    """Make ModelScope's client; None asks the site of its own settings.

    Raises:
        ConfigError: it is not installed, or there is no home folder for its files.
    """
    try:
        from modelscope_hub import HubApi
    except ImportError:
        raise ConfigError(
            "ModelScope is reached by its own client, which is missing: pip install 'pytest-imagejudge[modelscope]'"
        ) from None
    logging.getLogger("modelscope_hub").setLevel(logging.ERROR)  # a failure is told once, as an error of ours
    try:
        return HubApi(endpoint=endpoint)
    except RuntimeError as error:  # of `Path.home`
        raise ConfigError(
            f"ModelScope's client: {escape(error)}: set MODELSCOPE_CACHE and MODELSCOPE_HOME to folders for it"
        ) from None


def reason(error: Exception) -> str:
    """Return name and first line of an error of the client; its further lines repeat request and response."""
    return f"{type(error).__name__}: {escape(str(error).partition(chr(10))[0])[:300]}"  # some lines are in Chinese
