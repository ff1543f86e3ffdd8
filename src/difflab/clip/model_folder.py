"""CLIP as the folder that transformers' CLIPModel and CLIPProcessor load."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from transformers import AutoTokenizer, CLIPImageProcessor, CLIPModel, CLIPProcessor, PreTrainedTokenizerFast

from difflab.errors import UserError, reading
from difflab.models.safe_loading import require_weights


class Clip(NamedTuple):
    model: CLIPModel
    tokenizer: PreTrainedTokenizerFast
    image_processor: CLIPImageProcessor


def save_clip(folder: Path, clip: Clip) -> None:
    clip.model.save_pretrained(folder)
    CLIPProcessor(clip.image_processor, clip.tokenizer).save_pretrained(folder)


def load_clip(place: str | Path, key: str) -> Clip:
    """The CLIP of a folder or of a hub id, in eval mode.

    Raises UserError, one line that begins with `key`, where it is missing, a component or some weights of it are, it is
    of another kind, or a hub id cannot be reached.
    """
    refused = f"{key}: found {str(place)!r}, allowed: a folder or hub id of a CLIP"
    with reading(f"{refused}; the model"):
        loaded: Any = CLIPModel.from_pretrained(place, output_loading_info=True)
    model, report = loaded
    if missing := sorted(report["missing_keys"]):
        raise UserError(f"{refused}; the model: it lacks the weights {', '.join(missing[:3])}, …")
    with reading(f"{refused}; the tokenizer"):
        tokenizer, known = AutoTokenizer.from_pretrained(place), model.config.text_config.vocab_size
    if len(tokenizer) != known:  # transformers makes up an empty one where there is none
        raise UserError(f"{refused}; the tokenizer: it has {len(tokenizer)} tokens, the model {known}")
    with reading(f"{refused}; the image processor"):
        image_processor = CLIPImageProcessor.from_pretrained(place)
    require_weights(model, f"{key}: {place}")
    positions = model.config.text_config.max_position_embeddings
    tokenizer.model_max_length = min(tokenizer.model_max_length, positions)
    return Clip(model.eval(), tokenizer, image_processor)
