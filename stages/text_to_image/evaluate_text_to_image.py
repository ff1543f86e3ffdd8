"""Sample the held-out captions: models/text_to_image/ → metrics/text_to_image.json, figures/text_to_image.png."""

from functools import partial
from pathlib import Path
from typing import Annotated

from difflab.config.language import CaptionedImagesParams, GuidedSamplingParams
from difflab.stage import Compute, Section, run


def main(
    compute: Compute,
    own: Annotated[CaptionedImagesParams, Section("text_to_image.images")],
    sampling: Annotated[GuidedSamplingParams, Section("text_to_image.sampling")],
    num_images: Annotated[int, Section("text_to_image.num_images")],
) -> None:
    import torch

    from difflab.data.captioned_images import INDEX
    from difflab.data.circles import load_scenes
    from difflab.diffusion.noise_bank import resumable_batches
    from difflab.errors import UserError
    from difflab.evaluation.metrics import write_metrics
    from difflab.systems.text_to_image.evaluation import save_captioned, text_to_image_metrics
    from difflab.systems.text_to_image.model_folder import MODEL, UNET, load_text_to_image
    from difflab.systems.text_to_image.own_image_evaluation import own_image_metrics
    from difflab.systems.text_to_image.own_images import train_and_held_out
    from difflab.systems.text_to_image.sampling import sample_prompts, set_sampler
    from difflab.systems.zero_shot.clip import load_clip
    from difflab.training.device import make_accelerator

    accelerator = make_accelerator(compute)
    if own.folder is None:
        file = Path("prepared/circles.safetensors")
        scenes = load_scenes(file).part("validation")
        scenes = scenes.where(scenes.num_circles == 1)
        if len(scenes) < num_images:
            allowed = f"at most {len(scenes)}, the held-out captions of one circle"
            raise UserError(f"text_to_image.num_images: found {num_images}, allowed: {allowed}")
        captions, colors = scenes.captions[:num_images], scenes.colors[:num_images].numpy()
        measure = partial(text_to_image_metrics, colors=colors)
    else:
        file, clip = Path(own.folder, INDEX), Path("models/clip")
        _, held_out = train_and_held_out(own)
        captions = held_out.captions
        measure = partial(own_image_metrics, held_out=held_out, clip=load_clip(clip, str(clip)))
    pipeline = load_text_to_image().to(accelerator.device)
    set_sampler(pipeline, sampling.sampler)

    def sample(batch: range) -> dict[str, torch.Tensor]:
        return {"images": sample_prompts(pipeline, captions[batch.start : batch.stop], batch, sampling)}

    numbers, size = range(len(captions)), sampling.batch_size
    batches = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    params, inputs = [compute, own, sampling, num_images], [file, MODEL]
    with resumable_batches("evaluate_text_to_image", params, inputs, batches, sample) as drawn:
        images = torch.cat([tensors["images"] for _, tensors in drawn]).permute(0, 2, 3, 1).numpy()
        write_metrics(Path("metrics/text_to_image.json"), measure(images))
        save_captioned(images, captions, Path("figures/text_to_image.png"), [file, UNET])


if __name__ == "__main__":
    run(main, shared=True)
