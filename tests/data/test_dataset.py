"""The one layout of image data: bytes, splits and resizing."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from difflab.data.dataset import DataError, ImageDataset


@pytest.fixture
def dataset() -> ImageDataset:
    generator = torch.Generator().manual_seed(0)
    return ImageDataset(
        images=torch.randint(256, (6, 1, 28, 28), generator=generator, dtype=torch.uint8),
        labels=torch.tensor([3, 1, 4, 1, 5, 9]),
        splits=torch.tensor([0, 1, 2, 0, 1, 2], dtype=torch.uint8),
        description="noise – „näm‟",
    )


def test_saving_and_loading_keeps_everything_and_the_bytes(dataset: ImageDataset, tmp_path: Path) -> None:
    dataset.save(tmp_path / "new" / "a.safetensors")
    loaded = ImageDataset.load(tmp_path / "new" / "a.safetensors")
    assert loaded.images.equal(dataset.images) and loaded.labels.equal(dataset.labels)
    assert loaded.splits.equal(dataset.splits) and loaded.description == dataset.description
    loaded.save(tmp_path / "b.safetensors")
    assert (tmp_path / "b.safetensors").read_bytes() == (tmp_path / "new" / "a.safetensors").read_bytes()


def test_part_and_with_labels_keep_order(dataset: ImageDataset) -> None:
    assert dataset.part("validation").labels.tolist() == [1, 5]
    assert dataset.part("test").images.equal(dataset.images[[2, 5]])
    assert dataset.with_labels([1, 9]).images.equal(dataset.images[[1, 3, 5]])


@pytest.mark.parametrize("size", [8, 16, 28, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_resized_agrees_with_pillow(size: int, channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, size=(5, 28, 28, channels), dtype=np.uint8)
    pixels[1] = 255 * (np.indices((28, 28)).sum(axis=0) % 2)[..., None]  # the hardest case for antialiasing
    none = torch.zeros(5, dtype=torch.int64)
    dataset = ImageDataset(torch.from_numpy(pixels).permute(0, 3, 1, 2), none, none.byte(), "")
    resized = dataset.resized(size).images.permute(0, 2, 3, 1).numpy().astype(int)
    assert resized.shape == (5, size, size, 3)
    for ours, source in zip(resized, pixels, strict=True):
        image = Image.fromarray(source.squeeze()).convert("RGB")
        pillow = np.asarray(image.resize((size, size), Image.Resampling.BICUBIC)).astype(int)
        assert np.abs(ours - pillow).max() <= 2  # both round between the two passes, PyTorch's weights more coarsely


def test_resized_keeps_labels_splits_and_description_over_many_batches() -> None:
    n = 2500
    images = (torch.arange(n) % 251).to(torch.uint8)[:, None, None, None].expand(n, 1, 4, 4)
    dataset = ImageDataset(images, torch.arange(n) % 10, (torch.arange(n) % 3).byte(), "d")
    resized = dataset.resized(8)
    assert resized.images.equal(images[:, :, :1, :1].expand(n, 3, 8, 8))
    assert resized.labels is dataset.labels and resized.splits is dataset.splits and resized.description == "d"


def test_a_file_that_is_not_one_is_one_line(dataset: ImageDataset, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    with pytest.raises(DataError, match=r"a\.safetensors: not found"):
        ImageDataset.load(path)
    dataset.save(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"a\.safetensors: not a difflab data file"):
        ImageDataset.load(path)
    save_file({"images": torch.zeros(2, 3, 4, 4)}, path)
    with pytest.raises(DataError, match=r"a\.safetensors: not a difflab data file"):
        ImageDataset.load(path)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(2, 3, 4, 4), 2, r"images torch.float32 \[2, 3, 4, 4\], allowed: uint8"),
        (torch.zeros(2, 4, 4, dtype=torch.uint8), 2, r"\[2, 4, 4\], allowed: uint8 \(N, 1 or 3, H, W\)"),
        (torch.zeros(2, 4, 4, 4, dtype=torch.uint8), 2, r"allowed: uint8 \(N, 1 or 3, H, W\)"),
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), 3, "2 images, 3 labels and 2 splits"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(images: torch.Tensor, labels: int, message: str, tmp_path: Path) -> None:
    ImageDataset(images, torch.zeros(labels, dtype=torch.int64), torch.zeros(2).byte(), "").save(tmp_path / "a")
    with pytest.raises(DataError, match=message):
        ImageDataset.load(tmp_path / "a")
