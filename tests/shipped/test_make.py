"""What `make pretrained` writes after the training: weights in half precision, and a card that says how it was."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from difflab.pipeline.run_records import RunRecord
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
