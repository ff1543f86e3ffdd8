"""The parameters of a rehearsal: unchanged networks and image sizes, and the requested number of steps."""

from pathlib import Path
from typing import Any

import pytest

from difflab.config.load import validate
from difflab.config.params import Params
from difflab.data.classes import DIGITS
from difflab.rehearsal.full_numbers import full_numbers
from difflab.rehearsal.small import CAPTIONED, PIXELS, small
from difflab.rehearsal.work import Work, work_of
from difflab.setup.profiles import compose
from tests.data.captioned_folder import write_captioned
from tests.factories import ROOT

CLASSES: dict[str, tuple[str, ...]] = {name: DIGITS for name in ("mnist", "mnistm", "svhn", "usps")}
PROFILES = sorted(path.stem for path in ROOT.glob("conf/*.yaml"))
SIZES = {"network", "channels", "hint_channels", "digit_size", "face_size", "prediction_type", "min_max_rescale"}
TRAINED = ("judge@svhn", "train@joint-cosine", "train@onehot-350", "train@alpha-500", "train@unconditional-800")
TRAINED += ("adapt@mnistm-svhn-dann", "faces", "clip", "autoencoder", "text_to_image", "controlnet", "custom_diffusion")
SAMPLED = (
    "sample@joint-cosine",
    "process_grid@unconditional-800",
    "training_gif@mnistm-linear",
    "fid_samples@unconditional-800-100",
)
SAMPLED += (
    "few_steps_samples@mnistm-linear",
    "guidance_samples@mnistm-linear",
    "sample_faces@faces",
    "interpolate_faces",
)
SAMPLED += ("evaluate_text_to_image", "controlnet_samples", "sample_multi_concept")


def params_of(name: str, *overrides: str) -> Params:
    return validate(Params, compose(name, list(overrides), ROOT / "conf"))


def work(stage: str, params: Params, numbers: Any) -> Work | None:
    kind, _, item = stage.partition("@")
    return work_of(kind, item, params, numbers)


def sizes(node: Any, key: str = "") -> dict[str, Any]:
    """All values of SIZES, by their keys."""
    found = {}
    for name, value in node.items() if isinstance(node, dict) else ():
        found |= {f"{key}.{name}": value} if name in SIZES else sizes(value, f"{key}.{name}")
    return found


@pytest.mark.parametrize("on_gpu", [True, False])
@pytest.mark.parametrize("name", PROFILES)
def test_networks_and_images_are_those_of_the_profile(name: str, on_gpu: bool) -> None:
    params = params_of(name)
    cut, _ = small(params, 2, on_gpu, 1, CLASSES)
    assert sizes(cut.model_dump()) == sizes(params.model_dump())
    assert cut.compute.threads == 1


@pytest.mark.parametrize("on_gpu", [True, False])
def test_a_stage_is_one_process_whatever_number_of_gpus_it_asks_for(on_gpu: bool) -> None:
    """And a batch cut to one image need not be divided among them."""
    cut, _ = small(params_of("paper", "runtime.gpus=2"), 2, on_gpu, 1, CLASSES)
    assert cut.runtime.gpus == 1


@pytest.mark.parametrize("clip", ["null", "pretrained/clip"])
@pytest.mark.parametrize("name", ["smoke", "paper"])
def test_clip_alone_has_a_scene_at_least(name: str, clip: str) -> None:
    """Where the digits fill its batch, and no other training needs scenes."""
    alone = [f"clip.pretrained={clip}", "~text_to_image", "~controlnet", "~personalization"]
    cut, numbers = small(params_of(name, *alone), 2, False, 1, CLASSES)
    assert cut.circles and cut.clip
    assert cut.circles.num_train == 1
    assert cut.circles.num_train + numbers.train["mnist"] >= cut.clip.training.batch_size


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("on_gpu", [True, False])
@pytest.mark.parametrize("name", PROFILES)
def test_every_training_makes_the_steps_asked_for(name: str, on_gpu: bool, steps: int) -> None:
    params = params_of(name)
    cut, numbers = small(params, steps, on_gpu, 1, CLASSES)
    assert cut.personalization and cut.adaptation
    concept = next(iter(cut.personalization.concepts))
    for stage in (*TRAINED, f"invert@{concept}"):
        whole, part = work(stage, params, full_numbers(params)), work(stage, cut, numbers)
        assert (whole is None) == (part is None), stage
        if whole is None or part is None:
            continue
        runs = cut.adaptation.num_runs if stage.startswith("adapt") else 1
        assert steps <= part.images / part.batch_size / runs <= 3 * steps + 2, stage
        assert part.batch_size == whole.batch_size if on_gpu else part.at_once <= whole.batch_size, stage


