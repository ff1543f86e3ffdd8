"""`python -m tests.robustness.soak --kills 200 --pairs 50`: work that is killed, and work that is started twice.

SIGKILL comes at random moments, and the same work is started again until it ends; or two processes start the same work
one shortly after the other. Each kind of work runs in children forked from this process. It has to end in the bytes of
an undisturbed run and to leave nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch._dynamo  # noqa: F401 (the first optimizer would import it, in each child)
from accelerate import Accelerator
from safetensors.torch import save_file

from difflab.diffusion.noise_bank import resumable_batches
from difflab.pipeline.files import atomic_write
from difflab.pipeline.run_records import recorded
from difflab.training.checkpoint import rolling_checkpoint
from difflab.training.fit import fit
from tests.training.noisy_regression import TRAINING, NoisyRegression, make_data

RUNS = 3  # of the training of several runs


def train() -> None:
    """Runs of one stage, as domain adaptation and textual inversion have them: one output of all."""
    params = TRAINING.model_copy(update={"num_snapshots": 2})
    with atomic_write(Path("models/runs")) as folder:
        folder.mkdir()
        for run in range(RUNS):
            torch.manual_seed(run)
            task = NoisyRegression()
            with rolling_checkpoint(f"run-{run}", [run], []) as checkpoint:
                fit(task, make_data(), params, Accelerator(cpu=True), checkpoint)
                save_file(task.state_dict(), folder / f"{run}.safetensors")
                (folder / f"{run}.jsonl").write_bytes(checkpoint.log.read_bytes())


def sample() -> None:
    """Batches that are kept until the folder of images is whole."""
    batches = [range(start, start + 4) for start in range(0, 40, 4)]

    def draw(batch: range) -> dict[str, torch.Tensor]:
        time.sleep(0.01)
        return {"images": torch.stack([torch.randn(8, generator=torch.Generator().manual_seed(i)) for i in batch])}

    with resumable_batches("soak", [1], [], batches, draw) as drawn, atomic_write(Path("samples/soak")) as folder:
        folder.mkdir()
        for batch, tensors in drawn:
            for number, image in zip(batch, tensors["images"], strict=True):
                (folder / f"{number:03d}.txt").write_text(str(image.tolist()))


def write() -> None:
    """Many small files, each replaced."""
    for number in range(60):
        with atomic_write(Path(f"metrics/{number % 20}.json")) as partial:
            partial.write_text(f'{{"value": {number % 20}}}\n' * 100)


WORK: dict[str, Callable[[], None]] = {"training": train, "sampling": sample, "writing": write}


@dataclass
class Row:
    kind: str
    kills: int = 0
    finished: int = 0
    equal: int = 0
    pairs: int = 0
    pairs_equal: int = 0
    left: int = 0  # files besides the outputs


def start(kind: str, folder: Path) -> int:
    """Fork a child that does the work in `folder`, as a stage of that name."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.chdir(folder)
        sys.argv = [f"stages/{kind}.py"]
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        recorded(WORK[kind])
        status = 0
    finally:
        os._exit(status)


def outputs(folder: Path) -> dict[str, str]:
    """Hash by path of all that is left outside `.cache/`."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and ".cache" not in path.parts]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def undisturbed(kind: str, folder: Path) -> tuple[dict[str, str], float]:
    began = time.monotonic()
    _, status = os.waitpid(start(kind, folder), 0)
    assert status == 0, f"{kind} fails by itself"
    return outputs(folder), time.monotonic() - began


def soak(kills: int, pairs: int, seed: int = 0) -> list[Row]:
    """Spread `kills` and `pairs` over all kinds of work."""
    chosen, rows = random.Random(seed), []
    for index, kind in enumerate(WORK):
        row = Row(kind)
        rows.append(row)
        with tempfile.TemporaryDirectory() as whole:
            expected, seconds = undisturbed(kind, Path(whole))
        while row.kills < (kills + index) // len(WORK):
            with tempfile.TemporaryDirectory() as name:
                kill(row, Path(name), expected, chosen, seconds, (kills + index) // len(WORK))
        while row.pairs < (pairs + index) // len(WORK):
            with tempfile.TemporaryDirectory() as name:
                start_twice(row, Path(name), expected, chosen.uniform(0, seconds))
    return rows


def kill(row: Row, folder: Path, expected: dict[str, str], chosen: random.Random, seconds: float, kills: int) -> None:
    """Kill and start again until the work ends by itself."""
    while True:
        pid = start(row.kind, folder)
        if row.kills < kills:
            time.sleep(chosen.uniform(0, seconds))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            break
        row.kills += 1
    row.finished += os.WEXITSTATUS(status) == 0
    found = outputs(folder)
    row.equal += all(found.get(path) == digest for path, digest in expected.items())
    row.left += len(found.keys() - expected.keys())


def start_twice(row: Row, folder: Path, expected: dict[str, str], delay: float) -> None:
    first = start(row.kind, folder)
    time.sleep(delay)
    second = start(row.kind, folder)
    ended = [os.waitpid(pid, 0)[1] == 0 for pid in (first, second)]
    found = outputs(folder)
    row.pairs += 1
    row.pairs_equal += all(ended) and all(found.get(path) == digest for path, digest in expected.items())
    row.left += len(found.keys() - expected.keys())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rows = soak(arguments.kills, arguments.pairs, arguments.seed)
    print("work       kills  ended  same bytes  pairs  same bytes  files left over")
    for row in rows:
        killed, paired = f"{row.finished:>6} {row.equal:>11}", f"{row.pairs:>6} {row.pairs_equal:>11}"
        print(f"{row.kind:<9} {row.kills:>6} {killed} {paired} {row.left:>16}")
    sys.exit(any(row.left or not row.finished == row.equal > 0 or row.pairs != row.pairs_equal for row in rows))


if __name__ == "__main__":
    main()
