"""Resize one data set: data/DATASET.safetensors → prepared/sets/DATASET.safetensors, (N, 3, S, S) uint8."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from difflab.config.data import PrepareParams, SetParams
from difflab.stage import Section, run


def main(
    dataset: Annotated[str, "an entry of params.yaml: data.sets"],
    params: Annotated[PrepareParams, Section("prepare")],
    one: Annotated[SetParams, Section("data.sets.{dataset}")],
) -> None:
    from difflab.data.dataset import SPLITS, ImageDataset, Split

    size = one.size or (params.digit_size if one.persons is None else params.face_size)
    # Faces need only the training split: no stage validates or tests a face model on real images.
    used: Sequence[Split] = SPLITS if one.persons is None else ["train"]
    images = ImageDataset.load(Path("data") / f"{dataset}.safetensors", used)
    images.resized(size).save(Path("prepared/sets") / f"{dataset}.safetensors")


if __name__ == "__main__":
    run(main)
