"""Engines and protocols of other distributions: found by name, and named where they are broken."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.engines import make_engine
from pytest_imagejudge.engines.vllm.engine import VllmEngine
from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.settings import JudgeSettings, side_by_side
from pytest_imagejudge.support.entry_points import ENGINES, PROTOCOLS, distributions_of, names_of

HEAD = "import pluggy\nhookimpl = pluggy.HookimplMarker('imagejudge')\n"
ENGINE = (
    HEAD
    + """
from pytest_imagejudge.engines.base import Engine

class Ours(Engine):
    def __init__(self, model):
        self.name = model
    def identity(self): ...
    def preflight(self): ...
    async def start(self, progress): ...
    async def ask(self, request): ...

@hookimpl
def imagejudge_engine(settings):
    return Ours(settings.model)
"""
)
PROTOCOL = (
    HEAD
    + """
from pytest_imagejudge.protocols import load_protocol

@hookimpl
def imagejudge_protocol(name, kind, thinking_budget):
    protocol = load_protocol("house", kind=kind)
    protocol.name = f"{name} {kind} {thinking_budget}"
    return protocol
"""
)
Installer = Callable[..., None]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installer:
    """Put a distribution with one module, named as its entry point, where Python finds it."""
    monkeypatch.chdir(tmp_path)

    def install(group: str, name: str, source: str | None, distribution: str = "of-others") -> None:
        site = tmp_path / distribution
        info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = module_{name}\n")
        if source is not None:
            (site / f"module_{name}.py").write_text(source)
        monkeypatch.syspath_prepend(site)
        monkeypatch.delitem(sys.modules, f"module_{name}", raising=False)

    return install


def engine(model: str) -> object:
    return make_engine(JudgeSettings(model=model), load_protocol("house"), state_dir=Path("state"))


def test_an_engine_by_its_name(installed: Installer, tmp_path: Path) -> None:
    installed(ENGINES, "ours", ENGINE)
    assert names_of(ENGINES) == ("ours",)
    assert distributions_of(ENGINES) == {"ours": "of-others 1.0"}
    assert names_of(PROTOCOLS) == ()
    assert type(engine("signals")).__name__ == "SignalsEngine"
    assert isinstance(engine("org/ours"), VllmEngine)
    assert "module_ours" not in sys.modules  # nobody asked for it yet
    assert engine("ours").name == "ours"  # type: ignore[attr-defined]
    assert engine("ours:fine/1").name == "ours:fine/1"  # type: ignore[attr-defined]
    (tmp_path / "ours").mkdir()
    assert isinstance(engine("ours"), VllmEngine)  # a folder with a model


def test_a_protocol_by_its_name(installed: Installer, tmp_path: Path) -> None:
    installed(PROTOCOLS, "own", PROTOCOL)
    assert load_protocol("house").name == "house"
    assert "module_own" not in sys.modules
    assert load_protocol("own").name == "own None None"
    assert load_protocol("own", kind="edit", thinking_budget=7).name == "own edit 7"
    (tmp_path / "own").write_text("no protocol")
    with pytest.raises(ConfigError, match="TOML"):
        load_protocol("own")  # the file


def test_unknown_names_are_told_all_known_ones(installed: Installer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    installed(ENGINES, "contrast", ENGINE)
    installed(PROTOCOLS, "one-number", PROTOCOL, "another")
    with pytest.raises(ConfigError, match=r'did you mean "contrast"\?\), .*; engines by name: signals, contrast$'):
        engine("contrats")
    with pytest.raises(ConfigError, match=r'did you mean "signals"'):
        engine("signls")
    with pytest.raises(ConfigError, match=r"engines by name: signals, contrast$"):
        engine("other").model()  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=r'did you mean "one-number"\?\); expected q-judger, .*, one-number, or a'):
        load_protocol("one-numbre")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (None, "ModuleNotFoundError: No module named 'module_ours'"),
        ("1 / 0", "ZeroDivisionError"),
        (HEAD + "@hookimpl\ndef imagejudge_engine(setings):\n    return 1\n", "PluginValidationError"),
        (HEAD + "@hookimpl\ndef imagejudge_engin(settings):\n    return 1\n", "hook imagejudge_engine, not none"),
        (HEAD + "@hookimpl\ndef imagejudge_engine(settings):\n    return 1\n", "base.Engine is expected.*, not int"),
        (HEAD + "@hookimpl\ndef imagejudge_engine(settings):\n    raise KeyError('x')\n", "KeyError: 'x'"),
    ],
)
def test_a_broken_one_names_its_distribution(installed: Installer, source: str | None, words: str) -> None:
    installed(ENGINES, "ours", source)
    with pytest.raises(ConfigError, match=rf"'ours' \(entry point in imagejudge.engines of of-others 1.0\).*{words}"):
        engine("ours")


def test_its_own_words_are_kept(installed: Installer) -> None:
    source = f"{HEAD}from pytest_imagejudge import ConfigError\n@hookimpl\ndef imagejudge_engine(settings):\n"
    installed(ENGINES, "ours", source + "    raise ConfigError('no licence')\n")
    with pytest.raises(ConfigError, match=r"^no licence$"):
        engine("ours")


def test_two_of_one_name_are_refused(installed: Installer) -> None:
    installed(ENGINES, "ours", ENGINE)
    installed(ENGINES, "ours", ENGINE, "another")
    with pytest.raises(ConfigError, match=r"another 1.0 and of-others 1.0\): one distribution is expected"):
        engine("ours")


def test_a_server_of_ours_leaves_an_engine_of_others_no_room(installed: Installer) -> None:
    installed(ENGINES, "ours", ENGINE)
    for model, beside in (("ours", False), ("org/other", True)):
        both = side_by_side(JudgeSettings(model="org/judge"), JudgeSettings(model=model, kind="edit"))
        made = make_engine(both[0], load_protocol("house"), state_dir=Path("state"))
        assert isinstance(made, VllmEngine)
        assert (made.settings.beside is not None) is beside


def test_the_commands_about_servers(installed: Installer, capsys: pytest.CaptureFixture[str]) -> None:
    installed(ENGINES, "ours", ENGINE)
    installed(PROTOCOLS, "own", PROTOCOL, "another")
    assert main(["serve", "--judge-model", "ours"]) == 2
    assert "only a model that vLLM serves has a server" in capsys.readouterr().err
    main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["engines"], found["protocols"]) == ({"ours": "of-others 1.0"}, {"own": "another 1.0"})
    assert {"module_ours", "module_own"} & set(sys.modules) == {"module_ours"}  # doctor lists names only
