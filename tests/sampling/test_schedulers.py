"""Which time steps are taken, and that the tables are exact."""

from itertools import pairwise

import difflab.torchvision_cure  # noqa: F401  (first: see there)

import pytest
import torch
from diffusers import DDPMScheduler
from hypothesis import given
from hypothesis import strategies as st

from difflab.models.schedules import cosine_betas, linear_betas
from difflab.sampling.schedulers import SamplingError, inference_timesteps, make_sampler

BETAS = linear_betas(1000, 1e-4, 0.02)


@given(st.integers(1, 1200).flatmap(lambda total: st.tuples(st.just(total), st.integers(1, total))), st.data())
def test_timesteps_fall_and_cover_the_schedule(sizes, data):
    total, steps = sizes
    spacing = data.draw(st.sampled_from(["leading", "trailing", "linspace"]))
    timesteps = inference_timesteps(total, steps, spacing, 0)
    assert len(timesteps) == steps
    assert all(later < earlier for earlier, later in pairwise(timesteps))
    assert timesteps[-1] >= 0
    assert timesteps[0] > total - 1 - total / steps  # no further from pure noise than one interval
    if spacing != "leading":
        assert timesteps[0] == total - 1


@pytest.mark.parametrize("steps", [4, 25, 50, 100, 500, 1000])
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_timesteps_are_diffusers_where_it_does_not_slip(steps, spacing):
    theirs = DDPMScheduler(num_train_timesteps=1000, timestep_spacing=spacing)
    theirs.set_timesteps(steps)
    assert inference_timesteps(1000, steps, spacing, 0) == theirs.timesteps.tolist()


def test_offset_of_the_face_course():
    assert inference_timesteps(1000, 50, "leading", 1) == list(range(981, 0, -20))


@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
@pytest.mark.parametrize("to_one", [True, False])
def test_tables_are_the_trained_ones_in_float64(sampler, to_one):
    betas = cosine_betas(1000)
    made = make_sampler(betas, sampler=sampler, num_inference_steps=30, set_alpha_to_one=to_one)
    trained = torch.cumprod(1 - betas, 0)
    assert made.scheduler.alphas_cumprod.dtype == torch.float64
    assert torch.equal(made.scheduler.alphas_cumprod, trained[made.timesteps].flip(0))
    final = made.scheduler.one if sampler == "ddpm" else made.scheduler.final_alpha_cumprod
    assert final.item() == (1 if to_one else trained[0].item())
    assert made.scheduler.timesteps.tolist() == list(range(29, -1, -1))


def test_float32_images_stay_float32():
    sampler = make_sampler(BETAS, num_inference_steps=4)
    x = torch.zeros(1, 3, 4, 4)
    assert sampler.step(0, x, x, torch.Generator(), eta=0.5).dtype == torch.float32


def test_predicted_image_is_clipped():
    x = torch.full((1, 3, 4, 4), 100.0)
    samplers = [make_sampler(BETAS, num_inference_steps=4, clip_sample=clip) for clip in (True, False)]
    clipped, free = (sampler.step(3, torch.zeros_like(x), x, torch.Generator()).max() for sampler in samplers)
    assert clipped == 1
    assert free > 100


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"num_inference_steps": 0}, "num_inference_steps: found 0, allowed: 1 to 1000"),
        ({"num_inference_steps": 1001}, "num_inference_steps: found 1001, allowed: 1 to 1000"),
        ({"steps_offset": 1}, "steps_offset: found 1, allowed: 0 with trailing spacing"),
        (
            {"timestep_spacing": "leading", "steps_offset": 20},
            "steps_offset: found 20, allowed with 50 steps: 0 to 19",
        ),
        (
            {"timestep_spacing": "even"},
            "timestep_spacing: found 'even', allowed: 'leading', 'trailing', 'linspace'",
        ),
        ({"sampler": "dpm"}, "sampler: found 'dpm', allowed: 'ddpm', 'ddim'"),
    ],
)
def test_bad_options_are_refused_in_one_line(options, line):
    with pytest.raises(SamplingError) as error:
        make_sampler(BETAS, **options)
    assert str(error.value) == line
