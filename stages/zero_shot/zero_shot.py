"""Zero-shot classification with prompts of class names: models/clip/ → metrics/zero_shot.json, …_cases.csv, figures.

Classifies the images in the folder `zero_shot.images` or, if it is null, generated images of pairs of colors, and of
color and digit, that the small CLIP has not seen in training: samples/zero_shot/, with id2label.json and
val/{class}_{index}.png.
"""

from pathlib import Path
from typing import Annotated

from difflab.config.data import CirclesParams
from difflab.config.language import ColoredDigitsParams, Template, UnseenImagesParams
from difflab.stage import Compute, Section, run

SAMPLES, MODEL = Path("samples/zero_shot"), Path("models/clip")


def main(
    compute: Compute,
    circles: Annotated[CirclesParams, Section("circles")],
    digits: Annotated[ColoredDigitsParams, Section("clip.digits")],
    size: Annotated[int, Section("clip.network.image_size")],
    unseen: Annotated[UnseenImagesParams, Section("zero_shot.unseen")],
    folder: Annotated[str | None, Section("zero_shot.images")],
    template: Annotated[Template, Section("zero_shot.template")],
) -> None:
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
    from difflab.systems.zero_shot.labeled_folder import read_labeled_folder, write_unseen
    from difflab.training.device import make_accelerator

    write_unseen(SAMPLES, circles, digits, size, unseen)
    images, targets = read_labeled_folder(Path(folder or SAMPLES)), load_targets()
    clip = load_clip(MODEL, str(MODEL))
    clip.model.to(make_accelerator(compute).device)
    predicted = classify(clip, images.files, images.labels, template)

    kinds = ["images" if folder else "circles" if " circle on " in label else "digits" for label in images.labels]
    metrics = zero_shot_grades(predicted, images, kinds)
    protocol = {
        "images": "a folder of the user's" if folder else "pairs of colors, and of color and digit, not in training",
        "template": template,
        "similarity": "cosine",
        "image_size": clip.image_processor.crop_size["height"],
        "model_sha256": sha256_of(MODEL / "model.safetensors"),
    }
    if images.shared_labels:  # classes with the same prompt: their images count for the first one
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
