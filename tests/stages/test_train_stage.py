"""Training and validation images of a recipe, and the outputs of the stage, with a tiny network."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from difflab.data.dataset import SPLITS, ImageDataset
from difflab.diffusion.pipelines import DigitPipeline, UnconditionalPipeline
from difflab.training import fit
from stages.digits import train
from tests.factories import network, training
from tests.stage_calls import run_stage

NETWORK = network(block_out_channels=[8]).model_dump()
TRAINING = training(num_epochs=2, batch_size=16, learning_rate=0.001, num_snapshots=2).model_dump()
RECIPE = {
    "data": {"mnistm": [0, 2, 4], "svhn": [1, 2]},
    "hold_out_validation": True,
    "schedule": {"name": "linear", "num_train_timesteps": 10, "beta_start": 0.01, "beta_end": 0.2},
    "condition": {"kind": "one_hot", "drop_probability": 0.1},
    "network": NETWORK,
    "training": TRAINING,
}
UNCONDITIONAL = {"data": {"mnist": list(range(10))}, "condition": None, "training": TRAINING | {"num_snapshots": 0}}


@pytest.fixture
def fitted(tmp_path, monkeypatch) -> list[tuple[dict, dict | None]]:
    """The data that the stage trains on and validates with; no two images of a domain are alike."""
    monkeypatch.chdir(tmp_path)
    for number, domain in enumerate(("mnist", "mnistm", "svhn")):
        images = torch.full((120, 3, 4, 4), 100 + number, dtype=torch.uint8)
        images[:, 0, 0, 0] = torch.arange(120)
        splits = torch.tensor([0] * 60 + [1] * 30 + [2] * 30, dtype=torch.uint8)
        ImageDataset(images, torch.arange(120) % 10, splits, "numbers").save(
            Path(f"prepared/recipes/tiny/{domain}.safetensors")
        )
    seen, fit_it = [], fit.fit

    def record(task, data, params, accelerator, checkpoint, validation, compilation):
        seen.append((data, validation))
        fit_it(task, data, params, accelerator, checkpoint, validation, compilation)

    monkeypatch.setattr(fit, "fit", record)
    return seen


def run_train(**changes) -> Path:
    params = {"compute": {"threads": 1, "mixed_precision": "fp32"}, "recipes": {"tiny": RECIPE | changes}}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    run_stage(train, "tiny")
    return Path("models/tiny")


def numbers(data: dict, domain: int, pixels: int) -> set[int]:
    """Which images of a domain `data` holds, checked for the digits and domains that they come with."""
    of_domain = data["images"][:, 1, 0, 0] == pixels
    images = data["images"][of_domain, 0, 0, 0].long()
    assert torch.equal(images % 10, data["digits"][of_domain])
    assert (data["domains"][of_domain] == domain).all()
    assert len(images) == len(images.unique())
    return set(images.tolist())


def expected(digits: list[int], *splits: str) -> set[int]:
    starts = {"train": range(60), "validation": range(60, 90), "test": range(90, 120)}
    assert set(starts) == set(SPLITS)
    return {number for split in splits for number in starts[split] if number % 10 in digits}


def test_held_out_images_are_validated_with_and_not_trained_on(fitted):
    run_train()
    ((data, validation),) = fitted
    assert validation is not None
    for domain, (pixels, digits) in enumerate([(101, [0, 2, 4]), (102, [1, 2])]):
        trained, held_out = numbers(data, domain, pixels), numbers(validation, domain, pixels)
        assert not trained & held_out
        assert trained == expected(digits, "train")
        assert held_out == expected(digits, "validation")
    assert (len(data["images"]), len(validation["images"])) == (30, 15)


def test_without_holding_out_all_but_the_test_images_are_trained_on(fitted):
    run_train(hold_out_validation=False)
    ((data, validation),) = fitted
    assert validation is None
    assert numbers(data, 0, 101) == expected([0, 2, 4], "train", "validation")
    assert numbers(data, 1, 102) == expected([1, 2], "train", "validation")


def test_the_folder_holds_model_log_and_snapshots(fitted):
    folder = run_train()
    lines = [json.loads(line) for line in (folder / "train_log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "validation_loss" in line] == [1, 2]
    assert sorted(file.name for file in (folder / "snapshots").iterdir()) == [
        "step_000001.safetensors",
        "step_000002.safetensors",
    ]
    pipeline = DigitPipeline.from_folder(folder)
    assert pipeline.condition.config["domains"] == ["mnistm", "svhn"]
    last = load_file(folder / "snapshots/step_000002.safetensors")
    for component in ("unet", "condition"):
        for name, tensor in getattr(pipeline, component).state_dict().items():
            assert torch.equal(tensor, last[f"{component}.{name}"]), name


def test_a_recipe_without_a_condition_has_neither_that_nor_snapshots(fitted):
    folder = run_train(**UNCONDITIONAL)
    assert UnconditionalPipeline.from_folder(folder).unet.config["class_embed_type"] is None
    assert not (folder / "snapshots").exists() and not (folder / "condition").exists()
