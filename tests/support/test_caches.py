"""Folders for files that are kept, with and without a home folder."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from huggingface_hub import constants
from PIL import Image

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.inputs.hub import hub_file
from pytest_imagejudge.settings import JudgeSettings, cache_dir
from pytest_imagejudge.support.caches import check_hub_cache, engine_folder, unusable_cache

HINT = "set IMAGEJUDGE_CACHE to a folder that can be written"
SERVED = JudgeSettings(model="a/model")
WITHOUT = [JudgeSettings(model="signals"), JudgeSettings(urls=("http://localhost:9",))]


def nobody(uid: int) -> None:
    raise KeyError(uid)


@pytest.fixture(autouse=True)
def no_cache_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IMAGEJUDGE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user without HOME and without an entry in the passwd file."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.usefixtures("homeless")
def test_without_a_home_the_variable_is_named(monkeypatch: pytest.MonkeyPatch, old: bool) -> None:
    if old:  # platformdirs 4.3
        monkeypatch.setattr(platformdirs, "user_cache_dir", lambda *_, **__: "~/.cache/imagejudge")
    for ask in (cache_dir, lambda: engine_folder(SERVED)):
        with pytest.raises(ConfigError, match=HINT):
            ask()
    assert HINT in unusable_cache()
    for settings in WITHOUT:
        folder = engine_folder(settings)
        assert folder.is_dir()
        assert folder.is_absolute()
        assert folder == engine_folder(settings)
    monkeypatch.setenv("IMAGEJUDGE_CACHE", "~/cache")
    with pytest.raises(ConfigError, match=HINT):
        cache_dir()
    assert not list(Path.cwd().iterdir())


@pytest.mark.usefixtures("homeless")
def test_without_a_home_the_cache_may_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path / "cache"))
    assert {cache_dir(), engine_folder(SERVED), *map(engine_folder, WITHOUT)} == {tmp_path / "cache"}
    assert unusable_cache() == ""


def test_with_a_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir() == Path(platformdirs.user_cache_dir("imagejudge", appauthor=False))
    assert cache_dir().is_relative_to(tmp_path)
    assert engine_folder(SERVED) == cache_dir()
    assert unusable_cache() == ""
    monkeypatch.setenv("IMAGEJUDGE_CACHE", "~/cache")
    assert cache_dir() == tmp_path / "cache"
    monkeypatch.setenv("IMAGEJUDGE_CACHE", "cache")
    assert cache_dir() == Path("cache")


def test_a_file_in_the_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for cache, word in (("file", "written"), ("file/cache", "made")):
        monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path / cache))
        assert unusable_cache() == f"{tmp_path / cache} can't be {word}; {HINT}"


def test_a_folder_that_may_not_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path / "made" / "later"))
    assert unusable_cache() == ""
    asked = []
    monkeypatch.setattr(os, "access", lambda folder, mode: asked.append(folder))
    assert unusable_cache() == f"{tmp_path / 'made' / 'later'} can't be made; {HINT}"
    assert asked == [tmp_path]


def test_the_hub_makes_no_folder_named_like_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    check_hub_cache()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", "~/.cache/huggingface/hub")
    for ask in (check_hub_cache, lambda: hub_file("hf://datasets/a/b/c.jsonl")):
        with pytest.raises(ConfigError, match="set HF_HOME to a folder"):
            ask()


def test_a_folder_of_another_user_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "later"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "closed"))
    check_hub_cache()
    real = os.stat

    def stat(path: Any, **options: Any) -> os.stat_result:
        if str(path) == str(tmp_path / "closed"):
            raise PermissionError(13, "Permission denied")
        return real(path, **options)

    monkeypatch.setattr(os, "stat", stat)
    with pytest.raises(ConfigError, match="closed is closed to this user: set HF_HOME"):
        check_hub_cache()


def test_the_embedded_judge_needs_no_home(tmp_path: Path) -> None:
    pytest.importorskip("rapidocr")
    (tmp_path / "nobody.py").write_text(
        "import pwd\ndef nobody(uid):\n    raise KeyError(uid)\npwd.getpwuid = nobody\n"
    )
    Image.linear_gradient("L").convert("RGB").save(tmp_path / "a.png")
    (tmp_path / "test_a.py").write_text("def test_a(image_judge):\n    image_judge.score('a.png', prompt='p')\n")
    line = [
        sys.executable,
        "-m",
        "pytest",
        "-pno:cacheprovider",
        "-pnobody",
        "-pimagejudge",
        "--judge-model=signals",
        "--judge-no-store",
    ]
    unset = ("HOME", "IMAGEJUDGE_CACHE", "XDG_CACHE_HOME", "PYTEST_ADDOPTS", "PYTEST_PLUGINS")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    path = os.pathsep.join(filter(None, [str(tmp_path), environment.get("PYTHONPATH", "")]))
    before = set(tmp_path.iterdir())
    done = subprocess.run(
        line,
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert {made.name for made in set(tmp_path.iterdir()) - before} <= {".benchmarks"}  # of another plugin
