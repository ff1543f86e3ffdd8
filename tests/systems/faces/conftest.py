"""A folder with a random face model and its parameters."""

from pathlib import Path

import pytest
import torch

from difflab.diffusion.schedules import linear_betas
from difflab.diffusion.unet import make_unet, save_model_folder
from tests.factories import network
from tests.systems.faces.face_stages import SIZE, write_params

BETAS = linear_betas(1000, 1e-4, 2e-2)
NETWORK = network(block_out_channels=[16, 16], add_attention=True, norm_num_groups=8)


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "faces"
    with torch.random.fork_rng():
        torch.manual_seed(2)
        unet = make_unet(NETWORK, SIZE, conditional=False)
    save_model_folder(folder, "UnconditionalPipeline", {"unet": unet}, BETAS)
    return folder


@pytest.fixture
def project(model, tmp_path, monkeypatch) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/faces").symlink_to(model)
    monkeypatch.chdir(tmp_path)
    write_params()
    return tmp_path
