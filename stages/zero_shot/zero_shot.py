"""Classify images by the names of their classes: models/clip/ → metrics/zero_shot.json, …_cases.csv, two figures."""

import argparse
from pathlib import Path

from difflab.config.language import Template
from difflab.config.load import load_section

from difflab.config.training import ComputeParams
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    folder = load_section(str | None, "zero_shot.images")
    template = load_section(Template, "zero_shot.template")

    from difflab.evaluation.metrics import write_metrics
    from difflab.evaluation.protocol import sha256_of
    from difflab.evaluation.targets import load_targets
    from difflab.systems.zero_shot.classification import classify
    from difflab.systems.zero_shot.clip import load_clip
    from difflab.systems.zero_shot.evaluation import (
        confusion_matrix,
        example_cases,
        save_cases,
        save_cases_table,
        save_confusion,
        zero_shot_grades,
    )
    from difflab.systems.zero_shot.labeled_folder import read_labeled_folder
    from difflab.training.device import make_accelerator

    model = Path("models/clip")
    images, targets = read_labeled_folder(Path(folder or "samples/zero_shot")), load_targets()
    clip = load_clip(model, str(model))
    clip.model.to(make_accelerator(compute).device)
    predicted = classify(clip, images.files, images.labels, template)

    kinds = ["images" if folder else "circles" if " circle on " in label else "digits" for label in images.labels]
    metrics = zero_shot_grades(predicted, images, kinds)
    protocol = {
        "images": "a folder of the user's" if folder else "pairs of colours, and of colour and digit, not in training",
        "template": template,
        "similarity": "cosine",
        "image_size": clip.image_processor.crop_size["height"],
        "model_sha256": sha256_of(model / "model.safetensors"),
    }
    if images.shared_labels:  # no prompt tells these classes apart: their images go to the first of them
        protocol["shared_labels"] = images.shared_labels
    write_metrics(Path("metrics/zero_shot.json"), metrics | {"protocol": protocol} | targets.beside_zero_shot(metrics))
    cases = example_cases(predicted, images)
    save_cases_table(cases, Path("metrics/zero_shot_cases.csv"))
    accuracy, number = metrics["accuracy"]["value"], metrics["num_classes"]
    title = f"Zero-shot: {accuracy:.1%} of {len(images.files)} images right, {number} classes"
    save_cases(cases, title, Path("figures/zero_shot.png"), "zero_shot")
    counts = confusion_matrix(predicted, images)
    save_confusion(counts, images.names, title, Path("figures/zero_shot_confusion.png"), "zero_shot", images.files)


if __name__ == "__main__":
    run(main)
