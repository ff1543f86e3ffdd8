"""A pretrained model, in Stable Diffusion's layout, fine-tuned on a folder of captioned images."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from difflab.config.language import CaptionedImagesParams
from difflab.data.captioned_images import CaptionedImages, read_captioned_images, read_rgb
from difflab.errors import UserError
from difflab.systems.text_to_image.own_image_evaluation import own_image_metrics
from difflab.systems.text_to_image.own_images import train_and_held_out
from difflab.systems.zero_shot.clip import load_clip
from stages.text_to_image import autoencoder, evaluate_text_to_image, text_to_image
from tests.data.captioned_folder import write_captioned
from tests.stage_calls import run_stage
from tests.systems.personalization.stable_diffusion import SIZE, make_pipeline, save_clip
from tests.systems.text_to_image.tiny import SAMPLING, TRAINING

ROOT = Path(__file__).parents[3]
WEIGHTS = "diffusion_pytorch_model.safetensors"
CAPTIONS = ["a red cat", "a green cat", "a blue cat"] * 2


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A folder with a pretrained pipeline, a CLIP, images and params.yaml; its parameters."""
    monkeypatch.chdir(tmp_path)
    make_pipeline().save_pretrained("sd")
    save_clip(Path("models/clip"))
    write_captioned(Path("cats"), CAPTIONS, size=SIZE)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["text_to_image"] |= {
        "pretrained": "sd",
        "images": {"folder": "cats", "num_validation": 2},
        "training": TRAINING.model_dump() | {"num_snapshots": 0},
        "sampling": SAMPLING.model_dump(),
    }
    write(params)
    return params


def write(params: dict[str, Any]) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(params))


def unet() -> bytes:
    return Path("models/text_to_image/unet", WEIGHTS).read_bytes()


def test_the_unet_learns_the_images_and_the_rest_stays(project: dict[str, Any]) -> None:
    run_stage(autoencoder)
    run_stage(text_to_image)
    for part in (f"vae/{WEIGHTS}", "text_encoder/model.safetensors"):
        assert Path("models/text_to_image", part).read_bytes() == Path("sd", part).read_bytes(), part
    first = unet()
    assert first != Path("sd/unet", WEIGHTS).read_bytes()
    run_stage(evaluate_text_to_image)
    metrics = json.loads(Path("metrics/text_to_image.json").read_text())
    assert metrics["num_images"] == 2 and -1 <= metrics["clip_text"]["low"] <= metrics["clip_text"]["value"] <= 1
    assert -1 <= metrics["clip_image"]["value"] <= 1 and Path("figures/text_to_image.png").exists()
    Image.new("RGB", (SIZE, SIZE), "white").save("cats/images/5.png")
    run_stage(text_to_image)
    assert unet() == first  # that image is held out
    Image.new("RGB", (SIZE, SIZE), "white").save("cats/images/0.png")
    run_stage(text_to_image)
    second = unet()
    index = Path("cats/metadata.jsonl")
    index.write_text(index.read_text().replace("a red cat", "a blue dog"))
    run_stage(text_to_image)
    assert len({first, second, unet()}) == 3


def test_without_a_folder_the_model_is_used_as_it_is(project: dict[str, Any]) -> None:
    project["text_to_image"]["images"]["folder"] = None
    write(project)
    run_stage(text_to_image)
    assert unet() == Path("sd/unet", WEIGHTS).read_bytes()


def test_real_images_have_the_cosines_of_real_images(project: dict[str, Any]) -> None:
    held_out = read_captioned_images("cats").part(range(3, 6))
    clip = load_clip("models/clip", "clip")
    images = read_rgb(held_out.files, SIZE).permute(0, 2, 3, 1).numpy()
    metrics = own_image_metrics(images, held_out, clip)
    assert metrics["clip_image"]["value"] == pytest.approx(1)
    assert metrics["clip_text"]["value"] == pytest.approx(metrics["clip_text"]["real"])
    turned = CaptionedImages(held_out.captions, held_out.files[1:] + held_out.files[:1])
    assert own_image_metrics(images, turned, clip)["clip_image"]["value"] < 1 - 1e-6


def test_some_images_must_be_left_to_train_with(project: dict[str, Any]) -> None:
    found = r"^text_to_image\.images\.num_validation: found 6 of 6 images, allowed: fewer"
    with pytest.raises(UserError, match=found):
        train_and_held_out(CaptionedImagesParams(folder="cats", num_validation=6))
