"""Every loader refuses weights that are missing or not finite, and a schedule that cannot work, in one line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDPMPipeline, DDPMScheduler
from safetensors.torch import load_file, save_file

from difflab.classifiers.digit_classifier import Judge, load_digit_classifier
from difflab.diffusion.pipelines import DigitPipeline, UnconditionalPipeline
from difflab.diffusion.pretrained import load_pretrained
from difflab.diffusion.schedules import linear_betas
from difflab.diffusion.unet import make_unet, save_model_folder
from difflab.errors import UserError
from difflab.models.conditioning import ClassEmbeddingCondition
from difflab.systems.adaptation.networks import AdaptedClassifier, load_classifier
from difflab.systems.controlnet.network import load_controlnet, load_snapshot, make_controlnet
from difflab.systems.personalization.objective import CROSS_ATTENTION
from difflab.systems.personalization.weights import EMBEDDING_FILE, PROJECTIONS_FILE, load_embeddings, load_projections
from difflab.systems.text_to_image.model_folder import load_autoencoder, load_text_to_image
from difflab.systems.zero_shot.clip import load_clip, save_clip
from tests.factories import network
from tests.systems.text_to_image.tiny import make_pipeline
from tests.systems.zero_shot.tiny_clip import make_spelling_clip

NETWORK = network()
BETAS = linear_betas(20, 1e-3, 0.2)
DIFFUSERS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of each kind, as the stages or the libraries write it."""
    root = tmp_path_factory.mktemp("models")
    unets = {conditional: make_unet(NETWORK, 8, conditional) for conditional in (False, True)}
    condition = ClassEmbeddingCondition(["mnist"], 32)
    save_model_folder(root / "faces", "UnconditionalPipeline", {"unet": unets[False]}, BETAS)
    save_model_folder(root / "digits", "DigitPipeline", {"unet": unets[True], "condition": condition}, BETAS)
    DDPMPipeline(unets[False], DDPMScheduler()).save_pretrained(root / "ddpm")
    pipeline = make_pipeline()
    pipeline.save_pretrained(root / "sd")
    controlnet = make_controlnet(pipeline, [4, 8, 8])
    controlnet.save_pretrained(root / "controlnet")
    weights = {f"controlnet.{name}": tensor.clone() for name, tensor in controlnet.state_dict().items()}
    save_file(weights, root / "controlnet/step_000001.safetensors")
    save_clip(root / "clip", make_spelling_clip())
    Judge([4]).save(root / "judge")
    AdaptedClassifier(8, [4], 8).save(root / "adapt")
    (root / "concept").mkdir()
    save_file({"<new1>": torch.zeros(8)}, root / "concept" / EMBEDDING_FILE)
    unet = pipeline.unet.state_dict()
    projections = {name: tensor.clone() for name, tensor in unet.items() if name.endswith(CROSS_ATTENTION)}
    save_file(projections, root / "concept" / PROJECTIONS_FILE)
    return root


# The file of each kind of weights, and what loads it, below the folder of all.
LOADERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "a recipe": (f"digits/unet/{DIFFUSERS}", lambda root: DigitPipeline.from_folder(root / "digits")),
    "its condition": (f"digits/condition/{DIFFUSERS}", lambda root: DigitPipeline.from_folder(root / "digits")),
    "faces": (f"faces/unet/{DIFFUSERS}", lambda root: UnconditionalPipeline.from_folder(root / "faces")),
    "pretrained faces": (f"ddpm/unet/{DIFFUSERS}", lambda root: load_pretrained(str(root / "ddpm"))),
    "the latent U-Net": (f"sd/unet/{DIFFUSERS}", lambda root: load_text_to_image(root / "sd")),
    "the text encoder": ("sd/text_encoder/model.safetensors", lambda root: load_text_to_image(root / "sd")),
    "its autoencoder": (f"sd/vae/{DIFFUSERS}", lambda root: load_text_to_image(root / "sd")),
    "an autoencoder": (f"sd/vae/{DIFFUSERS}", lambda root: load_autoencoder(root / "sd", subfolder="vae")),
    "a ControlNet": (f"controlnet/{DIFFUSERS}", lambda root: load_controlnet(root / "controlnet")),
    "its snapshot": (
        "controlnet/step_000001.safetensors",
        lambda root: load_snapshot(load_controlnet(root / "controlnet"), root / "controlnet/step_000001.safetensors"),
    ),
    "CLIP": ("clip/model.safetensors", lambda root: load_clip(root / "clip", "clip.pretrained")),
    "a classifier": ("judge/model.safetensors", lambda root: load_digit_classifier(root / "judge")),
    "an adapted one": ("adapt/model.safetensors", lambda root: load_classifier(root / "adapt")),
    "an embedding": (
        f"concept/{EMBEDDING_FILE}",
        lambda root: load_embeddings(load_text_to_image(root / "sd"), [root / "concept"]),
    ),
    "projections": (
        f"concept/{PROJECTIONS_FILE}",
        lambda root: load_projections(load_text_to_image(root / "sd"), root / "concept"),
    ),
}


def not_a_number(weights: dict[str, torch.Tensor]) -> None:
    weights[min(weights)].view(-1)[-1] = torch.nan


def infinite(weights: dict[str, torch.Tensor]) -> None:
    weights[max(name for name, tensor in weights.items() if tensor.is_floating_point())].view(-1)[0] = -torch.inf


def missing(weights: dict[str, torch.Tensor]) -> None:
    del weights[min(weights)]


