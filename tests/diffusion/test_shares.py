"""Batches in parts that fit the memory, and shared among processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.shares import InParts

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys, torch
from pathlib import Path
from accelerate import PartialState
from safetensors.torch import save_file
from difflab.diffusion.noise_bank import bank_generators, resumable_batches
from difflab.pipeline.processes import own_folder

PartialState(cpu=True)
places, out = Path(sys.argv[1]), {}

def draw(batch):
    for number in batch:
        Path(places, f"{number}-by-{PartialState().process_index}").touch()
    return {"numbers": torch.stack([torch.randn(2, generator=generator) for generator in bank_generators(0, batch)])}

with own_folder():
    batches = [range(start, min(start + 2, 7)) for start in range(0, 7, 2)]
    with resumable_batches("stage", 1, [], batches, draw) as drawn:
        numbers = torch.cat([tensors["numbers"] for _, tensors in drawn])
    save_file({"numbers": numbers}, places / f"{PartialState().process_index}.safetensors")
"""


class Small:
    """A memory for `most` images."""

    def __init__(self, most: int, error: RuntimeError | None = None):
        self.most, self.sizes = most, list[int]()
        self.error = error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB.")

    def __call__(self, batch: range) -> dict[str, torch.Tensor]:
        self.sizes.append(len(batch))
        if len(batch) > self.most:
            raise self.error
        return {"numbers": torch.tensor(batch)}


@pytest.mark.parametrize("most", [1, 2, 3, 8])
def test_as_many_images_at_once_as_fit(most: int) -> None:
    draw = Small(most)
    in_parts = InParts(draw)
    for batch in (range(8), range(8, 13)):
        assert in_parts(batch)["numbers"].tolist() == list(batch)
    assert [size for size in draw.sizes if size > most] == [size for size in (8, 4, 2) if size > most]  # once each


def test_one_image_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        InParts(Small(0))(range(4))


def test_other_errors_are_not_tried_again() -> None:
    draw = Small(0, RuntimeError("sizes differ"))
    with pytest.raises(RuntimeError, match="sizes differ"):
        InParts(draw)(range(4))
    assert draw.sizes == [4]


def test_two_processes_draw_a_half_each_and_both_have_all(tmp_path: Path) -> None:
    script, places = tmp_path / "script.py", tmp_path / "places"
    script.write_text(SCRIPT)
    places.mkdir()
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path])}
    ran = subprocess.run([*launch, str(places)], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    first, second = (load_file(places / f"{rank}.safetensors")["numbers"] for rank in range(2))
    expected = [torch.randn(2, generator=generator) for generator in bank_generators(0, range(7))]
    assert torch.equal(first, torch.stack(expected))
    assert torch.equal(first, second)
    drawn = {path.name for path in places.iterdir() if "-by-" in path.name}
    assert drawn == {f"{number}-by-{number // 2 % 2}" for number in range(7)}
    assert not list((tmp_path / ".cache").rglob("*.safetensors"))
