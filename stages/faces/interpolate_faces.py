"""Sample faces on two paths between two noises: models/faces/ → samples/interpolation/{slerp,lerp}/{00..}.png.

The images are sampled with η = 0 at equal steps of α from 0 to 1; middle/{slerp,lerp}/ contains the images halfway
between each pair of the first four starting noises.
"""

from pathlib import Path
from typing import Annotated

from difflab.config.diffusion import FaceInterpolationParams, FaceSamplingParams
from difflab.stage import WITHOUT_TEXT, Compute, Section, run


def main(
    compute: Compute,
    params: Annotated[FaceSamplingParams, Section("faces.sampling")],
    interpolation: Annotated[FaceInterpolationParams, Section("faces.interpolation")],
) -> None:
    from difflab.systems.faces.files import middle_files, path_files
    from difflab.systems.faces.noises import interpolated_noises, middle_noises
    from difflab.systems.faces.sampling import Face, load_faces, sample_faces

    pipeline = load_faces(compute)
    paths = interpolated_noises(params, interpolation, pipeline.image_size)
    middles = middle_noises(params, pipeline.image_size)
    images = [image for path in paths for image in zip(path_files(interpolation, path), paths[path], strict=True)]
    images += [image for path in middles for image in zip(middle_files(params, path), middles[path], strict=True)]
    # With η = 0, the seed of the step noise has no effect.
    faces = [Face(file, noise, eta=0.0, step_seed=0, number=0) for file, noise in images]
    sample_faces(Path("samples/interpolation"), faces, pipeline, params, compute)


if __name__ == "__main__":
    run(main, without=WITHOUT_TEXT, shared=True)
