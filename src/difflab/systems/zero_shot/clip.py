"""A small CLIP: network, tokenizer and a model folder for transformers' CLIPModel and CLIPProcessor."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer, models, processors
from torch import Tensor
from transformers import (
    AutoTokenizer,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    PreTrainedTokenizerFast,
)

from difflab.config.language import ClipNetworkParams
from difflab.data.captions import NORMALIZER, SPLITTER
from difflab.errors import UserError, reading
from difflab.models.hub import require_reachable, split_revision
from difflab.models.safe_loading import require_weights

BEGIN, END, UNKNOWN = "<|startoftext|>", "<|endoftext|>", "<|unknown|>"


def make_clip(params: ClipNetworkParams, tokenizer: PreTrainedTokenizerFast) -> CLIPModel:
    """A randomly initialized CLIPModel with the sizes in `params`, for the vocabulary of `tokenizer`."""
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
    """An image processor that maps any image to (3, image_size, image_size) in [-1, 1]."""
    size = {"height": params.image_size, "width": params.image_size}
    half = [0.5, 0.5, 0.5]
    return CLIPImageProcessor(
        size={"shortest_edge": params.image_size}, crop_size=size, image_mean=half, image_std=half
    )


class Clip(NamedTuple):
    """A CLIP with its tokenizer and image processor."""

    model: CLIPModel
    tokenizer: PreTrainedTokenizerFast
    image_processor: CLIPImageProcessor


def save_clip(folder: Path, clip: Clip) -> None:
    """Write a model folder for transformers' CLIPModel and CLIPProcessor."""
    clip.model.save_pretrained(folder)
    CLIPProcessor(clip.image_processor, clip.tokenizer).save_pretrained(folder)


def load_clip(place: str | Path, key: str) -> Clip:
    """Load a CLIP from a folder or hub id, in eval mode.

    Raises UserError, one line that begins with `key`, when the model, a component or weights are missing, the model is
    of another kind, or the hub cannot be reached.
    """
    name, revision = split_revision(place)
    require_reachable(place, key, "config.json")
    refused = f"{key}: found {str(place)!r}, allowed: a folder or hub id of a CLIP"
    with reading(f"{refused}; the model"):
        loaded: Any = CLIPModel.from_pretrained(name, revision=revision, dtype=torch.float32, output_loading_info=True)
    model, report = loaded
    if missing := sorted(report["missing_keys"]):
        raise UserError(f"{refused}; the model: it lacks the weights {', '.join(missing[:3])}, …")
    with reading(f"{refused}; the tokenizer"):
        tokenizer, known = AutoTokenizer.from_pretrained(name, revision=revision), model.config.text_config.vocab_size
    if len(tokenizer) != known:  # transformers creates an empty one if it is missing
        raise UserError(f"{refused}; the tokenizer: it has {len(tokenizer)} tokens, the model {known}")
    with reading(f"{refused}; the image processor"):
        image_processor = CLIPImageProcessor.from_pretrained(name, revision=revision)
    require_weights(model, f"{key}: {place}")
    positions = model.config.text_config.max_position_embeddings
    tokenizer.model_max_length = min(tokenizer.model_max_length, positions)
    return Clip(model.eval(), tokenizer, image_processor)


def build_tokenizer(words: Iterable[str], text_length: int) -> PreTrainedTokenizerFast:
    """A word-level tokenizer for distinct `words`, with at most `text_length` tokens including begin and end.

    It splits, begins, ends and pads (with the end token) as CLIPTokenizer does. But each word is one token or unknown,
    so that a prompt with another word is rejected and not split into pieces.
    """
    vocabulary = {word: index for index, word in enumerate([*words, UNKNOWN, BEGIN, END])}
    model = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    model.normalizer, model.pre_tokenizer = NORMALIZER, SPLITTER
    model.post_processor = processors.RobertaProcessing(
        (END, vocabulary[END]), (BEGIN, vocabulary[BEGIN]), trim_offsets=False, add_prefix_space=False
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=model,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=END,
        unk_token=UNKNOWN,
        model_max_length=text_length,
    )


def tokenize(tokenizer: PreTrainedTokenizerFast, prompts: Sequence[str]) -> Tensor:
    """Token ids of `prompts`, padded to the tokenizer's `model_max_length` L: (N, L) int64.

    Raises UserError when a prompt has a word that is not in the vocabulary, or is too long.
    """
    encoded = tokenizer(list(prompts), padding="max_length")["input_ids"]
    longest, allowed = max(range(len(prompts)), key=lambda row: len(encoded[row])), tokenizer.model_max_length
    if (length := len(encoded[longest])) > allowed:
        found = f"{length} tokens with begin and end"
        raise UserError(f"prompt {prompts[longest]!r}: found {found}, allowed: at most {allowed}")
    if tokenizer.unk_token_id != tokenizer.eos_token_id:  # if equal, it can split any word into pieces
        for prompt, row in zip(prompts, encoded, strict=True):
            if tokenizer.unk_token_id in row:
                raise UserError(f"prompt {prompt!r}: found {_unknown(tokenizer, prompt)}, allowed: {_words(tokenizer)}")
    return torch.tensor(encoded)


def _unknown(tokenizer: PreTrainedTokenizerFast, prompt: str) -> str:
    encoding = tokenizer(prompt, return_offsets_mapping=True)
    start, end = encoding["offset_mapping"][encoding["input_ids"].index(tokenizer.unk_token_id)]
    return repr(prompt[start:end])


def _words(tokenizer: PreTrainedTokenizerFast) -> str:
    return " ".join(sorted(set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens)))
