"""The autoencoder of the text-to-image model, trained on circles or loaded from `pretrained` → models/autoencoder/."""

from pathlib import Path
from typing import Annotated

from difflab.config.language import AutoencoderParams
from difflab.stage import Compute, Section, run


def main(
    compute: Compute,
    pretrained: Annotated[str | None, Section("text_to_image.pretrained")],
    params: Annotated[AutoencoderParams, Section("text_to_image.autoencoder")],
) -> None:
    from accelerate.utils import set_seed

    from difflab.data.circles import load_scenes
    from difflab.models.hub import record_commit
    from difflab.pipeline.files import atomic_write
    from difflab.systems.text_to_image.autoencoder import AutoencoderTask, make_autoencoder, standardize
    from difflab.systems.text_to_image.model_folder import AUTOENCODER, load_autoencoder
    from difflab.training.checkpoint import rolling_checkpoint
    from difflab.training.device import make_accelerator
    from difflab.training.fit import fit

    if pretrained is not None:
        loaded = load_autoencoder(pretrained, "text_to_image.pretrained", subfolder="vae")
        with atomic_write(AUTOENCODER) as folder:
            loaded.save_pretrained(folder)
            record_commit(folder, pretrained, "vae/config.json")
        return
    accelerator = make_accelerator(compute)
    prepared = Path("prepared/circles.safetensors")
    scenes = load_scenes(prepared)
    seen = scenes.part("train")
    set_seed(params.training.seed)
    autoencoder = make_autoencoder(params.network)
    with rolling_checkpoint("autoencoder", [compute, params], [prepared]) as checkpoint:
        task = AutoencoderTask(autoencoder, params.kl_weight)
        data = {"geometry": seen.geometry, "colors": seen.colors}
        fit(task, data, params.training, accelerator, checkpoint, compilation=compute.compile)
        standardize(autoencoder, scenes.part("validation"))
        with checkpoint.model_folder(AUTOENCODER) as folder:
            autoencoder.save_pretrained(folder)


if __name__ == "__main__":
    run(main, shared=True)
