"""Accuracy and Fréchet distance of generated digits, with the classifiers and real images of the pipeline."""

from dataclasses import asdict
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.contender import Requests
from difflab.classifiers.digit_classifier import load_digit_classifier
from difflab.config.diffusion import RecipeParams
from difflab.config.studies import EvaluationParams
from difflab.data.dataset import ImageDataset
from difflab.evaluation.classifier_metrics import share_of
from difflab.evaluation.distances import frechet_distance, frechet_influence
from difflab.evaluation.distribution_metrics import RealImages, classifier_extractor
from difflab.evaluation.intervals import bootstrapped

PREPARED = Path("prepared/sets")
MODELS = Path("models")


class Grader:
    """Grades `num_images` images, an equal number of each class of a recipe (or one more)."""

    def __init__(self, recipe: RecipeParams, params: EvaluationParams, num_images: int):
        self.params, self.conditional = params, recipe.condition is not None
        paths = {domain: PREPARED / f"{domain}.safetensors" for domain in recipe.data}
        sets = {domain: ImageDataset.load(path) for domain, path in paths.items()}
        classes = [(domain, d) for domain, names in recipe.data.items() for d in sets[domain].labels_of(names, domain)]
        self.requests = Requests(*map(list, zip(*islice(cycle(classes), num_images), strict=True)))
        self.classes = np.arange(num_images) % len(classes)
        self.domains = list(recipe.data)
        self.classifiers, self.extractors, self.reference, floors = {}, {}, {}, []
        for domain, digits in recipe.data.items():
            folder, path = MODELS / f"judges/{domain}", paths[domain]
            self.classifiers[domain] = load_digit_classifier(folder)
            self.extractors[domain] = classifier_extractor(self.classifiers[domain], folder)
            size = sets[domain].images.shape[-1]
            generated = torch.empty(self.requests.domains.count(domain), 3, size, size, dtype=torch.uint8)
            real = RealImages.load(path, digits, generated, params)
            self.reference[domain] = self.extractors[domain].features_of(real.reference)
            floors.append(frechet_distance(self.extractors[domain].features_of(real.held_out), self.reference[domain]))
        self.real_baseline = float(np.mean(floors))

    def grade(self, images: Tensor) -> dict[str, Any]:
        """Metrics of `images` (N, 3, S, S) uint8, in the order of the requests, each with its 95 % interval.

        `frechet` is the mean of the domains' distances; `accuracy` exists if the recipe is conditional.
        """
        accuracy = {"accuracy": self._accuracy(images)} if self.conditional else {}
        return {**accuracy, "frechet": self._frechet(images)}

    def _of(self, domain: str) -> Tensor:
        return torch.tensor([name == domain for name in self.requests.domains])

    def _accuracy(self, images: Tensor) -> dict[str, float]:
        correct = torch.zeros(len(images), dtype=torch.bool)
        digits = torch.tensor(self.requests.digits)
        for domain, classifier in self.classifiers.items():
            of = self._of(domain)
            correct[of] = classifier.predict(images[of]) == digits[of]
        return share_of(correct)

    def _frechet(self, images: Tensor) -> dict[str, float]:
        distances, influences = [], np.zeros(len(images))
        for domain, extractor in self.extractors.items():
            of = self._of(domain)
            features = extractor.features_of(images[of])
            distances.append(frechet_distance(features, self.reference[domain]))
            # Weight of an image in the mean over domains, which can have different numbers of images.
            weight = len(images) / len(features) / len(self.domains)
            influences[of.numpy()] = weight * frechet_influence(features, self.reference[domain])
        strata = self.classes if self.conditional else None
        rng = np.random.default_rng(self.params.seed)
        mean = float(np.mean(distances))
        return asdict(bootstrapped(mean, influences, self.params.num_resamples, rng, strata))
