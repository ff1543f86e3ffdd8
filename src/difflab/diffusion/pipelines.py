"""Trained models as diffusers pipelines: `DigitPipeline.from_pretrained("models/joint-cosine")`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from diffusers import DDPMScheduler, DiffusionPipeline, UNet2DModel
from diffusers.utils import BaseOutput
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor, nn
from torch.nn import functional as F

from difflab.data.classes import DIGITS
from difflab.data.pixels import to_pil
from difflab.diffusion.samplers import Generators, SamplingError, make_sampler
from difflab.diffusion.sampling import PredictNoise, Trace, guided, sample
from difflab.errors import reading
from difflab.models.conditioning import Condition
from difflab.models.safe_loading import refusal, require_schedule, require_weights

PATCH_SIZES = (1, 2, 4)


@dataclass
class TracedOutput(BaseOutput):
    """`images`: N PIL images, or a tensor (N, 3, S, S), about in [-1, 1]; `trace`: intermediate images."""

    images: Any
    trace: Trace


class PixelPipeline(DiffusionPipeline):
    """Base class: a U-Net on pixel-unshuffled images, and a scheduler of diffusers with the trained β.

    The diffusion itself is in pixel space, so the shapes of noise and trace do not depend on the patch size.
    """

    unet: UNet2DModel
    scheduler: DDPMScheduler

    @classmethod
    def from_folder(cls, folder: str | Path) -> Self:
        """`from_pretrained` of a local folder, without network access and unpickling.

        Raises UserError when it is missing or cannot be read, weights are missing or not finite, or the β are invalid.
        """
        folder = Path(folder)
        if not (folder / "model_index.json").is_file():
            raise SamplingError(f"{folder}: no trained model here (model_index.json not found)")
        with reading(folder, kind=SamplingError):
            pipeline = cls.from_pretrained(folder, use_safetensors=True, local_files_only=True)
        for name, component in pipeline.components.items():
            if isinstance(component, nn.Module):
                require_weights(component, folder / name)
        listed = pipeline.scheduler.config.get("trained_betas")
        if not isinstance(listed, list | None):
            raise refusal(f"{folder / 'scheduler'}: trained_betas", repr(listed), "a list of the β, or null")
        require_schedule(pipeline.scheduler, folder / "scheduler")
        if pipeline.config["patch_size"] not in PATCH_SIZES:
            raise refusal(f"{folder}: patch_size", repr(pipeline.config["patch_size"]), f"one of {PATCH_SIZES}")
        return pipeline

    @property
    def betas(self) -> Tensor:
        """The trained β, (T,) float64: from the scheduler's configuration, or as diffusers computes them."""
        listed = self.scheduler.config.get("trained_betas")
        return self.scheduler.betas.double() if listed is None else torch.tensor(listed, dtype=torch.float64)

    @property
    def image_size(self) -> int:
        """Pixels a side."""
        return self.unet.config["sample_size"] * self.config["patch_size"]

    def replace_betas(self, betas: Tensor) -> None:
        """Sample with another schedule, `betas` (T',): time steps 0 … T'-1 are passed to the network unchanged."""
        config = {"trained_betas": betas.tolist(), "num_train_timesteps": len(betas)}
        self.register_modules(scheduler=DDPMScheduler.from_config(self.scheduler.config, **config))

    def _network(self, x: Tensor, timestep: int, condition: Tensor | None = None) -> Tensor:
        """The network's prediction for noisy images `x` (N, 3, S, S), of the same shape."""
        patches = F.pixel_unshuffle(x, self.config["patch_size"])
        return F.pixel_shuffle(self.unet(patches, timestep, class_labels=condition).sample, self.config["patch_size"])

    def _generate(
        self,
        predict_noise: PredictNoise,
        count: int,
        generator: Generators,
        eta: float,
        trace_steps: int,
        output_type: str,
        sampler: dict[str, Any],
        noise: Tensor | None = None,
    ) -> TracedOutput:
        if isinstance(generator, list) and len(generator) != count:
            raise SamplingError(f"generator: found {len(generator)}, allowed: 1, or one for each of {count} images")
        if output_type not in ("pil", "pt"):
            raise SamplingError(f"output_type: found {output_type!r}, allowed: 'pil', 'pt'")
        reverse = make_sampler(self.betas, self.scheduler.config["prediction_type"], **sampler)
        shape = (count, 3, self.image_size, self.image_size)
        if noise is None:
            noise = randn_tensor(shape, generator=generator, device=self.device)
        elif noise.shape != shape:
            raise SamplingError(f"noise: found a tensor of shape {tuple(noise.shape)}, allowed: {shape}")
        progress = self.progress_bar  # pyright: ignore[reportAttributeAccessIssue]  (diffusers' decorator)
        trace = sample(predict_noise, reverse, noise.to(self.device), generator, eta, trace_steps, progress)
        images = trace.images[-1]
        return TracedOutput(to_pil(images) if output_type == "pil" else images, trace)


