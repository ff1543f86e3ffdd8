"""The sampling loop against exact solutions, for data that are a Gaussian, N(μ, s²) in every pixel.

Then x_t ~ N(√ᾱ_t μ, ᾱ_t s² + 1 − ᾱ_t), so that the best ε(x_t, t) = √(1−ᾱ_t) (x_t − √ᾱ_t μ) / (ᾱ_t s² + 1 − ᾱ_t) is
known. Each reverse step is affine in x_t; its mean and variance are followed here from the papers' equations, in plain
Python, using only the β from difflab.
"""

import math
from itertools import pairwise

import pytest
import torch

from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.samplers import make_sampler
from difflab.diffusion.sampling import Trace, sample
from difflab.diffusion.schedules import cosine_betas, linear_betas

MU, S = 0.3, 0.4
SCHEDULES = {"linear": linear_betas(1000, 1e-4, 0.02), "cosine": cosine_betas(1000)}


def cumulative(betas: torch.Tensor) -> list[float]:
    """ᾱ at time step τ = 0 … T-1 (diffusers' count)."""
    products = [1.0]
    for beta in betas.tolist():
        products.append(products[-1] * (1 - beta))
    return products[1:]


def exact_noise(alpha: float, x, s: float = S):
    """E[ε | x_t] at ᾱ_t = alpha."""
    return math.sqrt(1 - alpha) * (x - math.sqrt(alpha) * MU) / (alpha * s**2 + 1 - alpha)


def ddpm_mean(alpha: float, previous: float, x: float) -> float:
    """Ho et al. 2020, eq. 11 of the step ᾱ_t → ᾱ_{t-1}: (x − β/√(1−ᾱ_t) ε) / √(1−β)."""
    beta = 1 - alpha / previous
    return (x - beta / math.sqrt(1 - alpha) * exact_noise(alpha, x)) / math.sqrt(1 - beta)


def ddpm_variance(alpha: float, previous: float) -> float:
    """Ho et al. 2020, eq. 7: β̃_t = (1−ᾱ_{t-1})/(1−ᾱ_t) β_t."""
    return (1 - previous) / (1 - alpha) * (1 - alpha / previous)


def ddim_sigma(alpha: float, previous: float, eta: float) -> float:
    """Song et al. 2020, eq. 16: σ_t(η) = η √((1−ᾱ_{t-1})/(1−ᾱ_t)) √(1−ᾱ_t/ᾱ_{t-1})."""
    return eta * math.sqrt((1 - previous) / (1 - alpha)) * math.sqrt(1 - alpha / previous)


def ddim_mean(alpha: float, previous: float, eta: float, x: float) -> float:
    """Song et al. 2020, eq. 12 without its last term."""
    noise = exact_noise(alpha, x)
    predicted = (x - math.sqrt(1 - alpha) * noise) / math.sqrt(alpha)
    direction = math.sqrt(1 - previous - ddim_sigma(alpha, previous, eta) ** 2)
    return math.sqrt(previous) * predicted + direction * noise


def propagate(betas, timesteps, sampler, eta) -> tuple[float, float]:
    """Mean and variance of the sampler's image, from N(0, 1)."""
    products = cumulative(betas)
    mean, variance = 0.0, 1.0
    for timestep, following in zip(timesteps, [*timesteps[1:], None], strict=True):
        alpha, previous = products[timestep], 1.0 if following is None else products[following]

        def step(x, alpha=alpha, previous=previous):
            return ddpm_mean(alpha, previous, x) if sampler == "ddpm" else ddim_mean(alpha, previous, eta, x)

        slope = step(1.0) - step(0.0)
        added = ddpm_variance(alpha, previous) if sampler == "ddpm" else ddim_sigma(alpha, previous, eta) ** 2
        mean, variance = step(mean), slope**2 * variance + added
    return mean, variance


def trace_of(betas, noise, generators, *, eta=0.0, trace_steps=2, s=S, **options) -> Trace:
    """The real loop with the exact ε."""
    sampler = make_sampler(betas, clip_sample=False, **options)
    products = cumulative(betas)
    return sample(lambda x, t: exact_noise(products[t], x, s), sampler, noise, generators, eta, trace_steps)


def draw(*arguments, **options) -> torch.Tensor:
    """The images that it ends with."""
    return trace_of(*arguments, **options).images[-1]


