"""Paths from noise to noise: what the images become, and below them why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from difflab.figures.curves import Plot, draw_plot
from difflab.figures.image_grid import Panel, draw_image_grid
from difflab.figures.png import STYLE

HEIGHT = 2.2  # inches of a plot
GAP = 0.3  # inches above it
LABELS = 0.7  # inches to its left


@mpl.rc_context(STYLE)
def draw_paths(
    paths: Mapping[str, Sequence[Path]], alphas: Sequence[float], title: str, plots: Sequence[Plot]
) -> Figure:
    """The images of each path in a row, α above its column, and `plots` side by side below all of them."""
    panel = Panel(list(paths.values()), list(paths), [f"α = {alpha:g}" for alpha in alphas])
    figure = draw_image_grid([panel], title)
    drawn = figure.get_tightbbox()
    width = drawn.width / len(plots)
    for column, plot in enumerate(plots):
        place = (drawn.x0 + column * width + LABELS, drawn.y0 - GAP - HEIGHT, width - LABELS, HEIGHT)
        draw_plot(figure.add_axes(place), plot)
    return figure
