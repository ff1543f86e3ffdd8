"""The course's face U-Net file: equal predictions to the course's network, and one-line errors for other files."""

import math
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
import torch
import yaml
from course_network import Attention, CourseUNet, TimeEmbedding
from torch import nn

from difflab.diffusion.pipelines import UnconditionalPipeline
from difflab.errors import UserError
from difflab.systems.faces.course_unet import load_course_unet
from stages.faces import faces
from tests.stage_calls import run_stage

IMAGES = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
TIMES = torch.tensor([21, 981])


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Cleared at the end: a file of the network has 434 MiB."""
    folder = tmp_path_factory.mktemp("course")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def network():
    """Random weights with which all of it matters: norms that scale and shift, peaked attentions, and a first layer so
    faint that the next norm's ε shows.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = CourseUNet()
        for module in network.modules():
            if isinstance(module, nn.GroupNorm):
                nn.init.normal_(module.weight, 1, 0.3)
                nn.init.normal_(module.bias, 0, 0.3)
            elif isinstance(module, Attention):
                module.qkv.weight.data *= 3
        for parameter in network.get_submodule("down1").parameters():
            parameter.data *= 0.02
    return network.requires_grad_(False)


@pytest.fixture(scope="module")
def file(network, folder):
    path = folder / "UNet.pt"
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def predicted(network):
    return network(IMAGES, TIMES)


def assert_same_prediction(unet, predicted):
    """To 1e-4 of the largest magnitude."""
    with torch.no_grad():
        found = unet(IMAGES, TIMES).sample
    assert (found - predicted).abs().max() < 1e-4 * predicted.abs().max()


def test_it_predicts_what_the_courses_network_predicts(file, predicted):
    unet = load_course_unet(file)
    assert not unet.training and unet.config["sample_size"] == 256 and unet.dtype == torch.float32
    assert_same_prediction(unet, predicted)
    assert (predicted[0] - predicted[1]).abs().max() > 0.1 * predicted.abs().max()


def test_every_parameter_matters_to_the_prediction(network):
    """So that one which were dropped or taken for another would have changed it."""
    network.requires_grad_(True)
    network(IMAGES[:1], TIMES[:1]).square().sum().backward()
    parameters = dict(network.named_parameters())
    for name, parameter in parameters.items():
        weakest = (
            min(part.norm() for part in parameter.grad.chunk(3)) if ".qkv.weight" in name else parameter.grad.norm()
        )
        assert weakest > 1e-3, name
    network.requires_grad_(False).zero_grad()


def test_the_stage_writes_a_folder_that_samples(file, folder, predicted, monkeypatch):
    training = {"seed": 0, "num_epochs": 1, "batch_size": 1, "learning_rate": 0.001}
    network = {"block_out_channels": [8], "attention_head_dim": 8, "norm_num_groups": 8}
    schedule = {"name": "linear", "num_train_timesteps": 1000, "beta_start": 1e-4, "beta_end": 2e-2}
    params = {
        "compute": {"threads": 1, "mixed_precision": "fp32"},
        "faces": {"checkpoint": file.name, "schedule": schedule, "network": network, "training": training},
    }
    monkeypatch.chdir(folder)
    Path("params.yaml").write_text(yaml.safe_dump(params))
    run_stage(faces, "faces")
    pipeline = UnconditionalPipeline.from_folder(Path("models/faces"))
    assert_same_prediction(pipeline.unet, predicted)
    betas = torch.linspace(1e-4, 2e-2, 1000, dtype=torch.float64)
    assert pipeline.scheduler.config["trained_betas"] == betas.tolist()

    pipeline.unet.register_to_config(sample_size=32)
    pipeline.set_progress_bar_config(disable=True)
    drawn = pipeline(1, generator=torch.Generator().manual_seed(0), num_inference_steps=2, output_type="pt").images
    assert drawn.shape == (1, 3, 32, 32) and drawn.isfinite().all()


# Small files: one number that stands for all of a tensor.


@pytest.fixture(scope="module")
def frequencies():
    return TimeEmbedding(128).get_buffer("inv_freq")


@pytest.fixture(scope="module")
def state(frequencies):
    """What a file in half precision holds, with another number for each key."""
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in CourseUNet().state_dict().items()}
    state = {name: torch.tensor(i).half().expand(shape) for i, (name, shape) in enumerate(shapes.items())}
    return state | {"time.0.inv_freq": frequencies}


def test_every_key_is_used_once_and_every_parameter_set_once(state, tmp_path):
    """And a file in half precision gives a network in float32."""
    torch.save(state | {"time.0.inv_freq": state["time.0.inv_freq"].half()}, tmp_path / "UNet.pt")
    values = Counter()
    for parameter in load_course_unet(tmp_path / "UNet.pt").parameters():
        lowest, highest = parameter.aminmax()
        assert parameter.dtype == torch.float32 and lowest == highest
        values[int(lowest)] += 1
    expected = {i: 3 if "qkv" in name else 1 for i, name in enumerate(state) if name != "time.0.inv_freq"}
    assert values == expected


def test_a_training_checkpoint_of_it_is_read(state, tmp_path):
    nested = {"epoch": 3, "ema": {f"module.{name}": tensor for name, tensor in state.items()}}
    torch.save(nested, tmp_path / "UNet.ckpt")
    first = next(i for i, name in enumerate(state) if name == "down1.bias")
    assert load_course_unet(tmp_path / "UNet.ckpt").get_parameter("conv_in.bias").unique().tolist() == [first]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            lambda state: {name: tensor for name, tensor in state.items() if not name.startswith("down14.")},
            "found missing: down14.attention.norm.weight, down14.attention.norm.bias, down14.attention.qkv.weight, "
            "down14.attention.qkv.bias, down14.attention.out.weight and 13 more, allowed: the tensors ",
        ),
        (
            lambda state: {**state, **{f"up{i}.weight": torch.zeros(1) for i in range(24, 31)}},
            "found unknown: 'up24.weight', 'up25.weight', 'up26.weight', 'up27.weight', 'up28.weight' and 2 more, ",
        ),
        (
            lambda state: {
                **{name: tensor for name, tensor in state.items() if name != "mid1.attention.out.bias"},
                "down2.resblocks.skip.weight": torch.zeros(128, 128, 1, 1),
                "mid1.attention.qkv.weight": torch.zeros(1536, 512),
                "time.1.bias": torch.zeros(512, dtype=torch.int32),
                "out.2.bias": torch.tensor([0, math.inf, 0]),
                "out.0.bias": 3.0,
            },
            "found missing: mid1.attention.out.bias; unknown: 'down2.resblocks.skip.weight'; of another shape: "
            "mid1.attention.qkv.weight (1536, 512) for (1536, 512, 1, 1); not finite floating-point numbers: "
            "time.1.bias (int32), out.0.bias (a float), out.2.bias (not finite), allowed: ",
        ),
        (
            lambda state: {**state, "time.0.inv_freq": 10000 ** (-torch.arange(64) / 63)},  # Ho et al.'s own
            "time.0.inv_freq: found another sequence, allowed: exp(-ln(10000)·2k/128), k = 0 … 63",
        ),
        (lambda state: {**state, "network": TimeEmbedding(2)}, "found what only unpickling could load ("),
    ],
)
def test_a_wrong_file_is_one_line_that_names_file_and_keys(state, tmp_path, change, line):
    path = tmp_path / "UNet.pt"
    torch.save(change(state), path)
    with pytest.raises(UserError, match="^" + re.escape(f"faces.checkpoint: {path}: {line}")) as error:
        load_course_unet(path)
    assert "\n" not in str(error.value)
