"""Guidance is the sum of two predictions as in the papers, computed in one pass."""

import pytest
import torch
from torch import nn

from difflab.diffusion.samplers import SamplingError
from difflab.diffusion.sampling import guided


class CountingNetwork(nn.Module):
    """ε of x, t and condition, mixing all three; counts its passes."""

    def __init__(self):
        super().__init__()
        self.passes = 0

    def forward(self, x, t, condition):
        self.passes += 1
        return torch.sin(x * condition[:, :, None, None]) + t / 1000


@pytest.mark.parametrize("guidance_scale", [1.0, 1.5, 3.0])
def test_one_pass_equals_two(guidance_scale):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, 3, 4, 4, generator=generator)
    condition, null = torch.randn(2, 5, 3, generator=generator)
    network = CountingNetwork()
    predicted = guided(network, condition, null, guidance_scale)(x, 300)
    assert network.passes == 1
    expected = guidance_scale * network(x, 300, condition) - (guidance_scale - 1) * network(x, 300, null)
    torch.testing.assert_close(predicted, expected)


@pytest.mark.parametrize(("guidance_scale", "w"), [(2.0, 1.0), (3.0, 2.0), (4.0, 3.0), (5.0, 4.0), (6.0, 5.0)])
def test_the_sum_is_that_of_the_paper_to_the_last_bit(guidance_scale, w):
    """(1+w) ε(x,c) − w ε(x,∅), w = s − 1 (Ho & Salimans 2022, eq. 6), for the scales of the recipes and the study."""
    generator = torch.Generator().manual_seed(0)
    conditional, unconditional = torch.randn(2, 64, 3, 8, 8, generator=generator)
    expected = (1 + w) * conditional - w * unconditional
    condition, null = torch.zeros(2, 64, 3)

    def network(x, t, vectors):
        return torch.cat([conditional, unconditional])

    predicted = guided(network, condition, null, guidance_scale)(conditional, 3)
    assert predicted.numpy().tobytes() == expected.numpy().tobytes()


def test_a_scale_below_one_is_refused():
    with pytest.raises(SamplingError, match=r"^guidance_scale: found 0.5, allowed: 1 and above$"):
        guided(CountingNetwork(), torch.zeros(1, 3), torch.zeros(1, 3), 0.5)


def test_outside_its_time_steps_there_is_no_guidance_and_half_the_work():
    x, (condition, null) = torch.ones(5, 3, 4, 4), torch.eye(2)[:, None, :1].expand(2, 5, 3)
    sizes = []

    def network(x, t, vectors):
        sizes.append(len(x))
        return x * vectors[:, :1, None, None]

    predict_noise = guided(network, condition, null, 3.0, range(10, 20))
    predicted = [predict_noise(x, t).unique().tolist() for t in (9, 10, 19, 20)]
    assert predicted == [[1.0], [3.0], [3.0], [1.0]]
    assert sizes == [5, 10, 10, 5]
