"""Stable Diffusion 1.4's components, classes and files, with random weights of a few channels."""

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    CLIPVisionConfig,
)

LENGTH = 77
SIZE = 64  # of images; latents are an eighth
WORDS = ["a", "of", "the", "in", "on", "next", "to", "style", "photo", "circle", "red", "blue", "green", "cat", "dog"]
SPECIAL = ["<|startoftext|>", "<|endoftext|>"]


def make_tokenizer() -> CLIPTokenizer:
    """CLIP's own byte-pair encoding, whose merges make one token of each of WORDS and of nothing else."""
    letters = "abcdefghijklmnopqrstuvwxyz.,-"
    vocabulary, merges = [*letters, *(f"{letter}</w>" for letter in letters)], []
    for word in WORDS:
        parts = [*word[:-1], f"{word[-1]}</w>"]
        while len(parts) > 1:
            merge = (parts[0], parts[1])
            parts = ["".join(merge), *parts[2:]]
            if merge not in merges:
                merges.append(merge)
    vocabulary += ["".join(merge) for merge in merges] + SPECIAL
    ids = {text: number for number, text in enumerate(dict.fromkeys(vocabulary))}
    return CLIPTokenizer(vocab=ids, merges=merges, model_max_length=LENGTH)


def text_config(tokenizer: CLIPTokenizer, width: int = 16) -> CLIPTextConfig:
    special: Any = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=LENGTH,
        projection_dim=width,
        **special,
    )


def vision_config() -> CLIPVisionConfig:
    return CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
        projection_dim=16,
    )


def make_pipeline(prediction_type: str = "epsilon") -> StableDiffusionPipeline:
    """Its scheduler is PNDM as in 1.4; that of v, which PNDM cannot noise, is DDIM."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tokenizer = make_tokenizer()
        unet = UNet2DConditionModel(
            sample_size=SIZE // 8,
            in_channels=4,
            out_channels=4,
            block_out_channels=(8, 8, 16, 16),
            layers_per_block=1,
            cross_attention_dim=16,
            attention_head_dim=2,
            norm_num_groups=4,
        )
        levels: Any = {
            "block_out_channels": (8,) * 4,
            "down_block_types": ("DownEncoderBlock2D",) * 4,
            "up_block_types": ("UpDecoderBlock2D",) * 4,
        }
        vae = AutoencoderKL(**levels, latent_channels=4, norm_num_groups=4, sample_size=SIZE)
        betas = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
        options = betas | {"set_alpha_to_one": False, "steps_offset": 1, "prediction_type": prediction_type}
        pndm = prediction_type == "epsilon"
        scheduler: Any = (
            PNDMScheduler(skip_prk_steps=True, **options) if pndm else DDIMScheduler(clip_sample=False, **options)
        )
        text = text_config(tokenizer)
        checker = CLIPConfig(text_config=text, vision_config=vision_config(), projection_dim=16)
        pipeline = StableDiffusionPipeline(
            vae=vae,
            text_encoder=CLIPTextModel(text),
            tokenizer=tokenizer,
            unet=unet,
            scheduler=scheduler,
            safety_checker=StableDiffusionSafetyChecker(checker),
            feature_extractor=CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32),
        )
    # Random concept embeddings flag anything, and black images hide what differs.
    for name in ("concept_embeds_weights", "special_care_embeds_weights"):
        getattr(pipeline.safety_checker, name).data.fill_(2.0)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def save_clip(folder: Path) -> None:
    """A CLIPModel with its tokenizer and image processor."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        tokenizer = make_tokenizer()
        config = CLIPConfig(text_config=text_config(tokenizer), vision_config=vision_config(), projection_dim=16)
        CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32).save_pretrained(folder)
