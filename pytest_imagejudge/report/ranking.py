"""The shape of ``ranking.json``, ``imagejudge-ranking/1``: images, or edits, of one prompt by their scores.

The JSON Schema beside this file is generated from these models. Fields may be added; those here keep name and meaning.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field

from .model import BudgetUse, Cost, Figure, ReportPart

RANKING: Literal["imagejudge-ranking/1"] = "imagejudge-ranking/1"
RANKING_SCHEMA_FILE = Path(__file__).with_name("ranking_schema.json")


class RankedImage(ReportPart):
    """One image or edit with its score. Equal scores share a rank; ``file`` is the copy, or null beyond the N best."""

    rank: int
    id: str
    row: int
    image: str  # relative to ranking.json; of an edit the edited picture; the name where a table holds the picture
    score: float = Field(strict=True)
    scores: dict[str, Figure] = Field(default_factory=dict)  # the other scores of the same verdict, by name
    file: str | None = None


class UnrankedImage(ReportPart):
    """One image or edit that has no score and is never ranked, with the reason."""

    id: str | None
    row: int
    image: str
    reason: str


class RankedGroup(ReportPart):
    """The candidates of one prompt. ``tied`` is true where the cut after the N best parts equal scores."""

    group: str  # the column's value with --by, else the prompt or the instruction
    text: str  # the prompt or the instruction
    source_image: str = ""  # of edits
    tied: bool = False
    ranked: list[RankedImage] = Field(default_factory=list)
    unranked: list[UnrankedImage] = Field(default_factory=list)


class RankingRun(ReportPart):
    """The run behind a ranking; counts are of requests to the judge."""

    version: str = ""
    started: str = ""
    seconds: float = 0.0
    requests: int = 0
    from_store: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int | None = None
    output_tokens: int = 0
    cost: Cost | None = None  # None where no price is given
    budget: BudgetUse | None = None


class Ranking(ReportPart):
    """A whole ranking."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False, populate_by_name=True, serialize_by_alias=True)
    schema_: Literal["imagejudge-ranking/1"] = Field(default=RANKING, alias="schema")
    complete: bool = False  # every copy is there; false while they are made
    kind: Literal["image", "edit"]
    n: int  # how many of each group were to be copied
    by: str | None = None  # the column that groups the rows
    score: str  # the name of the score that ranks
    scale: tuple[float, float] | None  # the least and the most that it can be; null where the judge does not say
    run: RankingRun = RankingRun()
    judge: dict[str, Any] = Field(default_factory=dict)  # the fingerprint
    rows: dict[str, int] = Field(default_factory=dict)  # numbers of rows by what became of them
    groups: list[RankedGroup] = Field(default_factory=list)


def ranking_text(ranking: Ranking) -> str:
    """Return the content of ``ranking.json``."""
    return (
        json.dumps(ranking.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=True, allow_nan=False) + "\n"
    )


def ranking_schema_text() -> str:
    """Return the content of ``ranking_schema.json``: the JSON Schema of a ranking."""
    schema = Ranking.model_json_schema(by_alias=True, mode="serialization")
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": RANKING, **schema}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
