"""Templates of all HTML. Values put into them are escaped; no other module writes HTML."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..support.escaping import escape

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).with_name("templates")


def fill(name: str, **values: Any) -> str:
    """Fill the template ``name`` in, at once."""
    return _environment().get_template(name).render(values)


def stream(name: str, **values: Any) -> Iterator[str]:
    """Fill the template ``name`` in, piece by piece: an iterator in ``values`` is read when its place is reached."""
    yield from _environment().get_template(name).generate(values)


def source(name: str) -> str:
    """Read a file beside the templates as it is, such as a style sheet."""
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["plain"] = escape  # on one line, with controls made visible
    made.filters["px"] = "{:.1f}".format
    return made
