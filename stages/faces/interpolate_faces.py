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
    from difflab.faces.drawing import Face, draw_faces, load_faces
    from difflab.faces.files import path_files
    from difflab.faces.interpolation import interpolated_noises

    pipeline = load_faces(compute)
    noises = interpolated_noises(params, interpolation, pipeline.image_size)
    faces = [
        Face(file, noise, eta=0.0, step_seed=0, number=0)  # η = 0 adds no noise of any seed
        for path in noises
        for file, noise in zip(path_files(interpolation, path), noises[path], strict=True)
    ]
    draw_faces(Path("samples/interpolation"), faces, pipeline, params, compute)


if __name__ == "__main__":
    run(main)
