"""Checkpoints of the judges' architectures at their real size, without weights, for vLLM's ``--load-format dummy``.

    PYTHONPATH=. python benchmarks/gpu/shapes.py FOLDER --shape q-judger|ie-critic|qwen3-vl-8b|qwen3-vl-4b [--text FILE]

The weights' file is a hole of the real length, so that what is computed from it (memory, placement) is as for the
real model. The tokenizer is a small one, trained on ``--text`` so that prompts have about as many tokens as theirs.
"""

from __future__ import annotations

import argparse
import json
import struct
from pathlib import Path
from typing import Any

from tests.real_servers.checkpoints import QWEN3VL, QWEN25VL, QWEN35, write_beside

GIB = 1024**3


def q_judger(ids: dict[str, int]) -> dict[str, Any]:
    """27B: 64 layers, three of four with linear attention."""
    kinds = ["linear_attention", "linear_attention", "linear_attention", "full_attention"] * 16
    return {
        "architectures": ["Qwen3_5ForConditionalGeneration"],
        "model_type": "qwen3_5",
        "dtype": "bfloat16",
        "tie_word_embeddings": False,
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "text_config": {
            "model_type": "qwen3_5_text",
            "dtype": "bfloat16",
            "attention_bias": False,
            "attn_output_gate": True,
            "bos_token_id": None,
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": None,
            "full_attention_interval": 4,
            "head_dim": 256,
            "hidden_act": "silu",
            "hidden_size": 5120,
            "initializer_range": 0.02,
            "intermediate_size": 17408,
            "layer_types": kinds,
            "linear_conv_kernel_dim": 4,
            "linear_key_head_dim": 128,
            "linear_num_key_heads": 16,
            "linear_num_value_heads": 48,
            "linear_value_head_dim": 128,
            "mamba_ssm_dtype": "float32",
            "max_position_embeddings": 262144,
            "num_attention_heads": 24,
            "num_hidden_layers": 64,
            "num_key_value_heads": 4,
            "partial_rotary_factor": 0.25,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {
                "mrope_interleaved": True,
                "mrope_section": [11, 11, 10],
                "partial_rotary_factor": 0.25,
                "rope_theta": 10000000,
                "rope_type": "default",
            },
            "tie_word_embeddings": False,
            "use_cache": True,
            "vocab_size": 248320,
        },
        "vision_config": {
            "model_type": "qwen3_5",
            "deepstack_visual_indexes": [],
            "depth": 27,
            "hidden_act": "gelu_pytorch_tanh",
            "hidden_size": 1152,
            "in_channels": 3,
            "initializer_range": 0.02,
            "intermediate_size": 4304,
            "num_heads": 16,
            "num_position_embeddings": 2304,
            "out_hidden_size": 5120,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
        },
    }


def ie_critic(ids: dict[str, int]) -> dict[str, Any]:
    """7B: the shape of Qwen2.5-VL-7B."""
    return {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "model_type": "qwen2_5_vl",
        "dtype": "bfloat16",
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "vision_token_id": ids["<|vision_pad|>"],
        "attention_dropout": 0.0,
        "hidden_act": "silu",
        "hidden_size": 3584,
        "initializer_range": 0.02,
        "intermediate_size": 18944,
        "max_position_embeddings": 128000,
        "max_window_layers": 28,
        "num_attention_heads": 28,
        "num_hidden_layers": 28,
        "num_key_value_heads": 4,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1000000.0,
        "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
        "sliding_window": 32768,
        "use_sliding_window": False,
        "tie_word_embeddings": False,
        "use_cache": True,
        "vocab_size": 152064,
        "vision_config": {
            "depth": 32,
            "hidden_act": "silu",
            "hidden_size": 1280,
            "intermediate_size": 3420,
            "num_heads": 16,
            "in_chans": 3,
            "out_hidden_size": 3584,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "spatial_patch_size": 14,
            "window_size": 112,
            "fullatt_block_indexes": [7, 15, 23, 31],
            "tokens_per_second": 2,
            "temporal_patch_size": 2,
        },
    }


