"""DDIM from deterministic to as random as DDPM, on faces: samples/faces/ → figures/eta_grid.png."""

import argparse
from pathlib import Path

from difflab.config.load import load_section

from difflab.config.diffusion import FaceSamplingParams
from difflab.stage import run

COLUMNS = 4  # noises that are shown


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    params = load_section(FaceSamplingParams, "faces.sampling")

    from difflab.figures.image_grid import Panel, save_image_grid
    from difflab.systems.faces.noises import face_files

    seed, *_ = params.step_seeds
    rows = [face_files(params, eta, seed)[:COLUMNS] for eta in params.etas]
    noises = [f"noise {file.stem}" for file in rows[0]]
    panel = Panel(rows, [f"η = {eta:g}" for eta in params.etas], noises)
    save_image_grid([panel], "DDIM (η = 0) to DDPM (η = 1)", Path("figures/eta_grid.png"), "eta_grid")


if __name__ == "__main__":
    run(main)
