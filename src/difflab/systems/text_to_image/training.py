"""The initial U-Net and the objective for training a text-to-image model."""

from collections.abc import Sequence
from typing import Any

from accelerate.utils import set_seed
from diffusers import DDPMScheduler, StableDiffusionPipeline
from torch import Tensor

from difflab.config.diffusion import ScheduleParams
from difflab.config.language import LatentNetworkParams
from difflab.diffusion.schedules import make_betas
from difflab.systems.text_to_image.objective import Captions, LatentDenoisingTask, make_latent_unet, make_scheduler
from difflab.systems.zero_shot.clip import Clip, tokenize


def untrained_pipeline(
    autoencoder: Any, clip: Clip, network: LatentNetworkParams, schedule: ScheduleParams, seed: int
) -> StableDiffusionPipeline:
    """A pipeline with a U-Net initialized at random from `seed`, the autoencoder, and CLIP's text encoder.

    Seeds torch's global generator.
    """
    text_encoder = clip.model.text_model
    set_seed(seed)
    unet = make_latent_unet(network, autoencoder, text_encoder.config.hidden_size)
    scheduler = make_scheduler(make_betas(schedule), network.prediction_type)
    language: Any = {"text_encoder": text_encoder, "tokenizer": clip.tokenizer}
    others: Any = {"safety_checker": None, "feature_extractor": clip.image_processor}
    parts: Any = {"vae": autoencoder, "unet": unet, "scheduler": scheduler, **language, **others}
    return StableDiffusionPipeline(**parts, requires_safety_checker=False)


def denoising_task(
    pipeline: StableDiffusionPipeline, captions: Sequence[str], drop_probability: float
) -> tuple[LatentDenoisingTask, Tensor]:
    """The objective for the pipeline's U-Net, and the tokens (N, L) of `captions`.

    The pipeline has to be on the training device. Raises UserError when its tokenizer does not know a word.
    """
    tokens = tokenize(pipeline.tokenizer, captions)
    (empty,) = tokenize(pipeline.tokenizer, [""])
    conditions = Captions(pipeline.text_encoder, empty, drop_probability)
    scheduler = DDPMScheduler.from_config(pipeline.scheduler.config)
    return LatentDenoisingTask(pipeline.unet.requires_grad_(True), scheduler, conditions), tokens
