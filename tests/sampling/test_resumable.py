"""Samplings in batches that are interrupted, seen from the outside: what is drawn, what is kept, what comes out."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from difflab.sampling.resumable import drawn_batches

BATCHES = [range(0, 3), range(3, 6), range(6, 7)]


class Killed(Exception):
    pass


class Draw:
    """Numbers of a batch from their own generators; dies at a batch if told to."""

    def __init__(self, dies_at: int | None = None):
        self.dies_at, self.seen = dies_at, []

    def __call__(self, batch):
        if self.dies_at in batch:
            raise Killed
        self.seen.append(batch)
        generators = [torch.Generator().manual_seed(number) for number in batch]
        drawn = torch.stack([torch.randn(2, generator=generator) for generator in generators])
        return {"numbers": drawn, "columns": drawn.T}  # a view that is not contiguous


def run(root: Path, draw, params=(1,)) -> dict[str, torch.Tensor]:
    with drawn_batches("stage", params, [], BATCHES, draw, root) as drawn:
        batches = list(drawn)
    assert [batch for batch, _ in batches] == BATCHES
    return {
        "numbers": torch.cat([tensors["numbers"] for _, tensors in batches]),
        "columns": torch.cat([tensors["columns"] for _, tensors in batches], 1),
    }


def test_what_is_drawn_comes_out_and_nothing_stays(tmp_path):
    result = run(tmp_path, Draw())
    assert torch.equal(result["numbers"], torch.cat([Draw()(batch)["numbers"] for batch in BATCHES]))
    assert torch.equal(result["columns"], result["numbers"].T)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


@pytest.mark.parametrize("dies_at", [0, 4, 6])
def test_only_what_was_not_drawn_is_drawn_again(tmp_path, dies_at):
    first, second = Draw(dies_at), Draw()
    with pytest.raises(Killed):
        run(tmp_path, first)
    result = run(tmp_path, second)
    assert first.seen + second.seen == BATCHES
    assert torch.equal(result["numbers"], run(tmp_path / "whole", Draw())["numbers"])


def test_a_batch_whose_write_was_torn_is_drawn_again(tmp_path, monkeypatch):
    def killed(_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", killed)
        with pytest.raises(Killed):
            run(tmp_path, Draw())
    again = Draw()
    run(tmp_path, again)
    assert again.seen == BATCHES


def test_another_configuration_starts_afresh(tmp_path):
    with pytest.raises(Killed):
        run(tmp_path, Draw(6))
    other = Draw()
    run(tmp_path, other, params=(2,))
    assert other.seen == BATCHES


def test_an_error_while_writing_the_output_keeps_the_batches(tmp_path):
    with pytest.raises(Killed), drawn_batches("stage", (1,), [], BATCHES, Draw(), tmp_path) as drawn:
        list(drawn)
        raise Killed
    again = Draw()
    run(tmp_path, again)
    assert again.seen == []


HOLDER = """
import sys, time
from pathlib import Path
import torch
from difflab.sampling.resumable import drawn_batches

def draw(batch):
    print("drawing", flush=True)
    if sys.argv[2] == "sleep":
        time.sleep(60)
    return {"x": torch.zeros(1)}

with drawn_batches("stage", [1], [], [range(1)], draw, Path(sys.argv[1])) as drawn:
    list(drawn)
"""


def test_a_second_process_waits_until_the_first_is_gone(tmp_path):
    def start(mode: str):
        command = [sys.executable, "-c", HOLDER, str(tmp_path), mode]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    with start("sleep") as first:
        assert first.stdout and first.stdout.readline() == "drawing\n"
        with start("go") as second:
            assert second.stdout and second.stderr
            assert "waiting for the process" in second.stderr.readline()
            time.sleep(0.5)
            assert [path for path in tmp_path.iterdir() if path.is_dir()], "it has drawn all and tidied up"
            first.send_signal(signal.SIGKILL)
            assert second.stdout.readline() == "drawing\n"
            assert second.wait() == 0
