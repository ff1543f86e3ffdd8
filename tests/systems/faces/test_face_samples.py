"""Sampled faces: against diffusers' own pipeline, resumed, and independent of seeds and batches."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMPipeline, DDIMScheduler
from PIL import Image
from torchvision.utils import save_image

from difflab.data.pixels import to_pil
from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.pipelines import UnconditionalPipeline
from difflab.errors import UserError
from difflab.systems.faces.evaluation import read_images
from difflab.systems.faces.sampling import min_max_rescaled
from tests.systems.faces.conftest import BETAS
from tests.systems.faces.face_stages import SAMPLING, SIZE, contents, sample_all, write_params


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


def test_eta_0_knows_no_seed_and_gives_the_same_bytes_twice(project):
    sample_all()
    first = contents("samples/faces")
    names = {f"seed_{seed}/eta_{eta}/{number:02d}.png" for eta in (0.0, 0.5) for seed in (7, 8) for number in range(3)}
    assert set(first) == names
    for number in range(3):
        assert first[f"seed_7/eta_0.0/{number:02d}.png"] == first[f"seed_8/eta_0.0/{number:02d}.png"]
    assert len(set(first.values())) == 3 + 6
    sample_all()
    assert contents("samples/faces") == first


@pytest.mark.parametrize("batch_size", [1, 2])
def test_images_do_not_depend_on_the_batch_size(project, batch_size):
    sample_all()
    first = {name: read_images([Path("samples/faces", name)]) for name in contents("samples/faces")}
    write_params(batch_size=batch_size)
    sample_all()
    for name, image in first.items():
        assert np.abs(read_images([Path("samples/faces", name)]) - image).max() <= 1


class Killed(Exception):
    pass


def test_a_killed_run_goes_on_at_its_image(project, monkeypatch):
    write_params(batch_size=1)
    sample_all()
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
        sample_all()
    assert not Path("samples/faces/seed_7").exists()
    calls, limit = 0, len(whole)
    sample_all()
    assert calls == len(whole) - 5 == 7
    assert contents("samples/faces") == whole


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


def test_the_rescale_is_a_parameter(project):
    """A random network without clipping goes far beyond [-1, 1]: cut off, most pixels are black or white."""
    for rescale in (False, True):
        write_params(min_max_rescale=rescale, clip_sample=False)
        sample_all()
        images = read_images(sorted(Path("samples/faces").rglob("*.png")))
        assert (images.min((1, 2, 3)) == 0).all() and (images.max((1, 2, 3)) == 255).all()
        assert (np.isin(images, (0, 255)).mean() < 0.1) == rescale


def test_each_noise_has_step_noises_of_its_own(project):
    sample_all()
    pipeline = UnconditionalPipeline.from_folder(Path("models/faces"))
    starts = bank_generators(0, range(3))
    noise = torch.stack([torch.randn(3, SIZE, SIZE, generator=generator) for generator in starts])
    options = {name: SAMPLING[name] for name in ("timestep_spacing", "steps_offset", "set_alpha_to_one", "clip_sample")}
    for seed in (7, 8):
        generators = bank_generators(seed, range(3))
        drawn = pipeline(3, noise=noise, generator=generators, eta=0.5, num_inference_steps=5, **options).images
        found = read_images([Path(f"samples/faces/seed_{seed}/eta_0.5/{number:02d}.png") for number in range(3)])
        assert np.abs(found - np.stack([np.asarray(image) for image in drawn])).max() <= 1
