"""Seeded damages of every kind of file that is read: one line that names the file, or the content as it was.

Damages that are accepted with changed contents are listed in UNDETECTED, with the reason.
"""

import bz2
import contextlib
import json
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNet2DModel
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from difflab.classifiers.digit_classifier import Judge, load_digit_classifier
from difflab.config.data import SetParams
from difflab.config.params import load_params
from difflab.data import folder, torchvision_files
from difflab.data.dataset import ImageDataset
from difflab.data.images import read_image
from difflab.diffusion.pipelines import UnconditionalPipeline
from difflab.diffusion.schedules import linear_betas
from difflab.diffusion.unet import save_model_folder
from difflab.errors import UserError, read_json
from difflab.evaluation.targets import load_targets
from difflab.history.claims import load_claims
from difflab.history.reference import load_reference
from difflab.history.revisions import Revision
from difflab.models.safe_loading import read_saved, read_weights
from difflab.systems.personalization.prompts import read_course_input
from difflab.systems.zero_shot.labeled_folder import read_labeled_folder

ROOT = Path(__file__).parents[2]
SEED = 0


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def copied(name: str) -> Callable[[Path], Path]:
    return lambda root: Path(shutil.copy(ROOT / name, root / Path(name).name))


def dataset(root: Path) -> Path:
    images = torch.arange(6 * 3 * 64).reshape(6, 3, 8, 8).to(torch.uint8)
    labels, splits = torch.arange(6), torch.tensor([0, 1, 2] * 2, dtype=torch.uint8)
    ImageDataset(images, labels, splits, "test").save(root / "mnist.safetensors")
    return root / "mnist.safetensors"


def noise(root: Path) -> Path:
    torch.save(torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0)), root / "00.pt")
    return root / "00.pt"


def weights(root: Path) -> Path:
    save_file({"a": torch.arange(8.0), "b": torch.ones(2, 2)}, root / "learned.safetensors")
    return root / "learned.safetensors"


def judge(root: Path) -> Path:
    torch.manual_seed(0)
    Judge([4]).save(root)
    return root / "config.json"


def judge_weights(root: Path) -> Path:
    return judge(root).with_name("model.safetensors")


def digits(root: Path) -> Path:
    for name in ("train", "val"):
        rows = [f"{name}{k}.png,{k % 10}" for k in range(40)]
        for row in rows:
            picture(root / "mnist/data" / row.split(",")[0])
        (root / f"mnist/{name}.csv").write_text("\n".join(["image_name,label", *rows]) + "\n")
    return root / "mnist/train.csv"


def idx(root: Path) -> Path:
    raw = root / "torchvision/MNIST/raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        pixels = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 2051, 40, 28, 28) + pixels.tobytes())
        labels = (np.arange(40) % 10).astype(np.uint8)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, 40) + labels.tobytes())
    return raw / "train-images-idx3-ubyte"


def usps(root: Path) -> Path:
    pixels = np.random.default_rng(0).uniform(-1, 1, (20, 256))
    rows = [f"{k % 10 + 1} " + " ".join(f"{i + 1}:{v:.3f}" for i, v in enumerate(row)) for k, row in enumerate(pixels)]
    folder = root / "torchvision"
    folder.mkdir()
    for name in ("usps.t.bz2", "usps.bz2"):
        (folder / name).write_bytes(bz2.compress("\n".join(rows).encode()))
    return folder / "usps.bz2"


def unet(root: Path) -> Path:
    torch.manual_seed(0)
    network = UNet2DModel(
        sample_size=8,
        block_out_channels=(4,),
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
        layers_per_block=1,
        norm_num_groups=2,
        add_attention=False,
    )
    save_model_folder(root, "UnconditionalPipeline", {"unet": network}, linear_betas(4, 0.1, 0.2))
    return root / "unet/diffusion_pytorch_model.safetensors"


def scheduler(root: Path) -> Path:
    return unet(root).parents[1] / "scheduler/scheduler_config.json"


def index(root: Path) -> Path:
    return unet(root).parents[1] / "model_index.json"


def labelled(root: Path) -> Path:
    (root / "id2label.json").write_text(json.dumps({"0": "tabby", "1": "cougar"}))
    for name in ("0_0", "1_0", "1_1"):
        picture(root / f"val/{name}.png")
    return root / "id2label.json"


def course_input(root: Path) -> Path:
    picture(root / "cat2/1.png")
    entry = {"src_image": "cat2", "token_name": "<new1>", "prompt": ["a <new1> on a beach"]}
    (root / "input.json").write_text(json.dumps({"0": entry}))
    return root / "input.json"


def lock(root: Path) -> Path:
    text = (ROOT / "dvc.lock").read_text().splitlines(keepends=True)
    (root / "dvc.lock").write_text("".join(text[:400]))
    return root / "dvc.lock"


def lock_in(folder: Path) -> Any:
    with contextlib.chdir(folder):
        return Revision(None).lock


def tensors_of(module: nn.Module) -> dict[str, Any]:
    return {name: tensor.tolist() for name, tensor in module.state_dict().items()}


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


