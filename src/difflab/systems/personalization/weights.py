"""Save and load the weights of personalization: token embeddings, and keys and values of the cross-attention.

diffusers' `pipe.load_textual_inversion(FOLDER)` reads the folder of one token, `load_personalized` those of all tokens.
"""

from collections.abc import Sequence
from pathlib import Path

from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from torch import Tensor

from difflab.errors import UserError
from difflab.models.safe_loading import read_weights
from difflab.systems.personalization.objective import CROSS_ATTENTION, EMBEDDING, PersonalizationTask

EMBEDDING_FILE = "learned_embeds.safetensors"  # diffusers' name
PROJECTIONS_FILE = "cross_attention.safetensors"  # with the U-Net's names


def add_tokens(pipeline: StableDiffusionPipeline, initializers: dict[str, str]) -> None:
    """Add new tokens to tokenizer and text encoder, each initialized with the embedding of its word.

    `initializers`: the word for each token. Raises UserError when a token exists already, or a word is not exactly one
    token of the vocabulary.
    """
    table = pipeline.text_encoder.get_parameter(EMBEDDING)
    rows = {token: table[_only_id(pipeline, word)].detach().clone() for token, word in initializers.items()}
    for token, row in rows.items():
        _add_token(pipeline, token, row)


def _only_id(pipeline: StableDiffusionPipeline, word: str) -> int:
    ids = pipeline.tokenizer(word, add_special_tokens=False).input_ids
    if len(ids) != 1 or ids[0] in pipeline.tokenizer.all_special_ids:
        allowed = "a word that is one token of the model's vocabulary"
        raise UserError(f"personalization.concepts: initializer: found {word!r}, allowed: {allowed}")
    return ids[0]


def _add_token(pipeline: StableDiffusionPipeline, token: str, embedding: Tensor) -> None:
    if token in pipeline.tokenizer.get_vocab():
        allowed = "a token that the model's vocabulary does not have"
        raise UserError(f"personalization.concepts: token: found {token!r}, allowed: {allowed}")
    pipeline.load_textual_inversion({token: embedding.detach().cpu()})


def save_embedding(folder: Path, token: str, embedding: Tensor) -> None:
    """Write the `embedding` (D,) of a token to a new folder."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({token: embedding.detach().cpu().contiguous()}, folder / EMBEDDING_FILE)


def save_projections(folder: Path, task: PersonalizationTask) -> None:
    """Write the keys and values that `task` trained to `folder`."""
    weights = zip(task.names, task.projections, strict=True)
    save_file({name: weight.detach().cpu().contiguous() for name, weight in weights}, folder / PROJECTIONS_FILE)


def load_embeddings(pipeline: StableDiffusionPipeline, folders: Sequence[str | Path]) -> None:
    """Add the token of each folder with its embedding. Raises UserError when one does not match the model."""
    width = pipeline.text_encoder.config.hidden_size
    for folder in folders:
        path = Path(folder) / EMBEDDING_FILE
        weights = read_weights(path)
        shapes = [tuple(embedding.shape) for embedding in weights.values()]
        if shapes not in ([(width,)], [(1, width)]):
            raise UserError(f"{path}: found embeddings of shape {shapes}, allowed: one of ({width},)")
        [(token, embedding)] = weights.items()
        _add_token(pipeline, token, embedding)


def load_projections(pipeline: StableDiffusionPipeline, folder: str | Path) -> None:
    """Replace keys and values of the cross-attention. Raises UserError when the file does not match the U-Net."""
    folder = Path(folder)
    path, own = folder / PROJECTIONS_FILE, pipeline.unet.state_dict()
    weights = read_weights(path)
    expected = {name: weight.shape for name, weight in own.items() if name.endswith(CROSS_ATTENTION)}
    if {name: weight.shape for name, weight in weights.items()} != expected:
        raise UserError(f"{path}: found weights of another U-Net, allowed: all keys and values of this one")
    pipeline.unet.load_state_dict(weights, strict=False)
