"""The diffs of CONTRIBUTING.md apply to this tree, and do what they say."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHECK = """
import torch
from difflab.config.diffusion import OtherSampling, ScheduleParams
from difflab.config.params import load_params
from difflab.diffusion.samplers import make_sampler
from difflab.diffusion.schedules import make_betas
from difflab.docs.metrics import name_of
from difflab.evaluation.classifier_metrics import accuracy_metrics
from difflab.history.measurements import metrics_of

correct, digits = torch.tensor([True, False, True, True]), torch.tensor([3, 3, 5, 5])
found = metrics_of(accuracy_metrics(correct, digits)).measurements
(worst,) = [m for m in found if m.path[0] == "accuracy_of_worst_class"]
assert worst.value == 0.5 and worst.low is not None
assert name_of(worst.path) == "accuracy_of_worst_class"

recipe = load_params("params.yaml").recipes["svhn-cosine"]
assert (recipe.schedule.name, list(recipe.data)) == ("cosine", ["svhn"])
assert OtherSampling(sampler="unipc", seed=0, num_inference_steps=5, images_per_digit=10).sampler == "unipc"

# Where the image is known, and the noise with it, every step of a deterministic sampler leads towards that image.
betas = make_betas(recipe.schedule)
sampler = make_sampler(betas, sampler="unipc", num_inference_steps=5)
assert sampler.scheduler.sigmas.dtype == torch.float64
alphas = torch.cumprod(1 - betas, 0)
image, noise = torch.full((1, 3, 4, 4), 0.3, dtype=torch.float64), torch.randn(1, 3, 4, 4, dtype=torch.float64)
x = noise
for position, t in enumerate(sampler.timesteps):
    known = (x - alphas[t].sqrt() * image) / (1 - alphas[t]).sqrt()
    x = sampler.step(position, known, x, torch.Generator())
assert torch.allclose(x, image, atol=1e-4)
"""


def test_the_three_diffs_apply_and_work(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    diffs = re.findall(r"```diff\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    assert [diff.count("\n+++ ") for diff in diffs] == [3, 2, 1]
    for diff in diffs:
        subprocess.run(["git", "apply", "-"], input=diff, text=True, cwd=tmp_path, check=True)
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "src")}
    subprocess.run([sys.executable, "-c", CHECK], cwd=tmp_path, env=environment, check=True)