# What makes a good file below a folder, and what reads it, to something that can be compared.
FILES: dict[str, tuple[Callable[[Path], Path], Callable[[Path], Any]]] = {
    "PNG": (lambda root: picture(root / "a.png"), lambda path: read_image(path).tobytes()),
    "JPEG": (lambda root: picture(root / "a.jpg"), lambda path: read_image(path).tobytes()),
    "WebP": (lambda root: picture(root / "a.webp"), lambda path: read_image(path).tobytes()),
    "TIFF": (lambda root: picture(root / "a.tif"), lambda path: read_image(path).tobytes()),
    "data set": (dataset, lambda path: vars(ImageDataset.load(path)).__repr__()),
    "CSV": (
        digits,
        lambda path: repr(folder.read_classes(path.parent, SetParams(source="folder"), generator()).labels.tolist()),
    ),
    "IDX": (idx, lambda path: torchvision_files.read("MNIST", path.parents[3], generator()).images.tolist()),
    "libsvm": (usps, lambda path: torchvision_files.read("USPS", path.parents[1], generator()).images.tolist()),
    "noise": (noise, lambda path: read_saved(path, str(path)).tolist()),
    "weights": (weights, lambda path: {name: tensor.tolist() for name, tensor in read_weights(path).items()}),
    "classifier": (judge, lambda path: tensors_of(load_digit_classifier(path.parent))),
    "its weights": (judge_weights, lambda path: tensors_of(load_digit_classifier(path.parent))),
    "U-Net": (unet, lambda path: tensors_of(UnconditionalPipeline.from_folder(path.parents[1]).unet)),
    "scheduler": (scheduler, lambda path: UnconditionalPipeline.from_folder(path.parents[1]).scheduler.betas.tolist()),
    "model index": (index, lambda path: tensors_of(UnconditionalPipeline.from_folder(path.parent).unet)),
    "class names": (labelled, lambda path: repr(read_labeled_folder(path.parent))),
    "course input": (course_input, lambda path: repr(read_course_input(path))),
    "params": (copied("params.yaml"), load_params),
    "claims": (copied("claims.yaml"), load_claims),
    "targets": (copied("metrics/targets.yaml"), load_targets),
    "reference": (copied("reference.json"), load_reference),
    "metrics": (copied("metrics/faces.json"), read_json),
    "lock": (lock, lambda path: lock_in(path.parent)),
}
DAMAGES = (
    "emptied",
    "truncated",
    "cut in the middle",
    "a byte flipped",
    "64 bytes flipped",
    "another",
    "a folder",
)
UNDETECTED = {
    ("flipped", "cut"): {
        "JPEG": "has no checksum",
        "WebP": "has no checksum",
        "TIFF": "has no checksum",
        "data set": "safetensors has no checksum; DVC has",
        "weights": "safetensors has no checksum; DVC has",
        "its weights": "safetensors has no checksum; DVC has",
        "U-Net": "safetensors has no checksum; DVC has",
        "IDX": "has no checksum",
        "noise": "torch.load does not compare the archive's checksums",
        **dict.fromkeys(
            ("CSV", "classifier", "scheduler", "model index", "class names", "course input", "params", "claims",
             "targets", "reference", "metrics", "lock"),
            "text in which another letter or number means something else",
        ),
    },
    ("truncated",): dict.fromkeys(("params", "claims", "targets", "lock", "CSV"), "lines that are whole"),
}  # fmt: skip


def damage(path: Path, kind: str, chosen: random.Random) -> None:
    content = bytearray(path.read_bytes())
    match kind:
        case "emptied":
            content = bytearray()
        case "truncated":
            content = content[: chosen.randrange(1, len(content))]
        case "cut in the middle":
            start = chosen.randrange(len(content))
            del content[start : start + 1 + chosen.randrange(16)]
        case "a byte flipped" | "64 bytes flipped":
            for _ in range(1 if kind == "a byte flipped" else 64):
                content[chosen.randrange(len(content))] ^= 1 << chosen.randrange(8)
        case "another":
            content = bytearray(b"\x89PNG\r\n\x1a\n" if path.suffix != ".png" else b"PK\x03\x04 what is this?")
        case "a folder":
            path.unlink()
            path.mkdir()
            return
    path.write_bytes(content)


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_damage_is_one_line_or_changes_nothing(name: str, kind: str, tmp_path: Path) -> None:
    make, read = FILES[name]
    path = make(tmp_path)
    good = read(path)
    damage(path, kind, random.Random(f"{SEED} {name} {kind}"))
    try:
        found = read(path)
    except UserError as error:
        message = str(error)
        assert message.isprintable()
        assert path.name in message or path.parent.name in message
        return
    if found != good:
        allowed = {name for kinds, names in UNDETECTED.items() if any(word in kind for word in kinds) for name in names}
        assert name in allowed


@pytest.mark.parametrize("name", FILES)
def test_what_is_missing_is_one_line(name: str, tmp_path: Path) -> None:
    make, read = FILES[name]
    path = make(tmp_path)
    path.unlink()
    if name == "reference":  # may be missing
        assert read(path) is None
        return
    with pytest.raises(UserError) as error:
        read(path)
    message = str(error.value)
    assert message.isprintable()
    assert path.name in message or path.parent.name in message
