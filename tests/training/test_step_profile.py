"""A training step never waits for the device: no values are read back, and no data are copied to it."""

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from difflab.config.training import ComputeParams
from difflab.diffusion.objective import DenoisingTask
from difflab.diffusion.schedules import cosine_betas
from difflab.diffusion.unet import make_unet
from difflab.models.conditioning import ClassEmbeddingCondition
from difflab.training.device import make_accelerator
from difflab.training.fit import _Trainer  # pyright: ignore[reportPrivateUsage]
from tests.factories import network, training

OPTIMIZER = "aten::_fused_adam"  # on a CPU its kernel reads the count of steps; on a GPU it does not
READS = {"aten::item", "aten::_local_scalar_dense", "aten::is_nonzero", "aten::nonzero"}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_nothing_is_read_back_in_a_step(precision: str) -> None:
    params = training(ema_decay=0.9, max_grad_norm=1.0, optimizer="adamw", lr_schedule="cosine", num_epochs=4)
    unet = make_unet(network(), 8, conditional=True)
    condition = ClassEmbeddingCondition(["mnistm"], unet.time_embedding.linear_2.out_features)
    task = DenoisingTask(unet, cosine_betas(50), "epsilon", 1, condition, 0.1, True, 5.0)
    generator = torch.Generator().manual_seed(0)
    data = {
        "images": torch.randint(256, (64, 3, 8, 8), dtype=torch.uint8, generator=generator),
        "digits": torch.randint(10, (64,), generator=generator),
        "domains": torch.zeros(64, dtype=torch.int64),
    }
    accelerator = make_accelerator(ComputeParams.model_validate({"threads": 1, "mixed_precision": precision}))
    trainer = _Trainer(task, data, params, accelerator)
    trainer.train_step()  # makes the optimizer's state
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for _ in range(3):
            trainer.train_step()
    events = profiled.events() or []
    assert sum(event.name.startswith(OPTIMIZER) for event in events) == 3
    assert [event.name for event in events if event.name in READS and not _is_of_optimizer(event)] == []


def _is_of_optimizer(event) -> bool:
    while event is not None:
        if event.name.startswith(OPTIMIZER):
            return True
        event = event.cpu_parent
    return False
