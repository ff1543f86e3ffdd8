"""The objectives against their definitions."""

import pytest
import torch
from diffusers.models.resnet import ResnetBlock2D
from torch import nn
from torch.nn import functional as F

from difflab.classifiers.digit_classifier import ClassificationTask
from difflab.diffusion.objective import DenoisingTask
from difflab.diffusion.schedules import cosine_betas, linear_betas
from difflab.diffusion.unet import make_unet
from difflab.models.conditioning import ClassEmbeddingCondition, DigitDomainCondition, OneHotCondition
from tests.factories import loss_of, network

NETWORK = network(patch_size=2, add_attention=True)


class Recorder(nn.Module):
    """Stands in for the U-Net: keeps what it is given, predicts nothing but zeros."""

    seen: tuple = ()

    def forward(self, sample, timestep, class_labels=None):
        self.seen = sample, timestep, class_labels
        return type("Output", (), {"sample": torch.zeros_like(sample)})


def record(count=4096, betas=None, prediction="epsilon", **options) -> tuple:
    unet = Recorder()
    task = DenoisingTask(unet, cosine_betas(1000) if betas is None else betas, prediction, 1, **options)  # pyright: ignore[reportArgumentType]
    batch = {"images": torch.full((count, 3, 2, 2), 255, dtype=torch.uint8)}
    batch |= {"digits": torch.full((count,), 7), "domains": torch.ones(count, dtype=torch.int64)}
    loss = loss_of(task, batch)
    return loss, *unet.seen


def test_noised_images_follow_the_closed_form():
    """x_t ~ N(√ᾱ_t x₀, 1−ᾱ_t) for x₀ = 1, and a prediction of zeros has the loss E ε² = 1."""
    betas = linear_betas(1000, 1e-4, 0.02)
    loss, noised, t, _ = record(betas=betas)
    alphas_cumprod = torch.cumprod(1 - betas, 0)[t]
    standardised = (noised - alphas_cumprod.sqrt()[:, None, None, None]) / (1 - alphas_cumprod).sqrt()[
        :, None, None, None
    ]
    assert standardised.mean().abs() < 0.02
    assert (standardised.var() - 1).abs() < 0.03
    assert loss.item() == pytest.approx(1, abs=0.03)
    assert t.min() <= 3 and t.max() >= 996
    assert (t.float().mean() - 499.5).abs() < 15


def test_a_perfect_prediction_has_no_loss(monkeypatch):
    def exact(self, sample, timestep, class_labels=None):
        alphas_cumprod = torch.cumprod(1 - linear_betas(10, 0.1, 0.2), 0)[timestep][:, None, None, None]
        noise = (sample - alphas_cumprod.sqrt()) / (1 - alphas_cumprod).sqrt()  # x₀ = 1 everywhere
        return type("Output", (), {"sample": noise.float()})

    monkeypatch.setattr(Recorder, "forward", exact)
    task = DenoisingTask(Recorder(), linear_betas(10, 0.1, 0.2), "epsilon", 1)  # pyright: ignore[reportArgumentType]
    batch = {"images": torch.full((64, 3, 2, 2), 255, dtype=torch.uint8)}
    assert loss_of(task, batch).item() < 1e-10


def test_the_loss_of_v_is_that_of_epsilon_over_alpha(monkeypatch):
    """ε̂ = √ᾱ v̂ + √(1−ᾱ) x_t, so v's error is ε's times 1/ᾱ (Salimans & Ho 2022, appendix D)."""
    alpha_cumprod = 0.3
    betas = torch.tensor([1 - alpha_cumprod], dtype=torch.float64)

    def as_epsilon(self, sample, timestep, class_labels=None):
        return type("Output", (), {"sample": 0.5 * sample})

    def as_v(self, sample, timestep, class_labels=None):
        return type("Output", (), {"sample": (0.5 - (1 - alpha_cumprod) ** 0.5) * sample / alpha_cumprod**0.5})

    monkeypatch.setattr(Recorder, "forward", as_epsilon)
    of_epsilon = record(64, betas, "epsilon")[0]
    monkeypatch.setattr(Recorder, "forward", as_v)
    torch.testing.assert_close(record(64, betas, "v_prediction")[0], of_epsilon / alpha_cumprod)


