"""Where the stages leave what they make of concepts."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from difflab.data.dataset import ImageDataset

CUSTOM_DIFFUSION = Path("models/custom_diffusion")  # keys and values, and a folder for each concept's token
SAMPLES = Path("samples/multi_concept")
# "words" is the model as it was, with a known word in place of each token: what is found there is found by chance.
Method = Literal["words", "textual_inversion", "custom_diffusion"]
METHODS: tuple[Method, ...] = get_args(Method)


def concept_file(name: str) -> Path:
    """The images of a concept."""
    return Path(f"prepared/concepts/{name}.safetensors")


def load_concept(name: str) -> ImageDataset:
    """Raises DataError where its images are missing."""
    return ImageDataset.load(concept_file(name))


def inversion_folder(name: str) -> Path:
    """What textual inversion of a concept learned."""
    return Path("models/inversion", name)


def sample_folder(method: Method, prompt: int) -> Path:
    """The images 000.png, 001.png, … of one prompt, by its place in the list, in the order of their noises."""
    return SAMPLES / method / f"prompt_{prompt}"
