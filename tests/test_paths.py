"""Functions that read a file or folder take its path as a `str` as well as a `Path`."""

import ast
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from difflab.classifiers.digit_classifier import load_course_classifier, load_digit_classifier
from difflab.config.load import load_section, read_yaml
from difflab.config.params import load_params
from difflab.data.circles import load_scenes
from difflab.data.dataset import ImageDataset, load_digits
from difflab.data.image_files import find_images
from difflab.data.images import read_image
from difflab.diffusion.pipelines import DigitPipeline, UnconditionalPipeline
from difflab.errors import UserError
from difflab.evaluation.inception import inception_extractor
from difflab.evaluation.samples import read_class_samples, read_samples
from difflab.evaluation.targets import load_targets
from difflab.systems.adaptation.networks import load_classifier
from difflab.systems.controlnet.evaluation import load_sample_sets
from difflab.systems.controlnet.network import load_controlnet
from difflab.systems.digits.grading import load_variants
from difflab.systems.faces.course_unet import load_course_unet
from difflab.systems.faces.evaluation import read_images
from difflab.systems.personalization.concepts import photographs
from difflab.systems.personalization.prompts import read_course_input
from difflab.systems.personalization.weights import load_embeddings, load_projections
from difflab.systems.zero_shot.labeled_folder import read_labeled_folder

SOURCES = Path(__file__).parents[1] / "src/difflab"
PIPELINE = SimpleNamespace(
    unet=SimpleNamespace(state_dict=dict), text_encoder=SimpleNamespace(config=SimpleNamespace(hidden_size=8))
)
READERS = {
    "load_course_unet": load_course_unet,
    "load_course_classifier": load_course_classifier,
    "load_digit_classifier": load_digit_classifier,
    "load_classifier": load_classifier,
    "load_scenes": load_scenes,
    "load_sample_sets": load_sample_sets,
    "load_controlnet": load_controlnet,
    "load_digits": lambda path: load_digits({"svhn": [1]}, ["train"], path),
    "load_variants": load_variants,
    "load_targets": load_targets,
    "load_params": load_params,
    "load_section": lambda path: load_section(int, "compute.threads", path),
    "load_projections": lambda path: load_projections(PIPELINE, path),  # pyright: ignore[reportArgumentType]
    "load_embeddings": lambda path: load_embeddings(PIPELINE, [path]),  # pyright: ignore[reportArgumentType]
    "read_yaml": read_yaml,
    "read_course_input": read_course_input,
    "read_labeled_folder": read_labeled_folder,
    "read_samples": read_samples,
    "read_class_samples": lambda path: read_class_samples(path, {"1": 1}),
    "read_image": read_image,
    "read_images": lambda path: read_images([path]),
    "find_images": find_images,
    "photographs": photographs,
    "inception_extractor": lambda path: inception_extractor(path, torch.device("cpu")),
    "ImageDataset.load": ImageDataset.load,
    "DigitPipeline.from_folder": DigitPipeline.from_folder,
    "UnconditionalPipeline.from_folder": UnconditionalPipeline.from_folder,
}


@pytest.mark.parametrize("name", READERS)
def test_a_missing_file_is_the_same_line_for_a_str_and_a_path(name: str, tmp_path: Path) -> None:
    lines = []
    for path in (str(tmp_path / "none"), tmp_path / "none"):
        with pytest.raises(UserError) as caught:
            READERS[name](path)
        lines.append(str(caught.value))
    assert lines[0] == lines[1] and "none" in lines[0]


def test_no_public_reader_asks_for_a_path_alone() -> None:
    readers = ("load_", "read_", "from_folder", "load")
    found = [
        f"{file.relative_to(SOURCES)}: {node.name}({argument.arg}: Path)"
        for file in SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith(readers)
        for argument in node.args.args
        if argument.annotation and ast.unparse(argument.annotation) in ("Path", "list[Path]", "Sequence[Path]")
    ]
    assert found == []
