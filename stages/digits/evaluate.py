"""Metrics of the samples of one recipe → metrics/RECIPE.json.

Uses samples/RECIPE/, the classifiers models/judges/ and the real images prepared/recipes/RECIPE/.
"""

from pathlib import Path
from typing import Annotated, Any

from difflab.config.base import Seed
from difflab.config.diffusion import ConditionParams, RecipeData
from difflab.config.studies import EvaluationParams
from difflab.stage import Compute, Recipe, Section, run


def main(
    recipe: Recipe,
    compute: Compute,
    params: Annotated[EvaluationParams, Section("evaluation")],
    domains: Annotated[RecipeData, Section("recipes.{recipe}.data")],
    hold_out_validation: Annotated[bool, Section("recipes.{recipe}.hold_out_validation")],
    condition: Annotated[ConditionParams | None, Section("recipes.{recipe}.condition")],
    noise_bank_seed: Annotated[Seed, Section("recipes.{recipe}.sampling.seed")],
) -> None:
    import torch

    from difflab.classifiers.digit_classifier import load_digit_classifier
    from difflab.data.dataset import class_labels, load_digits, training_splits
    from difflab.evaluation.classifier_metrics import accuracy_metrics, share_of, unconditional_metrics
    from difflab.evaluation.distribution_metrics import RealImages, classifier_extractor, distribution_metrics
    from difflab.evaluation.inception import inception_extractor
    from difflab.evaluation.metrics import write_metrics
    from difflab.evaluation.samples import read_class_samples, read_samples
    from difflab.evaluation.targets import load_targets
    from difflab.training.device import make_accelerator

    device = make_accelerator(compute).device
    targets = load_targets()
    inception = inception_extractor(Path(params.inception_weights), device) if params.inception_weights else None
    prepared, loaded = Path("prepared/recipes", recipe), {}
    for domain, digits in domains.items():
        folder, judge_folder = Path("samples", recipe, domain), Path(f"models/judges/{domain}")
        file = prepared / f"{domain}.safetensors"
        labels = class_labels(file, digits)
        images, expected = read_class_samples(folder, labels) if condition else (read_samples(folder), None)
        real = RealImages.load(file, digits, images, params)
        trained_on = load_digits({domain: digits}, training_splits(hold_out_validation), prepared)["images"]
        judge = load_digit_classifier(judge_folder).to(device)
        loaded[domain] = images, expected, real, trained_on, judge, classifier_extractor(judge, judge_folder)

    graded, correct = {}, []
    for domain, (images, expected, real, trained_on, judge, extractor) in loaded.items():
        if expected is None:
            grades = unconditional_metrics(judge.probabilities(images), params, judge.classes)
        else:
            correct.append(judge.predict(images) == expected)
            grades = accuracy_metrics(correct[-1], expected, judge.classes)
        graded[domain] = grades | distribution_metrics(
            images, expected, real, trained_on, extractor, inception, params, noise_bank_seed
        )
    metrics: dict[str, Any] = {"num_images": sum(len(images) for images, *_ in loaded.values())}
    if correct:
        metrics["accuracy"] = share_of(torch.cat(correct))
    metrics |= graded
    write_metrics(Path(f"metrics/{recipe}.json"), metrics | targets.beside_accuracy(recipe, metrics))


if __name__ == "__main__":
    run(main)
