"""Sample the digits of one recipe: models/RECIPE/ → samples/RECIPE/{domain}/{digit}_{001..}.png and trace/."""

import argparse
from pathlib import Path

from difflab.params import ComputeParams, RecipeData, RecipeSamplingParams, load_section
from difflab.stage import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="an entry of params.yaml: recipes")
    recipe = parser.parse_args().recipe

    compute = load_section(ComputeParams, "compute")
    domains = load_section(RecipeData, f"recipes.{recipe}.data")
    params = load_section(RecipeSamplingParams, f"recipes.{recipe}.sampling")

    from difflab.device import make_accelerator
    from difflab.outputs import written_whole
    from difflab.sampling.noise import bank_generators
    from difflab.sampling.pipelines import DigitPipeline
    from difflab.sampling.schedulers import sampler_options

    pipeline = DigitPipeline.from_folder(Path("models", recipe)).to(make_accelerator(compute).device)
    # Image k of every digit and domain starts from noise k of the bank, so that the columns of a grid share it.
    numbers = range(params.images_per_digit)
    images = [(domain, digit, k) for domain, digits in domains.items() for digit in digits for k in numbers]
    with written_whole(Path("samples", recipe)) as folder:
        for start in range(0, len(images), params.batch_size):
            batch = images[start : start + params.batch_size]
            pipeline.set_progress_bar_config(desc=f"images {start + 1}-{start + len(batch)} of {len(images)}")
            output = pipeline(
                digit=[digit for _, digit, _ in batch],
                domain=[domain for domain, _, _ in batch],
                generator=bank_generators(params.seed, [k for _, _, k in batch]),
                guidance_scale=params.guidance_scale,
                eta=params.eta,
                trace_steps=params.trace_steps,
                **sampler_options(params),
            )
            for position, (domain, digit, k) in enumerate(batch):
                path = folder / domain / f"{digit}_{k + 1:03d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                output.images[position].save(path)
                if k == 0 and digit == min(domains[domain]):  # the first 0 of each domain, or its smallest digit
                    save_trace(output.trace, position, folder / "trace" / f"{domain}_{digit}")


def save_trace(trace, position: int, folder: Path) -> None:
    """The kept images of one sample as t{time}.png."""
    from difflab.sampling.images import to_pil

    folder.mkdir(parents=True)
    for time, image in zip(trace.times, to_pil(trace.images[:, position]), strict=True):
        image.save(folder / f"t{time:04d}.png")


if __name__ == "__main__":
    run(main)
