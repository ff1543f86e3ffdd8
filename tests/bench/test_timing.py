"""The arithmetic of the benchmarks."""

import time

import pytest
import torch
from torch import nn

from bench.orchestration import import_seconds, stage_seconds
from bench.timing import compared, flops, in_turns, training_rate


def test_training_rate_counts_from_the_second_step_to_the_last(monkeypatch):
    clock = iter([0.0, 100.0, 101.0, 104.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    network = nn.Identity()

    def train(images, batch_size):
        for batch in images.split(batch_size):
            network(batch)

    assert training_rate(train, network, image_size=2, batch_size=6, num_steps=2) == pytest.approx(2 * 6 / 4)


def test_runs_alternate():
    order = []
    rates = in_turns({name: lambda name=name: order.append(name) or float(len(order)) for name in "ab"}, rounds=2)
    assert order == ["a", "b", "a", "b"]
    assert rates == {"a": [1, 3], "b": [2, 4]}


def test_compared_takes_ratios_of_one_round():
    assert compared([2, 30, 8], [1, 10, 8]) == "2.00 (1.00-3.00)"
    with pytest.raises(ValueError):
        compared([1.0], [1.0, 2.0])


def test_flops_of_a_product():
    assert flops(lambda: torch.ones(3, 5) @ torch.ones(5, 7)) == 2 * 3 * 5 * 7


def test_log_of_the_stages(tmp_path):
    (tmp_path / "times").write_text("prepare@usps 10.5 12.0\ntrain 12.5 20.0\n")
    (tmp_path / "train.imports").write_text(
        "import time: self [us] | cumulative | imported package\n"
        "import time:       500 |        500 |     _io\n"
        "training 50% | 8/16\n"
        "import time:   1500000 |    1500500 | torch\n"
    )
    assert stage_seconds(tmp_path) == {"prepare@usps": 1.5, "train": 7.5}
    assert import_seconds(tmp_path, "train") == pytest.approx(1.5005)
