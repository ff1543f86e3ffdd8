"""What figures and files of metrics say of their own making."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from difflab import outputs
from difflab.outputs import written_whole
from difflab.run_records import note_params, recorded
from difflab.stamp import params_hash, read_stamp

PIPELINE = """
stages:
  grid:
    foreach: ${recipes}
    do: {cmd: 'python stages/grid.py ${key}', deps: [stages/grid.py, 'samples/${key}/', 'data/${study.of}']}
"""
PARAMS = {"recipes.a.data": {"mnistm": [1, 2]}, "seed": 1e-05}


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs a function as the stage grid@a, which reads two samples and a data set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stages/grid.py", "a"])
    files = {
        "dvc.yaml": PIPELINE,
        "params.yaml": "study: {of: d}",
        "samples/a/1": "x",
        "samples/a/0": "w",
        "data/d": "y",
    }
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)

    def run(write) -> None:
        def main() -> None:
            for key, value in PARAMS.items():
                note_params(key, value)
            write()

        recorded(main)

    return run


def test_metrics_name_stage_parameters_and_inputs(stage) -> None:
    path = Path("metrics/a.json")

    def write() -> None:
        with written_whole(path) as partial:
            partial.write_text('{"accuracy": 0.5}')

    stage(write)
    told = {
        "stage": "grid@a",
        "params_sha256": hashlib.sha256(json.dumps(PARAMS, sort_keys=True).encode()).hexdigest(),
        "inputs_sha256": hashlib.sha256(b"wxy").hexdigest(),
    }
    assert json.loads(path.read_text()) == {"accuracy": 0.5} | told
    assert read_stamp(".json", path.read_bytes()) == told
    before = path.read_bytes()
    stage(write)
    assert path.read_bytes() == before
    Path("samples/a/1").write_text("z")
    stage(write)
    assert json.loads(path.read_text())["inputs_sha256"] != told["inputs_sha256"]


def test_a_figure_keeps_its_pixels_and_names_its_parameters_too(stage) -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    said = PngInfo()
    said.add_text("Stage", "grid")

    def write() -> None:
        with written_whole(Path("figures/a.png")) as partial:
            Image.fromarray(pixels).save(partial, format="png", pnginfo=said)

    stage(write)
    with Image.open("figures/a.png") as image:
        image.verify()  # checksums of chunks
    assert np.array_equal(np.asarray(Image.open("figures/a.png")), pixels)
    told = read_stamp(".png", Path("figures/a.png").read_bytes())
    assert told == {"Stage": "grid", "Params": f"sha256:{params_hash(PARAMS)}"}


def test_other_files_and_other_programs_write_as_ever(stage) -> None:
    def write() -> None:
        with written_whole(Path("models/a")) as folder:
            folder.mkdir()
            (folder / "config.json").write_text("{}")

    stage(write)
    assert Path("models/a/config.json").read_text() == "{}"
    assert outputs.when_finished is None
    with written_whole(Path("metrics/b.json")) as partial:
        partial.write_text("{}")
    assert Path("metrics/b.json").read_text() == "{}"
