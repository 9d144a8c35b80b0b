"""Tiny checkpoints of the judges' architectures with random weights: what vLLM loads is real, its answers are noise.

What lies beside the weights serves the checkpoints of ``benchmarks/gpu`` too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SPECIAL = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<think>",
    "</think>",
]
TEMPLATE = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.content is string %}{{- message.content }}{%- else %}{%- for part in message.content %}"
    "{%- if part.type == 'text' %}{{- part.text }}"
    "{%- else %}{{- '<|vision_start|><|image_pad|><|vision_end|>' }}{%- endif %}"
    "{%- endfor %}{%- endif %}{{- '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}THINKING{%- endif %}"
)
THINKING = (
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}"
    "{%- else %}{{- '<think>\\n' }}{%- endif %}"
)
TEXT = """Judge the picture by its prompt: quality, aesthetics, alignment, realism, layout, style, light and colour.
Answer with an object in JSON: {"Realism": {"Physical Logic": {"score": 0}, "Geometry": {"score": "N/A"}}}, 1, 2, 3.5.
"""
CLIP_MEAN, CLIP_DEVIATION = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
QWEN35, QWEN3VL, QWEN25VL = "qwen3_5", "qwen3_vl", "qwen2_5_vl"


def build(folder: Path, kind: str) -> Path:
    """Write a checkpoint of ``kind`` into ``folder``."""
    import torch
    import transformers

    from pytest_imagejudge.taxonomy import TREE

    folder.mkdir(parents=True, exist_ok=True)
    texts = [TEXT, json.dumps(TREE), json.__doc__ or ""]  # not this file: each edit would make other noise
    ids = write_beside(folder, kind, texts, tokens=2000, longest=32_768)
    ids_in_config = {
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
    }
    text: dict[str, Any] = {
        "vocab_size": (len(ids) + 127) // 128 * 128,
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 64,
        "max_position_embeddings": 32_768,
        "eos_token_id": ids["<|im_end|>"],
        "bos_token_id": None,
        "pad_token_id": None,
        "tie_word_embeddings": False,
    }
    vision: dict[str, Any] = {"depth": 2, "hidden_size": 64, "intermediate_size": 128, "num_heads": 4}
    rope = {"rope_type": "default", "rope_theta": 1_000_000.0}
    torch.manual_seed(0)
    if kind == QWEN35:
        text |= {
            "layer_types": ["linear_attention"] * 3 + ["full_attention"],
            "full_attention_interval": 4,
            "linear_key_head_dim": 64,
            "linear_value_head_dim": 64,
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
            "mamba_ssm_dtype": "float32",
            "partial_rotary_factor": 0.25,
            "rope_parameters": {
                **rope,
                "mrope_section": [3, 3, 2],
                "mrope_interleaved": True,
                "partial_rotary_factor": 0.25,
            },
        }
        vision |= {"out_hidden_size": 128, "deepstack_visual_indexes": []}
        config = transformers.Qwen3_5Config(text_config=text, vision_config=vision, **ids_in_config)
        model = transformers.Qwen3_5ForConditionalGeneration(config)
    elif kind == QWEN3VL:
        text |= {"rope_parameters": {**rope, "mrope_section": [12, 10, 10], "mrope_interleaved": True}}
        vision |= {"out_hidden_size": 128, "deepstack_visual_indexes": [0, 1]}
        config = transformers.Qwen3VLConfig(text_config=text, vision_config=vision, **ids_in_config)
        model = transformers.Qwen3VLForConditionalGeneration(config)
    else:
        del text["head_dim"]
        text |= {"hidden_size": 256, "rope_parameters": {**rope, "mrope_section": [12, 10, 10]}}
        vision |= {"out_hidden_size": 256, "fullatt_block_indexes": [1], "window_size": 112}
        config = transformers.Qwen2_5_VLConfig(text_config=text, vision_config=vision, **ids_in_config)
        model = transformers.Qwen2_5_VLForConditionalGeneration(config)
    model.to(torch.bfloat16).save_pretrained(folder)
    return folder


def adapt(base: Path, folder: Path, *, rank: int = 4) -> Path:
    """Write a LoRA adapter of the checkpoint ``base`` into ``folder``, as PEFT does; its noise changes the answers."""
    import torch
    from safetensors.torch import save_file

    config = json.loads((base / "config.json").read_text())["text_config"]
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    each = config.get("head_dim") or hidden // heads
    sizes = {"q_proj": (hidden, heads * each), "o_proj": (heads * each, hidden)}
    torch.manual_seed(1)
    tensors = {}
    for layer in range(config["num_hidden_layers"]):
        for name, (inside, outside) in sizes.items():
            place = f"base_model.model.model.language_model.layers.{layer}.self_attn.{name}"
            tensors[f"{place}.lora_A.weight"] = torch.randn(rank, inside)
            tensors[f"{place}.lora_B.weight"] = torch.randn(outside, rank)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors")
    about = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "target_modules": list(sizes), "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps({**about, "base_model_name_or_path": str(base)}))
    return folder


def write_beside(folder: Path, kind: str, texts: list[str], *, tokens: int, longest: int) -> dict[str, int]:
    """Write what a checkpoint of ``kind`` has beside configuration and weights; returns its tokens' ids.

    Args:
        folder: where to.
        kind: of the checkpoint.
        texts: what the tokenizer is trained on.
        tokens: how many it has.
        longest: the longest prompt, in tokens.
    """
    old, thinks = kind == QWEN25VL, kind == QWEN35
    (folder / "chat_template.jinja").write_text(TEMPLATE.replace("THINKING", THINKING if thinks else ""))
    processor = "Qwen2_5_VLProcessor" if old else "Qwen3VLProcessor"
    pixels = {
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
        "do_convert_rgb": True,
        "image_mean": CLIP_MEAN if old else [0.5] * 3,
        "image_std": CLIP_DEVIATION if old else [0.5] * 3,
        "patch_size": 14 if old else 16,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "size": {"shortest_edge": 3136 if old else 65_536, "longest_edge": 16_777_216},
        "processor_class": processor,
    }
    (folder / "preprocessor_config.json").write_text(
        json.dumps({**pixels, "image_processor_type": "Qwen2VLImageProcessor"})
    )
    video = "Qwen2VLVideoProcessor" if old else "Qwen3VLVideoProcessor"
    (folder / "video_preprocessor_config.json").write_text(json.dumps({**pixels, "video_processor_type": video}))
    settings = {
        "tokenizer_class": "Qwen2TokenizerFast",
        "processor_class": processor,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "bos_token": None,
        "unk_token": None,
        "additional_special_tokens": SPECIAL[1:8],
        "image_token": "<|image_pad|>",
        "video_token": "<|video_pad|>",
        "model_max_length": longest,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    special = SPECIAL[:8] if old else SPECIAL  # the old one thinks in ordinary letters
    return _tokenizer(folder / "tokenizer.json", special, texts, tokens)


def _tokenizer(file: Path, special: list[str], texts: list[str], tokens: int) -> dict[str, int]:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=tokens,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    saved = json.loads(tokenizer.to_str())
    for token in saved["added_tokens"]:
        token["special"] = "think" not in token["content"]  # as in the real ones: these stay in the text
    file.write_text(json.dumps(saved))
    return dict(tokenizer.get_vocab())
