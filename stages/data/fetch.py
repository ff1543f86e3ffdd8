"""Read each raw data set from the source that params.yaml names → fetched/DATASET.safetensors."""

from pathlib import Path
from typing import Annotated

from difflab.config.data import DataParams
from difflab.stage import Section, run


def main(params: Annotated[DataParams, Section("data")]) -> None:
    from difflab.data.sources import read, require

    require(params)
    for name in params.sets:
        read(name, params).save(Path("fetched") / f"{name}.safetensors")


if __name__ == "__main__":
    run(main)
