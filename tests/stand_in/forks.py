"""Processes of Python that are forked from one, which has imported what they need.

A process of its own imports pytest, the plugin and their libraries each time. That takes longer than most runs that
tests start. Forks of a process that has done so, and that has no threads, start at once.

``python -m tests.stand_in.forks SOCKET`` is that process. It reads from a socket what to run. A fork that ends well
leaves its objects as they are, since taking down so many modules takes longer than the rest. Whoever tests what an
interpreter does at its start or end, or which modules it imports, starts one with `subprocess`.
"""

from __future__ import annotations

import ast
import atexit
import contextlib
import functools
import gc
import importlib
import io
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import types
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import IO, Any

import pytest
import xdist.plugin
from _pytest.config import default_plugins
from execnet import gateway_io
from execnet.gateway_base import Popen2IO
from PIL import Image

import pytest_imagejudge
from tests.stand_in import fork_client
from tests.stand_in.fork_client import exit_code, request

ROOT = Path(__file__).resolve().parents[2]
# Not what has threads (onnxruntime), reads the environment as it is loaded (huggingface_hub), or is hidden by tests
# (modelscope_hub, pynvml).
PRELOADED = (
    "anyio._backends._asyncio",
    "check_jsonschema",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "cryptography.hazmat.primitives.serialization",
    "cv2",
    "encodings.utf_8_sig",
    "filelock.asyncio",
    "http.server",
    "httpcore2",
    "httpx2",
    "jinja2",
    "openpyxl",
    "pdb",
    "platformdirs",
    "psutil",
    "rapidocr.main",
    "rich.table",
    "tenacity",
    "tests.stand_in.preloaded",
    "tqdm.auto",
    "truststore",
    "xlsxwriter",
    "xdist.looponfail",
    "xdist.newhooks",
    "xdist.remote",
    "xdist.workermanage",
    "yaml",
    *(f"_pytest.{name}" for name in default_plugins),
    *(
        module.name
        for module in pkgutil.walk_packages(pytest_imagejudge.__path__, "pytest_imagejudge.")
        if not module.name.endswith("__main__") and ".server_side." not in module.name
    ),
)


class Forked:
    """A running fork, with the methods of `subprocess.Popen` that pytest and execnet use."""

    def __init__(self, pid: int, status: int, stdin: IO[Any] | None, stdout: IO[Any] | None) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self.returncode: int | None = None
        self._status = status
        self._lock = threading.Lock()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit code, or the signal less than 0."""
        with self._lock:
            if self.returncode is None:
                if not select.select([self._status], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired("a fork", timeout or 0)
                self.returncode = exit_code(self._status)
            return self.returncode

    def communicate(self, text: str = "") -> str:
        """Close the input of one that was begun after a ``text``; return what it still writes, once it has ended."""
        assert self.stdin is not None
        assert self.stdout is not None
        with contextlib.suppress(BrokenPipeError), self.stdin:
            self.stdin.write(text)
        with self.stdout:
            said: str = self.stdout.read()
        self.wait()
        return said

    def kill(self) -> None:
        """End it by force."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


