"""`python -m difflab.rehearsal.measured FILE SCRIPT [ARGUMENT …]`: run a stage script and write its costs to FILE.

The script runs unchanged in this process. Its progress bars give the time of each image, hooks of torch the time in the
denoising networks and the optimizer's state, and the profiler the memory of tensors from the first bar on.
"""

from __future__ import annotations

import gc
import json
import resource
import runpy
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from difflab.pipeline import progress

DENOISERS = ("UNet2DModel", "UNet2DConditionModel", "ControlNetModel")  # diffusers' names
PROFILED = 2  # updates of a bar: only the second step starts with the optimizer's state


@dataclass
class Bar:
    """One progress bar: its start, and the time and number of images of each update; in seconds and bytes."""

    description: str
    started: float
    updates: list[tuple[float, int]] = field(default_factory=list)
    denoising: float = 0.0  # seconds in the denoising networks
    tensors: int = 0  # at the start
    peak: int = 0  # of tensors in addition, during the first updates
    parameters: int = 0  # numbers in all networks at the first update
    loaded: int = 0  # of networks loaded since the start


@dataclass
class Measured:
    """The costs of a stage. `trained`: number of parameters that the optimizer updates."""

    seconds: float = 0.0
    resident: int = 0  # peak bytes of the process
    trained: int = 0
    optimizer_state: int = 0  # bytes
    bars: list[Bar] = field(default_factory=list)
    allocated: int | None = None  # peak bytes on a GPU, like `reserved`
    reserved: int | None = None


measured = Measured()


def run_measured(file: Path, script: str, arguments: list[str]) -> None:
    """Run `script` as a program and write `Measured` as JSON, even if it fails."""
    sys.argv = [script, *arguments]
    progress.image_bar = _counting(progress.image_bar)  # replaced before any module imports it by name
    start = time.monotonic()
    try:
        runpy.run_path(script, run_name="__main__")
    finally:
        measured.seconds, measured.resident = time.monotonic() - start, _peak_resident()
        if "torch" in sys.modules:
            _note_gpu_memory()
        file.write_text(json.dumps(asdict(measured)), encoding="utf-8")


def _counting(image_bar: Callable[..., Any]) -> Callable[..., Any]:
    def measured_bar(description: str, done: int, total: int) -> Any:
        import torch

        if not measured.bars:
            _hook_networks(torch)
        tensors, _, weights = _count_tensors(torch)
        bar = Bar(description, time.monotonic(), tensors=tensors)
        measured.bars.append(bar)
        shown = image_bar(description, done, total)
        stop_profile = _profile_memory(torch, bar)
        update, close = shown.update, shown.close

        def counted(n: int) -> Any:
            _synchronize(torch)
            bar.updates.append((time.monotonic(), n))
            if len(bar.updates) == 1:
                _, bar.parameters, now = _count_tensors(torch)
                bar.loaded = max(now - weights, 0)
            if len(bar.updates) == PROFILED:
                stop_profile()
            return update(n)

        def closed() -> None:
            stop_profile()
            close()

        shown.update, shown.close = counted, closed
        return shown

    return measured_bar


def _hook_networks(torch: Any) -> None:
    from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
    from torch.optim.optimizer import register_optimizer_step_post_hook

    starts: dict[int, float] = {}

    def before(module: Any, _: Any) -> None:
        if type(module).__name__ in DENOISERS:
            _synchronize(torch)
            starts[id(module)] = time.monotonic()

    def after(module: Any, *_: Any) -> None:
        if type(module).__name__ in DENOISERS:
            _synchronize(torch)
            measured.bars[-1].denoising += time.monotonic() - starts.pop(id(module))

    def stepped(optimizer: Any, *_: Any) -> None:
        trained = [weights for group in optimizer.param_groups for weights in group["params"]]
        state = [value for values in optimizer.state.values() for value in values.values()]
        measured.trained = sum(weights.numel() for weights in trained)
        measured.optimizer_state = sum(value.nbytes for value in state if isinstance(value, torch.Tensor))

    register_module_forward_pre_hook(before)
    register_module_forward_hook(after)
    register_optimizer_step_post_hook(stepped)


def _count_tensors(torch: Any) -> tuple[int, int, int]:
    """Bytes of all existing tensors; number of values in parameters, and their bytes."""
    sizes, parameters = {}, {}
    for thing in gc.get_objects():
        if issubclass(type(thing), torch.Tensor) and thing.layout is torch.strided and not thing.is_meta:
            place = thing.untyped_storage().data_ptr()
            sizes[place] = thing.untyped_storage().nbytes()
            if issubclass(type(thing), torch.nn.Parameter):
                parameters[place] = thing.numel()
    return sum(sizes.values()), sum(parameters.values()), sum(sizes[place] for place in parameters)


def _profile_memory(torch: Any, bar: Bar) -> Callable[[], None]:
    """Record the peak memory of tensors in `bar`, from now until the returned function is called."""
    if torch.cuda.is_available():
        return lambda: None
    running = [torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True)]
    running[0].start()

    def stop() -> None:
        if not running:
            return
        profile = running.pop()
        profile.stop()
        changes = [
            (event.start_ns(), event.nbytes())
            for event in profile.profiler.kineto_results.events()
            if event.name() == "[memory]"
        ]
        held = 0
        for _, change in sorted(changes, key=lambda change: change[0]):
            held += change
            bar.peak = max(bar.peak, held)

    return stop


def _peak_resident() -> int:
    """Peak resident memory of this program, in bytes; getrusage would include the process that started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = status.read_text(encoding="utf-8").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def _synchronize(torch: Any) -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _note_gpu_memory() -> None:
    import torch

    if torch.cuda.is_available():
        measured.allocated, measured.reserved = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()


if __name__ == "__main__":
    run_measured(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
