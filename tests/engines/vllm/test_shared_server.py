"""What is left after each way in which users, supervisor and server may end; with a stand-in for vLLM's server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from pytest_imagejudge.engines.base import Engine
from pytest_imagejudge.engines.vllm import install as installs
from pytest_imagejudge.engines.vllm import shared_server
from pytest_imagejudge.engines.vllm.engine import VllmEngine
from pytest_imagejudge.engines.vllm.processes import Lease
from pytest_imagejudge.engines.vllm.start_progress import StartWatcher
from pytest_imagejudge.engines.vllm.state import CopyState, State
from pytest_imagejudge.errors import EngineError
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.protocols.base import Request
from pytest_imagejudge.settings import JudgeSettings
from tests.stand_in.forks import Forked, ForkServer
from tests.stand_in.vllm import checkpoint, install

ENGINE_FORKS = pytest.mark.usefixtures("engine_forks")  # two more processes to end, and two starts of Python
END_SECONDS = 60  # 15 are promised; a machine that is busy with something else may take longer

USER = """
    import asyncio, sys
    from pathlib import Path
    from pytest_imagejudge.engines.vllm.engine import VllmEngine
    from pytest_imagejudge.protocols import load_protocol
    from pytest_imagejudge.settings import JudgeSettings

    async def main():
        settings = JudgeSettings(model=sys.argv[1], protocol="house", keep_alive=float(sys.argv[3]) or None)
        engine = VllmEngine(settings, load_protocol("house"), state_dir=Path(sys.argv[2]))
        await engine.start(lambda line: print(line, flush=True))
        print("up", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await engine.close()

    asyncio.run(main())
"""


class Place:
    """One machine's worth of a test: stand-in, model, state, and the processes that came to be."""

    def __init__(self, tmp_path: Path, forks: ForkServer, *, engine_forks: bool = False) -> None:
        self.folder = tmp_path
        self._forks = forks
        self.python = install(tmp_path / "site", forks=engine_forks)
        self.model = checkpoint(tmp_path / "model")
        self.state_dir = tmp_path / "state"
        self.standin = tmp_path / "standin"
        self.standin.mkdir()
        self.users: list[Forked | psutil.Process] = []

    def engine(self, **settings: object) -> VllmEngine:
        chosen = JudgeSettings(model=str(self.model), protocol="house", **settings)  # type: ignore[arg-type]
        return VllmEngine(chosen, load_protocol("house"), state_dir=self.state_dir)

    def user(self, keep_alive: float = 0.0, script: str = USER) -> Forked:
        """Another process that uses the server; it ends in order at a line on its stdin."""
        arguments = (str(self.model), str(self.state_dir), str(keep_alive))
        user = self._forks.begin("-c", textwrap.dedent(script), *arguments, env=os.environ)
        self.users.append(user)
        return user

    def starts(self) -> list[list[str]]:
        file = self.standin / "starts"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def processes(self) -> list[psutil.Process]:
        """All that belong to servers of this place: supervisors, guards, servers and what those started."""
        found = []
        apart = {os.getpid(), *(user.pid for user in self.users)}
        for process in psutil.process_iter():
            try:
                if process.pid not in apart and process.environ().get("STANDIN") == str(self.standin):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def gone(self) -> bool:
        """Whether, within the time that is promised, nothing is left."""
        return not psutil.wait_procs(self.processes(), timeout=END_SECONDS)[1] and not self.processes()

    def supervisor(self) -> psutil.Process:
        ((_, state, _),) = shared_server.running(self.state_dir)
        return psutil.Process(state.supervisor)

    def server(self) -> psutil.Process:
        ((_, state, _),) = shared_server.running(self.state_dir)
        return psutil.Process(state.first.server)

    def close(self) -> None:
        for user in self.users:
            user.kill()
            user.wait()
            if isinstance(user, Forked):
                for pipe in (user.stdin, user.stdout):
                    if pipe is not None:
                        pipe.close()
        for folder, _, _ in list(shared_server.running(self.state_dir)):
            shared_server.stop(folder)


@pytest.fixture
def place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forks: ForkServer, request: pytest.FixtureRequest
) -> Iterator[Place]:
    place = Place(tmp_path, forks, engine_forks="engine_forks" in request.fixturenames)
    monkeypatch.setenv(installs.PYTHON_VARIABLE, str(place.python))
    monkeypatch.setenv("STANDIN", str(place.standin))
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    installs.find_vllm.cache_clear()
    yield place
    place.close()
    installs.find_vllm.cache_clear()
    assert place.gone()


