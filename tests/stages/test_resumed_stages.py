"""A training killed with SIGKILL and restarted gives the same bytes as an uninterrupted run (smoke profile)."""

import shutil
from pathlib import Path

import pytest
import torch
import yaml

from difflab.data.dataset import ImageDataset
from difflab.pipeline.resume import hashed_read
from tests.factories import profile
from tests.killing import finish, kill_once

REPOSITORY = Path(__file__).parents[2]
TRAIN = ["stages/digits/train.py", "joint-cosine"]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """The stages, smoke parameters with enough steps to be killed between, and a few prepared images."""
    folder = tmp_path_factory.mktemp("workspace")
    shutil.copytree(REPOSITORY / "stages", folder / "stages")
    params = profile("smoke")
    params["runtime"]["checkpoint_every"] = 1
    params["recipes"]["joint-cosine"]["training"] |= {"num_epochs": 20, "batch_size": 64}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    generator = torch.Generator().manual_seed(0)
    for domain in ("mnistm", "svhn"):
        images = torch.randint(256, (200, 3, 8, 8), dtype=torch.uint8, generator=generator)
        dataset = ImageDataset(images, torch.arange(200) % 10, torch.zeros(200, dtype=torch.uint8), "random pixels")
        dataset.save(folder / "prepared/recipes/joint-cosine" / f"{domain}.safetensors")
    return folder


def files_of(model: Path) -> dict[str, bytes]:
    return {str(path.relative_to(model)): path.read_bytes() for path in sorted(model.rglob("*")) if path.is_file()}


def last_step(workspace: Path) -> int:
    """Of its checkpoint, which it may replace while it is read."""
    steps = [0]
    for file in (workspace / ".cache/checkpoints").glob("train@joint-cosine/train-joint-cosine-*/checkpoint"):
        with hashed_read(file) as opened:
            steps.append(torch.load(opened, weights_only=True)["state"]["step"])
    return max(steps)


def kill_at(workspace: Path, step: int, address: str) -> int:
    """Start the training, kill it once it has saved `step`; returns the step it was killed at."""
    kill_once(lambda: last_step(workspace) >= step, address, TRAIN, workspace)
    return last_step(workspace)


def test_killed_at_three_points_it_ends_in_the_same_bytes(workspace, warm_stages):
    finish(warm_stages, TRAIN, workspace)
    model = workspace / "models/joint-cosine"
    whole = files_of(model)
    assert len(whole) >= 7
    shutil.rmtree(workspace / ".cache")
    shutil.rmtree(model)
    reached = [kill_at(workspace, step, warm_stages) for step in (1, 20, 40)]
    assert 1 <= reached[0] < 20 <= reached[1] < 40 <= reached[2] < 60, "each kill should undo only a part"
    assert not model.exists()
    finish(warm_stages, TRAIN, workspace)
    assert files_of(model) == whole
    kept = [file.name for file in (workspace / ".cache/checkpoints").rglob("*") if file.is_file()]
    assert kept == ["train_log.jsonl"], "a finished stage keeps no checkpoint"
