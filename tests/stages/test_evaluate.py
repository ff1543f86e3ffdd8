"""The metrics of a recipe, from classifiers with known answers."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from difflab.classifiers.digit_classifier import Judge
from difflab.data.dataset import SPLITS, ImageDataset
from difflab.errors import UserError
from difflab.evaluation.intervals import wilson
from difflab.evaluation.protocol import sha256_of
from stages.digits import evaluate
from tests.stage_calls import run_stage

pytestmark = pytest.mark.filterwarnings("ignore:The `disp` argument:DeprecationWarning")  # inside clean-fid

CONDITION = {"kind": "one_hot", "drop_probability": 0.1}
PARAMS = {
    "compute": {"threads": 1, "mixed_precision": "fp32"},
    "evaluation": {"seed": 3, "num_resamples": 50, "nearest_k": 2, "inception_weights": None},
    "recipes": {
        "joint": {
            "data": {"mnistm": [0, 2], "svhn": [1]},
            "hold_out_validation": False,
            "condition": CONDITION,
            "sampling": {"seed": 5},
        },
        "free": {
            "data": {"mnist": list(range(10))},
            "hold_out_validation": False,
            "condition": None,
            "sampling": {"seed": 5},
        },
    },
}
TARGETS = """
accuracy:
  joint:
    overall: {value: 0.5, num_correct: 5, num_images: 10}
    by_domain: {svhn: {value: 0.25, num_correct: 1, num_images: 4}}