@pytest.mark.parametrize(("alpha_cumprod", "weight"), [(0.3, 3 / 7), (0.95, 5)])
def test_min_snr_weighs_the_error_of_the_image(monkeypatch, alpha_cumprod, weight):
    """E min(SNR, γ) ‖x₀ − x̂₀‖² for ε and v alike, γ = 5 (Hang et al. 2023, section 3.4); here x₀ = 1 and x̂₀ = 0."""
    betas = torch.tensor([1 - alpha_cumprod], dtype=torch.float64)

    def as_epsilon(self, sample, timestep, class_labels=None):
        return type("Output", (), {"sample": sample / (1 - alpha_cumprod) ** 0.5})

    def as_v(self, sample, timestep, class_labels=None):
        return type("Output", (), {"sample": sample * (alpha_cumprod / (1 - alpha_cumprod)) ** 0.5})

    for prediction, zero in (("epsilon", as_epsilon), ("v_prediction", as_v)):
        monkeypatch.setattr(Recorder, "forward", zero)
        loss = record(64, betas, prediction, min_snr_gamma=5.0)[0]
        assert loss.item() == pytest.approx(weight, rel=1e-4)


@pytest.mark.parametrize("share", [0, 0.15, 1])
@pytest.mark.parametrize(
    "condition",
    [
        DigitDomainCondition(["mnistm", "svhn"], 4, 2, 8),
        ClassEmbeddingCondition(["mnistm"], 8),
        OneHotCondition(["mnistm", "svhn"], 8),
    ],
    ids=["digit_and_domain", "class_embedding", "one_hot"],
)
def test_the_condition_is_dropped_as_often_as_asked(condition, share):
    *_, vectors = record(condition=condition, drop_probability=share)
    dropped = torch.isclose(vectors, condition.null(1)).all(1)
    kept = condition(torch.tensor([7]), torch.tensor([1]))
    assert dropped.double().mean().item() == pytest.approx(share, abs=0.02 if 0 < share < 1 else 0)
    torch.testing.assert_close(vectors[~dropped], kept.expand(int((~dropped).sum()), -1))


def test_patches_are_only_another_order_of_the_pixels():
    unet = make_unet(NETWORK, 8, conditional=False)
    task = DenoisingTask(unet, cosine_betas(10), "epsilon", patch_size=2)
    assert unet.config["in_channels"] == 12 and unet.config["sample_size"] == 4
    assert loss_of(task, {"images": torch.zeros(2, 3, 8, 8, dtype=torch.uint8)}) > 0
    images = torch.randn(2, 3, 8, 8)
    assert torch.equal(F.pixel_shuffle(F.pixel_unshuffle(images, 2), 2), images)


@pytest.mark.parametrize(("conditional", "vectors"), [(True, 2), (False, 1)])
def test_a_condition_scales_and_shifts_each_block(conditional, vectors):
    unet = make_unet(NETWORK, 8, conditional)
    blocks = [block for block in unet.modules() if isinstance(block, ResnetBlock2D)]
    projections = [block.time_emb_proj for block in blocks if block.time_emb_proj]
    assert len(projections) == len(blocks) > 0
    assert {p.out_features / block.out_channels for p, block in zip(projections, blocks, strict=True)} == {vectors}


def test_classification_is_cross_entropy_of_scaled_images():
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(12, 10))
    images = torch.randint(256, (5, 3, 2, 2), dtype=torch.uint8)
    digits = torch.tensor([0, 3, 9, 1, 1])
    logits = classifier(images.double().div(255).mul(2).sub(1).float())
    expected = -logits.log_softmax(1)[torch.arange(5), digits].mean()
    loss = ClassificationTask(classifier)({"images": images, "digits": digits})
    torch.testing.assert_close(loss, expected)
