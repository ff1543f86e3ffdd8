"""The training loop: resume after SIGKILL, the log, and numbers against plain PyTorch."""

import json
import os

import numpy as np
import pytest
import torch
from torch import nn

from difflab.errors import UserError
from difflab.training.batches import Batches
from difflab.training.checkpoint import RollingCheckpoint
from tests.factories import loss_of
from tests.training.noisy_regression import TRAINING, NoisyRegression, make_data, train


class Killed(Exception):
    pass


@pytest.mark.parametrize("kill_at", [1, 7, 8, 13, 23, 24])
def test_interrupted_training_ends_in_the_same_bytes(tmp_path, monkeypatch, kill_at):
    weights, log = train(tmp_path / "whole")
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
            train(tmp_path / "killed")
    resumed_weights, resumed_log = train(tmp_path / "killed")
    assert resumed_log == log
    for name, tensor in weights.items():
        assert torch.equal(resumed_weights[name], tensor), name


def test_equals_a_plain_pytorch_loop(tmp_path):
    """Against AdamW, clipping, warm-up to cosine and moving average written out by hand."""
    weights, log = train(tmp_path)
    torch.manual_seed(0)
    task, data = NoisyRegression(), make_data()
    average = {name: None for name in task.state_dict()}
    optimizer = torch.optim.AdamW(task.parameters(), lr=0.01, weight_decay=0.1)
    generator = torch.Generator().manual_seed(3)
    losses = []
    for step in range(24):
        epoch, position = divmod(step, 8)
        order = np.random.default_rng([3, epoch]).permutation(64)
        rows = order[8 * position : 8 * position + 8]
        factor = (step + 1) / 4 if step < 4 else (1 + torch.cos(torch.tensor((step - 4) / 20 * torch.pi)).item()) / 2
        optimizer.param_groups[0]["lr"] = 0.01 * factor
        loss = loss_of(task, {name: tensor[rows] for name, tensor in data.items()}, generator)
        loss.backward()
        nn.utils.clip_grad_norm_(task.parameters(), 0.5)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        for name, tensor in task.state_dict().items():
            old = average[name]
            decay = min(0.9, (1 + step) / (10 + step))
            average[name] = tensor.clone() if old is None else decay * old + (1 - decay) * tensor
    for name, tensor in weights.items():
        torch.testing.assert_close(tensor, average[name], rtol=1e-4, atol=1e-6)
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["step"] for line in lines] == [5, 10, 15, 20, 24]
    assert lines[1]["loss"] == pytest.approx(sum(losses[5:10]) / 5, rel=1e-5)
    assert lines[4]["loss"] == pytest.approx(sum(losses[20:]) / 4, rel=1e-5)


def test_every_epoch_sees_every_image_once():
    batches = Batches(num_images=20, batch_size=5, seed=1)
    epochs = [torch.cat([batches[4 * epoch + i] for i in range(4)]) for epoch in range(2)]
    assert all(epoch.sort().values.tolist() == list(range(20)) for epoch in epochs)
    assert not torch.equal(*epochs)
    assert not torch.equal(Batches(20, 5, seed=2)[0], batches[0])
    assert torch.equal(Batches(20, 5, seed=1)[6], batches[6])


def test_a_batch_larger_than_the_data_is_refused(tmp_path):
    with pytest.raises(UserError, match="batch_size: found 65, allowed: 1 to 64"):
        train(tmp_path, TRAINING.model_copy(update={"batch_size": 65}))


def test_an_exploding_loss_stops_with_one_line(tmp_path):
    with pytest.raises(UserError, match=r"learning_rate: found 1e\+30"):
        train(tmp_path, TRAINING.model_copy(update={"learning_rate": 1e30, "max_grad_norm": None}))


def test_a_torn_checkpoint_write_keeps_the_old_one(tmp_path, monkeypatch):
    checkpoint = RollingCheckpoint(tmp_path)
    checkpoint.save({"step": 1})
    monkeypatch.setattr(os, "fsync", lambda file: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        checkpoint.save({"step": 2})
    assert checkpoint.load() == {"step": 1}
