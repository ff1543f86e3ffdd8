"""Sample prompts with concepts, with each method from the same noises → samples/multi_concept/METHOD/."""

from typing import Annotated

from difflab.config.base import NumImages
from difflab.config.language import GuidedSamplingParams
from difflab.config.personalization import Concepts, Prompts
from difflab.stage import Compute, Section, run


def main(
    compute: Compute,
    concepts: Annotated[Concepts, Section("personalization.concepts")],
    course_input: Annotated[str | None, Section("personalization.input")],
    templates: Annotated[Prompts, Section("personalization.multi_concept.prompts")],
    num_runs: Annotated[int, Section("personalization.num_runs")],
    num_images: Annotated[NumImages, Section("personalization.multi_concept.num_images")],
    sampling: Annotated[GuidedSamplingParams, Section("personalization.sampling")],
) -> None:
    from difflab.systems.personalization.prompts import prompts_of
    from difflab.systems.personalization.sampling import sample_concepts
    from difflab.training.device import make_accelerator

    prompts = prompts_of(templates, concepts, course_input)
    depends_on = [compute, concepts, prompts, num_runs, num_images, sampling]
    sample_concepts(prompts, concepts, num_runs, num_images, sampling, depends_on, make_accelerator(compute).device)


if __name__ == "__main__":
    run(main, shared=True)
