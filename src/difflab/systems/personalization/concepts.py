"""The training images of a concept: circles of one color, or photographs."""

from pathlib import Path

import numpy as np
import torch

from difflab.config.data import CirclesParams
from difflab.config.personalization import ConceptCirclesParams, ConceptParams
from difflab.data.circles import paint, place_circles, render_images
from difflab.data.colors import contrasts
from difflab.data.dataset import ImageDataset
from difflab.data.image_files import find_images
from difflab.data.images import read_squares
from difflab.data.pixels import to_uint8
from difflab.errors import UserError
from difflab.systems.personalization.prompts import read_course_input


def concept_circles(color: str, params: ConceptCirclesParams, scenes: CirclesParams) -> ImageDataset:
    """Render `params.num_images` circles of `color`, each on another background color with enough contrast.

    Image i depends on (seed, i) and the list of backgrounds. Raises UserError when there are too few backgrounds.
    """
    names = [name for name in scenes.colors if name != color]
    far = contrasts([color, *names])[0, 1:] >= scenes.min_contrast
    backgrounds = [name for name, is_far in zip(names, far, strict=True) if is_far]
    if len(backgrounds) < params.num_images:
        allowed = f"1 to {len(backgrounds)}, the colors that {color} is far enough from"
        raise UserError(f"personalization.circles.num_images: found {params.num_images}, allowed: {allowed}")
    chosen = np.random.default_rng(params.seed).permutation(backgrounds)[: params.num_images].tolist()
    generators = [np.random.default_rng([params.seed, i]) for i in range(params.num_images)]
    geometry = torch.stack([place_circles(1, generator) for generator in generators])
    colors = torch.stack([paint([color, background]) for background in chosen])
    return _dataset(to_uint8(render_images(geometry, colors, params.size)), f"{color} circles")


def photographs(folder: str | Path) -> ImageDataset:
    """Read the images of a folder as squares of one size; see `read_squares`. Raises DataError naming the file."""
    folder = Path(folder)
    pixels = torch.from_numpy(read_squares(find_images(folder)))
    return _dataset(pixels, f"images of a folder {folder.name}/")


def photograph_folder(concept: ConceptParams, course_input: str | None) -> Path:
    """The folder of a concept's photographs. Raises UserError when the course's file has no entry for its token."""
    if course_input is None:
        assert concept.images  # PersonalizationParams checks it
        return Path(concept.images)
    folders = read_course_input(Path(course_input)).folders
    if concept.token not in folders:
        found = f"no entry with token_name {concept.token}"
        raise UserError(f"{course_input}: found {found}, allowed: one for each token of personalization.concepts")
    return folders[concept.token]


def _dataset(images: torch.Tensor, description: str) -> ImageDataset:
    zeros = torch.zeros(len(images), dtype=torch.int64)
    return ImageDataset(images, zeros, zeros.to(torch.uint8), description)
