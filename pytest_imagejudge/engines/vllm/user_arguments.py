"""The user's own arguments for vLLM's server: which are refused, and which decide answers."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from .model_files import file_digest, folder_digest

# Options that are not the user's to set, and why; the start of one stands for it, as vLLM's parser has it.
OURS = "is set by this plugin, which starts the judge's server"


PLAIN_HTTP = "does not fit the judge's server, which answers over plain HTTP on this machine only"


REFUSED = {
    "--host": OURS,
    "--port": OURS,
    "--uds": OURS,
    "--api-key": OURS,
    "--served-model-name": OURS,
    "--model": OURS,
    "--headless": OURS,
    "--root-path": OURS,
    "--config": "hides options that may decide answers: give each option of the file as its own --judge-arg",
    "--grpc": PLAIN_HTTP,
}


REFUSED_FAMILIES = ("--grpc-", "--ssl-")


# Options that are known not to decide answers, only how fast they come or what is told of them. All others belong into
# the fingerprint. Of vLLM 0.33 and before; kernels, plugins and what may lower a precision are left out on purpose.
NOT_DECIDING = frozenset(
    " ".join(
        (
            # over which GPUs, processes and machines it is spread
            "--tensor-parallel-size --pipeline-parallel-size --decode-context-parallel-size -dcp",
            "--prefill-context-parallel-size -pcp --dcp-kv-cache-interleave-size --cp-kv-cache-interleave-size",
            "--data-parallel-size --data-parallel-size-local -dpl --data-parallel-rank -dpn",
            "--data-parallel-start-rank -dpr --data-parallel-address -dpa --data-parallel-rpc-port -dpp",
            "--data-parallel-backend -dpb --data-parallel-hybrid-lb -dph --data-parallel-external-lb -dpe",
            "--data-parallel-multi-port-external-lb -dpm --data-parallel-supervisor-port",
            "--dp-supervisor-probe-interval-s --dp-supervisor-probe-timeout-s --dp-supervisor-probe-failure-threshold",
            "--dp-sync-interval --disable-nccl-for-dp-synchronization --enable-expert-parallel -ep",
            "--expert-placement-strategy --enable-ep-weight-filter --enable-eplb --eplb-config --enable-dbo",
            "--dbo-decode-token-threshold --dbo-prefill-token-threshold --ubatch-size --mm-encoder-tp-mode",
            "--fully-sharded-loras --distributed-executor-backend --distributed-timeout-seconds",
            "--cpu-distributed-timeout-seconds --master-addr --master-port --nnodes -n --node-rank -r --device-ids",
            "--numa-bind --numa-bind-nodes --numa-bind-cpus --disable-custom-all-reduce --ray-workers-use-nsight",
            "--api-server-count -asc --renderer-num-workers --disable-frontend-multiprocessing",
            # memory and caches
            "--gpu-memory-utilization --device-memory-utilization --kv-cache-memory-bytes --num-gpu-blocks-override",
            "--block-size --mamba-block-size --mamba-cache-mode --enable-prefix-caching --prefix-caching-hash-algo",
            "--prefix-cache-retention-interval --prefix-match-unit --kv-offloading-size --kv-offloading-backend",
            "--disable-hybrid-kv-cache-manager --swap-space --offload-backend --cpu-offload-gb --cpu-offload-params",
            "--offload-group-size --offload-num-in-group --offload-prefetch-step --offload-params",
            "--mm-processor-cache-gb --mm-processor-cache-type --mm-shm-cache-max-object-size-mb",
            "--mm-hasher-algorithm --mm-tensor-ipc --mm-ipc-gpu-memory-gb --skip-mm-profiling --limit-mm-per-prompt",
            "--disable-mm-preprocessor-cache --max-loras --max-cpu-loras --enable-sleep-mode --sleep-mode-backend",
            "--sleep-mode-offload-cudagraph --sleep-preserve-parameter-names --enable-cumem-allocator",
            "--enable-nccl-comm-suspend",
            # how many at once, and which first
            "--max-num-batched-tokens --max-num-scheduled-tokens --max-num-seqs --max-num-active-seqs",
            "--max-num-queued-reqs --max-num-queued-tokens --long-prefill-token-threshold",
            "--long-prefill-token-threshold-adaptive --max-num-partial-prefills --max-long-partial-prefills",
            "--scheduling-policy --enable-chunked-prefill --disable-chunked-mm-input --scheduler-reserve-full-isl",
            "--prefill-schedule-interval --async-scheduling --stream-interval",
            # compilation
            "--enforce-eager --compilation-config -cc --optimization-level --cudagraph-capture-sizes",
            "--max-cudagraph-capture-size --cuda-graph-sizes --max-seq-len-to-capture --enable-flashinfer-autotune",
            # how files are read, and who may; a token for the Hub
            "--download-dir --safetensors-prefetch-num-threads --safetensors-prefetch-block-size --use-tqdm-on-load",
            "--max-parallel-loading-workers --pt-load-map-location --hf-token --allowed-local-media-path",
            "--allowed-media-domains",
            # logs and figures; what is written for later
            "--disable-log-stats --aggregate-engine-logging --enable-log-requests --disable-log-requests",
            "--max-log-len --enable-log-outputs --enable-log-deltas --log-error-stack --logging-config",
            "--log-config-file --log-level --uvicorn-log-level --disable-uvicorn-access-log",
            "--disable-access-log-for-endpoints",
            "--enable-prompt-tokens-details --enable-per-request-metrics --enable-server-load-tracking",
            "--enable-force-include-usage --fingerprint-mode --fingerprint-value --show-hidden-metrics-for-version",
            "--otlp-traces-endpoint --collect-detailed-traces --per-request-spec-decode-metrics --kv-cache-metrics",
            "--kv-cache-metrics-sample --custom-histogram-buckets --cudagraph-metrics",
            "--enable-layerwise-nvtx-tracing --enable-mfu-metrics --enable-logging-iteration-details",
            "--jit-monitor-mode --jit-monitor-verbose --kv-events-config --profiler-config --watchdog-config",
            "--mm-encoder-fp8-scale-save-path --mm-encoder-fp8-scale-save-margin",
            # the HTTP server
            "--shutdown-timeout --fail-on-environ-validation --sse-keep-alive-interval --allow-credentials",
            "--allowed-origins --allowed-methods --allowed-headers --enable-ssl-refresh --enable-request-id-headers",
            "--disable-fastapi-docs --enable-offline-docs --enable-tokenizer-info-endpoint",
            "--h11-max-incomplete-event-size --h11-max-header-count",
        )
    ).split()
)


# Short names of options, where the long one matters here. ``-t`` is no name, but the start of a single one.
SHORT = {
    "-q": "--quantization",
    "-O": "--optimization-level",
    "-sc": "--speculative-config",
    "-ac": "--attention-config",
    "-dc": "--diffusion-config",
    "-t": "--tensor-parallel-size",
    "-tp": "--tensor-parallel-size",
    "-pp": "--pipeline-parallel-size",
    "-dp": "--data-parallel-size",
}


GLUED = ("-q", "-O")  # their value may follow at once: "-qfp8"


NUMBER = re.compile(r"-\.?\d")


# Options that leave less of the weights on the GPU than there is in the checkpoint.
REDUCING = ("--quantization", "--cpu-offload-gb", "--offload-group-size")


# Options that split the model over GPUs, or serve it several times.
SPLITS = ("--tensor-parallel-size", "--pipeline-parallel-size", "--data-parallel-size")


def check_arguments(args: Sequence[str]) -> None:
    """Check the user's own tokens.

    Raises:
        ConfigError: an option that this package sets itself, or that does not fit the judge's server.
    """
    for token in args:
        name = option_name(token)
        if name.startswith(REFUSED_FAMILIES):
            raise ConfigError(f"--judge-arg={token}: {name} {PLAIN_HTTP}")
        if meant := _started(name, REFUSED):
            raise ConfigError(f"--judge-arg={token}: {meant} {REFUSED[meant]}")


def _started(name: str, options: Iterable[str]) -> str:
    """Return the first of ``options`` that is ``name`` or begins with it; empty where there is none."""
    return next((option for option in options if len(name) > 2 and option.startswith(name)), "")


def option_name(token: str) -> str:
    """Return the option of a token, such as "--data-parallel-size" of "--data_parallel_size=2"; empty for a value."""
    return _split(token)[0].partition(".")[0]


def _split(token: str) -> tuple[str, str | None]:
    """Return the option of a token (its long name, with the keys after dots) and the value in the token.

    The option is empty where all of the token is a value: a negative number, or a text with a space.
    """
    if token.startswith(GLUED):
        return SHORT[token[:2]], token[2:].removeprefix("=") or None
    name, equals, value = token.partition("=")
    if len(name) < 2 or not name.startswith("-") or NUMBER.match(name) or " " in name:
        return "", token
    option, dot, keys = name.partition(".")
    if option.startswith("--"):
        option = "--" + option[2:].replace("_", "-")
    return SHORT.get(option, option) + dot + keys, value if equals else None


def _options(args: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return the tokens' options, as `_split` gives them, in order, each with its values."""
    found: list[tuple[str, list[str]]] = []
    for token in args:
        name, value = _split(token)
        if name or not found:
            found.append((name, []))
        if value is not None:
            found[-1][1].append(value)
    return found


