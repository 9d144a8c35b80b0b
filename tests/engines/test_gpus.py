"""GPUs as NVML tells of them, with a stand-in for its Python package; what fails is told."""
# ruff: noqa: N801, N802, N818 - the names of NVML

import sys
from types import SimpleNamespace

import pytest

from pytest_imagejudge.engines.vllm import gpus
from pytest_imagejudge.engines.vllm.gpus import Gpu, Holder, gpu_problem, visible_gpus
from pytest_imagejudge.errors import ConfigError


class Nvml:
    """A stand-in for ``pynvml``; ``fails`` names the functions that raise, and for which GPU or process."""

    class NVMLError(Exception):
        pass

    class NVMLError_LibraryNotFound(NVMLError):
        pass

    def __init__(self, *names):
        self.names = names
        self.fails = {}
        self.open = 0
        self.processes = {}

    def _may_fail(self, function, about=None):
        error = self.fails.get((function, about))
        if error is not None:
            raise error

    def nvmlInit(self):
        self._may_fail("nvmlInit")
        self.open += 1

    def nvmlShutdown(self):
        self.open -= 1

    def nvmlDeviceGetCount(self):
        self._may_fail("nvmlDeviceGetCount")
        return len(self.names)

    def nvmlDeviceGetHandleByIndex(self, index):
        self._may_fail("nvmlDeviceGetHandleByIndex", index)
        return index

    def nvmlDeviceGetUUID(self, index):
        return f"GPU-{index}abc"

    def nvmlDeviceGetName(self, index):
        return self.names[index]

    def nvmlDeviceGetMemoryInfo(self, index):
        self._may_fail("nvmlDeviceGetMemoryInfo", index)
        return SimpleNamespace(total=1000 + index, free=500, used=500)

    def nvmlDeviceGetComputeRunningProcesses(self, index):
        self._may_fail("nvmlDeviceGetComputeRunningProcesses", index)
        return [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in self.processes.get(index, ())]

    def nvmlSystemGetProcessName(self, pid):
        self._may_fail("nvmlSystemGetProcessName", pid)
        return f"/usr/bin/python{pid}"


ERROR = Nvml.NVMLError("Unknown Error")


@pytest.fixture
def nvml(monkeypatch, tmp_path):
    nvml = Nvml("H200", "A100")
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    yield nvml
    assert nvml.open == 0


@pytest.fixture
def nvidia_smi(tmp_path):
    (tmp_path / "nvidia-smi").write_text(
        '#!/bin/sh\ncase "$1" in --query-gpu=*) echo "0, GPU-smi, Told by nvidia-smi, 10, 5";; esac\n'
    )
    (tmp_path / "nvidia-smi").chmod(0o755)


def test_gpus_and_who_holds_their_memory(nvml):
    nvml.processes = {1: [(7, 300), (8, None), (9, 1)]}
    nvml.fails["nvmlSystemGetProcessName", 9] = ERROR
    holders = (Holder(7, "python7", 300), Holder(8, "python8", 0), Holder(9, "[Not Found]", 1))
    assert visible_gpus() == [
        Gpu(0, "GPU-0abc", "H200", 1000, 500),
        Gpu(1, "GPU-1abc", "A100", 1001, 500, holders),
    ]
    assert gpu_problem() == ""


def test_what_nobody_tells_of_one_gpu_is_unknown(nvml):
    nvml.processes = {0: [(7, 300)], 1: [(8, 300)]}
    nvml.fails["nvmlDeviceGetMemoryInfo", 0] = nvml.fails["nvmlDeviceGetComputeRunningProcesses", 1] = ERROR
    assert visible_gpus() == [
        Gpu(0, "GPU-0abc", "H200", None, None, (Holder(7, "python7", 300),)),
        Gpu(1, "GPU-1abc", "A100", 1001, 500),
    ]
    assert gpu_problem() == ""


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("nvmlInit", "NVML can't be used: Unknown Error"),
        ("nvmlDeviceGetCount", "NVML can't count the GPUs: Unknown Error"),
    ],
)
def test_an_nvml_that_fails_is_told(nvml, nvidia_smi, function, said):
    nvml.fails[function, None] = ERROR
    assert visible_gpus() == []
    assert gpu_problem() == said
    with pytest.raises(ConfigError) as raised:
        visible_gpus("0")
    assert str(raised.value) == f"--judge-gpus '0': no GPU '0'; there are: none ({said})"


