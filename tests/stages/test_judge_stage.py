"""The classifier of a domain: trained, or loaded from the file `judge.checkpoint`."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

from difflab.classifiers.digit_classifier import load_digit_classifier
from difflab.data.dataset import ImageDataset
from difflab.errors import UserError
from stages.digits import judge
from tests.stage_calls import run_stage

TRAINING = {"seed": 0, "num_epochs": 1, "batch_size": 16, "learning_rate": 0.002, "warmup_steps": 1}


class LeNet(nn.Sequential):
    """The course's network with the course's names."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__()
        for name, layer in {
            "conv1": nn.Conv2d(3, 6, 5),
            "a": nn.ReLU(),
            "b": nn.MaxPool2d(2),
            "conv2": nn.Conv2d(6, 16, 5),
            "c": nn.ReLU(),
            "d": nn.MaxPool2d(2),
            "e": nn.Flatten(),
            "fc1": nn.Linear(256, 128),
            "f": nn.ReLU(),
            "fc2": nn.Linear(128, 64),
            "g": nn.ReLU(),
            "fc3": nn.Linear(64, 10),
        }.items():
            self.add_module(name, layer)


def prepare(size: int) -> ImageDataset:
    """Sixty random images of each domain, the last twenty of them for testing."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (60, 3, size, size), dtype=torch.uint8, generator=generator)
    splits = torch.tensor([0] * 40 + [2] * 20, dtype=torch.uint8)
    dataset = ImageDataset(images, torch.arange(60) % 10, splits, "random pixels")
    for domain in ("mnist", "mnistm", "svhn"):
        dataset.save(Path(f"prepared/sets/{domain}.safetensors"))
    return dataset


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = {
        "compute": {"threads": 1, "mixed_precision": "fp32"},
        "judge": {"checkpoint": "judges/Classifier.pth", "channels": [4], "training": TRAINING},
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    (tmp_path / "judges").mkdir()
    torch.save({"state_dict": LeNet().state_dict()}, "judges/Classifier.pth")
    return tmp_path


def run_judge(domain: str) -> dict:
    run_stage(judge, domain)
    return json.loads(Path(f"metrics/judge-{domain}.json").read_text())


def test_the_external_file_is_the_judge_of_mnistm_alone(workspace):
    test = prepare(28).part("test")
    metrics = run_judge("mnistm")
    seen = LeNet()(test.images.float() / 127.5 - 1).argmax(1)
    assert metrics == {
        "data": "random pixels",
        "external": "Classifier.pth",
        "external_sha256": hashlib.sha256(Path("judges/Classifier.pth").read_bytes()).hexdigest(),
        "num_test_images": 20,
        "test_accuracy": pytest.approx((seen == test.labels).double().mean().item()),
    }
    assert torch.equal(load_digit_classifier(Path("models/judges/mnistm")).predict(test.images), seen)

    metrics = run_judge("svhn")
    assert metrics["num_train_images"] == 40 and "external" not in metrics
    assert load_digit_classifier(Path("models/judges/svhn")).config == {"channels": [4]}


def test_images_that_do_not_fit_the_file_are_one_line(workspace):
    prepare(16)
    with pytest.raises(UserError, match=r"^prepare\.digit_size: found images of 16×16, allowed: 28, because "):
        run_judge("mnistm")
    assert not Path("metrics").exists()
    run_judge("mnist")