def deciding(args: Sequence[str]) -> str:
    """Return the user's options that decide answers, in order; empty where there are none.

    Every option is written as "--name=value". A value that names a file or a folder is replaced by a digest of the
    content, because the place decides nothing.
    """
    kept: list[str] = []
    for name, values in _options(args):
        option = name.partition(".")[0]
        if option.replace("--no-", "--", 1) not in NOT_DECIDING:
            values = [_with_paths(value, _content) for value in values]
            kept += ["=".join((name, *values[:1])), *values[1:]]
    return shlex.join(kept)


def absolute(args: Sequence[str]) -> tuple[str, ...]:
    """Return the user's tokens with absolute paths, for a server that runs in another folder.

    A value that names no file or folder stays as it is. So does a word without a dot or a slash, because a folder
    may have the name of a method: the file ``x`` is ``./x``.
    """
    done = []
    for token in args:
        name, value = _split(token)
        before = token.removesuffix(value) if name and value else ""
        done.append(before + _with_paths(value, _absolute) if value else token)
    return tuple(done)


def _absolute(path: str) -> str:
    return str(Path.cwd() / path)


def _content(path: str) -> str:
    """Return a digest of the file or folder at ``path``, or ``path`` where neither we nor vLLM can read it."""
    try:
        return folder_digest(Path(path)) if Path(path).is_dir() else file_digest(Path(path))
    except OSError:
        return path


