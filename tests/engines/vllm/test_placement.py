"""On which GPUs a judge goes and whether it fits, with a stand-in for nvidia-smi; and what its server is told."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_imagejudge.engines.vllm import arguments, model_files, placement, shared_server
from pytest_imagejudge.engines.vllm import install as installs
from pytest_imagejudge.engines.vllm.engine import VllmEngine
from pytest_imagejudge.engines.vllm.gpus import GIB, MIB, gib, visible_gpus
from pytest_imagejudge.engines.vllm.model_lookup import find_model
from pytest_imagejudge.engines.vllm.placement import needed_bytes
from pytest_imagejudge.engines.vllm.planning import describe
from pytest_imagejudge.engines.vllm.state import CopyState, State
from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.settings import JudgeSettings, side_by_side
from tests.stand_in.vllm import checkpoint, install

JUDGE = {  # the heads of the 27B model
    "architectures": ["Qwen3_5ForConditionalGeneration"],
    "text_config": {
        "num_attention_heads": 24,
        "num_key_value_heads": 4,
        "linear_num_key_heads": 16,
        "linear_num_value_heads": 48,
        "max_position_embeddings": 262144,
    },
    "vision_config": {"num_heads": 16},
}
WEIGHTS = int(51.1 * GIB)


class Computer:
    """A machine with GPUs: (total, free) in MiB, and holders (index, pid, name, MiB)."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch = folder, monkeypatch
        self.model = checkpoint(folder / "judge", size=WEIGHTS, **JUDGE)  # a hole: nothing is on the disk
        monkeypatch.setattr(model_files, "STRIDE", GIB)  # its digest takes a second of 13,000 samples
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.setitem(sys.modules, "pynvml", None)  # it would tell of this machine's own GPUs
        self.vllm("0.32.0")

    def vllm(self, version: str, **more: str) -> None:
        python = install(self.folder / f"site-{version}", version=version, **more)
        self.patch.setenv(installs.PYTHON_VARIABLE, str(python))
        installs.find_vllm.cache_clear()

    def gpus(
        self, *memory: tuple[int | str, int | str], holders: tuple[tuple[int, int, str, int | str], ...] = ()
    ) -> None:
        rows = [f"{i}, GPU-{i}abc, Card {i}, {total}, {free}" for i, (total, free) in enumerate(memory)]
        apps = [f"GPU-{i}abc, {pid}, /usr/bin/{name}, {size}" for i, pid, name, size in holders]
        folder = self.folder / "bin"
        folder.mkdir(exist_ok=True)
        cases = 'case "$1" in --query-gpu=*) cat <<E\n{}\nE\n;; *) cat <<E\n{}\nE\n;; esac'
        (folder / "nvidia-smi").write_text("#!/bin/sh\n" + cases.format("\n".join(rows), "\n".join(apps)))
        (folder / "nvidia-smi").chmod(0o755)
        self.patch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def engine(self, **settings: Any) -> VllmEngine:
        chosen = JudgeSettings(model=str(self.model), **settings)
        return VllmEngine(chosen, load_protocol("house"), state_dir=self.folder / "state")


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Computer:
    return Computer(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("memory", "parallel"),
    [([143_771], 1), ([81_559], 1), ([49_140] * 2, 2), ([24_564] * 4, 4), ([24_564] * 7, 4), ([49_140, 143_771], 1)],
)
def test_as_few_gpus_as_hold_it(computer: Computer, memory: list[int], parallel: int) -> None:
    computer.gpus(*((total, total) for total in memory))
    engine = computer.engine()
    engine.preflight()
    plan = engine.plan()
    assert (plan.placement.parallel, plan.placement.fp8) == (parallel, False)
    assert ("--tensor-parallel-size" in plan.options) == (parallel > 1)
    assert engine.identity().extra == {}


@pytest.mark.parametrize(
    ("args", "parallel", "used"),
    [
        (("--tensor-parallel-size=2",), 2, [0, 1]),
        (("--tensor_parallel_size", "2", "-dp=2"), 2, [0, 1, 2, 3]),
        (("--data-parallel-size", "3"), 1, [0, 1, 2]),
        (("-tp", "2", "-pp", "2"), 4, [0, 1, 2, 3]),
    ],
)
def test_gpus_as_the_users_own_arguments_spread_it(
    computer: Computer, args: tuple[str, ...], parallel: int, used: list[int]
) -> None:
    computer.gpus(*[(81_559, 81_559)] * 4)
    engine = computer.engine(args=args)
    assert engine.plan().placement.parallel == parallel
    assert "--tensor-parallel-size" not in engine.plan().options  # theirs alone
    assert [gpu.index for gpu in engine.fit().gpus] == used


