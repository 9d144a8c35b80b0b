"""In place of the judges that need a GPU or a network, for the examples: every facet is sound, every edit a 4.2."""

import json

from pytest_imagejudge.engines.base import Answer, Engine, EngineIdentity
from pytest_imagejudge.settings import SIGNALS
from pytest_imagejudge.support.entry_points import ENGINES, names_of
from pytest_imagejudge.taxonomy import EDIT, TREE


class StandIn(Engine):
    name = "stand-in"
    concurrency = 8

    def __init__(self, model):
        self._model = model

    def identity(self):
        return EngineIdentity(self._model, "1")

    def preflight(self):
        pass

    async def start(self, progress):
        progress("the stand-in is ready")

    async def ask(self, request):
        return Answer(self._text(request), "stop", 1000, 800, 100, self.name, "1", created="2026-01-01T00:00:00+00:00")

    def _text(self, request):
        if request.dimension != EDIT:
            tree = TREE[request.dimension]
            return json.dumps({two: {three: {"score": 1} for three in threes} for two, threes in tree.items()})
        grammar = request.sampling.get("structured_outputs")
        if grammar is None:
            return "<think>It did what was asked.</think><answer>4.20</answer>"
        return json.dumps(dict.fromkeys(grammar["json"]["required"], 4.2))


def pytest_imagejudge_engine(config, settings, protocol):
    known = settings.model in (SIGNALS, *names_of(ENGINES))
    return None if known else StandIn(settings.model or "behind-a-url")
