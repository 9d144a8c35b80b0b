"""The installed vLLM and its options, found without importing it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ...errors import ConfigError
from ...support.escaping import escape

PYTHON_VARIABLE = "IMAGEJUDGE_VLLM_PYTHON"  # an interpreter that has vLLM, where it is not this one


# Runs in that interpreter: distributions, and where the package is. The options that this vLLM knows are read from
# the sources that define them: asking the program itself takes half a minute.
_PROBE = """
import importlib.metadata as metadata, importlib.util, json, sys
sys.path = sys.path[1:]
found = {"python": sys.version.split()[0], "dists": {}, "package": None}
for dist in metadata.distributions():
    name = (dist.metadata["Name"] or "").lower()
    if name == "torch" or name.startswith("vllm"):
        found["dists"].setdefault(name, dist.version)
spec = importlib.util.find_spec("vllm")
if spec is not None and spec.origin:
    found["package"] = spec.origin
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Install:
    """An installation of vLLM.

    Attributes:
        python: the interpreter that has vLLM.
        version: of vLLM.
        torch: PyTorch's version, its build included ("2.13.0+cpu"); empty where there is none.
        device: the device of the build; "other" is neither CUDA nor a CPU.
        package: the folder of vLLM.
    """

    python: str
    version: str
    torch: str
    device: Literal["cuda", "cpu", "other"]
    package: Path

    def knows(self, option: str) -> bool:
        """Return True where vLLM's server has ``option`` (``--prefix-match-unit``)."""
        return option.lstrip("-").replace("-", "_") in _words(self.package)

    def reads(self, variable: str) -> bool:
        """Return True where this vLLM reads the environment's ``variable``."""
        try:
            return variable in (self.package / "envs.py").read_text("utf-8", "replace")
        except OSError:
            return False


@cache
def find_vllm() -> Install:
    """Find the vLLM to serve the judge with.

    Raises:
        ConfigError: vLLM is not installed.
    """
    python = os.environ.get(PYTHON_VARIABLE) or sys.executable
    try:
        done = subprocess.run([python, "-c", _PROBE], capture_output=True, text=True, timeout=120, check=False)
        found = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{python} ({PYTHON_VARIABLE}) can't be run to look for vLLM: {escape(error)}") from None
    dists: dict[str, str] = found["dists"]
    if not found["package"]:
        raise ConfigError(
            f"vLLM, which serves the judge, is not installed for {python} (Python {found['python']}): "
            f"pip install 'pytest-imagejudge[vllm]', or name another interpreter in {PYTHON_VARIABLE}, "
            "or use --judge-url, or --judge-model signals"
        )
    name, version = next(((name, version) for name, version in sorted(dists.items()) if name != "torch"), ("vllm", ""))
    torch = dists.get("torch", "")
    device: Literal["cuda", "cpu", "other"] = "cuda"
    if "cpu" in name or "+cpu" in version or "+cpu" in torch or platform.system() == "Darwin":
        device = "cpu"
    elif any(build in text for text in (version, torch) for build in ("rocm", "xpu", "tpu", "hpu", "neuron")):
        device = "other"
    return Install(python, version or "unknown", torch, device, Path(found["package"]).parent)


@cache
def _words(package: Path) -> frozenset[str]:
    """Return the words in the sources that define the server's options."""
    import re

    words: set[str] = set()
    for file in (*package.glob("engine/*.py"), *package.glob("entrypoints/**/cli_args.py")):
        words.update(re.findall(r"\w+", file.read_text("utf-8", "replace")))
    return frozenset(words)
