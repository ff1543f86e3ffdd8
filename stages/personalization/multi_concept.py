"""Measure and show prompts that name concepts: samples/multi_concept/ → metrics/ and figures/multi_concept."""

import argparse
from pathlib import Path

from difflab.config.base import Seed
from difflab.config.language import Concepts, MultiConceptParams
from difflab.config.load import load_section

from difflab.config.training import ComputeParams
from difflab.stage import run

METRICS = Path("metrics/multi_concept.json")


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    concepts = load_section(Concepts, "personalization.concepts")
    course_input = load_section(str | None, "personalization.input")
    num_runs = load_section(int, "personalization.num_runs")
    params = load_section(MultiConceptParams, "personalization.multi_concept")
    seed = load_section(Seed, "personalization.sampling.seed")

    from torch import Tensor

    from difflab.evaluation.metrics import write_metrics
    from difflab.evaluation.samples import read_samples, sample_files
    from difflab.evaluation.targets import load_targets
    from difflab.figures.image_grid import save_image_grid
    from difflab.systems.personalization.evaluation import (
        MEASURES,
        TITLES,
        Grader,
        compare_methods,
        concepts_panel,
        samples_panel,
    )
    from difflab.systems.personalization.paths import METHODS, Method, load_concept, num_runs_of, sample_folder
    from difflab.systems.personalization.prompts import groups_of, prompts_of
    from difflab.systems.zero_shot.clip import load_clip
    from difflab.training.device import make_accelerator

    prompts = prompts_of(params.prompts, concepts, course_input)
    groups = groups_of(prompts, concepts)
    images: dict[Method, list[list[Tensor]]] = {
        method: [
            [read_samples(sample_folder(method, run, i), params.num_images) for i in range(len(prompts))]
            for run in range(num_runs_of(method, num_runs))
        ]
        for method in METHODS
    }
    size = images[METHODS[0]][0][0].shape[-1]
    true_images = {name: load_concept(name).resized(size).images for name in concepts}
    clip = load_clip("models/clip", "models/clip")
    clip.model.to(make_accelerator(compute).device)
    grader = Grader(concepts, true_images, clip, params.presence)

    metrics = compare_methods(grader, groups, prompts, images) | {"control": grader.control()}
    metrics["reported"] = load_targets().findings["multi_concept"]
    metrics["protocol"] = MEASURES | {
        "num_runs": num_runs,
        "num_images": params.num_images,
        "noise_bank_seed": seed,
        "image_size": size,
        **params.presence.model_dump(),
    }
    write_metrics(METRICS, metrics)

    rows, found = {}, {}
    for i in (i for group in groups for i in group.prompts):
        for method in TITLES:
            label = f"{TITLES[method]}\n{prompts[i]}"
            rows[label] = sample_files(sample_folder(method, 0, i))
            found[label] = grader.found(images[method][0][i], prompts[i])
    tokens = {f"{concept.token}\n{name}": true_images[name] for name, concept in concepts.items()}
    title = "Two concepts in one image: textual inversion and Custom Diffusion"
    panels = [concepts_panel(tokens), samples_panel(rows, found)]
    save_image_grid(panels, title, Path("figures/multi_concept.png"), "multi_concept", [METRICS])


if __name__ == "__main__":
    run(main)