def test_arguments_that_spread_it_over_more_gpus_than_there_are(computer: Computer) -> None:
    computer.gpus((81_559, 81_559))
    with pytest.raises(ConfigError, match=r"--judge-arg.*over 2 GPUs; the judge may use 1: 0 \(Card 0\)"):
        computer.engine(args=("-tp=2",)).preflight()
    with pytest.raises(ConfigError, match=r"--tensor-parallel-size is a number of GPUs, 1 or more, not 'two'"):
        computer.engine(args=("--tensor-parallel-size", "two")).preflight()
    computer.gpus(*[(24_564, 24_564)] * 4)
    with pytest.raises(ConfigError, match=r"on each of 2 GPUs"):
        computer.engine(args=("-tp=2",)).preflight()


def test_the_identity_is_of_content_wherever_the_model_lies(computer: Computer) -> None:
    computer.model = checkpoint(computer.folder / "judge-small")
    first = computer.engine().identity()
    computer.model = computer.model.rename(checkpoint(computer.folder / "elsewhere") / "judge-small")
    assert computer.engine().identity() == first


def test_too_little_memory_is_told_with_figures(computer: Computer) -> None:
    computer.gpus((49_140, 49_140))
    with pytest.raises(ConfigError) as caught:
        computer.engine().preflight()
    for words in ("56.1 GiB", "weights 51.1 GiB", "GPU 0 (Card 0) 48.0 GiB", "judge_allow_fp8", "--judge-url"):
        assert words in str(caught.value)
    computer.gpus((24_000, 24_000))
    with pytest.raises(ConfigError) as caught:
        computer.engine().preflight()
    assert "judge_allow_fp8" not in str(caught.value)  # would not help


def test_fp8_where_only_that_fits_and_it_is_allowed(computer: Computer) -> None:
    computer.gpus((49_140, 49_140))
    engine = computer.engine(allow_fp8=True)
    assert engine.plan().placement.fp8
    assert engine.plan().options[-2:] == ("--quantization", "fp8_per_block")
    assert engine.identity().extra == {"quantization": "fp8_per_block"}
    computer.gpus((81_559, 81_559))
    assert computer.engine(allow_fp8=True).identity().extra == {}


@pytest.mark.parametrize("lacks", ["vLLM", "a GPU"])
def test_where_fp8_is_allowed_but_nothing_can_be_served_the_identity_is_that_of_the_model(
    computer: Computer, lacks: str
) -> None:
    computer.gpus((49_140, 49_140))
    if lacks == "vLLM":
        computer.patch.setenv(installs.PYTHON_VARIABLE, "/nothing")
        installs.find_vllm.cache_clear()
    else:
        computer.patch.setenv("CUDA_VISIBLE_DEVICES", "")
    engine = computer.engine(allow_fp8=True)
    assert engine.identity() == computer.engine().identity()
    with pytest.raises(ConfigError):
        engine.preflight()
    computer.vllm("0.33.0")
    computer.patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with pytest.raises(ConfigError, match=r"56\.1 GiB"):  # what it said of itself stays true
        engine.preflight()


def test_a_small_card_gets_limits_with_which_the_server_starts(computer: Computer) -> None:
    layers = {"num_hidden_layers": 64, "full_attention_interval": 4, "head_dim": 256}
    states = {"linear_key_head_dim": 128, "linear_value_head_dim": 128}
    text = {**JUDGE["text_config"], **layers, **states, "vocab_size": 248_320, "hidden_size": 5120}
    computer.model = checkpoint(computer.folder / "real", size=WEIGHTS, **{**JUDGE, "text_config": text})

    def limits(total: int, **settings: Any) -> dict[str, str]:
        computer.gpus((total, total))
        options = computer.engine(**settings).plan().options
        return {name: options[options.index(name) + 1] for name in ("--max-model-len", "--max-num-seqs")}

    assert limits(46_068, allow_fp8=True) == {"--max-model-len": "16384", "--max-num-seqs": "160"}
    assert limits(143_771) == {"--max-model-len": "16384", "--max-num-seqs": "256"}
    assert limits(143_771, memory_share=0.43) == {"--max-model-len": "16384", "--max-num-seqs": "64"}


