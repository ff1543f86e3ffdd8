"""Measure the samples of pretrained/faces: quality.json, samples.png and nearest.png in the model's folder.

- Fréchet distance between samples and training images, in the features of an encoder that is trained here to identify
  people, compared with the distance between two disjoint sets of training images (`real_baseline`).
- Distance from each color sample to the nearest training image, compared with that of color images of held-out people
  (`held_out.txt` in the model's folder), and with that between two training images of the same person. nearest.png
  shows the 8 color samples with the smallest distance above their nearest training images.

The folder given with `--data` contains faces/, as for data.root.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import difflab  # noqa: F401  isort: skip (before diffusers: makes torchvision importable)

# isort: split

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from difflab.classifiers.digit_classifier import ClassificationTask, Judge
from difflab.config.training import TrainingParams
from difflab.data.folder import FRAME
from difflab.data.image_files import find_images
from difflab.data.images import read_squares
from difflab.data.pixels import to_uint8
from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.pretrained import load_pretrained
from difflab.evaluation.distances import frechet_distance
from difflab.pipeline.files import atomic_write
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.fit import fit
from gpu.face_data import COLOR_REPEATS, HELD_OUT

SEED, BATCH, STEPS = 0, 25, 50
ETAS = (0.0, 1.0)
NUM_REFERENCES = 1000
CACHE = Path(".cache/face_quality")  # of samples
ENCODER = TrainingParams(seed=SEED, num_epochs=8, batch_size=64, learning_rate=0.002, warmup_steps=50)
CHANNELS = [32, 64, 64]  # the last one is the dimension of the features
MIN_CHROMA = 8  # gray samples have 1 to 2, color photographs 9 or more
NEAREST_SIZE = 32  # pixels per side for comparing images
QUANTILE = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=Path("pretrained/faces"))
    parser.add_argument("--num-images", type=int, default=500, help="samples for each η")
    args = parser.parse_args()
    faces = read_faces(args.data / "faces", args.model / HELD_OUT, load_pretrained(str(args.model)).image_size)
    encoder = train_encoder(faces)
    training = shuffled_training_images(faces)
    reference = encoder.features_of(training[:NUM_REFERENCES]).numpy()
    real = encoder.features_of(training[NUM_REFERENCES:][: args.num_images]).numpy()
    distances = {"real_baseline": frechet_distance(real, reference)}
    quality: dict[str, Any] = {
        "num_images": len(real),
        "num_reference_images": len(reference),
        "sampler": "ddim",
        "num_inference_steps": STEPS,
        "seed": SEED,
        "frechet_distance": distances,
    }
    for eta in ETAS:
        images = sample(args.model, args.num_images, eta)
        distances[f"eta_{eta:g}"] = frechet_distance(encoder.features_of(images).numpy(), reference)
        if eta == 0:
            colored = images[chroma(images) >= MIN_CHROMA]
            quality["nearest_training_image"] = compare_nearest(colored, faces)
            save_grid([images[:40]], 10, args.model / "samples.png")
            save_nearest(colored, faces.training, args.model / "nearest.png")
        text = json.dumps(quality, indent=2) + "\n"
        (args.model / "quality.json").write_text(text, encoding="utf-8")
    print(json.dumps(quality, indent=2))


@dataclass(frozen=True)
class Faces:
    """`images` (N, 3, S, S) uint8; `persons` (N,), None if the file name does not identify the person (gray images)."""

    images: Tensor
    persons: list[str | None]
    held_out: Tensor  # (N,) bool: images of people not in training

    @property
    def training(self) -> Tensor:
        return self.images[~self.held_out]


def read_faces(folder: Path, held_out: Path, size: int) -> Faces:
    """All images in `folder`; `held_out` lists those of people not in training, relative to `folder`."""
    paths = find_images(folder)
    listed = set(held_out.read_text(encoding="utf-8").split("\n")) - {""}
    if missing := listed - {path.relative_to(folder).as_posix() for path in paths}:
        raise SystemExit(f"{held_out}: found {min(missing)!r}, allowed: images of {folder}")
    frames = [FRAME.fullmatch(path.stem) for path in paths]
    return Faces(
        resize(torch.from_numpy(read_squares(paths)), size),
        [frame and frame[1] for frame in frames],
        torch.tensor([path.relative_to(folder).as_posix() in listed for path in paths]),
    )


def shuffled_training_images(faces: Faces) -> Tensor:
    """`NUM_REFERENCES` training images and as many others, with color images as frequent as in training."""
    weights = np.array([COLOR_REPEATS if person else 1 for person in faces.persons]) * ~faces.held_out.numpy()
    count = min(2 * NUM_REFERENCES, int((weights > 0).sum()))
    generator = np.random.default_rng(SEED)
    return faces.images[
        generator.permutation(generator.choice(len(weights), count, replace=False, p=weights / weights.sum()))
    ]


def train_encoder(faces: Faces) -> Judge:
    """Train a classifier of all people with several images, in training or held out."""
    names = sorted({person for person in faces.persons if person})
    images = faces.images[torch.tensor([person is not None for person in faces.persons])]
    labels = torch.tensor([names.index(person) for person in faces.persons if person])
    set_seed(SEED)
    encoder = Judge(CHANNELS)
    encoder.classify = nn.Linear(CHANNELS[-1], len(names))
    with tempfile.TemporaryDirectory() as work:
        data = {"images": images, "digits": labels}
        fit(ClassificationTask(encoder), data, ENCODER, Accelerator(cpu=True), RollingCheckpoint(Path(work)))
    return encoder.eval()


def sample(model: Path, count: int, eta: float) -> Tensor:
    """Samples (count, 3, S, S) uint8 from the first noises of the bank. Resumes a killed run from batches in CACHE."""
    pipeline = load_pretrained(str(model))
    pipeline.set_progress_bar_config(disable=True)
    weights = (model / "unet/diffusion_pytorch_model.safetensors").read_bytes()
    cache = CACHE / hashlib.sha256(weights).hexdigest()[:12]
    parts = []
    for start in range(0, count, BATCH):
        file = cache / f"eta_{eta:g}_{start:05d}.npy"
        if not file.is_file():
            numbers = range(start, start + BATCH)
            options = {"eta": eta, "output_type": "pt", "sampler": "ddim", "num_inference_steps": STEPS}
            images = to_uint8(pipeline(BATCH, generator=bank_generators(SEED, numbers), **options).images)
            with atomic_write(file) as partial:
                np.save(partial, images.numpy())
        parts.append(torch.from_numpy(np.load(file)))
    return torch.cat(parts)[:count]


def compare_nearest(samples: Tensor, faces: Faces) -> dict[str, Any]:
    """Distances to the nearest training image, for `samples` and for the color images of held-out people."""
    distances, _ = nearest(samples, faces.training)
    held_out, _ = nearest(faces.images[faces.held_out], faces.training)
    threshold = held_out.quantile(QUANTILE)
    return {
        "unit": f"root mean squared error of 8-bit pixels at {NEAREST_SIZE}x{NEAREST_SIZE}",
        "samples": {
            "num_images": len(distances),
            "median": distances.median().item(),
            "share_below_held_out_quantile": (distances < threshold).float().mean().item(),
        },
        "held_out": {
            "num_images": len(held_out),
            "median": held_out.median().item(),
            f"quantile_{QUANTILE}": threshold.item(),
        },
        "training_images_of_one_person": {"median": between_images_of_a_person(faces).median().item()},
    }


def between_images_of_a_person(faces: Faces) -> Tensor:
    """For each color training image, the distance to the nearest other image of the same person."""
    images: dict[str, list[Tensor]] = {}
    for image, person, held_out in zip(faces.images, faces.persons, faces.held_out, strict=True):
        if person and not held_out:
            images.setdefault(person, []).append(image)
    distances = []
    for of_person in images.values():
        small = resize(torch.stack(of_person), NEAREST_SIZE).flatten(1).float()
        distances.append(torch.cdist(small, small).fill_diagonal_(torch.inf).amin(1) / small.shape[1] ** 0.5)
    found = torch.cat(distances)
    return found[found.isfinite()]


def nearest(images: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """For each of `images` (N, 3, S, S), the nearest of `others` (M, 3, S, S) and their mirror images.

    Returns the distances (N,), RMSE of pixels at NEAREST_SIZE, and the neighbors (N, 3, S, S).
    """
    small = resize(images, NEAREST_SIZE).flatten(1).float()
    small_others = resize(others, NEAREST_SIZE)
    found = [torch.cdist(small, flipped.flatten(1).float()).min(1) for flipped in (small_others, small_others.flip(3))]
    distances, indices = (torch.stack(parts) for parts in zip(*found, strict=True))
    mirrored = distances.argmin(0)
    neighbors = others[indices.gather(0, mirrored[None])[0]]
    neighbors = torch.where(mirrored.bool()[:, None, None, None], neighbors.flip(3), neighbors)
    return distances.min(0).values / small.shape[1] ** 0.5, neighbors


def save_nearest(samples: Tensor, training: Tensor, path: Path) -> None:
    distances, neighbors = nearest(samples, training)
    first = distances.argsort()[:8]
    save_grid([samples[first], neighbors[first]], 8, path)


def chroma(images: Tensor) -> Tensor:
    """(N,) mean over pixels of the largest minus the smallest channel, for `images` (N, 3, S, S) uint8."""
    return (images.amax(1).float() - images.amin(1).float()).mean((1, 2))


def resize(images: Tensor, size: int) -> Tensor:
    if images.shape[-1] == size:
        return images
    parts = [F.interpolate(part, size=(size, size), mode="bicubic", antialias=True) for part in images.split(1024)]
    return torch.cat(parts)


def save_grid(rows: list[Tensor], columns: int, path: Path) -> None:
    """Save images in rows of `columns`, enlarged by 2."""
    images = torch.cat(rows).permute(0, 2, 3, 1).numpy()
    lines = [np.concatenate(list(images[start : start + columns]), axis=1) for start in range(0, len(images), columns)]
    grid = Image.fromarray(np.concatenate(lines))
    grid.resize((2 * grid.width, 2 * grid.height), Image.Resampling.NEAREST).save(path)


if __name__ == "__main__":
    main()
