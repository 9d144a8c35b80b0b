"""A stand-in for an installed vLLM: a package of that name whose server answers at once and computes nothing.

It has what matters to those who supervise it: a second process in its session that ignores SIGTERM (as an engine that
hangs would), one that has left the session, a log, and ways to die.
"""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

SERVER = """
import json, os, signal, subprocess, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

IGNORE = "import signal, time; [signal.signal(number, signal.SIG_IGN) for number in (2, 15)]; "
HANGS = IGNORE + "print('up', flush=True); time.sleep(600)"


def spawn(**how):
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", HANGS, "standin-engine"], stdout=subprocess.PIPE, **how)
    child.stdout.readline()


def main():
    place = Path(os.environ["STANDIN"])
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    (place / ("used-" + gpu)).touch()
    with (place / "starts").open("a") as file:
        file.write(json.dumps(sys.argv[1:]) + "\\n")
    (place / "environment").write_text(json.dumps(dict(os.environ)))
    (place / "folder").write_text(os.path.realpath(sys.argv[2]))  # of the model, which a link names
    print("INFO: Starting to load model", flush=True)
    spawn()
    spawn(start_new_session=True)
    if (place / "hold-start").exists():
        (place / "held").write_text(str(os.getpid()))
        time.sleep(600)
    if (place / "fail-start").exists() or (place / ("fail-start-" + gpu)).exists():
        print("ValueError: the \\x1b[31mweights\\x1b[0m are wrong", flush=True)
        print("RuntimeError: Engine core initialization failed. See root cause above.", flush=True)
        sys.exit(3)
    if (place / "port-taken").exists():
        (place / "port-taken").unlink()
        sys.exit("OSError: [Errno 98] Address already in use")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def reply(self, status, reply):
            body = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            if not (place / "engine-dead").exists():
                return self.reply(200, {})
            (place / "engine-dead").unlink()
            self.reply(503, {})
            os._exit(1)

        def do_POST(self):
            if self.path.startswith(("/sleep", "/wake_up")):
                with (place / "naps").open("a") as file:
                    file.write(self.path + (" of " + gpu if gpu else "") + "\\n")
                return self.reply(200, {})
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if self.headers["authorization"] != "Bearer " + os.environ["IMAGEJUDGE_SERVER_KEY"]:
                return self.reply(401, {})
            with (place / "asked").open("a") as file:
                file.write(json.dumps({**body, "gpu": gpu}) + "\\n")
            while (place / "hold-answers").exists():
                time.sleep(0.02)
            text = body["messages"][-1]["content"]
            text = text if isinstance(text, str) else "a picture"
            first = (place / "starts").read_text().count("\\n") == 1
            if text == "crash" or (text == "crash once" and first):
                print("torch.OutOfMemoryError: CUDA out of memory.", flush=True)
                os.kill(os.getpid(), signal.SIGKILL)
            if text == "kill the engine once" and first:
                (place / "engine-dead").touch()
            if text == "break" or (place / "engine-dead").exists():
                return self.reply(500, {"error": "internal"})
            if text == "hang up":
                return setattr(self, "close_connection", True)
            if text == "refuse":
                return self.reply(400, {"error": "no such field: top_k"})
            message = {"role": "assistant", "content": "to " + text}
            self.reply(200, {"choices": [{"finish_reason": "stop", "message": message}], "usage": {}})

    port = int(sys.argv[sys.argv.index("--port") + 1])
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main()
"""

OPTIONS = """
served_model_name seed generation_config enable_prefix_caching max_model_len limit_mm_per_prompt reasoning_parser
prefix_match_unit structured_outputs_config gpu_memory_utilization tensor_parallel_size quantization enable_sleep_mode
max_num_batched_tokens max_num_seqs enable_prompt_tokens_details disable_uvicorn_access_log
"""


def install(folder: Path, *, version: str = "9.9.9+cpu", options: str = OPTIONS) -> Path:
    """Make the package in ``folder``; returns an interpreter that has it."""
    package = folder / "vllm"
    (package / "engine").mkdir(parents=True)
    (package / "entrypoints" / "cli").mkdir(parents=True)
    for place in (package, package / "engine", package / "entrypoints", package / "entrypoints" / "cli"):
        (place / "__init__.py").touch()
    (package / "engine" / "arg_utils.py").write_text(f'"""{options}"""')
    (package / "entrypoints" / "cli" / "main.py").write_text(SERVER)
    info = folder / f"vllm-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n")
    python = folder / "python"
    python.write_text(
        textwrap.dedent(f"""\
            #!/bin/sh
            PYTHONPATH='{folder}' exec '{sys.executable}' "$@"
            """)
    )
    python.chmod(0o755)
    return python


def checkpoint(folder: Path, *, size: int = 1000, **config: object) -> Path:
    """A folder that looks like a checkpoint."""
    folder.mkdir(parents=True)
    config = {"architectures": ["Qwen3_5ForConditionalGeneration"], "text_config": {"num_attention_heads": 4}, **config}
    (folder / "config.json").write_text(json.dumps(config))
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(size)
    return folder


def gpus(folder: Path, count: int, mib: int = 81_559) -> Path:
    """Make a stand-in for nvidia-smi with so many GPUs, each unused until a server is on it; returns its folder."""
    folder.mkdir()
    script = f"""\
        #!/bin/sh
        case "$1" in --query-gpu=*)
            for number in $(seq 0 {count - 1}); do
                free={mib}
                [ -e "$STANDIN/used-$number" ] && free=5000
                echo "$number, GPU-${{number}}abc, Card $number, {mib}, $free"
            done
        esac
        """
    program = folder / "nvidia-smi"
    program.write_text(textwrap.dedent(script))
    program.chmod(0o755)
    return folder
