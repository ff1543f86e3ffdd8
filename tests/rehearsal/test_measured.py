"""Measurements from a script's progress bars, networks and optimizer, in its own process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories import ROOT

WIDTH = 512
SCRIPT = f'''
import sys
import torch
from torch import nn
from difflab.pipeline.progress import image_bar

class UNet2DModel(nn.Linear):
    """Counts as a denoising network by its name."""

torch.manual_seed(0)
network, frozen = UNet2DModel({WIDTH}, {WIDTH}, bias=False), nn.Linear(3, 1, bias=False)
optimizer = torch.optim.Adam(network.parameters())
x = torch.ones(1000, {WIDTH})
with image_bar("training", 0, 3000) as bar:
    for step in range(3):
        network(x).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        bar.update(1000)
if sys.argv[1] == "fails":
    raise ValueError(sys.argv)
'''


@pytest.mark.parametrize("ending", ["ends", "fails"])
def test_a_script_is_measured_whatever_it_ends_with(tmp_path: Path, ending: str) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "difflab.rehearsal.measured", "measured.json", "script.py", ending]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True)
    assert done.returncode == (ending == "fails"), done.stderr
    assert ("ValueError: ['script.py', 'fails']" in done.stderr) == (ending == "fails")
    found = json.loads((tmp_path / "measured.json").read_bytes())
    weights = WIDTH**2
    assert found["trained"] == weights
    assert found["optimizer_state"] == pytest.approx(2 * 4 * weights, abs=64)  # two moments, and a number of steps
    assert found["resident"] > 50 * 2**20 and found["allocated"] is None
    [bar] = found["bars"]
    assert bar["description"] == "training" and [count for _, count in bar["updates"]] == [1000] * 3
    times = [bar["started"], *(time for time, _ in bar["updates"])]
    assert times == sorted(times) and 0 < bar["denoising"] < times[-1] - times[0]
    assert (bar["parameters"], bar["loaded"]) == (weights + 3, 0)
    assert bar["tensors"] == pytest.approx(4 * (weights + 1000 * WIDTH), rel=0.01)
    # The optimizer's state, gradients, and what the backward pass needs: some tensors of the size of the batch.
    needed = 4 * (2 * weights + weights + 3 * 1000 * WIDTH)
    assert needed <= bar["peak"] <= 1.6 * needed
