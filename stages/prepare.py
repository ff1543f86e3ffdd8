"""Bring one data set to its size: data/DATASET.safetensors → prepared/DATASET.safetensors, (N, 3, S, S) uint8."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from difflab.stage import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", choices=["mnist", "mnistm", "svhn", "usps", "faces"])
    name = parser.parse_args().dataset
    from difflab.config.load import load_section

    from difflab.config.data import PrepareParams
    from difflab.data.dataset import SPLITS, ImageDataset, Split

    params = load_section(PrepareParams, "prepare")
    size = params.face_size if name == "faces" else params.digit_size
    # A model of faces is neither chosen nor tested by real ones.
    used: Sequence[Split] = ["train"] if name == "faces" else SPLITS
    dataset = ImageDataset.load(Path("data") / f"{name}.safetensors", used)
    dataset.resized(size).save(Path("prepared") / f"{name}.safetensors")


if __name__ == "__main__":
    run(main)
