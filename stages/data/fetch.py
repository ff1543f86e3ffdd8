"""Write the raw data sets, each from the source that params.yaml names, to fetched/."""

from __future__ import annotations

import argparse
from pathlib import Path

from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    from difflab.config.load import load_section

    from difflab.config.data import DataParams
    from difflab.data.sources import DATASETS, read, require

    params = load_section(DataParams, "data")
    require(params)
    for name in DATASETS:
        read(name, params).save(Path("fetched") / f"{name}.safetensors")


if __name__ == "__main__":
    run(main)
