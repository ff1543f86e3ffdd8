"""The face model → models/faces/.

Trained on prepared/sets/DATASET.safetensors, or loaded from `faces.checkpoint`: a diffusers folder or hub id with its
own schedule, or the course's UNet.pt with `faces.schedule`.
"""

from pathlib import Path
from typing import Annotated

from difflab.config.diffusion import NetworkParams, ScheduleParams
from difflab.config.training import TrainingParams
from difflab.stage import WITHOUT_TEXT, Compute, Section, run

OUTPUT = Path("models/faces")


def main(
    data_set: Annotated[str, "the data set of params.yaml: faces.data"],
    compute: Compute,
    external: Annotated[str | None, Section("faces.checkpoint")],
    schedule: Annotated[ScheduleParams, Section("faces.schedule")],
    network: Annotated[NetworkParams, Section("faces.network")],
    training: Annotated[TrainingParams, Section("faces.training")],
) -> None:
    from accelerate.utils import set_seed

    from difflab.data.dataset import ImageDataset
    from difflab.diffusion.objective import DenoisingTask
    from difflab.diffusion.pretrained import load_pretrained
    from difflab.diffusion.schedules import make_betas
    from difflab.diffusion.unet import make_unet, save_model_folder
    from difflab.models.hub import is_weights_file, record_commit
    from difflab.pipeline.files import atomic_write
    from difflab.systems.faces.course_unet import load_course_unet
    from difflab.training.checkpoint import rolling_checkpoint
    from difflab.training.device import make_accelerator
    from difflab.training.fit import fit

    if external is not None:
        parameterization = {}
        if is_weights_file(external):
            unet, betas = load_course_unet(external), make_betas(schedule)
        else:
            given = load_pretrained(external)
            unet, betas = given.unet, given.betas
            parameterization["prediction_type"] = given.scheduler.config["prediction_type"]
            parameterization["patch_size"] = given.config["patch_size"]
        with atomic_write(OUTPUT) as folder:
            save_model_folder(folder, "UnconditionalPipeline", {"unet": unet}, betas, **parameterization)
            record_commit(folder, external, "model_index.json")
        return

    prepared = Path(f"prepared/sets/{data_set}.safetensors")
    accelerator = make_accelerator(compute)
    images = ImageDataset.load(prepared, ["train"]).part("train").images
    set_seed(training.seed)
    unet = make_unet(network, images.shape[-1], conditional=False)
    betas = make_betas(schedule)
    parameterization = {"prediction_type": network.prediction_type, "patch_size": network.patch_size}
    task = DenoisingTask(unet, betas, **parameterization, horizontal_flip=True, min_snr_gamma=network.min_snr_gamma)
    with rolling_checkpoint("faces", [compute, schedule, network, training], [prepared]) as checkpoint:
        fit(task, {"images": images}, training, accelerator, checkpoint, compilation=compute.compile)
        with checkpoint.model_folder(OUTPUT) as folder:
            save_model_folder(folder, "UnconditionalPipeline", {"unet": unet}, betas, **parameterization)


if __name__ == "__main__":
    run(main, without=WITHOUT_TEXT, shared=True)