@pytest.mark.parametrize("args", [("--quantization=fp8",), ("--quant", "fp8"), ("--cpu-offload-gb", "20"), ("-qfp8",)])
def test_by_the_size_of_weights_that_the_users_own_arguments_lessen_nothing_is_refused(
    computer: Computer, args: tuple[str, ...]
) -> None:
    computer.gpus((49_140, 49_000))
    engine = computer.engine(args=args)
    engine.preflight()
    assert engine.fit().ok
    assert share_of(engine) == 0.92
    computer.gpus((49_140, 30_000))
    assert not engine.fit().ok  # beside what is there it may be too much, so it waits as long as it can
    spec = engine.starter.make_room(engine.plan(), print)
    share = float(spec.copy.command[spec.copy.command.index("--gpu-memory-utilization") + 1])
    assert share == pytest.approx((30_000 - 1024) / 49_140, abs=0.001)
    computer.gpus(*[(24_564, 24_564)] * 4)
    assert computer.engine(args=args).plan().placement.parallel == 4  # as without them


def test_no_gpu(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match=r"CUDA build.*no GPU.*--judge-url"):
        computer.engine().preflight()
    computer.gpus((81_559, 81_559))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(ConfigError, match="CUDA_VISIBLE_DEVICES"):
        computer.engine().preflight()


def test_a_cpu_build_needs_main_memory(computer: Computer) -> None:
    computer.vllm("0.32.0+cpu")
    computer.patch.setattr(placement, "main_memory", lambda: 54 * GIB)
    with pytest.raises(ConfigError, match=r"55\.1 GiB of main memory.*this machine has 54\.0 GiB"):
        computer.engine().preflight()
    with pytest.raises(ConfigError, match="CPU build"):
        computer.engine(gpus="0").preflight()


