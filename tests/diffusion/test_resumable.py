"""Interrupted sampling in batches, from the outside: what is sampled, what is kept, and the results."""

import sys
from pathlib import Path

import pytest
import torch

from difflab.diffusion.noise_bank import resumable_batches
from difflab.pipeline.run_records import recorded

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
        return {"numbers": drawn, "columns": drawn.T.contiguous().T}  # a view that is not contiguous


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def kept() -> list[Path]:
    """The files of batches."""
    return sorted(Path(".cache/samples").rglob("*.safetensors"))


def run(draw, params=(1,)) -> dict[str, torch.Tensor]:
    with resumable_batches("stage", params, [], BATCHES, draw) as drawn:
        batches = list(drawn)
    assert [batch for batch, _ in batches] == BATCHES
    return {
        "numbers": torch.cat([tensors["numbers"] for _, tensors in batches]),
        "columns": torch.cat([tensors["columns"] for _, tensors in batches]),
    }


def test_what_is_drawn_comes_out_and_nothing_stays():
    result = run(Draw())
    assert torch.equal(result["numbers"], torch.cat([Draw()(batch)["numbers"] for batch in BATCHES]))
    assert torch.equal(result["columns"], result["numbers"])
    assert not kept()


def test_a_stage_removes_the_batches_when_it_has_finished(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["stages/x.py"])
    with pytest.raises(Killed):
        recorded(lambda: run(Draw(dies_at=6)))
    assert len(kept()) == 2
    again = Draw()
    recorded(lambda: run(again))
    assert again.seen == BATCHES[2:] and not kept()


@pytest.mark.parametrize("dies_at", [0, 4, 6])
def test_only_what_was_not_drawn_is_drawn_again(dies_at):
    first, second = Draw(dies_at), Draw()
    with pytest.raises(Killed):
        run(first)
    result = run(second)
    assert first.seen + second.seen == BATCHES
    assert torch.equal(result["numbers"], run(Draw(), params=(3,))["numbers"])


def test_an_error_while_writing_the_output_keeps_the_batches():
    with pytest.raises(Killed), resumable_batches("stage", (1,), [], BATCHES, Draw()) as drawn:
        list(drawn)
        raise Killed
    again = Draw()
    run(again)
    assert again.seen == []


def run_and_stop() -> dict[str, torch.Tensor]:
    """Draw everything, but end with an error."""
    with pytest.raises(Killed), resumable_batches("stage", (1,), [], BATCHES, Draw()) as drawn:
        numbers = torch.cat([tensors["numbers"] for _, tensors in drawn])
        raise Killed
    return {"numbers": numbers}


def flipped(content: bytes) -> bytes:
    return content[:-5] + bytes([content[-5] ^ 1]) + content[-4:]


@pytest.mark.parametrize("damage", [flipped, lambda _: b"", lambda content: content[:-1], lambda content: content * 2])
def test_a_damaged_batch_is_named_and_drawn_again(capsys, damage):
    whole = run_and_stop()
    file = kept()[1]
    file.write_bytes(damage(file.read_bytes()))
    again = Draw()
    result = run(again)
    assert again.seen == [BATCHES[1]]
    assert torch.equal(result["numbers"], whole["numbers"])
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "damaged" in line]
    assert str(file) in line
