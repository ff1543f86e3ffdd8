"""Sample faces for each η from the same noises: models/faces/ → samples/faces/seed_{seed}/eta_{η}/{00..}.png.

The seed is that of the noise that the steps add.
"""

from typing import Annotated

from difflab.config.diffusion import FaceSamplingParams
from difflab.stage import WITHOUT_TEXT, Compute, Section, run


def main(
    step_seed: Annotated[int, "one of params.yaml: faces.sampling.step_seeds"],
    compute: Compute,
    params: Annotated[FaceSamplingParams, Section("faces.sampling")],
) -> None:
    from difflab.systems.faces.files import face_files, seed_folder
    from difflab.systems.faces.noises import starting_noises
    from difflab.systems.faces.sampling import Face, load_faces, sample_faces

    pipeline = load_faces(compute)
    noises = starting_noises(params, pipeline.image_size)
    faces = [
        Face(file, noises[number], eta, step_seed, number)
        for eta in params.etas
        for number, file in enumerate(face_files(params, eta, step_seed))
    ]
    sample_faces(seed_folder(step_seed), faces, pipeline, params, compute)


if __name__ == "__main__":
    run(main, without=WITHOUT_TEXT, shared=True)
