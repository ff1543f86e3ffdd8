"""Models of images and text: CLIP, text to image, ControlNet, personalization."""

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
    NumRuns,
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
from difflab.config.diffusion import Prediction, ScheduleParams, divides_channels
from difflab.config.training import TrainingParams, require_whole_batches


class ClipNetworkParams(Section):
    image_size: Pixels
    patch_size: Pixels
    text_length: int = Field(ge=3, le=1024, description="tokens of a prompt at most, begin and end included")
    vision_layers: Depth
    text_layers: Depth
    hidden_size: Width
    num_attention_heads: Width
    projection_dim: Width

    def check(self) -> None:
        for key, whole in (("patch_size", "image_size"), ("num_attention_heads", "hidden_size")):
            part, size = getattr(self, key), getattr(self, whole)
            require(size % part == 0, key, part, f"a divisor of {whole} {size}")


class ColoredDigitsParams(Section):
    seed: Seed
    unseen_pairs: Share = Field(description="share of (color, digit) pairs kept from training")


class ClipParams(Section):
    pretrained: Text | None = Field(description="folder or hub id of a CLIP; null: train one")
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
    seed: Seed
    images_per_class: int = Field(ge=1, le=10_000)


class ZeroShotParams(Section):
    images: Text | None = Field(description="folder with id2label.json and val/{class}_{index}.png; null: unseen")
    template: Template = Field(description="prompt for a class")
    unseen: UnseenImagesParams = Field(description="generated images of combinations kept from training")


class AutoencoderNetworkParams(Section):
    image_size: Pixels
    block_out_channels: Widths = Field(description="every level but the last halves the image")
    layers_per_block: Depth = 1
    norm_num_groups: Width = Field(description="normalizing a group removes its mean brightness")
    latent_channels: Width = 4

    def check(self) -> None:
        channels, least = self.block_out_channels, 2 * self.latent_channels
        factor = 2 ** (len(channels) - 1)
        allowed = f"a multiple of {factor}, because of block_out_channels"
        require(self.image_size % factor == 0, "image_size", self.image_size, allowed)
        allowed = f"integers ≥ {least}, twice latent_channels"
        require(min(channels) >= least, "block_out_channels", channels, allowed)
        divides_channels(self, "norm_num_groups")


class AutoencoderParams(Section):
    network: AutoencoderNetworkParams
    kl_weight: NonNegative = Field(description="of the mean KL divergence of a latent from N(0, 1)")
    training: TrainingParams


class LatentNetworkParams(Section):
    prediction_type: Prediction = "v_prediction"
    block_out_channels: Widths
    layers_per_block: Depth = 1
    num_attention_heads: Width = Field(default=4, description="of self- and cross-attention, on every level")
    norm_num_groups: Width = 8

    def check(self) -> None:
        divides_channels(self, "norm_num_groups", "num_attention_heads")


class GuidedSamplingParams(Section):
    seed: Seed = Field(description="of the noise bank")
    sampler: Literal["ddim", "dpmsolver++"] = "dpmsolver++"
    num_inference_steps: NumTimesteps
    guidance_scale: GuidanceScale = Field(description="s of ε(∅) + s (ε(c) − ε(∅))")
    batch_size: BatchSize = Field(description="images at once; it changes the rounding of networks")


class TextToImageParams(Section):
    pretrained: Text | None = Field(description="folder or hub id of a StableDiffusionPipeline; null: train one")
    autoencoder: AutoencoderParams
    schedule: ScheduleParams
    drop_probability: Probability = Field(description="of training without the caption")
    network: LatentNetworkParams
    training: TrainingParams
    sampling: GuidedSamplingParams
    num_images: NumImages = Field(description="generated from held-out captions, and measured")

    def check(self) -> None:
        autoencoder = self.autoencoder.network
        size = autoencoder.image_size // 2 ** (len(autoencoder.block_out_channels) - 1)
        factor = 2 ** (len(self.network.block_out_channels) - 1)
        allowed = f"a latent size (found {size}) that is a multiple of {factor}, because of network"
        require(size % factor == 0, "autoencoder.network.image_size", autoencoder.image_size, allowed)


Circle = Annotated[list[Share], Field(min_length=3, max_length=3)]  # x, y, radius, as shares of the image's side


