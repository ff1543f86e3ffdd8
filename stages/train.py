"""Train one diffusion recipe: prepared/DOMAIN.safetensors → models/RECIPE/."""

import argparse
import shutil
from pathlib import Path

from difflab.params import (
    ComputeParams,
    ConditionParams,
    NetworkParams,
    RecipeData,
    ScheduleParams,
    TrainingParams,
    load_section,
)
from difflab.stage import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="an entry of params.yaml: recipes")
    recipe = parser.parse_args().recipe

    compute = load_section(ComputeParams, "compute")
    domains = load_section(RecipeData, f"recipes.{recipe}.data")
    schedule = load_section(ScheduleParams, f"recipes.{recipe}.schedule")
    condition = load_section(ConditionParams, f"recipes.{recipe}.condition")
    network = load_section(NetworkParams, f"recipes.{recipe}.network")
    training = load_section(TrainingParams, f"recipes.{recipe}.training")
    inputs = [Path(f"prepared/{domain}.safetensors") for domain in domains]

    import torch
    from accelerate.utils import set_seed

    from difflab.data.dataset import ImageDataset
    from difflab.device import make_accelerator
    from difflab.models.conditioning import DigitDomainCondition
    from difflab.models.model_folder import save_model_folder
    from difflab.models.schedules import make_betas
    from difflab.models.unet import make_unet
    from difflab.outputs import written_whole
    from difflab.training.checkpoint import rolling_checkpoint
    from difflab.training.denoising import DenoisingTask
    from difflab.training.fit import fit

    accelerator = make_accelerator(compute)
    parts = [
        ImageDataset.load(path).part("train").with_labels(digits)
        for path, digits in zip(inputs, domains.values(), strict=True)
    ]
    data = {
        "images": torch.cat([part.images for part in parts]),
        "digits": torch.cat([part.labels for part in parts]),
        "domains": torch.cat([torch.full_like(part.labels, index) for index, part in enumerate(parts)]),
    }

    set_seed(training.seed)
    unet = make_unet(network, data["images"].shape[-1], conditional=True)
    embed = DigitDomainCondition(
        list(domains), condition.digit_dim, condition.domain_dim, unet.time_embedding.linear_2.out_features
    )
    betas = make_betas(schedule)
    space = {"prediction_type": network.prediction_type, "patch_size": network.patch_size}
    task = DenoisingTask(unet, betas, **space, condition=embed, drop_probability=condition.drop_probability)

    params = [compute, domains, schedule, condition, network, training]
    with rolling_checkpoint(f"train-{recipe}", params, inputs) as checkpoint:
        fit(task, data, training, accelerator, checkpoint)
        with written_whole(Path("models", recipe)) as folder:
            save_model_folder(folder, "DigitPipeline", {"unet": unet, "condition": embed}, betas, **space)
            shutil.copy(checkpoint.log, folder)


if __name__ == "__main__":
    run(main)