@pytest.mark.parametrize(
    ("schedule", "sampler", "eta", "steps", "spacing"),
    [
        ("linear", "ddpm", 0.0, 1000, "leading"),
        ("linear", "ddpm", 0.0, 50, "leading"),
        ("cosine", "ddpm", 0.0, 30, "trailing"),
        ("linear", "ddim", 0.0, 50, "trailing"),
        ("cosine", "ddim", 0.5, 50, "leading"),
        ("linear", "ddim", 0.5, 30, "linspace"),
        ("cosine", "ddim", 1.0, 61, "trailing"),
    ],
)
def test_mean_and_variance_are_those_of_the_exact_reverse_process(schedule, sampler, eta, steps, spacing):
    betas = SCHEDULES[schedule]
    generators = bank_generators(0, range(8))
    noise = torch.cat([torch.randn(1, 3, 96, 96, generator=g) for g in generators])
    options = {"sampler": sampler, "num_inference_steps": steps, "timestep_spacing": spacing}
    images = draw(betas, noise, generators, eta=eta, **options)
    mean, variance = propagate(betas, make_sampler(betas, **options).timesteps, sampler, eta)
    # 221,184 pixels: three standard errors are 0.6 % of s for the mean and 0.9 % for the variance.
    assert images.mean().item() == pytest.approx(mean, abs=0.01 * S)
    assert images.var().item() == pytest.approx(variance, rel=0.01)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_exact_reverse_process_arrives_at_the_data(schedule):
    mean, variance = propagate(SCHEDULES[schedule], list(range(999, -1, -1)), "ddpm", 0.0)
    assert mean == pytest.approx(MU, rel=0.01)
    assert variance == pytest.approx(S**2, rel=0.02)  # β̃ is the lower of Ho's two choices


