"""Where the stages of personalization keep images, models and samples."""

from pathlib import Path
from typing import Literal, get_args

from difflab.data.dataset import ImageDataset

CUSTOM_DIFFUSION = Path("models/custom_diffusion")  # GROUP/run_N/: keys and values, and a folder for each concept
SAMPLES = Path("samples/multi_concept")
# "words" is the model as it was, with a known word in place of each token: what is found there is found by chance.
Method = Literal["words", "textual_inversion", "custom_diffusion"]
METHODS: tuple[Method, ...] = get_args(Method)


def concept_file(name: str) -> Path:
    """The images of a concept."""
    return Path(f"prepared/concepts/{name}.safetensors")


def load_concept(name: str) -> ImageDataset:
    """Raises DataError where its images are missing."""
    return ImageDataset.load(concept_file(name), ["train"])


def inversion_folder(name: str) -> Path:
    """The runs of textual inversion of a concept, a folder for each."""
    return Path("models/inversion", name)


def run_folder(folder: Path, run: int) -> Path:
    """Run 0 has the training's own seed, run 1 the next one."""
    return folder / f"run_{run}"


def num_runs_of(method: Method, num_runs: int) -> int:
    """The model before any training of concepts has no runs that differ."""
    return 1 if method == "words" else num_runs


def sample_folder(method: Method, run: int, prompt: int) -> Path:
    """The images 000.png, 001.png, … of one prompt, by its place in the list, in the order of their noises."""
    return run_folder(SAMPLES / method, run) / f"prompt_{prompt}"
