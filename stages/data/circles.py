"""Render captioned scenes of circles → prepared/circles.safetensors."""

from pathlib import Path
from typing import Annotated

from difflab.config.data import CirclesParams
from difflab.stage import Section, run


def main(params: Annotated[CirclesParams, Section("circles")]) -> None:
    from difflab.data.circles import make_scenes

    make_scenes(params).save(Path("prepared/circles.safetensors"))


if __name__ == "__main__":
    run(main)