def test_sigma_of_eta():
    """A step from x = 0 with ε = 0 is σ_t(η) times the noise, and with η = 1 that is DDPM's."""
    betas = SCHEDULES["cosine"]
    products = cumulative(betas)
    zero = torch.zeros(1, 3, 4, 4, dtype=torch.float64)
    noise = torch.randn(zero.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    options = {"num_inference_steps": 40, "timestep_spacing": "trailing"}
    ddim, ddpm = make_sampler(betas, **options), make_sampler(betas, sampler="ddpm", **options)
    for position in range(39):
        alpha, previous = (products[ddim.timesteps[i]] for i in (position, position + 1))
        for eta in (0.25, 1.0):
            stepped = ddim.step(position, zero, zero, torch.Generator().manual_seed(0), eta)
            torch.testing.assert_close(stepped, ddim_sigma(alpha, previous, eta) * noise, rtol=1e-12, atol=0)
        stepped = ddpm.step(position, zero, zero, torch.Generator().manual_seed(0))
        torch.testing.assert_close(stepped, math.sqrt(ddpm_variance(alpha, previous)) * noise, rtol=1e-12, atol=0)


@pytest.mark.parametrize("steps", [30, 1000])
def test_ddim_with_eta_1_is_ddpm(steps):
    noise = torch.randn(2, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    ddpm, ddim = (
        draw(
            SCHEDULES["linear"],
            noise,
            bank_generators(0, range(2)),
            eta=eta,
            sampler=sampler,
            num_inference_steps=steps,
        )
        for sampler, eta in (("ddpm", 0.0), ("ddim", 1.0))
    )
    torch.testing.assert_close(ddim, ddpm, rtol=1e-9, atol=1e-9)


def flow_solution(betas, x, alpha: float, s: float = S):
    """Where the noise x is at ᾱ_t = alpha: the probability flow keeps (x_t − √ᾱ_t μ) / √(ᾱ_t s² + 1 − ᾱ_t).

    (Song et al. 2021, arXiv:2011.13456, eq. 13, for this data.)
    """
    start = cumulative(betas)[-1]
    kept = (x - math.sqrt(start) * MU) / math.sqrt(start * s**2 + 1 - start)
    return math.sqrt(alpha) * MU + math.sqrt(alpha * s**2 + 1 - alpha) * kept


def flow_errors(betas, steps, sampler, s: float = S) -> tuple[float, float]:
    """The largest error of noises up to ±3, half-way and at the end."""
    noise = torch.linspace(-3, 3, 3 * 64, dtype=torch.float64).reshape(1, 3, 8, 8)
    options = {"num_inference_steps": steps, "sampler": sampler, "trace_steps": 3, "s": s}
    trace = trace_of(betas, noise, torch.Generator(), **options)
    products = [1.0, *cumulative(betas)]  # ᾱ of the times 0 … T
    _, half, end = (
        (images - flow_solution(betas, noise, products[time], s)).abs().max().item()
        for images, time in zip(trace.images, trace.times, strict=True)
    )
    return half, end


@pytest.mark.parametrize(("schedule", "constant"), [("linear", 4.5), ("cosine", 2.4)])
def test_ddim_is_a_first_order_solver_of_the_probability_flow(schedule, constant):
    """With noises up to ±3 the error is at most `constant` / steps, and falls just as fast."""
    errors = {steps: flow_errors(SCHEDULES[schedule], steps, "ddim")[1] for steps in (50, 100, 1000)}
    assert all(error < constant / steps for steps, error in errors.items())
    assert errors[50] / errors[100] == pytest.approx(2, rel=0.05)
    assert errors[50] / errors[1000] == pytest.approx(20, rel=0.1)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_dpm_solver_is_a_second_order_one(schedule):
    """Half-way, because the last step of the method is one of first order."""
    errors = {steps: flow_errors(SCHEDULES[schedule], steps, "dpmsolver++") for steps in (50, 100, 200)}
    assert errors[50][0] / errors[100][0] == pytest.approx(4, rel=0.15)
    assert errors[100][0] / errors[200][0] == pytest.approx(4, rel=0.15)
    assert errors[50][1] > 4 * errors[200][1]


@pytest.mark.parametrize(("steps", "s", "factor"), [(10, 1.0, 3), (20, S, 2), (40, S, 8)])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_dpm_solver_is_nearer_to_the_flow_than_ddim(schedule, steps, s, factor):
    ddim, dpm = (flow_errors(SCHEDULES[schedule], steps, sampler, s)[1] for sampler in ("ddim", "dpmsolver++"))
    assert ddim > factor * dpm


def dpm_solver_2m(products: list[float], x: float) -> float:
    """Lu et al. 2022, algorithm 2, from the noise x through ᾱ = products, the last of which is 1.

    λ = log(α/σ); x̃_i = σ_i/σ_{i−1} x̃_{i−1} − α_i (e^{−h_i} − 1) D_i with D_1 = x_θ(x̃_0) and, for i ≥ 2,
    D_i = (1 + 1/(2 r_i)) x_θ(x̃_{i−1}) − 1/(2 r_i) x_θ(x̃_{i−2}), r_i = h_{i−1}/h_i. At ᾱ = 1, where h is infinite,
    D is x_θ(x̃_{i−1}) alone.
    """
    before, h_before = math.nan, math.nan
    for i, (alpha, following) in enumerate(pairwise(products)):
        x0 = (x - math.sqrt(1 - alpha) * exact_noise(alpha, x)) / math.sqrt(alpha)
        if following == 1:
            return x0
        h = (math.log(following / (1 - following)) - math.log(alpha / (1 - alpha))) / 2
        estimate = x0 if i == 0 else (1 + h / h_before / 2) * x0 - h / h_before / 2 * before
        x = math.sqrt((1 - following) / (1 - alpha)) * x - math.sqrt(following) * math.expm1(-h) * estimate
        before, h_before = x0, h
    return x


@pytest.mark.parametrize("spacing", ["trailing", "leading", "linspace"])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 10, 37])
def test_dpm_solver_is_algorithm_2(schedule, spacing, steps):
    """Also for numbers of steps that do not divide T."""
    options = {"sampler": "dpmsolver++", "num_inference_steps": steps, "timestep_spacing": spacing}
    noise = torch.linspace(-2, 2, 12).reshape(1, 3, 2, 2)
    images = draw(SCHEDULES[schedule], noise, torch.Generator(), **options)
    products = cumulative(SCHEDULES[schedule])
    visited = [products[t] for t in make_sampler(SCHEDULES[schedule], **options).timesteps]
    expected = torch.tensor([dpm_solver_2m([*visited, 1.0], x) for x in noise.flatten().tolist()])
    torch.testing.assert_close(images.flatten(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "dpmsolver++"])
def test_a_network_of_v_draws_the_same_images(sampler):
    """v = √ᾱ ε − √(1−ᾱ) x₀ (Salimans & Ho 2022, appendix D)."""
    products = cumulative(SCHEDULES["cosine"])
    noise = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    options = {"sampler": sampler, "num_inference_steps": 20}

    def exact_v(x, t):
        epsilon = exact_noise(products[t], x)
        x0 = (x - math.sqrt(1 - products[t]) * epsilon) / math.sqrt(products[t])
        return math.sqrt(products[t]) * epsilon - math.sqrt(1 - products[t]) * x0

    of_v = make_sampler(SCHEDULES["cosine"], "v_prediction", clip_sample=False, **options)
    images = sample(exact_v, of_v, noise, bank_generators(0, [0, 1])).images[-1]
    torch.testing.assert_close(
        images, draw(SCHEDULES["cosine"], noise, bank_generators(0, [0, 1]), **options), rtol=1e-3, atol=1e-4
    )
