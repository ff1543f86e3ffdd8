"""Sample faces on two paths between two noises: models/faces/ → samples/interpolation/{slerp,lerp}/{00..}.png.

The images, of η = 0, are those at equal steps of α from 0 to 1.
"""

from pathlib import Path
from typing import Annotated

from difflab.config.diffusion import FaceInterpolationParams, FaceSamplingParams
from difflab.stage import Compute, Section, run


def main(
    compute: Compute,
    params: Annotated[FaceSamplingParams, Section("faces.sampling")],
    interpolation: Annotated[FaceInterpolationParams, Section("faces.interpolation")],
) -> None:
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
