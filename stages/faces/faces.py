"""The face model: trained on prepared/faces.safetensors, or taken from `faces.checkpoint` → models/faces/."""

import argparse
import shutil
from pathlib import Path

from difflab.config.load import load_section

from difflab.config.diffusion import NetworkParams, ScheduleParams
from difflab.config.training import ComputeParams, TrainingParams
from difflab.stage import run

OUTPUT = Path("models/faces")


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    checkpoint = load_section(str | None, "faces.checkpoint")
    schedule = load_section(ScheduleParams, "faces.schedule")
    network = load_section(NetworkParams, "faces.network")
    training = load_section(TrainingParams, "faces.training")
    if checkpoint is None:
        train(compute, schedule, network, training)
    else:
        adopt(checkpoint, schedule)


def train(compute: ComputeParams, schedule: ScheduleParams, network: NetworkParams, training: TrainingParams) -> None:
    """Train the small model of `faces.network`."""
    from accelerate.utils import set_seed

    from difflab.data.dataset import ImageDataset
    from difflab.diffusion.objective import DenoisingTask
    from difflab.diffusion.schedules import make_betas
    from difflab.diffusion.unet import make_unet, save_model_folder
    from difflab.pipeline.files import atomic_write
    from difflab.training.checkpoint import rolling_checkpoint
    from difflab.training.device import make_accelerator
    from difflab.training.fit import fit

    prepared = Path("prepared/faces.safetensors")
    accelerator = make_accelerator(compute)
    images = ImageDataset.load(prepared, ["train"]).part("train").images
    set_seed(training.seed)
    unet = make_unet(network, images.shape[-1], conditional=False)
    betas = make_betas(schedule)
    space = {"prediction_type": network.prediction_type, "patch_size": network.patch_size}
    task = DenoisingTask(unet, betas, **space, horizontal_flip=True)
    with rolling_checkpoint("faces", [compute, schedule, network, training], [prepared]) as checkpoint:
        fit(task, {"images": images}, training, accelerator, checkpoint)
        with atomic_write(OUTPUT) as folder:
            save_model_folder(folder, "UnconditionalPipeline", {"unet": unet}, betas, **space)
            shutil.copy(checkpoint.log, folder)


def adopt(checkpoint: str, schedule: ScheduleParams) -> None:
    """Take the network of a diffusers folder, hub id or the course's UNet.pt, and `faces.schedule` for its β."""
    from difflab.diffusion.schedules import make_betas
    from difflab.diffusion.unet import load_pretrained_unet, save_model_folder
    from difflab.models.hub import is_weights_file
    from difflab.pipeline.files import atomic_write
    from difflab.systems.faces.course_unet import load_course_unet

    unet = load_course_unet(checkpoint) if is_weights_file(checkpoint) else load_pretrained_unet(checkpoint)
    with atomic_write(OUTPUT) as folder:
        save_model_folder(folder, "UnconditionalPipeline", {"unet": unet}, make_betas(schedule))


if __name__ == "__main__":
    run(main)
