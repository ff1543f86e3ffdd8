"""The path of the paper profile: Stable Diffusion 1.4's layout from a folder, with random weights of a few channels."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from diffusers import ControlNetModel
from safetensors.torch import load_file

from difflab.data.circles import SPLITS, Scenes
from difflab.errors import UserError
from stages.controlnet import controlnet, controlnet_samples, evaluate_controlnet
from stages.text_to_image import autoencoder, text_to_image
from tests.stage_calls import run_stage
from tests.systems.controlnet.pair_folder import write_pairs
from tests.systems.personalization.stable_diffusion import SIZE, make_pipeline
from tests.systems.text_to_image.tiny import SAMPLING, TRAINING, make_scenes

ROOT = Path(__file__).parents[3]
TWO = {
    "prompt": "red circle and blue circle on white background",
    "circles": [[0.3, 0.3, 0.2], [0.7, 0.7, 0.15]],
    "colors": ["red", "blue", "white"],
    "any_order": True,
}


@pytest.fixture
def project(tmp_path, monkeypatch) -> dict:
    """A folder with scenes, a pretrained pipeline and params.yaml; the parameters, to be changed and written again."""
    monkeypatch.chdir(tmp_path)
    make_pipeline().save_pretrained("sd")
    scenes = make_scenes()
    held_out = scenes.splits + SPLITS.index("validation")
    geometry, colors = scenes.geometry.repeat(2, 1, 1), scenes.colors.repeat(2, 1, 1)
    both = Scenes(geometry, colors, torch.cat([scenes.splits, held_out]), scenes.captions * 2)
    for folder in ("prepared", "metrics"):
        Path(folder).mkdir()
    Path("metrics/targets.yaml").symlink_to(ROOT / "metrics/targets.yaml")
    both.save(Path("prepared/circles.safetensors"))
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["text_to_image"]["pretrained"] = "sd"
    params["controlnet"] = {
        "pairs": {"folder": None, "num_validation": 2},
        "hint_channels": [4, 4, 4, 8],
        "drop_probability": 0.5,
        "training": TRAINING.model_dump(),
        "sampling": SAMPLING.model_dump(),
        "samples": {
            "num_one_circle": 2,
            "num_two_circles": 2,
            "two_circles": [TWO],
            "num_compared": 1,
            "conditioning_scales": [0.0, 1.0],
        },
    }
    write(params)
    return params


def write(params: dict) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(params))


def files(folder: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def test_a_controlnet_of_a_pretrained_model(project, monkeypatch):
    run_stage(autoencoder)
    run_stage(text_to_image)
    weights = "diffusion_pytorch_model.safetensors"
    assert files("models/text_to_image/unet")[weights] == files("sd/unet")[weights]
    assert files("models/autoencoder")[weights] == files("sd/vae")[weights]
    assert "safety_checker" not in {path.name for path in Path("models/text_to_image").iterdir()}
    before = files("models/text_to_image")
    run_stage(controlnet)
    run_stage(controlnet_samples)
    run_stage(evaluate_controlnet)
    reported = json.loads(Path("metrics/controlnet.json").read_text())["reported"]
    assert reported == "the geometry is followed, the colors are not"
    assert files("models/text_to_image") == before
    trained: Any = ControlNetModel.from_pretrained("models/controlnet")
    assert list(trained.config.block_out_channels) == [8, 8, 16, 16]
    images = load_file("samples/controlnet/two_circles_1.safetensors")["images"]
    assert images.shape == (2, 3, SIZE, SIZE)
    assert set(files("figures")) == {"controlnet.png", "controlnet_convergence.png", "controlnet_scale.png"}


def test_a_controlnet_of_pairs(project, monkeypatch):
    """The same stages on a folder: other examples, other groups; step 0 of the curve is without the ControlNet."""
    write_pairs(Path("fill"), ["red circle and blue circle"] * 5, size=2 * SIZE)
    project["controlnet"]["pairs"]["folder"] = "fill"
    write(project)
    run_stage(text_to_image)
    run_stage(controlnet)
    run_stage(controlnet_samples)
    run_stage(evaluate_controlnet)
    assert {file.name.partition(".")[0] for file in Path("samples/controlnet").iterdir()} == {
        *("pairs", "pairs_without", "scale_0", "scale_1", "step_000001", "step_000002"),
    }
    assert load_file("samples/controlnet/pairs.safetensors")["images"].shape == (2, 3, SIZE, SIZE)
    metrics = json.loads(Path("metrics/controlnet.json").read_text())
    assert metrics["pairs"]["num_images"] == 2 and "reported" not in metrics
    assert 0 <= metrics["pairs"]["edge_f1"]["value"] <= 1
    assert list(metrics["steps"]) == ["0", "1", "2"] and list(metrics["scales"]) == ["0", "1"]
    assert metrics["scales"]["0"] == metrics["steps"]["0"]  # both are without it, the first image alone
    assert set(files("figures")) == {"controlnet.png", "controlnet_convergence.png", "controlnet_scale.png"}
    before = files("models/controlnet")
    Path("fill/source/0.png").write_bytes(Path("fill/target/0.png").read_bytes())
    run_stage(controlnet)
    assert files("models/controlnet") != before  # the conditioning images are what it learns from


def test_an_unknown_component_stops_before_any_work(project, monkeypatch):
    Path("sd/unet/config.json").unlink()
    with pytest.raises(UserError, match=r"^text_to_image\.pretrained: found 'sd'"):
        run_stage(text_to_image)
    assert not Path("models").exists()


def test_hint_channels_that_do_not_fit_stop_before_training(project, monkeypatch):
    run_stage(text_to_image)
    project["controlnet"]["hint_channels"] = [4, 4, 8]
    write(project)
    with pytest.raises(UserError, match=r"^controlnet\.hint_channels: found \[4, 4, 8\], 3 levels, allowed: 4"):
        run_stage(controlnet)
    assert not Path(".cache").exists() and not Path("models/controlnet").exists()
