"""Sample one recipe: models/RECIPE/ → samples/RECIPE/{domain}/{digit}_{001..}.png and trace/{domain}_{digit}/.

Without a condition no digit can be asked for: {domain}/{001..}.png, as many images in all, and trace/{domain}/.
"""

from pathlib import Path
from typing import Any, NamedTuple

from difflab.config.load import load_section

from difflab.config.diffusion import RecipeData, RecipeSamplingParams
from difflab.config.training import ComputeParams
from difflab.stage import recipe_argument, run


class Planned(NamedTuple):
    """An image to draw: its file, the folder of its trace if that is kept, what it shows, its noise in the bank."""

    file: str
    trace: str | None
    domain: str
    digit: int | None
    noise: int


def main() -> None:
    recipe = recipe_argument(__doc__)
    compute = load_section(ComputeParams, "compute")
    domains = load_section(RecipeData, f"recipes.{recipe}.data")
    params = load_section(RecipeSamplingParams, f"recipes.{recipe}.sampling")

    import torch

    from difflab.data.pixels import to_pil
    from difflab.diffusion.noise_bank import bank_generators, resumable_batches
    from difflab.diffusion.pipelines import DigitPipeline, UnconditionalPipeline
    from difflab.diffusion.samplers import sampler_options
    from difflab.pipeline.files import atomic_write
    from difflab.training.device import make_accelerator

    model = Path("models", recipe)
    conditional = params.guidance_scale is not None
    pipeline = (DigitPipeline if conditional else UnconditionalPipeline).from_folder(model)
    pipeline.to(make_accelerator(compute).device).set_progress_bar_config(disable=True)

    def draw(batch: list[Planned]) -> dict[str, torch.Tensor]:
        what: dict[str, Any] = {"count": len(batch)}
        if conditional:
            digits, of_domains = [image.digit for image in batch], [image.domain for image in batch]
            what = {"digit": digits, "domain": of_domains, "guidance_scale": params.guidance_scale}
        generators = bank_generators(params.seed, [image.noise for image in batch])
        kept = {"eta": params.eta, "trace_steps": params.trace_steps, "output_type": "pt"}
        trace = pipeline(**what, generator=generators, **kept, **sampler_options(params)).trace
        return {"images": trace.images, "times": torch.tensor(trace.times)}

    images = plan(domains, params.images_per_digit, conditional)
    batches = [images[start : start + params.batch_size] for start in range(0, len(images), params.batch_size)]
    with (
        resumable_batches(f"sample-{recipe}", [compute, domains, params], [model], batches, draw) as drawn,
        atomic_write(Path("samples", recipe)) as folder,
    ):
        for batch, trace in drawn:
            for position, image in enumerate(batch):
                pictures = to_pil(trace["images"][:, position])
                save(pictures[-1], folder / image.file)
                if image.trace:
                    for time, picture in zip(trace["times"].tolist(), pictures, strict=True):
                        save(picture, folder / image.trace / f"t{time:04d}.png")


def plan(domains: dict[str, list[int]], images_per_digit: int, conditional: bool) -> list[Planned]:
    """Image k of every digit and domain starts from noise k of the bank, so that the columns of a grid share it.

    Traces are kept of the first 0 of each domain, or of its smallest digit; without a condition of the first image.
    """
    if not conditional:
        [(domain, digits)] = domains.items()
        return [
            Planned(f"{domain}/{k + 1:03d}.png", f"trace/{domain}" if k == 0 else None, domain, None, k)
            for k in range(images_per_digit * len(digits))
        ]
    return [
        Planned(
            f"{domain}/{digit}_{k + 1:03d}.png",
            f"trace/{domain}_{digit}" if k == 0 and digit == min(digits) else None,
            domain,
            digit,
            k,
        )
        for domain, digits in domains.items()
        for digit in digits
        for k in range(images_per_digit)
    ]


def save(picture: Any, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.save(file)


if __name__ == "__main__":
    run(main)
