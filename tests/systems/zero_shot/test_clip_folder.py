"""CLIP in a folder: what transformers loads, and errors for folders without a CLIP."""

import json
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, CLIPModel, CLIPProcessor, CLIPTextModel

from difflab.errors import UserError
from difflab.systems.zero_shot.clip import load_clip, make_image_processor, save_clip, tokenize
from tests.systems.zero_shot.tiny_clip import NETWORK, make_spelling_clip


@pytest.fixture
def folder(tmp_path):
    save_clip(tmp_path / "clip", make_spelling_clip())
    return tmp_path / "clip"


def test_transformers_loads_what_was_saved(folder):
    original, loaded = make_spelling_clip(), load_clip(folder, "clip")
    image = Image.effect_noise((40, 32), 80).convert("RGB")
    prompts = ["a photo of a cat.", "dog"]
    processor: Any = CLIPProcessor.from_pretrained(folder)
    inputs = processor(text=prompts, images=image, return_tensors="pt", padding=True)
    logits = CLIPModel.from_pretrained(folder).eval()(**inputs).logits_per_image
    torch.testing.assert_close(original.model(**inputs).logits_per_image, logits)
    assert not loaded.model.training
    tokens = tokenize(loaded.tokenizer, prompts)
    text = CLIPTextModel.from_pretrained(folder).eval()(tokens).last_hidden_state
    torch.testing.assert_close(text, original.model.text_model(tokens).last_hidden_state)


def test_images_are_prepared_as_training_had_them():
    pixels = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    prepared = make_image_processor(NETWORK)(images=list(pixels), return_tensors="pt").pixel_values
    torch.testing.assert_close(prepared, pixels.float() / 127.5 - 1)


def forget_a_weight(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def become_another_network(folder):
    BertModel(
        BertConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    ).save_pretrained(folder)


def grow(folder):
    config = json.loads((folder / "config.json").read_text())
    config["vision_config"]["hidden_size"] *= 2
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "the model: "),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"nothing"), "the model: "),
        (lambda folder: (folder / "config.json").unlink(), "the model: "),
        (forget_a_weight, "the model: it lacks the weights visual_projection.weight"),
        (become_another_network, "the model: it lacks the weights "),
        (grow, "the model: "),
        (lambda folder: (folder / "tokenizer.json").unlink(), "the tokenizer: it has "),
        (lambda folder: (folder / "processor_config.json").unlink(), "the image processor: "),
    ],
)
def test_a_folder_with_something_missing_is_one_line(folder, damage, found):
    damage(folder)
    with pytest.raises(UserError) as error:
        load_clip(folder, "clip.pretrained")
    allowed = f"clip.pretrained: found '{folder}', allowed: a folder or hub id of a CLIP; {found}"
    assert str(error.value).startswith(allowed) and "\n" not in str(error.value)


def test_a_hub_id_without_a_network_is_one_line(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError) as error:
        load_clip("nobody/nothing", "clip.pretrained")
    assert str(error.value).startswith("clip.pretrained: found 'nobody/nothing', ")
    assert "hf download nobody/nothing --revision main --local-dir FOLDER" in str(error.value)
    assert "\n" not in str(error.value)
