"""Retrain the models of pretrained/: `make pretrained DATA=FOLDER`, with photographs of faces in FOLDER/faces/.

Clones HEAD below .cache/pretrained/ and runs it there with the profile `pretrain`; a killed run resumes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from difflab.config.data import DataParams
from difflab.config.load import load_section, read_yaml
from difflab.data.folder import FRAME, held_out_persons
from difflab.data.image_files import find_images
from difflab.history.clones import run_in_clone
from difflab.history.reference import machine
from difflab.history.revisions import resolve
from difflab.pipeline.files import atomic_write, remove
from difflab.pipeline.run_records import read_records
from gpu.face_data import COLOR_REPEATS, write_held_out
from pretrained.outputs import OUTPUTS, outputs_of

ROOT = Path(".cache/pretrained")
HERE = Path("pretrained")
LONG = ("protocol", "accuracy_by_class", "most_confused")  # keys of metrics files that cards leave out


@dataclass(frozen=True)
class Model:
    """A model to ship: the kinds of stages that train it, their sections of params.yaml, and its metrics file."""

    stages: tuple[str, ...]
    sections: tuple[str, ...]
    metrics: str

    def card(self, name: str, clone: Path, commit: str) -> str:
        """The model card: the text of cards/NAME.md, with parameters, time and metrics of this run filled in."""
        with contextlib.chdir(clone):
            records = [record for record in read_records() if record.stage.partition("@")[0] in self.stages]
            params = read_yaml("params.yaml")
            metrics = json.loads(Path(self.metrics).read_text(encoding="utf-8"))
            seen = {log: _steps(log) for record in records for log in record.training_logs}
        hours = sum(record.seconds or 0 for record in records) / 3600
        trained = "\n".join(f"- {log.parent.parent.name}: {steps:,} steps" for log, steps in seen.items())
        sections = {key: _section(params, key) for key in self.sections}
        return (
            (HERE / f"cards/{name}.md")
            .read_text(encoding="utf-8")
            .format(
                commit=commit,
                machine=machine(),
                hours=f"{hours:.1f}",
                trained=trained,
                params=json.dumps(sections, indent=1),
                metrics=json.dumps(_short(metrics), indent=1),
            )
        )


MODELS = {
    "faces": Model(("faces",), ("prepare.face_size", "faces.network", "faces.training"), "metrics/faces.json"),
    "clip": Model(("clip",), ("clip.digits", "clip.network", "clip.training"), "metrics/zero_shot.json"),
    "text_to_image": Model(
        ("autoencoder", "text_to_image"),
        ("text_to_image.autoencoder", "text_to_image.network", "text_to_image.training"),
        "metrics/text_to_image.json",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/, as data.root")
    parser.add_argument("models", nargs="*", choices=[*MODELS, []], help="all, if none is named")
    args = parser.parse_args()
    names = args.models or list(MODELS)
    commit = resolve("HEAD")
    clone = ROOT / commit[:12]
    run_in_clone(
        clone, commit, [MODELS[name].metrics for name in names], partial(_set_profile, data=args.data.resolve())
    )
    for name in names:
        with atomic_write(HERE / name) as folder:
            write_half(clone / "models" / name, folder)
            if name == "faces":
                write_held_out(held_out_names(args.data, clone / "params.yaml"), folder)
            (folder / "README.md").write_text(MODELS[name].card(name, clone, commit), encoding="utf-8")
            (folder / OUTPUTS).write_text(json.dumps(outputs_of(name, folder)) + "\n", encoding="utf-8")
        print(HERE / name)


def _set_profile(clone: Path, data: Path) -> None:
    root = (ROOT / "data").resolve()
    link_faces(data / "faces", root / "faces")
    values = ["data.sets.faces.source=folder", f"data.root={root}"]
    command = [sys.executable, "-m", "difflab", "profile", "pretrain", *values]
    subprocess.run(command, cwd=clone, env=os.environ | {"PYTHONPATH": str(clone.resolve() / "src")}, check=True)


def link_faces(source: Path, folder: Path) -> None:
    """Link the images of `source`, with COLOR_REPEATS links of one identity for each color IDENTITY_NUMBER.jpg."""
    remove(folder)
    for path in find_images(source):
        link = folder / path.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        suffixes = range(COLOR_REPEATS) if FRAME.fullmatch(path.stem) else [""]
        for suffix in suffixes:
            link.with_name(f"{path.stem}{suffix}{path.suffix}").symlink_to(path.resolve())


def held_out_names(data: Path, params: Path) -> list[str]:
    """The faces that are not in the training split of the links, relative to `data`/faces."""
    data_params = load_section(DataParams, "data", params)
    generator = np.random.default_rng(data_params.seed)
    paths = held_out_persons(data / "faces", data_params.sets["faces"].persons or "prefix", generator)
    return [path.relative_to(data / "faces").as_posix() for path in paths]


def write_half(model: Path, folder: Path) -> None:
    """Copy a model's folder, with weights in float16."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(model, folder, dirs_exist_ok=True)
    for file in folder.rglob("*.safetensors"):
        weights = {name: tensor.half() for name, tensor in load_file(file).items() if tensor.is_floating_point()}
        save_file(load_file(file) | weights, file, metadata={"format": "pt"})


def _steps(log: Path) -> int:
    return json.loads(log.read_text(encoding="utf-8").splitlines()[-1])["step"]


def _section(params: Any, key: str) -> Any:
    for name in key.split("."):
        params = params[name]
    return params


def _short(metrics: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metrics.items() if key not in LONG}


if __name__ == "__main__":
    main()