def test_the_gpus_that_are_named(computer: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    computer.gpus((10, 10), (20, 20), (30, 30))
    assert [gpu.index for gpu in visible_gpus()] == [0, 1, 2]
    assert [gpu.index for gpu in visible_gpus("2, 0")] == [2, 0]
    assert [gpu.index for gpu in visible_gpus("GPU-1")] == [1]
    for wrong in ("3", "0,x", "", "-1"):
        with pytest.raises(ConfigError, match=r"--judge-gpus.*there are: 0 \(Card 0\)"):
            visible_gpus(wrong)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,7,2")
    assert [gpu.index for gpu in visible_gpus()] == [1]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,1,GPU-1abc")
    assert [gpu.index for gpu in visible_gpus()] == [1]


def test_mig_instances_are_taken_as_they_are(computer: Computer) -> None:
    computer.gpus((81_559, 81_000))
    computer.patch.setenv("CUDA_VISIBLE_DEVICES", "MIG-aaaa-bbbb,MIG-cccc")
    for engine in (computer.engine(), computer.engine(gpus="MIG-aaaa-bbbb")):
        engine.preflight()
        fit = engine.fit()
        assert (fit.ok, fit.free_bytes) == (True, None)
        spec = engine.planner.spec(engine.plan(), fit.gpus)
        assert spec.copy.env["CUDA_VISIBLE_DEVICES"] == "MIG-aaaa-bbbb"
        assert "--gpu-memory-utilization" not in spec.copy.command
    assert computer.engine(gpus="MIG-cccc").server_folder() != engine.server_folder()


@pytest.mark.parametrize("told", [("[N/A]", "[N/A]"), (81_559, "[Insufficient Permissions]")])
def test_of_memory_that_is_not_told_nothing_is_claimed(
    computer: Computer, edit_settings: JudgeSettings, told: tuple[int | str, int | str]
) -> None:
    computer.gpus(told, holders=((0, 4711, "python", "[N/A]"),))
    engine = computer.engine()
    engine.preflight()
    fit = engine.fit()
    assert (fit.ok, fit.free_bytes, engine.on_gpus()) == (True, None, False)
    assert "an unknown amount of" in describe(fit)
    assert "python (process 4711) an unknown amount" in describe(fit)
    spec = engine.starter.make_room(engine.plan(), print)
    assert "--gpu-memory-utilization" not in spec.copy.command
    assert spec.copy.leaves.keys() == {"GPU-0abc"}  # two do not start on it at once
    assert share_of(computer.engine(memory_share=0.8)) == 0.8
    if told[0] == "[N/A]":
        assert both(computer, edit_settings)[0].beside() == ""


def test_what_is_free_now(computer: Computer) -> None:
    computer.gpus((143_771, 143_000))
    assert computer.engine().fit().ok
    computer.gpus((143_771, 40_000), holders=((0, 4711, "python", 103_000),))
    fit = computer.engine().fit()
    assert not fit.ok
    assert (fit.needed_bytes, fit.free_bytes) == (needed_bytes(computer.engine().model(), 1, fp8=False), 40_000 * MIB)
    assert [(holder.pid, holder.name, holder.bytes) for holder in fit.holders] == [(4711, "python", 103_000 * MIB)]
    words = describe(fit)
    assert "python (process 4711) 100.6 GiB" in words
    assert "56.1 GiB are needed on GPU 0, 39.1 GiB of 140.4 GiB are free" in words
    computer.engine().preflight()  # it would fit when the tests are over


def test_the_gpu_with_room_is_taken(computer: Computer) -> None:
    computer.gpus((81_559, 20_000), (81_559, 81_000))
    fit = computer.engine().fit()
    assert fit.ok
    assert [gpu.index for gpu in fit.gpus] == [1]
    assert not computer.engine(gpus="0").fit().ok


@pytest.fixture
def edit_settings(computer: Computer) -> JudgeSettings:
    model = checkpoint(computer.folder / "edit-judge", size=int(15.5 * GIB), **{**JUDGE, "architectures": ["Other"]})
    return JudgeSettings(model=str(model), kind="edit")


def both(computer: Computer, edit: JudgeSettings, **settings: Any) -> tuple[VllmEngine, VllmEngine]:
    image, edit = side_by_side(JudgeSettings(model=str(computer.model), **settings), replace(edit, **settings))
    protocol = load_protocol("house")
    return tuple(VllmEngine(one, protocol, state_dir=computer.folder / "state") for one in (image, edit))


def test_two_judges_share_a_gpu_that_holds_both(computer: Computer, edit_settings: JudgeSettings) -> None:
    computer.gpus((143_771, 143_500))
    image, edit = both(computer, edit_settings)
    assert 0.85 < share_of(image) + share_of(edit) < 0.9
    assert share_of(image) * 140.4 > 56.1 + 30  # weights and room for a batch
    assert "shares its GPU" in image.beside()
    assert computer.engine().server_folder() != image.server_folder()  # it takes less
    assert computer.engine().beside() == ""


def test_two_judges_that_do_not_fit_together_take_turns(computer: Computer, edit_settings: JudgeSettings) -> None:
    computer.gpus((81_559, 81_000))
    image, edit = both(computer, edit_settings)
    assert share_of(image) == share_of(edit) == 0.92
    for one in (image, edit):
        one.preflight()
        assert "one judges after the other" in one.beside()


def test_two_judges_have_a_gpu_each_where_there_are_two(computer: Computer, edit_settings: JudgeSettings) -> None:
    computer.gpus((81_559, 81_000), (81_559, 81_000))
    image, edit = both(computer, edit_settings)
    assert share_of(image) == share_of(edit) == 0.92
    assert image.beside() == edit.beside() == ""
    computer.gpus((24_564, 24_564), (143_771, 143_771))  # only one holds the large judge
    assert share_of(both(computer, edit_settings)[0]) < 0.92


def test_memory_that_a_starting_server_is_going_to_take_is_not_free(
    computer: Computer, edit_settings: JudgeSettings
) -> None:
    computer.gpus((81_559, 81_000))
    image, edit = both(computer, edit_settings)
    assert edit.fit().ok
    spec = image.planner.spec(image.plan(), image.fit().gpus)
    copy = CopyState(status="starting", server=4711, leaves=spec.copy.leaves)
    state = State(title="the other", copies=[copy])
    computer.patch.setattr(shared_server, "running", lambda folder: [(folder / spec.digest, state, 1)])
    fit = edit.fit()
    assert not fit.ok
    assert "the other, which is starting, (process 4711) 73.3 GiB" in describe(fit)
    copy.status = "ready"  # what nvidia-smi says is the whole truth now
    assert edit.fit().ok


def test_two_servers_do_not_start_on_one_gpu_at_once(computer: Computer, edit_settings: JudgeSettings) -> None:
    computer.gpus((143_771, 143_500))
    image, edit = both(computer, edit_settings)
    spec = image.planner.spec(image.plan(), image.fit().gpus)
    copy = CopyState(status="starting", server=4711, leaves=spec.copy.leaves)
    state = State(title="the other", copies=[copy])
    computer.patch.setattr(shared_server, "running", lambda folder: [(folder / spec.digest, state, 1)])
    joined = []
    computer.patch.setattr(shared_server.Server, "join", lambda self, **more: joined.append(self.spec.title))

    async def meet() -> list[str]:
        lines: list[str] = []
        told = asyncio.Event()
        joining = asyncio.create_task(edit.starter.join(edit.plan(), lambda line: (lines.append(line), told.set())))
        await told.wait()
        assert not joined
        copy.status = "ready"
        await joining
        return lines

    assert asyncio.run(meet()) == ["edit-judge: waits until the other has started on the same GPU"]
    assert joined == ["edit-judge"]


def share_of(engine: VllmEngine) -> float:
    command = engine.planner.spec(engine.plan(), engine.fit().gpus).copy.command
    return float(command[command.index("--gpu-memory-utilization") + 1])


def test_the_share_is_of_what_is_free(computer: Computer) -> None:
    computer.gpus((143_771, 143_500))
    assert share_of(computer.engine()) == 0.92
    computer.gpus((143_771, 70_000))
    assert share_of(computer.engine()) == pytest.approx((70_000 - 1024) / 143_771, abs=0.001)
    computer.gpus((143_771, 130_000))  # not more than it can make use of: the tests may need more
    assert share_of(computer.engine()) == pytest.approx((51.1 + 30) * 1024 / 143_771, abs=0.001)
    assert share_of(computer.engine(memory_share=0.5)) == 0.5
    for wrong in (0.0, 1.5, -1.0):
        with pytest.raises(ConfigError, match="more than 0"):
            computer.engine(memory_share=wrong)


def test_what_is_free_is_not_part_of_what_makes_two_servers_different(computer: Computer) -> None:
    computer.gpus((143_771, 143_500))
    one = computer.engine().server_folder()
    computer.gpus((143_771, 90_000))
    assert computer.engine().server_folder() == one
    assert computer.engine(keep_alive=3.0).server_folder() == one
    assert computer.engine(args=("--enforce-eager",)).server_folder() != one
    assert computer.engine(kind="edit").server_folder() != one


def test_an_older_vllm_is_not_told_what_it_does_not_know(computer: Computer) -> None:
    computer.gpus((143_771, 143_500))
    assert "--prefix-match-unit" in computer.engine().plan().options
    computer.vllm("0.20.0", options="seed served_model_name max_model_len")
    options = computer.engine().plan().options
    assert [option for option in options if option.startswith("--")] == [
        "--served-model-name",
        "--seed",
        "--max-model-len",
    ]


def test_no_vllm(computer: Computer, tmp_path: Path) -> None:
    computer.patch.setenv(installs.PYTHON_VARIABLE, str(tmp_path / "nothing"))
    installs.find_vllm.cache_clear()
    with pytest.raises(ConfigError, match=f"nothing.*{installs.PYTHON_VARIABLE}"):
        computer.engine().preflight()
    computer.patch.setenv(installs.PYTHON_VARIABLE, sys.executable)
    installs.find_vllm.cache_clear()
    if importlib.util.find_spec("vllm") is None:
        with pytest.raises(ConfigError, match=r"not installed.*--judge-model signals"):
            computer.engine().preflight()


@pytest.mark.parametrize(
    "token", ["--port=1", "--port", "--host", "--uds=/x", "--api-key=k", "--served-model-name", "--config=x.yaml"]
)
def test_tokens_that_are_not_the_users(computer: Computer, token: str) -> None:
    with pytest.raises(ConfigError, match="--judge-arg"):
        computer.engine(args=(token,))


@pytest.mark.parametrize("number", [0.0, float("nan"), -1.0])
def test_minutes(computer: Computer, number: float) -> None:
    if number == 0:
        computer.engine(keep_alive=number)
    else:
        with pytest.raises(ConfigError, match="minutes"):
            computer.engine(keep_alive=number)


@pytest.mark.parametrize(
    ("config", "template", "thinks"),
    [
        ({"architectures": ["Qwen3_5ForConditionalGeneration"]}, "", True),
        ({"architectures": ["Qwen3VLForConditionalGeneration"]}, "{% if add_generation_prompt %}<think>", True),
        ({"architectures": ["Qwen3VLForConditionalGeneration"]}, "<think>{% if add_generation_prompt %}", False),
        ({"architectures": ["Qwen2_5_VLForConditionalGeneration"]}, "{% if add_generation_prompt %}<think>", False),
        ({"architectures": []}, "", False),
        ({"architectures": "x"}, "", False),
    ],
)
def test_who_thinks(tmp_path: Path, config: dict[str, Any], template: str, thinks: bool) -> None:
    folder = checkpoint(tmp_path / "model", **config)
    (folder / "chat_template.jinja").write_text(template)
    assert arguments.thinks(find_model(str(folder), None, "--judge-model")) is thinks


def test_sizes_for_people() -> None:
    assert [gib(n) for n in (51.1 * GIB, 5 * MIB)] == ["51.1 GiB", "5.0 MiB"]
