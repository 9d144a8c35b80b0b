"""A stand-in for an installed vLLM: a package of that name whose server answers at once and computes nothing.

It has what matters to those who supervise it: a second process in its session that ignores SIGTERM (as an engine that
hangs would), one that has left the session, a log, and ways to die.
"""

from __future__ import annotations

import json
import platform
import sys
import textwrap
from pathlib import Path

SERVER = """
import json, os, signal, socketserver, sys, threading, time
from pathlib import Path


def spawn(leave):
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        return os.read(reading, 1)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    leave()
    os.write(writing, b"1")
    os.closerange(3, 256)  # as a program of its own
    time.sleep(600)
    os._exit(0)


def main():
    place = Path(os.environ["STANDIN"])
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    (place / ("used-" + gpu)).touch()
    with (place / "starts").open("a") as file:
        file.write(json.dumps(sys.argv[1:]) + "\\n")
    (place / "environment").write_text(json.dumps(dict(os.environ)))
    (place / "folder").write_text(os.path.realpath(sys.argv[2]))  # of the model, which a link names
    print("INFO: Starting to load model", flush=True)
    spawn(lambda: None)
    spawn(os.setsid)
    if (place / "hold-start").exists():
        (place / "held").write_text(str(os.getpid()))
        while (place / "hold-start").exists():
            time.sleep(0.05)
    if (place / "fail-start").exists() or (place / ("fail-start-" + gpu)).exists():
        print("ValueError: the \\x1b[31mweights\\x1b[0m are wrong", flush=True)
        print("RuntimeError: Engine core initialization failed. See root cause above.", flush=True)
        sys.exit(3)
    if (place / "port-taken").exists():
        (place / "port-taken").unlink()
        sys.exit("OSError: [Errno 98] Address already in use")

    class Handler(socketserver.StreamRequestHandler):  # http.server takes longer to import than all the rest
        disable_nagle_algorithm = True

        def handle(self):
            self.open = True
            while self.open and (line := self.rfile.readline()):
                method, self.path, _ = line.decode().split()
                lines = iter(lambda: self.rfile.readline().decode().strip(), "")
                self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
                self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
                self.open = self.headers.get("connection") != "close"
                getattr(self, method)()

        def reply(self, status, reply):
            body = json.dumps(reply).encode()
            self.wfile.write(f"HTTP/1.1 {status} -\\r\\ncontent-length: {len(body)}\\r\\n\\r\\n".encode() + body)

        def GET(self):
            if not (place / "engine-dead").exists():
                return self.reply(200, {})
            (place / "engine-dead").unlink()
            self.reply(503, {})
            os._exit(1)

        def POST(self):
            if self.path.startswith(("/sleep", "/wake_up")):
                with (place / "naps").open("a") as file:
                    file.write(self.path + (" of " + gpu if gpu else "") + "\\n")
                return self.reply(200, {})
            body = json.loads(self.body)
            if self.headers["authorization"] != "Bearer " + os.environ["IMAGEJUDGE_SERVER_KEY"]:
                return self.reply(401, {})
            with (place / "asked").open("a") as file:
                file.write(json.dumps({**body, "gpu": gpu}) + "\\n")
            while (place / "hold-answers").exists():
                time.sleep(0.05)
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
                self.open = False
                return
            if text == "refuse":
                return self.reply(400, {"error": "no such field: top_k"})
            message = {"role": "assistant", "content": "to " + text}
            self.reply(200, {"choices": [{"finish_reason": "stop", "message": message}], "usage": {}})

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True
        request_queue_size = 128

    port = int(sys.argv[sys.argv.index("--port") + 1])
    server = Server(("127.0.0.1", port), Handler)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main()
"""

# Runs the server without the processes from which vLLM's engine would be forked: two starts of Python.
ALONE = """
import os, sys, types

sys.argv[:] = sys.argv[1:]
sys.path[0] = os.path.dirname(sys.argv[0])
processes = sys.modules["imagejudge_processes"] = types.ModuleType("imagejudge_processes")
processes.begin = processes.look_at_models = lambda: None
with open(sys.argv[0]) as file:
    exec(file.read())
"""

OPTIONS = """
served_model_name seed generation_config enable_prefix_caching max_model_len limit_mm_per_prompt reasoning_parser
prefix_match_unit structured_outputs_config gpu_memory_utilization tensor_parallel_size quantization enable_sleep_mode
max_num_batched_tokens max_num_seqs enable_prompt_tokens_details disable_uvicorn_access_log
"""


def install(
    folder: Path, *, version: str = "9.9.9+cpu", options: str = OPTIONS, forks: bool = False, answers: bool = True
) -> Path:
    """Make the package in ``folder``; returns an interpreter that has it.

    Args:
        folder: the place for it, which is made.
        version: of vLLM.
        options: the words that vLLM's sources have.
        forks: have the server begin the processes from which vLLM's engine is forked.
        answers: whoever looks for vLLM is told of it at once, where the interpreter itself would look for long.
    """
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
    (folder / "alone.py").write_text(ALONE)
    found = {"python": platform.python_version(), "dists": {"vllm": version}, "package": str(package / "__init__.py")}
    cases = [f"*importlib.metadata*) echo '{json.dumps(found)}'; exit;;"] if answers else []
    cases += [] if forks else [f"*/imagejudge_serve.py\\ *) set -- '{folder}/alone.py' \"$@\";;"]
    run = f"PYTHONPATH='{folder}' exec '{sys.executable}' \"$@\""
    python = folder / "python"
    python.write_text("\n".join(["#!/bin/sh", 'case "$1 $2" in', *cases, "esac", run, ""]))
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
