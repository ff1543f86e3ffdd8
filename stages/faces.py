"""The face model: trained on prepared/faces.safetensors, or taken from `faces.checkpoint` → models/faces/."""

import argparse
import shutil
from pathlib import Path

from difflab.params import ComputeParams, NetworkParams, ScheduleParams, TrainingParams, load_section
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    checkpoint = load_section(str | None, "faces.checkpoint")
    schedule = load_section(ScheduleParams, "faces.schedule")
    network = load_section(NetworkParams, "faces.network")
    training = load_section(TrainingParams, "faces.training")
    output = Path("models/faces")

    from difflab.models.model_folder import save_model_folder
    from difflab.models.pretrained import load_pretrained_unet
    from difflab.models.schedules import make_betas

    betas = make_betas(schedule)
    if checkpoint is None:
        unet = train_unet(compute, betas, network, training, output)
        save_model_folder(output, "FacePipeline", {"unet": unet}, betas, network.patch_size)
    else:
        save_model_folder(output, "FacePipeline", {"unet": load_pretrained_unet(checkpoint)}, betas, patch_size=1)


def train_unet(compute: ComputeParams, betas, network: NetworkParams, training: TrainingParams, output: Path):
    """The unconditional U-Net after its training; leaves the log in `output`."""
    from accelerate.utils import set_seed

    from difflab.data.dataset import ImageDataset
    from difflab.device import make_accelerator
    from difflab.models.unet import make_unet
    from difflab.training.checkpoint import rolling_checkpoint
    from difflab.training.denoising import DenoisingTask
    from difflab.training.fit import fit

    prepared = Path("prepared/faces.safetensors")
    accelerator = make_accelerator(compute)
    images = ImageDataset.load(prepared).part("train").images
    set_seed(training.seed)
    unet = make_unet(network, images.shape[-1], conditional=False)
    task = DenoisingTask(unet, betas, network.patch_size, horizontal_flip=True)
    with rolling_checkpoint("faces", [compute, betas.tolist(), network, training], [prepared]) as checkpoint:
        fit(task, {"images": images}, training, accelerator, checkpoint)
        output.mkdir(parents=True, exist_ok=True)
        shutil.copy(checkpoint.log, output)
    return unet


if __name__ == "__main__":
    run(main)
