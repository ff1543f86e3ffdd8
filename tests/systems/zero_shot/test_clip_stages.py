"""The stages from circles to zero-shot on a few images: their outputs, equal in each run."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from difflab.data.dataset import ImageDataset
from difflab.errors import UserError
from difflab.systems.zero_shot.clip import load_clip, save_clip, tokenize
from stages.data import circles
from stages.zero_shot import clip, zero_shot
from tests.factories import profile
from tests.stage_calls import run_stage
from tests.systems.zero_shot.tiny_clip import make_spelling_clip

REPOSITORY = Path(__file__).parents[3]
PROMPTS = [
    "red circle and blue circle on white background",
    "large yellow circle and small green circle on purple background",
    "A photo of a light coral seven.",
    "a next to a in the style of",
]


def prepare(folder: Path, monkeypatch, **clip_params) -> None:
    """The smoke profile, forty random digits, and the circles of its stage; `folder` becomes the working folder."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    params = profile("smoke")
    params["clip"] |= clip_params
    Path("params.yaml").write_text(yaml.safe_dump(params))
    images = torch.randint(256, (40, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    splits = torch.tensor([0] * 20 + [2] * 20, dtype=torch.uint8)
    ImageDataset(images, torch.arange(40) % 10, splits, "random pixels").save(Path("prepared/sets/mnist.safetensors"))
    Path("metrics").mkdir()
    Path("metrics/targets.yaml").write_bytes((REPOSITORY / "metrics/targets.yaml").read_bytes())
    run_stage(circles)


def files_of(folder: Path) -> dict[str, bytes]:
    """All but rolling checkpoints, whose names hash the modules that one process has imported by then."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and ".cache" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_the_same_parameters_give_the_same_bytes(tmp_path, monkeypatch):
    for name in ("first", "second"):
        prepare(tmp_path / name, monkeypatch)
        run_stage(clip)
        run_stage(zero_shot)
    first, second = files_of(tmp_path / "first"), files_of(tmp_path / "second")
    assert {"models/clip/model.safetensors", "prepared/circles.safetensors", "figures/zero_shot.png"} <= first.keys()
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []

    metrics = json.loads(Path("metrics/zero_shot.json").read_text())
    labels = json.loads(Path("samples/zero_shot/id2label.json").read_text())
    assert metrics["num_images"] == 2 * len(labels) and metrics["chance"] == 1 / len(labels)
    assert "reported" not in metrics
    tokenizer = load_clip("models/clip", "models/clip").tokenizer
    tokenize(tokenizer, PROMPTS)
    with pytest.raises(UserError, match="found 'dodger'"):
        tokenize(tokenizer, ["a dodger blue circle"])


def test_a_pretrained_clip_is_taken_as_it_is(tmp_path, monkeypatch):
    save_clip(tmp_path / "theirs", make_spelling_clip())
    prepare(tmp_path / "work", monkeypatch, pretrained=str(tmp_path / "theirs"))
    run_stage(clip)
    theirs, taken = (load_clip(folder, "clip").model.state_dict() for folder in (tmp_path / "theirs", "models/clip"))
    assert all(torch.equal(weights, taken[name]) for name, weights in theirs.items())
    run_stage(zero_shot)
    assert json.loads(Path("metrics/zero_shot.json").read_text())["num_classes"] > 50


def test_images_of_several_sizes_and_kinds_have_metrics_and_figures(tmp_path, monkeypatch):
    folder = tmp_path / "photographs"
    (folder / "val").mkdir(parents=True)
    (folder / "id2label.json").write_text('{"0": "tabby", "1": "European_salamander"}')
    kinds = {"0_0.png": ("RGB", (40, 20)), "0_1.JPEG": ("CMYK", (300, 2)), "1_0.PNG": ("RGBA", (9, 90))}
    kinds |= {"1_1.webp": ("RGB", (1, 50)), "0_2.GIF": ("P", (64, 64)), "1_2.tif": ("I;16", (3, 3))}
    for name, (mode, size) in kinds.items():
        Image.new(mode, size).save(folder / "val" / name)
    save_clip(tmp_path / "theirs", make_spelling_clip())
    prepare(tmp_path / "work", monkeypatch, pretrained=str(tmp_path / "theirs"))
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["zero_shot"]["images"] = str(folder)
    Path("params.yaml").write_text(yaml.safe_dump(params))
    run_stage(clip)
    with pytest.raises(UserError, match=r"1_0\.PNG: .*found white and transparent pixels alone"):
        run_stage(zero_shot)
    assert not Path("metrics/zero_shot.json").exists()
    Image.new("RGBA", (9, 90), "black").save(folder / "val/1_0.PNG")
    run_stage(zero_shot)
    assert json.loads(Path("metrics/zero_shot.json").read_text())["num_images"] == 6
    assert all(Path(f"figures/{name}.png").exists() for name in ("zero_shot", "zero_shot_confusion"))


def test_no_pretrained_clip_is_one_line_before_anything_is_made(tmp_path, monkeypatch):
    prepare(tmp_path / "work", monkeypatch, pretrained=str(tmp_path / "nothing"))
    with pytest.raises(UserError, match=r"^clip\.pretrained: found '.*nothing', allowed: a folder or hub id of a CLIP"):
        run_stage(clip)
    assert not Path("models").exists()
