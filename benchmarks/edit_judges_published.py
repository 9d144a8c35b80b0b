"""The published code of VIEScore and EditScore, loaded from checkouts, without the models that it would load.

What it needs beside the checkouts: `pip install --no-deps regex json-repair qwen-vl-utils`. torch, transformers and
their like are stood in for: no line of them takes part in the requests or in the reading of answers.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

from PIL import Image

HEAVY = ("torch", "torchvision", "transformers", "transformers.utils", "peft", "vllm", "vllm.sampling_params")
ALSO = ("torchvision.transforms", "torchvision.io", "magic", "megfile")
Read = tuple[float, ...] | None


def stand_in_for_models() -> None:
    """Put modules that take any use in place of those that would load models."""
    for name in (*HEAVY, *ALSO):
        module = types.ModuleType(name)
        module.__getattr__ = lambda attribute: MagicMock(name=attribute)  # type: ignore[method-assign]
        module.__path__ = []  # type: ignore[attr-defined]
        sys.modules.setdefault(name, module)
    sys.modules["magic"].from_buffer = lambda content, mime: "image/png"  # type: ignore[attr-defined]
    sys.modules["torchvision"].__version__ = "0.24.0"  # type: ignore[attr-defined]
    sys.modules["torch"].__version__ = "2.9.0"  # type: ignore[attr-defined]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Leave out what the published code prints of each answer that it can't read."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


class VIEScore:
    """GEdit-Bench's VIEScore, from a checkout of stepfun-ai/Step1X-Edit.

    Attributes:
        high: the most that a score can be.
    """

    high = 10

    def __init__(self, checkout: Path) -> None:
        folder = checkout / "GEdit-Bench" / "viescore"
        with _alone(folder, "utils", "vie_prompts", "mllm_tools"):
            self._module = _load(folder / "__init__.py", "published_viescore")
            qwen = importlib.import_module("mllm_tools.qwen25vl_eval").Qwen25VL
            openai = importlib.import_module("mllm_tools.openai").GPT4o
            self._models = {"qwen2.5-vl": qwen(), "openai": openai(__file__)}  # takes the first line for a key
            self._models["openai"].use_encode = True
        self._made = object.__new__(self._module.VIEScore)
        with _alone(folder, "utils", "vie_prompts", "mllm_tools"):
            self._made.__init__(backbone="qwen25vl", task="tie")

    def messages(self, family: str, images: list[Image.Image], instruction: str) -> dict[str, list[dict[str, Any]]]:
        """The content of both requests, as `evaluate` makes it."""
        model, judge = self._models[family], self._made
        change = judge.SC_prompt.replace("<instruction>", instruction)
        made = {"SC": model.prepare_prompt(images, change), "PQ": model.prepare_prompt(images[-1], judge.PQ_prompt)}
        return {name: _content(found) for name, found in made.items()}

    def read(self, text: str) -> Read:
        """The scores of an answer at the first try; None where the code would ask again."""
        with quiet():
            try:
                return _scores(self._module.mllm_output_to_dict(text, give_up_parsing=False))
            except Exception:  # whatever it fails with ends the published run of this edit
                return None


class EditScore:
    """EditScore, from a checkout of VectorSpaceLab/EditScore."""

    high = 25

    def __init__(self, checkout: Path) -> None:
        sys.path.insert(0, str(checkout))
        self._module = importlib.import_module("editscore")
        self._utils = importlib.import_module("editscore.utils")
        backbones = {
            "qwen2.5-vl": "qwen25vl_vllm.Qwen25VL",
            "qwen3-vl": "qwen3vl_vllm.Qwen3VL",
            "openai": "openai.GPT4o",
        }
        self._models: dict[str, Any] = {}
        for family, name in backbones.items():
            file, _, kind = name.partition(".")
            made = getattr(importlib.import_module(f"editscore.mllm_tools.{file}"), kind)
            self._models[family] = made("none" if family == "openai" else "a-model")
        self._models["openai"].use_encode = True
        processor = self._models["qwen3-vl"].processor = MagicMock()
        processor.apply_chat_template = lambda messages, **_: messages  # the template is the model's own
        self._made = self._module.EditScore(backbone="openai", key="none", score_range=self.high)

    def messages(self, family: str, images: list[Image.Image], instruction: str) -> dict[str, Any]:
        """The inputs of both requests, as `evaluate` makes them."""
        model, judge = self._models[family], self._made
        change = judge.SC_prompt.replace("<instruction>", instruction)
        return {"SC": model.prepare_input(images, change), "PQ": model.prepare_input(images[-1], judge.PQ_prompt)}

    def read(self, text: str) -> Read:
        """The scores of an answer, as `evaluate` reads it; None where the code would ask again, or fails."""
        with quiet():
            try:
                return _scores(self._utils.mllm_output_to_dict(text, give_up_parsing=False, score_range=self.high))
            except Exception:
                return None


def _scores(found: Any) -> Read:
    """The scores in what a published reader returned; None where the code after it can't use them."""
    if not isinstance(found, dict):
        return None
    min(found["score"]) / 1  # as the code goes on
    return tuple(map(float, found["score"]))


def _content(made: Any) -> list[dict[str, Any]]:
    return made[0].get("content", made)


def _load(file: Path, name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _alone(folder: Path, *names: str) -> Iterator[None]:
    """Import from ``folder`` what it calls by names that others may have, too."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [each for each in sys.modules if each.partition(".")[0] in names]:
            del sys.modules[name]
