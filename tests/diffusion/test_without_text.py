"""Stages of digits and faces do not need the libraries that diffusers imports for text: see difflab/stage.py."""

import subprocess
import sys
from pathlib import Path

import torch

from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.pipelines import DigitPipeline
from difflab.stage import WITHOUT_TEXT

OPTIONS = {"digit": [3], "domain": ["svhn"], "num_inference_steps": 3, "output_type": "pt"}
STAGE = f"""
import sys
sys.modules.update(dict.fromkeys({WITHOUT_TEXT}))
import torch
torch.set_num_threads(int(sys.argv[3]))
from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.pipelines import DigitPipeline
from difflab.training.device import make_accelerator
from difflab.training.fit import fit
pipeline = DigitPipeline.from_folder(sys.argv[1])
torch.save(pipeline(**{OPTIONS}, generator=bank_generators(0, [0])).images, sys.argv[2])
torch.optim.AdamW(pipeline.unet.parameters()).step()
assert not [name for name in sys.modules if name.startswith(tuple(f"{{name}}." for name in {WITHOUT_TEXT}))]
"""


def test_images_are_the_same(digit_model: Path, tmp_path: Path):
    threads = str(torch.get_num_threads())  # they change the rounding
    subprocess.run([sys.executable, "-c", STAGE, digit_model, tmp_path / "images.pt", threads], check=True)
    expected = DigitPipeline.from_folder(digit_model)(**OPTIONS, generator=bank_generators(0, [0])).images
    torch.testing.assert_close(torch.load(tmp_path / "images.pt"), expected, rtol=0, atol=1e-5)
