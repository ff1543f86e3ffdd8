"""Sample one recipe: models/RECIPE/ → samples/RECIPE/{domain}/{class}_{001..}.png and trace/{domain}_{class}/.

For an unconditional recipe, which has no classes: {domain}/{001..}.png, as many images in total, and trace/{domain}/.
"""

from pathlib import Path
from typing import Annotated, Any

from difflab.config.diffusion import RecipeData, RecipeSamplingParams
from difflab.stage import WITHOUT_TEXT, Compute, Recipe, Section, run


def main(
    recipe: Recipe,
    compute: Compute,
    domains: Annotated[RecipeData, Section("recipes.{recipe}.data")],
    params: Annotated[RecipeSamplingParams, Section("recipes.{recipe}.sampling")],
) -> None:
    import torch

    from difflab.diffusion.noise_bank import bank_generators, resumable_batches
    from difflab.diffusion.pipelines import DigitPipeline, load_recipe
    from difflab.diffusion.samplers import sampler_options
    from difflab.pipeline.files import atomic_write
    from difflab.systems.digits.plan import PlannedImage, plan_images, save_image
    from difflab.training.device import make_accelerator

    model = Path("models", recipe)
    conditional = params.guidance_scale is not None
    pipeline = load_recipe(model, conditional, make_accelerator(compute).device)

    def sample(batch: list[PlannedImage]) -> dict[str, torch.Tensor]:
        request: dict[str, Any] = {"count": len(batch)}
        if conditional:
            request = {name: [getattr(image, name) for image in batch] for name in ("digit", "domain")}
            request |= {name: getattr(params, name) for name in ("guidance_scale", "guidance_interval")}
        generators = bank_generators(params.seed, [image.noise for image in batch])
        kept = {
            "eta": params.eta if params.sampler == "ddim" else 0.0,
            "trace_steps": params.trace_steps,
            "output_type": "pt",
        }
        trace = pipeline(**request, generator=generators, **kept, **sampler_options(params)).trace
        return {"images": trace.images.transpose(0, 1), "times": torch.tensor([trace.times] * len(batch))}

    classes = pipeline.condition.classes if isinstance(pipeline, DigitPipeline) else None
    images = plan_images(domains, params.images_per_digit, classes)
    batches = [images[start : start + params.batch_size] for start in range(0, len(images), params.batch_size)]
    with (
        resumable_batches(f"sample-{recipe}", [compute, domains, params], [model], batches, sample) as drawn,
        atomic_write(Path("samples", recipe)) as folder,
    ):
        for batch, trace in drawn:
            for position, image in enumerate(batch):
                save_image(folder, image, trace["images"][position], trace["times"][position].tolist())


if __name__ == "__main__":
    run(main, without=WITHOUT_TEXT, shared=True)
