"""A real training with another rounding or another seed: its claim holds, and it is compared with the reference."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from one_stage import trained
from sklearn.datasets import load_digits

from difflab.data.dataset import ImageDataset
from difflab.history.claims import load_claims
from difflab.history.measurements import read_metrics
from difflab.history.reference import FileReference, Reference
from difflab.history.verify import Verdict, judged_claims, judged_measurements
from stages.digits import judge
from tests.stage_calls import run_stage

CLAIM = {"system": "digits", "text": "The classifier is accurate", "holds_if": ["judge-mnist:test_accuracy >= 0.9"]}
TRAINING = {"num_epochs": 4, "batch_size": 32, "learning_rate": 0.005}


@pytest.fixture
def prepared(repository: Path) -> dict:
    """The sections that the stage reads; 8×8 digits of scikit-learn in prepared/."""
    pixels, labels = load_digits(return_X_y=True)
    images = torch.from_numpy(pixels).reshape(-1, 8, 8).mul(255 / 16).to(torch.uint8)[:, None].repeat(1, 3, 1, 1)
    splits = torch.tensor([0] * 1400 + [2] * (len(images) - 1400), dtype=torch.uint8)
    ImageDataset(images, torch.from_numpy(labels), splits, "digits").save(Path("prepared/sets/mnist.safetensors"))
    Path("claims.yaml").write_text(
        json.dumps({"headline": {"judge-mnist": ["test_accuracy"]}, "claims": {"it": CLAIM}})
    )
    return trained()["judge.training"] | TRAINING


def train(training: dict, monkeypatch, seed: int = 0, threads: int = 1) -> dict[str, float]:
    """The numbers of the classifier's metrics."""
    compute = {"threads": threads, "mixed_precision": "fp32"}
    params = {
        "compute": compute,
        "judge": {"checkpoint": None, "channels": [8, 16], "training": training | {"seed": seed}},
    }
    Path("params.yaml").write_text(yaml.safe_dump(params))
    run_stage(judge, "mnist")
    return read_metrics("metrics/judge-mnist.json").numbers


def test_the_claim_holds_with_two_threads_and_with_another_seed(prepared: dict, monkeypatch) -> None:
    runs = [train(prepared, monkeypatch, seed) for seed in (0, 100, 200)]
    numbers = {name: [run[name] for run in runs] for name in runs[0]}
    files = {"judge-mnist": FileReference(experiment="", commit="0" * 40, machine="some", numbers=numbers)}
    reference = Reference(seeds=[0, 100, 200], files=files)
    weights = Path("models/judges/mnist/model.safetensors")
    last = weights.read_bytes()
    for seed, threads in ((200, 2), (300, 1)):
        found = train(prepared, monkeypatch, seed, threads)
        [claim] = judged_claims(load_claims(), {"judge-mnist": found}, reference, set(), set())
        assert (claim.here.state, claim.support) == ("holds", "3 of 3 seeds")
        judged = judged_measurements("judge-mnist", ["test_accuracy"], found, numbers)
        assert len(judged) == 1
        text = str(Verdict([claim], judged, {}, reference))
        assert len(text.splitlines()) <= 8 and "Claims: 1 hold, 0 do not" in text
    assert weights.read_bytes() != last
