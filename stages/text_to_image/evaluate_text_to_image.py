"""Sample held-out captions: models/text_to_image/ → metrics/text_to_image.json, figures/text_to_image.png."""

from pathlib import Path
from typing import Annotated

from difflab.config.language import GuidedSamplingParams
from difflab.stage import Compute, Section, run


def main(
    compute: Compute,
    sampling: Annotated[GuidedSamplingParams, Section("text_to_image.sampling")],
    num_images: Annotated[int, Section("text_to_image.num_images")],
) -> None:
    import torch

    from difflab.data.circles import load_scenes
    from difflab.diffusion.noise_bank import resumable_batches
    from difflab.errors import UserError
    from difflab.evaluation.metrics import write_metrics
    from difflab.systems.text_to_image.evaluation import save_captioned, text_to_image_metrics
    from difflab.systems.text_to_image.model_folder import MODEL, UNET, load_text_to_image
    from difflab.systems.text_to_image.sampling import sample_prompts, set_sampler
    from difflab.training.device import make_accelerator

    accelerator = make_accelerator(compute)
    prepared = Path("prepared/circles.safetensors")
    scenes = load_scenes(prepared).part("validation")
    scenes = scenes.where(scenes.num_circles == 1)
    if len(scenes) < num_images:
        allowed = f"at most {len(scenes)}, the held-out captions of one circle"
        raise UserError(f"text_to_image.num_images: found {num_images}, allowed: {allowed}")
    pipeline = load_text_to_image().to(accelerator.device)
    set_sampler(pipeline, sampling.sampler)

    def sample(batch: range) -> dict[str, torch.Tensor]:
        prompts = scenes.captions[batch.start : batch.stop]
        return {"images": sample_prompts(pipeline, prompts, batch, sampling)}

    numbers, size = range(num_images), sampling.batch_size
    batches = [numbers[start : start + size] for start in range(0, num_images, size)]
    params, inputs = [compute, sampling, num_images], [prepared, MODEL]
    with resumable_batches("evaluate_text_to_image", params, inputs, batches, sample) as drawn:
        images = torch.cat([tensors["images"] for _, tensors in drawn]).permute(0, 2, 3, 1).numpy()
        write_metrics(
            Path("metrics/text_to_image.json"), text_to_image_metrics(images, scenes.colors[:num_images].numpy())
        )
        save_captioned(images, scenes.captions, Path("figures/text_to_image.png"), [prepared, UNET])


if __name__ == "__main__":
    run(main, shared=True)
