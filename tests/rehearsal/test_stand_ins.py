"""Stand-ins for models of the hub load like these, and know every word of the prompts."""

from functools import partial
from pathlib import Path

import pytest
import torch
from transformers import CLIPConfig

from difflab.config.load import validate
from difflab.config.params import Params, load_params
from difflab.data.classes import DIGITS
from difflab.data.dataset import ImageDataset
from difflab.diffusion.pretrained import load_pretrained
from difflab.rehearsal import stand_ins
from difflab.rehearsal.scratch import FOLDER, make_scratch, write_inputs
from difflab.rehearsal.work import Numbers, latents_of
from difflab.setup.profiles import compose
from difflab.setup.prompts import check_prompts
from difflab.systems.text_to_image.model_folder import image_size, load_text_to_image
from difflab.systems.zero_shot.clip import load_clip, tokenize
from tests.factories import ROOT

CLASSES: dict[str, tuple[str, ...]] = {name: DIGITS for name in ("mnist", "mnistm", "svhn", "usps")}
WIDTHS = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1}
SMALL = {
    "UNET": {"block_out_channels": (32, 32, 32, 32), "cross_attention_dim": 8, "attention_head_dim": 4},
    "VAE": {"block_out_channels": (32, 32, 32, 32), "layers_per_block": 1},
    "TEXT": WIDTHS,
    "FACE_UNET": {"block_out_channels": (32,) * 6},
}


@pytest.fixture(autouse=True)
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that stand in are narrow."""
    for name, values in SMALL.items():
        monkeypatch.setattr(stand_ins, name, getattr(stand_ins, name) | values)
    monkeypatch.setattr(stand_ins, "CLIPConfig", partial(CLIPConfig, text_config=WIDTHS, vision_config=WIDTHS))


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """The paper profile in a folder without models."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    for name in ("dvc.yaml", "metrics/targets.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "stages").mkdir()
    overrides = ["faces.checkpoint=google/ddpm-celebahq-256", "judge.checkpoint=nowhere.pth"]
    return validate(Params, compose("paper", overrides, ROOT / "conf"))


def test_what_is_not_here_is_made_and_named(params: Params) -> None:
    cut, numbers, notes = make_scratch(params, 1, on_gpu=False, threads=1, classes=CLASSES)
    write_inputs(cut, numbers, ["faces", "clip", "autoencoder"])
    keys = [note.partition(":")[0] for note in notes]
    assert keys == ["data", "judge.checkpoint", "faces.checkpoint", "clip.pretrained", "text_to_image.pretrained"]
    assert cut.judge.checkpoint is None
    assert cut.faces and cut.text_to_image and cut.controlnet and cut.personalization
    pipeline = load_text_to_image(str(cut.text_to_image.pretrained))
    assert image_size(pipeline) == latents_of(cut.text_to_image).image_size == 512
    assert pipeline.unet.config["cross_attention_dim"] == 8 and pipeline.unet.dtype == torch.float32
    check_prompts(cut)
    prompts = [cut.controlnet.samples.two_circles[0].prompt, *cut.personalization.custom_diffusion.prior.prompts]
    assert tokenize(pipeline.tokenizer, prompts).shape == (2, 77)
    assert load_pretrained(str(cut.faces.checkpoint)).unet.config["sample_size"] == 256
    faces = ImageDataset.load(FOLDER / "data/faces.safetensors", ["train"])
    assert faces.images.shape == (1, 3, 256, 256)
    for concept in cut.personalization.concepts.values():
        assert len(list((FOLDER / str(concept.images)).iterdir())) == numbers.photographs
    assert load_params(FOLDER / "params.yaml") == cut


def test_clip_has_the_tokens_of_vit_b_32(tmp_path: Path) -> None:
    stand_ins.write_clip(tmp_path / "clip", ["red", "circle", "red"])
    clip = load_clip(tmp_path / "clip", "clip.pretrained")
    (tokens,) = tokenize(clip.tokenizer, ["red circle"]).tolist()
    assert (tokens[0], tokens[3], len(tokens)) == (49406, 49407, 77)


def test_data_sets_have_every_digit_in_every_split(tmp_path: Path) -> None:
    train = {"mnist": 70, "mnistm": 70, "svhn": 70, "usps": 70, "faces": 3}
    sizes = dict.fromkeys(train, 32)
    stand_ins.write_data(tmp_path, Numbers(train, dict.fromkeys(train, 20), 1, CLASSES, 0), sizes)
    found = ImageDataset.load(tmp_path / "svhn.safetensors")
    assert len(found.part("train")) == 70 and found.images.shape[1:] == (3, 32, 32)
    for split in ("train", "validation", "test"):
        assert set(found.part(split).labels.tolist()) == set(range(10))
    assert len(ImageDataset.load(tmp_path / "faces.safetensors", ["train"])) == 3
