"""Batches that are read ahead: equal to those on the device, in any order of steps."""

from pathlib import Path

import pytest
import torch

from difflab.training.loader import Loader
from tests.training.noisy_regression import train

CPU = torch.device("cpu")
DATA = {"images": torch.arange(40).reshape(20, 2), "digits": torch.arange(20)}


@pytest.fixture
def in_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("runtime: {in_memory_limit: 0.000000001}\n")


def test_the_same_batches(tmp_path, in_files):
    ahead = Loader(DATA, 5, 1, CPU)
    Path("params.yaml").unlink()
    direct = Loader(DATA, 5, 1, CPU)
    assert (ahead.fits, direct.fits) == (False, True)
    for step in (0, 1, 2, 7, 8, 3, 3, 4):  # as after a resume, and through the end of an epoch
        assert torch.equal(ahead[step]["images"], direct[step]["images"])
        assert torch.equal(ahead[step]["digits"], ahead[step]["images"][:, 0] // 2)


def test_the_same_weights(tmp_path, in_files):
    weights, log = train(tmp_path / "ahead")
    Path("params.yaml").unlink()
    expected, expected_log = train(tmp_path / "direct")
    assert log == expected_log
    assert all(torch.equal(weights[name], tensor) for name, tensor in expected.items())
