"""Train a ControlNet for models/text_to_image/ on scenes of one circle or on pairs of images → models/controlnet/."""

import shutil
from functools import partial
from pathlib import Path
from typing import Annotated

from difflab.config.language import PairsParams
from difflab.config.training import TrainingParams
from difflab.stage import Compute, Section, run


def main(
    compute: Compute,
    pairs: Annotated[PairsParams, Section("controlnet.pairs")],
    hint_channels: Annotated[list[int], Section("controlnet.hint_channels")],
    drop_probability: Annotated[float, Section("controlnet.drop_probability")],
    training: Annotated[TrainingParams, Section("controlnet.training")],
) -> None:
    from accelerate.utils import set_seed
    from diffusers import DDPMScheduler

    from difflab.systems.controlnet.examples import circle_examples, pair_examples
    from difflab.systems.controlnet.network import MODEL, ControlTask, make_controlnet
    from difflab.systems.text_to_image import model_folder
    from difflab.systems.text_to_image.objective import Captions
    from difflab.systems.zero_shot.clip import tokenize
    from difflab.training.checkpoint import rolling_checkpoint
    from difflab.training.device import frozen_dtype, make_accelerator
    from difflab.training.fit import fit

    accelerator = make_accelerator(compute)
    prepared = Path("prepared/circles.safetensors")
    examples = circle_examples(prepared) if pairs.folder is None else pair_examples(pairs)
    pipeline = model_folder.load_text_to_image()
    tokens = tokenize(pipeline.tokenizer, examples.prompts)
    (empty,) = tokenize(pipeline.tokenizer, [""])

    set_seed(training.seed)
    controlnet = make_controlnet(pipeline, hint_channels)
    pipeline.to(accelerator.device, frozen_dtype(accelerator))
    size = model_folder.image_size(pipeline)
    captions = Captions(pipeline.text_encoder, empty, drop_probability)
    scheduler = DDPMScheduler.from_config(pipeline.scheduler.config)
    task = ControlTask(controlnet, pipeline.unet, scheduler, captions, partial(examples.hints, size=size))
    params = [compute, pairs, hint_channels, drop_probability, training]
    inputs = [model_folder.MODEL, prepared if pairs.folder is None else Path(pairs.folder)]
    with rolling_checkpoint("controlnet", params, inputs) as checkpoint:
        data = {"latents": examples.encode(pipeline.vae, size), "tokens": tokens, **examples.data}
        fit(task, data, training, accelerator, checkpoint, compilation=compute.compile)
        with checkpoint.model_folder(MODEL) as folder:
            controlnet.save_pretrained(folder)
            shutil.copytree(checkpoint.snapshots, folder / "snapshots")


if __name__ == "__main__":
    run(main, shared=True)
