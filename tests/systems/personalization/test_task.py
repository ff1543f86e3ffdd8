"""Trained and frozen weights, bit for bit, with the classes of Stable Diffusion 1.4."""

from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file
from stable_diffusion import SIZE, make_pipeline

from difflab.data.dataset import ImageDataset
from difflab.errors import UserError
from difflab.systems.personalization.objective import (
    EMBEDDING,
    PersonalizationTask,
    concept_examples,
    joined_examples,
    prior_examples,
)
from difflab.systems.personalization.weights import (
    add_tokens,
    load_embeddings,
    load_projections,
    save_embedding,
    save_projections,
)
from difflab.systems.zero_shot.clip import tokenize
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.fit import fit
from tests.factories import loss_of
from tests.systems.text_to_image import tiny

TRAINING = tiny.TRAINING.model_copy(update={"optimizer": "adamw", "weight_decay": 0.01, "num_snapshots": 0})
TOKENS = {"<new1>": "red", "<new2>": "dog"}
NETWORKS = ("text_encoder", "unet", "vae", "safety_checker")


def photographs(count: int = 2, size: int = SIZE) -> ImageDataset:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, 3, size, size), dtype=torch.uint8, generator=generator)
    zeros = torch.zeros(count, dtype=torch.int64)
    return ImageDataset(images, zeros, zeros.to(torch.uint8), "random pixels")


def weights(pipeline) -> dict[str, torch.Tensor]:
    """Copies of all there are."""
    return {
        f"{name}.{key}": value.clone()
        for name in NETWORKS
        for key, value in getattr(pipeline, name).state_dict().items()
    }


def moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> list[str]:
    assert before.keys() == after.keys()
    return [name for name in before if not torch.equal(before[name], after[name])]


def train(pipeline, tokens, tmp_path: Path, cross_attention: bool) -> PersonalizationTask:
    data = joined_examples(
        [concept_examples(pipeline, photographs(), token, ["a {token}", "a photo of a {token}"]) for token in tokens]
    )
    task = PersonalizationTask(pipeline, len(tokens), cross_attention)
    fit(task, data, TRAINING, Accelerator(cpu=True), RollingCheckpoint(tmp_path))
    return task


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_textual_inversion_moves_the_new_embedding_alone(tmp_path, prediction_type):
    """Bit for bit; and what it saves, diffusers' own loader reads into the model as it was."""
    pipeline = make_pipeline(prediction_type)
    add_tokens(pipeline, {"<new1>": "red"})
    before = weights(pipeline)
    task = train(pipeline, ["<new1>"], tmp_path, cross_attention=False)
    assert moved(before, weights(pipeline)) == []
    assert [name for name, _ in task.named_parameters()] == ["embeddings"]
    start = before[f"text_encoder.{EMBEDDING}"][-1]
    assert task.embeddings.shape == (1, 16) and (task.embeddings[0] - start).abs().min() > 1e-4

    save_embedding(tmp_path / "red", "<new1>", task.embeddings[0])
    assert load_file(tmp_path / "red/learned_embeds.safetensors").keys() == {"<new1>"}
    fresh = make_pipeline(prediction_type)
    untouched = weights(fresh)
    fresh.load_textual_inversion(tmp_path / "red")
    table = f"text_encoder.{EMBEDDING}"
    assert moved(untouched | {table: before[table]}, weights(fresh)) == [table]
    after = weights(fresh)[table]
    assert torch.equal(after[:-1], untouched[table]) and torch.equal(after[-1], task.embeddings[0])
    assert fresh.tokenizer.convert_tokens_to_ids("<new1>") == len(after) - 1


