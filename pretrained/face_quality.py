"""How good are the faces of pretrained/faces? → pretrained/faces/quality.json, samples.png, nearest.png.

The Fréchet distance of samples to real faces in the features of an encoder that is trained here to tell persons apart;
beside it that of real faces whose persons the face model has not seen. `--data FOLDER` holds faces/, as data.root.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import difflab  # noqa: F401  isort: skip (before diffusers: makes torchvision importable)

# isort: split

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from PIL import Image
from torch import Tensor, nn

from difflab.classifiers.digit_classifier import ClassificationTask, Judge
from difflab.config.training import TrainingParams
from difflab.data.folder import FRAME, read
from difflab.data.image_files import find_images
from difflab.data.images import read_squares
from difflab.data.pixels import to_uint8
from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.pretrained import load_pretrained
from difflab.evaluation.distances import frechet_distance
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.fit import fit

SEED, BATCH, STEPS = 0, 50, 50
ETAS = (0.0, 1.0)
ENCODER = TrainingParams(seed=SEED, num_epochs=8, batch_size=64, learning_rate=0.002, warmup_steps=50)
CHANNELS = [32, 64, 64]  # features have as many dimensions as the last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=Path("pretrained/faces"))
    parser.add_argument("--num-images", type=int, default=1000, help="samples for each η")
    args = parser.parse_args()
    pipeline = load_pretrained(str(args.model))
    size = pipeline.image_size
    faces = read("faces", args.data, "prefix", np.random.default_rng(SEED)).resized(size)
    seen = faces.part("train").images
    unseen = torch.cat([faces.part("validation").images, faces.part("test").images])
    encoder = train_encoder(args.data / "faces", size)
    count = min(args.num_images, len(unseen), len(seen))
    reference = encoder.features_of(shuffled(seen)[:count]).numpy()
    real = encoder.features_of(shuffled(unseen)[:count]).numpy()
    distances = {"real faces of other persons": frechet_distance(real, reference)}
    for eta in ETAS:
        images = sample(pipeline, count, eta)
        distances[f"samples, η = {eta:g}"] = frechet_distance(encoder.features_of(images).numpy(), reference)
        if eta == 0:
            save_grid([images[:40]], 10, args.model / "samples.png")
            save_grid([images[:8], nearest(images[:8], seen)], 8, args.model / "nearest.png")
    quality = {"frechet_distance": distances, "num_images": count, "num_inference_steps": STEPS, "sampler": "ddim"}
    (args.model / "quality.json").write_text(json.dumps(quality, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(quality, indent=2, ensure_ascii=False))


def train_encoder(folder: Path, size: int) -> Judge:
    """A classifier of the persons of whom there are several photographs, which is to be seen in its features."""
    paths = [path for path in find_images(folder) if FRAME.fullmatch(path.stem)]
    persons = [FRAME.fullmatch(path.stem)[1] for path in paths]  # pyright: ignore[reportOptionalSubscript]
    names = sorted(set(persons))
    images = torch.nn.functional.interpolate(
        torch.from_numpy(read_squares(paths)), size=(size, size), mode="bicubic", antialias=True
    )
    set_seed(SEED)
    encoder = Judge(CHANNELS)
    encoder.classify = nn.Linear(CHANNELS[-1], len(names))
    labels = torch.tensor([names.index(person) for person in persons])
    with tempfile.TemporaryDirectory() as work:
        data = {"images": images, "digits": labels}
        fit(ClassificationTask(encoder), data, ENCODER, Accelerator(cpu=True), RollingCheckpoint(Path(work)))
    return encoder.eval()


def sample(pipeline, count: int, eta: float) -> Tensor:
    """(count, 3, S, S) uint8 of the first noises of the bank."""
    pipeline.set_progress_bar_config(disable=True)
    parts = []
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        options = {"eta": eta, "output_type": "pt", "sampler": "ddim", "num_inference_steps": STEPS}
        parts.append(to_uint8(pipeline(len(numbers), generator=bank_generators(SEED, numbers), **options).images))
    return torch.cat(parts)


def nearest(images: Tensor, others: Tensor) -> Tensor:
    """For each of `images` (N, 3, S, S) the one of `others` at the least distance of pixels, itself or mirrored."""
    both = torch.cat([others, others.flip(3)])
    distances = torch.cdist(images.flatten(1).float(), both.flatten(1).float())
    return both[distances.argmin(1)]


def shuffled(images: Tensor) -> Tensor:
    return images[torch.randperm(len(images), generator=torch.Generator().manual_seed(SEED))]


def save_grid(rows: list[Tensor], columns: int, path: Path) -> None:
    """Images, `columns` beside each other, four times as large."""
    images = torch.cat(rows).permute(0, 2, 3, 1).numpy()
    lines = [np.concatenate(list(images[start : start + columns]), axis=1) for start in range(0, len(images), columns)]
    grid = Image.fromarray(np.concatenate(lines))
    grid.resize((4 * grid.width, 4 * grid.height), Image.Resampling.NEAREST).save(path)


if __name__ == "__main__":
    main()
