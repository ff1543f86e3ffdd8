"""Draw prompts that name concepts, by each method from the same noises → samples/multi_concept/METHOD/prompt_{0..}/."""

import argparse

from difflab.params import ComputeParams, Concepts, GuidedSamplingParams, MultiConceptParams, load_section
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    concepts = load_section(Concepts, "personalization.concepts")
    course_input = load_section(str | None, "personalization.input")
    params = load_section(MultiConceptParams, "personalization.multi_concept")
    sampling = load_section(GuidedSamplingParams, "personalization.sampling")

    from difflab.device import make_accelerator
    from difflab.personalization.prompts import prompts_of
    from difflab.personalization.samples import draw_samples

    prompts = prompts_of(params, concepts, course_input)
    depends_on = [compute, concepts, prompts, params, sampling]
    draw_samples(prompts, concepts, params, sampling, depends_on, make_accelerator(compute).device)


if __name__ == "__main__":
    run(main)
