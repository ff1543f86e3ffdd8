"""Resize one data set: data/DATASET.safetensors → prepared/DATASET.safetensors, (N, 3, S, S) uint8."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from difflab.config.data import PrepareParams
from difflab.stage import Section, run


def main(
    dataset: Literal["mnist", "mnistm", "svhn", "usps", "faces"],
    params: Annotated[PrepareParams, Section("prepare")],
) -> None:
    from difflab.data.dataset import SPLITS, ImageDataset, Split

    size = params.face_size if dataset == "faces" else params.digit_size
    # A model of faces is neither chosen nor tested by real ones.
    used: Sequence[Split] = ["train"] if dataset == "faces" else SPLITS
    images = ImageDataset.load(Path("data") / f"{dataset}.safetensors", used)
    images.resized(size).save(Path("prepared") / f"{dataset}.safetensors")


if __name__ == "__main__":
    run(main)
