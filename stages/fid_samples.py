"""Sample a model of T steps on a schedule of another length: models/RECIPE/ → studies/fid/LENGTH.safetensors.

As in the report: the schedule is rebuilt with `num_timesteps` = LENGTH over the same range of β, and the network sees
time steps 0 … LENGTH-1 as they are.
"""

import argparse
from pathlib import Path

from difflab.config.load import load_section

from difflab.config.diffusion import FidDrawingParams, RecipeSamplingParams
from difflab.config.training import ComputeParams
from difflab.errors import UserError
from difflab.stage import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("length", type=int, help="one of studies.fid.lengths in params.yaml")
    length = parser.parse_args().length
    compute = load_section(ComputeParams, "compute")
    recipe = load_section(str, "studies.fid.recipe")
    drawing = load_section(FidDrawingParams, "studies.fid.drawing")
    sampling = load_section(RecipeSamplingParams, f"recipes.{recipe}.sampling")
    if length < 2:
        raise UserError(f"length: found {length}, allowed: integer ≥ 2")

    from difflab.diffusion.pipelines import UnconditionalPipeline
    from difflab.diffusion.samplers import sampler_options
    from difflab.diffusion.schedules import linear_betas
    from difflab.studies.drawing import Variant, draw_variants
    from difflab.training.device import make_accelerator

    model = Path("models", recipe)
    pipeline = UnconditionalPipeline.from_folder(model).to(make_accelerator(compute).device)
    pipeline.set_progress_bar_config(disable=True)
    trained = pipeline.scheduler.config["trained_betas"]
    pipeline.replace_betas(linear_betas(length, trained[0], trained[-1]))

    options = sampler_options(sampling) | {"sampler": "ddpm", "num_inference_steps": length}
    variants = [Variant(f"seed-{seed}", seed, options) for seed in drawing.seeds]
    path = Path(f"studies/fid/{length}.safetensors")
    params = [compute, length, drawing, sampling]
    draw_variants(path, params, model, pipeline, variants, drawing.num_images, drawing.batch_size)


if __name__ == "__main__":
    run(main)
