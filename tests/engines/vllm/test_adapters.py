import json
import struct

import pytest

from pytest_imagejudge.engines.vllm.adapters import find_adapter
from pytest_imagejudge.engines.vllm.arguments import adapter_arguments
from pytest_imagejudge.engines.vllm.model_files import Model
from pytest_imagejudge.errors import ConfigError

LAYER = "base_model.model.model.language_model.layers.{}.self_attn.{}.lora_{}.weight"
CONFIG = {"peft_type": "LORA", "r": 16, "base_model_name_or_path": "Qwen/Qwen3-VL-4B-Instruct"}
TEXT = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "num_hidden_layers": 2,
}


class Install:
    """A vLLM that knows some options."""

    version = "9.9"

    def __init__(self, *options):
        self.options = options

    def knows(self, option):
        return option in self.options


@pytest.fixture
def model(tmp_path):
    config = {"architectures": ["Qwen3VLForConditionalGeneration"], "text_config": TEXT}
    return Model("Qwen/Qwen3-VL-4B-Instruct", "abc", config, 1000, tmp_path)


@pytest.fixture
def write(tmp_path):
    def to(shapes=None, **config):
        folder = tmp_path / "adapter"
        folder.mkdir(exist_ok=True)
        (folder / "adapter_config.json").write_text(json.dumps({**CONFIG, **config}))
        named = {LAYER.format(1, "q_proj", "A"): (16, 64), LAYER.format(1, "q_proj", "B"): (128, 16)}
        head = json.dumps(
            {
                "__metadata__": {"format": "pt"},
                **{
                    name: {"dtype": "F32", "shape": list(shape), "data_offsets": [0, 0]}
                    for name, shape in (named if shapes is None else shapes).items()
                },
            }
        ).encode()
        (folder / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head)
        return str(folder)

    return to


def find(name, model):
    return find_adapter(name, model, "--edit-judge-adapter")


def test_an_adapter_that_fits(write, model):
    found = find(write(), model)
    assert (found.name, found.rank, found.served_rank, found.sees) == ("adapter", 16, 16, False)
    assert found.revision.startswith("folder-")
    assert find(write(r=20), model).served_rank == 32
    assert find(write(rank_pattern={"q_proj": 40}), model).rank == 40
    other = find(write(lora_alpha=3), model)
    assert other.revision != found.revision


def test_the_servers_options(write, model):
    options = ("--lora-modules", "--enable-tower-connector-lora")
    found = find(write(r=20), model)
    enable, limit, rank, modules, named = adapter_arguments(found, Install(*options))
    assert (enable, limit, rank, modules) == ("--enable-lora", "--max-lora-rank", "32", "--lora-modules")
    assert json.loads(named) == {"name": "Qwen/Qwen3-VL-4B-Instruct+adapter", "path": str(found.folder)}
    visual = {
        "base_model.model.visual.blocks.0.attn.qkv.lora_A.weight": (16, 8),
        LAYER.format(0, "q_proj", "A"): (16, 64),
    }
    assert "--enable-tower-connector-lora" in adapter_arguments(find(write(visual), model), Install(*options))
    with pytest.raises(ConfigError, match=r"vLLM 9\.9 serves no adapters"):
        adapter_arguments(found, Install())


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            {"base_model_name_or_path": "Qwen/Qwen3-VL-8B-Instruct"},
            "was made for Qwen/Qwen3-VL-8B-Instruct, and the judge",
        ),
        ({"base_model_name_or_path": "/models/Qwen2.5-VL-7B-Instruct/"}, "was made for /models/Qwen2.5-VL-7B"),
        ({"r": 513}, "has the rank 513, and vLLM serves adapters up to rank 512"),
        ({"rank_pattern": {"q_proj": 1024}}, "has the rank 1024"),
        ({"r": 0}, "r: a whole number of at least 1 is expected, not 0"),
        ({"r": "16"}, "r: a whole number"),
        ({"peft_type": "IA3"}, "an adapter of the kind IA3; vLLM serves LORA"),
        ({"use_dora": True}, "with DoRA"),
        ({"modules_to_save": ["lm_head"]}, "modules that were trained whole"),
    ],
)
def test_what_vllm_can_not_serve(write, model, config, words):
    with pytest.raises(ConfigError, match=words):
        find(write(**config), model)


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({LAYER.format(0, "q_proj", "A"): (16, 128)}, "has the size 128, and the model 64"),
        ({LAYER.format(0, "q_proj", "B"): (64, 16)}, "has the size 64, and the model 128"),
        ({LAYER.format(0, "v_proj", "B"): (128, 16)}, "has the size 128, and the model 64"),
        ({LAYER.format(0, "down_proj", "A"): (16, 64)}, "has the size 64, and the model 128"),
        ({LAYER.format(2, "q_proj", "A"): (16, 64)}, "it has layer 2, and the model has 2 layers"),
        ({}, "holds no LoRA of a language model's layers"),
    ],
)
def test_another_base_by_its_sizes(write, model, shapes, words):
    with pytest.raises(ConfigError, match=words):
        find(write(shapes), model)


def test_a_base_model_in_a_folder_may_have_any_name(write, model, tmp_path):
    config = {**model.config}
    assert find(write(), Model("my-judge", "abc", config, 1000, tmp_path)).rank == 16
    config["architectures"] = ["Qwen2_5_VLForConditionalGeneration"]
    with pytest.raises(ConfigError, match="and the judge my-judge is a Qwen2_5_VLForConditionalGeneration"):
        find(write(), Model("my-judge", "abc", config, 1000, tmp_path))
    assert find(write(base_model_name_or_path="/tmp/checkpoint-400"), Model("my-judge", "a", config, 1, tmp_path)).rank


def test_what_is_no_adapter(write, model, tmp_path):
    with pytest.raises(ConfigError, match="there is no such folder"):
        find(str(tmp_path / "none"), model)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"has no adapter_config.json, so it is no adapter$"):
        find(str(tmp_path / "empty"), model)
    (tmp_path / "empty" / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="it is a model: name it with --edit-judge-model"):
        find(str(tmp_path / "empty"), model)
    folder = write()
    (tmp_path / "adapter" / "adapter_model.safetensors").write_bytes(b"no")
    with pytest.raises(ConfigError, match=r"adapter_model\.safetensors is damaged"):
        find(folder, model)
    (tmp_path / "adapter" / "adapter_model.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"has no adapter_model\.safetensors"):
        find(folder, model)
    (tmp_path / "adapter" / "adapter_config.json").write_text("[]")
    with pytest.raises(ConfigError, match="is not an object"):
        find(folder, model)


def test_an_adapter_of_the_hub_that_can_not_be_had(model, monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(ConfigError, match="can't be downloaded, and is not in the cache"):
        find("nobody/no-adapter", model)
