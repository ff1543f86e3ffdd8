"""Every reader of files that can be a user's own, damaged in every way: one line that names the file or its folder."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDPMPipeline, DDPMScheduler
from safetensors.torch import save_file

from difflab.classifiers.digit_classifier import Judge, load_digit_classifier
from difflab.data.circles import Scenes, load_scenes
from difflab.data.dataset import ImageDataset
from difflab.diffusion.pipelines import DigitPipeline
from difflab.diffusion.pretrained import load_pretrained
from difflab.errors import UserError
from difflab.evaluation.targets import load_targets
from difflab.history.claims import load_claims
from difflab.history.compare import compare_files
from difflab.history.reference import load_reference
from difflab.systems.adaptation.networks import AdaptedClassifier, load_classifier, snapshot_weights
from difflab.systems.adaptation.scenarios import load_images as load_domain
from difflab.systems.controlnet.evaluation import load_sample_sets as load_drawings
from difflab.systems.digits.grading import load_variants
from difflab.systems.personalization.prompts import read_course_input
from tests.diffusion.conftest import NETWORK, SIZE, digit_model, digit_models, make_unet, one_thread

__all__ = ["digit_model", "digit_models", "one_thread"]
ROOT = Path(__file__).parents[1]

READERS: dict[str, tuple[str, Callable[[], object]]] = {
    "judge config": ("judge/config.json", lambda: load_digit_classifier("judge")),
    "judge weights": ("judge/model.safetensors", lambda: load_digit_classifier("judge")),
    "classifier config": ("classifier/config.json", lambda: load_classifier("classifier")),
    "classifier weights": ("classifier/model.safetensors", lambda: load_classifier("classifier")),
    "snapshot": ("classifier/snapshots/step_000001.safetensors", lambda: snapshot_weights("classifier", 1)),
    "domain": ("prepared/sets/mnist.safetensors", lambda: load_domain("prepared/sets/mnist.safetensors", "train")),
    "scenes": ("scenes.safetensors", lambda: load_scenes("scenes.safetensors")),
    "variants": ("variants.safetensors", lambda: load_variants("variants.safetensors")),
    "drawings": ("drawings/a.safetensors", lambda: load_drawings("drawings")),
    "metrics": ("metrics/a.json", lambda: compare_files(Path("metrics/a.json"), Path("metrics/a.json"))),
    "reference": ("reference.json", load_reference),
    "claims": ("claims.yaml", load_claims),
    "targets": ("metrics/targets.yaml", load_targets),
    "concepts": ("input.json", lambda: read_course_input("input.json")),
    "face model": ("faces/unet/diffusion_pytorch_model.safetensors", lambda: load_pretrained("faces")),
    "face model config": ("faces/unet/config.json", lambda: load_pretrained("faces")),
    "face model index": ("faces/model_index.json", lambda: load_pretrained("faces")),
    "recipe": ("recipe/unet/diffusion_pytorch_model.safetensors", lambda: DigitPipeline.from_folder("recipe")),
    "recipe config": ("recipe/unet/config.json", lambda: DigitPipeline.from_folder("recipe")),
    "recipe index": ("recipe/model_index.json", lambda: DigitPipeline.from_folder("recipe")),
}
DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "emptied": lambda content: b"",
    "cut off": lambda content: content[: len(content) // 2],
    "text": lambda content: b"hello\n",
    "binary": lambda content: b"\xff\xfe\x00" + content[:20],
    "other object": lambda content: b'{"a": 1}',
    "a folder": lambda content: None,
}


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, digit_model: Path) -> Path:
    """Each file, as its writer leaves it."""
    folder = tmp_path_factory.mktemp("whole")
    for name in ("prepared", "metrics", "drawings", "classifier/snapshots", "cat"):
        (folder / name).mkdir(parents=True)
    torch.manual_seed(0)
    Judge([4]).save(folder / "judge")
    classifier = AdaptedClassifier(8, [4], 4)
    classifier.save(folder / "classifier")
    weights = {f"classifier.{name}": tensor for name, tensor in classifier.state_dict().items()}
    save_file(weights, folder / "classifier/snapshots/step_000001.safetensors")
    images, splits = torch.zeros(30, 3, 8, 8, dtype=torch.uint8), torch.arange(30).remainder(3).to(torch.uint8)
    ImageDataset(images, torch.arange(30).remainder(10), splits, "some").save(
        folder / "prepared/sets/mnist.safetensors"
    )
    ones = torch.ones(1, 3, 3)
    Scenes(ones[:, :2], ones.to(torch.uint8), torch.zeros(1, dtype=torch.uint8), ["red circle"]).save(
        folder / "scenes.safetensors"
    )
    save_file({"images": images}, folder / "variants.safetensors")
    save_file({"images": images}, folder / "drawings/a.safetensors")
    for name in ("reference.json", "claims.yaml", "metrics/targets.yaml"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copy(ROOT / "metrics/alpha-500.json", folder / "metrics/a.json")
    entry = {"src_image": "cat", "token_name": "<new1>", "prompt": ["a <new1>"]}
    (folder / "input.json").write_text(json.dumps({"0": entry}))
    from PIL import Image

    Image.fromarray(np.zeros((8, 8, 3), dtype=np.uint8)).save(folder / "cat/1.png")
    DDPMPipeline(make_unet(NETWORK.model_copy(update={"patch_size": 1}), SIZE, False), DDPMScheduler()).save_pretrained(
        folder / "faces"
    )
    shutil.copytree(digit_model, folder / "recipe")
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path


@pytest.mark.parametrize("reader", READERS)
def test_whole_file_is_read(folder: Path, reader: str) -> None:
    READERS[reader][1]()


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("reader", READERS)
def test_damaged_file_is_one_line(folder: Path, reader: str, damage: str) -> None:
    name, read = READERS[reader]
    content = DAMAGES[damage](Path(name).read_bytes())
    Path(name).unlink()
    Path(name).write_bytes(content) if content is not None else Path(name).mkdir()
    if reader == "reference" and damage == "a folder":
        return  # as if there were none
    with pytest.raises(UserError) as error:
        read()
    message = str(error.value)
    assert len(message.splitlines()) == 1 and (name in message or Path(name).parts[0] in message), message
