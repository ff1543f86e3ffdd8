"""House numbers rendered with matplotlib's fonts: a stand-in for SVHN.

Modeled on SYN NUMBERS (Ganin et al. 2016: fonts, neighbors, colors, orientation, blur), but with only a few color
pairs, so that a small model learns them in minutes. Images are independent of each other; all splits use the same
fonts and colors.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

SIZE = 32  # pixels a side, as in SVHN
CELL_HEIGHT, CELL_WIDTH, DIGIT_HEIGHT = 48, 32, 36  # pixels of a rendered digit, before the perspective
BLANK = 10  # index of the empty cell, for a missing neighbor
FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif-Bold.ttf", "STIXGeneralBol.ttf", "cmss10.ttf")
PLATES = (  # background, digits
    ((232, 232, 224), (30, 32, 38)),  # black on white
    ((34, 62, 132), (236, 238, 240)),  # white on enamel blue
    ((38, 40, 44), (226, 222, 210)),  # white on black
    ((142, 66, 48), (244, 236, 222)),  # white on brick
    ((214, 190, 146), (70, 44, 30)),  # brown on sandstone
    ((40, 92, 64), (232, 214, 140)),  # brass on green
)


def render(labels: NDArray[np.int64], generator: Generator) -> NDArray[np.uint8]:
    """Render N images (N, 3, 32, 32), each centered on the digit of `labels` (N,), with its neighbors cropped."""
    n = len(labels)
    cells = _digit_cells()
    font = generator.integers(len(FONTS), size=n)
    neighbors = generator.integers(10, size=(n, 2))
    neighbors[generator.random((n, 2)) < 0.4] = BLANK
    number = np.stack([neighbors[:, 0], labels, neighbors[:, 1]], axis=1)
    images = []
    for part in np.array_split(np.arange(n), max(1, n // 2000)):  # bounds the memory
        strip = torch.from_numpy(cells[font[part, None], number[part]]).permute(0, 2, 1, 3).flatten(2)
        ink = _photograph(strip[:, None].double() / 255, generator)
        images.append(_paint(ink, generator))
    return np.concatenate(images)


def _digit_cells() -> NDArray[np.uint8]:
    """Coverage 0-255, (fonts, 11, CELL_HEIGHT, CELL_WIDTH), of the ten digits at equal height and an empty cell."""
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    folder = Path(matplotlib.get_data_path()) / "fonts/ttf"
    cells = np.zeros((len(FONTS), 11, CELL_HEIGHT, CELL_WIDTH), dtype=np.uint8)
    for index, name in enumerate(FONTS):
        _, top, _, bottom = ImageFont.truetype(folder / name, 100).getbbox("8", anchor="ls")
        font = ImageFont.truetype(folder / name, round(100 * DIGIT_HEIGHT / (bottom - top)))
        for digit in range(10):
            cell = Image.new("L", (CELL_WIDTH, CELL_HEIGHT))
            baseline = (CELL_WIDTH / 2, (CELL_HEIGHT + DIGIT_HEIGHT) / 2)
            ImageDraw.Draw(cell).text(baseline, str(digit), fill=255, font=font, anchor="ms")
            cells[index, digit] = np.asarray(cell)
    return cells


def _photograph(strip: Tensor, generator: Generator) -> Tensor:
    """Warp strips (N, 1, H, W) by a mild random homography to (N, 1, SIZE, SIZE), without blur."""
    n, _, height, width = strip.shape

    def uniform(bound: float) -> Tensor:
        return torch.from_numpy(generator.uniform(-bound, bound, size=(n, 1, 1)))

    axis = (torch.arange(SIZE, dtype=torch.float64) + 0.5) / SIZE * 2 - 1
    y, x = (a[None] for a in torch.meshgrid(axis, axis, indexing="ij"))
    angle, shear, scale = uniform(0.10), uniform(0.15), 1 + uniform(0.08)
    depth = 1 + uniform(0.08) * x + uniform(0.08) * y  # the plate is not quite facing the camera
    x, y = (x + uniform(0.06)) / depth, (y + uniform(0.06)) / depth
    x, y = x * torch.cos(angle) - y * torch.sin(angle), x * torch.sin(angle) + y * torch.cos(angle)
    x, y = scale * (x + shear * y), scale * y
    grid = torch.stack([x * height / width, y], dim=-1)
    return F.grid_sample(strip, grid, align_corners=False)


def _paint(ink: Tensor, generator: Generator) -> NDArray[np.uint8]:
    """Coverage (N, 1, S, S) in [0, 1] to images (N, 3, S, S): colors, a brightness gradient, blur and pixel noise."""
    n = len(ink)
    blurred = F.avg_pool2d(F.pad(ink, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    softness = torch.from_numpy(generator.random((n, 1, 1, 1)))
    ink = torch.lerp(ink, blurred, softness)
    plate = torch.tensor(PLATES, dtype=torch.float64)[torch.from_numpy(generator.integers(len(PLATES), size=n))]
    plate = plate + torch.from_numpy(generator.uniform(-10, 10, size=(n, 2, 3)))
    background, foreground = plate[:, 0, :, None, None], plate[:, 1, :, None, None]
    image = torch.lerp(background, foreground, ink)
    axis = torch.linspace(-1, 1, SIZE, dtype=torch.float64)
    slope = torch.from_numpy(generator.uniform(-0.15, 0.15, size=(2, n, 1, 1, 1)))
    image = image * (1 + slope[0] * axis[:, None] + slope[1] * axis)
    noise = torch.from_numpy(generator.uniform(-4, 4, size=image.shape))
    return (image + noise).clamp(0, 255).round().to(torch.uint8).numpy()
