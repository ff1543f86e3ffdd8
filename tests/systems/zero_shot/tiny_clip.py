"""CLIPs of random weights and few channels: the real classes, with the tokenizer of the pretrained ones."""

import string

import torch
from transformers import CLIPTokenizer

from difflab.config.language import ClipNetworkParams
from difflab.systems.zero_shot.clip import Clip, make_clip, make_image_processor

NETWORK = ClipNetworkParams(
    image_size=32,
    patch_size=16,
    text_length=77,
    vision_layers=1,
    text_layers=1,
    hidden_size=16,
    num_attention_heads=2,
    projection_dim=8,
)


def make_spelling_clip() -> Clip:
    """Its tokenizer is transformers' CLIPTokenizer, byte-pair encoding without merges: it spells every word."""
    characters = string.ascii_lowercase + string.digits + "-.,'"
    pieces = [*characters, *(f"{character}</w>" for character in characters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, merges=[], model_max_length=77)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Clip(make_clip(NETWORK, tokenizer).eval(), tokenizer, make_image_processor(NETWORK))
