"""slerp compared with the textbook formula: norm, angles, and noises for which it is not defined."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from difflab.errors import UserError
from difflab.systems.faces.noises import lerp, slerp

SHAPE = (1, 3, 8, 8)
alphas = st.floats(0, 1)
seeds = st.integers(0, 1000)


def noise(seed: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def angle(a: torch.Tensor, b: torch.Tensor) -> float:
    """Kahan's formula, accurate for small angles too."""
    u, v = a.double().flatten(), b.double().flatten()
    u, v = u / u.norm(), v / v.norm()
    return 2 * math.atan2((u - v).norm().item(), (u + v).norm().item())


@settings(deadline=None)
@given(seeds, alphas)
def test_noises_of_one_norm_go_as_the_textbook_says(seed, alpha):
    a, b = noise(seed), noise(seed + 1)
    b = b * a.norm() / b.norm()
    theta = math.acos((a.flatten() @ b.flatten() / a.norm() ** 2).item())
    textbook = (math.sin((1 - alpha) * theta) * a + math.sin(alpha * theta) * b) / math.sin(theta)
    torch.testing.assert_close(slerp(a, b, alpha), textbook, rtol=1e-9, atol=1e-9)


@settings(deadline=None)
@given(seeds, st.floats(0.1, 10), st.sampled_from([1.0, 1 + 1e-9, -1.0, -1 - 1e-9, None]), alphas)
def test_it_keeps_the_norm_and_a_constant_speed(seed, scale, multiple, alpha):
    a = noise(seed)
    b = scale * (noise(seed + 1) if multiple is None else a * multiple)
    between = slerp(a, b, alpha)
    expected = (1 - alpha) * a.norm() + alpha * b.norm()
    assert between.norm().item() == pytest.approx(expected.item(), rel=1e-12)
    assert angle(a, between) == pytest.approx(alpha * angle(a, b), abs=1e-6)
    assert angle(between, b) == pytest.approx((1 - alpha) * angle(a, b), abs=1e-6)


@settings(deadline=None)
@given(seeds, st.floats(-9, -3), st.sampled_from([1, -1]), alphas)
def test_nearly_parallel_and_nearly_opposite_noises(seed, exponent, sign, alpha):
    a = noise(seed)
    b = sign * a + 10**exponent * noise(seed + 1)
    between = slerp(a, b, alpha)
    assert between.isfinite().all()
    assert angle(a, between) == pytest.approx(alpha * angle(a, b), abs=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_middle_of_a_line_is_still_noise(sign):
    """Half way to its opposite lies a noise of standard normal numbers, not one with a spike."""
    a = noise(0, torch.float32)
    middle = slerp(a, sign * a, 0.5)
    assert middle.dtype == a.dtype and middle.shape == a.shape
    assert middle.norm().item() == pytest.approx(a.norm().item(), rel=1e-6)
    assert middle.abs().max() <= 1.5 * a.abs().max()
    if sign == 1:
        torch.testing.assert_close(middle, a)


def test_lerp_leaves_the_shell():
    a, b = (torch.randn(1, 3, 256, 256, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert (lerp(a, b, 0.5).norm() / a.norm()).item() == pytest.approx(math.sqrt(0.5), abs=0.01)
    assert (slerp(a, b, 0.5).norm() / a.norm()).item() == pytest.approx(1, abs=0.01)
    torch.testing.assert_close(lerp(a, b, 0.3), 0.7 * a + 0.3 * b)


@pytest.mark.parametrize("zero_first", [True, False])
def test_nothing_has_no_direction(zero_first):
    a, b = (torch.zeros(SHAPE), noise(0)) if zero_first else (noise(0), torch.zeros(SHAPE))
    with pytest.raises(UserError, match=r"slerp: found noises of norm .* allowed: above 0"):
        slerp(a, b, 0.5)
