"""The one layout of image data: bytes, splits and resizing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from difflab.data.dataset import ImageDataset, load_digits
from difflab.errors import DataError


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


def without_images_for(split: int, dataset: ImageDataset) -> dict:
    return {"splits": dataset.splits.where(dataset.splits != split, (split + 1) % 3)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda it: {"images": it.images.float()}, "images: found float32 (6, 1, 28, 28), allowed: uint8 (N, 1 or 3"),
        (lambda it: {"images": it.images[:, 0]}, "images: found uint8 (6, 28, 28), allowed: uint8"),
        (lambda it: {"images": it.images.expand(-1, 4, -1, -1)}, "images: found uint8 (6, 4, 28, 28), allowed: uint8"),
        (
            lambda it: {"images": it.images[..., :20]},
            "images: found uint8 (6, 1, 28, 20), allowed: uint8 (N, 1 or 3, S",
        ),
        (lambda it: {"images": it.images[..., :0, :0]}, "images: found uint8 (6, 1, 0, 0), allowed: uint8"),
        (lambda it: {"images": it.images[:0]}, "images: found uint8 (0, 1, 28, 28), allowed: uint8"),
        (lambda it: {"images": torch.tensor(0, dtype=torch.uint8)}, "images: found uint8 (), allowed: uint8"),
        (lambda it: {"labels": it.labels[:5]}, "labels: found int64 (5,), allowed: int64 (6,), one for each image"),
        (lambda it: {"labels": it.labels.int()}, "labels: found int32 (6,), allowed: int64 (6,)"),
        (lambda it: {"labels": it.labels[:, None]}, "labels: found int64 (6, 1), allowed: int64 (6,)"),
        (lambda it: {"labels": it.labels.float()}, "labels: found float32 (6,), allowed: int64 (6,)"),
        (lambda it: {"labels": it.labels + 10}, "labels: found 13, allowed: 0 to 9"),
        (lambda it: {"labels": it.labels + 1}, "labels: found 10, allowed: 0 to 9"),
        (lambda it: {"labels": -it.labels}, "labels: found -3, allowed: 0 to 9"),
        (lambda it: {"splits": it.splits.long()}, "splits: found int64 (6,), allowed: uint8 (6,)"),
        (lambda it: {"splits": it.splits[:1]}, "splits: found uint8 (1,), allowed: uint8 (6,)"),
        (lambda it: {"splits": it.splits + 1}, "splits: found 3, allowed: 0 to 2"),
        (lambda it: {"splits": it.splits - 1}, "splits: found 255, allowed: 0 to 2"),
        *[
            (lambda it, k=k: without_images_for(k, it), f"splits: found no image for {split}, allowed: one at least")
            for k, split in enumerate(("train", "validation", "test"))
        ],
        (lambda it: {"description": ["digits"]}, 'description: found ["digits"], allowed: text'),
        (lambda it: {"description": None}, "description: found null, allowed: text"),
    ],
)
def test_whatever_is_wrong_is_refused_in_one_line(dataset: ImageDataset, change, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    replace(dataset, **change(dataset)).save(path)
    with pytest.raises(DataError) as error:
        ImageDataset.load(path)
    assert str(error.value).startswith(f"{path}: {message}") and "\n" not in str(error.value)


@pytest.mark.parametrize("metadata", [None, {}, {"description": "plain text"}, {"text": '"digits"'}])
def test_a_description_is_json(dataset: ImageDataset, metadata: dict | None, tmp_path: Path) -> None:
    tensors = {"images": dataset.images, "labels": dataset.labels, "splits": dataset.splits}
    save_file(tensors, tmp_path / "a", metadata)
    with pytest.raises(DataError, match=r"a: description: found no text in the metadata, allowed: text as JSON$"):
        ImageDataset.load(tmp_path / "a")


def test_only_the_splits_that_are_used_need_images(dataset: ImageDataset, tmp_path: Path) -> None:
    replace(dataset, splits=torch.zeros(6, dtype=torch.uint8)).save(tmp_path / "a")
    assert len(ImageDataset.load(tmp_path / "a", used=["train"])) == 6
    with pytest.raises(DataError, match="found no image for test"):
        ImageDataset.load(tmp_path / "a", used=["train", "test"])


def test_a_digit_of_a_recipe_without_images_is_named(dataset: ImageDataset, tmp_path: Path) -> None:
    """Its images would be left out without a word."""
    dataset.save(tmp_path / "mnist.safetensors")
    digits = load_digits({"mnist": ["1", "3"]}, ["train", "validation"], tmp_path)["digits"]
    assert digits.tolist() == [3, 1, 1]
    with pytest.raises(
        DataError, match=r"mnist\.safetensors: labels: found no image of the class 4 for train or valid"
    ):
        load_digits({"mnist": ["3", "4"]}, ["train", "validation"], tmp_path)
