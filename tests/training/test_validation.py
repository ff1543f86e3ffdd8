"""Outputs during a training: the loss on held-out data after each epoch, and snapshots of the weights."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from difflab.config.training import ComputeParams
from difflab.models.task import Task
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.device import make_accelerator
from difflab.training.fit import fit
from tests.factories import training

PARAMS = training(seed=3, num_epochs=3, ema_decay=0.8, num_snapshots=3)


class NoisyRegression(Task):
    """Draws from the passed generator and, while it trains, by its dropout."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.dropout, self.linear = nn.Dropout(0.5), nn.Linear(4, 1)

    def draw(self, batch, generator):
        return {"noisy": batch["x"] + torch.randn(batch["x"].shape, generator=generator), "y": batch["y"]}

    def forward(self, inputs):
        return (self.linear(self.dropout(inputs["noisy"])) - inputs["y"]).square().mean()


def make_data(count: int, seed: int) -> dict[str, torch.Tensor]:
    x = torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))
    return {"x": x, "y": x.sum(1, keepdim=True)}


TRAINING, VALIDATION = make_data(64, 1), make_data(300, 2)  # 8 steps an epoch; two batches of validation, 256 and 44


def train(folder: Path, validation=VALIDATION, **changes) -> RollingCheckpoint:
    folder.mkdir(exist_ok=True)
    checkpoint, params = RollingCheckpoint(folder, checkpoint_every=7, log_every=24), PARAMS.model_copy(update=changes)
    accelerator = make_accelerator(ComputeParams(threads=1, mixed_precision="fp32"))
    task = NoisyRegression()
    fit(task, TRAINING, params, accelerator, checkpoint, validation)
    torch.save(task.state_dict(), folder / "final.pt")
    return checkpoint


def final_weight(checkpoint: RollingCheckpoint) -> torch.Tensor:
    return torch.load(checkpoint.folder / "final.pt", weights_only=True)["linear.weight"]


def snapshots(checkpoint: RollingCheckpoint) -> dict[int, dict[str, torch.Tensor]]:
    files = checkpoint.snapshots.glob("*")
    return {int(file.stem.removeprefix("step_")): load_file(file) for file in files}


def validation_lines(checkpoint: RollingCheckpoint) -> list[dict]:
    lines = map(json.loads, checkpoint.log.read_text().splitlines())
    return [line for line in lines if "validation_loss" in line]


@pytest.mark.parametrize("ema_decay", [0.8, None])
def test_validation_loss_of_each_epoch_by_hand(tmp_path, ema_decay):
    """From the snapshots: there is one after each epoch."""
    checkpoint = train(tmp_path, ema_decay=ema_decay)
    kept, lines = snapshots(checkpoint), validation_lines(checkpoint)
    assert [(line["step"], line["epoch"]) for line in lines] == [(8, 1), (16, 2), (24, 3)]
    for line in lines:
        weights = kept[line["step"]]
        generator = torch.Generator().manual_seed(PARAMS.seed)
        noise = torch.cat([torch.randn(count, 4, generator=generator) for count in (256, 44)])
        predicted = (VALIDATION["x"] + noise) @ weights["linear.weight"].T + weights["linear.bias"]
        by_hand = sum(((predicted - VALIDATION["y"]) ** 2).flatten().tolist()) / 300
        assert line["validation_loss"] == pytest.approx(by_hand, rel=1e-5)
    assert len({line["validation_loss"] for line in lines}) == 3


@pytest.mark.parametrize(
    ("number", "steps"), [(0, []), (1, [24]), (3, [8, 16, 24]), (5, [5, 10, 14, 19, 24]), (24, list(range(1, 25)))]
)
def test_snapshots_are_at_equal_intervals(tmp_path, number, steps):
    checkpoint = train(tmp_path, validation=None, num_snapshots=number)
    assert sorted(snapshots(checkpoint)) == steps
    if steps:
        assert torch.equal(snapshots(checkpoint)[24]["linear.weight"], final_weight(checkpoint))


def test_a_snapshot_is_what_a_shorter_training_ends_with(tmp_path):
    whole, short = train(tmp_path / "whole"), train(tmp_path / "short", num_epochs=2)
    assert torch.equal(snapshots(whole)[16]["linear.weight"], final_weight(short))


class Killed(Exception):
    pass


@pytest.mark.parametrize("kill_at", [9, 15, 17, 23])
def test_a_kill_changes_neither_the_snapshots_nor_the_validation(tmp_path, monkeypatch, kill_at):
    """Checkpoints are at steps 7, 14, 21; the snapshots of 8 and 16 come after one, and are made once more."""
    whole, step_of_adam, step = train(tmp_path / "whole"), torch.optim.Adam.step, 0

    def dying_step(self, *arguments, **options):
        nonlocal step
        step += 1
        if step == kill_at:
            raise Killed
        return step_of_adam(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.Adam, "step", dying_step)
        with pytest.raises(Killed):
            train(tmp_path / "killed")
    early = {file.name: file.read_bytes() for file in (tmp_path / "killed/snapshots").glob("*")}
    assert len(early) == (kill_at - 1) // 8
    resumed = train(tmp_path / "killed")
    assert resumed.log.read_bytes() == whole.log.read_bytes()
    files = {file.name: file.read_bytes() for file in resumed.snapshots.iterdir()}
    assert files == {file.name: file.read_bytes() for file in whole.snapshots.iterdir()}
    assert early.items() <= files.items()
