"""Training data of a ControlNet: images as latents, prompts and conditioning images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from difflab.config.language import PairsParams
from difflab.data.circles import Scenes, load_scenes, render_conditioning_images
from difflab.systems.controlnet.pairs import Pairs, read_pairs, split_pairs
from difflab.systems.text_to_image.autoencoder import encode_scenes
from difflab.systems.text_to_image.own_images import encode_files


class Examples(Protocol):
    """N training examples. `data`: tensors with first dimension N, from which `hints` makes conditioning images."""

    @property
    def prompts(self) -> list[str]: ...

    @property
    def data(self) -> dict[str, Tensor]: ...

    def encode(self, autoencoder: Any, size: int) -> Tensor:
        """The latents of the images: (N, C, h, w) float32 on the CPU."""
        ...

    def hints(self, batch: dict[str, Tensor], size: int) -> Tensor:
        """The conditioning images for n rows of `data`: (n, 3, size, size) float32 in [0, 1]."""
        ...


@dataclass(frozen=True)
class CircleExamples:
    """Scenes with one circle; images and outlines are rendered."""

    scenes: Scenes

    @property
    def prompts(self) -> list[str]:
        return self.scenes.captions

    @property
    def data(self) -> dict[str, Tensor]:
        return {"geometry": self.scenes.geometry}

    def encode(self, autoencoder: Any, size: int) -> Tensor:
        return encode_scenes(autoencoder, self.scenes, size)

    def hints(self, batch: dict[str, Tensor], size: int) -> Tensor:
        return render_conditioning_images(batch["geometry"], size)


@dataclass(frozen=True)
class PairExamples:
    """Pairs of files; conditioning images are read in every step, because 50,000 of 512×512 would take 37 GiB."""

    pairs: Pairs

    @property
    def prompts(self) -> list[str]:
        return self.pairs.prompts

    @property
    def data(self) -> dict[str, Tensor]:
        return {"number": torch.arange(len(self.pairs))}

    def encode(self, autoencoder: Any, size: int) -> Tensor:
        return encode_files(autoencoder, self.pairs.targets, size)

    def hints(self, batch: dict[str, Tensor], size: int) -> Tensor:
        return self.pairs.hints_of(batch["number"].tolist(), size)


def circle_examples(prepared: Path) -> CircleExamples:
    """The training scenes with one circle."""
    scenes = load_scenes(prepared).part("train")
    return CircleExamples(scenes.where(scenes.num_circles == 1))


def pair_examples(params: PairsParams) -> PairExamples:
    """The pairs of `params.folder` that are not held out."""
    assert params.folder is not None
    train, _ = split_pairs(read_pairs(params.folder), params.num_validation)
    return PairExamples(train)