def test_a_lost_gpu_is_told_and_the_others_work(nvml):
    nvml.fails["nvmlDeviceGetHandleByIndex", 0] = Nvml.NVMLError("GPU is lost")
    assert [gpu.name for gpu in visible_gpus()] == ["A100"]
    assert gpu_problem() == "NVML can't read GPU 0: GPU is lost"


def test_nvidia_smi_is_asked_where_there_is_no_library(nvml, nvidia_smi):
    nvml.fails["nvmlInit", None] = Nvml.NVMLError_LibraryNotFound()
    assert [gpu.uuid for gpu in visible_gpus()] == ["GPU-smi"]


def test_nvidia_smi_is_asked_where_the_package_is_not_installed(nvml, nvidia_smi, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert [gpu.uuid for gpu in visible_gpus()] == ["GPU-smi"]


def test_without_either_there_are_none_and_nothing_is_wrong(nvml):
    nvml.fails["nvmlInit", None] = Nvml.NVMLError_LibraryNotFound()
    assert (visible_gpus(), gpu_problem()) == ([], "")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo; echo No devices were found; exit 6", "exit status 6 and said: No devices were found"),
        ("echo broken >&2; exit 9", "exit status 9 and said: broken"),
        ("exit 1", "exit status 1 and said: nothing"),
        (
            "echo Failed to initialize NVML: Driver/library version mismatch; echo NVML library version: 5; exit 18",
            "exit status 18 and said: Failed to initialize NVML: Driver/library version mismatch",
        ),
        ("echo No devices were found", "exit status 0 and said: No devices were found"),
    ],
)
def test_an_nvidia_smi_that_fails_is_told(nvml, tmp_path, script, said):
    nvml.fails["nvmlInit", None] = Nvml.NVMLError_LibraryNotFound()
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    assert (visible_gpus(), gpu_problem()) == ([], f"nvidia-smi ended with {said}")


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (40, "signal 40")])
def test_an_nvidia_smi_that_is_killed_is_told(nvml, tmp_path, number, name):
    nvml.fails["nvmlInit", None] = Nvml.NVMLError_LibraryNotFound()
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\necho half; kill -{number} $$\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    assert (visible_gpus(), gpu_problem()) == ([], f"nvidia-smi was ended by {name} and said: half")


def test_an_nvidia_smi_that_hangs_is_told_and_not_asked_again(nvml, tmp_path, monkeypatch):
    nvml.fails["nvmlInit", None] = Nvml.NVMLError_LibraryNotFound()
    monkeypatch.setattr(gpus, "PATIENCE", 0.5)
    monkeypatch.setattr(gpus, "_hanging", {})
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\necho >> {tmp_path}/asked\nexec /bin/sleep 600\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    assert (visible_gpus(), gpu_problem()) == ([], "nvidia-smi did not answer within 0.5 s")
    with pytest.raises(ConfigError, match=r"there are: none \(nvidia-smi did not answer"):
        visible_gpus("0")
    assert (tmp_path / "asked").read_text() == "\n"


def test_a_gpu_that_nvidia_smi_lost_is_told_and_the_others_work(nvml, tmp_path):
    nvml.fails["nvmlInit", None] = Nvml.NVMLError_LibraryNotFound()
    lost = "Unable to determine the device handle for GPU 0000:02:00.0: GPU is lost."
    (tmp_path / "nvidia-smi").write_text(
        f'#!/bin/sh\ncase "$1" in --query-gpu=*) echo "{lost}"; echo "1, GPU-b, A100, 10, 5";; esac\n'
    )
    (tmp_path / "nvidia-smi").chmod(0o755)
    assert [gpu.name for gpu in visible_gpus()] == ["A100"]
    assert gpu_problem() == f"nvidia-smi ended with exit status 0 and said: {lost}"


def test_the_package_has_what_is_asked_of_it():
    real = pytest.importorskip("pynvml")
    assert all(callable(getattr(real, name)) for name in vars(Nvml) if name.startswith("nvml"))
    assert issubclass(real.NVMLError_LibraryNotFound, real.NVMLError)
