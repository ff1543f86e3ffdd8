"""Micro-batches and compiled networks: the same training up to rounding."""

from pathlib import Path

import pytest
import torch
import torch._inductor.config as inductor
from torch import nn

from difflab.config.load import validate
from difflab.config.training import Compilation, ComputeParams, JudgeParams, TrainingParams
from difflab.diffusion.objective import DenoisingTask
from difflab.diffusion.schedules import cosine_betas
from difflab.diffusion.unet import make_unet
from difflab.errors import UserError
from difflab.models.task import Task
from difflab.training import device
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.device import LONG, compiles, make_accelerator
from difflab.training.fit import fit
from difflab.training.optimization import checkpoint_gradients
from tests.factories import loss_of, network, training
from tests.training.noisy_regression import make_data

CPU = torch.device("cpu")


class Regression(Task):
    """Draws one number for each image, and nothing in the network."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(4, 16), nn.SiLU(), nn.Linear(16, 1)).double()

    def draw(self, batch, generator):
        return batch | {"noise": torch.randn(len(batch["x"]), 1, generator=generator)}

    def forward(self, inputs):
        return (self.network((inputs["x"] + inputs["noise"]).double()) - inputs["y"]).square().mean()


def train(
    folder: Path, params: TrainingParams, compilation: Compilation = "never"
) -> tuple[dict[str, torch.Tensor], str]:
    folder.mkdir(exist_ok=True)
    task, checkpoint = Regression(), RollingCheckpoint(folder, log_every=5)
    accelerator = make_accelerator(ComputeParams(threads=1, mixed_precision="fp32"))
    fit(task, make_data(), params, accelerator, checkpoint, compilation=compilation)
    return task.state_dict(), checkpoint.log.read_text()


PARAMS = training(seed=3, num_epochs=4, ema_decay=0.9, max_grad_norm=0.5)


@pytest.mark.parametrize("parts", [2, 4, 8])
def test_a_batch_in_parts_is_the_same_batch(tmp_path, parts):
    """Also the noise of each image, which is drawn for the whole batch."""
    whole, _ = train(tmp_path / "whole", PARAMS)
    split, _ = train(tmp_path / "split", PARAMS.model_copy(update={"gradient_accumulation_steps": parts}))
    for name, weights in whole.items():
        torch.testing.assert_close(split[name], weights, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("value", [3, 16])
def test_parts_are_equal(value):
    with pytest.raises(UserError, match=rf"gradient_accumulation_steps: found {value}, allowed: a divisor of .* 8"):
        validate(TrainingParams, PARAMS.model_dump() | {"gradient_accumulation_steps": value}, "training")


def test_a_batch_norm_sees_the_whole_batch():
    training = PARAMS.model_dump() | {"gradient_accumulation_steps": 2}
    values = {"sets": ["mnist"], "checkpoint": None, "channels": [8], "training": training}
    with pytest.raises(UserError, match=r"judge\.training\.gradient_accumulation_steps: found 2, allowed: 1"):
        validate(JudgeParams, values, "judge")


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_auto_compiles_long_trainings(kind):
    network = nn.Linear(9, 10)  # 100 parameters
    images = int(LONG[kind]) // 100
    assert compiles("auto", network, images, torch.device(kind))
    assert not compiles("auto", network, images - 1, torch.device(kind))
    assert not compiles("never", network, images, torch.device(kind))
    assert compiles("always", network, 1, torch.device(kind))


def test_without_a_compiler_auto_says_so_and_always_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(device, "_has_compiler", lambda: False)
    assert not compiles("auto", nn.Linear(9, 10), 10**11, CPU)
    assert "compiler" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"compute\.compile: found 'always'"):
        compiles("always", nn.Linear(9, 10), 1, CPU)


def test_a_missing_compiler_is_noticed():
    with inductor.patch({"cpp.cxx": ("no-such-compiler",)}):
        assert not device._has_compiler()


@pytest.mark.skipif(not device._has_compiler(), reason="needs a C++ compiler")
def test_a_compiled_training_is_the_eager_one_to_rounding(tmp_path):
    eager, log = train(tmp_path / "eager", PARAMS)
    with inductor.patch({"cpp_cache_precompile_headers": False}):  # they take longer than this network
        compiled, compiled_log = train(tmp_path / "compiled", PARAMS, "always")
    for name, weights in eager.items():
        torch.testing.assert_close(compiled[name], weights, rtol=1e-8, atol=1e-10)
    assert [line.split(",")[0] for line in compiled_log.splitlines()] == [
        line.split(",")[0] for line in log.splitlines()
    ]


def saved_bytes(gradient_checkpointing: bool) -> tuple[int, list[torch.Tensor]]:
    """What one training step keeps for its backward pass, and the gradients."""
    torch.manual_seed(0)
    unet = make_unet(network(block_out_channels=[16, 16], add_attention=True, norm_num_groups=8), 8, conditional=False)
    task = DenoisingTask(unet, cosine_betas(10), "epsilon", patch_size=1).train()
    if gradient_checkpointing:
        checkpoint_gradients([task])
    kept = 0

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = loss_of(task, {"images": torch.arange(4 * 3 * 64).reshape(4, 3, 8, 8).to(torch.uint8)})
    loss.backward()
    return kept, [weights.grad for weights in task.parameters() if weights.grad is not None]


def test_gradient_checkpointing_keeps_less_and_changes_no_gradient():
    (everything, expected), (less, found) = saved_bytes(False), saved_bytes(True)
    assert less < everything / 3
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_network_without_checkpointing_is_refused():
    with pytest.raises(UserError, match="gradient_checkpointing: found true"):
        checkpoint_gradients([Regression()])
