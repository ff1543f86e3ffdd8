"""For the tests of sampling: one thread, which is faster for their small images, and a small random model."""

from pathlib import Path

import pytest
import torch

from difflab.diffusion.schedules import linear_betas
from difflab.diffusion.unet import make_unet, save_model_folder
from difflab.models.conditioning import make_condition
from tests.factories import condition, network

NETWORK = network(patch_size=2, block_out_channels=[16, 16], add_attention=True, norm_num_groups=8)
SIZE = 8
BETAS = linear_betas(100, 1e-3, 0.2)
CONDITIONS = [condition(kind) for kind in ("digit_and_domain", "class_embedding", "one_hot")]


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def digit_models(tmp_path_factory) -> dict[str, Path]:
    """For each kind of condition a model folder as `stages/train.py` writes it, with random weights."""
    folders = {}
    for params in CONDITIONS:
        domains = ["mnistm"] if params.kind == "class_embedding" else ["mnistm", "svhn"]
        folder = folders[params.kind] = tmp_path_factory.mktemp("models") / params.kind
        with torch.random.fork_rng():
            torch.manual_seed(0)
            unet = make_unet(NETWORK, SIZE, conditional=True)
            condition = make_condition(params, domains, unet.time_embedding.linear_2.out_features)
        models = {"unet": unet, "condition": condition}
        save_model_folder(folder, "DigitPipeline", models, BETAS, patch_size=NETWORK.patch_size)
    return folders


@pytest.fixture(scope="session")
def digit_model(digit_models) -> Path:
    return digit_models["digit_and_domain"]


@pytest.fixture(scope="session")
def unconditional_model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "unconditional"
    with torch.random.fork_rng():
        torch.manual_seed(1)
        unet = make_unet(NETWORK, SIZE, conditional=False)
    save_model_folder(folder, "UnconditionalPipeline", {"unet": unet}, BETAS, patch_size=NETWORK.patch_size)
    return folder
