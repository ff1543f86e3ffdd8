"""Optimizers and learning-rate schedules compared with those of PyTorch and values calculated by hand."""

import pytest
import torch
from diffusers.training_utils import EMAModel
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LinearLR

from difflab.training.optimization import ema_decay_at, make_lr_scheduler, make_optimizer
from tests.factories import training

EPOCHS, PER_EPOCH = 5, 4
PARAMS = training(num_epochs=EPOCHS, weight_decay=0.1, lr_schedule="linear")
OF_TORCH = {
    "constant": lambda optimizer, length: ConstantLR(optimizer, factor=1),
    "linear": lambda optimizer, length: LinearLR(optimizer, start_factor=1, end_factor=0, total_iters=length),
    "cosine": lambda optimizer, length: CosineAnnealingLR(optimizer, T_max=length),
}


def rates(scheduler_of, is_stepped_at=lambda step: True) -> list[float]:
    """The learning rate of each step of a training."""
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=PARAMS.learning_rate)
    scheduler, seen = scheduler_of(optimizer), []
    for step in range(EPOCHS * PER_EPOCH):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if is_stepped_at(step):
            scheduler.step()
    return seen


def our_rates(**changes) -> list[float]:
    params = PARAMS.model_copy(update=changes)
    return rates(lambda optimizer: make_lr_scheduler(optimizer, params, PER_EPOCH))


@pytest.mark.parametrize("schedule", OF_TORCH)
def test_of_each_epoch_as_pytorch_has_it(schedule):
    theirs = rates(lambda optimizer: OF_TORCH[schedule](optimizer, EPOCHS), lambda step: (step + 1) % PER_EPOCH == 0)
    ours = our_rates(lr_schedule=schedule, lr_interval="epoch")
    assert ours == pytest.approx(theirs, abs=1e-9)
    assert len(set(ours)) == (1 if schedule == "constant" else EPOCHS)


@pytest.mark.parametrize("schedule", OF_TORCH)
def test_of_each_step_as_pytorch_has_it(schedule):
    theirs = rates(lambda optimizer: OF_TORCH[schedule](optimizer, EPOCHS * PER_EPOCH))
    assert our_rates(lr_schedule=schedule) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize(
    ("warmup", "fractions"),
    [
        (2, [1 / 2, 1, 1, 1, *[16 / 18] * 4, *[12 / 18] * 4, *[8 / 18] * 4, *[4 / 18] * 4]),  # of 18 steps to 0
        (6, [1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1, 1, *[12 / 14] * 4, *[8 / 14] * 4, *[4 / 14] * 4]),
    ],
    ids=["shorter than an epoch", "longer than an epoch"],
)
def test_warmup_goes_by_steps_and_what_follows_by_epochs(warmup, fractions):
    ours = our_rates(lr_interval="epoch", warmup_steps=warmup)
    assert ours == pytest.approx([PARAMS.learning_rate * fraction for fraction in fractions])


def test_the_decay_of_the_average_rises_as_in_diffusers():
    theirs = EMAModel([torch.nn.Parameter(torch.zeros(1))], decay=0.999)
    for step in (1, 2, 9, 100, 8_989, 8_991, 100_000):
        assert ema_decay_at(step, 0.999) == pytest.approx(theirs.get_decay(step + 1))


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "adamw_8bit"])
def test_optimizers_step_as_pytorch_has_it(optimizer: str) -> None:
    """In 8 bits to the precision of the moments, which have a scale for each block of 256."""
    tolerance = 1e-6
    if optimizer == "adamw_8bit":
        pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
        tolerance = 0.1 * PARAMS.learning_rate
    start = torch.randn(8192, generator=torch.Generator().manual_seed(0))
    kind = torch.optim.Adam if optimizer == "adam" else torch.optim.AdamW
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    reference = kind([theirs], lr=PARAMS.learning_rate, weight_decay=0.1)
    stepped = make_optimizer([ours], PARAMS.model_copy(update={"optimizer": optimizer}))
    generator = torch.Generator().manual_seed(1)
    for _ in range(5):
        ours.grad = torch.randn(8192, generator=generator)
        theirs.grad = ours.grad.clone()
        stepped.step()
        reference.step()
    assert (ours - theirs).abs().mean() < tolerance
    assert (ours - start).abs().mean() > PARAMS.learning_rate
    moments = [value for value in stepped.state[ours].values() if torch.is_tensor(value) and value.numel() == 8192]
    assert {value.dtype for value in moments} == {torch.uint8 if optimizer == "adamw_8bit" else torch.float32}
