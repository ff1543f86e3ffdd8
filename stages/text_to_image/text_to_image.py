"""The text-to-image model → models/text_to_image/, a StableDiffusionPipeline.

Trained on captioned circles, with the latents of models/autoencoder/ and the text encoder of models/clip/, or loaded
from `text_to_image.pretrained`. Its U-Net is fine-tuned if `text_to_image.images` names a folder.
"""

from functools import partial
from pathlib import Path
from typing import Annotated

from difflab.config.diffusion import ScheduleParams
from difflab.config.language import CaptionedImagesParams, LatentNetworkParams
from difflab.config.training import TrainingParams
from difflab.stage import Compute, Section, run


def main(
    compute: Compute,
    pretrained: Annotated[str | None, Section("text_to_image.pretrained")],
    own: Annotated[CaptionedImagesParams, Section("text_to_image.images")],
    schedule: Annotated[ScheduleParams, Section("text_to_image.schedule")],
    drop_probability: Annotated[float, Section("text_to_image.drop_probability")],
    network: Annotated[LatentNetworkParams, Section("text_to_image.network")],
    training: Annotated[TrainingParams, Section("text_to_image.training")],
) -> None:
    from difflab.data.circles import load_scenes
    from difflab.models.hub import record_commit
    from difflab.pipeline.files import atomic_write
    from difflab.systems.text_to_image.autoencoder import encode_scenes
    from difflab.systems.text_to_image.model_folder import (
        AUTOENCODER,
        MODEL,
        image_size,
        load_autoencoder,
        load_text_to_image,
    )
    from difflab.systems.text_to_image.own_images import encode_files, train_and_held_out
    from difflab.systems.text_to_image.training import denoising_task, untrained_pipeline
    from difflab.systems.zero_shot.clip import load_clip
    from difflab.training.checkpoint import rolling_checkpoint
    from difflab.training.device import make_accelerator
    from difflab.training.fit import fit

    if pretrained is None:
        prepared, clip = Path("prepared/circles.safetensors"), Path("models/clip")
        scenes, autoencoder = load_scenes(prepared).part("train"), load_autoencoder(AUTOENCODER)
        pipeline = untrained_pipeline(autoencoder, load_clip(clip, str(clip)), network, schedule, training.seed)
        captions, encode = scenes.captions, partial(encode_scenes, scenes=scenes)
        params, inputs = [compute, schedule, drop_probability, network, training], [prepared, clip, AUTOENCODER]
    else:
        pipeline = load_text_to_image(pretrained, "text_to_image.pretrained")
        if own.folder is None:
            with atomic_write(MODEL) as folder:
                pipeline.save_pretrained(folder)
                record_commit(folder, pretrained, "model_index.json")
            return
        images, _ = train_and_held_out(own)
        captions, encode = images.captions, partial(encode_files, files=images.files)
        params = [compute, pretrained, own, drop_probability, training]
        inputs = [path for path in (Path(pretrained), Path(own.folder)) if path.exists()]
    accelerator = make_accelerator(compute)
    pipeline.to(accelerator.device)
    task, tokens = denoising_task(pipeline, captions, drop_probability)
    with rolling_checkpoint("text_to_image", params, inputs) as checkpoint:
        data = {"latents": encode(pipeline.vae, image_size=image_size(pipeline)), "tokens": tokens}
        fit(task, data, training, accelerator, checkpoint, compilation=compute.compile)
        with checkpoint.model_folder(MODEL) as folder:
            pipeline.save_pretrained(folder)
            if pretrained is not None:
                record_commit(folder, pretrained, "model_index.json")


if __name__ == "__main__":
    run(main, shared=True)
