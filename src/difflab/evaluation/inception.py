"""Inception features as in clean-fid (Parmar et al. 2022), from a weight file whose hash is checked."""

# clean-fid is untyped, Tensor.split and torch.from_numpy are partially typed.
# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from pathlib import Path

import numpy as np
import torch
from cleanfid.inception_torchscript import InceptionV3W
from cleanfid.resize import build_resizer
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from difflab.errors import UserError
from difflab.evaluation.protocol import Extractor, sha256_of

FILE_NAME = "inception-2015-12-05.pt"  # of stylegan2-ada-pytorch; clean-fid requires this name
SHA256 = "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4"
BATCH_SIZE = 50


def check_weights(path: str | Path) -> None:
    """Raises UserError unless `path` is the file FILE_NAME with the hash SHA256."""
    path, key = Path(path), "evaluation.inception_weights"
    if path.name != FILE_NAME or not path.is_file():
        raise UserError(f"{key}: found {str(path)!r}, no such file or of another name, allowed: a file {FILE_NAME}")
    if (found := sha256_of(path)) != SHA256:
        raise UserError(f"{key}: found {path} with SHA-256 {found}, allowed: {SHA256}")


def inception_extractor(path: str | Path, device: torch.device) -> Extractor:
    """An extractor of the 2048 pooled features; images are resized to 299×299, bicubic as in Pillow, without rounding.

    Raises UserError as `check_weights` does.
    """
    path = Path(path)
    check_weights(path)
    inception = InceptionV3W(str(path.parent), download=False).to(device).eval()
    resize = build_resizer("clean")

    @torch.inference_mode()
    def features_of(images: Tensor) -> NDArray[np.float32]:
        batches = tqdm(images.permute(0, 2, 3, 1).split(BATCH_SIZE), desc="Inception", delay=2)
        resized = (np.stack([resize(image) for image in batch.numpy()]) for batch in batches)
        return np.concatenate(
            [inception(torch.from_numpy(batch).permute(0, 3, 1, 2).to(device)).cpu().numpy() for batch in resized]
        )

    return Extractor(features_of, FILE_NAME, SHA256, "clean-fid: PIL bicubic 299×299")
