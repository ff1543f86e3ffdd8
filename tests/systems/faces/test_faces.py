"""Faces: against diffusers' own pipeline, from files of noise, and on paths."""

import json
import math
import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from diffusers import DDIMPipeline, DDIMScheduler
from PIL import Image
from torchvision.utils import save_image

from difflab.config.diffusion import FaceSamplingParams
from difflab.data.pixels import to_pil
from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.pipelines import UnconditionalPipeline
from difflab.diffusion.schedules import linear_betas
from difflab.diffusion.unet import make_unet, save_model_folder
from difflab.errors import UserError
from difflab.figures.image_grid import Panel
from difflab.systems.faces.evaluation import read_images
from difflab.systems.faces.noises import middle_files
from difflab.systems.faces.sampling import min_max_rescaled
from stages.faces import evaluate_faces, interpolate_faces, sample_faces
from tests.factories import network
from tests.stage_calls import run_stage

SIZE = 12
BETAS = linear_betas(1000, 1e-4, 2e-2)
NETWORK = network(block_out_channels=[16, 16], add_attention=True, norm_num_groups=8)
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


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "faces"
    with torch.random.fork_rng():
        torch.manual_seed(2)
        unet = make_unet(NETWORK, SIZE, conditional=False)
    save_model_folder(folder, "UnconditionalPipeline", {"unet": unet}, BETAS)
    return folder


@pytest.fixture
def project(model, tmp_path, monkeypatch) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/faces").symlink_to(model)
    monkeypatch.chdir(tmp_path)
    write_params()
    return tmp_path


def write_params(reference: str | None = None, **sampling) -> None:
    path = {"noises": [0, 2], "num_images": 5}
    faces = {"sampling": SAMPLING | sampling, "interpolation": path, "reference": reference}
    params = {"compute": {"threads": 1, "mixed_precision": "fp32"}, "faces": faces}
    Path("params.yaml").write_text(yaml.safe_dump(params))


