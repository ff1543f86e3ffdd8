"""Sample prompts that name concepts, by each method from the same noises → samples/multi_concept/METHOD/."""

import argparse

from difflab.config.base import NumImages
from difflab.config.language import Concepts, GuidedSamplingParams, Prompts
from difflab.config.load import load_section

from difflab.config.training import ComputeParams
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    concepts = load_section(Concepts, "personalization.concepts")
    course_input = load_section(str | None, "personalization.input")
    templates = load_section(Prompts, "personalization.multi_concept.prompts")
    num_runs = load_section(int, "personalization.num_runs")
    num_images = load_section(NumImages, "personalization.multi_concept.num_images")
    sampling = load_section(GuidedSamplingParams, "personalization.sampling")

    from difflab.systems.personalization.prompts import prompts_of
    from difflab.systems.personalization.sampling import sample_concepts
    from difflab.training.device import make_accelerator

    prompts = prompts_of(templates, concepts, course_input)
    depends_on = [compute, concepts, prompts, num_runs, num_images, sampling]
    sample_concepts(prompts, concepts, num_runs, num_images, sampling, depends_on, make_accelerator(compute).device)


if __name__ == "__main__":
    run(main)