def _with_paths(value: str, told: Callable[[str], str]) -> str:
    """Replace each existing path by ``told(path)``: the whole ``value``, the part after "name=", or texts in JSON."""
    if _is_path(value):
        return told(value)
    if value.lstrip().startswith(("{", "[")):
        try:
            read = json.loads(value)
        except ValueError:  # a template
            return value
        changed = _in_json(read, told)
        return value if changed == read else json.dumps(changed)
    name, equals, path = value.partition("=")
    return name + equals + told(path) if _is_path(path) else value


def _in_json(item: Any, told: Callable[[str], str]) -> Any:
    if isinstance(item, dict):
        return {key: _in_json(one, told) for key, one in item.items()}
    if isinstance(item, list):
        return [_in_json(one, told) for one in item]
    return told(item) if isinstance(item, str) and _is_path(item) else item


def _is_path(value: str) -> bool:
    try:
        return ("/" in value or "." in value) and (Path(value).is_file() or Path(value).is_dir())
    except OSError:  # a text, which is too long for a name
        return False


def reduces_weights(args: Sequence[str]) -> bool:
    """Return True where the user's tokens put fewer bytes on the GPU than the checkpoint's weights have."""
    return any(_started(option_name(token), REDUCING) for token in args)


def own_split(args: Sequence[str]) -> tuple[int, int] | None:
    """Return GPUs a copy and number of copies by the user's tokens, or None where the tokens don't say.

    Raises:
        ConfigError: a number of GPUs that is not 1 or more.
    """
    sizes: dict[str, int] = {}
    for name, values in _options(args):
        if long := _started(name, SPLITS):
            value = values[0] if values else ""
            if not (value.isascii() and value.isdecimal() and int(value)):
                raise ConfigError(f"--judge-arg={name}: {long} is a number of GPUs, 1 or more, not {value!r}")
            sizes[long] = int(value)
    if not sizes:
        return None
    tensor, pipeline, data = (sizes.get(name, 1) for name in SPLITS)
    return tensor * pipeline, data


def names_copies(args: Sequence[str]) -> bool:
    """Return True where the user's tokens say how many copies of the model one server holds."""
    return any(_started(option_name(token), ("--data-parallel-size",)) for token in args)