def until_up(user: Forked) -> list[str]:
    assert user.stdout is not None
    lines = []
    for line in user.stdout:
        lines.append(line.rstrip("\n"))
        if lines[-1] == "up":
            return lines
    raise AssertionError("\n".join(lines))


def wait(condition: Callable[[], object]) -> None:
    """Look again and again, as long as is promised at most."""
    for _ in range(END_SECONDS * 20):
        if condition():
            return
        psutil.wait_procs([psutil.Process()], timeout=0.05)
    raise AssertionError("it did not come about")


def request(text: str) -> Request:
    return Request("Quality", [{"role": "user", "content": text}], {"max_tokens": 1, "top_k": 1})


async def ask(engine: Engine, *texts: str) -> list[str]:
    try:
        await engine.start(lambda line: None)
        return [answer.text for answer in await asyncio.gather(*(engine.ask(request(text)) for text in texts))]
    finally:
        await engine.close()


@ENGINE_FORKS
def test_a_session_leaves_nothing(place: Place) -> None:
    engine = place.engine()
    assert asyncio.run(ask(engine, "a", "b")) == ["to a", "to b"]
    assert place.gone()
    assert len(place.starts()) == 1
    assert engine.restarts == 0


def test_the_server_is_told_what_it_needs(place: Place) -> None:
    asyncio.run(ask(place.engine(args=("--enforce-eager", "--max-model-len=99")), "a"))
    (arguments,) = place.starts()
    assert arguments[:2] == ["serve", "model"]
    assert arguments[arguments.index("--prefix-match-unit") + 1] == "16"
    assert arguments[arguments.index("--reasoning-parser") + 1] == "qwen3"
    assert arguments[-4:] == ["--enforce-eager", "--max-model-len=99", "--middleware", "imagejudge_key.KeyCheck"]
    environment = json.loads((place.standin / "environment").read_text())
    assert environment["TRITON_CACHE_DIR"] == "triton_cache_dir"
    assert environment["IMAGEJUDGE_SERVER_KEY"] not in " ".join(arguments)
    assert "VLLM_API_KEY" not in environment
    assert not [name for name in environment if name.startswith(("PYTEST_", "IMAGEJUDGE_STORE"))]
    ((folder, _),) = shared_server._of_this_machine(place.state_dir)
    assert (folder / "run" / "1" / "model").resolve() == place.model.resolve()
    caches = place.state_dir.resolve() / "compiled" / "vllm-9.9.9+cpu-torch-unknown"
    for variable in ("vllm_cache_root", "triton_cache_dir"):
        assert (folder / "run" / "1" / variable).resolve().parent == caches


