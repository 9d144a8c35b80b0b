"""A LiteLLM proxy, which many companies put before their judges: before a stand-in, and before vLLM itself."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_imagejudge.engines.request_fields import FORMS
from tests.real_servers.checkpoints import QWEN3VL
from tests.real_servers.real_runs import Machine, wait
from tests.real_servers.tool_environment import tool_environment
from tests.stand_in.endpoint import Call, Reply, StandIn, completion, failure, fitting
from tests.stand_in.pictures import marked

pytestmark = pytest.mark.engine

LITELLM = "litellm[proxy]==1.100.5"
KEY, KEY_BEHIND = "sk-gateway", "sk-behind"
USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 7,
    "total_tokens": 107,
    "prompt_tokens_details": {"cached_tokens": 60},
}
# What keeps it from asking for prices, news and the like.
OFFLINE = {
    "LITELLM_OFFLINE_MODE": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "DISABLE_ADMIN_UI": "True",
    "NO_PROXY": "127.0.0.1",
}
SIGHT = 12 + 74  # prompt tokens of the questions whether pictures reach the judge, as the stand-in counts them
TEST = "def test_picture(image_judge):\n    image_judge.check('picture.png', prompt='a red fox in the snow')\n"


class Gateway:
    """A LiteLLM proxy with one model for each of ``models``, which are the parameters of its servers."""

    def __init__(self, folder: Path, models: dict[str, dict[str, Any]]) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        config = {
            "model_list": [{"model_name": name, "litellm_params": given} for name, given in models.items()],
            "litellm_settings": {"telemetry": False, "num_retries": 0},
            "router_settings": {"num_retries": 0, "disable_cooldowns": True},
            "general_settings": {"master_key": KEY},
        }
        (folder / "config.yaml").write_text(json.dumps(config))  # which is YAML too
        options = ["--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
        plain = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        with (folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                [str(tool_environment("litellm", LITELLM) / "litellm"), *options],
                cwd=folder,
                env={**plain, **OFFLINE, "HOME": str(folder)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait(self.lives, 300, "a gateway that lives")

    def lives(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return httpx.get(f"{self.url}/health/liveliness", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


@pytest.fixture(scope="module")
def behind() -> Iterator[StandIn]:
    server = StandIn()
    yield server
    server.close()


@pytest.fixture(scope="module")
def gateway(behind: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    place = {"api_base": f"{behind.url}/v1", "api_key": KEY_BEHIND}
    models = {
        "judge": {"model": "openai/judge-behind", **place},
        "for-vllm": {"model": "hosted_vllm/judge-behind", **place},
        # LiteLLM's own table says that this one has no response_format
        "without": {"model": "openai/gpt-4", **place},
        "without-dropping": {"model": "openai/gpt-4", "drop_params": True, **place},
        "dropping": {"model": "openai/judge-behind", "additional_drop_params": ["response_format"], **place},
    }
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), models)
    yield gateway
    gateway.close()


class Run:
    """One run of pytest with the gateway as its endpoint."""

    def __init__(self, folder: Path, url: str, *options: str, key: str = KEY) -> None:
        marked((40, 120, 200), (1, 2, 3)).save(folder / "picture.png")
        (folder / "test_it.py").write_text(TEST)
        (folder / "bounds.toml").write_text("[level1]\nQuality = 1\n")
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "IMAGEJUDGE_"))}
        environment = {
            **plain,
            "IMAGEJUDGE_API_KEY": key,
            "IMAGEJUDGE_CACHE": str(folder / "cache"),
            "NO_PROXY": "127.0.0.1",
            "NO_COLOR": "1",
            "COLUMNS": "400",
        }
        report = folder / "report.json"
        given = ["--judge-url", url, "--judge-thresholds=bounds.toml", f"--judge-report={report}", *options]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *given],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        self.code, self.output = done.returncode, done.stdout + done.stderr
        self.report: dict[str, Any] = json.loads(report.read_text()) if report.exists() else {}

    @property
    def verdict(self) -> dict[str, Any]:
        (verdict,) = self.report["verdicts"]
        return dict(verdict)


@pytest.fixture
def run(gateway: Gateway, behind: StandIn, tmp_path: Path) -> Callable[..., Run]:
    behind.calls.clear()
    return lambda *options, **more: Run(tmp_path, gateway.url, *options, **more)


def schema_of(call: Call) -> Any:
    """The schema that a request carries in whatever form, or None."""
    body = call.body
    form = body.get("response_format", {}).get("json_schema", {}).get("schema")
    return form or body.get("structured_outputs", {}).get("json") or body.get("guided_json")


def bound_by(*forms: str, refuses: tuple[str, ...] = ()) -> Callable[[Call], Reply]:
    """A server that writes what the schema says where it comes in one of ``forms``, else prose."""

    def answer(call: Call) -> Reply:
        for name in refuses:
            if name in call.body:
                return failure(400, f"Unrecognized request argument supplied: {name}")
        if not any(form in call.body for form in forms):
            return completion("It is a fine picture.", usage=USAGE)
        return completion(json.dumps(fitting(schema_of(call))), usage=USAGE)

    return answer


def forms(behind: StandIn) -> Counter[str]:
    return Counter(name for call in behind.asked for name in FORMS if name in call.body)


@pytest.mark.parametrize("model", ["judge", "for-vllm"])
def test_verdicts_come_through(run: Callable[..., Run], behind: StandIn, model: str) -> None:
    behind.answer = bound_by("response_format")
    found = run(f"--judge-model={model}")
    assert found.code == 0, found.output
    assert set(found.verdict["level1"]) and None not in found.verdict["level1"].values()
    assert found.verdict["problems"] == []
    assert found.verdict["fingerprint"]["notes"] == ["response_format"]
    counted = {name: found.report["run"][name] for name in ("prompt_tokens", "cached_prompt_tokens", "output_tokens")}
    assert counted == {"prompt_tokens": 500 + SIGHT, "cached_prompt_tokens": 300, "output_tokens": 35 + 2}
    assert len(behind.asked) == 5
    for call in behind.asked:
        assert call.headers["authorization"] == f"Bearer {KEY_BEHIND}"
        sent = call.body["response_format"]["json_schema"]
        assert sent["strict"] is True
        assert sent["schema"]["additionalProperties"] is False
        assert call.body["chat_template_kwargs"] == {"enable_thinking": False}


def test_a_field_that_the_gateway_refuses(run: Callable[..., Run], behind: StandIn) -> None:
    behind.answer = bound_by("structured_outputs")
    found = run("--judge-model=without")
    assert found.code == 0, found.output
    assert found.verdict["fingerprint"]["notes"] == ["structured_outputs"]
    assert forms(behind) == {"structured_outputs": 5}


@pytest.mark.parametrize("model", ["dropping", "without-dropping"])
def test_a_field_that_the_gateway_drops_in_silence(run: Callable[..., Run], behind: StandIn, model: str) -> None:
    behind.answer = bound_by("structured_outputs")
    found = run(f"--judge-model={model}")
    assert found.code == 0, found.output
    assert found.verdict["fingerprint"]["notes"] == ["structured_outputs"]
    assert forms(behind) == {"structured_outputs": 5}
    assert found.report["run"]["prompt_tokens"] == SIGHT + 100 * len(behind.asked) > 600  # the tries count


def test_where_nothing_is_applied_it_is_said(run: Callable[..., Run], behind: StandIn) -> None:
    behind.answer = bound_by()
    found = run("--judge-model=judge")
    assert found.code == 1
    kinds = {problem["kind"]: problem["detail"] for problem in found.verdict["problems"]}
    assert "the endpoint ignores response_format, structured_outputs, guided_json and format" in kinds["unconstrained"]
    assert found.verdict["fingerprint"]["notes"] == ["unconstrained", "without structured_outputs"]
    assert "asked without a grammar: the endpoint ignores response_format" in found.output
    counts = forms(behind)
    assert [counts[name] for name in FORMS[1:]] == [1, 1, 1]


def test_a_field_that_the_server_behind_refuses(run: Callable[..., Run], behind: StandIn) -> None:
    behind.answer = bound_by("response_format", refuses=("chat_template_kwargs",))
    found = run("--judge-model=judge")
    assert found.code == 0, found.output
    (problem, *_) = found.verdict["problems"]
    assert problem["kind"] == "refused-field"
    assert "Unrecognized request argument supplied: chat_template_kwargs" in problem["detail"]
    assert found.verdict["fingerprint"]["notes"] == ["response_format", "without chat_template_kwargs"]


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_an_answer_in_the_field_for_thinking(run: Callable[..., Run], behind: StandIn, field: str) -> None:
    behind.answer = lambda call: completion(None, **{field: json.dumps(fitting(schema_of(call)))})
    found = run("--judge-model=for-vllm")
    assert found.code == 0, found.output
    assert {problem["kind"] for problem in found.verdict["problems"]} == {"answer-in-reasoning"}
    assert "reasoning parser takes answers for thinking" in found.output


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "the key behind is wrong"), (403, "not for you"), (404, "no such model behind"), (400, "no pictures here")],
)
def test_errors_of_the_server_behind_are_told(
    run: Callable[..., Run], behind: StandIn, status: int, words: str
) -> None:
    behind.answer = lambda call: failure(status, words)
    found = run("--judge-model=judge")
    assert found.code == 1
    assert f"HTTP {status}" in found.verdict["error"]
    assert words in found.verdict["error"]
    if status == 404:
        assert "it lists 'judge', so the path of the URL may be wrong" in found.verdict["error"]


def test_an_unknown_model_is_told_with_those_that_are_known(run: Callable[..., Run], behind: StandIn) -> None:
    found = run("--judge-model=jugde")
    assert found.code == 1
    assert "Invalid model name passed in model=jugde" in found.verdict["error"]
    assert "it lists 'judge', 'for-vllm'" in found.verdict["error"]
    assert 'did you mean "judge"?' in found.verdict["error"]
    assert not behind.asked


def test_a_key_that_the_gateway_does_not_know(run: Callable[..., Run], behind: StandIn) -> None:
    behind.answer = bound_by("response_format")
    found = run("--judge-model=judge", key="sk-another")
    assert found.code == 1
    assert "No connected db" in found.verdict["error"]
    assert "check IMAGEJUDGE_API_KEY" in found.verdict["error"]
    assert "sk-another" not in found.output
    listed = run(key="sk-another")  # the models have to be listed first
    assert listed.code == 4
    assert "check IMAGEJUDGE_API_KEY" in listed.output


def test_before_vllm_itself(machine: Machine, tmp_path: Path) -> None:
    checkpoint = str(machine.checkpoint(QWEN3VL))
    served = machine.imagejudge(
        "serve", "--json", "--judge-keep-alive=10", "--judge-model", checkpoint, "--judge-arg=--enforce-eager"
    )
    assert served.returncode == 0, served.stderr
    facts = json.loads(served.stdout)
    place = {"api_base": f"{facts['url'].removesuffix('/v1')}/v1", "api_key": facts["key"]}
    gateway = Gateway(tmp_path, {"judge": {"model": f"hosted_vllm/{checkpoint}", **place}})
    try:
        for name, url, key, model in (
            ("straight", facts["url"], facts["key"], checkpoint),
            ("through", gateway.url, KEY, "judge"),
        ):
            folder = tmp_path / name
            folder.mkdir()
            found = Run(folder, url, f"--judge-model={model}", "--judge-protocol=house", key=key)
            verdict = found.verdict  # of random weights: that it can be read is the grammar's work
            assert (verdict["error"], verdict["unreadable"], verdict["problems"]) == ("", [], []), found.output
            assert verdict["fingerprint"]["notes"] == ["response_format"]
            assert found.report["run"]["prompt_tokens"] > 500
    finally:
        gateway.close()
        machine.imagejudge("serve", "--stop")
    assert machine.gone()
