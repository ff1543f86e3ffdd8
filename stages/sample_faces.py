"""Sample faces for each η from the same noises: models/faces/ → samples/faces/eta_{η}/{00..}.png."""

import argparse
from pathlib import Path

from difflab.params import ComputeParams, FaceSamplingParams, load_section
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    params = load_section(FaceSamplingParams, "faces.sampling")

    import torch

    from difflab.device import make_accelerator
    from difflab.outputs import written_whole
    from difflab.sampling.images import to_pil
    from difflab.sampling.noise import bank_generators
    from difflab.sampling.pipelines import UnconditionalPipeline
    from difflab.sampling.resumable import drawn_batches
    from difflab.sampling.schedulers import sampler_options

    model = Path("models/faces")
    pipeline = UnconditionalPipeline.from_folder(model).to(make_accelerator(compute).device)
    pipeline.set_progress_bar_config(disable=True)

    def draw(batch: list[tuple[float, int]]) -> dict[str, torch.Tensor]:
        (eta,) = {eta for eta, _ in batch}
        generators = bank_generators(params.seed, [number for _, number in batch])
        options = sampler_options(params)
        return {"images": pipeline(len(batch), generator=generators, eta=eta, output_type="pt", **options).images}

    batches = [
        [(eta, number) for number in range(params.num_noises)][start : start + params.batch_size]
        for eta in params.etas
        for start in range(0, params.num_noises, params.batch_size)
    ]
    with (
        drawn_batches("sample_faces", [compute, params], [model], batches, draw) as drawn,
        written_whole(Path("samples/faces")) as folder,
    ):
        for batch, tensors in drawn:
            for (eta, number), picture in zip(batch, to_pil(tensors["images"]), strict=True):
                file = folder / f"eta_{eta}" / f"{number:02d}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                picture.save(file)


if __name__ == "__main__":
    run(main)
