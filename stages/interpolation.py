"""Two paths from noise to noise: samples/interpolation/ → figures/interpolation.png, and one of each path alone."""

import argparse
from itertools import pairwise
from pathlib import Path

from difflab.config.load import load_section

from difflab.config.diffusion import FaceInterpolationParams, FaceSamplingParams, PathName
from difflab.stage import run

TITLES: dict[PathName, str] = {
    "slerp": "Spherical interpolation of two noises",
    "lerp": "Linear interpolation of two noises",
}


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    sampling = load_section(FaceSamplingParams, "faces.sampling")
    interpolation = load_section(FaceInterpolationParams, "faces.interpolation")

    from difflab.figures.curves import Curve, Plot
    from difflab.figures.files import Provenance, save_png
    from difflab.figures.image_grid import Panel, plot_paths, save_image_grid
    from difflab.systems.faces.evaluation import perceptual_steps, read_images
    from difflab.systems.faces.noises import alphas_of, interpolated_noises, path_files

    alphas = alphas_of(interpolation)
    files = {path: path_files(interpolation, path) for path in TITLES}
    for path, title in TITLES.items():
        captions = [[f"α = {alpha:g}" for alpha in alphas]]
        panel = Panel([files[path]], [], [], captions=captions)
        save_image_grid([panel], title, Path(f"figures/{path}.png"), "interpolation")

    images = {path: read_images(files[path]) for path in TITLES}
    noises = interpolated_noises(sampling, interpolation, images["slerp"].shape[1])
    between = [(low + high) / 2 for low, high in pairwise(alphas)]
    norms = [Curve.exact(path, alphas, [noise.norm().item() for noise in noises[path]]) for path in TITLES]
    steps = [Curve.exact(path, between, perceptual_steps(images[path])) for path in TITLES]
    plots = [
        Plot("", "α", "norm of the noise", norms, {"√ of its size": noises["slerp"][0].numel() ** 0.5}),
        Plot("", "α, half way between two images", "1 − SSIM of the two", steps),
    ]
    figure = plot_paths(files, alphas, "From one noise to another, η = 0", plots)
    shown = [file for path in TITLES for file in files[path]]
    save_png(figure, Path("figures/interpolation.png"), Provenance.of("interpolation", shown))


if __name__ == "__main__":
    run(main)
