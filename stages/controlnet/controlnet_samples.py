"""Sample with and without the ControlNet from the same noises → samples/controlnet/{group}.safetensors."""

from pathlib import Path
from typing import Annotated

from difflab.config.language import ControlSamplesParams, GuidedSamplingParams, PairsParams
from difflab.stage import Compute, Section, run


def main(
    compute: Compute,
    pairs: Annotated[PairsParams, Section("controlnet.pairs")],
    sampling: Annotated[GuidedSamplingParams, Section("controlnet.sampling")],
    samples: Annotated[ControlSamplesParams, Section("controlnet.samples")],
) -> None:
    from torch import Tensor

    from difflab.data.circles import load_scenes
    from difflab.diffusion.noise_bank import resumable_batches
    from difflab.pipeline.files import atomic_write
    from difflab.systems.controlnet import network
    from difflab.systems.controlnet.conditions import circle_conditions, pair_conditions
    from difflab.systems.controlnet.sampling import SampleSet, all_sample_sets, sample_controlled, save_images
    from difflab.systems.text_to_image import model_folder
    from difflab.systems.text_to_image.sampling import sample_prompts, set_sampler
    from difflab.systems.zero_shot.clip import tokenize
    from difflab.training.device import make_accelerator

    accelerator = make_accelerator(compute)
    prepared = Path("prepared/circles.safetensors")
    base = model_folder.load_text_to_image()
    set_sampler(base, sampling.sampler)
    controlnet = network.load_controlnet()
    pipeline = network.with_control(base, controlnet).to(accelerator.device)
    hint_size = model_folder.image_size(base)
    if pairs.folder is None:
        source, groups = prepared, circle_conditions(load_scenes(prepared).part("validation"), samples)
    else:
        source, groups = Path(pairs.folder), pair_conditions(pairs)
    drawings = all_sample_sets(groups, samples, network.snapshot_files())
    for drawing in drawings:
        tokenize(base.tokenizer, drawing.requests.prompts)  # an unknown word raises before the first image

    def sample(batch: SampleSet) -> dict[str, Tensor]:
        if batch.snapshot is None:
            return {"images": sample_prompts(base, batch.requests.prompts, batch.numbers, sampling)}
        network.load_snapshot(controlnet, batch.snapshot)
        prompts, hints = batch.requests.prompts, batch.requests.hints(hint_size)
        return {"images": sample_controlled(pipeline, prompts, hints, batch.numbers, sampling, batch.scale)}

    batches = [batch for drawing in drawings for batch in drawing.batches(sampling.batch_size)]
    inputs = [source, model_folder.MODEL, network.MODEL]
    key = [compute, pairs, sampling, samples]
    with (
        resumable_batches("controlnet_samples", key, inputs, batches, sample) as drawn,
        atomic_write(Path("samples/controlnet")) as folder,
    ):
        save_images(folder, ((batch.name, tensors["images"]) for batch, tensors in drawn))


if __name__ == "__main__":
    run(main, shared=True)
