"""Training objectives of autoencoder and U-Net compared with closed forms, and the frozen weights."""

from typing import Any

import pytest
import torch
from accelerate import Accelerator
from diffusers import DDPMScheduler

from difflab.data.circles import render_images
from difflab.diffusion.schedules import cosine_betas
from difflab.systems.text_to_image.autoencoder import (
    AutoencoderTask,
    encode_scenes,
    encoded_at_once,
    make_autoencoder,
    standardize,
)
from difflab.systems.text_to_image.objective import Captions, LatentDenoisingTask, draw_noise, noised
from difflab.systems.zero_shot.clip import tokenize
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.fit import fit
from tests.factories import loss_of
from tests.systems.text_to_image.tiny import (
    AUTOENCODER,
    CAPTIONS,
    SIZE,
    TRAINING,
    equal,
    make_pipeline,
    make_scenes,
    weights,
)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_loss_is_reconstruction_and_divergence():
    autoencoder: Any = make_autoencoder(AUTOENCODER)
    scenes = make_scenes()
    images = render_images(scenes.geometry, scenes.colors, SIZE)
    with torch.no_grad():
        batch = {"geometry": scenes.geometry, "colors": scenes.colors}
        loss = loss_of(AutoencoderTask(autoencoder, 0.5), batch, generator())
        moments = autoencoder.quant_conv(autoencoder.encoder(images))
        mean, log_variance = moments.chunk(2, dim=1)
        z = mean + (log_variance / 2).exp() * torch.randn(mean.shape, generator=generator())
        divergence = ((mean**2 + log_variance.exp() - 1 - log_variance) / 2).mean()
        expected = (autoencoder.decode(z).sample - images).abs().mean() + 0.5 * divergence
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_latents_are_standardized():
    autoencoder: Any = make_autoencoder(AUTOENCODER)
    scenes = make_scenes()
    standardize(autoencoder, scenes)
    latents = encode_scenes(autoencoder, scenes, SIZE)
    assert latents.shape == (len(scenes), 4, SIZE // 4, SIZE // 4)
    assert latents.std().item() == pytest.approx(1, rel=1e-4)
    with torch.no_grad():
        images = render_images(scenes.geometry, scenes.colors, SIZE)
        means = autoencoder.encode(images).latent_dist.mean * autoencoder.config.scaling_factor
    assert torch.allclose(latents, means, atol=1e-6)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_noised_latents_and_target_give_the_latents_back(prediction_type):
    betas = cosine_betas(50)
    scheduler = DDPMScheduler(num_train_timesteps=50, trained_betas=betas.tolist(), prediction_type=prediction_type)
    latents = torch.randn(200, 4, 2, 2, generator=generator())
    drawn = draw_noise(scheduler, latents, generator())
    z, t, target = noised(scheduler, {"latents": latents, **drawn})
    assert t.min() == 0 and t.max() == 49
    alphas_cumprod = torch.cumprod(1 - betas, 0)[t].float()[:, None, None, None]
    signal, sigma = alphas_cumprod.sqrt(), (1 - alphas_cumprod).sqrt()
    found = signal * z - sigma * target if prediction_type == "v_prediction" else (z - sigma * target) / signal
    seen = (alphas_cumprod > 0.01).flatten()
    assert torch.allclose(found[seen], latents[seen], atol=1e-3)


@pytest.mark.parametrize(("probability", "dropped"), [(0.0, 0), (1.0, 400), (0.25, 100)])
def test_captions_are_dropped_as_often_as_asked(probability, dropped):
    pipeline = make_pipeline()
    (empty,) = tokenize(pipeline.tokenizer, [""])
    tokens = tokenize(pipeline.tokenizer, CAPTIONS[:1] * 400)
    captions = Captions(pipeline.text_encoder, empty, probability)
    states = captions(captions.draw(tokens, generator()))
    with torch.no_grad():
        said, nothing = pipeline.text_encoder(torch.stack([tokens[0], empty]))[0]
    is_nothing = (states - nothing).abs().amax((1, 2)) < 1e-5
    assert abs(is_nothing.sum().item() - dropped) <= 40 * (0 < probability < 1)
    assert ((states - said).abs().amax((1, 2)) < 1e-5).logical_xor(is_nothing).all()


def test_the_unet_alone_moves(tmp_path):
    pipeline, scenes = make_pipeline(), make_scenes()
    frozen, moving = (pipeline.text_encoder, pipeline.vae), pipeline.unet
    before, start = weights(*frozen), weights(moving)
    (empty,) = tokenize(pipeline.tokenizer, [""])
    captions = Captions(pipeline.text_encoder, empty, 0.1)
    task = LatentDenoisingTask(pipeline.unet, DDPMScheduler.from_config(pipeline.scheduler.config), captions)
    assert {name.split(".")[0] for name in task.state_dict()} == {"unet"}
    data = {"latents": encode_scenes(pipeline.vae, scenes, SIZE), "tokens": tokenize(pipeline.tokenizer, CAPTIONS)}
    fit(task, data, TRAINING, Accelerator(cpu=True), RollingCheckpoint(tmp_path))
    assert equal(before, weights(*frozen))
    assert not equal(start, weights(moving))


@pytest.mark.parametrize(("image_size", "count"), [(32, 64), (128, 64), (256, 16), (512, 4), (2048, 1)])
def test_fewer_large_images_are_encoded_at_once(image_size, count):
    assert encoded_at_once(image_size) == count
