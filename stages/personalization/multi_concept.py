"""Metrics and figure for prompts with concepts: samples/multi_concept/ → metrics/ and figures/multi_concept."""

from pathlib import Path
from typing import Annotated

from difflab.config.base import Seed
from difflab.config.personalization import Concepts, MultiConceptParams
from difflab.stage import Compute, Section, run

METRICS = Path("metrics/multi_concept.json")


def main(
    compute: Compute,
    concepts: Annotated[Concepts, Section("personalization.concepts")],
    course_input: Annotated[str | None, Section("personalization.input")],
    num_runs: Annotated[int, Section("personalization.num_runs")],
    params: Annotated[MultiConceptParams, Section("personalization.multi_concept")],
    seed: Annotated[Seed, Section("personalization.sampling.seed")],
) -> None:

    from difflab.evaluation.metrics import write_metrics
    from difflab.evaluation.targets import load_targets
    from difflab.figures.image_grid import save_image_grid
    from difflab.systems.personalization.evaluation import (
        MEASURES,
        TITLES,
        Grader,
        compare_methods,
        method_panels,
    )
    from difflab.systems.personalization.paths import METHODS, load_concept
    from difflab.systems.personalization.prompts import groups_of, prompts_of
    from difflab.systems.personalization.sampling import read_all_samples
    from difflab.systems.zero_shot.clip import load_clip
    from difflab.training.device import make_accelerator

    prompts = prompts_of(params.prompts, concepts, course_input)
    groups = groups_of(prompts, concepts)
    images = read_all_samples(len(prompts), num_runs, params.num_images)
    size = images[METHODS[0]][0][0].shape[-1]
    true_images = {name: load_concept(name).resized(size).images for name in concepts}
    clip = load_clip("models/clip", "models/clip")
    clip.model.to(make_accelerator(compute).device)
    grader = Grader(concepts, true_images, clip, params.presence)

    metrics = compare_methods(grader, groups, prompts, images) | {"control": grader.control()}
    metrics["reported"] = load_targets().findings["multi_concept"]
    counts = {"num_runs": num_runs, "num_images": params.num_images}
    conditions = counts | {"noise_bank_seed": seed, "image_size": size}
    metrics["protocol"] = MEASURES | conditions | params.presence.model_dump()
    write_metrics(METRICS, metrics)

    shown = {i: prompts[i] for group in groups for i in group.prompts}
    found = {(method, i): grader.found(images[method][0][i], prompts[i]) for method in TITLES for i in shown}
    title = "Two concepts in one image, and below each sample the concepts found in it"
    panels = method_panels(shown, concepts, true_images, found)
    save_image_grid(panels, title, Path("figures/multi_concept.png"), "multi_concept", [METRICS])


if __name__ == "__main__":
    run(main)