def test_a_file_that_is_named_from_here_is_found_by_the_server(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    template = place.folder / "template.jinja"
    template.touch()
    monkeypatch.chdir(place.folder)
    engine = place.engine(args=("--chat-template", "template.jinja"))
    monkeypatch.chdir("/")
    asyncio.run(ask(engine, "a"))
    assert place.starts()[0][-4:-2] == ["--chat-template", str(template)]


def test_secrets_stay_here(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"IMAGEJUDGE_STORE_KEY", "IMAGEJUDGE_API_KEY", "GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN"}
    for name in (*secrets, "HF_TOKEN"):
        monkeypatch.setenv(name, "secret")
    asyncio.run(ask(place.engine(keep_alive=5.0), "a"))
    seen = [place.supervisor().environ(), json.loads((place.standin / "environment").read_text())]
    assert [environment.keys() & {*secrets, "HF_TOKEN"} for environment in seen] == [{"HF_TOKEN"}] * 2


def test_addresses_of_other_programs_stay_here(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VLLM_PORT", "VLLM_ROUTER_PORT_80_TCP"):
        monkeypatch.setenv(name, "tcp://10.0.0.1:80")
    monkeypatch.setenv("VLLM_HOST_IP", "10.0.0.2")
    lines: list[str] = []
    engine = place.engine()

    async def start() -> None:
        await engine.start(lines.append)
        await engine.close()

    asyncio.run(start())
    environment = json.loads((place.standin / "environment").read_text())
    assert not environment.keys() & {"VLLM_PORT", "VLLM_ROUTER_PORT_80_TCP"}
    assert environment["VLLM_HOST_IP"] == "10.0.0.2"
    assert [line for line in lines if "the server does not get VLLM_PORT, VLLM_ROUTER_PORT_80_TCP: " in line]


def test_several_users_share_one_server(place: Place) -> None:
    users = [place.user() for _ in range(3)]
    for user in users:
        until_up(user)
    assert len(place.starts()) == 1
    users[0].communicate("\n")
    users[1].kill()
    users[1].communicate()
    assert asyncio.run(ask(place.engine(), "still there")) == ["to still there"]
    assert place.server().is_running()
    users[2].communicate("\n")
    assert users[2].returncode == 0
    assert place.gone()
    assert len(place.starts()) == 1


def test_other_settings_have_another_server(place: Place) -> None:
    until_up(place.user())
    asyncio.run(ask(place.engine(args=("--enforce-eager",)), "a"))
    assert len(place.starts()) == 2


def test_another_content_of_a_file_that_decides_answers_has_another_server(place: Place) -> None:
    template = place.folder / "template.jinja"
    for content in ("one", "one", "two"):
        template.write_text(content)
        asyncio.run(ask(place.engine(args=("--chat-template", str(template)), keep_alive=5.0), "a"))
    assert len(place.starts()) == 2


def test_servers_of_other_machines_are_let_alone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder may be shared by machines and containers, whose process ids are of other processes here."""
    asyncio.run(ask(place.engine(keep_alive=5.0), "a"))
    ((folder, state, _),) = shared_server.running(place.state_dir)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(shared_server, "machine", lambda: "another")
        assert not list(shared_server.running(place.state_dir))
        assert not shared_server.stop(folder)
        assert place.engine().server_folder() != folder
    ((_, still, _),) = shared_server.running(place.state_dir)
    assert still == state


def test_folders_of_servers_long_gone_are_removed(place: Place) -> None:
    folders = {}
    for name in ("gone", "of another machine", "in use", "of today"):
        folders[name] = folder = shared_server.servers_folder(place.state_dir) / name
        (folder / "leases").mkdir(parents=True)
        here = shared_server.machine() if name != "of another machine" else "another"
        State(status="stopped", machine=here).write(folder)
        for file in (folder / "state.json", folder / "server.log"):
            file.touch()
            if name != "of today":
                os.utime(file, (0, 0))
    lease = Lease(folders["in use"] / "leases")
    asyncio.run(ask(place.engine(), "a"))
    lease.end()
    assert [name for name, folder in folders.items() if not folder.exists()] == ["gone"]


@ENGINE_FORKS
def test_a_user_that_is_killed_leaves_nothing(place: Place) -> None:
    user = place.user()
    until_up(user)
    # supervisor, guard, server and the two of its own, and the two from which it would fork an engine
    assert len(place.processes()) == 7
    user.kill()
    assert place.gone()


@ENGINE_FORKS
def test_a_start_that_is_interrupted_leaves_nothing(place: Place) -> None:
    (place.standin / "hold-start").touch()
    user = place.user()
    wait((place.standin / "held").exists)
    user.kill()
    assert place.gone()


@ENGINE_FORKS
def test_ctrl_c_in_a_start_leaves_nothing(place: Place) -> None:
    (place.standin / "hold-start").touch()
    user = place.user()
    wait((place.standin / "held").exists)
    user.send_signal(signal.SIGINT)
    user.communicate()
    assert user.returncode
    assert place.gone()


@ENGINE_FORKS
def test_a_start_that_is_interrupted_leaves_nothing_for_those_who_asked_to_keep_it(place: Place) -> None:
    (place.standin / "hold-start").touch()
    user = place.user(keep_alive=5)
    wait((place.standin / "held").exists)
    user.kill()
    assert place.gone()


@ENGINE_FORKS
@pytest.mark.parametrize("whom", ["supervisor", "guard"])
def test_whoever_watches_may_be_killed(place: Place, whom: str) -> None:
    user = place.user()
    until_up(user)
    supervisor = place.supervisor()
    if whom == "supervisor":
        supervisor.kill()
    else:
        guard = next(child for child in supervisor.children() if child.pid != place.server().pid)
        guard.kill()
        wait(lambda: len(supervisor.children()) == 2 and guard not in supervisor.children())  # there is a new one
    user.kill()
    assert place.gone()


@ENGINE_FORKS
def test_all_who_watch_are_killed(place: Place) -> None:
    """Then the users see to it."""
    user = place.user()
    until_up(user)
    supervisor = place.supervisor()
    for process in [*supervisor.children(), supervisor]:
        process.kill()
    user.communicate("\n")
    assert user.returncode == 0
    assert place.gone()


@ENGINE_FORKS
def test_the_supervisor_is_killed_in_the_middle(place: Place) -> None:
    async def run() -> None:
        engine = place.engine()
        await engine.start(lambda line: None)
        place.supervisor().kill()
        while not engine.restarts:  # the server may still answer for a moment
            assert (await engine.ask(request("a"))).text == "to a"
        assert engine.restarts == 1
        place.supervisor().kill()
        with pytest.raises(EngineError, match="killed"):
            while True:  # the server may still answer for a moment
                await engine.ask(request("a"))
        await engine.close()

    asyncio.run(run())
    assert len(place.starts()) == 2
    assert place.gone()


@ENGINE_FORKS
def test_a_crash_is_survived_once(place: Place) -> None:
    lines: list[str] = []

    async def run() -> None:
        engine = place.engine()
        await engine.start(lines.append)
        answers = await asyncio.gather(*(engine.ask(request(text)) for text in ("crash once", "a", "b")))
        assert [answer.text for answer in answers] == ["to crash once", "to a", "to b"]
        assert engine.restarts == 1
        results = await asyncio.gather(*(engine.ask(request(t)) for t in ("crash", "c")), return_exceptions=True)
        assert isinstance(results[0], EngineError)
        assert "died again" in str(results[0])
        assert "CUDA out of memory" in str(results[0])
        with pytest.raises(EngineError, match="died again"):
            await engine.ask(request("d"))
        await engine.close()

    asyncio.run(run())
    assert len(place.starts()) == 2
    assert any("again" in line for line in lines)
    assert place.gone()


def test_the_second_start_is_told_from_its_beginning(tmp_path: Path) -> None:
    log, said = tmp_path / "server.log", list[str]()
    watcher = StartWatcher(tmp_path, said.append)
    state = State(title="judge", copies=[CopyState(started=time.time())])
    before = "INFO Starting vLLM server\nimagejudge: the server died (exit status SIGKILL); it is started again\n"
    log.write_text(before)
    watcher.look(state)
    log.write_text(before + "INFO Starting to load model\n")
    watcher.look(state)
    assert [line.split(" (")[0] for line in said] == ["judge: importing vLLM", "judge: loading the model"]


def test_one_process_restarts_for_all(place: Place) -> None:
    users = [place.user() for _ in range(2)]
    for user in users:
        until_up(user)

    async def run() -> None:
        engine = place.engine()
        await engine.start(lambda line: None)
        assert (await engine.ask(request("crash once"))).text == "to crash once"
        assert engine.restarts == 1
        with pytest.raises(EngineError, match="died again"):
            await engine.ask(request("crash"))
        # whoever joins while the others are still there learns of it, too
        with pytest.raises(EngineError, match="died again"):
            await place.engine().start(lambda line: None)
        await engine.close()

    asyncio.run(run())
    assert len(place.starts()) == 2
    for user in users:
        user.communicate("\n")
    assert asyncio.run(ask(place.engine(), "a")) == ["to a"]  # a new session has a new server


@ENGINE_FORKS
def test_a_start_that_fails_says_why(place: Place) -> None:
    (place.standin / "fail-start").touch()
    with pytest.raises(EngineError) as caught:
        asyncio.run(ask(place.engine(), "a"))
    message = str(caught.value)
    assert "exit status 3" in message
    assert "cause: ValueError: the weights are wrong" in message
    assert "  | INFO: Starting to load model" in message
    assert "server.log" in message
    assert "\x1b" not in message
    assert place.gone()
    assert len(place.starts()) == 1


def test_a_folder_of_another_user_holds_no_server_of_ours(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", closed)
    assert list(shared_server.running(place.state_dir)) == []


@pytest.mark.parametrize("which", ["of all servers", "of this one"])
def test_a_folder_that_cant_be_used_is_named(place: Place, which: str) -> None:
    engine = place.engine()
    mine = engine.server_folder()
    folder = mine if which == "of this one" else mine.parent
    folder.parent.mkdir(parents=True)
    folder.write_text("a file is in its place")
    with pytest.raises(EngineError, match=f"the folder for the judge's server can't be used: .*{folder.name}"):
        asyncio.run(ask(engine, "a"))
    assert place.starts() == []


def test_a_port_that_was_taken_is_chosen_anew(place: Place) -> None:
    (place.standin / "port-taken").touch()
    assert asyncio.run(ask(place.engine(), "a")) == ["to a"]
    first, second = (start[start.index("--port") + 1] for start in place.starts())
    assert first != second


def test_a_refusal_is_an_error_and_no_crash(place: Place) -> None:
    engine = place.engine()
    with pytest.raises(EngineError, match=r"HTTP 400.*no such field"):
        asyncio.run(ask(engine, "refuse"))
    assert engine.restarts == 0
    assert len((place.standin / "asked").read_text().splitlines()) == 1  # our own server is not asked plainly


def test_one_request_that_fails_is_no_crash_and_keeps_nobody_waiting(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, over = asyncio.Event(), asyncio.Event()
    over.set()

    async def noticed(self: shared_server.Server, generation: int) -> bool:
        looking.set()
        await over.wait()
        return False

    monkeypatch.setattr(shared_server.Server, "noticed", noticed)

    async def run() -> None:
        engine = place.engine()
        await engine.start(lambda line: None)
        for _ in range(2):
            with pytest.raises(EngineError, match=r"server is up.*HTTP 500"):
                await engine.ask(request("break"))
        assert not looking.is_set()  # one that answers lives
        over.clear()
        lost = asyncio.create_task(engine.ask(request("hang up")))
        await looking.wait()
        assert (await asyncio.wait_for(engine.ask(request("a")), END_SECONDS)).text == "to a"
        over.set()
        with pytest.raises(EngineError, match="server is up"):
            await lost
        assert engine.restarts == 0
        await engine.close()

    asyncio.run(run())
    assert len(place.starts()) == 1


@ENGINE_FORKS
def test_a_server_that_answers_that_its_engine_is_dead_is_started_again(place: Place) -> None:
    engine = place.engine()
    assert asyncio.run(ask(engine, "kill the engine once")) == ["to kill the engine once"]
    assert engine.restarts == 1
    assert len(place.starts()) == 2


def test_kept_alive_it_is_found_again(place: Place) -> None:
    assert asyncio.run(ask(place.engine(keep_alive=5.0), "a")) == ["to a"]
    first = place.server()
    assert asyncio.run(ask(place.engine(), "b")) == ["to b"]  # who does not ask for it does not end it either
    assert place.server() == first
    assert len(place.starts()) == 1
    ((folder, state, users),) = shared_server.running(place.state_dir)
    assert (state.status, users) == ("ready", 0)
    assert shared_server.stop(folder)
    assert place.gone()


@ENGINE_FORKS
def test_kept_alive_it_ends_in_time(place: Place) -> None:
    asyncio.run(ask(place.engine(keep_alive=0.02), "a"))
    assert place.gone()


@ENGINE_FORKS
def test_what_was_kept_and_died_is_started_anew(place: Place) -> None:
    asyncio.run(ask(place.engine(keep_alive=5.0), "a"))
    place.server().kill()
    assert place.gone()
    engine = place.engine()
    assert asyncio.run(ask(engine, "b")) == ["to b"]
    assert engine.restarts == 0
    assert len(place.starts()) == 2


@ENGINE_FORKS
def test_it_is_stopped_while_it_is_used(place: Place) -> None:
    async def run() -> None:
        engine = place.engine()
        await engine.start(lambda line: None)
        ((folder, _, _),) = shared_server.running(place.state_dir)
        assert shared_server.stop(folder)
        with pytest.raises(EngineError, match="was stopped"):
            await engine.ask(request("a"))
        await engine.close()

    asyncio.run(run())
    assert place.gone()


def test_two_engines_of_one_process(place: Place) -> None:
    async def run() -> None:
        one, other = place.engine(), place.engine()
        await asyncio.gather(one.start(lambda line: None), other.start(lambda line: None))
        await one.close()
        assert (await other.ask(request("a"))).text == "to a"
        await other.close()

    asyncio.run(run())
    assert len(place.starts()) == 1
    assert place.gone()


@pytest.mark.parametrize(
    ("architecture", "kept"),
    [("Qwen3_5ForConditionalGeneration", True), ("Qwen2_5_VLForConditionalGeneration", False)],
)
def test_a_budget_for_thinking_is_for_models_that_think(place: Place, architecture: str, kept: bool) -> None:
    place.model = checkpoint(place.folder / "other", architectures=[architecture])

    async def run() -> tuple[str, ...]:
        engine = place.engine()
        await engine.start(lambda line: None)
        sampling = {"thinking_token_budget": 9, "top_k": 1}
        answer = await engine.ask(Request("Quality", [{"role": "user", "content": "a"}], sampling))
        await engine.close()
        return answer.notes

    assert asyncio.run(run()) == (() if kept else ("without thinking_token_budget",))
    (asked,) = [json.loads(line) for line in (place.standin / "asked").read_text().splitlines()]
    assert ("thinking_token_budget" in asked) is kept
    assert asked["top_k"] == 1


def naps(place: Place) -> list[str]:
    file = place.standin / "naps"
    return file.read_text().split() if file.exists() else []


def test_it_sleeps_and_the_next_request_wakes_it(place: Place) -> None:
    async def run() -> None:
        engine = place.engine(sleep=0.0)
        await engine.start(lambda line: None)
        await engine.sleep()
        await engine.sleep()
        assert naps(place) == ["/sleep?level=1"]
        answers = await asyncio.gather(*(engine.ask(request(text)) for text in "abc"))
        assert [answer.text for answer in answers] == ["to a", "to b", "to c"]
        assert naps(place) == ["/sleep?level=1", "/wake_up"]
        other = place.engine(sleep=0.0)
        await other.start(lambda line: None)
        await engine.sleep()  # not while it is shared
        assert len(naps(place)) == 2
        await other.close()
        await engine.sleep()
        await engine.close()

    asyncio.run(run())
    assert len(naps(place)) == 3
    (start,) = place.starts()
    assert "--enable-sleep-mode" in start


def test_who_finds_it_asleep_wakes_it(place: Place) -> None:
    async def run() -> None:
        engine = place.engine(sleep=0.0, keep_alive=5.0)
        await engine.start(lambda line: None)
        await engine.sleep()
        await engine.close()

    asyncio.run(run())
    assert asyncio.run(ask(place.engine(sleep=0.0), "a")) == ["to a"]
    assert naps(place) == ["/sleep?level=1", "/wake_up"]


def test_without_sleep_mode_it_stays_awake(place: Place) -> None:
    async def run() -> None:
        engine = place.engine()
        await engine.start(lambda line: None)
        await engine.sleep()
        assert not engine.asleep
        await engine.close()

    asyncio.run(run())
    assert naps(place) == []


def test_it_may_be_given_back_and_started_again(place: Place) -> None:
    async def run() -> None:
        engine = place.engine()
        for _ in range(2):
            await engine.start(lambda line: None)
            assert (await engine.ask(request("a"))).text == "to a"
            await engine.close()
            assert place.gone()

    asyncio.run(run())
    assert len(place.starts()) == 2


@ENGINE_FORKS
def test_a_forked_child_does_not_keep_it(place: Place) -> None:
    """As a data loader's worker that outlives its killed parent."""
    fork = "import os, time; child = os.fork(); child or time.sleep(600); print(child); "
    user = place.user(script=USER.replace('print("up"', f'{fork}print("up"'))
    child = psutil.Process(int(until_up(user)[-2]))
    place.users.append(child)
    user.kill()
    assert place.gone()
    assert child.is_running()