class TwoCirclesParams(Section):
    """A conditioning image of two circles, and the prompt for it."""

    prompt: Text
    circles: list[Circle] = Field(min_length=2, max_length=2)
    colors: list[ColorName] = Field(min_length=3, max_length=3, description="of both circles and the background")
    any_order: bool = Field(description="whether the prompt leaves open which circle has which color")


class ControlSamplesParams(Section):
    num_one_circle: NumImages = Field(description="held-out scenes of one circle, each with its own noise")
    num_two_circles: NumImages = Field(description="noises for each scene of two circles")
    two_circles: list[TwoCirclesParams] = Field(min_length=1)
    num_compared: NumImages = Field(description="scenes of one circle for each training step and conditioning scale")
    conditioning_scales: Distinct[NonNegative]

    def check(self) -> None:
        compared, most = self.num_compared, self.num_one_circle
        require(compared <= most, "num_compared", compared, f"integer ≤ num_one_circle = {most}")


class ControlNetParams(Section):
    hint_channels: Widths = Field(description="every level but the last halves the conditioning image")
    drop_probability: Probability = Field(description="of training without the caption")
    training: TrainingParams
    sampling: GuidedSamplingParams
    samples: ControlSamplesParams

    def check(self) -> None:
        snapshots = self.training.num_snapshots
        require(snapshots > 0, "training.num_snapshots", snapshots, "integer ≥ 1, for the convergence figure")


Token = Annotated[str, Field(pattern=r"^<[a-z0-9-]+>$")]
Templates = Distinct[Annotated[str, Field(pattern=r"^[^{}]*\{token\}[^{}]*$")]]
Prompts = Distinct[Text]


class ConceptParams(Section):
    token: Token = Field(description="its name in prompts")
    initializer: Text = Field(description="word whose embedding training starts from, and whose meaning CLIP measures")
    color: str | None = Field(default=None, description="the concept is a circle of this color; null: photographs")
    images: Text | None = Field(default=None, description="folder of photographs")

    def check(self) -> None:
        one = self.color is None or self.images is None
        require(one, "images", self.images, f"null, because color is {self.color}")


Concepts = Annotated[dict[Annotated[str, Field(pattern=r"^[a-z0-9-]+$")], ConceptParams], Field(min_length=1)]


class ConceptCirclesParams(Section):
    seed: Seed
    num_images: NumImages
    size: Pixels = Field(description="pixels per side")


class PriorParams(Section):
    """Images that the model generates before its training, and is also trained on to keep what it knows."""

    seed: Seed = Field(description="of the noise bank")
    prompts: Prompts = Field(description="in turn")
    num_images: NumImages


class CustomDiffusionParams(Section):
    prior: PriorParams
    training: TrainingParams


class PresenceParams(Section):
    max_delta_e: float = Field(gt=0, le=100, description="CIEDE2000 difference of a pixel from the concept's color")
    min_share: Probability = Field(description="of an image's pixels within max_delta_e")


class MultiConceptParams(Section):
    prompts: Prompts = Field(description="with tokens, or with {first} and {second} for each pair of concepts")
    num_images: NumImages = Field(description="of each prompt, method and run")
    presence: PresenceParams


class PersonalizationParams(Section):
    input: Text | None = Field(description="input.json of the course, with images and prompts; null: those below")
    concepts: Concepts
    num_runs: NumRuns = Field(description="of each method: training.seed, training.seed + 1, …")
    circles: ConceptCirclesParams = Field(description="images of a concept that is a color")
    templates: Templates = Field(description="captions of a concept's images in training")
    inversion: TrainingParams
    custom_diffusion: CustomDiffusionParams
    sampling: GuidedSamplingParams
    multi_concept: MultiConceptParams

    def check(self) -> None:
        tokens = [concept.token for concept in self.concepts.values()]
        for name, concept in self.concepts.items():
            here, own = f"concepts.{name}", concept.color or concept.images
            if self.input is None:
                require(own is not None, f"{here}.images", None, "a folder, because color and input are null")
            else:
                key = "color" if concept.color else "images"
                require(own is None, f"{here}.{key}", own, "null, because input names the images")
            once = tokens.count(concept.token) == 1
            require(once, f"{here}.token", concept.token, "a token that no other concept has")
