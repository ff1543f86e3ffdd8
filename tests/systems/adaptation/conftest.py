"""For the tests of domain adaptation: tiny domains of ten classes, and training parameters."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from difflab.data.dataset import ImageDataset
from tests import stage_calls

SIZE = 8
TRAINING = {
    "seed": 5,
    "num_epochs": 2,
    "batch_size": 16,
    "learning_rate": 0.003,
    "weight_decay": 0.01,
    "warmup_steps": 2,
    "max_grad_norm": None,
    "num_snapshots": 2,
}
PLAIN = {"max_lambda": None, "confusion": None}
PARAMS: dict[str, Any] = {
    "compute": {"threads": 1, "mixed_precision": "fp32"},
    "runtime": {"checkpoint_every": 3, "log_every": 2},
    "evaluation": {"seed": 3},
    "adaptation": {
        "scenarios": {"mnistm-usps": "all"},
        "methods": {
            "source-only": PLAIN,
            "dann": {"max_lambda": 1.0, "confusion": None},
            "dann-mcc": {"max_lambda": 1.0, "confusion": {"weight": 1.0, "temperature": 2.5}},
            "target-only": PLAIN,
        },
        "num_runs": 2,
        "network": {"channels": [4], "num_features": 16, "domain_head_width": 4},
        "training": TRAINING,
        "tsne": {"seed": 0, "perplexity": 5.0, "num_images": 15},
    },
}


def make_domain(name: str, background: int, num_train: int = 60, classes: int = 10, size: int = SIZE) -> None:
    """prepared/NAME.safetensors: noise on `background`, and in a column for each class a bright line."""
    generator = torch.Generator().manual_seed(background)
    count = num_train + 40
    labels = torch.arange(count) % classes
    images = torch.randint(background, background + 60, (count, 3, size, size), generator=generator)
    images[torch.arange(count), :, :, labels % size] = 150 + 10 * (labels // size)[:, None, None]
    splits = torch.tensor([0] * num_train + [1] * 20 + [2] * 20, dtype=torch.uint8)
    ImageDataset(images.to(torch.uint8), labels, splits, f"lines of {name}").save(
        Path(f"prepared/sets/{name}.safetensors")
    )


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_domain("mnistm", 0)
    make_domain("usps", 60, num_train=40)
    write_params()
    return tmp_path


def write_params(**changes: Any) -> None:
    """params.yaml with the values at some dotted keys of `adaptation` replaced."""
    params = copy.deepcopy(PARAMS)
    for key, value in changes.items():
        section = params["adaptation"]
        *names, last = key.split(".")
        for name in names:
            section = section[name]
        section[last] = value
    Path("params.yaml").write_text(yaml.safe_dump(params))


@pytest.fixture
def run_stage() -> Callable[..., None]:
    return stage_calls.run_stage


def contents(folder: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}
