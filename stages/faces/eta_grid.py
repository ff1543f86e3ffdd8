"""Samples for each η, from samples/faces/seed_{seed}/ of the first seed → figures/eta_grid.png."""

from typing import Annotated

from difflab.config.diffusion import FaceSamplingParams
from difflab.stage import Section, run


def main(sampling: Annotated[FaceSamplingParams, Section("faces.sampling")]) -> None:
    from difflab.systems.faces.figures import save_eta_grid

    save_eta_grid(sampling, "eta_grid")


if __name__ == "__main__":
    run(main)
