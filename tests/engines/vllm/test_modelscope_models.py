"""Models of ModelScope: looked up, fetched, checked and served, with its own client and a site of our own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stand_in.forks import ForkServer
from tests.stand_in.hubs import FILES, SHARDS, Machine, ModelScope, index

NAME = "modelscope:org/judge"


@pytest.fixture
def site() -> Iterator[ModelScope]:
    served = ModelScope()
    yield served
    served.close()


@pytest.fixture
def machine(tmp_path: Path, site: ModelScope, forks: ForkServer) -> Machine:
    machine = Machine(tmp_path, "http://127.0.0.1:9", forks)  # the Hub is never asked
    machine.environment |= site.environment(tmp_path)
    return machine


def starts(machine: Machine) -> list[list[str]]:
    return [json.loads(line) for line in (machine.folder / "standin" / "starts").read_text().splitlines()]


def folder(machine: Machine) -> Path:
    """The folder of the model that was served last."""
    return Path((machine.folder / "standin" / "folder").read_text())


def serve(machine: Machine) -> tuple[dict[str, object], str]:
    """Facts and messages of a server that was started and is stopped again."""
    served = machine.command("serve", "--json", "--judge-model", NAME)
    try:
        assert served.returncode == 0, served.stderr
        return json.loads(served.stdout), served.stderr
    finally:
        assert machine.command("serve", "--stop").returncode == 0


def test_a_model_is_looked_up_fetched_and_served(machine: Machine, site: ModelScope) -> None:
    found = machine.doctor("--judge-model", NAME)
    assert found["problems"] == []
    assert (found["model"], found["architecture"]) == ("org/judge", "Qwen3VLForConditionalGeneration")
    assert (found["weights_bytes"], found["download_bytes"]) == (5000, 5002)  # with its tokenizer
    assert not any(path.endswith((".safetensors", ".bin", ".md")) for path in site.paths)

    facts, messages = serve(machine)
    assert facts["revision"] == found["revision"]
    assert "downloading org/judge" in messages
    (start,) = starts(machine)
    names = {file.name for file in folder(machine).iterdir()}
    assert names == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert start[start.index("--served-model-name") + 1] == NAME
    assert "VLLM_USE_MODELSCOPE" not in json.loads((machine.folder / "standin" / "environment").read_text())

    site.close()  # and now without a network
    for more in ({}, {"HF_HUB_OFFLINE": "1"}):
        again = machine.doctor("--judge-model", NAME, **more)
        assert again["problems"] == []
        assert (again["revision"], again["download_bytes"]) == (found["revision"], 0)


def test_vllms_switch_makes_every_name_one_of_modelscope(machine: Machine, site: ModelScope) -> None:
    machine.environment["VLLM_USE_MODELSCOPE"] = "True"
    found = machine.doctor("--judge-model", "org/judge")
    assert found["problems"] == []
    assert found["revision"] == machine.doctor("--judge-model", NAME, VLLM_USE_MODELSCOPE="0")["revision"]
    served = machine.command("serve", "--json", "--judge-model", "org/judge")
    assert machine.command("serve", "--stop").returncode == 0
    assert served.returncode == 0, served.stderr
    assert "VLLM_USE_MODELSCOPE" not in json.loads((machine.folder / "standin" / "environment").read_text())


def test_the_revision_follows_what_serving_reads(machine: Machine, site: ModelScope) -> None:
    first = machine.doctor("--judge-model", NAME)["revision"]
    site.files["README.md"] = b"# other words"
    site.files["pytorch_model.bin"] = b"y" * 10
    assert machine.doctor("--judge-model", NAME)["revision"] == first
    site.files["model.safetensors"] = b"v" * 5000  # trained on, of the same size
    assert machine.doctor("--judge-model", NAME)["revision"] != first


def test_weights_that_changed_under_the_same_size_are_fetched_again(machine: Machine, site: ModelScope) -> None:
    serve(machine)
    site.files["model.safetensors"] = b"v" * 5000
    serve(machine)
    assert (folder(machine) / "model.safetensors").read_bytes() == b"v" * 5000


def test_a_file_that_was_changed_on_the_disk_is_fetched_again(machine: Machine, site: ModelScope) -> None:
    serve(machine)
    weights = folder(machine) / "model.safetensors"
    weights.write_bytes(b"spoilt" + b"w" * 4994)
    os.utime(weights, (1, 1))
    assert machine.doctor("--judge-model", NAME)["download_bytes"] == 0  # it has the right size, and is to be checked
    serve(machine)
    assert weights.read_bytes() == FILES["model.safetensors"]


def test_what_the_clients_own_command_fetched_is_checked_and_not_fetched_again(
    machine: Machine, site: ModelScope
) -> None:
    serve(machine)
    for record in (machine.folder / "cache" / "modelscope").iterdir():
        record.unlink()
    site.paths.clear()
    serve(machine)
    assert not any(path.endswith(".safetensors") for path in site.paths)


def test_shards_are_those_that_the_index_names(machine: Machine, site: ModelScope) -> None:
    small = {name: data for name, data in FILES.items() if name.endswith(".json")}
    site.files = {**small, **SHARDS, "model.safetensors.index.json": index(*SHARDS)}
    found = machine.doctor("--judge-model", NAME)
    assert (found["problems"], found["weights_bytes"]) == ([], 6000)
    del site.files["model-00002-of-00002.safetensors"]
    (problem,) = machine.doctor("--judge-model", NAME)["problems"]
    assert "its model.safetensors.index.json names model-00002-of-00002.safetensors, which it does not have" in problem


def test_a_download_that_is_not_what_was_listed_ends_with_an_error(machine: Machine, site: ModelScope) -> None:
    site.files["model.safetensors"] = b"ab" * 2500
    site.spoilt = {"model.safetensors"}
    served = machine.command("serve", "--judge-model", NAME)
    assert served.returncode == 3, served.stderr
    assert "model.safetensors" in served.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["modelscope:org/nothing"], ["no such model at ModelScope", "MODELSCOPE_API_TOKEN"]),
        (["modelscope:org/private"], ["MODELSCOPE_API_TOKEN"]),
        ([NAME, "--judge-revision", "v9"], ["'v9'", "no such revision", "it has master"]),
        (["modelscope:judge"], ["modelscope:ORG/NAME is expected"]),
        (["modelscope:"], ["modelscope:ORG/NAME is expected"]),
    ],
)
def test_what_is_not_to_be_had(machine: Machine, args: list[str], words: list[str]) -> None:
    (problem,) = machine.doctor("--judge-model", *args)["problems"]
    for word in words:
        assert word in problem
    assert "--judge-model" in problem
    assert "\n" not in problem


def test_without_network_and_cache(machine: Machine) -> None:
    (problem,) = machine.doctor("--judge-model", NAME, HF_HUB_OFFLINE="1")["problems"]
    assert "was not looked up on this machine before, and HF_HUB_OFFLINE is set" in problem
    (problem,) = machine.doctor("--judge-model", NAME, MODELSCOPE_ENDPOINT="http://127.0.0.1:9")["problems"]
    assert "was not looked up on this machine before, and ModelScope can't be asked" in problem


def test_half_a_model_in_the_cache(machine: Machine, site: ModelScope) -> None:
    machine.doctor("--judge-model", NAME)
    (problem,) = machine.doctor("--judge-model", NAME, HF_HUB_OFFLINE="1")["problems"]
    assert "is in the local cache without" in problem


def test_without_the_client_the_extra_is_named(machine: Machine, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden" / "modelscope_hub"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('not here')")
    (problem,) = machine.doctor("--judge-model", NAME, PYTHONPATH=str(hidden.parent))["problems"]
    assert "pip install 'pytest-imagejudge[modelscope]'" in problem


@pytest.mark.parametrize("name", ["../../judge.json", "/judge.json", "a/../../judge.json", "a//judge.json", "a\0.json"])
def test_names_that_lead_out_of_the_model_are_refused(machine: Machine, site: ModelScope, name: str) -> None:
    site.files[name] = b"{}"
    (problem,) = machine.doctor("--judge-model", NAME)["problems"]
    assert "which is no name of a file of the model" in problem
    assert "judge.json" in problem or "\\x00" in problem
    assert "\0" not in problem
    assert not any(path.endswith("json") for path in site.paths)  # nothing of it is fetched


@pytest.mark.parametrize("checked", [[], None, "all", 5])
def test_a_damaged_record_counts_as_nothing_checked(machine: Machine, checked: object) -> None:
    machine.doctor("--judge-model", NAME)
    (record,) = (machine.folder / "cache" / "modelscope").iterdir()
    record.write_text(json.dumps({**json.loads(record.read_text()), "checked": checked}))
    (problem,) = machine.doctor("--judge-model", NAME, HF_HUB_OFFLINE="1")["problems"]
    assert "is in the local cache without" in problem
    assert machine.doctor("--judge-model", NAME)["problems"] == []
