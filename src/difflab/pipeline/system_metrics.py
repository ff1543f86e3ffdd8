"""Use of the machine while a stage runs, under MLflow's names: its page of a run has a tab for "system/" metrics.

MLflow's own monitor takes seconds to import, and uploads from the training process.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

MEGABYTE = 1e6  # as in MLflow


class SystemMetrics:
    """Each call of `write` appends a JSON line with `time`, in seconds since the epoch, and the measurements."""

    def __init__(self, log: Path):
        import psutil  # here, to import it in the writing thread while the stage starts

        self.log = log
        self.process = psutil.Process()
        psutil.cpu_percent()  # starts the interval that the next call measures

    def write(self) -> None:
        line = {"time": round(time.time(), 3)} | {f"system/{name}": value for name, value in self._measured()}
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _measured(self) -> Iterator[tuple[str, float]]:
        import psutil

        memory = psutil.virtual_memory()
        yield "cpu_utilization_percentage", psutil.cpu_percent()
        yield "system_memory_usage_megabytes", round(memory.used / MEGABYTE)
        yield "system_memory_usage_percentage", memory.percent
        yield "process_memory_usage_megabytes", round(self.process.memory_info().rss / MEGABYTE)
        yield from _measured_gpus()


def _measured_gpus() -> Iterator[tuple[str, float]]:
    """Metrics of all NVIDIA GPUs of the machine; needs the package nvidia-ml-py, like MLflow's own monitor."""
    try:
        nvml: Any = import_module("pynvml")
    except ModuleNotFoundError:
        return
    with suppress(nvml.NVMLError):  # no driver, or a partitioned GPU (MIG), which does not report utilization
        nvml.nvmlInit()
        for number in range(nvml.nvmlDeviceGetCount()):
            gpu = nvml.nvmlDeviceGetHandleByIndex(number)
            memory = nvml.nvmlDeviceGetMemoryInfo(gpu)
            yield f"gpu_{number}_memory_usage_megabytes", round(memory.used / MEGABYTE)
            yield f"gpu_{number}_memory_usage_percentage", round(100 * memory.used / memory.total, 1)
            yield f"gpu_{number}_utilization_percentage", nvml.nvmlDeviceGetUtilizationRates(gpu).gpu