adaptation: {}
fid_study: {}
zero_shot: {accuracies: [0.5], num_images: 2, num_classes: 2, image_size: 8}
findings: {}
protocols: {joint: {source: reported, num_generated: 10, extractor: theirs, seeds: none}}
"""
SAMPLES = (("mnistm", 0, 4), ("mnistm", 2, 12), ("svhn", 1, 4))  # domain, digit, images


def judge_that_says(digit: int) -> Judge:
    torch.manual_seed(digit)
    judge = Judge([4])
    torch.nn.init.zeros_(judge.classify.weight)
    torch.nn.init.zeros_(judge.classify.bias)
    judge.classify.bias.data[digit] = 1
    return judge


def real_images(seed: int) -> ImageDataset:
    """For each digit 24 training, 4 validation and 8 test images."""
    rng = np.random.default_rng(seed)
    images = torch.from_numpy(rng.integers(0, 256, (360, 3, 8, 8), dtype=np.uint8))
    splits = np.repeat([SPLITS.index(split) for split in ("train", "validation", "test")], [240, 40, 80])
    return ImageDataset(images, torch.arange(360) % 10, torch.from_numpy(splits.astype(np.uint8)), "noise")


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, (domain, answer) in enumerate((("mnistm", 2), ("svhn", 1), ("mnist", 7))):
        judge_that_says(answer).save(tmp_path / f"models/judges/{domain}")
        for recipe in ("joint", "free"):
            real_images(number).save(tmp_path / f"prepared/recipes/{recipe}/{domain}.safetensors")
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/targets.yaml").write_text(TARGETS)
    write_params(PARAMS)
    rng = np.random.default_rng(9)
    for domain, digit, count in SAMPLES:
        write_samples(tmp_path / "samples/joint" / domain, f"{digit}_", noise(rng, count))
    write_samples(tmp_path / "samples/free/mnist", "", noise(rng, 20))
    return tmp_path


def write_params(params):
    Path("params.yaml").write_text(yaml.safe_dump(params))


def noise(rng, count):
    return rng.integers(0, 256, (count, 8, 8, 3), np.uint8)


def write_samples(folder, prefix, images):
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images, start=1):
        Image.fromarray(image).save(folder / f"{prefix}{number:03}.png")


def evaluated(workspace, recipe="joint"):
    run_stage(evaluate, recipe)
    return json.loads((workspace / f"metrics/{recipe}.json").read_text())


def share(correct, images):
    estimate = wilson(correct, images)
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def test_accuracy_overall_by_domain_and_by_digit(workspace):
    metrics = evaluated(workspace)
    assert list(metrics) == ["num_images", "accuracy", "mnistm", "svhn", "reported"]
    assert metrics["num_images"] == 20
    assert metrics["accuracy"] == share(16, 20)
    assert metrics["mnistm"]["accuracy"] == share(12, 16)
    assert metrics["mnistm"]["accuracy_by_digit"] == {"0": share(0, 4), "2": share(12, 12)}
    assert metrics["svhn"]["accuracy_by_digit"] == {"1": share(4, 4)}


def test_protocol_says_how_it_was_taken(workspace):
    metrics = evaluated(workspace)
    assert metrics["mnistm"]["protocol"] == {
        "num_generated": 16,
        "num_reference": 32,
        "num_floor": 16,
        "reference": "noise; training images of the digits 0 2",
        "reference_sha256": sha256_of(workspace / "prepared/recipes/joint/mnistm.safetensors"),
        "extractor": "judge-mnistm",
        "extractor_sha256": sha256_of(workspace / "models/judges/mnistm/model.safetensors"),
        "resize": "none",
        "image_size": 8,
        "evaluation_seed": 3,
        "noise_bank_seed": 5,
        "nearest_k": 2,
        "num_resamples": 50,
    }
    assert metrics["svhn"]["protocol"]["reference"] == "noise; training images of the digits 1"


def test_reported_values_stand_beside_measured_ones(workspace):
    assert evaluated(workspace)["reported"] == {
        "accuracy": {"reported": 0.5, "measured": 0.8},
        "accuracy_svhn": {"reported": 0.25, "measured": 1.0},
        "protocol": {"source": "reported", "num_generated": 10, "extractor": "theirs", "seeds": "none"},
    }


def test_distances_have_intervals_and_floors(workspace):
    metrics = evaluated(workspace)["mnistm"]
    for name in ("frechet", "kernel"):
        assert metrics[name]["low"] < metrics[name]["value"] < metrics[name]["high"]
    # generated noise is as real as real noise
    assert 0 < metrics["frechet"]["floor"] < 3 * metrics["frechet"]["value"] < 9 * metrics["frechet"]["floor"]
    for name in ("precision", "recall", "density", "coverage"):
        assert set(metrics[name]) == {"value", "real"}


def test_worse_images_are_farther_away(workspace):
    before = evaluated(workspace)["mnistm"]
    write_samples(workspace / "samples/joint/mnistm", "2_", np.full((12, 8, 8, 3), 250, np.uint8))
    after = evaluated(workspace)["mnistm"]
    assert after["frechet"]["value"] > 2 * before["frechet"]["value"]
    assert after["kernel"]["value"] > before["kernel"]["high"]
    assert after["precision"]["value"] < before["precision"]["value"]
    assert after["frechet"]["floor"] == before["frechet"]["floor"]


def test_copies_of_training_images_are_told(workspace):
    assert evaluated(workspace)["svhn"]["nearest_training"]["share_nearer"] < 0.5
    training = (
        ImageDataset.load(workspace / "prepared/recipes/joint/svhn.safetensors").part("train").with_labels([1]).images
    )
    write_samples(workspace / "samples/joint/svhn", "1_", training[:4].permute(0, 2, 3, 1).numpy())
    nearest = evaluated(workspace)["svhn"]["nearest_training"]
    assert (nearest["median"], nearest["share_nearer"]) == (0, 1)
    assert 50 < nearest["median_of_test"] < 120


@pytest.mark.parametrize("hold_out_validation", [False, True])
def test_copies_of_validation_images_are_copies_where_those_are_trained_on(workspace, hold_out_validation):
    joint = PARAMS["recipes"]["joint"] | {"hold_out_validation": hold_out_validation}
    write_params(PARAMS | {"recipes": {"joint": joint}})
    validation = (
        ImageDataset.load(workspace / "prepared/recipes/joint/svhn.safetensors")
        .part("validation")
        .with_labels([1])
        .images
    )
    write_samples(workspace / "samples/joint/svhn", "1_", validation[:4].permute(0, 2, 3, 1).numpy())
    nearest = evaluated(workspace)["svhn"]["nearest_training"]
    assert (nearest["median"] == 0) is not hold_out_validation
    assert (nearest["share_nearer"] == 1) is not hold_out_validation


def test_same_inputs_give_the_same_bytes(workspace):
    evaluated(workspace)
    first = (workspace / "metrics/joint.json").read_bytes()
    evaluated(workspace)
    assert (workspace / "metrics/joint.json").read_bytes() == first


def test_a_recipe_without_a_condition_has_no_accuracy(workspace):
    metrics = evaluated(workspace, "free")
    assert list(metrics) == ["num_images", "mnist"]
    mnist = metrics["mnist"]
    assert "accuracy" not in mnist and mnist["protocol"]["num_generated"] == 20
    assert mnist["confidence"]["value"] == pytest.approx(np.e / (np.e + 9))
    assert mnist["share_by_digit"]["7"] == share(20, 20)
    assert mnist["share_by_digit"]["0"] == share(0, 20)
    assert mnist["digit_entropy"] == 0
    assert mnist["frechet"]["value"] > 0 and "nearest_training" in mnist


def test_entropy_of_a_judge_that_sees_many_digits(workspace):
    torch.manual_seed(0)
    judge = Judge([4]).eval()
    judge.save(workspace / "models/judges/mnist")
    mnist = evaluated(workspace, "free")["mnist"]
    shares = np.array([mnist["share_by_digit"][str(digit)]["value"] for digit in range(10)])
    assert shares.sum() == pytest.approx(1)
    assert mnist["digit_entropy"] == pytest.approx(-sum(p * np.log10(p) for p in shares if p))


def expect_error(workspace, message, recipe="joint"):
    with pytest.raises(UserError, match=message) as caught:
        evaluated(workspace, recipe)
    assert "\n" not in str(caught.value)
    assert not (workspace / f"metrics/{recipe}.json").exists()


def test_a_digit_without_samples_is_one_line(workspace):
    for path in (workspace / "samples/joint/svhn").iterdir():
        path.unlink()
    expect_error(workspace, r"svhn: found no 1_NNN\.png")


def test_no_samples_without_a_condition_is_one_line(workspace):
    for path in (workspace / "samples/free/mnist").iterdir():
        path.rename(path.with_name(f"7_{path.name}"))
    expect_error(workspace, r"mnist: found no NNN\.png", "free")


def test_samples_of_another_size_are_one_line(workspace):
    write_samples(workspace / "samples/free/mnist", "", np.zeros((20, 16, 16, 3), np.uint8))
    message = r"mnist\.safetensors: found images \[3, 8, 8\], allowed: \[3, 16, 16\], as the samples"
    expect_error(workspace, message, "free")


def test_too_few_images_for_nearest_neighbours_are_one_line(workspace):
    write_params(PARAMS | {"evaluation": PARAMS["evaluation"] | {"nearest_k": 4}})
    expect_error(workspace, r"svhn\.safetensors: found 24 .* and 4 samples, too few for evaluation\.nearest_k 4")


def test_wrong_inception_weights_are_refused_first(workspace, monkeypatch):
    weights = workspace / "inception-2015-12-05.pt"
    write_params(PARAMS | {"evaluation": PARAMS["evaluation"] | {"inception_weights": str(weights)}})
    monkeypatch.setattr(ImageDataset, "load", lambda path: pytest.fail("worked"))
    expect_error(workspace, r"^evaluation\.inception_weights: found .*inception-2015-12-05\.pt', no such file")
    weights.write_bytes(b"other weights")
    expect_error(workspace, r"^evaluation\.inception_weights: found .* with SHA-256 \w{64}, allowed: f58cb9b6")


def test_inception_has_distances_and_a_protocol_of_its_own(workspace, monkeypatch):
    from difflab.evaluation import inception
    from difflab.evaluation.protocol import Extractor

    stand_in = Extractor(lambda images: images.float().mean((2, 3)).numpy(), "stand-in", "abc", "clean")
    monkeypatch.setattr(inception, "inception_extractor", lambda path, device: stand_in)
    write_params(PARAMS | {"evaluation": PARAMS["evaluation"] | {"inception_weights": "some.pt"}})
    mnistm = evaluated(workspace)["mnistm"]
    assert list(mnistm["inception"]) == ["frechet", "kernel", "protocol"]
    own = mnistm["inception"]["protocol"]
    assert (own["extractor"], own["extractor_sha256"], own["resize"]) == ("stand-in", "abc", "clean")
    assert mnistm["protocol"]["extractor"] == "judge-mnistm"
    assert mnistm["inception"]["frechet"]["value"] != mnistm["frechet"]["value"]
