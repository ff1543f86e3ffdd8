"""Captioned scenes of one or two circles, generated as Fill50k was (Zhang et al. 2023).

Scenes are stored as geometry and colors, and rendered at any resolution, on the device of their tensors. Edges are
antialiased: coverage falls from 1 to 0 over one pixel across the edge.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.random import Generator
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from difflab.config.data import CirclesParams
from difflab.data.captions import make_caption
from difflab.data.colors import ColorPairs, make_color_pairs, rgb
from difflab.data.pixels import to_signed
from difflab.errors import reading
from difflab.pipeline.files import atomic_write

ONE_RADIUS = 0.14, 0.36  # range, in units of the image's side
TWO_RADII = 0.12, 0.26
MARGIN = 0.05  # from a circle to the image's edge, so that outlines are closed
GAP = 0.08  # between two circles, so that their outlines are separate
Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = ("train", "validation")
OUTLINE = 1 / 256  # of the image's side, at least one pixel; Fill50k has 2 of 512


@dataclass(frozen=True)
class Scenes:
    """`geometry` (N, 2, 3) float32: x, y (right and down) and radius of each circle, in units of the image's side.

    A radius of 0 means no circle. `colors` (N, 3, 3) uint8: sRGB of circle, second circle and background; without a
    second circle, its color is the background's. `splits` (N,) uint8: index into SPLITS.
    """

    geometry: Tensor
    colors: Tensor
    splits: Tensor
    captions: list[str]

    def __len__(self) -> int:
        return len(self.captions)

    def save(self, path: str | Path) -> None:
        """Write the scenes to `path`; equal scenes give equal bytes."""
        path = Path(path)
        metadata = {"captions": json.dumps(self.captions)}
        with atomic_write(path) as partial:
            tensors = {"geometry": self.geometry, "colors": self.colors, "splits": self.splits}
            save_file(tensors, partial, metadata=metadata)

    def part(self, split: Split) -> "Scenes":
        """The scenes of one split, in the same order."""
        return self.where(self.splits == SPLITS.index(split))

    def where(self, keep: Tensor) -> "Scenes":
        """The scenes for which `keep`, (N,) bool, is true, in the same order."""
        captions = [caption for caption, kept in zip(self.captions, keep.tolist(), strict=True) if kept]
        return Scenes(self.geometry[keep], self.colors[keep], self.splits[keep], captions)

    @property
    def num_circles(self) -> Tensor:
        """Number of circles of each scene, (N,) int64."""
        return (self.geometry[:, :, 2] > 0).sum(1)


def make_scenes(params: CirclesParams) -> Scenes:
    """Generate the scenes of both splits; scene i depends only on the parameters and (seed, i).

    No pair of circle and background color of validation occurs in training. Raises UserError when too few pairs of
    colors have enough contrast.
    """
    seen, unseen = make_color_pairs(params)
    count = params.num_train + params.num_validation
    splits = torch.arange(count) >= params.num_train
    scenes = [
        _make_scene(unseen if is_validation else seen, params.two_circles, np.random.default_rng([params.seed, index]))
        for index, is_validation in enumerate(splits.tolist())
    ]
    geometry, colors, captions = zip(*scenes, strict=True)
    return Scenes(torch.stack(geometry), torch.stack(colors), splits.to(torch.uint8), list(captions))


def _make_scene(meetings: ColorPairs, two_circles: float, generator: Generator) -> tuple[Tensor, Tensor, str]:
    if generator.random() < two_circles:
        names = meetings.triples[generator.integers(len(meetings.triples))]
    else:
        names = meetings.pairs[generator.integers(len(meetings.pairs))]
    geometry = place_circles(len(names) - 1, generator)
    caption = make_caption(names, geometry[: len(names) - 1, 2].tolist(), generator)
    return geometry, paint(names), caption


def place_circles(count: int, generator: Generator) -> Tensor:
    """Random geometry, (2, 3) float32 as in Scenes, of `count` circles (1 or 2), disjoint and inside the image."""
    while True:
        radii = generator.uniform(*(ONE_RADIUS if count == 1 else TWO_RADII), size=count)
        centers = generator.uniform(radii + MARGIN, 1 - radii - MARGIN, size=(2, count)).T
        if count == 1 or np.hypot(*(centers[1] - centers[0])) > radii.sum() + GAP:
            break
    circles = np.zeros((2, 3), dtype=np.float32)
    circles[:count] = np.column_stack([centers, radii])
    return torch.from_numpy(circles)


def paint(names: Sequence[str]) -> Tensor:
    """Colors (circle, background) or (circle, second circle, background) as in Scenes: (3, 3) uint8."""
    circle, *second, background = (rgb(name) for name in names)
    return torch.tensor([circle, *(second or [background]), background], dtype=torch.uint8)


def load_scenes(path: str | Path) -> Scenes:
    """Read scenes from `path`. Raises UserError when the file is missing or has no scenes."""
    with reading(path, KeyError, TypeError), safe_open(path, framework="pt") as file:
        captions = json.loads(file.metadata()["captions"])
        geometry, colors, splits = (file.get_tensor(name) for name in ("geometry", "colors", "splits"))
    return Scenes(geometry, colors, splits, captions)


def render_images(geometry: Tensor, colors: Tensor, size: int) -> Tensor:
    """Render `geometry` (N, 2, 3) and `colors` (N, 3, 3) uint8, as in Scenes: (N, 3, size, size) float32 in [-1, 1]."""
    circle, second, background = (colors[:, i, :, None, None].float() for i in range(3))
    shares = _inside(geometry, size, 0.0)[:, :, None]
    images = torch.lerp(background.expand(-1, -1, size, size), circle, shares[:, 0])
    return to_signed(torch.lerp(images, second, shares[:, 1]))


def render_masks(geometry: Tensor, size: int) -> Tensor:
    """The share of each pixel that each circle covers: (N, 2, size, size) float32 in [0, 1]."""
    return _inside(geometry, size, 0.0)


def render_conditioning_images(geometry: Tensor, size: int) -> Tensor:
    """The outlines of the circles, white on black: (N, 3, size, size) float32 in [0, 1]."""
    half = max(OUTLINE, 1 / size) / 2
    outlines = _inside(geometry, size, half) - _inside(geometry, size, -half)
    return outlines.amax(1, keepdim=True).expand(-1, 3, -1, -1)


def _inside(geometry: Tensor, size: int, margin: float) -> Tensor:
    """The share of each pixel covered by each circle, its radius enlarged by `margin`: (N, 2, size, size).

    0 without a circle.
    """
    centers = (torch.arange(size, device=geometry.device) + 0.5) / size
    x, y, radius = (geometry[:, :, i, None, None] for i in range(3))
    distance = torch.hypot(centers - x, centers[:, None] - y)
    shares = ((radius + margin - distance) * size + 0.5).clamp(0, 1)
    return torch.where(radius > 0, shares, 0.0)
