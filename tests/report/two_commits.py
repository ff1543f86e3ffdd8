"""The contents of the repository in conftest.py."""

import subprocess
from pathlib import Path

from dvc.repo import Repo
from PIL import Image
from PIL.PngImagePlugin import PngInfo

ROOT = Path(__file__).parents[2]
PROTOCOL = {"num_generated": 50, "extractor": "judge-mnistm"}
PIPELINE = """
stages:
  sample:
    foreach: [joint-cosine, mnistm-linear]
    do: {cmd: 'true', params: ['recipes.${item}.sampling'], outs: ['samples/${item}/']}
  grid:
    foreach: [joint-cosine, mnistm-linear]
    do: {cmd: 'true', deps: ['samples/${item}/'], outs: ['figures/grid_${item}.png']}
  evaluate:
    foreach: [joint-cosine, mnistm-linear]
    do:
      cmd: python stages/evaluate.py ${item}
      deps: ['samples/${item}/']
      metrics: ['metrics/${item}.json': {cache: false}]
  eta_grid: {cmd: 'true', outs: [figures/eta_grid.png]}
"""


def write_image(path: Path, color: tuple[int, int, int], size: tuple[int, int] = (16, 16)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    told = PngInfo()
    told.add_text("Stage", "grid")
    Image.new("RGB", size, color).save(path, pnginfo=told)


def metrics(correct: float, **protocol: object) -> dict[str, object]:
    accuracy = {"value": correct, "low": correct - 0.05, "high": correct + 0.05}
    return {"num_images": 50, "mnistm": {"accuracy": accuracy, "confidence": 0.5, "protocol": PROTOCOL | protocol}}


def commit(message: str) -> None:
    with Repo() as repo:
        repo.commit(force=True)
    subprocess.run("git add --all && git commit --quiet --message " + message, shell=True, check=True)
