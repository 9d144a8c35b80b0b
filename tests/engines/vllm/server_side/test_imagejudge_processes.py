"""Processes forked from one that has imported vLLM: in a Python of its own, since its multiprocessing is changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_imagejudge.engines.vllm.server_side import imagejudge_processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only there are processes forked")

SCRIPT = """
import json, multiprocessing, os, sys, time
import imagejudge_processes

def child(queue):
    queue.put([os.getpid(), os.getppid(), os.environ.get("SET_LATE"), os.environ.get("GONE"), "vllm" in sys.modules])

def engine():
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    answer = queue.get(timeout=60)
    process.join()
    return answer, process.exitcode, type(process).__name__

if __name__ == "__main__":
    imagejudge_processes.begin()
    os.environ["SET_LATE"] = "yes"
    os.environ.pop("GONE", None)
    print(json.dumps({**ACTIONS, "me": os.getpid()}))
"""

REGISTRY = """
import os

def _run_in_subprocess(function):
    return "in a new Python"

def inspect():
    return os.getpid()

def look():
    return _run_in_subprocess(inspect)
"""


def answers(folder: Path, actions: str, *, core: str = "", registry: str = "", args: tuple[str, ...] = ()) -> Any:
    """Run ``actions``, fields of an object, where vLLM is a package with these modules."""
    modules = {"vllm/v1/engine/core.py": core, "vllm/model_executor/models/registry.py": registry}
    for name, source in modules.items():
        place = folder / name
        place.parent.mkdir(parents=True)
        for parent in place.relative_to(folder).parents:
            (folder / parent / "__init__.py").touch()
        place.write_text(source)
    (folder / "cloudpickle.py").write_text("from pickle import dumps")  # vLLM needs it; functions of modules do without
    (folder / "script.py").write_text(SCRIPT.replace("**ACTIONS", actions))
    side = str(Path(imagejudge_processes.__file__).parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((side, str(folder), *sys.path)), "GONE": "no"}
    command = [sys.executable, str(folder / "script.py"), *args]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    *said, last = done.stdout.splitlines()
    return {**json.loads(last), "said": said}


def test_an_engine_is_a_fork_with_the_environment_of_its_start(tmp_path: Path) -> None:
    (tmp_path / "imports").touch()
    core = f"open({str(tmp_path / 'imports')!r}, 'a').write('x')"
    found = answers(tmp_path, '"first": engine(), "second": engine()', core=core)
    for name in ("first", "second"):
        (pid, parent, late, gone, has_vllm), code, kind = found[name]
        assert (late, gone, has_vllm, code, kind) == ("yes", None, True, 0, "_Forked")
        assert len({pid, parent, found["me"]}) == 3  # the child of the prepared process
    assert found["first"][0][1] == found["second"][0][1]
    assert (tmp_path / "imports").read_text() == "x"
    assert found["said"] == []


def test_where_vllm_can_not_be_prepared_an_engine_starts_in_a_new_python(tmp_path: Path) -> None:
    found = answers(tmp_path, '"first": engine()', core="raise RuntimeError('it wants a GPU')")
    (_, parent, late, gone, _), code, kind = found["first"]
    assert (parent, late, gone, code, kind) == (found["me"], "yes", None, 0, "_Spawned")
    assert found["said"] == [
        "imagejudge: processes start in a new Python: vLLM could not be imported beforehand",
    ]


def test_a_server_that_binds_its_processes_to_memory_starts_them_itself(tmp_path: Path) -> None:
    found = answers(tmp_path, '"first": engine()', args=("--numa-bind",))
    assert found["first"][2] == "SpawnProcess"


LOOK = "from vllm.model_executor.models import registry"


def test_a_models_class_is_looked_at_in_a_fork(tmp_path: Path) -> None:
    actions = f'"before": exec({LOOK!r}) or registry.look(), "done": imagejudge_processes.look_at_models(), '
    found = answers(tmp_path, actions + '"looked": registry.look()', registry=REGISTRY)
    assert found["before"] == "in a new Python"
    assert isinstance(found["looked"], int)
    assert found["looked"] != found["me"]


@pytest.mark.parametrize(
    ("core", "registry"),
    [("raise ImportError", REGISTRY), ("", REGISTRY.replace("os.getpid()", "1 / 0"))],
)
def test_what_can_not_be_looked_at_in_a_fork_is_left_to_vllm(tmp_path: Path, core: str, registry: str) -> None:
    actions = f'"done": exec({LOOK!r}) or imagejudge_processes.look_at_models(), "looked": registry.look()'
    assert answers(tmp_path, actions, core=core, registry=registry)["looked"] == "in a new Python"


def test_a_vllm_that_looks_in_another_way_is_let_alone(tmp_path: Path) -> None:
    assert answers(tmp_path, '"done": imagejudge_processes.look_at_models()', registry="")["done"] is None
