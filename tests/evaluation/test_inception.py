"""Inception features, with a tiny TorchScript network because the real weights are not shipped."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from difflab.errors import UserError
from difflab.evaluation import inception
from difflab.evaluation.inception import FILE_NAME, inception_extractor
from difflab.evaluation.protocol import sha256_of

CPU = torch.device("cpu")
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


class Layers(nn.Module):
    """The mean of each channel, in the first three of 2048 features."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return nn.functional.pad(images.mean(dim=(2, 3)), (0, 2045))


class StandIn(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = Layers()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    path = tmp_path / FILE_NAME
    torch.jit.save(torch.jit.script(StandIn()), path)
    monkeypatch.setattr(inception, "SHA256", sha256_of(path))
    return path


def test_images_are_resized_as_clean_fid_does_and_scaled(weights):
    images = torch.randint(256, (52, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images[0] = 192
    extractor = inception_extractor(weights, CPU)
    features = extractor.features_of(images)  # more than a batch
    assert features.shape == (52, 2048)
    np.testing.assert_allclose(features[0, :3], (192 - 128) / 128, rtol=1e-6)
    for image, row in ((images[1], features[1]), (images[51], features[51])):
        for channel in range(3):
            plane = Image.fromarray(image[channel].numpy().astype(np.float32))
            resized = np.asarray(plane.resize((299, 299), Image.Resampling.BICUBIC)).clip(0, 255)
            assert row[channel] == pytest.approx((resized.mean() - 128) / 128, abs=1e-5)
    assert (extractor.name, extractor.resize) == (FILE_NAME, "clean-fid: PIL bicubic 299×299")
    assert extractor.sha256 == sha256_of(weights)


def test_a_file_of_another_hash_is_not_loaded(tmp_path, monkeypatch):
    path = tmp_path / FILE_NAME
    path.write_bytes(b"something else")
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(UserError) as caught:
        inception_extractor(path, CPU)
    assert str(caught.value) == (
        f"evaluation.inception_weights: found {path} with SHA-256 {sha256_of(path)}, "
        "allowed: f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4"
    )


def test_an_absent_file_or_one_of_another_name_is_one_line(weights, tmp_path):
    renamed = weights.rename(tmp_path / "inception.pt")
    for path in (tmp_path / FILE_NAME, renamed, tmp_path):
        with pytest.raises(UserError, match=rf"^evaluation\.inception_weights: found '{path}', .* {FILE_NAME}$"):
            inception_extractor(path, CPU)
