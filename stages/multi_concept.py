"""Measure and show prompts that name concepts: samples/multi_concept/ → metrics/ and figures/multi_concept."""

import argparse
from pathlib import Path

from difflab.params import ComputeParams, Concepts, EvaluationParams, MultiConceptParams, Seed, load_section
from difflab.stage import run

METRICS = Path("metrics/multi_concept.json")


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    evaluation = load_section(EvaluationParams, "evaluation")
    concepts = load_section(Concepts, "personalization.concepts")
    course_input = load_section(str | None, "personalization.input")
    params = load_section(MultiConceptParams, "personalization.multi_concept")
    seed = load_section(Seed, "personalization.sampling.seed")

    from difflab.clip.model_folder import load_clip
    from difflab.device import make_accelerator
    from difflab.evaluation.metrics import write_metrics
    from difflab.evaluation.samples import read_samples
    from difflab.evaluation.targets import load_targets
    from difflab.figures.image_grid import save_image_grid
    from difflab.personalization.figure import concepts_panel, samples_panel
    from difflab.personalization.measures import MEASURES, Grader, compare_methods
    from difflab.personalization.places import METHODS, load_concept, sample_folder
    from difflab.personalization.prompts import prompts_of

    prompts = prompts_of(params, concepts, course_input)
    folders = {method: [sample_folder(method, i) for i in range(len(prompts))] for method in METHODS}
    images = {method: [read_samples(folder) for folder in folders[method]] for method in METHODS}
    size = images[METHODS[0]][0].shape[-1]
    true_images = {name: load_concept(name).resized(size).images for name in concepts}
    clip = load_clip("models/clip", "models/clip")
    clip.model.to(make_accelerator(compute).device)
    grader = Grader(concepts, true_images, clip, params.presence, evaluation)

    metrics = compare_methods(grader, images, prompts) | {"control": grader.control()}
    metrics["reported"] = load_targets().findings["multi_concept"]
    metrics["protocol"] = MEASURES | {
        "prompts": prompts,
        "num_images": params.num_images,
        "noise_bank_seed": seed,
        "image_size": size,
        **params.presence.model_dump(),
    }
    write_metrics(METRICS, metrics)

    rows, found = {}, {}
    for i, prompt in enumerate(prompts):
        for method in METHODS:
            label = f"{method.replace('_', ' ')}\n{prompt}"
            rows[label] = sorted(folders[method][i].glob("*.png"))
            shown = grader.found(images[method][i], prompt)
            found[label] = {concepts[name].token: which for name, which in shown.items()}
    panels = [
        concepts_panel({concepts[name].token: truth for name, truth in true_images.items()}),
        samples_panel(rows, found),
    ]
    title = "Two concepts in one image: textual inversion and Custom Diffusion"
    save_image_grid(panels, title, Path("figures/multi_concept.png"), "multi_concept", [METRICS])


if __name__ == "__main__":
    run(main)
