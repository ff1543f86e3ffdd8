"""A text-to-image model of random weights and few channels, made as the stages make theirs."""

from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from transformers import CLIPTextConfig, CLIPTextModel

from difflab.config.language import AutoencoderNetworkParams, GuidedSamplingParams, LatentNetworkParams
from difflab.data.captions import words_of
from difflab.data.circles import Scenes, place_circles
from difflab.diffusion.schedules import cosine_betas
from difflab.systems.text_to_image.autoencoder import make_autoencoder
from difflab.systems.text_to_image.objective import make_latent_unet, make_scheduler
from difflab.systems.zero_shot.clip import build_tokenizer
from tests.factories import training

SIZE = 16
CAPTIONS = ["red circle on blue background", "blue circle on red background", "green circle with red background"]
COLORS = {"red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255)}
AUTOENCODER = AutoencoderNetworkParams(
    image_size=SIZE, block_out_channels=[8, 8, 8], layers_per_block=1, norm_num_groups=1, latent_channels=4
)
NETWORK = LatentNetworkParams(
    prediction_type="v_prediction",
    block_out_channels=[8, 8],
    layers_per_block=1,
    num_attention_heads=2,
    norm_num_groups=4,
)
SAMPLING = GuidedSamplingParams(seed=0, sampler="dpmsolver++", num_inference_steps=3, guidance_scale=2.0, batch_size=2)
TRAINING = training(num_epochs=2, batch_size=2, max_grad_norm=1.0, num_snapshots=2)


def make_pipeline() -> StableDiffusionPipeline:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tokenizer = build_tokenizer(sorted({"and", "white", *words_of(" ".join(CAPTIONS))}), text_length=12)
        options: dict[str, Any] = {
            "vocab_size": len(tokenizer),
            "hidden_size": 8,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "max_position_embeddings": 12,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        }
        autoencoder = make_autoencoder(AUTOENCODER)
        components: dict[str, Any] = {
            "vae": autoencoder,
            "text_encoder": CLIPTextModel(CLIPTextConfig(**options)).eval(),
            "tokenizer": tokenizer,
            "unet": make_latent_unet(NETWORK, autoencoder, 8),
            "scheduler": make_scheduler(cosine_betas(100), "v_prediction"),
            "safety_checker": None,
            "feature_extractor": None,
        }
        pipeline = StableDiffusionPipeline(**components, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def make_scenes() -> Scenes:
    """The scenes of CAPTIONS."""
    named = [[COLORS[word] for word in caption.split() if word in COLORS] for caption in CAPTIONS]
    colors = torch.tensor([[circle, background, background] for circle, background in named], dtype=torch.uint8)
    geometry = torch.stack([place_circles(1, np.random.default_rng(i)) for i in range(len(CAPTIONS))])
    return Scenes(geometry, colors, torch.zeros(len(CAPTIONS), dtype=torch.uint8), list(CAPTIONS))


def weights(*networks: torch.nn.Module) -> list[torch.Tensor]:
    """Copies of all there are."""
    return [tensor.clone() for network in networks for tensor in network.state_dict().values()]


def equal(before: list[torch.Tensor], after: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