class DigitPipeline(PixelPipeline):
    """Samples digits or other classes in a domain, with classifier-free guidance."""

    condition: Condition

    def __init__(self, unet: UNet2DModel, condition: Condition, scheduler: DDPMScheduler, patch_size: int = 1):
        super().__init__()
        self.register_modules(unet=unet, condition=condition, scheduler=scheduler)
        self.register_to_config(patch_size=patch_size)

    def __call__(
        self,
        digit: int | str | list[int] | list[str],
        domain: str | list[str],
        *,
        generator: Generators,
        guidance_scale: float = 3.0,
        guidance_interval: Sequence[float] | None = None,
        eta: float = 0.0,
        trace_steps: int = 2,
        output_type: str = "pil",
        **sampler: Any,
    ) -> TracedOutput:
        """Sample one image for each digit and domain; a single digit or domain applies to all images.

        `digit`: labels or class names. `generator`: one for all images or one for each; the first draw is the starting
        noise. `guidance_scale`: s in s ε(x,c) − (s−1) ε(x,∅), at all time steps t, or only where t/T is in [low, high)
        of `guidance_interval`. `eta`: DDIM's η. `trace_steps`: number of images in the trace, see `sample`.
        `output_type`: "pil" or "pt". `sampler`: keyword arguments of `make_sampler`, such as num_inference_steps=25 and
        sampler="ddpm". Raises SamplingError for an invalid argument.
        """
        asked, domains = _pair(digit, domain)
        known, classes = list(self.condition.config["domains"]), self.condition.classes
        for value in asked:
            known_values = classes if isinstance(value, str) else range(len(classes))
            if not isinstance(value, (int, str)) or value not in known_values:
                allowed = f"0 to {len(classes) - 1}" if classes == DIGITS else ", ".join(classes)
                raise SamplingError(f"digit: found {value!r}, allowed: {allowed}")
        digits = [classes.index(value) if isinstance(value, str) else value for value in asked]
        for value in domains:
            if value not in known:
                raise SamplingError(f"domain: found {value!r}, allowed: {', '.join(known)}")
        condition = self.condition(
            torch.tensor(digits, device=self.device),
            torch.tensor([known.index(value) for value in domains], device=self.device),
        )
        timesteps = None
        if guidance_interval is not None:
            low, high = (math.ceil(share * len(self.scheduler)) for share in guidance_interval)
            timesteps = range(low, high)
        null = self.condition.null(len(digits))
        predict_noise = guided(self._network, condition, null, guidance_scale, timesteps)
        return self._generate(predict_noise, len(digits), generator, eta, trace_steps, output_type, sampler)


def _pair(digit: int | str | list[int] | list[str], domain: str | list[str]) -> tuple[Sequence[int | str], list[str]]:
    """Digits and domains as lists of the same length; a single value is repeated. Raises SamplingError."""
    count = max((len(value) for value in (digit, domain) if isinstance(value, list)), default=1)
    digits = digit if isinstance(digit, list) else [digit] * count
    domains = domain if isinstance(domain, list) else [domain] * count
    if len(digits) != len(domains) or count == 0:
        raise SamplingError(f"digit, domain: found {len(digits)} and {len(domains)} of them, allowed: as many of each")
    return digits, domains


class UnconditionalPipeline(PixelPipeline):
    """Samples images without a condition, such as faces."""

    def __init__(self, unet: UNet2DModel, scheduler: DDPMScheduler, patch_size: int = 1):
        super().__init__()
        self.register_modules(unet=unet, scheduler=scheduler)
        self.register_to_config(patch_size=patch_size)

    def __call__(
        self,
        count: int = 1,
        *,
        generator: Generators,
        noise: Tensor | None = None,
        eta: float = 0.0,
        trace_steps: int = 2,
        output_type: str = "pil",
        **sampler: Any,
    ) -> TracedOutput:
        """Sample `count` images, from the starting noise (count, 3, S, S) if given; else `generator` draws it first.

        The other arguments are as in `DigitPipeline`. Raises SamplingError for an invalid argument.
        """
        if count < 1:
            raise SamplingError(f"count: found {count}, allowed: 1 and above")
        return self._generate(self._network, count, generator, eta, trace_steps, output_type, sampler, noise)


def load_recipe(
    folder: str | Path, conditional: bool, device: torch.device | str
) -> DigitPipeline | UnconditionalPipeline:
    """Load the pipeline of a recipe's model folder, on `device` and without progress bars; see `from_folder`."""
    pipeline = (DigitPipeline if conditional else UnconditionalPipeline).from_folder(folder).to(device)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
