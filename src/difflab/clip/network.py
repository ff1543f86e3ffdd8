"""A small CLIP."""

from __future__ import annotations

from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, PreTrainedTokenizerFast

from difflab.config.language import ClipNetworkParams


def make_clip(params: ClipNetworkParams, tokenizer: PreTrainedTokenizerFast) -> CLIPModel:
    """transformers' CLIPModel of the sizes of `params`, random, for the vocabulary of `tokenizer`."""
    shared = {
        "hidden_size": params.hidden_size,
        "intermediate_size": 4 * params.hidden_size,
        "num_attention_heads": params.num_attention_heads,
        "projection_dim": params.projection_dim,
    }
    text = {
        **shared,
        "num_hidden_layers": params.text_layers,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": params.text_length,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        **shared,
        "num_hidden_layers": params.vision_layers,
        "image_size": params.image_size,
        "patch_size": params.patch_size,
    }
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=params.projection_dim))


def make_image_processor(params: ClipNetworkParams) -> CLIPImageProcessor:
    """Any image to (3, image_size, image_size) in [-1, 1]."""
    size = {"height": params.image_size, "width": params.image_size}
    half = [0.5, 0.5, 0.5]
    return CLIPImageProcessor(
        size={"shortest_edge": params.image_size}, crop_size=size, image_mean=half, image_std=half
    )