def contents(folder: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*.png")}


@pytest.mark.parametrize("set_alpha_to_one", [True, False])
@pytest.mark.parametrize("eta", [0.0, 0.7])
def test_images_are_those_of_diffusers_own_pipeline(model, eta, set_alpha_to_one):
    """Of the same weights, noises and settings: t = 981, 961, …, 21, 1.

    The schedule too is float64 in both: without noise on the way a random network makes 1e-7 into 1 in fifty steps.
    """
    options = {"timestep_spacing": "leading", "steps_offset": 1, "set_alpha_to_one": set_alpha_to_one}
    scheduler = DDIMScheduler(1000, trained_betas=BETAS.tolist(), clip_sample=True, **options)
    ours = UnconditionalPipeline.from_folder(model)
    theirs = DDIMPipeline(ours.unet, scheduler)
    theirs.scheduler.alphas_cumprod = torch.cumprod(1 - BETAS, 0)
    theirs.scheduler.final_alpha_cumprod = torch.ones(()) if set_alpha_to_one else 1 - BETAS[0]
    theirs.set_progress_bar_config(disable=True)
    call = {"num_inference_steps": 50, "eta": eta}
    drawn: Any = theirs(batch_size=3, generator=bank_generators(0, range(3)), output_type="np", **call)
    ours.set_progress_bar_config(disable=True)
    images = ours(3, generator=bank_generators(0, range(3)), output_type="pt", **call, **options).images
    found = (images / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy()
    assert np.abs(found - drawn.images).max() <= 1e-4
    assert drawn.images.std() > 0.1


def test_a_given_noise_is_where_an_image_starts(model):
    pipeline = UnconditionalPipeline.from_folder(model)
    options = {"output_type": "pt", "num_inference_steps": 3, "trace_steps": 2}
    drawn = pipeline(2, generator=bank_generators(0, range(2)), **options)
    start = drawn.trace.images[0]
    given = pipeline(2, noise=start, generator=bank_generators(9, range(2)), **options)
    assert torch.equal(given.images, drawn.images)
    with pytest.raises(
        UserError, match=r"^noise: found a tensor of shape \(2, 3, 12, 12\), allowed: \(3, 3, 12, 12\)$"
    ):
        pipeline(3, noise=start, generator=bank_generators(9, range(3)), **options)


def test_eta_0_knows_no_seed_and_gives_the_same_bytes_twice(project, monkeypatch):
    run_stage(sample_faces)
    first = contents("samples/faces")
    names = {f"eta_{eta}/seed_{seed}/{number:02d}.png" for eta in (0.0, 0.5) for seed in (7, 8) for number in range(3)}
    assert set(first) == names
    for number in range(3):
        assert first[f"eta_0.0/seed_7/{number:02d}.png"] == first[f"eta_0.0/seed_8/{number:02d}.png"]
    assert len(set(first.values())) == 3 + 6
    run_stage(sample_faces)
    assert contents("samples/faces") == first


@pytest.mark.parametrize("batch_size", [1, 2])
def test_images_do_not_depend_on_the_batch_size(project, monkeypatch, batch_size):
    run_stage(sample_faces)
    first = {name: read_images([Path("samples/faces", name)]) for name in contents("samples/faces")}
    write_params(batch_size=batch_size)
    run_stage(sample_faces)
    for name, image in first.items():
        assert np.abs(read_images([Path("samples/faces", name)]) - image).max() <= 1


class Killed(Exception):
    pass


def test_a_killed_run_goes_on_at_its_image(project, monkeypatch):
    write_params(batch_size=1)
    run_stage(sample_faces)
    whole = contents("samples/faces")
    shutil.rmtree("samples")
    shutil.rmtree(".cache")
    draw, calls, limit = UnconditionalPipeline.__call__, 0, 5

    def dying(self, *arguments, **options):
        nonlocal calls
        calls += 1
        if calls > limit:
            raise Killed
        return draw(self, *arguments, **options)

    monkeypatch.setattr(UnconditionalPipeline, "__call__", dying)
    with pytest.raises(Killed):
        run_stage(sample_faces)
    assert not Path("samples/faces").exists()
    calls, limit = 0, len(whole)
    run_stage(sample_faces)
    assert calls == len(whole) - 5 == 7
    assert contents("samples/faces") == whole


def test_noises_come_from_files(project, monkeypatch):
    """Those of the bank in files give the images of the bank."""
    run_stage(sample_faces)
    first = contents("samples/faces")
    Path("noises").mkdir()
    for number, generator in enumerate(bank_generators(0, range(3))):
        torch.save(torch.randn(1, 3, SIZE, SIZE, generator=generator), f"noises/{number:02d}.pt")
    write_params(noises="noises")
    run_stage(sample_faces)
    assert contents("samples/faces") == first
    torch.save(torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator()), "noises/01.pt")
    run_stage(sample_faces)
    changed = {name for name, data in contents("samples/faces").items() if data != first[name]}
    assert changed == {name for name in first if name.endswith("01.png")}


def test_noises_of_another_program_give_the_same_images(project, monkeypatch):
    """A Parameter, one in a dict in double precision, an array of NumPy."""
    run_stage(sample_faces)
    first = contents("samples/faces")
    Path("noises").mkdir()
    drawn = [torch.randn(1, 3, SIZE, SIZE, generator=generator) for generator in bank_generators(0, range(3))]
    torch.save(torch.nn.Parameter(drawn[0]), "noises/00.pt")
    torch.save({"noise": drawn[1].double().requires_grad_()}, "noises/01.pth")
    np.save("noises/02.npy", drawn[2].numpy())
    write_params(noises="noises")
    for stage in (sample_faces, interpolate_faces, evaluate_faces):
        run_stage(stage)
    assert contents("samples/faces") == first
    torch.save(drawn[2], "noises/02.pt")
    with pytest.raises(
        UserError, match=r"^faces\.sampling\.noises: noises: found 02\.pt and 02\.npy, allowed: one file"
    ):
        run_stage(sample_faces)


class Code:
    def __reduce__(self):
        return eval, ("1",)


@pytest.mark.parametrize(
    ("saved", "found"),
    [
        (None, "No such file or directory, allowed: a file"),
        (
            torch.zeros(3, SIZE, SIZE),
            "shape (3, 12, 12), allowed: finite floating-point numbers of shape (1, 3, 12, 12)",
        ),
        (torch.zeros(1, 3, SIZE, SIZE, dtype=torch.int64), "int64, allowed: finite floating-point numbers of shape"),
        (torch.full((1, 3, SIZE, SIZE), math.nan), "not finite, allowed: finite floating-point numbers of shape"),
        ({"noise": torch.zeros(1)}, "shape (1,), allowed: finite floating-point numbers of shape"),
        ({"noise": torch.zeros(1), "seed": 1}, "a dict, allowed: finite floating-point numbers of shape"),
        (Code(), "what only unpickling could load, allowed: tensors, numbers"),
    ],
)
def test_a_bad_noise_is_named_before_any_work(project, monkeypatch, saved, found):
    Path("noises").mkdir()
    for number in range(3):
        torch.save(torch.zeros(1, 3, SIZE, SIZE), f"noises/{number:02d}.pt")
    Path("noises/02.pt").unlink()
    if saved is not None:
        torch.save(saved, "noises/02.pt", pickle_module=pickle)
    write_params(noises="noises")
    with pytest.raises(UserError, match=rf"^faces\.sampling\.noises: noises/02\.pt: found {re.escape(found)}"):
        run_stage(sample_faces)
    assert not Path("samples").exists() and not Path(".cache").exists()


def test_paths_end_in_the_images_of_their_noises(project, monkeypatch):
    for stage in (sample_faces, interpolate_faces):
        run_stage(stage)
    images = contents("samples/interpolation")
    paths = {name: content for name, content in images.items() if not name.startswith("middle/")}
    assert set(paths) == {f"{path}/{number:02d}.png" for path in ("slerp", "lerp") for number in range(5)}
    for path in ("slerp", "lerp"):
        ends = read_images([Path(f"samples/interpolation/{path}/{name}.png") for name in ("00", "04")])
        expected = read_images([Path(f"samples/faces/eta_0.0/seed_7/{name}.png") for name in ("00", "02")])
        assert np.abs(ends - expected).max() <= 1
    assert len(set(paths.values())) >= 8  # of ten; the ends are common


def test_min_max_is_that_of_torchvision(tmp_path):
    images = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor([2.0, 0.1]).view(
        2, 1, 1, 1
    )
    for image, picture in zip(images, to_pil(min_max_rescaled(images)), strict=True):
        save_image(image, tmp_path / "theirs.png", normalize=True)
        theirs = np.asarray(Image.open(tmp_path / "theirs.png")).astype(int)
        found = np.asarray(picture).astype(int)
        assert (found.min(), found.max()) == (0, 255)
        assert np.abs(found - theirs).max() <= 1
    assert (min_max_rescaled(torch.full((1, 3, 2, 2), 0.3)) == -1).all()


def test_the_rescale_is_a_parameter(project, monkeypatch):
    """A random network without clipping goes far beyond [-1, 1]: cut off, most pixels are black or white."""
    for rescale in (False, True):
        write_params(min_max_rescale=rescale, clip_sample=False)
        run_stage(sample_faces)
        images = read_images(sorted(Path("samples/faces").rglob("*.png")))
        assert (images.min((1, 2, 3)) == 0).all() and (images.max((1, 2, 3)) == 255).all()
        assert (np.isin(images, (0, 255)).mean() < 0.1) == rescale


def test_each_noise_has_step_noises_of_its_own(project, monkeypatch):
    run_stage(sample_faces)
    pipeline = UnconditionalPipeline.from_folder(Path("models/faces"))
    starts = bank_generators(0, range(3))
    noise = torch.stack([torch.randn(3, SIZE, SIZE, generator=generator) for generator in starts])
    options = {name: SAMPLING[name] for name in ("timestep_spacing", "steps_offset", "set_alpha_to_one", "clip_sample")}
    for seed in (7, 8):
        generators = bank_generators(seed, range(3))
        drawn = pipeline(3, noise=noise, generator=generators, eta=0.5, num_inference_steps=5, **options).images
        found = read_images([Path(f"samples/faces/eta_0.5/seed_{seed}/{number:02d}.png") for number in range(3)])
        assert np.abs(found - np.stack([np.asarray(image) for image in drawn])).max() <= 1


def test_metrics_and_figures_of_a_whole_run(project, monkeypatch):
    for stage in (sample_faces, interpolate_faces):
        run_stage(stage)
    reference = Path("reference")
    reference.mkdir()
    for name in ("00", "01", "02"):
        (reference / f"{name}.png").write_bytes(Path(f"samples/faces/eta_0.0/seed_7/{name}.png").read_bytes())
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
    for name in ("eta_grid", "slerp", "lerp", "interpolation"):
        assert Image.open(f"figures/{name}.png").info["Stage"] == "evaluate_faces"


def test_the_grid_shows_each_eta_and_the_paths_each_alpha(project, monkeypatch):
    """Four noises of five."""
    write_params(num_noises=5)
    drawn: list[Panel] = []
    monkeypatch.setattr("difflab.systems.faces.figures.save_image_grid", lambda panels, *_: drawn.extend(panels))
    for stage in (sample_faces, interpolate_faces, evaluate_faces):
        run_stage(stage)
    grid, slerp, lerp = drawn
    assert grid.rows == [[Path(f"samples/faces/eta_{eta}/seed_7/{n:02d}.png") for n in range(4)] for eta in (0.0, 0.5)]
    assert (grid.row_labels, grid.column_labels) == (["η = 0", "η = 0.5"], [f"noise 0{n}" for n in range(4)])
    for path, panel in (("slerp", slerp), ("lerp", lerp)):
        assert panel.rows == [[Path(f"samples/interpolation/{path}/{n:02d}.png") for n in range(5)]]
        assert panel.captions == [["α = 0", "α = 0.25", "α = 0.5", "α = 0.75", "α = 1"]]
