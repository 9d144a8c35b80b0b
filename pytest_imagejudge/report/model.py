"""The shape of a JSON report, ``imagejudge-report/1``; the JSON Schema is generated from these models.

Fields may be added; those here keep name and meaning. Not applicable is ``"raw": "N/A", "score": null``;
places whose answers were not read are in ``unreadable``, and every figure that depends on one is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from ..scoring.findings import FindingKind
from ..scoring.verdict import ProblemKind, Raw
from ..taxonomy import EDIT_SCALE

SCHEMA: Literal["imagejudge-report/1"] = "imagejudge-report/1"
Outcome = Literal["passed", "failed", "error", "scored"]  # "scored": no bound decided it
Gate = Literal["suite", "baseline", "no_baseline"]  # over a whole run; the last: margins, and no baseline was named
Side = Literal["least", "most"]  # of a bound: the least that a figure may be, or the most
WRITTEN_IF_GIVEN = ("cost", "budget", "ci", "quarantined")  # fields of `Run` that are not written where they are None
FAILED: frozenset[Outcome] = frozenset(("failed", "error"))  # outcomes that turn a run red
Figure = Annotated[float, Field(strict=True)] | None  # "60" is no figure


class ReportPart(BaseModel):
    """Base of all parts, which keeps unknown fields of a newer minor version, so that a merge loses nothing."""

    model_config = ConfigDict(
        extra="allow",
        allow_inf_nan=False,
        defer_build=True,
        json_schema_serialization_defaults_required=True,  # every field is written
    )


class JudgeEntry(ReportPart):
    """One judge of the run, with the fingerprint that decides its answers."""

    model: str
    fingerprint: dict[str, Any] = {}
    engine_versions: list[str] = []  # of the answers in this report; more than one is a mixture
    served_models: list[str] = []  # likewise: the models that an endpoint says have answered
    system_fingerprints: list[str] = []
    measures: list[list[str]] = []  # the facets that this judge can score; empty is all of them


class FailedTest(ReportPart):
    """A test that uses a judge and failed for a reason other than an image or edit."""

    test: str
    message: str = ""  # the first line


class Cost(ReportPart):
    """The price of the tokens that were used by judges whose prices are given.

    ``amount`` is exact but for the last digit of a float; null where no judge told what it used, and where several
    currencies are in ``by_currency``.
    """

    amount: Figure
    currency: str
    prompt_tokens: int = 0
    cached_prompt_tokens: int | None = None
    output_tokens: int = 0
    uncounted: int = 0  # requests that may have used tokens, of which no number was told: they cost more than this
    by_currency: list[Cost] = []


class BudgetUse(ReportPart):
    """The budget of the run, and what was used of it; where that was not told, the most that it can have been."""

    limit: float
    unit: str  # a currency, or "tokens"
    used: float
    refused: int = 0  # requests that were not sent


class CiRun(ReportPart):
    """The CI run that made the report, as the variables of its service tell it; empty is what they do not tell.

    Of a pull request, ``commit`` is the last one of its branch. Addresses are of http or https.
    """

    service: str = ""
    repository: str = ""
    commit: str = ""
    commit_url: str = ""
    branch: str = ""
    branch_url: str = ""
    name: str = ""  # of the workflow and the job
    number: str = ""
    url: str = ""  # of the run
    pull_request: str = ""  # such as "#12", or "!12" of GitLab
    pull_request_url: str = ""


class Quarantined(ReportPart):
    """A test whose failure is expected because it is in quarantine, and how often it fails."""

    test: str
    reason: str = ""
    failed: bool = False
    runs: int = 1  # that are known of, this one among them
    failed_runs: int = 0


class Run(ReportPart):
    """The run as a whole; counts are of requests to a judge, not of images."""

    version: str = ""
    started: str = ""
    seconds: float = 0.0
    judges: list[JudgeEntry] = []
    requests: int = 0
    from_store: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int | None = None  # None: no judge told how many came from its cache
    output_tokens: int = 0
    restarts: int = 0
    copies: list[str] = []  # of each judge that could have several copies: how many it had, where, and why
    failed_tests: list[FailedTest] = []
    cost: Cost | None = None  # written only where a price is given
    budget: BudgetUse | None = None  # written only where there is one
    quarantined: list[Quarantined] | None = None  # written only where there are any
    excused: list[str] = []  # tests with images that did not pass, which were expected to fail, or skipped
    ci: CiRun | None = None  # written only where a CI service ran this

    def note_copies(self, words: Iterable[str]) -> None:
        """Note sentences on the copies that judges had, each once; an empty one says nothing."""
        self.copies = sorted({*self.copies, *words} - {""})


class Facet(ReportPart):
    """A facet's raw score, its mapped score and the judge's words on it."""

    model_config = ConfigDict(frozen=True)  # one object may stand in many entries
    raw: Raw
    score: Figure
    evidence: str = ""


class ProblemEntry(ReportPart):
    """A problem of a request or an answer."""

    path: list[str]
    kind: ProblemKind
    detail: str = ""


class FindingEntry(ReportPart):
    """A finding on a picture, beside its scores; ``failed`` where it failed the image."""

    kind: FindingKind
    detail: str = ""
    failed: bool = False


class Breach(ReportPart):
    """A bound that was missed. ``path`` is ``["total"]`` for the total, ``["score"]`` for an edit's."""

    path: list[str]
    score: float
    bound: float
    side: Side = "least"  # the score lies below the least allowed, or above the most


class Bound(ReportPart):
    """A bound on one image or edit. ``path`` as in `Breach`."""

    path: list[str]
    bound: float
    side: Side = "least"


