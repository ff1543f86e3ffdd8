"""Metrics and figures of the sampled faces: samples/faces/, samples/interpolation/ → metrics/faces.json, figures/.

The figures are slerp.png, lerp.png and interpolation.png.
"""

from pathlib import Path
from typing import Annotated, Any

from difflab.config.diffusion import FaceInterpolationParams, FaceSamplingParams, PathName
from difflab.stage import Section, run


def main(
    sampling: Annotated[FaceSamplingParams, Section("faces.sampling")],
    interpolation: Annotated[FaceInterpolationParams, Section("faces.interpolation")],
    reference: Annotated[str | None, Section("faces.reference")],
) -> None:
    import numpy as np

    from difflab.evaluation.metrics import write_metrics
    from difflab.systems.faces.evaluation import (
        MEASURES,
        errors_against,
        measures_of_eta,
        measures_of_middles,
        norm_deviation,
        read_images,
    )
    from difflab.systems.faces.figures import save_paths
    from difflab.systems.faces.files import face_files, middle_files, pairs_of, path_files
    from difflab.systems.faces.noises import interpolated_noises

    seed, *_ = sampling.step_seeds
    deterministic = read_images(face_files(sampling, 0.0, seed))
    size = deterministic.shape[1]
    metrics: dict[str, Any] = {"eta": {}, "interpolation": {}}
    if reference:
        metrics["reference"] = errors_against(Path(reference), face_files(sampling, 0.0, seed))
    for eta in sampling.etas:
        images = np.stack([read_images(face_files(sampling, eta, seed)) for seed in sampling.step_seeds])
        metrics["eta"][f"{eta:g}"] = measures_of_eta(images, deterministic)
    noises = interpolated_noises(sampling, interpolation, size)
    for path in noises:
        metrics["interpolation"][path] = {"norm_deviation": norm_deviation(noises[path].numpy())}
    middles = {path: read_images(middle_files(sampling, path)) for path in noises}
    metrics["interpolation"]["middles"] = measures_of_middles(middles, deterministic[pairs_of(sampling)])
    metrics["protocol"] = MEASURES | {"image_size": size, "min_max_rescale": sampling.min_max_rescale}
    write_metrics(Path("metrics/faces.json"), metrics)

    files: dict[PathName, list[Path]] = {path: path_files(interpolation, path) for path in noises}
    norms: dict[PathName, list[float]] = {path: [float(noise.norm()) for noise in noises[path]] for path in noises}
    save_paths(files, norms, noises["slerp"][0].numel() ** 0.5, interpolation, "evaluate_faces")


if __name__ == "__main__":
    run(main)
