"""Variables of other programs whose names begin as those of vLLM do.

Kubernetes gives each container, for a Service named ``vllm`` or ``vllm-router``, variables such as
``VLLM_PORT=tcp://10.0.0.1:80``, ``VLLM_SERVICE_HOST`` and ``VLLM_ROUTER_PORT_80_TCP_ADDR``; Docker's links look alike
(kubernetes.io, "Accessing the Service"; vLLM's ``get_vllm_port``). vLLM takes ``VLLM_PORT`` for a setting of its own.
"""

from __future__ import annotations

import re

from ...support.environment import environment
from ...support.escaping import escape

_LINK = re.compile(
    r"VLLM_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)", re.ASCII
)


_ADDRESS = re.compile(r"(tcp|udp|sctp)://", re.IGNORECASE)


def foreign_variables() -> list[str]:
    """Return the names of this process's ``VLLM_`` variables that tell of a service on the network, sorted.

    The name tells it, or, of a port, an address as its value. vLLM has no setting of such a name (0.32).
    """
    return sorted(
        name
        for name, value in environment().items()
        if _LINK.fullmatch(name) or (name.startswith("VLLM_") and name.endswith("PORT") and _ADDRESS.match(value))
    )


def describe_left_out(names: list[str]) -> str:
    """Return a line that names variables which the server does not get; empty where there are none."""
    if not names:
        return ""
    shown = ", ".join(map(escape, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"the server does not get {shown}: addresses of another program, such as Kubernetes sets for its Services"
