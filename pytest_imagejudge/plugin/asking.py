"""What the tests of a run ask of its judges: which judge, which bounds, which images, and who waits."""

from __future__ import annotations

import functools
import os
import threading
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import _pytest.fixtures
import pytest

from ..engines import make_engine
from ..errors import ConfigError, EngineError
from ..images.image_file import ImageFile
from ..inputs.manifest import Row, RowError
from ..inputs.metadata import read_metadata
from ..judge import EditJudge, Judge, protocol_for
from ..settings import JudgeSettings, cache_dir
from ..thresholds.loading import default_profile, load_profile
from ..thresholds.profile import Profile
from .expectation import AnyVerdict, Expectation, failing, plain_label, plain_text
from .failure import JudgeFailure, why_none
from .marker import dimensions_of, wish_of
from .progress import Progress
from .results import Results
from .run_options import Options, read_options
from .when import ONLY_AFTER, WAITS_AFTER, When

if TYPE_CHECKING:
    from .held import Holding

Kind = str  # "image" or "edit"
IN_A_CIRCLE = (
    "the fixture judge_thresholds depends on a fixture that asks the judge, which needs to know the thresholds first; "
    "give thresholds= to that check or expect, or let judge_thresholds do without that fixture"
)
_TEST_BY_TEST = ("stepwise", "setupshow", "setuponly")


