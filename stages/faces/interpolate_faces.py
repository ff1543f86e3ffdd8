"""Sample faces on two paths from noise to noise: models/faces/ → samples/interpolation/{slerp,lerp}/{00..}.png.

The images, of η = 0, are those at equal steps of α from 0 to 1.
"""

import argparse
from pathlib import Path

from difflab.config.load import load_section

from difflab.config.diffusion import FaceInterpolationParams, FaceSamplingParams
from difflab.config.training import ComputeParams
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    params = load_section(FaceSamplingParams, "faces.sampling")
    interpolation = load_section(FaceInterpolationParams, "faces.interpolation")

    from difflab.systems.faces.noises import interpolated_noises, path_files
    from difflab.systems.faces.sampling import Face, load_faces, sample_faces

    pipeline = load_faces(compute)
    noises = interpolated_noises(params, interpolation, pipeline.image_size)
    faces = [
        Face(file, noise, eta=0.0, step_seed=0, number=0)  # η = 0 adds no noise of any seed
        for path in noises
        for file, noise in zip(path_files(interpolation, path), noises[path], strict=True)
    ]
    sample_faces(Path("samples/interpolation"), faces, pipeline, params, compute)


if __name__ == "__main__":
    run(main)
