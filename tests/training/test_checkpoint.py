"""A damaged file of a checkpoint is named in one line, and the training still ends with the same bytes."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from difflab.config.training import TrainingParams
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.fit import _Trainer
from tests.training.noisy_regression import TRAINING, train

PARAMS = TRAINING.model_copy(update={"num_snapshots": 2})  # at steps 12 and 24 of 24; checkpoints each 7
STOPPED_AT = 17  # after the checkpoint of step 14, which has two lines of the log and one snapshot


class Stopped(Exception):
    pass


def contents(folder: Path) -> dict[str, bytes]:
    """Log and snapshots, which stages copy into their outputs."""
    files = [folder / "train_log.jsonl", *(folder / "snapshots").iterdir()]
    return {file.name: file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[dict[str, torch.Tensor], dict[str, bytes]]:
    folder = tmp_path_factory.mktemp("whole")
    weights, _ = train(folder, PARAMS)
    return weights, contents(folder)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("stopped")
    train_and_stop(folder, PARAMS)
    return folder


def train_and_stop(folder: Path, params: TrainingParams = TRAINING, log_every: int = 5) -> None:
    train_step = _Trainer.train_step

    def stopping(self: _Trainer) -> float:
        if self.step == STOPPED_AT:
            raise Stopped
        return train_step(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Trainer, "train_step", stopping)
        with pytest.raises(Stopped):
            train(folder, params, log_every)


@pytest.fixture
def folder(stopped, tmp_path) -> Path:
    return Path(shutil.copytree(stopped, tmp_path / "copy"))


def assert_ends_undisturbed(folder: Path, whole, monkeypatch, first_step: int) -> None:
    """And it began after `first_step`."""
    steps = []
    train_step = _Trainer.train_step

    def noting(self: _Trainer) -> float:
        steps.append(self.step)
        return train_step(self)

    monkeypatch.setattr(_Trainer, "train_step", noting)
    weights, _ = train(folder, PARAMS)
    assert steps == list(range(first_step, 24))
    assert all(torch.equal(weights[name], tensor) for name, tensor in whole[0].items())
    assert contents(folder) == whole[1]


def damaged_lines(capsys) -> list[str]:
    return [line for line in capsys.readouterr().err.splitlines() if "damaged" in line]


def test_undamaged_it_goes_on(folder, whole, monkeypatch, capsys):
    assert_ends_undisturbed(folder, whole, monkeypatch, first_step=14)
    assert damaged_lines(capsys) == []


def replaced(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda file: file.write_bytes(change(file.read_bytes()))


def as_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def as_dangling_link(file: Path) -> None:
    file.unlink()
    file.symlink_to("nowhere")


def flipped(content: bytes) -> bytes:
    """In the middle, and so that a line of the log stays one."""
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


DAMAGES = {
    "empty": replaced(lambda _: b""),
    "truncated": replaced(lambda content: content[:200]),
    "flipped": replaced(flipped),
    "zeros": replaced(lambda content: bytes(len(content))),
    "text": replaced(lambda _: b"<<<<<<< HEAD\n" * 100),
    "of torch": lambda file: torch.save({"step": 3}, file),
    "folder": as_folder,
    "link": as_dangling_link,
    "missing": Path.unlink,
}
FILES = ["checkpoint", "train_log.jsonl", "snapshots/step_000012.safetensors"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_it_starts_from_nothing(folder, whole, monkeypatch, capsys, damage, file):
    DAMAGES[damage](folder / file)
    assert_ends_undisturbed(folder, whole, monkeypatch, first_step=0)
    lines = damaged_lines(capsys)
    if (damage, file) == ("missing", "checkpoint"):
        assert lines == []  # as before the first checkpoint
    else:
        assert len(lines) == 1 and str(folder / file) in lines[0]


@pytest.mark.parametrize("damage", ["folder of snapshots", "file of snapshots"])
def test_snapshots_that_are_no_folder_of_theirs(folder, whole, monkeypatch, capsys, damage):
    shutil.rmtree(folder / "snapshots")
    if damage == "file of snapshots":
        (folder / "snapshots").touch()
    assert_ends_undisturbed(folder, whole, monkeypatch, first_step=0)
    assert len(damaged_lines(capsys)) == 1


def test_what_came_after_the_checkpoint_is_undone(folder, whole, monkeypatch):
    """A half line, a half snapshot and the temporary files of a killed process are neither used nor kept."""
    with (folder / "train_log.jsonl").open("a") as log:
        log.write('{"step": 99')
    (folder / "snapshots/step_000099.safetensors").touch()
    (folder / "snapshots/step_000024.safetensors.01234567-1.partial").mkdir()
    assert_ends_undisturbed(folder, whole, monkeypatch, first_step=14)


def test_a_finished_one_is_loaded_without_a_step(folder, whole, monkeypatch):
    assert_ends_undisturbed(folder, whole, monkeypatch, first_step=14)
    assert_ends_undisturbed(folder, whole, monkeypatch, first_step=24)


def test_before_the_first_line_of_the_log(tmp_path):
    """The log comes later than the first checkpoints."""
    weights, log = train(tmp_path / "whole", log_every=24)
    train_and_stop(tmp_path / "stopped", log_every=24)
    saved = RollingCheckpoint(tmp_path / "stopped").load()
    assert saved and saved["step"] == 14
    again, log_again = train(tmp_path / "stopped", log_every=24)
    assert log_again == log and all(torch.equal(again[name], tensor) for name, tensor in weights.items())


def test_another_interval_of_the_log_changes_no_result(tmp_path):
    """`runtime` may change between a kill and the next start; each line is the mean since the line before."""
    weights, log = train(tmp_path / "whole")
    train_and_stop(tmp_path / "stopped")
    again, other_log = train(tmp_path / "stopped", log_every=3)
    assert all(torch.equal(again[name], tensor) for name, tensor in weights.items())
    lines, other_lines = (list(map(json.loads, text.splitlines())) for text in (log, other_log))
    assert [line["step"] for line in other_lines] == [5, 10, 15, 18, 21, 24]
    assert sum_of_losses(lines) == pytest.approx(sum_of_losses(other_lines))


def sum_of_losses(lines: list[dict]) -> float:
    starts = [0, *(line["step"] for line in lines)]
    return sum(line["loss"] * (line["step"] - start) for start, line in zip(starts, lines, strict=False))


def test_everything_is_on_the_disk_before_the_checkpoint_is(tmp_path, monkeypatch):
    """After a loss of power the checkpoint never speaks of a log or snapshot that is not there."""
    synced: list[str] = []
    fsync = os.fsync
    name = lambda descriptor: Path(f"/proc/self/fd/{descriptor}").readlink().name  # noqa: E731
    monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(name(descriptor)), fsync(descriptor)))
    checkpoint = RollingCheckpoint(tmp_path)
    checkpoint.append_to_log("{}")
    checkpoint.save_snapshot(3, {"x": torch.zeros(2)})
    checkpoint.save({"step": 3})
    assert synced == ["step_000003.safetensors", "snapshots", "train_log.jsonl", "checkpoint", tmp_path.name]


def test_checkpoints_are_never_unpickled(tmp_path, monkeypatch):
    checkpoint = RollingCheckpoint(tmp_path)
    checkpoint.save({"step": Stopped})
    with pytest.raises(Exception, match="Weights only"):
        checkpoint.load()
