"""The sampling loop: what it keeps, and its calls of the network."""

import pytest
import torch

from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.samplers import SamplingError, make_sampler
from difflab.diffusion.sampling import sample
from difflab.diffusion.schedules import linear_betas

BETAS = linear_betas(1000, 1e-4, 0.02)
NOISE = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))


def half(x, t):
    return 0.5 * x


def test_trace_holds_both_ends_at_equal_intervals():
    sampler = make_sampler(BETAS, num_inference_steps=50)
    trace = sample(half, sampler, NOISE, torch.Generator(), trace_steps=6)
    assert trace.times == [1000, 800, 600, 400, 200, 0]
    assert trace.images.shape == (6, 2, 3, 4, 4)
    assert torch.equal(trace.images[0], NOISE)
    whole = sample(half, sampler, NOISE, torch.Generator(), trace_steps=51)
    assert torch.equal(trace.images, whole.images[::10])
    assert torch.equal(sample(half, sampler, NOISE, torch.Generator()).images, whole.images[[0, 50]])


def test_times_are_those_the_network_saw():
    seen = []

    def predict_noise(x, t):
        seen.append(t)
        return x

    sampler = make_sampler(BETAS, num_inference_steps=4, timestep_spacing="leading", steps_offset=1)
    trace = sample(predict_noise, sampler, NOISE, torch.Generator(), trace_steps=5)
    assert seen == [751, 501, 251, 1]
    assert trace.times == [752, 502, 252, 2, 0]


@pytest.mark.parametrize(("sampler", "eta"), [("ddpm", 0.0), ("ddim", 0.7), ("dpmsolver++", 0.0)])
def test_step_noise_of_an_image_is_its_own(sampler, eta):
    options = {"sampler": sampler, "num_inference_steps": 10}
    together = sample(half, make_sampler(BETAS, **options), NOISE, bank_generators(0, [5, 9]), eta).images[-1]
    alone = sample(half, make_sampler(BETAS, **options), NOISE[1:], bank_generators(0, [9]), eta).images[-1]
    assert torch.equal(together[1:], alone)


@pytest.mark.parametrize("sampler", ["ddim", "dpmsolver++"])
def test_deterministic_samplers_draw_no_noise_and_start_afresh(sampler):
    """The same Sampler twice: what DPM-Solver++ remembers ends with its run."""
    made = make_sampler(BETAS, sampler=sampler, num_inference_steps=5)
    images = [sample(half, made, NOISE, torch.Generator().manual_seed(seed)).images for seed in (0, 1)]
    assert torch.equal(*images)


@pytest.mark.parametrize(
    ("options", "arguments", "line"),
    [
        ({}, {"trace_steps": 1}, "trace_steps: found 1, allowed: 2 to 6"),
        ({}, {"trace_steps": 7}, "trace_steps: found 7, allowed: 2 to 6"),
        ({}, {"eta": 1.5}, "eta: found 1.5, allowed: 0 to 1 with DDIM, else 0"),
        ({"sampler": "ddpm"}, {"eta": 0.5}, "eta: found 0.5, allowed: 0 to 1 with DDIM, else 0"),
        ({"sampler": "dpmsolver++"}, {"eta": 0.5}, "eta: found 0.5, allowed: 0 to 1 with DDIM, else 0"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(options, arguments, line):
    with pytest.raises(SamplingError) as error:
        sample(half, make_sampler(BETAS, num_inference_steps=5, **options), NOISE, torch.Generator(), **arguments)
    assert str(error.value) == line
