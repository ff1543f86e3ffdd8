"""For the tests of sampling: one thread, which is faster for their small images, and a small random model."""

from pathlib import Path

import difflab.torchvision_cure  # noqa: F401  (first: see there)

import pytest
import torch

from difflab.models.conditioning import DigitDomainCondition
from difflab.models.model_folder import save_model_folder
from difflab.models.schedules import linear_betas
from difflab.models.unet import make_unet
from difflab.params import NetworkParams

NETWORK = NetworkParams(
    prediction_type="epsilon",
    patch_size=2,
    block_out_channels=[16, 16],
    layers_per_block=1,
    attention_head_dim=8,
    norm_num_groups=8,
)
SIZE = 8


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def digit_model(tmp_path_factory) -> Path:
    """A model folder as `stages/train.py` writes it, with random weights."""
    folder = tmp_path_factory.mktemp("models") / "joint"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = make_unet(NETWORK, SIZE, conditional=True)
        condition = DigitDomainCondition(["mnistm", "svhn"], 8, 4, unet.time_embedding.linear_2.out_features)
    betas = linear_betas(100, 1e-3, 0.2)
    save_model_folder(
        folder, "DigitPipeline", {"unet": unet, "condition": condition}, betas, patch_size=NETWORK.patch_size
    )
    return folder


@pytest.fixture(scope="session")
def face_model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "faces"
    with torch.random.fork_rng():
        torch.manual_seed(1)
        unet = make_unet(NETWORK, SIZE, conditional=False)
    save_model_folder(
        folder, "FacePipeline", {"unet": unet}, linear_betas(100, 1e-3, 0.2), patch_size=NETWORK.patch_size
    )
    return folder
