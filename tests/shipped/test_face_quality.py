"""The measures of the face model's samples: nearest training images, chroma, and training's proportions."""

import pytest
import torch

from gpu.face_data import COLOR_REPEATS
from pretrained import face_quality


def random_images(count: int, seed: int) -> torch.Tensor:
    return torch.randint(256, (count, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def test_the_nearest_image_is_found_mirrored_too():
    others = random_images(5, seed=0)
    images = torch.stack([others[3], others[1].flip(2)])
    distances, neighbors = face_quality.nearest(images, others)
    assert torch.equal(neighbors, images)
    assert distances.tolist() == pytest.approx([0, 0], abs=0.1)
    lighter = (others[:1] // 2 + 100).clamp(max=250)
    distances, _ = face_quality.nearest(lighter + 4, lighter)
    assert distances.item() == pytest.approx(4, abs=0.1)  # in levels of 8 bits


def test_chroma_tells_gray_from_color():
    gray = random_images(2, seed=0)[:, :1].expand(-1, 3, -1, -1)
    assert face_quality.chroma(gray).tolist() == [0, 0]
    orange = torch.tensor([200, 120, 40], dtype=torch.uint8)[None, :, None, None].expand(1, 3, 8, 8)
    assert face_quality.chroma(orange).tolist() == [160]


def test_references_are_distinct_training_images_in_the_proportions_of_training(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(face_quality, "NUM_REFERENCES", 100)
    images = torch.arange(4000)[:, None, None, None]
    persons = [None] * 2000 + ["a"] * 2000
    faces = face_quality.Faces(images, persons, images.flatten() >= 3000)
    chosen = face_quality.shuffled_training_images(faces).flatten()
    assert len(set(chosen.tolist())) == 200 and chosen.max() < 3000
    color, gray = COLOR_REPEATS * 1000, 2000
    for part in chosen.split(100):
        assert (part >= 2000).float().mean().item() == pytest.approx(color / (color + gray), abs=0.15)
