"""Stand-ins for the Hub and for ModelScope, and a machine whose caches and vLLM are its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.stand_in.forks import ForkServer
from tests.stand_in.vllm import install

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": json.dumps({"architectures": ["Qwen3VLForConditionalGeneration"]}).encode(),
    "model.safetensors": b"w" * 5000,
    "pytorch_model.bin": b"x" * 100_000,
    "README.md": b"# read me",
    "tokenizer.json": b"{}",
    "tokenizer_config.json": b'{"chat_template": "{{ add_generation_prompt }}<think>"}',
}
SHARDS = {f"model-0000{part}-of-00002.safetensors": b"w" * 3000 for part in (1, 2)}


def index(*files: str, **metadata: int) -> bytes:
    return json.dumps({"metadata": metadata, "weight_map": {f"layer {file}": file for file in files}}).encode()


class Hub:
    """A Hub with one model, ``org/judge``, and a gated one, ``org/gated``."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.files = FILES
        self.tells_sizes = True
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
                        for name, data in outer.files.items()
                    ]
                    return self.reply(200, json.dumps(tree).encode())
                if parts[0] == "api":
                    if "revision" in parts and parts[-1] not in ("main", COMMIT):
                        return self.reply(404, b"{}", X_Error_Code="RevisionNotFound")
                    siblings: list[dict[str, Any]] = [{"rfilename": name} for name in outer.files]
                    for sibling in siblings if outer.tells_sizes else ():
                        sibling["size"] = len(outer.files[sibling["rfilename"]])
                    info = {"id": "org/judge", "sha": COMMIT, "siblings": siblings, "private": False}
                    return self.reply(200, json.dumps(info).encode())
                data = outer.files.get(path.partition("/resolve/")[2].partition("/")[2])
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
    def __init__(self, folder: Path, url: str, forks: ForkServer) -> None:
        self.folder = folder
        self._forks = forks
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
        return self._forks.run("-m", "pytest_imagejudge", *args, env={**self.environment, **environment})

    def fetch(self) -> set[str]:
        """Download org/judge; the names of its files."""
        code = """
import sys
from pathlib import Path
from pytest_imagejudge.engines.vllm.model_download import download_command, main
from pytest_imagejudge.engines.vllm.model_lookup import find_model
found = find_model("org/judge", None, "--judge-model")
assert not found.complete
main(download_command(found, Path(sys.argv[1]))[-2:])
assert find_model("org/judge", None, "--judge-model").complete
"""
        done = self._forks.run("-c", code, str(self.folder / "fetched"), env=self.environment)
        assert done.returncode == 0, done.stderr
        return {file.name for file in Path((self.folder / "fetched").read_text()).iterdir()}

    def doctor(self, *args: str, **environment: str) -> dict[str, Any]:
        done = self.command("doctor", "--json", *args, **environment)
        found = dict(json.loads(done.stdout))
        assert done.returncode == (0 if found["ok"] else 2), done.stderr
        return dict(found["judges"][0])


class ModelScope:
    """ModelScope with one model and one data set, ``org/judge``, and a private model, ``org/private``.

    It answers as ModelScope's client (modelscope-hub 0.5.1) asks: listings with sizes and digests, and files.
    """

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.files = dict(FILES if files is None else files)
        self.paths: list[str] = []
        self.spoilt: set[str] = set()  # files that arrive with other bytes than are listed
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def reply(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def reply_json(self, data: Any, status: int = 200) -> None:
                self.reply(status, json.dumps({"Code": status, "Data": data, "Success": status == 200}).encode())

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                outer.paths.append(f"{url.path} {query.get('FilePath', '')}".strip())
                if "/org/private" in url.path:
                    return self.reply_json({}, 403)
                if "/org/judge" not in url.path:
                    return self.reply_json({}, 404)
                if url.path.endswith("/revisions"):
                    return self.reply_json({"RevisionMap": {"Branches": [{"Revision": "master"}], "Tags": []}})
                if query.get("Revision") not in ("master", None):
                    return self.reply_json({}, 404)
                if url.path.endswith(("/repo/files", "/repo/tree")):
                    listed = [
                        {"Path": name, "Size": len(data), "Sha256": hashlib.sha256(data).hexdigest(), "Type": "blob"}
                        for name, data in outer.files.items()
                    ]
                    return self.reply_json({"Files": listed, "TotalCount": len(listed)})
                name = query.get("FilePath", "")
                if url.path.endswith("/repo") and name in outer.files:
                    data = outer.files[name]
                    return self.reply(200, data[::-1] if name in outer.spoilt else data)
                return self.reply_json({}, 200 if url.path.endswith("/org/judge") else 404)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def environment(self, folder: Path) -> dict[str, str]:
        """The variables that lead the client here, with a cache in ``folder``, without the waits of its retries."""
        return {
            "MODELSCOPE_ENDPOINT": self.url,
            "MODELSCOPE_CACHE": str(folder / "modelscope"),
            "MODELSCOPE_HOME": str(folder / "modelscope-home"),
            "MODELSCOPE_API_MAX_RETRIES": "1",
            "MODELSCOPE_DOWNLOAD_MAX_RETRIES": "0",
        }

    def close(self) -> None:
        """Stop answering."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
