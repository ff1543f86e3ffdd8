"""Prompts and conditioning images for sampling with the ControlNet, in groups that are evaluated together."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from difflab.config.language import ControlSamplesParams, PairsParams, TwoCirclesParams
from difflab.data.circles import Scenes, render_conditioning_images
from difflab.data.colors import rgb
from difflab.errors import UserError
from difflab.systems.controlnet.pairs import Pairs, read_pairs, split_pairs

ONE_CIRCLE, PAIRS = "one_circle", "pairs"


class Conditions(Protocol):
    """Prompts and conditioning images of N samples; sample i starts from noise i of the bank."""

    @property
    def prompts(self) -> list[str]: ...

    def __len__(self) -> int: ...

    def part(self, numbers: range) -> Self:
        """The conditions with the consecutive indices `numbers`."""
        ...

    def hints(self, size: int) -> Tensor:
        """The conditioning images: (N, 3, size, size) float32 in [0, 1]."""
        ...


@dataclass(frozen=True)
class CircleConditions:
    """Conditions for images of circles.

    `geometry` (N, 2, 3), of the conditioning images, and `colors` (N, 3, 3) uint8, of the prompts, are as in Scenes.
    `any_order`: the prompts do not say which circle has which color.
    """

    prompts: list[str]
    geometry: Tensor
    colors: Tensor
    any_order: bool = False

    def __len__(self) -> int:
        return len(self.prompts)

    def part(self, numbers: range) -> "CircleConditions":
        """The conditions with the consecutive indices `numbers`."""
        rows = slice(numbers.start, numbers.stop)
        return CircleConditions(self.prompts[rows], self.geometry[rows], self.colors[rows], self.any_order)

    def hints(self, size: int) -> Tensor:
        """The outlines of the circles: (N, 3, size, size) float32 in [0, 1]."""
        return render_conditioning_images(self.geometry, size)


def one_circle(scenes: Scenes, count: int) -> CircleConditions:
    """Conditions from the first `count` scenes with one circle. Raises UserError when there are fewer."""
    scenes = scenes.where(scenes.num_circles == 1)
    if len(scenes) < count:
        raise UserError(f"circles.num_validation: found {len(scenes)} scenes of one circle, allowed: {count} at least")
    return CircleConditions(scenes.captions[:count], scenes.geometry[:count], scenes.colors[:count])


def two_circles(params: TwoCirclesParams, count: int) -> CircleConditions:
    """The same prompt and conditioning image with two circles, `count` times."""
    geometry = torch.tensor(params.circles, dtype=torch.float32)
    colors = torch.tensor([rgb(name) for name in params.colors], dtype=torch.uint8)
    return CircleConditions(
        [params.prompt] * count,
        geometry.expand(count, -1, -1).contiguous(),
        colors.expand(count, -1, -1).contiguous(),
        params.any_order,
    )


def circle_conditions(scenes: Scenes, params: ControlSamplesParams) -> dict[str, CircleConditions]:
    """Groups by name: held-out scenes with one circle, and each conditioning image with two circles."""
    groups = {ONE_CIRCLE: one_circle(scenes, params.num_one_circle)}
    return groups | {
        two_circles_name(number): two_circles(pair, params.num_two_circles)
        for number, pair in enumerate(params.two_circles, start=1)
    }


def pair_conditions(params: PairsParams) -> dict[str, Pairs]:
    """The group of held-out pairs of a folder."""
    assert params.folder is not None
    _, held_out = split_pairs(read_pairs(params.folder), params.num_validation)
    return {PAIRS: held_out}


def two_circles_name(number: int) -> str:
    """The name of the group for a conditioning image with two circles, numbered from 1."""
    return f"two_circles_{number}"


def without(name: str) -> str:
    """The name of a group's images that are sampled without the ControlNet."""
    return f"{name}_without"


def scaled(scale: float) -> str:
    """The name of the images sampled with a conditioning scale, for the comparison of scales."""
    return f"scale_{scale:g}"


def at_step(step: int) -> str:
    """The name of the images sampled after a training step, for the comparison of steps."""
    return f"step_{step:06d}"


def steps_of(names: Iterable[str]) -> list[int]:
    """The training steps in those `names` that `at_step` made."""
    return sorted(int(name.removeprefix("step_")) for name in names if name.startswith("step_"))
