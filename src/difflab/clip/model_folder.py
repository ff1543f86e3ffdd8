"""CLIP as the folder that transformers' CLIPModel and CLIPProcessor load."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import difflab.torchvision_cure  # noqa: F401  (first: see there)

from transformers import AutoTokenizer, CLIPImageProcessor, CLIPModel, CLIPProcessor, PreTrainedTokenizerFast

from difflab.errors import UserError
from difflab.models.loaded import PROBLEMS, require_weights


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
    component = "the model"
    try:
        loaded: Any = CLIPModel.from_pretrained(place, output_loading_info=True)
        model, report = loaded
        if report["missing_keys"]:
            raise ValueError(f"it lacks the weights {', '.join(sorted(report['missing_keys'])[:3])}, …")
        component = "the tokenizer"
        tokenizer, known = AutoTokenizer.from_pretrained(place), model.config.text_config.vocab_size
        if len(tokenizer) != known:  # transformers makes up an empty one where there is none
            raise ValueError(f"it has {len(tokenizer)} tokens, the model {known}")
        component = "the image processor"
        image_processor = CLIPImageProcessor.from_pretrained(place)
    except PROBLEMS as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{key}: found {str(place)!r}, allowed: a folder or hub id of a CLIP; {component}: {reason}"
        ) from None
    require_weights(model, f"{key}: {place}")
    positions = model.config.text_config.max_position_embeddings
    tokenizer.model_max_length = min(tokenizer.model_max_length, positions)
    return Clip(model.eval(), tokenizer, image_processor)
