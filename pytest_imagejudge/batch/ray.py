"""Ask the judge from every node of a Ray cluster, with Ray Data's batch inference.

Ray Data plans, streams and spreads the work; what is sent and how it is read is this project's protocol, and every
request goes through the client for endpoints, with its retries. Pictures are decoded where the request is made, so
every node needs this package and the pictures under the same paths. Answers come home into the store, chunk by
chunk; the run then reads them there, as it would after an interruption.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engines.base import Answer, Engine, EngineIdentity, Progress
from ..engines.spending import used_by
from ..errors import ConfigError, EngineError, ImageError
from ..images.content import Look, look_at
from ..images.image_file import ImageFile, file_hash
from ..images.loading import load
from ..inputs.manifest import Row, RowError
from ..protocols.base import Request
from ..session.task import Task
from ..settings import JudgeSettings
from ..support.caches import engine_folder

if TYPE_CHECKING:
    from .plan import RowPlan
    from .run import BatchRun


CHUNK = 2000  # rows whose answers come home before they are written


BATCH = 32  # requests that one worker has in flight


class ClusterEngine(Engine):
    """Engine of a judge whose answers come from the cluster: a request that still reaches this engine has failed."""

    name = "ray"
    concurrency = 16

    def __init__(self, settings: JudgeSettings) -> None:
        if settings.budget:
            raise ConfigError(
                f"--judge-budget {settings.budget} with --engine ray: the nodes of a cluster ask by themselves, and "
                "keep to no budget; leave out one of the two"
            )
        if not settings.urls:
            raise ConfigError(
                "--engine ray asks endpoints: start a server on each node (imagejudge serve) and name them all with "
                "--judge-url"
            )
        from ..engines.endpoint import EndpointEngine
        from ..judge import protocol_for

        self._inner = EndpointEngine(settings, protocol_for(settings), state_dir=engine_folder(settings))
        self.failures: dict[tuple[str, str], str] = {}  # why, by text and dimension

    def identity(self) -> EngineIdentity:
        """The served model."""
        return self._inner.identity()

    def preflight(self) -> None:
        """Check that Ray is installed, and the endpoints as far as can be known from here."""
        _ray()
        self._inner.preflight()

    async def start(self, progress: Progress) -> None:
        """Do nothing: the cluster runs already."""

    async def ask(self, request: Request) -> Answer:
        """Say why the cluster gave no answer.

        Raises:
            EngineError: always.
        """
        raise EngineError(self.failures.get((request.text, request.dimension), "the cluster gave no answer"))


def _ray() -> Any:
    try:
        importlib.import_module("ray.data.llm")
        return importlib.import_module("ray")
    except ImportError as error:
        raise ConfigError(f"--engine ray needs Ray Data ({error}): pip install 'pytest-imagejudge[ray]'") from error


class Cluster:
    """A Ray cluster for the length of a run."""

    def __init__(self, address: str | None, max_pixels: int, say: Callable[[str], None]) -> None:
        self._address = address
        self._max_pixels = max_pixels
        self._say = say

    def __enter__(self) -> Cluster:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray = _ray()
        try:
            ray.init(self._address or os.environ.get("RAY_ADDRESS"), log_to_driver=False, logging_level="ERROR")
        except Exception as error:
            raise EngineError(f"the Ray cluster can't be reached: {error}") from error
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        self.nodes = sum(1 for node in ray.nodes() if node["Alive"])
        self._say(f"Ray: {self.nodes} nodes, {int(ray.cluster_resources().get('CPU', 0))} CPUs")
        return self

    def __exit__(self, *exc: object) -> None:
        _ray().shutdown()

    def ahead(self, bench: BatchRun, rows: Iterable[Row | RowError]) -> Iterator[Row | RowError]:
        """Yield ``rows``, each once the answers to its questions are in the store."""
        source = iter(rows)
        while chunk := list(islice(source, CHUNK)):
            self._answer(bench, chunk)
            yield from chunk

    def _answer(self, bench: BatchRun, chunk: list[Row | RowError]) -> None:
        from .plan import RowPlan

        plans = {row.number: planned for row in chunk if isinstance(planned := bench.plan(row), RowPlan)}
        pixels = self._pixels(plans)
        for again in (False, True):
            questions = [
                question
                for number, planned in plans.items()
                if number in pixels
                for question in self._questions(number, planned, pixels[number], again=again)
            ]
            for question, answer in self._ask(questions):
                self._keep(bench, plans[question["row"]], question, answer, pixels[question["row"]])

    def _pixels(self, plans: dict[int, RowPlan]) -> dict[int, tuple[str, ...]]:
        """Pixel hashes by row, from the store's index where it knows the files, else from the cluster."""
        found: dict[int, tuple[str, ...]] = {}
        items = []
        for number, planned in plans.items():
            if planned.judge.protocol.uses_region and planned.region() is not None:
                continue  # the nodes are not told of regions, so the run itself says that it was not asked
            store = planned.judge.session.store
            paths = [path for path in planned.images if isinstance(path, Path)]
            try:
                known = [Look.of_line(store.pixels(path) or "") for path in paths]
            except ImageError:
                continue  # the run itself says why
            if len(paths) < len(planned.images):
                continue  # bytes of a table's cell, which no other machine can read
            looks = [look for look in known if look is not None]
            if len(looks) == len(known):
                found[number] = tuple(look.pixels for look in looks)
            else:
                items.append({"row": number, "images": [str(path.absolute()) for path in paths]})
        if items:
            dataset = _ray().data.from_items(items).map(partial(look_at_images, max_pixels=self._max_pixels))
            for row in dataset.iter_rows():
                number, lines = int(row["row"]), [str(one) for one in row["lines"]]
                if not lines:
                    continue  # a picture that can't be read; the run itself says why
                found[number] = tuple(line.partition(" ")[0] for line in lines)
                for file, line in zip(row["files"], lines, strict=True):
                    plans[number].judge.session.store.remember_pixels(str(file), line)
        return found

    def _questions(
        self, number: int, planned: RowPlan, pixels: tuple[str, ...], *, again: bool
    ) -> Iterator[dict[str, Any]]:
        """Questions about the rows whose answers are not in the store."""
        session = planned.judge.session
        task = Task(planned.text, planned.files(), planned.dimensions)
        for dimension in planned.dimensions:
            if key := session.unanswered(task, pixels, dimension, again=again):
                yield {
                    "row": number,
                    "key": key,
                    "body": json.dumps(
                        {
                            "settings": asdict(replace(planned.judge.settings, price=None, budget=None)),
                            "images": [str(image.path) for image in task.images],
                            "text": planned.text,
                            "dimension": dimension,
                            "again": again,
                            "max_pixels": self._max_pixels,
                        }
                    ),
                }

    def _ask(self, questions: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        if not questions:
            return
        llm = _ray().data.llm
        config = llm.HttpRequestProcessorConfig(
            url="imagejudge://", session_factory=EndpointSession, batch_size=BATCH, concurrency=max(1, self.nodes)
        )
        processor = llm.build_processor(
            config,
            # one string, so that no other tool on the way fills in or drops fields of the request
            preprocess=lambda row: {**row, "payload": {"body": row["body"]}},
            postprocess=lambda row: {"row": row["row"], "key": row["key"], "answer": row["http_response"]["answer"]},
        )
        by_key = {question["key"]: question for question in questions}
        try:
            dataset = _ray().data.from_items(list(by_key.values()), override_num_blocks=self._blocks(len(by_key)))
            for row in processor(dataset).iter_rows():
                yield by_key[row["key"]], json.loads(row["answer"])
        except (EngineError, ConfigError):
            raise
        except Exception as error:  # noqa: BLE001 - Ray's own, and whatever broke on a node
            self._say(f"Ray: {type(error).__name__}: {str(error)[:500]}")  # what is missing fails, row by row

    def _blocks(self, questions: int) -> int:
        return max(1, min(questions // BATCH, 16 * self.nodes))

    def _keep(
        self,
        bench: BatchRun,
        planned: RowPlan,
        question: dict[str, Any],
        answer: dict[str, Any],
        pixels: tuple[str, ...],
    ) -> None:
        session = planned.judge.session
        asked = json.loads(question["body"])
        dimension = asked["dimension"]
        if "error" in answer:
            if isinstance(session.engine, ClusterEngine):
                session.engine.failures[planned.text, dimension] = answer["error"]
            return
        answer["notes"] = tuple(answer["notes"])
        given = Answer(**answer)
        task = Task(planned.text, planned.files(), planned.dimensions)
        session.store.put(question["key"], given, session.about(task, pixels, dimension, given))
        bench.fresh.add(question["row"])
        bench.asked += 1
        session.stats.add(used_by(given))


# --- on the cluster's nodes ---


def look_at_images(item: dict[str, Any], *, max_pixels: int) -> dict[str, Any]:
    """Hashes of a row's files, and lines on their pixels for a store's index; none where one can't be read."""
    paths = [Path(str(path)) for path in item["images"]]
    try:
        lines = [look_at(load(ImageFile(path), max_pixels=max_pixels)).line() for path in paths]
        files = [file_hash(path) for path in paths]
    except (ImageError, OSError):
        lines, files = [], []
    return {"row": item["row"], "lines": lines, "files": files}


class EndpointSession:
    """Stand-in for the HTTP session of Ray Data's request stage: renders each request and asks an endpoint."""

    def __init__(self) -> None:
        self._judges: dict[str, tuple[Any, Any]] = {}
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> EndpointSession:
        return self

    async def __aexit__(self, *exc: object) -> None:
        for _, engine in self._judges.values():
            await engine.close()

    def post(self, url: str, *, headers: Any = None, data: str = "") -> asyncio.Future[Reply]:
        """Begin a request at once: the stage awaits one reply after the other, but a whole batch is under way."""
        return asyncio.ensure_future(self._post(data))

    async def _post(self, data: str) -> Reply:
        asked = json.loads(json.loads(data)["body"])
        try:
            protocol, engine = await self._judge(asked["settings"])
            request = await asyncio.to_thread(_render, protocol, asked)
            return Reply(asdict(await engine.ask(request)))
        except Exception as error:  # noqa: BLE001 - one request's failure must not end the cluster's job
            return Reply({"error": str(error) or type(error).__name__})

    async def _judge(self, fields: dict[str, Any]) -> tuple[Any, Any]:
        from ..engines import make_engine
        from ..judge import protocol_for

        name = json.dumps(fields, sort_keys=True)
        async with self._lock:
            if name not in self._judges:
                lists = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
                settings = JudgeSettings(**{**fields, **lists})
                protocol = protocol_for(settings)
                engine = make_engine(settings, protocol, state_dir=engine_folder(settings))
                await engine.start(lambda line: None)
                self._judges[name] = protocol, engine
            return self._judges[name]


def _render(protocol: Any, asked: dict[str, Any]) -> Request:
    pictures = [load(ImageFile(Path(path)), max_pixels=asked["max_pixels"]) for path in asked["images"]]
    request: Request = protocol.render(asked["text"], pictures, asked["dimension"], again=asked["again"])
    return request


class Reply:
    """Response for the stage: an answer, or an error."""

    status = 200
    reason = "OK"

    def __init__(self, answer: dict[str, Any]) -> None:
        self._text = json.dumps(answer)

    async def __aenter__(self) -> Reply:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def json(self) -> dict[str, str]:
        """The answer as one string."""
        return {"answer": self._text}
