"""Draw with the ControlNet and, from the same noises, without: models/ → samples/controlnet/{group}.safetensors."""

import argparse
from pathlib import Path

from difflab.config.language import ControlSamplesParams, GuidedSamplingParams
from difflab.config.load import load_section

from difflab.config.training import ComputeParams
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    sampling = load_section(GuidedSamplingParams, "controlnet.sampling")
    samples = load_section(ControlSamplesParams, "controlnet.samples")

    import torch
    from safetensors.torch import save_file

    from difflab.data.circles import load_scenes, render_conditioning_images
    from difflab.diffusion.noise_bank import resumable_batches
    from difflab.pipeline.files import atomic_write
    from difflab.systems.controlnet import network
    from difflab.systems.controlnet.sampling import SampleSet, all_sample_sets, sample_controlled
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
    drawings = all_sample_sets(load_scenes(prepared).part("validation"), samples, network.snapshot_files())
    for drawing in drawings:
        tokenize(base.tokenizer, drawing.requests.prompts)  # an unknown word stops this before the first image

    def draw(batch: SampleSet) -> dict[str, torch.Tensor]:
        if batch.snapshot is None:
            return {"images": sample_prompts(base, batch.requests.prompts, batch.numbers, sampling)}
        network.load_snapshot(controlnet, batch.snapshot)
        hints = render_conditioning_images(batch.requests.geometry, hint_size)
        prompts = batch.requests.prompts
        return {"images": sample_controlled(pipeline, prompts, hints, batch.numbers, sampling, batch.scale)}

    batches = [batch for drawing in drawings for batch in drawing.batches(sampling.batch_size)]
    inputs = [prepared, model_folder.MODEL, network.MODEL]
    key = [compute, sampling, samples]
    with (
        resumable_batches("controlnet_samples", key, inputs, batches, draw) as drawn,
        atomic_write(Path("samples/controlnet")) as folder,
    ):
        folder.mkdir()
        groups: dict[str, list[torch.Tensor]] = {}
        for batch, tensors in drawn:
            groups.setdefault(batch.name, []).append(tensors["images"])
        for name, images in groups.items():
            save_file({"images": torch.cat(images)}, folder / f"{name}.safetensors")


if __name__ == "__main__":
    run(main)
