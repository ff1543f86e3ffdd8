"""The schedules compared with their formulas in plain Python, and with those of diffusers."""

import math

import pytest
import torch
from diffusers import DDPMScheduler

from difflab.diffusion.schedules import cosine_betas, linear_betas, make_betas
from tests.factories import schedule

STEPS = [1, 2, 10, 350, 1000]


def nichol_dhariwal(num_steps: int) -> list[float]:
    """Nichol & Dhariwal 2021: ᾱ_t = f(t)/f(0), f(t) = cos²((t/T + s)/(1 + s) · π/2), β_t at most 0.999 (eq. 17)."""

    def f(t: int) -> float:
        return math.cos((t / num_steps + 0.008) / 1.008 * math.pi / 2) ** 2

    alphas_cumprod = [f(t) / f(0) for t in range(num_steps + 1)]
    return [min(1 - alphas_cumprod[t] / alphas_cumprod[t - 1], 0.999) for t in range(1, num_steps + 1)]


@pytest.mark.parametrize("num_steps", STEPS)
def test_cosine_is_nichol_and_dhariwals(num_steps):
    betas = cosine_betas(num_steps)
    assert betas.dtype == torch.float64
    torch.testing.assert_close(betas, torch.tensor(nichol_dhariwal(num_steps), dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("num_steps", STEPS[1:])
def test_linear_is_evenly_spaced(num_steps):
    betas = linear_betas(num_steps, 1e-4, 0.02)
    expected = [1e-4 + (0.02 - 1e-4) * t / (num_steps - 1) for t in range(num_steps)]
    assert betas.dtype == torch.float64
    torch.testing.assert_close(betas, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("betas", "name"), [(cosine_betas(1000), "squaredcos_cap_v2"), (linear_betas(1000, 1e-4, 0.02), "linear")]
)
def test_diffusers_has_the_same_in_float32(betas, name):
    theirs = DDPMScheduler(num_train_timesteps=1000, beta_schedule=name, beta_start=1e-4, beta_end=0.02).betas
    torch.testing.assert_close(betas.float(), theirs, rtol=1e-6, atol=1e-9)


def test_make_betas_follows_the_parameters():
    cosine = schedule("cosine", 20)
    linear = schedule("linear", 30, beta_start=0.001, beta_end=0.3)
    assert torch.equal(make_betas(cosine), cosine_betas(20))
    assert torch.equal(make_betas(linear), linear_betas(30, 0.001, 0.3))