class Before(ReportPart):
    """The same image, or edit, in the baseline: its figures, and its picture where the baseline names the file."""

    image: str = ""
    pixels: str = ""
    total: Figure = None
    level1: dict[str, Figure] = {}
    level2: dict[str, dict[str, Figure]] = {}
    score: Figure = None


class Past(ReportPart):
    """The same image, or edit, in an earlier run."""

    started: str = ""  # when that run began
    commit: str = ""  # of that run, where CI told it
    outcome: Outcome = "scored"
    pixels: str = ""
    total: Figure = None
    level1: dict[str, Figure] = {}
    score: Figure = None


class Entry(ReportPart):
    """Fields that images and edits share."""

    key: str = ""  # content key; empty where nothing was judged
    id: str | None = None
    test: str | None = None
    outcome: Outcome = "error"
    test_failed: bool = False  # scored, in a test that failed for a reason of its own
    source: Literal["engine", "store"] = "engine"
    judged_at: str = ""
    thresholds: str = ""  # name of the profile that was applied; empty where none was
    bounds: list[Bound] = []  # what the profile bounds, met or not
    error: str = ""
    unreadable: list[list[str]] = []
    problems: list[ProblemEntry] = []
    findings: list[FindingEntry] = []
    breaches: list[Breach] = []
    not_applicable: list[list[str]] = []  # bounded, but N/A or not asked
    fingerprint: dict[str, Any] = {}
    seed: int | str | None = None
    pixels: str = ""  # SHA-256 of the canonical pixels
    where: str = ""  # file:line of the check or expect
    before: Before | None = None
    history: list[Past] = []  # earlier runs, the oldest first
    copies: dict[str, str] = {}  # small copies of its pictures beside the report, by the field that names the picture

    @property
    def shown_as_failed(self) -> bool:
        """True for what reports show among the failed: failed, not judged, or scored in a test that failed."""
        return self.outcome in FAILED or self.test_failed


class VerdictEntry(Entry):
    """One judged image."""

    image: str
    prompt: str
    total: Figure = None
    level1: dict[str, Figure] = {}
    level2: dict[str, dict[str, Figure]] = {}
    level3: dict[str, dict[str, dict[str, Facet]]] = {}
    answers: dict[str, str] = {}


class EditEntry(Entry):
    """One judged edit."""

    source_image: str
    edited_image: str
    instruction: str
    mask: str = ""  # where the edit was asked to be: a picture, white may change; or the box
    box: list[int] | None = None  # left, top, right, bottom in pixels of the source
    score: Figure = None
    scale: list[float] = list(EDIT_SCALE)  # the least and the most that the score can be
    aspects: dict[str, Figure] = {}
    evidence: dict[str, str] = {}
    answer: str = ""  # of a judge that asks several times, a JSON object of the answers by request
    answers: dict[str, str] = {}  # of a judge that asks several times


AnyEntry = VerdictEntry | EditEntry


class SuiteRow(ReportPart):
    """A bound on the mean of the run. ``path`` as in `Breach`."""

    path: list[str]
    mean: Figure
    low: Figure
    high: Figure
    n: int
    bound: float
    outcome: Literal["passed", "failed", "undecided"]
    method: str = ""
    needed: int | None = None  # images that would decide it
    left_out: int = 0  # N/A or not asked
    not_judged: int = 0  # any of these makes the gate fail
    gate: Literal["passed", "failed"] | None = None  # what the outcome and the policy for an undecided one come to
    detail: str = ""


class Mean(ReportPart):
    """A mean over images: of ``n`` that have the figure; ``left_out`` had none (N/A or unreadable)."""

    mean: Figure = None
    n: int = 0
    left_out: int = 0


class Summary(ReportPart):
    """Means over the images of the run. ``n`` counts images; keys as in `VerdictEntry`."""

    n: int = 0
    total: Mean = Mean()
    level1: dict[str, Mean] = {}
    level2: dict[str, dict[str, Mean]] = {}
    level3: dict[str, dict[str, dict[str, Mean]]] = {}
    edits: Mean = Mean()
    edit_scale: list[float] = list(EDIT_SCALE)  # of ``edits``


class Report(ReportPart):
    """A whole report."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False, populate_by_name=True, serialize_by_alias=True)
    schema_: Literal["imagejudge-report/1"] = Field(default=SCHEMA, alias="schema")
    run: Run = Run()
    verdicts: list[VerdictEntry] = []
    edits: list[EditEntry] = []
    suite: list[SuiteRow] = []
    baseline: dict[str, Any] | None = None
    left_out: list[Gate] = []  # nobody decided these, or each merged file did over its own images
    summary: Summary = Summary()
    _counts: Any = PrivateAttr(None)

    def every(self) -> Iterator[VerdictEntry | EditEntry]:
        """All entries, images first."""
        yield from self.verdicts
        yield from self.edits

    def counted(self, counts: object) -> Report:
        """Attach the counts that were kept as entries came in, and return this report; see `report.tally.tally_of`."""
        self._counts = counts
        return self

    @property
    def counts(self) -> object:
        """The counts that were kept, or None."""
        return self._counts


def only_given(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a run as they are written: without those of `WRITTEN_IF_GIVEN` that are None."""
    return {name: value for name, value in run.items() if value is not None or name not in WRITTEN_IF_GIVEN}


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a report, draft 2020-12."""
    schema = Report.model_json_schema(by_alias=True, mode="serialization")
    run = schema["$defs"]["Run"]
    run["required"] = [name for name in run["required"] if name not in WRITTEN_IF_GIVEN]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **schema}
