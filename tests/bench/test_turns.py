"""Trainings that take turns, and their clocks."""

import copy
import math
import time

import pytest
import torch
from torch import nn

from bench.turns import TurnTraining, stopped_at_end


@pytest.fixture
def clock(monkeypatch):
    """Processor time that passes only when the test says so."""
    now = [100.0]
    monkeypatch.setattr(time, "process_time", lambda: now[0])
    return now


def training(clock, num_steps, seconds, log=None, name=""):
    """`num_steps` steps of `seconds` each after a preparation of 50 s."""
    network = nn.Identity()

    def train():
        clock[0] += 50
        for _ in range(num_steps):
            network(torch.zeros(1))
            clock[0] += seconds
            (log if log is not None else []).append(name)

    return TurnTraining(network, train)


def test_clock_counts_steps_but_no_preparation_and_no_pause(clock):
    run = training(clock, num_steps=6, seconds=2)
    run.run(until=3)
    assert (run.seconds, run.num_steps, run.is_done) == (4, 2, False)
    clock[0] += 1000
    run.run(until=4)  # used up already
    assert run.num_steps == 2
    run.run(until=math.inf)
    assert (run.seconds, run.num_steps, run.is_done) == (12, 6, True)


def test_trainings_alternate(clock):
    log = []
    runs = [training(clock, 4, 1, log, name) for name in "ab"]
    for until in (2, 4):
        for run in runs:
            run.run(until=until)
    assert "".join(log) == "aabbaabb"


def test_copies_of_the_network_and_other_threads_count_no_steps(clock):
    network = nn.Linear(1, 1)
    averaged = []

    def train():
        averaged.append(copy.deepcopy(network))
        for _ in range(3):
            network(torch.zeros(1))
            averaged[0].train()
            clock[0] += 1

    run = TurnTraining(network, train)
    run.run(until=1)
    network(torch.zeros(1))
    averaged[0](torch.zeros(1))
    run.run(until=math.inf)
    assert (run.seconds, run.num_steps) == (3, 3)


def test_errors_of_a_loop_are_raised_and_stop_ends_it(clock):
    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        TurnTraining(nn.Identity(), fail).run(until=1)
    run = training(clock, num_steps=10**9, seconds=1)
    with stopped_at_end([run, training(clock, 1, 1)]):
        run.run(until=5)
    assert (run.num_steps, run.is_done) == (5, True)
