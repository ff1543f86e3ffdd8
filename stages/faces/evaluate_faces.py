"""Measure the faces: samples/faces/, samples/interpolation/ → metrics/faces.json."""

import argparse
from pathlib import Path
from typing import Any

from difflab.config.load import load_section

from difflab.config.diffusion import FaceInterpolationParams, FaceSamplingParams
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    sampling = load_section(FaceSamplingParams, "faces.sampling")
    interpolation = load_section(FaceInterpolationParams, "faces.interpolation")
    reference = load_section(str | None, "faces.reference")

    import numpy as np

    from difflab.evaluation.metrics import write_metrics
    from difflab.systems.faces.evaluation import (
        MEASURES,
        errors_against,
        measures_of_eta,
        measures_of_path,
        read_images,
    )
    from difflab.systems.faces.noises import face_files, interpolated_noises, path_files

    seed, *_ = sampling.step_seeds
    deterministic = read_images(face_files(sampling, 0.0, seed))
    size = deterministic.shape[1]
    metrics: dict[str, Any] = {"eta": {}, "interpolation": {}}
    if reference:
        metrics["reference"] = errors_against(Path(reference), face_files(sampling, 0.0, seed))
    for eta in sampling.etas:
        images = np.stack([read_images(face_files(sampling, eta, seed)) for seed in sampling.step_seeds])
        metrics["eta"][f"{eta:g}"] = measures_of_eta(images, deterministic)
    for path, noises in interpolated_noises(sampling, interpolation, size).items():
        images = read_images(path_files(interpolation, path))
        metrics["interpolation"][path] = measures_of_path(images, noises.numpy())
    metrics["protocol"] = MEASURES | {"image_size": size, "min_max_rescale": sampling.min_max_rescale}
    write_metrics(Path("metrics/faces.json"), metrics)


if __name__ == "__main__":
    run(main)
