"""The autoencoder of the text-to-image model, trained on circles or taken from `pretrained` → models/autoencoder/."""

import argparse
import shutil
from pathlib import Path

from difflab.config.language import AutoencoderParams
from difflab.config.load import load_section

from difflab.config.training import ComputeParams
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    pretrained = load_section(str | None, "text_to_image.pretrained")
    params = load_section(AutoencoderParams, "text_to_image.autoencoder")

    from difflab.pipeline.files import atomic_write
    from difflab.systems.text_to_image.model_folder import AUTOENCODER, load_autoencoder

    if pretrained is None:
        train(compute, params)
    else:
        autoencoder = load_autoencoder(pretrained, "text_to_image.pretrained", subfolder="vae")
        with atomic_write(AUTOENCODER) as folder:
            autoencoder.save_pretrained(folder)


def train(compute: ComputeParams, params: AutoencoderParams) -> None:
    """Train the small one of `text_to_image.autoencoder`."""
    from accelerate.utils import set_seed

    from difflab.data.circles import load_scenes
    from difflab.pipeline.files import atomic_write
    from difflab.systems.text_to_image.autoencoder import AutoencoderTask, make_autoencoder, standardize
    from difflab.systems.text_to_image.model_folder import AUTOENCODER
    from difflab.training.checkpoint import rolling_checkpoint
    from difflab.training.device import make_accelerator
    from difflab.training.fit import fit

    accelerator = make_accelerator(compute)
    prepared = Path("prepared/circles.safetensors")
    scenes = load_scenes(prepared)
    seen = scenes.part("train")
    set_seed(params.training.seed)
    autoencoder = make_autoencoder(params.network)
    with rolling_checkpoint("autoencoder", [compute, params], [prepared]) as checkpoint:
        task = AutoencoderTask(autoencoder, params.kl_weight)
        fit(task, {"geometry": seen.geometry, "colours": seen.colors}, params.training, accelerator, checkpoint)
        standardize(autoencoder, scenes.part("validation"))
        with atomic_write(AUTOENCODER) as folder:
            autoencoder.save_pretrained(folder)
            shutil.copy(checkpoint.log, folder)


if __name__ == "__main__":
    run(main)
