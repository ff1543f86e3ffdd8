"""Models of images and text: CLIP, text to image, ControlNet."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from difflab.config.base import (
    BatchSize,
    ColorName,
    Depth,
    Distinct,
    GuidanceScale,
    NonNegative,
    NumImages,
    NumTimesteps,
    Pixels,
    Probability,
    Section,
    Seed,
    Share,
    Text,
    Width,
    Widths,
    require,
)
from difflab.config.diffusion import AT_ONCE, Prediction, ScheduleParams, divides_channels
from difflab.config.training import TrainingParams, require_whole_batches

# Data of a model, by name; dvc.yaml has a stage for each name, and therefore none without the section.
Scenes = Annotated[dict[Literal["circles"], Literal["all"]], Field(min_length=1)]
OF_SCENES = "training data, as {circles: all}: the scenes of the section circles"


class ClipNetworkParams(Section):
    """The small CLIP that is trained from scratch (transformers' `CLIPModel`)."""

    image_size: Pixels = Field(description="pixels per side")
    patch_size: Pixels = Field(description="pixels per side of a patch; divides image_size")
    text_length: int = Field(ge=3, le=1024, description="maximum number of tokens of a prompt, including begin and end")
    vision_layers: Depth = Field(description="transformer layers of the image encoder")
    text_layers: Depth = Field(description="transformer layers of the text encoder")
    hidden_size: Width = Field(description="width of both encoders")
    num_attention_heads: Width = Field(description="attention heads of both encoders; divides hidden_size")
    projection_dim: Width = Field(description="entries of image and text embeddings")

    def check(self) -> None:
        for key, whole in (("patch_size", "image_size"), ("num_attention_heads", "hidden_size")):
            part, size = getattr(self, key), getattr(self, whole)
            require(size % part == 0, key, part, f"a divisor of {whole} {size}")


class ColoredDigitsParams(Section):
    """Handwritten digits in color, the other half of CLIP's training data."""

    seed: Seed = Field(description="seed of the choice of pairs")
    unseen_pairs: Share = Field(description="share of (color, digit) pairs held out from training")


class ClipParams(Section):
    """CLIP: pretrained, or a small one trained from scratch."""

    data: Scenes = Field(description=OF_SCENES)
    pretrained: Text | None = Field(description="folder or hub id of a CLIP; null: train the network below")
    digits: ColoredDigitsParams
    network: ClipNetworkParams
    training: TrainingParams

    def check(self) -> None:
        require_whole_batches(self.training)


def _names_the_object(template: str) -> str:
    once = template.count("{object}") == 1
    require(once, "", template, "text with {object} in it once, such as A photo of a {object}.")
    return template


Template = Annotated[str, AfterValidator(_names_the_object)]


class UnseenImagesParams(Section):
    """Generated images of combinations that are held out from training."""

    seed: Seed = Field(description="seed of the images")
    images_per_class: int = Field(ge=1, le=10_000, description="images for each unseen pair")


class ZeroShotParams(Section):
    """Zero-shot classification with CLIP."""

    images: Text | None = Field(
        description="folder with id2label.json and val/{class}_{index}.png; null: the unseen images below"
    )
    template: Template = Field(description="prompt for a class, with {object} in it")
    unseen: UnseenImagesParams


class AutoencoderNetworkParams(Section):
    """The autoencoder (diffusers' `AutoencoderKL`)."""

    image_size: Pixels = Field(description="pixels per side")
    block_out_channels: Widths = Field(description="width of each level; every level but the last halves the image")
    layers_per_block: Depth = Field(default=1, description="residual blocks for each level")
    norm_num_groups: Width = Field(description="number of groups of the group norms; 1 keeps the mean brightness")
    latent_channels: Width = Field(default=4, description="channels of the latents")

    def check(self) -> None:
        channels, least = self.block_out_channels, 2 * self.latent_channels
        factor = 2 ** (len(channels) - 1)
        allowed = f"a multiple of {factor}, because of block_out_channels"
        require(self.image_size % factor == 0, "image_size", self.image_size, allowed)
        allowed = f"integers ≥ {least}, twice latent_channels"
        require(min(channels) >= least, "block_out_channels", channels, allowed)
        divides_channels(self, "norm_num_groups")


class AutoencoderParams(Section):
    """Images to latents and back."""

    network: AutoencoderNetworkParams
    kl_weight: NonNegative = Field(description="weight of the mean KL divergence of a latent from N(0, 1)")
    training: TrainingParams


class LatentNetworkParams(Section):
    """The U-Net in latent space (diffusers' `UNet2DConditionModel`)."""

    prediction_type: Prediction = Field(default="v_prediction", description="target of the network: the noise ε, or v")
    block_out_channels: Widths = Field(description="width of each level; every level but the last halves the latents")
    layers_per_block: Depth = Field(default=1, description="residual blocks for each level")
    num_attention_heads: Width = Field(default=4, description="heads of self- and cross-attention, on every level")
    norm_num_groups: Width = Field(default=8, description="number of groups of the group norms; divides every width")

    def check(self) -> None:
        divides_channels(self, "norm_num_groups", "num_attention_heads")


class GuidedSamplingParams(Section):
    """Sampling from prompts, with classifier-free guidance."""

    seed: Seed = Field(description="seed of the noise bank")
    sampler: Literal["ddim", "dpmsolver++"] = Field(
        default="dpmsolver++", description="sampling method; DDIM with η = 0"
    )
    num_inference_steps: NumTimesteps = Field(description="number of sampling steps")
    guidance_scale: GuidanceScale = Field(description="s of ε(∅) + s (ε(c) − ε(∅))")
    batch_size: BatchSize = Field(description=AT_ONCE)


class CaptionedImagesParams(Section):
    """Your own captioned images to fine-tune the pretrained model on."""

    folder: Text | None = Field(
        description="folder with metadata.jsonl, in the layout of imagefolder; null: use the model as it is"
    )
    num_validation: NumImages = Field(
        description="number of captions, the last ones, that are held out from training and sampled"
    )


class TextToImageParams(Section):
    """A latent text-to-image model: pretrained, or a small one trained from scratch."""

    data: Scenes = Field(description=OF_SCENES)
    pretrained: Text | None = Field(
        description="folder or hub id of a StableDiffusionPipeline; null: train the model below"
    )
    images: CaptionedImagesParams
    autoencoder: AutoencoderParams
    schedule: ScheduleParams = Field(description="schedule of the training")
    drop_probability: Probability = Field(description="share of training images without their caption")
    network: LatentNetworkParams
    training: TrainingParams
    sampling: GuidedSamplingParams
    num_images: NumImages = Field(description="number of held-out captions of circles to sample")

    def check(self) -> None:
        folder = self.images.folder
        fits = folder is None or self.pretrained is not None
        require(fits, "images.folder", folder, "null, because pretrained is null")
        autoencoder = self.autoencoder.network
        size = autoencoder.image_size // 2 ** (len(autoencoder.block_out_channels) - 1)
        factor = 2 ** (len(self.network.block_out_channels) - 1)
        allowed = f"a latent size (found {size}) that is a multiple of {factor}, because of network"
        require(size % factor == 0, "autoencoder.network.image_size", autoencoder.image_size, allowed)


Circle = Annotated[list[Share], Field(min_length=3, max_length=3)]  # x, y, radius, as shares of the image's side


class TwoCirclesParams(Section):
    """A conditioning image of two circles, and the prompt for it."""

    prompt: Text = Field(description="caption of the scene")
    circles: list[Circle] = Field(
        min_length=2, max_length=2, description="x, y and radius of each circle, as shares of the side (y down)"
    )
    colors: list[ColorName] = Field(
        min_length=3, max_length=3, description="colors of both circles and of the background"
    )
    any_order: bool = Field(description="whether the prompt leaves open which circle has which color")


class ControlSamplesParams(Section):
    """Samples that measure the ControlNet, each also without it."""

    num_one_circle: NumImages = Field(description="held-out scenes of one circle, each with its own noise")
    num_two_circles: NumImages = Field(description="number of noises for each scene of two circles")
    two_circles: list[TwoCirclesParams] = Field(
        min_length=1, description="scenes of two circles, which training never has"
    )
    num_compared: NumImages = Field(
        description="scenes of one circle for each training step and each conditioning scale"
    )
    conditioning_scales: Distinct[NonNegative] = Field(
        description="scales of the ControlNet's residuals; training has 1"
    )

    def check(self) -> None:
        compared, most = self.num_compared, self.num_one_circle
        require(compared <= most, "num_compared", compared, f"integer ≤ num_one_circle = {most}")


class PairsParams(Section):
    """Your own pairs of a conditioning image and a target image."""

    folder: Text | None = Field(
        description="folder with prompt.json, in the layout of Fill50k; null: scenes of one circle"
    )
    num_validation: NumImages = Field(
        description="number of pairs, the last ones, that are held out from training and sampled"
    )


class ControlNetParams(Section):
    """A ControlNet of the text-to-image model, trained on scenes of one circle or on pairs of images."""

    pairs: PairsParams
    data: Scenes = Field(description=OF_SCENES)
    hint_channels: Widths = Field(description="width of each level of the hint encoder")
    drop_probability: Probability = Field(description="share of training images without their caption")
    training: TrainingParams
    sampling: GuidedSamplingParams
    samples: ControlSamplesParams

    def check(self) -> None:
        snapshots = self.training.num_snapshots
        require(snapshots > 0, "training.num_snapshots", snapshots, "integer ≥ 1, for the convergence figure")
        if self.pairs.folder is not None:
            compared, most = self.samples.num_compared, self.pairs.num_validation
            allowed = f"integer ≤ pairs.num_validation = {most}"
            require(compared <= most, "samples.num_compared", compared, allowed)
