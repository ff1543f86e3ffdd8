"""Custom Diffusion of each group of concepts: prepared/concepts/ → models/custom_diffusion/GROUP/run_{0..}/."""

import argparse

from difflab.config.language import Concepts, CustomDiffusionParams, GuidedSamplingParams, Prompts, Templates
from difflab.config.load import load_section

from difflab.config.training import ComputeParams
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    concepts = load_section(Concepts, "personalization.concepts")
    course_input = load_section(str | None, "personalization.input")
    prompts = load_section(Prompts, "personalization.multi_concept.prompts")
    num_runs = load_section(int, "personalization.num_runs")
    templates = load_section(Templates, "personalization.templates")
    params = load_section(CustomDiffusionParams, "personalization.custom_diffusion")
    sampling = load_section(GuidedSamplingParams, "personalization.sampling")

    from difflab.pipeline.files import atomic_write
    from difflab.systems.personalization.custom_diffusion import sampled_prior, train_group
    from difflab.systems.personalization.paths import CUSTOM_DIFFUSION
    from difflab.systems.personalization.prompts import groups_of, prompts_of
    from difflab.systems.text_to_image.model_folder import MODEL, load_text_to_image
    from difflab.training.device import make_accelerator

    accelerator = make_accelerator(compute)
    groups = groups_of(prompts_of(prompts, concepts, course_input), concepts)
    pipeline = load_text_to_image(MODEL).to(accelerator.device)
    key = [compute, params.prior, sampling]
    with (
        sampled_prior(pipeline, params.prior, sampling, key, [MODEL]) as prior,
        atomic_write(CUSTOM_DIFFUSION) as output,
    ):
        for group in groups:
            of_group = {name: concepts[name] for name in group.concepts}
            runs_key = [*key, of_group, templates]
            train_group(
                output / group.name, of_group, prior, templates, params.training, num_runs, runs_key, accelerator
            )


if __name__ == "__main__":
    run(main)
