"""The time steps of the schedulers, and exact tables."""

from itertools import pairwise

import pytest
import torch
from diffusers import DDPMScheduler, DPMSolverMultistepScheduler
from hypothesis import given
from hypothesis import strategies as st

from difflab.diffusion.samplers import SamplingError, inference_timesteps, make_sampler
from difflab.diffusion.schedules import cosine_betas, linear_betas

BETAS = linear_betas(1000, 1e-4, 0.02)
SAMPLERS = ["ddpm", "ddim", "dpmsolver++"]


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


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("to_one", [True, False])
def test_tables_are_the_trained_ones_in_float64(sampler, to_one):
    betas = cosine_betas(1000)
    made = make_sampler(betas, sampler=sampler, num_inference_steps=30, set_alpha_to_one=to_one)
    trained = torch.cumprod(1 - betas, 0)
    assert made.scheduler.alphas_cumprod.dtype == torch.float64
    assert torch.equal(made.scheduler.alphas_cumprod, trained[made.timesteps].flip(0))
    match made.scheduler:
        case DPMSolverMultistepScheduler():
            assert made.scheduler.sigmas.dtype == torch.float64
            final = 1 / (1 + made.scheduler.sigmas[-1] ** 2)
        case DDPMScheduler():
            final = made.scheduler.one
        case _:
            final = made.scheduler.final_alpha_cumprod
    assert final.item() == pytest.approx(1 if to_one else trained[0].item(), rel=1e-15)
    assert made.scheduler.timesteps.tolist() == list(range(29, -1, -1))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_predicted_image_is_clipped(sampler):
    """Each pixel apart: what lies within [-1, 1] stays as it is."""
    x = torch.linspace(-3, 3, 48).reshape(1, 3, 4, 4)
    samplers = [make_sampler(BETAS, sampler=sampler, num_inference_steps=4, clip_sample=clip) for clip in (True, False)]
    clipped, free = (sampler.step(3, torch.zeros_like(x), x, torch.Generator()) for sampler in samplers)
    assert free.max() > 3
    torch.testing.assert_close(clipped, free.clamp(-1, 1))


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("to_one", [True, False])
def test_one_step_of_dpm_solver_is_one_of_ddim(prediction_type, to_one):
    x, predicted = torch.randn(2, 1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    options = {"num_inference_steps": 1, "set_alpha_to_one": to_one, "clip_sample": False}
    ddim, dpm = (
        make_sampler(BETAS, prediction_type, sampler=sampler, **options).step(0, predicted, x, torch.Generator())
        for sampler in ("ddim", "dpmsolver++")
    )
    torch.testing.assert_close(dpm, ddim, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("to_one", [True, False])
@pytest.mark.parametrize("steps", [1, 2, 10, 20, 50])
def test_dpm_solver_is_diffusers_where_steps_divide(steps, to_one, clip):
    """Its own schedule, set up the usual way."""
    theirs = DPMSolverMultistepScheduler(
        trained_betas=BETAS.tolist(),
        timestep_spacing="trailing",
        thresholding=clip,
        sample_max_value=1.0,
        final_sigmas_type="zero" if to_one else "sigma_min",
    )
    theirs.set_timesteps(steps)
    ours = make_sampler(
        BETAS, sampler="dpmsolver++", num_inference_steps=steps, set_alpha_to_one=to_one, clip_sample=clip
    )
    assert theirs.timesteps.tolist() == ours.timesteps
    expected = x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    for position, timestep in enumerate(theirs.timesteps):
        (expected,) = theirs.step(torch.sin(3 * expected), timestep, expected, return_dict=False)
        x = ours.step(position, torch.sin(3 * x), x, torch.Generator())
    torch.testing.assert_close(x, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"num_inference_steps": 0}, "num_inference_steps: found 0, allowed: 1 to 1000"),
        ({"num_inference_steps": 1001}, "num_inference_steps: found 1001, allowed: 1 to 1000"),
        ({"steps_offset": 1}, "steps_offset: found 1, allowed: 0 with trailing spacing"),
        ({"timestep_spacing": "leading", "steps_offset": 20}, "steps_offset: found 20, allowed with 50 steps: 0 to 19"),
        ({"timestep_spacing": "even"}, "timestep_spacing: found 'even', allowed: 'leading', 'trailing', 'linspace'"),
        ({"sampler": "dpm"}, "sampler: found 'dpm', allowed: 'ddpm', 'ddim', 'dpmsolver++'"),
    ],
)
def test_bad_options_are_refused_in_one_line(options, line):
    with pytest.raises(SamplingError) as error:
        make_sampler(BETAS, **options)
    assert str(error.value) == line