@pytest.mark.parametrize("on_gpu", [True, False])
def test_a_gpu_samples_whole_batches_and_a_cpu_few_images(on_gpu: bool) -> None:
    params = params_of("paper", "faces.checkpoint=null")
    cut, numbers = small(params, 2, on_gpu, 1, CLASSES)
    for stage in SAMPLED:
        whole, part = work(stage, params, full_numbers(params)), work(stage, cut, numbers)
        assert whole and part and part.unit == "image", stage
        if on_gpu and stage != "training_gif@mnistm-linear":
            assert part.at_once == whole.at_once, stage
        assert part.images <= 240 or on_gpu, stage


def test_batches_of_a_cpu_are_parts_of_those_of_a_gpu() -> None:
    params = params_of("paper")
    cut, _ = small(params, 2, on_gpu=False, threads=2, classes=CLASSES)
    for name, recipe in cut.recipes.items():
        whole = params.recipes[name].training.batch_size
        assert whole % recipe.training.batch_size == 0 and recipe.training.batch_size * 28**2 <= PIXELS
    assert cut.recipes["unconditional-800"].training.batch_size == 64
    assert cut.faces and cut.controlnet and cut.clip
    assert cut.faces.training.batch_size == cut.controlnet.training.batch_size == 1
    assert cut.clip.training.batch_size == 2


def test_parts_of_a_batch_stay_parts() -> None:
    params = params_of("paper", "recipes.joint-cosine.training.gradient_accumulation_steps=4")
    assert work("train@joint-cosine", params, full_numbers(params)).at_once == 32  # pyright: ignore[reportOptionalMemberAccess]
    on_gpu, on_cpu = (small(params, 1, gpu, 1, CLASSES)[0].recipes["joint-cosine"].training for gpu in (True, False))
    assert (on_gpu.batch_size, on_gpu.gradient_accumulation_steps) == (128, 4)
    assert (on_cpu.batch_size, on_cpu.gradient_accumulation_steps) == (32, 1)


SOURCES = {
    "mnist": "torchvision/MNIST",
    "mnistm": "blended/MNIST",
    "svhn": "torchvision/SVHN",
    "usps": "torchvision/USPS",
}
REAL = ["data.root=/nowhere", *(f"data.sets.{name}.source={source}" for name, source in SOURCES.items())]


@pytest.mark.parametrize(
    ("stage", "images", "batch", "denoising_steps"),
    [
        ("train@unconditional-800", 150 * (60000 // 256) * 256, 256, 0),
        ("train@onehot-350", 50 * (133257 // 200) * 200, 200, 0),
        ("train@joint-cosine", 50 * (66628 // 128) * 128, 128, 0),  # half of the digits of each domain
        ("judge@mnist", 20 * (54000 // 128) * 128, 128, 0),
        ("faces", 100 * (24000 // 16) * 16, 16, 0),
        ("controlnet", 3 * (25000 // 16) * 16, 16, 0),
        ("sample@joint-cosine", 500, 500, 500 * 1000),
        (
            "fid_samples@unconditional-800-100",
            8 * 30000,
            1000,
            30000 * (100 + 300 + 500 + 700 + 800 + 900 + 1000 + 1300),
        ),
        ("few_steps_samples@unconditional-800", 9 * 10000, 1000, 10000 * (2 * 85 + 800)),
        ("sample_faces@faces", 2 * 5 * 10, 4, 100 * 50),
    ],
)
def test_the_work_of_the_paper_profile(stage: str, images: int, batch: int, denoising_steps: int) -> None:
    params = params_of("paper", *REAL, "data.sets.faces.source=folder", "faces.checkpoint=null")
    found = work(stage, params, full_numbers(params))
    assert found is not None
    assert (found.images, found.batch_size, found.denoising_steps) == (images, batch, denoising_steps)


def test_a_given_model_is_fine_tuned_on_captioned_images(tmp_path: Path) -> None:
    write_captioned(tmp_path, ["circle"] * 50, size=8)
    own = [f"text_to_image.images.folder={tmp_path}", "text_to_image.images.num_validation=3"]
    params = params_of("cpu", *own, "text_to_image.training.batch_size=8")
    whole = work("text_to_image", params, full_numbers(params))
    cut, numbers = small(params, 1, False, 1, CLASSES)
    part = work("text_to_image", cut, numbers)
    assert whole and part and (whole.images, part.images) == (40, 8)
    assert cut.text_to_image and cut.text_to_image.images.folder == CAPTIONED
    sampled = work("evaluate_text_to_image", params, full_numbers(params))
    assert sampled and sampled.images == 3


def test_given_models_train_nothing() -> None:
    params = params_of("paper", "faces.checkpoint=somebody/faces", "judge.checkpoint=judge.pth")
    for stage in ("faces", "clip", "autoencoder", "text_to_image", "judge@mnistm", "evaluate@joint-cosine"):
        assert work(stage, params, full_numbers(params)) is None
    assert work("judge@svhn", params, full_numbers(params)) is not None


def test_latents_of_stable_diffusion() -> None:
    params = params_of("paper")
    found = work("controlnet", params, full_numbers(params))
    assert found is not None and found.data_bytes == 25000 * 4 * 4 * 64**2
