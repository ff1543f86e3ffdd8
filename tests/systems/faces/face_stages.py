"""The stages of the faces on a tiny random model: parameters, and calls of the stages in their order."""

from pathlib import Path

import yaml

from stages.faces import eta_grid, evaluate_faces, interpolate_faces, sample_faces
from tests.stage_calls import run_stage

SIZE = 12
SAMPLING = {
    "num_inference_steps": 5,
    "clip_sample": True,
    "seed": 0,
    "noises": None,
    "num_noises": 3,
    "etas": [0.0, 0.5],
    "step_seeds": [7, 8],
    "min_max_rescale": False,
    "timestep_spacing": "leading",
    "steps_offset": 1,
    "set_alpha_to_one": False,
    "batch_size": 4,
}


def write_params(reference: str | None = None, **sampling) -> None:
    path = {"noises": [0, 2], "num_images": 5}
    faces = {"sampling": SAMPLING | sampling, "interpolation": path, "reference": reference}
    params = {"compute": {"threads": 1, "mixed_precision": "fp32"}, "faces": faces}
    Path("params.yaml").write_text(yaml.safe_dump(params))


def sample_all() -> None:
    """The grid of η, of both seeds."""
    run_stage(sample_faces)


def make_all() -> None:
    sample_all()
    for stage in (interpolate_faces, evaluate_faces, eta_grid):
        run_stage(stage)


def contents(folder: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*.png")}
