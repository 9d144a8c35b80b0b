"""The user's own tokens for vLLM's server: what is refused, what decides answers, where files are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pytest_imagejudge.engines.vllm import user_arguments
from pytest_imagejudge.engines.vllm.user_arguments import absolute, deciding
from pytest_imagejudge.errors import ConfigError


@pytest.mark.parametrize(
    ("args", "kept"),
    [
        ([], ""),
        (["--enforce-eager", "--max-num-seqs", "8"], ""),
        (["--no-enable-prefix-caching", "-O3", "-cc.mode=3", "-n", "1"], ""),
        (["--hf-token=secret", "--hf_token", "secret"], ""),
        (["--quantization=fp8"], "--quantization=fp8"),
        (["--dtype", "float16", "--enforce-eager"], "--dtype=float16"),
        (["--hf_overrides", '{"a": 1}'], """'--hf-overrides={"a": 1}'"""),
        (["--hf-overrides.a_b", "1", "-tp", "2"], "--hf-overrides.a_b=1"),
        (["-q", "awq", "--seed=1"], "--quantization=awq --seed=1"),
        (["--seed", "-1", "--enforce-eager"], "--seed=-1"),
        (["--video-pruning-rate", "-.5"], "--video-pruning-rate=-.5"),
        (["--chat-template", "- {{ it }}"], "'--chat-template=- {{ it }}'"),
        (["--lora-modules", "a=x", "b=y", "--max-num-seqs", "8"], "--lora-modules=a=x b=y"),
        (["--no-trust-remote-code"], "--no-trust-remote-code"),
        (["--dtyp", "half"], "--dtyp=half"),
        (["--an-option-of-tomorrow", "x"], "--an-option-of-tomorrow=x"),
        (["alone"], "=alone"),
    ],
)
def test_options_that_decide_answers_are_in_the_fingerprint(args: list[str], kept: str) -> None:
    assert deciding(args) == kept


@pytest.mark.parametrize(
    "option",
    """
    --quantization-config --model-loader-extra-config --hf-config-path --logits-processors --kv-cache-dtype-skip-layers
    --lora-target-modules --mm-encoder-attn-dtype --model-class-overrides --watermark-config --spec-method
    --mm-processor-device --load-format --kv-cache-dtype --attention-backend --worker-cls --middleware
    """.split(),  # noqa: SIM905
)
def test_what_is_not_known_to_be_indifferent_decides(option: str) -> None:
    assert deciding([option, "x"]) == deciding([f"{option}=x"]) == f"{option}=x"
    assert deciding([option]) == option


@pytest.mark.parametrize(
    "ways",
    [
        [["--quantization=fp8"], ["--quantization", "fp8"], ["-q", "fp8"], ["-q=fp8"], ["-qfp8"]],
        [["--kv_cache_dtype=fp8"], ["--kv-cache-dtype", "fp8"]],
        [["-sc", '{"method": "ngram"}'], ["--speculative-config", '{"method": "ngram"}']],
        [["-sc.method=ngram"], ["--speculative-config.method", "ngram"]],
    ],
)
def test_an_option_is_the_same_however_it_is_written(ways: list[list[str]]) -> None:
    assert len({deciding(args) for args in ways}) == 1


def test_tokens_with_spaces_are_not_taken_for_several() -> None:
    assert deciding(["--chat-template=x --seed=1"]) != deciding(["--chat-template=x", "--seed=1"])


@pytest.mark.parametrize(
    "form",
    [
        "--chat-template={file}",
        "--chat-template {file}",
        "--tokenizer={folder}",
        "--lora-modules mine={folder}",
        '--lora-modules {{"name":"mine","path":"{folder}"}}',
        '--default-mm-loras {{"image":"{folder}"}}',
        "--default-mm-loras.image={folder}",
        '--speculative-config= {{"model":"{folder}","nested":[{{"file":"{file}"}}]}}',
    ],
)
def test_files_count_by_their_content_wherever_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    def key(place: Path) -> str:
        file, folder = place / "chat.jinja", place / "adapter"
        return deciding([token.format(file=file, folder=folder) for token in form.split(" ", 1)])

    here = tmp_path / "here"
    (here / "adapter").mkdir(parents=True)
    keys = []
    for content in ("one", "two"):
        (here / "chat.jinja").write_text(content)
        (here / "adapter" / "adapter.safetensors").write_text(content)
        keys.append(key(here))
    assert keys[0] != keys[1]
    shutil.copytree(here, tmp_path / "there")
    monkeypatch.chdir(tmp_path)
    assert key(tmp_path / "there") == key(Path("./there")) == keys[1]
    assert "here" not in keys[1]


def test_of_what_decides_nothing_no_file_is_read(tmp_path: Path) -> None:
    assert deciding([f"--download-dir={tmp_path}", "--log-config-file", str(tmp_path)]) == ""


def test_relative_files_are_told_to_the_server_by_their_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.jinja").write_text("x")
    (tmp_path / "adapter").mkdir()
    args = (
        *("--chat-template", "t.jinja", "--chat_template=t.jinja", "--lora-modules", "mine=./adapter"),
        *('--default-mm-loras={"image": "./adapter", "video": "./nothing"}', "--download-dir", "./adapter"),
    )
    assert absolute(args) == (
        *("--chat-template", f"{tmp_path}/t.jinja", f"--chat_template={tmp_path}/t.jinja"),
        *("--lora-modules", f"mine={tmp_path}/adapter"),
        "--default-mm-loras=" + json.dumps({"image": f"{tmp_path}/adapter", "video": "./nothing"}),
        *("--download-dir", f"{tmp_path}/adapter"),
    )
    assert deciding(absolute(args)) == deciding(args)


@pytest.mark.parametrize(
    "token",
    ["fp8", "-qfp8", "--quantization=fp8", "--seed", "-1", '{"a":1}', "[INST] {{ x }}", "/nowhere/x", "x" * 5000 + "."],
)
def test_other_tokens_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fp8").mkdir()
    assert absolute([token]) == (token,)


@pytest.mark.parametrize(
    ("token", "option"),
    [
        ("--port=1", "--port"),
        ("--port", "--port"),
        ("--por=99", "--port"),
        ("--hos=0.0.0.0", "--host"),
        ("--uds=/x", "--uds"),
        ("--api-k=zzz", "--api-key"),
        ("--api_key", "--api-key"),
        ("--served-model=x", "--served-model-name"),
        ("--served_mod", "--served-model-name"),
        ("--config=x.yaml", "--config"),
        ("--ssl-certfile=x", "plain HTTP"),
        ("--ssl-keyf", "plain HTTP"),
        ("--grpc", "plain HTTP"),
        ("--grpc-port=1", "plain HTTP"),
    ],
)
def test_tokens_that_are_not_the_users(token: str, option: str) -> None:
    with pytest.raises(ConfigError, match=f"--judge-arg={token}: .*{option}"):
        user_arguments.check_arguments(["--enforce-eager", token])


def test_options_that_only_start_like_those_are_the_users() -> None:
    user_arguments.check_arguments(
        ["--config-format=hf", "--model-impl", "auto", "--hf-overrides={}", "-q", "-tp=2", "-1"]
    )


@pytest.mark.parametrize(
    ("args", "split"),
    [
        ([], None),
        (["--tensor-parallel=2"], (2, 1)),
        (["--ten", "2", "--pipeline=2"], (4, 1)),
        (["-t", "2", "-dp=3"], (2, 3)),
        (["--tensor_parallel_size", "4"], (4, 1)),
        (["--data-parallel-size-local=2", "--tokenizer", "2"], None),
    ],
)
def test_how_the_users_tokens_split_the_model(args: list[str], split: tuple[int, int] | None) -> None:
    assert user_arguments.own_split(args) == split


@pytest.mark.parametrize("value", ["two", "-1", "0", ""])
def test_a_number_of_gpus_that_is_none(value: str) -> None:
    with pytest.raises(ConfigError, match=f"--tensor-parallel-size is a number of GPUs, 1 or more, not '{value}'"):
        user_arguments.own_split(["-tp", value])
