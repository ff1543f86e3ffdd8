"""The text-to-image model: trained on circles in the latents of models/autoencoder/ to draw what captions say, which
models/clip/ reads, or taken from `text_to_image.pretrained` → models/text_to_image/, a StableDiffusionPipeline.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

from difflab.config.language import LatentNetworkParams
from difflab.config.load import load_section

from difflab.config.diffusion import ScheduleParams
from difflab.config.training import ComputeParams, TrainingParams
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    pretrained = load_section(str | None, "text_to_image.pretrained")
    schedule = load_section(ScheduleParams, "text_to_image.schedule")
    drop_probability = load_section(float, "text_to_image.drop_probability")
    network = load_section(LatentNetworkParams, "text_to_image.network")
    training = load_section(TrainingParams, "text_to_image.training")

    from difflab.pipeline.files import atomic_write
    from difflab.systems.text_to_image.model_folder import MODEL, load_text_to_image

    if pretrained is None:
        train(compute, schedule, drop_probability, network, training)
    else:
        pipeline = load_text_to_image(pretrained, "text_to_image.pretrained")
        with atomic_write(MODEL) as folder:
            pipeline.save_pretrained(folder)


def train(
    compute: ComputeParams,
    schedule: ScheduleParams,
    drop_probability: float,
    network: LatentNetworkParams,
    training: TrainingParams,
) -> None:
    """Train the small model of `text_to_image.network`; autoencoder and text encoder stay as they are."""
    from accelerate.utils import set_seed
    from diffusers import DDPMScheduler, StableDiffusionPipeline

    from difflab.data.circles import load_scenes
    from difflab.diffusion.schedules import make_betas
    from difflab.pipeline.files import atomic_write
    from difflab.systems.text_to_image.autoencoder import encode_scenes
    from difflab.systems.text_to_image.model_folder import AUTOENCODER, MODEL, load_autoencoder
    from difflab.systems.text_to_image.objective import Captions, LatentDenoisingTask, make_latent_unet, make_scheduler
    from difflab.systems.zero_shot.clip import load_clip, tokenize
    from difflab.training.checkpoint import rolling_checkpoint
    from difflab.training.device import make_accelerator
    from difflab.training.fit import fit

    accelerator = make_accelerator(compute)
    prepared, clip_folder = Path("prepared/circles.safetensors"), Path("models/clip")
    scenes = load_scenes(prepared).part("train")
    clip = load_clip(clip_folder, str(clip_folder))
    autoencoder: Any = load_autoencoder(AUTOENCODER).to(accelerator.device)
    text_encoder = clip.model.text_model.to(accelerator.device)
    tokens = tokenize(clip.tokenizer, scenes.captions)
    (empty,) = tokenize(clip.tokenizer, [""])

    set_seed(training.seed)
    unet = make_latent_unet(network, autoencoder, text_encoder.config.hidden_size)
    scheduler = make_scheduler(make_betas(schedule), network.prediction_type)
    captions = Captions(text_encoder, empty, drop_probability)
    task = LatentDenoisingTask(unet, DDPMScheduler.from_config(scheduler.config), captions)
    params = [compute, schedule, drop_probability, network, training]
    with rolling_checkpoint("text_to_image", params, [prepared, clip_folder, AUTOENCODER]) as checkpoint:
        latents = encode_scenes(autoencoder, scenes, autoencoder.config.sample_size)
        fit(task, {"latents": latents, "tokens": tokens}, training, accelerator, checkpoint)
        components: dict[str, Any] = {
            "vae": autoencoder,
            "text_encoder": text_encoder,
            "tokenizer": clip.tokenizer,
            "unet": unet,
            "scheduler": scheduler,
            "safety_checker": None,
            "feature_extractor": clip.image_processor,
        }
        pipeline = StableDiffusionPipeline(**components, requires_safety_checker=False)
        with atomic_write(MODEL) as folder:
            pipeline.save_pretrained(folder)
            shutil.copy(checkpoint.log, folder)


if __name__ == "__main__":
    run(main)
