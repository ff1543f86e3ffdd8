"""Tests that need a GPU: precision, exact resume, noises and samples on CUDA."""

from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState
from diffusers import DDPMScheduler, UNet2DModel
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from difflab.config.training import ComputeParams, TrainingParams
from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.objective import DenoisingTask
from difflab.diffusion.pipelines import UnconditionalPipeline
from difflab.diffusion.schedules import linear_betas
from difflab.diffusion.unet import make_unet
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.device import make_accelerator
from difflab.training.fit import fit
from tests.factories import network, training

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use (CUDA)"),
]

DEVICE = "cuda"
BETAS = linear_betas(100, 1e-4, 0.1)
SIZE = 16
TRAINING = training(
    seed=3,
    num_epochs=3,
    batch_size=16,
    learning_rate=2e-3,
    optimizer="adamw",
    weight_decay=0.01,
    lr_schedule="cosine",
    warmup_steps=4,
    ema_decay=0.9,
    max_grad_norm=1.0,
)


def compute(mixed_precision: str) -> ComputeParams:
    return ComputeParams.model_validate({"threads": 1, "mixed_precision": mixed_precision})


def small_unet(add_attention: bool = True) -> UNet2DModel:
    params = network(block_out_channels=[32, 64], add_attention=add_attention, attention_head_dim=32, norm_num_groups=8)
    torch.manual_seed(0)
    return make_unet(params, SIZE, conditional=False)


def bright_squares(count: int) -> Tensor:
    """(count, 3, SIZE, SIZE) uint8: a square of one color on black, something that can be learned in a minute."""
    generator = torch.Generator().manual_seed(1)
    images = torch.zeros(count, 3, SIZE, SIZE, dtype=torch.uint8)
    colors = torch.randint(100, 256, (count, 3, 1, 1), dtype=torch.uint8, generator=generator)
    images[:, :, 4:12, 4:12] = colors
    return images


def train(
    folder: Path,
    mixed_precision: str,
    params: TrainingParams = TRAINING,
    unet: UNet2DModel | None = None,
    log_every: int = 5,
) -> tuple[dict[str, Tensor], str]:
    """The weights on the CPU, and the log."""
    folder.mkdir(parents=True, exist_ok=True)
    task = DenoisingTask(unet or small_unet(), BETAS, "epsilon", patch_size=1)
    checkpoint = RollingCheckpoint(folder, checkpoint_every=7, log_every=log_every)
    AcceleratorState._reset_state(reset_partial_state=True)  # a test can train in both precisions
    fit(task, {"images": bright_squares(128)}, params, make_accelerator(compute(mixed_precision)), checkpoint)
    assert next(task.parameters()).device.type == DEVICE
    return {name: tensor.cpu() for name, tensor in task.state_dict().items()}, checkpoint.log.read_text()


def test_auto_is_bf16_where_the_gpu_multiplies_it():
    expected = "bf16" if torch.cuda.get_device_capability() >= (8, 0) else "no"
    accelerator = make_accelerator(compute("auto"))
    assert accelerator.device.type == DEVICE
    assert accelerator.mixed_precision == expected


class Killed(Exception):
    pass


@pytest.mark.parametrize("add_attention", [False, True])
@pytest.mark.parametrize("mixed_precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kill_at", [3, 10])
def test_interrupted_training_ends_in_the_same_bytes(tmp_path, monkeypatch, kill_at, mixed_precision, add_attention):
    weights, log = train(tmp_path / "whole", mixed_precision, unet=small_unet(add_attention))
    step = 0
    step_of_adamw = torch.optim.AdamW.step

    def dying_step(self, *args, **kwargs):
        nonlocal step
        step += 1
        if step == kill_at:
            raise Killed
        return step_of_adamw(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", dying_step)
        with pytest.raises(Killed):
            train(tmp_path / "killed", mixed_precision, unet=small_unet(add_attention))
    resumed, resumed_log = train(tmp_path / "killed", mixed_precision, unet=small_unet(add_attention))
    assert resumed_log == log
    assert [name for name, tensor in weights.items() if not torch.equal(resumed[name], tensor)] == []


def test_the_noise_bank_gives_the_gpu_the_noises_of_the_cpu():
    shape = (5, 3, SIZE, SIZE)
    on_gpu = randn_tensor(shape, generator=bank_generators(7, range(5)), device=torch.device(DEVICE))
    on_cpu = randn_tensor(shape, generator=bank_generators(7, range(5)), device=torch.device("cpu"))
    assert on_gpu.device.type == DEVICE
    assert torch.equal(on_gpu.cpu(), on_cpu)


@pytest.mark.parametrize(
    "sampler", [{"sampler": "ddpm"}, {"sampler": "ddim"}, {"sampler": "ddim", "eta": 0.5}, {"sampler": "dpmsolver++"}]
)
def test_samples_equal_those_of_the_cpu(monkeypatch, sampler):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)  # on by default, with errors of 1e-3
    unet = small_unet().eval()
    scheduler = DDPMScheduler(trained_betas=BETAS.tolist(), num_train_timesteps=len(BETAS))
    images = {}
    for device in ("cpu", DEVICE):
        pipeline = UnconditionalPipeline(unet, scheduler).to(device)
        pipeline.set_progress_bar_config(disable=True)
        options = {"num_inference_steps": 20, "output_type": "pt"} | sampler
        images[device] = pipeline(4, generator=bank_generators(0, range(4)), **options).images.cpu()
    torch.testing.assert_close(images[DEVICE], images["cpu"], rtol=0, atol=2e-3)


def test_bf16_learns_nearly_as_well_as_fp32(tmp_path):
    params = TRAINING.model_copy(update={"num_epochs": 40})
    losses = {}
    for mixed_precision in ("fp32", "bf16"):
        _, log = train(tmp_path / mixed_precision, mixed_precision, params, log_every=40)
        first, last = (float(log.splitlines()[line].split('"loss": ')[1].split(",")[0]) for line in (0, -1))
        assert last < 0.5 * first
        losses[mixed_precision] = last
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.1)
