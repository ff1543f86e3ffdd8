"""Train one diffusion recipe: prepared/DOMAIN.safetensors → models/RECIPE/, curves/RECIPE.csv."""

import argparse
import shutil
from pathlib import Path

from difflab.config.load import load_section

from difflab.config.diffusion import ConditionParams, NetworkParams, RecipeData, ScheduleParams
from difflab.config.training import ComputeParams, TrainingParams
from difflab.stage import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="an entry of params.yaml: recipes")
    recipe = parser.parse_args().recipe

    compute = load_section(ComputeParams, "compute")
    domains = load_section(RecipeData, f"recipes.{recipe}.data")
    hold_out_validation = load_section(bool, f"recipes.{recipe}.hold_out_validation")
    schedule = load_section(ScheduleParams, f"recipes.{recipe}.schedule")
    condition = load_section(ConditionParams | None, f"recipes.{recipe}.condition")
    network = load_section(NetworkParams, f"recipes.{recipe}.network")
    training = load_section(TrainingParams, f"recipes.{recipe}.training")

    from accelerate.utils import set_seed

    from difflab.data.dataset import load_digits, training_splits
    from difflab.diffusion.objective import DenoisingTask
    from difflab.diffusion.schedules import make_betas
    from difflab.diffusion.unet import make_unet, save_model_folder
    from difflab.models.conditioning import make_condition
    from difflab.pipeline.files import atomic_write
    from difflab.training.checkpoint import rolling_checkpoint, write_curve
    from difflab.training.device import make_accelerator
    from difflab.training.fit import fit

    accelerator = make_accelerator(compute)
    inputs = [Path(f"prepared/{domain}.safetensors") for domain in domains]
    data = load_digits(domains, training_splits(hold_out_validation))
    validation = load_digits(domains, ["validation"]) if hold_out_validation else None

    set_seed(training.seed)
    unet = make_unet(network, data["images"].shape[-1], conditional=condition is not None)
    embed, options = None, {}
    if condition:
        embed = make_condition(condition, list(domains), unet.time_embedding.linear_2.out_features)
        options = {"condition": embed, "drop_probability": condition.drop_probability}
    betas = make_betas(schedule)
    space = {"prediction_type": network.prediction_type, "patch_size": network.patch_size}
    task = DenoisingTask(unet, betas, **space, **options)

    params = [compute, domains, hold_out_validation, schedule, condition, network, training]
    with rolling_checkpoint(f"train-{recipe}", params, inputs) as checkpoint:
        fit(task, data, training, accelerator, checkpoint, validation)
        write_curve(checkpoint.log, Path("curves", f"{recipe}.csv"))
        with atomic_write(Path("models", recipe)) as folder:
            if embed:
                save_model_folder(folder, "DigitPipeline", {"unet": unet, "condition": embed}, betas, **space)
            else:
                save_model_folder(folder, "UnconditionalPipeline", {"unet": unet}, betas, **space)
            shutil.copy(checkpoint.log, folder)
            if training.num_snapshots:
                shutil.copytree(checkpoint.snapshots, folder / "snapshots")


if __name__ == "__main__":
    run(main)
