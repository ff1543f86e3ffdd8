"""A training of a second or less that uses all of the loop: clipping, moving average, dropout, snapshots."""

from pathlib import Path

import torch
from torch import nn

from difflab.config.training import ComputeParams, TrainingParams
from difflab.models.task import Task
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.device import make_accelerator
from difflab.training.fit import fit
from tests.factories import training

COMPUTE = ComputeParams(threads=1, mixed_precision="fp32")
TRAINING = training(
    seed=3,
    num_epochs=3,
    optimizer="adamw",
    weight_decay=0.1,
    lr_schedule="cosine",
    warmup_steps=4,
    ema_decay=0.9,
    max_grad_norm=0.5,
)


class NoisyRegression(Task):
    """A task that draws from the passed generator and, by its dropout, from the global one."""

    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.3), nn.SiLU(), nn.Linear(16, 1))

    def draw(self, batch, generator):
        return batch | {"noise": torch.randn(batch["x"].shape, generator=generator)}

    def forward(self, inputs):
        return (self.network(inputs["x"] + 0.1 * inputs["noise"]) - inputs["y"]).square().mean()


def make_data():
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(1))
    return {"x": x, "y": x.sum(1, keepdim=True)}


def train(folder: Path, params: TrainingParams = TRAINING, log_every: int = 5) -> tuple[dict, str]:
    torch.manual_seed(0)
    task = NoisyRegression()
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = RollingCheckpoint(folder, checkpoint_every=7, log_every=log_every)
    fit(task, make_data(), params, make_accelerator(COMPUTE), checkpoint)
    return task.state_dict(), checkpoint.log.read_text()
