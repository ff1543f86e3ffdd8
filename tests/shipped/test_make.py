"""Outputs of `make pretrained` after the training: weights in half precision, and a card that describes the run."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from ruamel.yaml import YAML
from safetensors.torch import load_file, save_file

from difflab.config.data import DataParams
from difflab.config.load import load_section
from difflab.data.folder import held_out_persons
from difflab.pipeline.run_records import RunRecord
from difflab.setup.profiles import compose
from pretrained import make


def test_weights_are_halved_and_numbers_stay(tmp_path: Path) -> None:
    model = tmp_path / "model/unet"
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    save_file({"weight": torch.tensor([1.0, 2.0**-20]), "steps": torch.tensor([7])}, model / "a.safetensors")
    make.write_half(tmp_path / "model", tmp_path / "half")
    half = load_file(tmp_path / "half/unet/a.safetensors")
    assert half["weight"].dtype == torch.float16 and half["weight"].tolist() == [1.0, 2.0**-20]
    assert half["steps"].tolist() == [7] and half["steps"].dtype == torch.int64
    assert (tmp_path / "half/unet/config.json").read_text() == "{}"


def test_color_faces_are_repeated_and_persons_held_out(tmp_path: Path) -> None:
    data, names = tmp_path / "data", [f"{person:03d}_{number:02d}" for person in range(12) for number in range(3)]
    for name in [*(f"gray/{number:05d}" for number in range(8)), *(f"color/{name}" for name in names)]:
        path = data / f"faces/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (len(name), 0, 9)).save(path)
    make.link_faces(data / "faces", tmp_path / "links/faces")
    links = sorted(path.relative_to(tmp_path / "links/faces") for path in (tmp_path / "links").rglob("*.png"))
    assert len(links) == 8 + 3 * len(names)
    assert {link.name for link in links if link.name.startswith("000_01")} == {f"000_01{i}.png" for i in range(3)}

    params = tmp_path / "params.yaml"
    YAML().dump(compose("pretrain", []), params)
    held_out = make.held_out_names(data, params)
    assert len(held_out) >= 2 and len({name for name in held_out if name.startswith("gray/")}) < 8
    generator = np.random.default_rng(load_section(DataParams, "data", params).seed)
    of_links = held_out_persons(tmp_path / "links/faces", "prefix", generator)
    assert {path.resolve().relative_to(data / "faces").as_posix() for path in of_links} == set(held_out)


def test_a_card_says_how_the_model_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setattr(make, "HERE", tmp_path)
    clone, log = tmp_path / "clone", Path(".cache/checkpoints/faces/faces-0/train_log.jsonl")
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards/faces.md").write_text("{commit} {hours} h\n{trained}\n{params}\n{metrics}\n")
    (clone / log).parent.mkdir(parents=True)
    (clone / log).write_text('{"step": 100}\n{"step": 1200}\n')
    (clone / "metrics").mkdir()
    (clone / "metrics/faces.json").write_text('{"eta": {"0": 1.5}, "protocol": {"x": 1}}')
    (clone / "params.yaml").write_text("prepare: {face_size: 32}\nfaces: {network: {a: 1}, training: {b: 2}}\n")
    with monkeypatch.context() as inside:
        inside.chdir(clone)
        record = RunRecord("python stages/faces/faces.py", 1000.0, None, False, None, "0")
        record.work_folders, record.ended, record.status = [str(log.parent)], 8200.0, "finished"
        record.write()
    card = make.MODELS["faces"].card("faces", clone, "c0ffee")
    assert card.startswith("c0ffee 2.0 h\n- faces: 1,200 steps\n")
    sections, metrics = card.split("\n", 2)[2].rsplit("{\n", 1)[0], card[card.rindex('{\n "eta"') :]
    assert '"faces.training": {\n  "b": 2\n }' in sections
    assert json.loads(metrics) == {"eta": {"0": 1.5}}
