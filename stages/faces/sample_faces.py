"""Sample faces for each η from the same noises: models/faces/ → samples/faces/seed_{seed}/eta_{η}/{00..}.png.

The seeds are those of the noise added in each step.
"""

from typing import Annotated

from difflab.config.diffusion import FaceSamplingParams
from difflab.stage import WITHOUT_TEXT, Compute, Section, run


def main(
    compute: Compute,
    params: Annotated[FaceSamplingParams, Section("faces.sampling")],
) -> None:
    from difflab.systems.faces.files import FACES, face_files
    from difflab.systems.faces.noises import starting_noises
    from difflab.systems.faces.sampling import Face, load_faces, sample_faces

    pipeline = load_faces(compute)
    noises = starting_noises(params, pipeline.image_size)
    faces = [
        Face(file, noises[number], eta, step_seed, number)
        for step_seed in params.step_seeds
        for eta in params.etas
        for number, file in enumerate(face_files(params, eta, step_seed))
    ]
    sample_faces(FACES, faces, pipeline, params, compute)


if __name__ == "__main__":
    run(main, without=WITHOUT_TEXT, shared=True)