class ForkServer:
    """Starts the process to fork from when it is first needed, or uses the one at ``shared``."""

    def __init__(self, shared: str | None = None) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="forks-")
        self._shared = shared
        self._address = shared or str(Path(self._folder.name, "socket"))

    def start(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = 2,
    ) -> Forked:
        """Run ``-m MODULE ARGUMENTS`` or ``-c CODE`` in the working folder; without a file, a stream is a pipe.

        Without one for errors they go where the output goes.
        """
        return _start(self.address(), command, env, stdin, stdout, stderr)

    def begin(self, *command: str, env: Mapping[str, str]) -> Forked:
        """Run a command beside the test; its input and output, errors included, are pipes of text."""
        forked = self.start(command, env=env, stderr=None)
        assert forked.stdin is not None
        assert forked.stdout is not None
        forked.stdin, forked.stdout = io.TextIOWrapper(forked.stdin), io.TextIOWrapper(forked.stdout)
        return forked

    def address(self) -> str:
        """Address of the process; it takes requests from now on, and answers them once it has imported all."""
        if self._process is None and self._shared is None:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(self._address)
                listener.listen()
                self._process = subprocess.Popen(
                    [sys.executable, "-m", __name__, str(listener.fileno())],
                    stdin=subprocess.PIPE,
                    pass_fds=[listener.fileno()],
                    cwd=ROOT,
                    env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # a process with threads is not to fork
                )
        return self._address

    def programs(self, folder: Path) -> Path:
        """Write programs that are forks: ``imagejudge``, ``pytest``, and ``python -m`` with either."""
        folder.mkdir()
        fork = f'exec "{sys.executable}" -I -S "{fork_client.__file__}" "{self.address()}"'
        (folder / "imagejudge").write_text(f'#!/bin/sh\n{fork} -m pytest_imagejudge "$@"\n')
        (folder / "pytest").write_text(f'#!/bin/sh\n{fork} -m pytest "$@"\n')
        (folder / "python").write_text(
            '#!/bin/sh\nPATH="${PATH#*:}"\ncase "$1 $2" in\n'
            f'"-m pytest"|"-m pytest_imagejudge") {fork} "$@";;\n*) exec python "$@";;\nesac\n'
        )
        for program in folder.iterdir():
            program.chmod(0o755)
        return folder

    def run(self, *command: str, env: Mapping[str, str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, as `subprocess.run` does, without an input."""
        with (
            contextlib.chdir(cwd or Path.cwd()),
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            Path(os.devnull).open("rb") as none,
        ):
            files = {"stdin": none.fileno(), "stdout": out.fileno(), "stderr": err.fileno()}
            code = self.start(command, env=env, **files).wait(600)
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read().decode())
        return subprocess.CompletedProcess(command, code, *said)

    def popen(self, command: Sequence[object], stdout: Any, stderr: Any, **_: object) -> Forked:
        """Start a command, in place of `pytest.Pytester.popen`."""
        with Path(os.devnull).open("rb") as none:
            files = {"stdin": none.fileno(), "stdout": stdout.fileno(), "stderr": stderr.fileno()}
            python, *arguments = map(str, command)
            assert python == sys.executable
            return self.start(arguments, env=os.environ, **files)

    def close(self) -> None:
        """End the process, and every fork that still runs."""
        if self._process is not None:
            self._process.communicate()
        self._folder.cleanup()

    def gateway(self, spec: Any, execmodel: Any) -> Popen2IO:
        """Start a worker of pytest-xdist, in place of `execnet.gateway_io.create_io`."""
        return _gateway(self.address(), spec, execmodel)


def _start(
    address: str,
    command: Sequence[str],
    env: Mapping[str, str],
    stdin: int | None,
    stdout: int | None,
    stderr: int | None,
) -> Forked:
    to: IO[bytes] | None = None
    from_: IO[bytes] | None = None
    given = []
    if stdin is None:
        stdin, end = os.pipe()
        given.append(stdin)
        to = os.fdopen(end, "wb")
    if stdout is None:
        end, stdout = os.pipe()
        given.append(stdout)
        from_ = os.fdopen(end, "rb")
    pid, status = request(address, command, env, [stdin, stdout, stdout if stderr is None else stderr])
    for end in given:
        os.close(end)
    return Forked(pid, status, to, from_)


def _gateway(address: str, spec: Any, execmodel: Any) -> Popen2IO:
    assert spec.popen
    assert not spec.python
    forked = _start(address, ["-c", gateway_io.popen_bootstrapline], os.environ, None, None, 2)
    return _Gateway(forked, execmodel)


class _Gateway(Popen2IO):
    def __init__(self, forked: Forked, execmodel: Any) -> None:
        super().__init__(forked.stdin, forked.stdout, execmodel)
        self.wait, self.kill = forked.wait, forked.kill


def _serve(listener: socket.socket) -> list[str]:
    """Fork for each request until the standard input ends; return, in the fork, what it is to run."""
    running: dict[int, int] = {}  # to each process, where its exit code is written
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)  # most forks end before
    while True:
        ready, _, _ = select.select([listener, woken, 0], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _reap(running)
        if 0 in ready:
            break
        if listener not in ready:
            continue
        connection, _ = listener.accept()
        length, files, _, _ = socket.recv_fds(connection, 8, 4)
        told = ast.literal_eval(connection.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL).decode())
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for target, file in enumerate(files[:3]):
                os.dup2(file, target)
            for file in (*files, *running.values(), woken, wake):
                os.close(file)
            connection.close()
            address = listener.getsockname()
            listener.close()
            _become(told, address)
            return list(told["command"])
        running[pid] = files[3]
        for file in files[:3]:
            os.close(file)
        with connection:
            connection.sendall(pid.to_bytes(8, "big"))
    for pid in running:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    sys.exit()


def _reap(running: dict[int, int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        file = running.pop(pid)
        with contextlib.suppress(BrokenPipeError):
            os.write(file, str(os.waitstatus_to_exitcode(status)).encode())
        os.close(file)


def _become(told: dict[str, Any], address: str) -> None:
    for file, (name, mode) in enumerate({"stdin": "r", "stdout": "w", "stderr": "w"}.items()):
        old = getattr(sys, name)
        buffering = 1 if name == "stderr" else -1
        new = open(file, mode, buffering, encoding=old.encoding, errors=old.errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    os.chdir(told["cwd"])
    os.environ.clear()
    os.environ.update(told["env"])
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    named = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:1] = [told["cwd"], *(path for path in named if path not in sys.path)]
    xdist.plugin._sys_path[:] = sys.path  # what workers get is what there was when it was imported
    gateway_io.create_io = functools.partial(_gateway, address)


def _warm_up() -> None:
    """Run pytest, as Python executes at once what it has executed before; forks take that over."""
    path, folder = [*sys.path], Path.cwd()
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(io.StringIO()) as said:
        os.chdir(place)
        Path("test_it.py").write_text("def test_passes(): pass\ndef test_fails(): assert not 1")
        for _ in range(2):
            assert pytest.main(["-pno:cacheprovider", "-pxdist", "-pimagejudge"]) == 1, said.getvalue()
            del sys.modules["test_it"]
        os.chdir(folder)
    sys.path[:] = path


def _run(kind: str, *arguments: str) -> None:
    kind, what, *arguments = [kind[:2], *filter(None, [kind[2:]]), *arguments]  # "-mpytest" is one word
    sys.argv = [kind, *arguments]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(what, main.__dict__)


def _end(code: int) -> None:
    """End as an interpreter does, but for the objects that it would take down."""
    threading._shutdown()
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError):  # a closed stream is for the interpreter to tell of
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    for name in PRELOADED:
        with contextlib.suppress(ImportError):  # of what is optional
            importlib.import_module(name)
    Image.init()  # Pillow's formats
    for point in entry_points(group="pytest11"):  # pytest warns of plugins that it can no longer rewrite
        for name in {point.module, point.module.partition(".")[0]} & sys.modules.keys():
            sys.modules[name].__doc__ = "PYTEST_DONT_REWRITE"
    _warm_up()
    told = _serve(socket.socket(fileno=int(sys.argv[1])))
    code: Any = 0
    try:
        _run(*told)
    except SystemExit as end:
        code = end.code or 0
        if not isinstance(code, int):
            raise
    _end(code)
