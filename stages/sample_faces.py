"""Sample faces for each η from the same noises: models/faces/ → samples/faces/eta_{η}/{00..}.png."""

import argparse
from pathlib import Path

from difflab.params import ComputeParams, FaceSamplingParams, load_section
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    params = load_section(FaceSamplingParams, "faces.sampling")

    from difflab.device import make_accelerator
    from difflab.outputs import written_whole
    from difflab.sampling.noise import bank_generators
    from difflab.sampling.pipelines import UnconditionalPipeline
    from difflab.sampling.schedulers import sampler_options

    pipeline = UnconditionalPipeline.from_folder(Path("models/faces")).to(make_accelerator(compute).device)
    with written_whole(Path("samples/faces")) as folder:
        for eta in params.etas:
            pipeline.set_progress_bar_config(desc=f"η = {eta}")
            (folder / f"eta_{eta}").mkdir(parents=True)
            for start in range(0, params.num_noises, params.batch_size):
                numbers = range(start, min(start + params.batch_size, params.num_noises))
                generators = bank_generators(params.seed, numbers)
                output = pipeline(len(numbers), generator=generators, eta=eta, **sampler_options(params))
                for number, image in zip(numbers, output.images, strict=True):
                    image.save(folder / f"eta_{eta}" / f"{number:02d}.png")


if __name__ == "__main__":
    run(main)
