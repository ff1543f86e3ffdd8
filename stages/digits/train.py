"""Train one diffusion recipe: prepared/recipes/RECIPE/ → models/RECIPE/, curves/RECIPE.csv."""

import shutil
from pathlib import Path
from typing import Annotated, Any

from difflab.config.diffusion import ConditionParams, NetworkParams, RecipeData, ScheduleParams
from difflab.config.training import TrainingParams
from difflab.stage import WITHOUT_TEXT, Compute, Recipe, Section, run


def main(
    recipe: Recipe,
    compute: Compute,
    domains: Annotated[RecipeData, Section("recipes.{recipe}.data")],
    hold_out_validation: Annotated[bool, Section("recipes.{recipe}.hold_out_validation")],
    schedule: Annotated[ScheduleParams, Section("recipes.{recipe}.schedule")],
    condition: Annotated[ConditionParams | None, Section("recipes.{recipe}.condition")],
    network: Annotated[NetworkParams, Section("recipes.{recipe}.network")],
    training: Annotated[TrainingParams, Section("recipes.{recipe}.training")],
) -> None:
    from accelerate.utils import set_seed

    from difflab.data.dataset import load_digits, shared_classes, training_splits
    from difflab.diffusion.objective import DenoisingTask
    from difflab.diffusion.schedules import make_betas
    from difflab.diffusion.unet import make_unet, save_model_folder
    from difflab.models.conditioning import make_condition
    from difflab.training.checkpoint import rolling_checkpoint, write_curve
    from difflab.training.device import make_accelerator
    from difflab.training.fit import fit

    accelerator = make_accelerator(compute)
    prepared = Path("prepared/recipes", recipe)
    data = load_digits(domains, training_splits(hold_out_validation), prepared)
    validation = load_digits(domains, ["validation"], prepared) if hold_out_validation else None

    set_seed(training.seed)
    unet = make_unet(network, data["images"].shape[-1], conditional=condition is not None)
    components: dict[str, Any] = {"unet": unet}
    kind, options = "UnconditionalPipeline", {}
    if condition:
        width, classes = unet.time_embedding.linear_2.out_features, shared_classes(domains, prepared)
        embed = make_condition(condition, list(domains), width, classes)
        kind, components["condition"] = "DigitPipeline", embed
        options = {"condition": embed, "drop_probability": condition.drop_probability}
    betas = make_betas(schedule)
    parameterization = {"prediction_type": network.prediction_type, "patch_size": network.patch_size}
    task = DenoisingTask(unet, betas, **parameterization, **options, min_snr_gamma=network.min_snr_gamma)

    params = [compute, domains, hold_out_validation, schedule, condition, network, training]
    with rolling_checkpoint(f"train-{recipe}", params, [prepared]) as checkpoint:
        fit(task, data, training, accelerator, checkpoint, validation, compute.compile)
        write_curve(checkpoint.log, Path("curves", f"{recipe}.csv"))
        with checkpoint.model_folder(Path("models", recipe)) as folder:
            save_model_folder(folder, kind, components, betas, **parameterization)
            if training.num_snapshots:
                shutil.copytree(checkpoint.snapshots, folder / "snapshots")


if __name__ == "__main__":
    run(main, without=WITHOUT_TEXT, shared=True)
