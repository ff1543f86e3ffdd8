"""The grades of a recipe, with judges whose answer is known."""

import json
import sys

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from difflab.models.judge import Judge
from difflab.stage import UserError
from stages import evaluate

PARAMS = {
    "compute": {"threads": 1, "mixed_precision": "no"},
    "recipes": {"joint": {"data": {"mnistm": [0, 2], "svhn": [1]}}},
}


def judge_that_says(digit: int) -> Judge:
    judge = Judge([4])
    for parameter in judge.parameters():
        torch.nn.init.zeros_(parameter)
    judge.classify.bias.data[digit] = 1
    return judge


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["evaluate.py", "joint"])
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    judge_that_says(2).save(tmp_path / "models/judge-mnistm")
    judge_that_says(1).save(tmp_path / "models/judge-svhn")
    for domain, digit, count in (("mnistm", 0, 2), ("mnistm", 2, 6), ("svhn", 1, 2)):
        folder = tmp_path / "samples/joint" / domain
        folder.mkdir(parents=True, exist_ok=True)
        for k in range(1, count + 1):
            Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / f"{digit}_{k:03}.png")
    return tmp_path


def test_accuracy_overall_by_domain_and_by_digit(workspace):
    evaluate.main()
    metrics = json.loads((workspace / "metrics/joint.json").read_text())
    assert metrics["num_images"] == 10
    assert metrics["accuracy"] == pytest.approx(0.8)
    assert metrics["accuracy_by_domain"] == {"mnistm": pytest.approx(0.75), "svhn": 1.0}
    assert metrics["accuracy_by_digit"] == {"mnistm": {"0": 0.0, "2": 1.0}, "svhn": {"1": 1.0}}


def test_a_digit_without_samples_is_one_line(workspace):
    for path in (workspace / "samples/joint/svhn").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"svhn: found no 1_NNN\.png"):
        evaluate.main()
    assert not (workspace / "metrics").exists()