def qwen3_vl_8b(ids: dict[str, int]) -> dict[str, Any]:
    """8B: dense attention, as in Qwen/Qwen3-VL-8B-Instruct."""
    return {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "model_type": "qwen3_vl",
        "dtype": "bfloat16",
        "tie_word_embeddings": False,
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "text_config": {
            "model_type": "qwen3_vl_text",
            "dtype": "bfloat16",
            "attention_bias": False,
            "attention_dropout": 0.0,
            "bos_token_id": ids["<|endoftext|>"],
            "eos_token_id": ids["<|im_end|>"],
            "head_dim": 128,
            "hidden_act": "silu",
            "hidden_size": 4096,
            "initializer_range": 0.02,
            "intermediate_size": 12288,
            "max_position_embeddings": 262144,
            "num_attention_heads": 32,
            "num_hidden_layers": 36,
            "num_key_value_heads": 8,
            "rms_norm_eps": 1e-6,
            "rope_theta": 5_000_000,
            "rope_scaling": {"mrope_interleaved": True, "mrope_section": [24, 20, 20], "rope_type": "default"},
            "tie_word_embeddings": False,
            "use_cache": True,
            "vocab_size": 151936,
        },
        "vision_config": {
            "model_type": "qwen3_vl",
            "deepstack_visual_indexes": [8, 16, 24],
            "depth": 27,
            "hidden_act": "gelu_pytorch_tanh",
            "hidden_size": 1152,
            "in_channels": 3,
            "initializer_range": 0.02,
            "intermediate_size": 4304,
            "num_heads": 16,
            "num_position_embeddings": 2304,
            "out_hidden_size": 4096,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
        },
    }


def qwen3_vl_4b(ids: dict[str, int]) -> dict[str, Any]:
    """4B: the 8B's depth and cache, narrower, with tied embeddings, as in Qwen/Qwen3-VL-4B-Instruct."""
    made = qwen3_vl_8b(ids)
    made["tie_word_embeddings"] = True
    made["text_config"] |= {"hidden_size": 2560, "intermediate_size": 9728, "tie_word_embeddings": True}
    made["vision_config"] |= {
        "deepstack_visual_indexes": [5, 11, 17],
        "depth": 24,
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "out_hidden_size": 2560,
    }
    return made


def tiny(ids: dict[str, int]) -> dict[str, Any]:
    """Q-Judger's architecture at a size for trying these scripts on a CPU."""
    made = q_judger(ids)
    made["text_config"] |= {
        "layer_types": made["text_config"]["layer_types"][:4],
        "num_hidden_layers": 4,
        "hidden_size": 128,
        "head_dim": 64,
        "intermediate_size": 256,
        "linear_key_head_dim": 64,
        "linear_value_head_dim": 64,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 16_384,
    }
    made["text_config"]["rope_parameters"]["mrope_section"] = [3, 3, 2]
    made["vision_config"] |= {"depth": 2, "hidden_size": 64, "intermediate_size": 128, "num_heads": 4}
    made["vision_config"]["out_hidden_size"] = 128
    return made


SHAPES: dict[str, tuple[Any, int, str]] = {  # configuration, bytes of the weights, kind
    "q-judger": (q_judger, int(51.1 * GIB), QWEN35),
    "tiny": (tiny, 4_000_000, QWEN35),
    "ie-critic": (ie_critic, int(15.4 * GIB), QWEN25VL),
    "qwen3-vl-8b": (qwen3_vl_8b, int(16.33 * GIB), QWEN3VL),  # 8.77 and 4.44 billion parameters
    "qwen3-vl-4b": (qwen3_vl_4b, int(8.27 * GIB), QWEN3VL),
}


def write_hole(file: Path, size: int) -> None:
    """A safetensors file with one tensor of ``size`` bytes, none of which is on the disk."""
    header = json.dumps({"hole": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    header += b" " * (-len(header) % 8)
    with file.open("wb") as out:
        out.write(struct.pack("<Q", len(header)) + header)
        out.truncate(8 + len(header) + size)


def fill_vocabulary(file: Path, size: int) -> None:
    """Give each of the model's ``size`` words a text of its own in the tokenizer ``file``.

    Random weights choose any of them. One without a text, or with part of a character, has vLLM's API server decode the
    whole answer anew at each token (48 to 320 us at 1,200 tokens, 3 us otherwise): it then lags behind the engine.
    """
    saved = json.loads(file.read_text("utf-8"))
    vocabulary = saved["model"]["vocab"]
    vocabulary.update((f"\u0120w{number}", number) for number in range(len(vocabulary), size))
    assert len(vocabulary) == size
    file.write_text(json.dumps(saved), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shape", choices=SHAPES, default="q-judger")
    parser.add_argument("--text", type=Path, help="text to train the tokenizer on")
    args = parser.parse_args()
    configuration, size, kind = SHAPES[args.shape]
    folder: Path = args.folder
    folder.mkdir(parents=True, exist_ok=True)
    text = args.text.read_text("utf-8") if args.text else Path(__file__).read_text("utf-8")
    texts = [text, Path(json.__file__).read_text("utf-8")]
    ids = write_beside(folder, kind, texts, tokens=16_000, longest=262_144)
    about = configuration(ids)
    fill_vocabulary(folder / "tokenizer.json", about.get("text_config", about)["vocab_size"])
    (folder / "config.json").write_text(json.dumps(about, indent=1))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [ids["<|im_end|>"]]}))
    write_hole(folder / "model.safetensors", size)


if __name__ == "__main__":
    main()