def test_custom_diffusion_moves_keys_values_and_tokens_alone(tmp_path):
    pipeline = make_pipeline()
    add_tokens(pipeline, TOKENS)
    before = weights(pipeline)
    task = train(pipeline, TOKENS, tmp_path, cross_attention=True)
    assert moved(before, weights(pipeline)) == []

    for (token, name), embedding in zip((("<new1>", "red"), ("<new2>", "dog")), task.embeddings, strict=True):
        save_embedding(tmp_path / name, token, embedding)
    save_projections(tmp_path, task)
    loaded = make_pipeline()
    load_embeddings(loaded, [tmp_path / "red", tmp_path / "dog"])
    load_projections(loaded, tmp_path)
    table, after = f"text_encoder.{EMBEDDING}", weights(loaded)
    of_cross_attention = [name for name in before if ".attn2.to_k." in name or ".attn2.to_v." in name]
    # One cross-attention in each of 3 + 1 + 2·3 transformer blocks.
    assert len(of_cross_attention) == 2 * 10
    assert set(moved(before, after)) == {table, *of_cross_attention}
    assert torch.equal(after[table][:-2], before[table][:-2])
    assert all((after[table][row] != before[table][row]).all() for row in (-1, -2))
    batch = {name: rows[:4] for name, rows in concept_examples(loaded, photographs(), "<new2>", ["a {token}"]).items()}
    trained = loss_of(task, batch)
    again = loss_of(PersonalizationTask(loaded, 2, cross_attention=False), batch)
    torch.testing.assert_close(again, trained)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_the_loss_is_that_of_its_definition(prediction_type):
    """From the closed form of noising, with the networks called as they are; a new token begins as its word."""
    pipeline = make_pipeline(prediction_type)
    latents = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(5))
    words = tokenize(pipeline.tokenizer, ["a red", "red", "a dog"])
    add_tokens(pipeline, TOKENS)
    tokens = tokenize(pipeline.tokenizer, ["a <new1>", "<new1>", "a <new2>"])
    assert (words != tokens).any(1).all()
    token = {"latents": latents, "tokens": tokens}
    loss = loss_of(PersonalizationTask(pipeline, 2, cross_attention=True), token, torch.Generator().manual_seed(3))

    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(3, 4, 8, 8, generator=generator)
    t = torch.randint(1000, (3,), generator=generator)
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    alpha = torch.cumprod(1 - betas, 0)[t].sqrt()[:, None, None, None]
    sigma = (1 - alpha**2).sqrt()
    target = noise if prediction_type == "epsilon" else alpha * noise - sigma * latents
    with torch.inference_mode():
        states = pipeline.text_encoder(words)[0]
        predicted = pipeline.unet(alpha * latents + sigma * noise, t, states).sample
    torch.testing.assert_close(loss.detach(), ((predicted - target) ** 2).mean(), rtol=1e-4, atol=1e-5)


def test_rows_are_the_means_of_images_flipped_and_not_with_each_caption():
    pipeline = make_pipeline()
    add_tokens(pipeline, TOKENS)
    templates = ["a {token}", "{token} circle", "a photo of a {token}"]
    images = photographs(2)
    rows = concept_examples(pipeline, images, "<new2>", templates)
    assert rows["latents"].shape == (12, 4, 8, 8) and rows["tokens"].shape == (12, 77)
    pixels = images.images.float() / 127.5 - 1
    with torch.inference_mode():
        flipped = pipeline.vae.encode(pixels.flip(3)).latent_dist.mean * 0.18215
    torch.testing.assert_close(rows["latents"][6::3], flipped)
    texts = pipeline.tokenizer.batch_decode(rows["tokens"][9:], skip_special_tokens=True)
    assert [text.replace(" ", "") for text in texts] == ["a<new2>", "<new2>circle", "aphotoofa<new2>"]
    prior = prior_examples(pipeline, images.images, ["a cat", "a dog"])
    assert torch.equal(prior["latents"], rows["latents"][:6:3]) and prior["tokens"].shape == (2, 77)
    smaller = concept_examples(pipeline, photographs(2, size=SIZE // 2), "<new2>", templates)
    assert smaller["latents"].shape == (12, 4, 8, 8)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ({"<new2>": "red"}, r"token: found '<new2>', allowed: a token that the model's vocabulary does not have"),
        (
            {"<new1>": "zebra"},
            r"initializer: found 'zebra', allowed: a word that is one token of the model's vocabulary",
        ),
        ({"<new1>": ""}, r"initializer: found '', allowed: a word that is one token of the model's vocabulary"),
    ],
)
def test_tokens_that_cannot_be_added_are_one_line(tokens, message):
    pipeline = make_pipeline()
    add_tokens(pipeline, {"<new2>": "dog"})
    with pytest.raises(UserError, match=message):
        add_tokens(pipeline, tokens)


def test_files_of_another_model_are_one_line(tmp_path):
    pipeline = make_pipeline()
    with pytest.raises(UserError, match=r"x/learned_embeds\.safetensors: found"):
        load_embeddings(pipeline, [tmp_path / "x"])
    save_embedding(tmp_path / "wide", "<new1>", torch.zeros(17))
    with pytest.raises(UserError, match=r"found embeddings of shape \[\(17,\)\], allowed: one of \(16,\)"):
        load_embeddings(pipeline, [tmp_path / "wide"])
    add_tokens(pipeline, {"<new1>": "red"})
    task = PersonalizationTask(pipeline, 1, cross_attention=True)
    task.names = [*task.names[1:], "other.attn2.to_k.weight"]
    save_projections(tmp_path, task)
    with pytest.raises(UserError, match=r"cross_attention\.safetensors: found weights of another U-Net"):
        load_projections(pipeline, tmp_path)
    (tmp_path / "cross_attention.safetensors").write_bytes(b"none")
    with pytest.raises(UserError, match=r"cross_attention\.safetensors: found a damaged file"):
        load_projections(pipeline, tmp_path)
