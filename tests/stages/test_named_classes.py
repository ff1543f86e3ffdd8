"""A recipe of named classes, and one without a condition, from prepared images to metrics and figures."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from difflab.classifiers.digit_classifier import load_digit_classifier
from difflab.data.dataset import ImageDataset
from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.pipelines import DigitPipeline
from difflab.diffusion.samplers import SamplingError
from stages.digits import evaluate, grid, judge, recipe_data, same_noise, sample, successes_failures, train
from tests.factories import SAMPLER, network, training
from tests.stage_calls import run_stage

CLASSES = ("a_b", "T-shirt/top", "Ä")
TRAINING = training(num_epochs=1, batch_size=16, learning_rate=0.001).model_dump()
SAMPLING = SAMPLER | {"seed": 0, "num_inference_steps": 2, "guidance_scale": 2.0, "images_per_digit": 10, "eta": 0.0}
SAMPLING |= {"trace_steps": 2, "batch_size": 250, "guidance_interval": None}
RECIPE: dict[str, Any] = {
    "data": {"clothes": "all"},
    "hold_out_validation": False,
    "schedule": {"name": "linear", "num_train_timesteps": 10, "beta_start": 0.01, "beta_end": 0.2},
    "condition": {"kind": "class_embedding", "drop_probability": 0.1},
    "network": network(block_out_channels=[8]).model_dump(),
    "training": TRAINING,
    "sampling": SAMPLING,
}
FREE = RECIPE | {"condition": None, "sampling": SAMPLING | {"guidance_scale": None}}
PARAMS = {
    "compute": {"threads": 1, "mixed_precision": "fp32"},
    "evaluation": {"seed": 0, "num_resamples": 5, "nearest_k": 2, "inception_weights": None},
    "judge": {"sets": ["clothes"], "checkpoint": None, "channels": [4], "training": TRAINING},
    "recipes": {"named": RECIPE, "free": FREE, "two": RECIPE | {"data": {"clothes": ["Ä", "a_b"]}}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All stages of three recipes."""
    folder = tmp_path_factory.mktemp("named")
    images = torch.randint(256, (120, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    splits = torch.tensor([0] * 90 + [1] * 15 + [2] * 15, dtype=torch.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        dataset = ImageDataset(images, torch.arange(120) % 3, splits, "noise", CLASSES)
        dataset.save(Path("prepared/sets/clothes.safetensors"))
        Path("params.yaml").write_text(yaml.safe_dump(PARAMS))
        targets = {"accuracy": {}, "adaptation": {}, "fid_study": {}, "findings": {}, "protocols": {}}
        targets["zero_shot"] = {"accuracies": [], "num_images": 1, "num_classes": 1, "image_size": 1}
        Path("metrics").mkdir()
        Path("metrics/targets.yaml").write_text(yaml.safe_dump(targets))
        run_stage(judge, "clothes")
        for recipe in ("named", "free", "two"):
            for stage in (recipe_data, train, sample, grid, evaluate):
                run_stage(stage, recipe)
        run_stage(same_noise)
        run_stage(successes_failures, "free")
    return folder


@pytest.fixture(autouse=True)
def inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def test_files_are_named_as_the_classes() -> None:
    stems = {path.stem.rpartition("_")[0] for path in Path("samples/named/clothes").iterdir()}
    assert stems == {"a_b", "T-shirt%2Ftop", "Ä"}
    assert {path.stem.rpartition("_")[0] for path in Path("samples/two/clothes").iterdir()} == {"a_b", "Ä"}
    assert len(list(Path("samples/free/clothes").iterdir())) == 100
    for figure in ("grid_named", "reverse_named", "grid_free", "same_noise", "successes_failures_free"):
        assert Path(f"figures/{figure}.png").stat().st_size > 1000


def test_metrics_are_by_class() -> None:
    named, two, free = (json.loads(Path(f"metrics/{name}.json").read_text()) for name in ("named", "two", "free"))
    assert set(named["clothes"]["accuracy_by_class"]) == set(CLASSES)
    assert set(two["clothes"]["accuracy_by_class"]) == {"a_b", "Ä"} and two["num_images"] == 20
    assert set(free["clothes"]["share_by_class"]) == set(CLASSES) and 0 <= free["clothes"]["class_entropy"] <= 1
    assert named["clothes"]["protocol"]["reference"] == "noise; training images of the classes T-shirt/top a_b Ä"
    assert named["clothes"]["protocol"]["extractor"] == "judge-clothes"


def test_models_know_their_classes() -> None:
    assert load_digit_classifier("models/judges/clothes").classes == CLASSES
    pipeline = DigitPipeline.from_folder("models/named")
    assert pipeline.condition.classes == CLASSES
    options: dict[str, Any] = {"num_inference_steps": 1, "sampler": "ddim", "output_type": "pt"}
    by_name, by_number = (
        pipeline(asked, "clothes", generator=bank_generators(0, [0, 1]), **options).images
        for asked in (["Ä", "a_b"], [2, 0])
    )
    assert torch.equal(by_name, by_number)
    with pytest.raises(SamplingError, match=r"digit: found 'B', allowed: a_b, T-shirt/top, Ä"):
        pipeline("B", "clothes", generator=bank_generators(0, [0]))
    with pytest.raises(SamplingError, match="digit: found 3"):
        pipeline(3, "clothes", generator=bank_generators(0, [0]))
