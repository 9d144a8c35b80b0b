"""Models by name: a Hub of our own, folders, the local cache; with a stand-in for vLLM that serves what was fetched."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from standin_vllm import checkpoint, install

from pytest_imagejudge.engines import hub
from pytest_imagejudge.errors import ConfigError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": json.dumps({"architectures": ["Qwen3VLForConditionalGeneration"]}).encode(),
    "model.safetensors": b"w" * 5000,
    "pytorch_model.bin": b"x" * 100_000,
    "README.md": b"# read me",
    "tokenizer_config.json": b'{"chat_template": "{{ add_generation_prompt }}<think>"}',
}


class Hub:
    """A Hub with one model, ``org/judge``, and a gated one, ``org/gated``."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                outer.paths.append(path)
                parts = path.strip("/").split("/")
                if "gated" in parts:
                    return self.reply(403, b"{}", X_Error_Code="GatedRepo")
                if "judge" not in parts:
                    return self.reply(401, b"{}", X_Error_Code="RepoNotFound")
                if "refs" in parts:
                    main = {"name": "main", "ref": "refs/heads/main", "targetCommit": COMMIT}
                    return self.reply(200, json.dumps({"branches": [main], "tags": [], "converts": []}).encode())
                if "tree" in parts:
                    tree = [
                        {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                        for name, data in FILES.items()
                    ]
                    return self.reply(200, json.dumps(tree).encode())
                if parts[0] == "api":
                    if "revision" in parts and parts[-1] not in ("main", COMMIT):
                        return self.reply(404, b"{}", X_Error_Code="RevisionNotFound")
                    siblings = [{"rfilename": name, "size": len(data)} for name, data in FILES.items()]
                    info = {"id": "org/judge", "sha": COMMIT, "siblings": siblings, "private": False}
                    return self.reply(200, json.dumps(info).encode())
                data = FILES.get(parts[-1])
                if data is None:
                    return self.reply(404, b"{}", X_Error_Code="EntryNotFound")
                tag = f'"{hashlib.sha256(data).hexdigest()}"'
                return self.reply(200, data, X_Repo_Commit=COMMIT, ETag=tag)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Machine:
    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        (folder / "standin").mkdir()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTEST_"))},
            "HF_ENDPOINT": url,
            "HF_HOME": str(folder / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_ETAG_TIMEOUT": "2",
            "IMAGEJUDGE_CACHE": str(folder / "cache"),
            "IMAGEJUDGE_VLLM_PYTHON": str(install(folder / "site")),
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "STANDIN": str(folder / "standin"),
            "NO_PROXY": "127.0.0.1",
        }

    def command(self, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest_imagejudge", *args]
        environment = {**self.environment, **environment}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def doctor(self, *args: str, **environment: str) -> dict[str, Any]:
        done = self.command("doctor", "--json", *args, **environment)
        found = dict(json.loads(done.stdout))
        assert done.returncode == (0 if found["ok"] else 2), done.stderr
        return dict(found["judges"][0])


@pytest.fixture
def our_hub() -> Iterator[Hub]:
    served = Hub()
    yield served
    served.close()


@pytest.fixture
def machine(tmp_path: Path, our_hub: Hub) -> Machine:
    return Machine(tmp_path, our_hub.url)


def test_a_model_is_looked_up_fetched_and_served(machine: Machine, our_hub: Hub) -> None:
    found = machine.doctor("--judge-model", "org/judge")
    assert found["problems"] == []
    assert found["revision"] == COMMIT
    assert (found["weights_bytes"], found["architecture"]) == (5000, "Qwen3VLForConditionalGeneration")
    assert found["download_bytes"] == 5000  # neither the other weights nor the page
    assert not any(path.endswith((".safetensors", ".bin")) for path in our_hub.paths)

    served = machine.command("serve", "--json", "--judge-model", "org/judge", "--judge-revision", "main")
    try:
        assert served.returncode == 0, served.stderr
        facts = json.loads(served.stdout)
        assert facts["revision"] == COMMIT
        assert "downloading org/judge" in served.stderr
        (start,) = [json.loads(line) for line in (machine.folder / "standin" / "starts").read_text().splitlines()]
        folder = Path(start[1])
        assert {file.name for file in folder.iterdir()} == {"config.json", "model.safetensors", "tokenizer_config.json"}
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
    assert hub.folder_digest(one) == hub.folder_digest(other)
    os.utime(one / "model.safetensors", (1, 1))
    (one / "README.md").write_text("words")
    assert hub.folder_digest(one) == hub.folder_digest(other)
    with (one / "model.safetensors").open("r+b") as file:
        file.seek(20_971_520)
        file.write(b"x")
    assert hub.folder_digest(one) != hub.folder_digest(other)
    (other / "config.json").write_text("{}")
    assert len({hub.folder_digest(one), hub.folder_digest(other)}) == 2


def test_folders_that_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"has no config\.json"):
        hub.find_model(str(tmp_path / "empty"), None, "--judge-model")
    (tmp_path / "empty" / "config.json").write_text("[1]")
    with pytest.raises(ConfigError, match="not an object"):
        hub.find_model(str(tmp_path / "empty"), None, "--judge-model")
    (tmp_path / "empty" / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="can't be read"):
        hub.find_model(str(tmp_path / "empty"), None, "--judge-model")
    with pytest.raises(ConfigError, match="has no revision 'main'"):
        hub.find_model(str(checkpoint(tmp_path / "model")), "main", "--judge-model")
