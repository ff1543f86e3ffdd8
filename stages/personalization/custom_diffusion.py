"""Custom Diffusion for each group of concepts: prepared/concepts/ → models/custom_diffusion/GROUP/run_{0..}/."""

from typing import Annotated

from difflab.config.language import GuidedSamplingParams
from difflab.config.personalization import Concepts, CustomDiffusionParams, Prompts, Templates
from difflab.stage import Compute, Section, run


def main(
    compute: Compute,
    concepts: Annotated[Concepts, Section("personalization.concepts")],
    course_input: Annotated[str | None, Section("personalization.input")],
    prompts: Annotated[Prompts, Section("personalization.multi_concept.prompts")],
    num_runs: Annotated[int, Section("personalization.num_runs")],
    templates: Annotated[Templates, Section("personalization.templates")],
    params: Annotated[CustomDiffusionParams, Section("personalization.custom_diffusion")],
    sampling: Annotated[GuidedSamplingParams, Section("personalization.sampling")],
) -> None:
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
            members = {name: concepts[name] for name in group.concepts}
            depends_on = [*key, members, templates]
            folder = output / group.name
            train_group(
                folder,
                members,
                prior,
                templates,
                params.training,
                num_runs,
                depends_on,
                accelerator,
                compilation=compute.compile,
            )


if __name__ == "__main__":
    run(main, shared=True)
