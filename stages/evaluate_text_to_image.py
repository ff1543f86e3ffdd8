"""Draw held-out captions and measure: models/text_to_image/ → metrics/text_to_image.json, figures/text_to_image.png."""

import argparse
from pathlib import Path

from difflab.params import ComputeParams, GuidedSamplingParams, load_section
from difflab.stage import run

COLUMNS = 8


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    sampling = load_section(GuidedSamplingParams, "text_to_image.sampling")
    num_images = load_section(int, "text_to_image.num_images")

    import torch
    from PIL import Image

    from difflab.circles.scenes import load_scenes
    from difflab.device import make_accelerator
    from difflab.evaluation.metrics import write_metrics
    from difflab.figures.image_grid import Panel, save_image_grid
    from difflab.sampling.resumable import drawn_batches
    from difflab.stage import UserError
    from difflab.text_to_image.drawing import draw_prompts, set_sampler
    from difflab.text_to_image.evaluation import evaluate
    from difflab.text_to_image.model_folder import MODEL, load_text_to_image

    accelerator = make_accelerator(compute)
    prepared = Path("prepared/circles.safetensors")
    scenes = load_scenes(prepared).part("validation")
    scenes = scenes.where(scenes.num_circles == 1)
    if len(scenes) < num_images:
        raise UserError(f"text_to_image.num_images: found {num_images}, allowed: at most {len(scenes)} held-out captions")
    pipeline = load_text_to_image().to(accelerator.device)
    set_sampler(pipeline, sampling.sampler)

    def draw(batch: range) -> dict[str, torch.Tensor]:
        prompts = scenes.captions[batch.start : batch.stop]
        return {"images": draw_prompts(pipeline, prompts, batch, sampling)}

    numbers, size = range(num_images), sampling.batch_size
    batches = [numbers[start : start + size] for start in range(0, num_images, size)]
    params, inputs = [compute, sampling, num_images], [prepared, MODEL]
    with drawn_batches("evaluate_text_to_image", params, inputs, batches, draw) as drawn:
        images = torch.cat([tensors["images"] for _, tensors in drawn]).permute(0, 2, 3, 1).numpy()
        write_metrics(Path("metrics/text_to_image.json"), evaluate(images, scenes.colours[:num_images].numpy()))
        shown = [Image.fromarray(image) for image in images[: 3 * COLUMNS]]
        captions = [wrapped(caption) for caption in scenes.captions[: len(shown)]]
        rows = [shown[start : start + COLUMNS] for start in range(0, len(shown), COLUMNS)]
        below = [captions[start : start + COLUMNS] for start in range(0, len(shown), COLUMNS)]
        panel = Panel(rows, [], [], captions=below)
        title = "Captions that training has not seen"
        save_image_grid([panel], title, Path("figures/text_to_image.png"), "evaluate_text_to_image", [MODEL / "model_index.json"])


def wrapped(caption: str) -> str:
    from textwrap import fill

    return fill(caption, 20)


if __name__ == "__main__":
    run(main)
