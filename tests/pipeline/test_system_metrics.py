"""GPUs in the system metrics of a stage, with a stand-in of nvidia-ml-py."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from difflab.pipeline.system_metrics import SystemMetrics


class NVMLError(Exception):
    pass


def refused(gpu: int) -> SimpleNamespace:
    raise NVMLError


NVML = {
    "NVMLError": NVMLError,
    "nvmlInit": lambda: None,
    "nvmlDeviceGetCount": lambda: 2,
    "nvmlDeviceGetHandleByIndex": lambda number: number,
    "nvmlDeviceGetMemoryInfo": lambda gpu: SimpleNamespace(used=(gpu + 1) * 10**9, total=8 * 10**9),
    "nvmlDeviceGetUtilizationRates": lambda gpu: SimpleNamespace(gpu=90 + gpu),
}
MEMORY = {"gpu_0_memory_usage_megabytes": 1000, "gpu_0_memory_usage_percentage": 12.5}
BOTH = MEMORY | {
    "gpu_0_utilization_percentage": 90,
    "gpu_1_memory_usage_megabytes": 2000,
    "gpu_1_memory_usage_percentage": 25.0,
    "gpu_1_utilization_percentage": 91,
}


@pytest.mark.parametrize(
    "changed, found",
    [
        pytest.param({}, BOTH, id="two GPUs"),
        pytest.param({"nvmlInit": lambda: refused(0)}, {}, id="no driver"),
        pytest.param({"nvmlDeviceGetUtilizationRates": refused}, MEMORY, id="a part of a GPU"),
    ],
)
def test_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict, found: dict[str, float]) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", SimpleNamespace(**NVML | changed))
    SystemMetrics(tmp_path / "log.jsonl").write()
    line = json.loads((tmp_path / "log.jsonl").read_text())
    assert {key: value for key, value in line.items() if "gpu" in key} == {f"system/{k}": v for k, v in found.items()}


def test_without_the_package_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    SystemMetrics(tmp_path / "log.jsonl").write()
    assert "gpu" not in (tmp_path / "log.jsonl").read_text()
