"""Variables of other programs that vLLM would take for its own."""

from __future__ import annotations

import pytest

from pytest_imagejudge.engines.vllm.foreign_variables import describe_left_out, foreign_variables

# as Kubernetes sets them for Services named vllm (with a port named http) and vllm-router, and one of UDP
LINKS = {
    "VLLM_SERVICE_HOST": "10.0.0.1",
    "VLLM_SERVICE_PORT": "80",
    "VLLM_SERVICE_PORT_HTTP": "80",
    "VLLM_PORT": "tcp://10.0.0.1:80",
    "VLLM_PORT_80_TCP": "tcp://10.0.0.1:80",
    "VLLM_PORT_80_TCP_PROTO": "tcp",
    "VLLM_PORT_80_TCP_PORT": "80",
    "VLLM_PORT_80_TCP_ADDR": "10.0.0.1",
    "VLLM_ROUTER_SERVICE_HOST": "10.0.0.2",
    "VLLM_ROUTER_PORT": "tcp://10.0.0.2:80",
    "VLLM_ROUTER_PORT_53_UDP": "udp://10.0.0.2:53",
    "VLLM_DP_MASTER_PORT": "tcp://10.0.0.3:80",
}
SETTINGS = {
    "VLLM_LOGGING_LEVEL": "DEBUG",
    "VLLM_NIXL_SIDE_CHANNEL_PORT": "5600",
    "VLLM_HOST_IP": "10.0.0.4",
    "VLLM_RPC_BASE_PATH": "/tmp/x",
    "VLLM_SUPPORTED": "tcp",
    "VLLM_MEDIA_URL": "tcp://10.0.0.4:1",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in foreign_variables():
        monkeypatch.delenv(name)
    for name, value in {**LINKS, **SETTINGS, "MY_VLLM_SERVICE_HOST": "10.0.0.5"}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_addresses_of_services_are_foreign_and_settings_are_not(environment: pytest.MonkeyPatch) -> None:
    assert foreign_variables() == sorted(LINKS)
    environment.setenv("VLLM_PORT", "29500")
    assert "VLLM_PORT" not in foreign_variables()


def test_a_line_names_some() -> None:
    assert describe_left_out([]) == ""
    assert describe_left_out(["A", "B"]).startswith("the server does not get A, B: ")
    assert describe_left_out(sorted(LINKS)).startswith(
        "the server does not get VLLM_DP_MASTER_PORT, VLLM_PORT, VLLM_PORT_80_TCP and 9 more: "
    )
