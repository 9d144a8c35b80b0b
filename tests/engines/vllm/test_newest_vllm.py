"""The newest vLLM takes all that its server and its requests are given: read in its wheel, run on no machine of ours.

``wheel.py`` writes the reading. docs/vllm.md says which versions were run, and on what.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from pytest_imagejudge.engines.vllm import arguments, user_arguments
from pytest_imagejudge.engines.vllm.install import Install
from pytest_imagejudge.engines.vllm.limits import Limits
from pytest_imagejudge.engines.vllm.model_files import Model
from pytest_imagejudge.judge import protocol_for
from pytest_imagejudge.protocols.base import Request
from pytest_imagejudge.settings import JudgeSettings
from tests.stand_in import published_words

from .wheel import FOLDER, read

VERSION = "0.33.0"
KNOWN: Mapping[str, Any] = json.loads((FOLDER / f"vllm-{VERSION}.json").read_text("utf-8"))


class _Takes(Install):
    """An installation that takes every option, so that none is left out."""

    def knows(self, option: str) -> bool:
        return True


@pytest.fixture
def install(tmp_path: Path) -> Install:
    return _Takes("python", VERSION, "2.14.0", "cuda", tmp_path)


def model(folder: Path, architecture: str) -> Model:
    config = {"architectures": [architecture], "max_position_embeddings": 32_768}
    return Model("judge", "1", config, 10**9, folder)


@pytest.mark.parametrize("architecture", arguments.WITH_VIDEO)
@pytest.mark.parametrize("kind", ["image", "edit"])
def test_every_option_of_the_server_is_known(tmp_path: Path, install: Install, architecture: str, kind: str) -> None:
    settings = JudgeSettings(model="judge", kind=kind, sleep=True)  # type: ignore[arg-type]
    options = arguments.server_arguments(model(tmp_path, architecture), install, settings, 2, True, Limits())
    command = arguments.server_command(install, model(tmp_path, architecture), options, ())
    given = {token for token in command if token.startswith("--")}
    assert {"--max-model-len", "--enable-sleep-mode", "--tensor-parallel-size", "--quantization"} <= given
    assert given - set(KNOWN["options"]) == set()
    if "--reasoning-parser" in given:
        assert options[options.index("--reasoning-parser") + 1] in KNOWN["reasoning_parsers"]


def test_every_variable_of_the_server_is_known(tmp_path: Path, install: Install) -> None:
    devices: tuple[Literal["cuda", "cpu"], ...] = ("cuda", "cpu")
    for device in devices:
        found = Install("python", VERSION, "2.14.0", device, tmp_path)
        changes = arguments.server_environment(found, JudgeSettings(model="judge", sleep=True), tmp_path)
        given = {name for name, value in changes.items() if name.startswith("VLLM_") and value is not None}
        assert "VLLM_CACHE_ROOT" in given
        assert given - set(KNOWN["variables"]) == set()


PROTOCOLS = [("q-judger", "image"), ("house", "image"), ("ie-critic", "edit"), ("house", "edit")]


def requests(name: str, kind: Any) -> Iterator[Request]:
    """Every request of a protocol to a server, of noise: no picture of its size takes more bytes."""
    rng = np.random.default_rng(1)
    noise = Image.fromarray(rng.integers(0, 256, (1024, 1024, 3), np.uint8))
    protocol = protocol_for(JudgeSettings(model="judge", kind=kind, protocol=name))
    for dimension in protocol.dimensions:
        for again in (False, True):
            yield protocol.render("a lighthouse", [noise] * (2 if kind == "edit" else 1), dimension, again=again)


@pytest.fixture
def _words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    published_words.use(monkeypatch, tmp_path)


@pytest.mark.usefixtures("_words")
@pytest.mark.parametrize(("name", "kind"), PROTOCOLS)
def test_every_request_is_taken(name: str, kind: str) -> None:
    limits = KNOWN["limits"]
    for request in requests(name, kind):
        fields = {"model": "judge", "messages": request.messages, **request.sampling}
        assert {"temperature", "max_tokens"} <= fields.keys()
        assert fields.keys() - set(KNOWN["fields"]) == set()
        assert set(fields.get("structured_outputs", {})) - set(KNOWN["structured_outputs"]) == set()
        body = len(json.dumps(fields))
        assert len(request.images) * 3 * 2**20 < body < limits["VLLM_HTTP_MAX_REQUEST_BODY_SIZE"] / 2
        assert 2**20 <= max(image.width * image.height for image in request.images) <= limits["VLLM_MAX_IMAGE_PIXELS"]
        pixels = sum(image.width * image.height for image in request.images)
        assert 4 * pixels <= limits["VLLM_MAX_MEDIA_REQUEST_DECODE_BYTES"]


def test_the_routes_that_a_judge_asks_are_there() -> None:
    assert {"/health", "/sleep", "/wake_up", "/v1/chat/completions", "/v1/models"} <= set(KNOWN["routes"])


def test_no_option_that_is_refused_or_indifferent_was_renamed() -> None:
    """Those of older versions alone are listed here, with the last one that had them."""
    gone = {
        "--swap-space",  # before 0.26
        "--cuda-graph-sizes",
        "--disable-frontend-multiprocessing",
        "--disable-log-requests",
        "--disable-mm-preprocessor-cache",
        "--max-long-partial-prefills",
        "--max-num-partial-prefills",
        "--max-seq-len-to-capture",
    }
    assert user_arguments.NOT_DECIDING - set(KNOWN["options"]) == gone
    assert {name for name in user_arguments.REFUSED if name.startswith("--")} - set(KNOWN["options"]) <= {"--grpc"}


def test_a_package_is_read_by_its_syntax(tmp_path: Path) -> None:
    files = {
        "engine/arg_utils.py": 'group.add_argument("--one", "-o", **kw["one"])\nother("--no")',
        "entrypoints/common/cli_args.py": "class BaseFrontendArgs:\n    two_words: int = 1\n    _secret: int = 2\n",
        "entrypoints/openai/chat_completion/protocol.py": (
            "class ChatCompletionRequest:\n    n: int = 1\n    def f(self):\n        local: int = 2\n"
        ),
        "entrypoints/serve/router.py": '@router.post("/sleep")\ndef f(): ...\n@router.get("/health")\ndef g(): ...',
        "sampling_params.py": "class StructuredOutputsParams:\n    json: str | None = None\n",
        "envs.py": (
            "if TYPE_CHECKING:\n    VLLM_MAX_IMAGE_PIXELS: int = 2 * 3 * 4\n    OTHER: str = ''\n"
            'variables = {"VLLM_A": lambda: 1, "VLLM_MAX_IMAGE_PIXELS": lambda: 24, "HOME": lambda: 2}\n'
        ),
        "reasoning/__init__.py": 'register(name="r1", x="no")\nPARSERS = {"qwen3": ("module", "Class")}\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert read(tmp_path) == {
        "options": ["--one", "--two-words", "-o"],
        "fields": ["n"],
        "structured_outputs": ["json"],
        "reasoning_parsers": ["qwen3", "r1"],
        "routes": ["/health", "/sleep"],
        "variables": ["VLLM_A", "VLLM_MAX_IMAGE_PIXELS"],
        "limits": {"VLLM_MAX_IMAGE_PIXELS": 24},
    }