def loaded(saved: Path, kind: str, damage: Callable[[dict[str, torch.Tensor]], None], tmp_path: Path) -> str:
    """The line that loading it ends with after the damage."""
    file, load = LOADERS[kind]
    for part in {Path(file).parts[0], "sd"}:
        shutil.copytree(saved / part, tmp_path / part)
    weights = load_file(saved / file)
    load(tmp_path)  # whole it is loaded
    damage(weights)
    save_file(weights, tmp_path / file, metadata={"format": "pt"})
    with pytest.raises(UserError) as error:
        load(tmp_path)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("damage", [not_a_number, infinite])
@pytest.mark.parametrize("kind", LOADERS)
def test_weights_that_are_not_finite_are_refused(saved: Path, kind: str, damage: Any, tmp_path: Path) -> None:
    line = loaded(saved, kind, damage, tmp_path)
    assert "not finite: " in line and Path(LOADERS[kind][0]).parts[0] in line and "allowed: " in line


@pytest.mark.parametrize("kind", [kind for kind in LOADERS if kind != "an embedding"])
def test_weights_that_are_missing_are_refused(saved: Path, kind: str, tmp_path: Path) -> None:
    """diffusers and transformers would only warn, and make some up."""
    assert Path(LOADERS[kind][0]).parts[0] in loaded(saved, kind, missing, tmp_path)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"trained_betas": [2.0] * 20}, "scheduler: found β of 2, allowed: numbers > 0 and < 1"),
        ({"trained_betas": [*[0.1] * 19, 1.0]}, "scheduler: found β of 1, allowed: numbers > 0 and < 1"),
        ({"trained_betas": [float("nan")] * 20}, "scheduler: found β of nan, allowed: numbers > 0 and < 1"),
        ({"trained_betas": [0.999] * 20}, "scheduler: found β whose ᾱ falls to 1e-60, allowed: at least 1.18e-38"),
        ({"trained_betas": [0.1] * 3}, "scheduler: found 3 trained_betas, allowed: num_train_timesteps = 20"),
        ({"trained_betas": []}, "scheduler: found no β, allowed: "),
        ({"trained_betas": 0.1}, "scheduler: trained_betas: found 0.1, allowed: a list of the β, or null"),
        ({"prediction_type": "sample"}, "scheduler: found prediction_type 'sample', allowed: epsilon or v_prediction"),
    ],
)
def test_a_schedule_that_cannot_work_is_refused(saved: Path, changes: dict, found: str, tmp_path: Path) -> None:
    shutil.copytree(saved / "faces", tmp_path / "faces")
    file = tmp_path / "faces/scheduler/scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    with pytest.raises(UserError) as error:
        UnconditionalPipeline.from_folder(tmp_path / "faces")
    assert found in str(error.value) and str(error.value).startswith(f"{tmp_path}/faces"), error.value
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"trained_betas": [2.0] * 100}, "scheduler: found β of 2, allowed: "),
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, "found .*, which has no β|StableDiffusionPipeline: "),
    ],
)
def test_a_schedule_of_latents_is_looked_at_too(saved: Path, changes: dict, found: str, tmp_path: Path) -> None:
    shutil.copytree(saved / "sd", tmp_path / "sd")
    file = tmp_path / "sd/scheduler/scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    if "_class_name" in changes:
        index = tmp_path / "sd/model_index.json"
        index.write_text(index.read_text().replace("DDIMScheduler", changes["_class_name"]))
    with pytest.raises(UserError, match=rf"^text_to_image\.pretrained: .*{found}"):
        load_text_to_image(tmp_path / "sd", "text_to_image.pretrained")


def test_zero_snr_may_end_in_beta_one(saved: Path, tmp_path: Path) -> None:
    """Lin et al. 2023: ᾱ_T is 0 there, which a network that predicts v can start from."""
    shutil.copytree(saved / "sd", tmp_path / "sd")
    file = tmp_path / "sd/scheduler/scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"rescale_betas_zero_snr": True}))
    betas = load_text_to_image(tmp_path / "sd").scheduler.betas
    assert betas[-1] == 1


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model_index.json", "{"),
        ("unet/config.json", "{"),
        ("unet/config.json", "{}"),
        (f"unet/{DIFFUSERS}", "nothing"),
        ("scheduler/scheduler_config.json", "nothing"),
    ],
)
def test_a_damaged_file_of_a_recipe_is_one_line(saved: Path, file: str, content: str, tmp_path: Path) -> None:
    shutil.copytree(saved / "faces", tmp_path / "faces")
    (tmp_path / "faces" / file).write_text(content)
    with pytest.raises(UserError, match=rf"^{tmp_path}/faces: ") as error:
        UnconditionalPipeline.from_folder(tmp_path / "faces")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"in_channels": 1, "out_channels": 1}, "1 channels in and 1 out, allowed: 3 of each"),
        ({"num_class_embeds": 10}, "with a condition, allowed: an unconditional one"),
        ({"sample_size": [8, 4]}, r"with sample_size \[8, 4\], allowed: pixels a side"),
    ],
)
def test_pretrained_faces_are_images_without_a_condition(changes: dict, found: str, tmp_path: Path) -> None:
    unet = make_unet(NETWORK, 8, conditional=False)
    DDPMPipeline(type(unet)(**{**unet.config, **changes}), DDPMScheduler()).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=rf"^faces\.checkpoint: found '{tmp_path}' .*{found}$"):
        load_pretrained(str(tmp_path))
