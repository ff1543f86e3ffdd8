"""Paths of the images, models and samples of personalization."""

from pathlib import Path
from typing import Literal, get_args

from difflab.data.dataset import ImageDataset

CUSTOM_DIFFUSION = Path("models/custom_diffusion")  # GROUP/run_N/: keys and values, and a folder for each concept
SAMPLES = Path("samples/multi_concept")
# "words" is the unchanged model, with a known word for each token: the baseline of chance.
Method = Literal["words", "textual_inversion", "custom_diffusion"]
METHODS: tuple[Method, ...] = get_args(Method)


def concept_file(name: str) -> Path:
    """The data file with the images of a concept."""
    return Path(f"prepared/concepts/{name}.safetensors")


def load_concept(name: str) -> ImageDataset:
    """Load the images of a concept. Raises DataError when they are missing."""
    return ImageDataset.load(concept_file(name), ["train"])


def inversion_folder(name: str) -> Path:
    """The folder with the runs of textual inversion for a concept."""
    return Path("models/inversion", name)


def run_folder(folder: Path, run: int) -> Path:
    """The folder of a run in `folder`; run i is trained with the seed training.seed + i."""
    return folder / f"run_{run}"


def num_runs_of(method: Method, num_runs: int) -> int:
    """The number of runs of a method: 1 for "words", which is not trained, else `num_runs`."""
    return 1 if method == "words" else num_runs


def sample_folder(method: Method, run: int, prompt: int) -> Path:
    """The folder with the samples 000.png, 001.png, … of the prompt with index `prompt`, in the order of noises."""
    return run_folder(SAMPLES / method, run) / f"prompt_{prompt}"
