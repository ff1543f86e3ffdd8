"""The text-to-image model → models/text_to_image/, a StableDiffusionPipeline.

Trained on captioned circles, in the latents of models/autoencoder/ and with the text encoder of models/clip/, or loaded
from `text_to_image.pretrained`.
"""

from pathlib import Path
from typing import Annotated, Any

from difflab.config.diffusion import ScheduleParams
from difflab.config.language import LatentNetworkParams
from difflab.config.training import TrainingParams
from difflab.stage import Compute, Section, run


def main(
    compute: Compute,
    pretrained: Annotated[str | None, Section("text_to_image.pretrained")],
    schedule: Annotated[ScheduleParams, Section("text_to_image.schedule")],
    drop_probability: Annotated[float, Section("text_to_image.drop_probability")],
    network: Annotated[LatentNetworkParams, Section("text_to_image.network")],
    training: Annotated[TrainingParams, Section("text_to_image.training")],
) -> None:
    from accelerate.utils import set_seed
    from diffusers import DDPMScheduler, StableDiffusionPipeline

    from difflab.data.circles import load_scenes
    from difflab.diffusion.schedules import make_betas
    from difflab.models.hub import record_commit
    from difflab.pipeline.files import atomic_write
    from difflab.systems.text_to_image.autoencoder import encode_scenes
    from difflab.systems.text_to_image.model_folder import AUTOENCODER, MODEL, load_autoencoder, load_text_to_image
    from difflab.systems.text_to_image.objective import Captions, LatentDenoisingTask, make_latent_unet, make_scheduler
    from difflab.systems.zero_shot.clip import load_clip, tokenize
    from difflab.training.checkpoint import rolling_checkpoint
    from difflab.training.device import make_accelerator
    from difflab.training.fit import fit

    if pretrained is not None:
        loaded = load_text_to_image(pretrained, "text_to_image.pretrained")
        with atomic_write(MODEL) as folder:
            loaded.save_pretrained(folder)
            record_commit(folder, pretrained, "model_index.json")
        return
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
        data = {"latents": latents, "tokens": tokens}
        fit(task, data, training, accelerator, checkpoint, compilation=compute.compile)
        language: Any = {"text_encoder": text_encoder, "tokenizer": clip.tokenizer}
        others: Any = {"safety_checker": None, "feature_extractor": clip.image_processor}
        parts: Any = {"vae": autoencoder, "unet": unet, "scheduler": scheduler, **language, **others}
        pipeline = StableDiffusionPipeline(**parts, requires_safety_checker=False)
        with checkpoint.model_folder(MODEL) as folder:
            pipeline.save_pretrained(folder)


if __name__ == "__main__":
    run(main, shared=True)
