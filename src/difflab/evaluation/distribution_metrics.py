"""Metrics of generated images against real images of the same domain, with held-out real images as a baseline."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from difflab.classifiers.digit_classifier import DigitClassifier
from difflab.config.diffusion import All
from difflab.config.studies import EvaluationParams
from difflab.data.classes import DIGITS
from difflab.data.dataset import ImageDataset, gather_images
from difflab.errors import UserError
from difflab.evaluation import distances
from difflab.evaluation.intervals import bootstrapped
from difflab.evaluation.prdc import manifold_metrics, nearest_training_metrics
from difflab.evaluation.protocol import Extractor, Protocol, sha256_of


@dataclass(frozen=True)
class RealImages:
    """The real images of a recipe's classes, (N, 3, S, S) uint8.

    Generated images are compared with `reference`. So is `held_out`, the rest of the training split: this is the
    real-against-real baseline. `test` is the test split.
    """

    test: Tensor
    reference: Tensor
    held_out: Tensor
    description: str
    sha256: str

    @classmethod
    def load(
        cls, path: str | Path, names: Sequence[str | int] | All, generated: Tensor, params: EvaluationParams
    ) -> "RealImages":
        """Load a prepared data file and hold out random training images: as many as generated ones, at most half.

        Raises DataError when the file cannot be read, UserError when its images differ in size from the generated ones
        or are too few.
        """
        whole = ImageDataset.load(path, ["train", "test"])
        labels = whole.labels_of(names, path)
        dataset = whole.with_labels(labels)
        found = " ".join(sorted(whole.classes[label] for label in labels))
        kind = f"{'digits' if whole.classes == DIGITS else 'classes'} {found}"
        training, test = dataset.part("train").images, dataset.part("test").images
        if training.shape[1:] != generated.shape[1:]:
            raise UserError(
                f"{path}: found images {list(training.shape[1:])}, allowed: {list(generated.shape[1:])}, as the samples"
            )
        num_floor = min(len(generated), len(training) // 2)
        if num_floor <= params.nearest_k or not len(test):
            raise UserError(
                f"{path}: found {len(training)} training and {len(test)} test images of the {kind}, and "
                f"{len(generated)} samples, too few for evaluation.nearest_k {params.nearest_k}"
            )
        order = torch.from_numpy(  # pyright: ignore[reportUnknownMemberType]
            np.random.default_rng(params.seed).permutation(len(training))
        )
        return cls(
            test,
            gather_images([(training, order[num_floor:])]),
            training[order[:num_floor]],
            f"{dataset.description}; training images of the {kind}",
            sha256_of(path),
        )


@dataclass(frozen=True)
class Features:
    """Features (N, D) of generated, held-out and reference images."""

    generated: NDArray[np.floating]
    held_out: NDArray[np.floating]
    reference: NDArray[np.floating]

    @classmethod
    def of(cls, extractor: Extractor, generated: Tensor, real: RealImages) -> "Features":
        """The features that `extractor` computes for the images (…, 3, S, S) uint8."""
        return cls(*map(extractor.features_of, (generated, real.held_out, real.reference)))


def classifier_extractor(classifier: DigitClassifier, folder: Path) -> Extractor:
    """An extractor of the features of `classifier`, which was loaded from `folder`, models/judges/DATASET/."""
    digest, name = sha256_of(folder / "model.safetensors"), f"judge-{folder.name}"
    return Extractor(lambda images: classifier.features_of(images).numpy(), name, digest, "none")


def distribution_metrics(
    generated: Tensor,
    labels: Tensor | None,
    real: RealImages,
    trained_on: Tensor,
    classifier: Extractor,
    inception: Extractor | None,
    params: EvaluationParams,
    noise_bank_seed: int,
) -> dict[str, Any]:
    """All metrics of `generated` (N, 3, S, S) uint8 that need real images, with their protocol.

    `labels`: (N,), if equally many images of each class were requested, else None. `trained_on`: (M, 3, S, S) uint8,
    all images of the domain that the recipe was trained on.
    """
    features = Features.of(classifier, generated, real)
    metrics = {
        **distance_metrics(features, labels, params),
        **manifold_metrics_beside_real(features, params.nearest_k),
        "nearest_training": nearest_training_metrics(generated, trained_on, real.test),
        "protocol": protocol_of(classifier, generated, real, params, noise_bank_seed),
    }
    if inception:
        metrics["inception"] = {
            **distance_metrics(Features.of(inception, generated, real), labels, params),
            "protocol": protocol_of(inception, generated, real, params, noise_bank_seed),
        }
    return metrics


def distance_metrics(
    features: Features, labels: Tensor | None, params: EvaluationParams
) -> dict[str, dict[str, float]]:
    """Fréchet and kernel distance to the reference: value, 95 % interval, and `floor`, that of the held-out images.

    `labels`: (N,), the strata of the bootstrap, or None.
    """
    generated, held_out, reference = features.generated, features.held_out, features.reference
    strata = None if labels is None else labels.numpy()

    def estimate(value: float, influence: NDArray[np.float64], floor: float) -> dict[str, float]:
        rng = np.random.default_rng(params.seed)
        return {**asdict(bootstrapped(value, influence, params.num_resamples, rng, strata)), "floor": floor}

    return {
        "frechet": estimate(
            distances.frechet_distance(generated, reference),
            distances.frechet_influence(generated, reference),
            floor=distances.frechet_distance(held_out, reference),
        ),
        "kernel": estimate(
            distances.kernel_distance(generated, reference, params.seed),
            distances.kernel_influence(generated, reference),
            floor=distances.kernel_distance(held_out, reference, params.seed),
        ),
    }


def manifold_metrics_beside_real(features: Features, nearest_k: int) -> dict[str, dict[str, float]]:
    """Precision, recall, density and coverage of the generated images (`value`) and the held-out ones (`real`).

    Each is computed against an equal number of reference images, as in the two papers.
    """

    def against_as_many(images: NDArray[np.floating]) -> dict[str, float]:
        return manifold_metrics(images, features.reference[: len(images)], nearest_k)

    of_real = against_as_many(features.held_out)
    return {
        name: {"value": value, "real": of_real[name]} for name, value in against_as_many(features.generated).items()
    }


def protocol_of(
    extractor: Extractor,
    generated: Tensor,
    real: RealImages,
    params: EvaluationParams,
    noise_bank_seed: int | list[int],
) -> dict[str, Any]:
    """The protocol of metrics of `generated` (N, 3, S, S) against `real`, as JSON values."""
    protocol = Protocol(
        num_generated=len(generated),
        num_reference=len(real.reference),
        num_floor=len(real.held_out),
        reference=real.description,
        reference_sha256=real.sha256,
        extractor=extractor.name,
        extractor_sha256=extractor.sha256,
        resize=extractor.resize,
        image_size=generated.shape[-1],
        evaluation_seed=params.seed,
        noise_bank_seed=noise_bank_seed,
        nearest_k=params.nearest_k,
        num_resamples=params.num_resamples,
    )
    return protocol.model_dump()
