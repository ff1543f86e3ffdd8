"""Metrics and figures of sampled faces, and the paths between two noises."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from difflab.config.diffusion import FaceSamplingParams
from difflab.config.load import validate
from difflab.figures.image_grid import Panel
from difflab.systems.faces.evaluation import read_images
from difflab.systems.faces.files import middle_files, pairs_of
from stages.faces import evaluate_faces, interpolate_faces
from tests.stage_calls import run_stage
from tests.systems.faces.face_stages import SAMPLING, SIZE, contents, make_all, sample_all, write_params


def test_paths_end_in_the_images_of_their_noises(project):
    sample_all()
    run_stage(interpolate_faces)
    images = contents("samples/interpolation")
    paths = {name: content for name, content in images.items() if not name.startswith("middle/")}
    assert set(paths) == {f"{path}/{number:02d}.png" for path in ("slerp", "lerp") for number in range(5)}
    for path in ("slerp", "lerp"):
        ends = read_images([Path(f"samples/interpolation/{path}/{name}.png") for name in ("00", "04")])
        expected = read_images([Path(f"samples/faces/seed_7/eta_0.0/{name}.png") for name in ("00", "02")])
        assert np.abs(ends - expected).max() <= 1
    assert len(set(paths.values())) >= 8  # of ten; the ends are common


def test_metrics_and_figures_of_a_whole_run(project):
    sample_all()
    run_stage(interpolate_faces)
    reference = Path("reference")
    reference.mkdir()
    for name in ("00", "01", "02"):
        (reference / f"{name}.png").write_bytes(Path(f"samples/faces/seed_7/eta_0.0/{name}.png").read_bytes())
    write_params(reference="reference")
    run_stage(evaluate_faces)
    metrics = json.loads(Path("metrics/faces.json").read_text())
    assert metrics["reference"] == {"00": 0.0, "01": 0.0, "02": 0.0, "sum": 0.0}
    assert metrics["eta"]["0"] == {"distance_from_eta_0": 0.0, "diversity": 0.0}
    assert all(value > 1 for value in metrics["eta"]["0.5"].values())
    assert metrics["interpolation"]["slerp"]["norm_deviation"] < 1e-6
    assert metrics["interpolation"]["lerp"]["norm_deviation"] > 0.2
    for measure in ("contrast", "sharpness"):
        assert metrics["interpolation"]["middles"][measure].keys() == {"slerp", "lerp", "least_difference"}
    middles = {path: middle_files(FaceSamplingParams(**SAMPLING), path) for path in ("slerp", "lerp")}
    assert [file.stem for file in middles["lerp"]] == ["00_01", "00_02", "01_02"]
    assert {file for files in middles.values() for file in files} == set(
        Path("samples/interpolation/middle").rglob("*.png")
    )
    assert metrics["protocol"]["image_size"] == SIZE
    for name in ("slerp", "lerp", "interpolation"):
        assert Image.open(f"figures/{name}.png").info["Stage"] == "evaluate_faces"


def test_the_grid_shows_each_eta_and_the_paths_each_alpha(project, monkeypatch):
    """Four noises of five."""
    write_params(num_noises=5)
    drawn: list[Panel] = []
    monkeypatch.setattr("difflab.systems.faces.figures.save_image_grid", lambda panels, *_: drawn.extend(panels))
    make_all()
    slerp, lerp, grid = drawn
    assert grid.rows == [[Path(f"samples/faces/seed_7/eta_{eta}/{n:02d}.png") for n in range(4)] for eta in (0.0, 0.5)]
    assert (grid.row_labels, grid.column_labels) == (["η = 0", "η = 0.5"], [f"noise 0{n}" for n in range(4)])
    for path, panel in (("slerp", slerp), ("lerp", lerp)):
        assert panel.rows == [[Path(f"samples/interpolation/{path}/{n:02d}.png") for n in range(5)]]
        assert panel.captions == [["α = 0", "α = 0.25", "α = 0.5", "α = 0.75", "α = 1"]]


def test_pairs_are_those_of_the_first_four_noises():
    """Six of ten noises' 45; fewer noises have fewer."""
    pairs = {n: pairs_of(validate(FaceSamplingParams, SAMPLING | {"num_noises": n}, "faces.sampling")) for n in (3, 10)}
    assert pairs == {3: [(0, 1), (0, 2), (1, 2)], 10: [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]}