class Asking:
    """One run's judges, profiles and questions."""

    holding: Holding
    when: When

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.options: Options = read_options(config)
        self.is_worker = hasattr(config, "workerinput")
        self.item: pytest.Item | None = None
        self.progress = Progress(config)
        self.results = Results(config, self.options)
        self._judges: dict[Kind, Judge | EditJudge] = {}
        self._making = threading.RLock()
        self._over = False
        self._pid = os.getpid()
        self._names: dict[str, str] = {}  # of files, as they are shown
        self._profiles: dict[tuple[str, Path], Profile] = {}
        self._spelled_out: tuple[tuple[str, Path], Profile] | None = None  # the last one
        self._all_wait = _reruns(config) or any(getattr(config.option, name, False) for name in _TEST_BY_TEST)
        self.nones: list[str] = []  # why verdicts that the running test was given have no overall figure
        self._fixture_value: tuple[pytest.Item | None, Any] = (None, None)
        self.tearing_down = self.in_shared_fixture = self._asking_fixture = False
        try:
            self.dimensions = None if self.options.dimensions is None else dimensions_of(self.options.dimensions)
        except KeyError as error:
            raise pytest.UsageError(f"ini judge_dimensions (one a line): {error.args[0]}") from None
        with usage():
            self.protocols = {
                kind: self._protocol(settings) for kind, settings in self.settings.items() if settings.configured
            }
            self.default_profile = self.results.profile = self._load_default()
            self.results.measures = {
                protocol.name: sorted(list(path) for path in protocol.measures)
                for protocol in self.protocols.values()
                if protocol.kind == "image" and not protocol.has_total
            }
            self.metadata = read_metadata(self.options.metadata) if self.options.metadata else {}
            if self.options.baseline and not self.options.update_baseline and not self.is_worker:
                from ..statistics.baseline_file import read_baseline

                read_baseline(self.options.baseline)  # one that can't be read must not be found out at the end

    # -- what is configured ---------------------------------------------------------------------------------

    @property
    def settings(self) -> dict[Kind, JudgeSettings]:
        """Settings by kind of judge."""
        return {"image": self.options.image, "edit": self.options.edit}

    def _protocol(self, settings: JudgeSettings) -> Any:
        own = self.config.hook.pytest_imagejudge_protocol(config=self.config, settings=settings)
        return own if own is not None else protocol_for(settings)

    def _load_default(self) -> Profile:
        first = self.protocols.get("image") or self.protocols["edit"]
        return self._load(self.options.thresholds or default_profile(first))

    def _load(self, source: Any, base: Path | None = None) -> Profile:
        base = self.config.rootpath if base is None else base
        if isinstance(source, dict):  # one that a test spells out comes with each of its images
            said = repr(source), base
            if self._spelled_out is None or self._spelled_out[0] != said:
                self._spelled_out = said, self._measurable(load_profile(source, base=base))
            return self._spelled_out[1]
        if not isinstance(source, (str, os.PathLike)):
            return self._measurable(load_profile(source, base=base))
        key = str(source), base
        if key not in self._profiles:
            self._profiles[key] = self._measurable(load_profile(str(source), base=base))
        return self._profiles[key]

    def _measurable(self, profile: Profile) -> Profile:
        for kind, protocol in self.protocols.items():
            profile.require_measurable(protocol, self.settings[kind].model or kind)
        return profile

    def profile(self, kind: Kind, explicit: Any = None) -> Profile | None:
        """The profile for the running test: the argument, the marker, the fixture, or the option's.

        None where the option's bounds only the run as a whole: nothing is decided image by image then.
        """
        source = explicit
        if source is None and self.item is not None:
            source = wish_of(self.item).thresholds
            if source is None:
                source = self._of_fixture(self.item)
        if source is not None:
            return self._load(source)
        return None if self.default_profile.only_the_run(kind) else self.default_profile

    def _of_fixture(self, item: pytest.Item) -> Any:
        """What the fixture ``judge_thresholds`` gives to a test; asked once for each test.

        While fixtures are torn down it can't be asked: what a fixture expects then is bounded as the last test that
        used a judge.
        """
        if self._fixture_value[0] is not item and not self.tearing_down:
            request = getattr(item, "_request", None)
            value = None if request is None else self._ask_fixture(request)
            self._fixture_value = (item, value)
        return self._fixture_value[1]

    def _ask_fixture(self, request: Any) -> Any:
        if self._asking_fixture:
            raise ConfigError(IN_A_CIRCLE)
        self._asking_fixture = True
        try:
            return request.getfixturevalue("judge_thresholds")
        except AssertionError as error:
            # pytest does not see such a circle, for it begins in a call; it asserts what no longer holds then
            if traceback.extract_tb(error.__traceback__)[-1].filename == _pytest.fixtures.__file__:
                raise ConfigError(IN_A_CIRCLE) from None
            raise
        finally:
            self._asking_fixture = False

    def judge(self, kind: Kind) -> Any:
        """The judge of ``kind``, made at its first use, in whatever thread that is."""
        if kind in self._judges:
            return self._judges[kind]
        with self._making:
            if self._over:
                raise EngineError("the run is over: its judges are closed")
            return self._judges.get(kind) or self._make(kind)

    def _make(self, kind: Kind) -> Any:
        settings, protocol = self.settings[kind], self.protocols[kind]
        engine = self.config.hook.pytest_imagejudge_engine(config=self.config, settings=settings, protocol=protocol)
        if engine is None:
            engine = make_engine(settings, protocol, state_dir=cache_dir())
        cls = EditJudge if kind == "edit" else Judge
        self._judges[kind] = cls.from_settings(
            settings,
            protocol=protocol,
            engine=engine,
            store=self.options.store,
            spool=self.results.spool,
            progress=self.progress.say,
            max_pixels=self.options.max_pixels,
            hold=self.when.holds(engine),
        )
        return self._judges[kind]

    def judges(self) -> list[Judge | EditJudge]:
        """The judges that were used so far."""
        return list(self._judges.values())

    def let_sleep(self, kind: Kind) -> None:
        """Put the judge's server to sleep until its next request."""
        self.judge(kind).session.sleep()

    def place(self, file: str, line: int) -> str:
        """``file:line``, the file relative to the root folder where it lies in it."""
        if file not in self._names:
            self._names[file] = self._from_root(file)
        return f"{self._names[file]}:{line}"

    @functools.cache  # noqa: B019 - lives as long as the run
    def is_own(self, file: str) -> bool:
        """Whether a file is of the project, and not of Python or of what is installed."""
        return Path(file).is_relative_to(self.config.rootpath) and "site-packages" not in Path(file).parts

    def _from_root(self, file: str | Path) -> str:
        path, root = Path(file), self.config.rootpath
        return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()

    # -- asking ---------------------------------------------------------------------------------------------

    def ask_image(
        self,
        image: object,
        prompt: str,
        *,
        dimensions: Iterable[str] | None = None,
        seed: int | str | None = None,
        id: int | str | None = None,  # noqa: A002
        urgent: bool,
        keep: bool = False,
    ) -> Expectation:
        """Submit one image for the running test; ``keep`` a copy of it, if it may be written over."""
        judge = self.judge("image")
        names = dimensions_of(dimensions) if dimensions is not None else self._wished()
        about = self._about("prompt", prompt, id=id, seed=seed)
        file = judge.keep(judge.take(image)) if keep else judge.take(image)
        expected = Expectation("image", images=(file,), dimensions=names or judge.protocol.dimensions, **about)
        return self.submit(judge, expected, urgent=urgent)

    def ask_edit(
        self,
        source: object,
        edited: object,
        instruction: str,
        *,
        seed: int | str | None = None,
        id: int | str | None = None,  # noqa: A002
        urgent: bool,
        keep: bool = False,
    ) -> Expectation:
        """Submit one edit for the running test; ``keep`` copies of its pictures, if they may be written over."""
        judge = self.judge("edit")
        about = self._about("instruction", instruction, id=id, seed=seed)
        source_file, edited_file = judge.take(source), judge.take(edited)
        files = (judge.keep(source_file), judge.keep(edited_file)) if keep else (source_file, edited_file)
        expected = Expectation("edit", images=files, dimensions=judge.protocol.dimensions, **about)
        return self.submit(judge, expected, urgent=urgent)

    def ask_row(self, item: Any) -> Expectation:
        """Submit a manifest's row."""
        row: Row = item.row
        if (known := self.holding.known(item.nodeid)) is not None:
            return known
        where = self.place(str(item.path), row.line)
        thresholds = self._of_row(row, item.path)
        if row.kind == "edit":
            expected = self.ask_edit(
                row.source, row.edited, row.instruction or "", seed=row.seed, id=row.id, urgent=False
            )
        else:
            if self.options.metadata and row.dimensions is None and row.id not in self.metadata:
                raise ConfigError(f"{item.path.name}, {row.where}: ID {row.id!r} is not in {self.options.metadata}")
            names = row.dimensions or self.metadata.get(row.id)
            expected = self.ask_image(row.image, row.prompt, dimensions=names, seed=row.seed, id=row.id, urgent=False)
        expected.where, expected.thresholds = where, thresholds
        return expected

    def _of_row(self, row: Row, manifest: Path) -> Profile | None:
        """The profile for a manifest's row; a file that it names is relative to the manifest, as its images are."""
        if row.thresholds is None:
            return self.profile(row.kind)
        try:
            return self._load(row.thresholds, manifest.parent)
        except ConfigError as error:
            bad = RowError(row.number, row.line, row.id, str(error))
            raise ConfigError(f"{manifest.name}, {bad}") from None

    def ask_left(self, row: Row) -> Expectation:
        """Submit a row that an earlier run left; no bounds apply to it. Copies that it kept are this run's now."""
        kept = row.extra.get("kept")

        def file(path: Path | bytes | None) -> object:
            if not isinstance(path, Path):
                return path
            return ImageFile(path, kept=isinstance(kept, list) and str(path) in kept)

        if row.kind == "edit":
            text = row.instruction or ""
            expected = self.ask_edit(file(row.source), file(row.edited), text, id=row.id, urgent=False)
        else:
            expected = self.ask_image(file(row.image), row.prompt, dimensions=row.dimensions, id=row.id, urgent=False)
        expected.bounded = False
        return expected

    def _wished(self) -> tuple[str, ...] | None:
        wish = None if self.item is None else wish_of(self.item).dimensions
        return wish or self.dimensions

    def _about(self, name: str, text: object, *, id: object, seed: object) -> dict[str, Any]:  # noqa: A002
        """What an expectation says beside its images, as plain data."""
        label = plain_label("id", id)
        return {
            "text": plain_text(name, text),
            "test": None if self.item is None else self.item.nodeid,
            "id": None if label is None else str(label),
            "seed": plain_label("seed", seed),
        }

    def submit(self, judge: Judge | EditJudge, expected: Expectation, *, urgent: bool) -> Expectation:
        """Hand ``expected`` to its judge, as often as it is to be judged."""
        if os.getpid() != self._pid:
            raise JudgeFailure("a forked process can't use the judge: hand the picture back to the test")
        why = self.when.decide(expected.kind, judge)
        if urgent and why:
            raise JudgeFailure(ONLY_AFTER.format(why=why))
        expected.futures = [
            judge.submit_task(expected.text, expected.images, expected.dimensions, repeat=number, urgent=urgent)
            for number in range(self.options.repeat)
        ]
        return expected

    def wait_for(self, expected: Expectation) -> AnyVerdict:
        """Wait for a verdict; fails the running test as the thresholds say."""
        try:
            self.progress.wait(expected.futures, self.judges())
        except BaseException:
            verdicts = expected.verdicts("the test was interrupted before this was judged")
            self.holding.note(expected.test, expected.entries(verdicts))
            raise
        verdicts = expected.verdicts()
        entries = expected.entries(verdicts)
        self.holding.note(expected.test, entries)
        if expected.bounded and failing(entries):
            raise JudgeFailure(self.holding.explain(failing(entries)), expected.where)
        if words := why_none(verdicts[0]):
            self.nones.append(words)
        return verdicts[0]

    def defer(self, expected: Expectation) -> None:
        """Leave the running test's outcome to a verdict that is not in."""
        expected.shared = self.in_shared_fixture or self.tearing_down
        if self.item is None:
            words = "expected while no test was running, so that no test could fail by it"
            self.results.stray.append((expected.where, words, None))
        elif self._waits(self.item):
            if why := self.when.after.get(expected.kind):
                raise JudgeFailure(WAITS_AFTER.format(why=why), expected.where)
            self.wait_for(expected)
        else:
            self.holding.defer(expected)

    def _waits(self, item: pytest.Item) -> bool:
        """Whether a test waits for its verdicts, and is over when it is decided.

        Where it may be run again, that must generate again. Where the next run goes on from the failure of this one
        (``--stepwise``), none may be found after a later test has failed. What ``--setup-show`` prints is of one test.
        """
        return self._all_wait or item.get_closest_marker("flaky") is not None


class usage:  # noqa: N801 - reads as a statement
    """Turns wrong configuration into pytest's own error."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, (ConfigError, EngineError)):
            raise pytest.UsageError(str(error)) from None


def _reruns(config: pytest.Config) -> bool:
    """Whether pytest-rerunfailures is told, for all tests, to run again what fails."""
    if getattr(config.option, "force_reruns", None) or getattr(config.option, "reruns", None):
        return True
    try:
        ini = config.getini("reruns") if getattr(config.option, "reruns", None) is None else None
    except ValueError:  # the plugin is not there
        return False
    return str(ini or 0) != "0"
