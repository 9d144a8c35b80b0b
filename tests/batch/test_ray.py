"""``imagejudge score --engine ray`` on a cluster of two nodes on this machine; needs Ray Data."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_imagejudge.cli import main
from tests.commands.test_score import answer, judged, rows, write
from tests.stand_in import published_words
from tests.stand_in.endpoint import StandIn

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("ray.data.llm", exc_type=ImportError)
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("words")
        published_words.use(patch, folder)  # the nodes' processes inherit these
        patch.setenv("IMAGEJUDGE_CACHE", str(folder / "cache"))
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]) + os.pathsep + os.environ.get("PYTHONPATH", ""))
        nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
        nodes.add_node(num_cpus=2)
        yield nodes.address
        nodes.shutdown()


def run(
    capfd: pytest.CaptureFixture[str], server: StandIn, address: str, *args: object, code: int = 0
) -> tuple[dict[str, Any], str]:
    command = [
        "score",
        *map(str, args),
        "--judge-url",
        server.url,
        "--engine",
        "ray",
        "--ray-address",
        address,
        "--json",
    ]
    assert main(command) == code
    captured = capfd.readouterr()
    return json.loads(captured.out), captured.err


def test_two_nodes(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    server = StandIn(answer)
    for i in range(5):
        Image.new("RGB", (8, 8), (i * 30, 9, 9)).save(tmp_path / f"{i}.png")
    (tmp_path / "4.png").write_bytes(b"no image")
    path = write(tmp_path / "in.jsonl", rows("a bad fox", "a good fox", "an odd one", "refused", "a broken image"))
    protocol = ("--judge-protocol", "q-judger")
    found, said = run(capfd, server, cluster, path, *protocol, code=3)
    assert "Ray: 2 nodes, 4 CPUs" in said
    assert (found["judged"], found["unreadable"], found["engine_failed"], found["image_unreadable"]) == (2, 1, 1, 1)
    assert (found["from_store"], found["scores"]["total"]) == (0, 50)
    assert "no such thing" in said
    lines = judged(tmp_path / "in_judged.jsonl")
    assert lines[2]["quality_judge_output"] == "<think>hm"
    assert len([call for call in server.asked if "no such" not in str(call)]) >= 15
    answered = len(server.asked)
    again, _ = run(capfd, server, cluster, path, *protocol, code=3)
    assert (again["judged"], again["from_store"]) == (2, 2)
    asked = [json.dumps(call.body["messages"]) for call in server.asked[answered:]]
    assert asked
    assert all("an odd one" in one or "refused" in one for one in asked)  # only what was refused or could not be read
    server.close()


def test_a_model_needs_a_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save(tmp_path / "0.png")
    path = write(tmp_path / "in.jsonl", rows("a fox"))
    assert main(["score", str(path), "--judge-model", "signals", "--engine", "ray"]) == 2
    assert "--judge-url" in capsys.readouterr().err
