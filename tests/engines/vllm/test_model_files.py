"""Models by name: a Hub of our own, folders, the local cache; with a stand-in for vLLM that serves what was fetched."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_imagejudge.engines.vllm import hub_models, model_files, model_lookup
from pytest_imagejudge.errors import ConfigError
from tests.stand_in.forks import ForkServer
from tests.stand_in.hubs import COMMIT, FILES, SHARDS, Hub, Machine, index
from tests.stand_in.vllm import checkpoint


@pytest.fixture
def our_hub() -> Iterator[Hub]:
    served = Hub()
    yield served
    served.close()


@pytest.fixture
def machine(tmp_path: Path, our_hub: Hub, forks: ForkServer) -> Machine:
    return Machine(tmp_path, our_hub.url, forks)


def test_a_model_is_looked_up_fetched_and_served(machine: Machine, our_hub: Hub) -> None:
    found = machine.doctor("--judge-model", "org/judge")
    assert found["problems"] == []
    assert found["revision"] == COMMIT
    assert (found["weights_bytes"], found["architecture"]) == (5000, "Qwen3VLForConditionalGeneration")
    assert found["download_bytes"] == 5002  # with its tokenizer; neither the other weights nor the page
    assert not any(path.endswith((".safetensors", ".bin")) for path in our_hub.paths)

    served = machine.command("serve", "--json", "--judge-model", "org/judge", "--judge-revision", "main")
    try:
        assert served.returncode == 0, served.stderr
        facts = json.loads(served.stdout)
        assert facts["revision"] == COMMIT
        assert "downloading org/judge" in served.stderr
        (start,) = [json.loads(line) for line in (machine.folder / "standin" / "starts").read_text().splitlines()]
        assert start[1] == "model"
        (folder,) = (link.resolve() for link in machine.folder.rglob("run/1/model"))
        tokenizer = {"tokenizer.json", "tokenizer_config.json"}
        assert {file.name for file in folder.iterdir()} == {"config.json", "model.safetensors", *tokenizer}
        assert start[start.index("--served-model-name") + 1] == "org/judge"
        assert start[start.index("--reasoning-parser") + 1] == "qwen3"  # by its template
        assert machine.doctor("--judge-model", "org/judge", "--judge-revision", COMMIT)["running"]
    finally:
        assert machine.command("serve", "--stop").returncode == 0

    our_hub.close()  # and now without a network
    for more in ({}, {"HF_HUB_OFFLINE": "1"}):
        found = machine.doctor("--judge-model", "org/judge", **more)
        assert found["problems"] == []
        assert (found["revision"], found["download_bytes"]) == (COMMIT, 0)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["org/nothing"], ["no such folder", "no such model", "HF_TOKEN"]),
        (["org/gated"], ["gated", "HF_TOKEN"]),
        (["org/judge", "--judge-revision", "v9"], ["'v9'", "no such revision", "it has main"]),
        (["./nowhere"], ["'./nowhere'", "no such folder"]),
        (["a b"], ["'a b'"]),
    ],
)
def test_what_is_not_to_be_had(machine: Machine, args: list[str], words: list[str]) -> None:
    (problem,) = machine.doctor("--judge-model", *args)["problems"]
    for word in words:
        assert word in problem
    assert "--judge-model" in problem


def test_without_network_and_cache(machine: Machine) -> None:
    (problem,) = machine.doctor("--judge-model", "org/judge", HF_HUB_OFFLINE="1")["problems"]
    assert "not in the local cache, and HF_HUB_OFFLINE is set" in problem
    (problem,) = machine.doctor("--judge-model", "org/judge", HF_ENDPOINT="http://127.0.0.1:9")["problems"]
    assert "not in the local cache, and http://127.0.0.1:9 can't be asked" in problem


def test_a_folder_is_known_by_its_content(tmp_path: Path) -> None:
    one = checkpoint(tmp_path / "one", size=40_000_000)
    other = checkpoint(tmp_path / "other", size=40_000_000)
    assert model_files.folder_digest(one) == model_files.folder_digest(other)
    os.utime(one / "model.safetensors", (1, 1))
    (one / "README.md").write_text("words")
    assert model_files.folder_digest(one) == model_files.folder_digest(other)
    with (one / "model.safetensors").open("r+b") as file:
        file.seek(20_971_520)
        file.write(b"x")
    assert model_files.folder_digest(one) != model_files.folder_digest(other)
    (other / "config.json").write_text("{}")
    assert len({model_files.folder_digest(one), model_files.folder_digest(other)}) == 2


def test_folders_that_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"has no config\.json"):
        model_lookup.find_model(str(tmp_path / "empty"), None, "--judge-model")
    (tmp_path / "empty" / "config.json").write_text("[1]")
    with pytest.raises(ConfigError, match="not an object"):
        model_lookup.find_model(str(tmp_path / "empty"), None, "--judge-model")
    (tmp_path / "empty" / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="can't be read"):
        model_lookup.find_model(str(tmp_path / "empty"), None, "--judge-model")
    with pytest.raises(ConfigError, match="has no revision 'main'"):
        model_lookup.find_model(str(checkpoint(tmp_path / "model")), "main", "--judge-model")


@pytest.mark.parametrize(
    ("files", "read"),
    [
        (
            {**SHARDS, "model.fp16.safetensors": b"v" * 7000, "model.safetensors.index.json": index(*SHARDS)},
            set(SHARDS),
        ),
        (
            {"consolidated.safetensors": b"v" * 6000, **SHARDS, "model.safetensors.index.json": index(*SHARDS)},
            {"consolidated.safetensors"},
        ),
        ({"model.safetensors": b"w" * 6000, "pytorch_model.bin": b"v" * 7000}, {"model.safetensors"}),
        ({"pytorch_model.bin": b"w" * 6000, "consolidated.pth": b"v" * 7000}, {"pytorch_model.bin"}),
    ],
    ids=["index", "mistral", "safetensors", "bin"],
)
def test_of_several_formats_what_vllm_reads_is_counted_and_fetched(
    machine: Machine, our_hub: Hub, files: dict[str, bytes], read: set[str]
) -> None:
    small = {name: data for name, data in FILES.items() if name.endswith(".json")}
    our_hub.files = {**small, **files, "lora/adapter.safetensors": b"a" * 100}
    found = machine.doctor("--judge-model", "org/judge")
    assert found["problems"] == []
    assert found["weights_bytes"] == 6000
    weights = {name for name in files if not name.endswith(".json")}
    assert machine.fetch() & weights == read

    folder = machine.folder / "here"
    folder.mkdir()
    for name, data in {**small, **files}.items():
        (folder / name).write_bytes(data)
    assert model_lookup.find_model(str(folder), None, "--judge-model").weights == 6000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (index("model-7.safetensors"), "names model-7.safetensors, which it does not have"),
        (b"[]", "is damaged"),
        (b'{"weight_map": ["model.safetensors"]}', "is damaged"),
    ],
)
def test_an_index_that_is_wrong(machine: Machine, our_hub: Hub, text: bytes, words: str) -> None:
    our_hub.files = {**FILES, "model.safetensors.index.json": text}
    (problem,) = machine.doctor("--judge-model", "org/judge")["problems"]
    assert f"its model.safetensors.index.json {words}" in problem
    if "damaged" in words:
        folder = checkpoint(machine.folder / "model")
        (folder / "model.safetensors.index.json").write_bytes(text)
        with pytest.raises(ConfigError, match=rf"its model\.safetensors\.index\.json {words}"):
            model_lookup.find_model(str(folder), None, "--judge-model")


def test_a_mirror_that_tells_no_sizes(machine: Machine, our_hub: Hub) -> None:
    our_hub.tells_sizes = False
    found = machine.doctor("--judge-model", "org/judge")
    assert (found["weights_bytes"], found["download_bytes"]) == (5000, 5000)  # asked for file by file
    small = {name: data for name, data in FILES.items() if name.endswith(".json")}
    our_hub.files = {**small, **SHARDS, "model.safetensors.index.json": index(*SHARDS, total_size=5990)}
    our_hub.paths.clear()
    found = machine.doctor("--judge-model", "org/judge")
    assert (found["weights_bytes"], found["download_bytes"]) == (5990, 5990)
    assert not any(path.endswith(".safetensors") for path in our_hub.paths)


def test_a_size_that_nobody_tells_is_not_taken_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda url, timeout: SimpleNamespace(size=None))
    with pytest.raises(ConfigError, match=r"'org/judge': .* does not tell the size of its model\.safetensors"):
        hub_models._remote_size("org/judge", COMMIT, "model.safetensors", "--judge-model 'org/judge'")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"model.safetensors": b"w"}, "without its tokenizer"),
        ({"tokenizer.json": b"{}"}, "without its weights"),
        ({"tokenizer.json": b"{}", "model-00001-of-00002.safetensors": b"w"}, "with 1 of 2 files of its weights"),
        (
            {**SHARDS, "model.safetensors.index.json": index(*SHARDS, "model-3.safetensors"), "tokenizer.json": b"{}"},
            "without model-3.safetensors",
        ),
        ({**SHARDS, "tokenizer.json": b"{}"}, ""),
        ({"consolidated.safetensors": b"w", **dict([*SHARDS.items()][:1]), "tekken.json": b"{}"}, ""),
    ],
)
def test_half_a_model_in_the_cache(machine: Machine, files: dict[str, bytes], words: str) -> None:
    cached = machine.folder / "hf" / "hub" / "models--org--judge"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text(COMMIT)
    (cached / "snapshots" / COMMIT).mkdir(parents=True)
    for name, data in {"config.json": FILES["config.json"], "tokenizer_config.json": b"{}", **files}.items():
        (cached / "snapshots" / COMMIT / name).write_bytes(data)
    problems = machine.doctor("--judge-model", "org/judge", HF_HUB_OFFLINE="1")["problems"]
    if words:
        (problem,) = problems
        assert f"in the local cache {words}" in problem
        assert "HF_HUB_OFFLINE is set" in problem
    else:
        assert problems == []


def test_a_folder_goes_by_its_name_wherever_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = checkpoint(tmp_path / "a" / "judge"), checkpoint(tmp_path / "b" / "judge")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "judge").symlink_to(one)
    monkeypatch.chdir(one)
    names = [str(one), f"{other}/", ".", "../judge", "../../linked/judge", "../judge/."]
    found = [model_lookup.find_model(name, None, "--judge-model") for name in names]
    assert {(model.name, model.revision) for model in found} == {("judge", found[0].revision)}
    assert [model.folder for model in found] == [one, other, one, one, one, one]
