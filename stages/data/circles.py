"""Make captioned scenes of circles → prepared/circles.safetensors."""

import argparse
from pathlib import Path

from difflab.config.load import load_section

from difflab.config.data import CirclesParams
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    params = load_section(CirclesParams, "circles")

    from difflab.data.circles import make_scenes

    make_scenes(params).save(Path("prepared/circles.safetensors"))


if __name__ == "__main__":
    run(main)
