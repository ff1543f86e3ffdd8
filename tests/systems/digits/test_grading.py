"""Metrics of variants, from classifiers with known answers and features with closed-form distances."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from difflab.classifiers.digit_classifier import DigitClassifier
from difflab.config.studies import EvaluationParams
from difflab.data.dataset import ImageDataset
from difflab.errors import UserError
from difflab.evaluation.intervals import wilson
from difflab.evaluation.protocol import sha256_of
from difflab.systems.digits import grading
from difflab.systems.digits.grading import grade_variants, load_variants

pytestmark = pytest.mark.filterwarnings("ignore:The `disp` argument:DeprecationWarning")  # inside clean-fid

DIGITS = [4, 1, 8]
PARAMS = EvaluationParams(seed=3, num_resamples=100, nearest_k=2, inception_weights=None)
CPU = torch.device("cpu")


class KnownJudge(DigitClassifier):
    """Sees the digit that an image's red says, as surely as its green says; its features are green and blue."""

    def __init__(self):
        super().__init__()
        self.classify = nn.Linear(2, 10)
        self.features = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2, bias=False))
        self.features[-1].weight.data = torch.tensor([[0.0, 1, 0], [0, 0, 1]])

    def predict(self, images, batch_size=500):
        return images[:, 0, 0, 0].long() // 20

    def probabilities(self, images, batch_size=500):
        confidence = images[:, 1, 0, 0] / 255
        return nn.functional.pad(confidence[:, None], (0, 1), value=0.01)


def images_of(digits: torch.Tensor, seed: int) -> torch.Tensor:
    """One color each: the digit in red, noise in green and blue."""
    noise = np.random.default_rng(seed).integers(60, 200, (len(digits), 2))
    colors = torch.cat([20 * digits[:, None], torch.from_numpy(noise)], 1)
    return colors.byte()[:, :, None, None].repeat(1, 1, 4, 4)


@pytest.fixture
def real(tmp_path, monkeypatch) -> ImageDataset:
    """For each digit 10 training and 2 test images; the judge's file is there for its hash."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(grading, "load_digit_classifier", lambda folder: KnownJudge())
    Path("models/judges/svhn").mkdir(parents=True)
    Path("models/judges/svhn/model.safetensors").write_bytes(b"weights")
    labels = torch.arange(120) % 10
    splits = torch.tensor([0] * 100 + [2] * 20, dtype=torch.uint8)
    dataset = ImageDataset(images_of(labels, 0), labels, splits, "colors")
    dataset.save(Path("prepared/recipes/tiny/svhn.safetensors"))
    return dataset


ASKED = torch.tensor(DIGITS * 4)
RIGHT = images_of(ASKED, 1)
HALF = RIGHT.clone()
HALF[::2, 0] = 9 * 20  # every other one shows a 9
WRONG = images_of(ASKED.roll(1), 1)


def grade(variants: dict[str, torch.Tensor], conditional: bool = True, seed: int | list[int] = 5) -> dict:
    return grade_variants(variants, "tiny", {"svhn": [str(digit) for digit in DIGITS]}, conditional, PARAMS, seed, CPU)


def frechet_in_the_plane(one: np.ndarray, other: np.ndarray) -> float:
    """|μ − μ'|² + tr Σ + tr Σ' − 2 tr (Σ Σ')^½, and of 2 × 2 matrices tr M^½ = (tr M + 2 √det M)^½."""
    a, b = np.cov(one.T), np.cov(other.T)
    root = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a) * np.linalg.det(b)))
    return float(((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(a) + np.trace(b) - 2 * root)


def features(images: torch.Tensor) -> np.ndarray:
    return (images[:, 1:, 0, 0].double() / 127.5 - 1).numpy()


def test_accuracy_of_a_judge_that_is_right_half_right_and_wrong(real):
    graded = grade({"right": RIGHT, "half": HALF, "wrong": WRONG})["variants"]
    assert list(graded) == ["right", "half", "wrong"]
    for name, correct in {"right": 12, "half": 6, "wrong": 0}.items():
        estimate = wilson(correct, 12)
        assert graded[name]["accuracy"] == {"value": estimate.value, "low": estimate.low, "high": estimate.high}
        assert set(graded[name]) == {"accuracy", "frechet"}


def test_distance_to_the_reference_and_floor_in_closed_form(real):
    """The floor is of as many held-out training images, and both are measured against the rest of the split."""
    training = real.part("train").with_labels(DIGITS).images
    order = np.random.default_rng(PARAMS.seed).permutation(30)
    held_out, reference = features(training)[order[:12]], features(training)[order[12:]]
    shifted = RIGHT.clone()
    shifted[:, 1] += 50
    graded = grade({"right": RIGHT, "shifted": shifted})
    assert graded["floor"] == pytest.approx(frechet_in_the_plane(held_out, reference), rel=1e-4)
    for name, images in {"right": RIGHT, "shifted": shifted}.items():
        frechet = graded["variants"][name]["frechet"]
        assert frechet["value"] == pytest.approx(frechet_in_the_plane(features(images), reference), rel=1e-4)
        assert frechet["low"] < frechet["value"] < frechet["high"]


def test_without_a_condition_there_is_the_mean_confidence(real):
    dark, bright = RIGHT.clone(), RIGHT.clone()
    dark[:, 1], bright[:, 1] = 51, torch.arange(12, dtype=torch.uint8)[:, None, None] + 200
    graded = grade({"noise": RIGHT, "bright": bright}, conditional=False)["variants"]
    assert set(graded["noise"]) == {"confidence", "frechet"}
    assert graded["bright"]["confidence"] == pytest.approx(205.5 / 255)
    assert graded["noise"]["confidence"] == pytest.approx(RIGHT[:, 1].double().mean().item() / 255)


def test_protocol(real):
    graded = grade({"right": RIGHT}, seed=[5, 6])
    assert graded["protocol"] == {
        "num_generated": 12,
        "num_reference": 18,
        "num_floor": 12,
        "reference": "colors; training images of the digits 1 4 8",
        "reference_sha256": sha256_of(Path("prepared/recipes/tiny/svhn.safetensors")),
        "extractor": "judge-svhn",
        "extractor_sha256": sha256_of(Path("models/judges/svhn/model.safetensors")),
        "resize": "none",
        "image_size": 4,
        "evaluation_seed": 3,
        "noise_bank_seed": [5, 6],
        "nearest_k": 2,
        "num_resamples": 100,
    }


def test_grades_do_not_depend_on_the_other_variants(real):
    alone, beside = grade({"right": RIGHT}), grade({"wrong": WRONG, "right": RIGHT})
    assert alone["variants"]["right"] == beside["variants"]["right"]
    assert alone["floor"] == beside["floor"]


def test_images_of_another_size_than_the_real_ones_are_one_line(real):
    with pytest.raises(UserError, match=r"svhn\.safetensors: found images \[3, 4, 4\], allowed: \[3, 2, 2\]"):
        grade({"small": RIGHT[:, :, :2, :2]})


def test_variants_come_back_from_their_file_or_end_in_one_line(tmp_path):
    path = tmp_path / "variants.safetensors"
    save_file({"right": RIGHT, "half": HALF}, path)
    loaded = load_variants(path)
    assert torch.equal(loaded["right"], RIGHT) and torch.equal(loaded["half"], HALF)
    path.write_bytes(b"torn")
    for wrong, found in ((path, "cannot be read"), (tmp_path / "none.safetensors", "not found")):
        with pytest.raises(UserError, match=rf"^{wrong}: {found}"):
            load_variants(wrong)
