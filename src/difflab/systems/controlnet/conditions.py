"""Prompts, conditioning images and colors of the ControlNet's samples, in groups that are evaluated together."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from difflab.config.language import ControlSamplesParams, TwoCirclesParams
from difflab.data.circles import Scenes
from difflab.data.colors import rgb
from difflab.errors import UserError

ONE_CIRCLE = "one_circle"


@dataclass(frozen=True)
class Conditions:
    """The conditions of N images, image i from noise i of the bank.

    `geometry` (N, 2, 3) of the conditioning images and `colors` (N, 3, 3) uint8 of the prompts are as in Scenes; with
    `any_order` the prompt does not say which circle has which color.
    """

    prompts: list[str]
    geometry: Tensor
    colors: Tensor
    any_order: bool = False

    def __len__(self) -> int:
        return len(self.prompts)

    def part(self, numbers: range) -> "Conditions":
        """The conditions of the images `numbers`, which are consecutive."""
        rows = slice(numbers.start, numbers.stop)
        return Conditions(self.prompts[rows], self.geometry[rows], self.colors[rows], self.any_order)


def one_circle(scenes: Scenes, count: int) -> Conditions:
    """The first `count` scenes of one circle. Raises UserError when there are fewer."""
    scenes = scenes.where(scenes.num_circles == 1)
    if len(scenes) < count:
        raise UserError(f"circles.num_validation: found {len(scenes)} scenes of one circle, allowed: {count} at least")
    return Conditions(scenes.captions[:count], scenes.geometry[:count], scenes.colors[:count])


def two_circles(params: TwoCirclesParams, count: int) -> Conditions:
    """One prompt and conditioning image, `count` times."""
    geometry = torch.tensor(params.circles, dtype=torch.float32)
    colors = torch.tensor([rgb(name) for name in params.colors], dtype=torch.uint8)
    return Conditions(
        [params.prompt] * count,
        geometry.expand(count, -1, -1).contiguous(),
        colors.expand(count, -1, -1).contiguous(),
        params.any_order,
    )


def all_conditions(scenes: Scenes, params: ControlSamplesParams) -> dict[str, Conditions]:
    """By name: held-out scenes of one circle, and each conditioning image of two."""
    groups = {ONE_CIRCLE: one_circle(scenes, params.num_one_circle)}
    return groups | {
        two_circles_name(number): two_circles(pair, params.num_two_circles)
        for number, pair in enumerate(params.two_circles, start=1)
    }


def two_circles_name(number: int) -> str:
    return f"two_circles_{number}"


def without(name: str) -> str:
    """The name of the images of a group that are sampled without the ControlNet."""
    return f"{name}_without"


def scaled(scale: float) -> str:
    """The name of the images of one circle with a conditioning scale."""
    return f"scale_{scale:g}"


def at_step(step: int) -> str:
    """The name of the images of one circle after a step of training."""
    return f"step_{step:06d}"


def steps_of(names: Iterable[str]) -> list[int]:
    """The steps of those `names` that are of `at_step`."""
    return sorted(int(name.removeprefix("step_")) for name in names if name.startswith("step_"))
