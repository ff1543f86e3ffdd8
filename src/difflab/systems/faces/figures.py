"""Figures of faces: the grid of η, and the paths between two noises with their metrics below."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from difflab.config.diffusion import FaceInterpolationParams, FaceSamplingParams, PathName
from difflab.figures.curves import Curve, Plot, plot_curves
from difflab.figures.files import STYLE, Provenance, save_png
from difflab.figures.image_grid import Panel, plot_image_grid, save_image_grid
from difflab.systems.faces.evaluation import contrast, read_images, sharpness
from difflab.systems.faces.files import alphas_of, face_files

TITLES: dict[PathName, str] = {
    "slerp": "Spherical interpolation of two noises",
    "lerp": "Linear interpolation of two noises",
}

NUM_NOISES = 4  # in the grid of η
HEIGHT = 2.2  # inches of a plot
GAP = 0.3  # inches above it
LABELS = 0.7  # inches to its left


def save_eta_grid(params: FaceSamplingParams, stage: str) -> None:
    """Write figures/eta_grid.png: rows are η, columns the first noises; all with the first step seed."""
    rows = [face_files(params, eta, params.step_seeds[0])[:NUM_NOISES] for eta in params.etas]
    panel = Panel(rows, [f"η = {eta:g}" for eta in params.etas], [f"noise {file.stem}" for file in rows[0]])
    save_image_grid([panel], "DDIM (η = 0) to DDPM (η = 1)", Path("figures/eta_grid.png"), stage)


@mpl.rc_context(STYLE)
def plot_paths(
    paths: Mapping[str, Sequence[Path]], alphas: Sequence[float], title: str, plots: Sequence[Plot]
) -> Figure:
    """Plot the images of each path in a row, with α above the columns, and `plots` side by side below."""
    panel = Panel(list(paths.values()), list(paths), [f"α = {alpha:g}" for alpha in alphas])
    figure = plot_image_grid([panel], title)
    drawn = figure.get_tightbbox()
    width = drawn.width / len(plots)
    for column, plot in enumerate(plots):
        place = (drawn.x0 + column * width + LABELS, drawn.y0 - GAP - HEIGHT, width - LABELS, HEIGHT)
        plot_curves(figure.add_axes(place), plot)
    return figure


def save_paths(
    files: Mapping[PathName, Sequence[Path]],
    norms: Mapping[PathName, Sequence[float]],
    expected_norm: float,
    params: FaceInterpolationParams,
    stage: str,
) -> None:
    """Write figures/PATH.png for each path, and figures/interpolation.png with all paths.

    `files`, and the `norms` of their noises, by path in the order of α. `expected_norm`: √d, that of Gaussian noise.
    """
    alphas = alphas_of(params)
    for path, title in TITLES.items():
        panel = Panel([files[path]], [], [], captions=[[f"α = {alpha:g}" for alpha in alphas]])
        save_image_grid([panel], title, Path(f"figures/{path}.png"), stage)

    def curves_of(values: Mapping[PathName, Sequence[float]]) -> list[Curve]:
        return [Curve.exact(path, alphas, values[path]) for path in TITLES]

    measured = {
        measure: curves_of({path: list(map(measure, read_images(files[path]))) for path in TITLES})
        for measure in (contrast, sharpness)
    }
    plots = [
        Plot("", "α", "norm of the noise", curves_of(norms), {"√ of its size": expected_norm}),
        *(Plot("", "α", f"{measure.__name__} of the image", curves) for measure, curves in measured.items()),
    ]
    title = "Slerp and lerp between two noises (DDIM, η = 0)"
    figure = plot_paths({path: files[path] for path in TITLES}, alphas, title, plots)
    shown = [file for path in TITLES for file in files[path]]
    save_png(figure, Path("figures/interpolation.png"), Provenance.of(stage, shown))
