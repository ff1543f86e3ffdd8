"""Accuracy and domain separability of each method on held-out images, and t-SNE of the features."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from difflab.config.training import Scenario, TsneParams
from difflab.data.dataset import ImageDataset
from difflab.errors import UserError
from difflab.evaluation.intervals import DIFFERENCE, SHARE, over_runs
from difflab.evaluation.metrics import accuracy
from difflab.systems.adaptation.networks import CRITERION, AdaptedClassifier, load_classifier, snapshot_steps
from difflab.systems.adaptation.scenarios import METHODS, files_of, held_out

FOLDS = 5
PROBE = (
    f"logistic regression on standardised features, {FOLDS}-fold cross-validated, equally many images of each domain"
)
PROTOCOL = {
    "target, source": "accuracy on held-out images, of the chosen snapshots; _validation, _test: on those of a split",
    "chosen": CRITERION,
    "last, oracle": "target of the last snapshots, and of those that are best by it",
    "gain": "target minus that of source-only, by seed",
    "separability": f"proxy A-distance of the features of held-out images: {PROBE}",
    "interval": "95 %, Student's t of the runs, cut to the possible values: seeds vary, images do not",
}
BOUNDS = {"separability": (-2.0, 2.0)}  # all other metrics are shares


def proxy_a_distance(source: NDArray, target: NDArray, seed: int) -> float:
    """Proxy A-distance 2 (1 − 2ε) of features (N, D) and (M, D) (Ben-David et al. 2006, section 4).

    ε is the cross-validated error of a linear probe: the distance is 2 if it separates the domains, about 0 at chance.
    A random subset of min(N, M) images of the larger domain is used; `seed` also determines the folds. Needs at least
    FOLDS images of each domain.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(seed)
    count = min(len(source), len(target))
    features = np.concatenate([domain[rng.permutation(len(domain))[:count]] for domain in (source, target)])
    domains = np.repeat([0, 1], count)
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    error = 1 - cross_val_score(probe, features, domains, cv=folds).mean()
    return float(2 * (1 - 2 * error))


def grade_scenario(
    scenario: Scenario, num_runs: int, first_seed: int, seed: int, device: torch.device
) -> dict[str, Any]:
    """Metrics of one scenario by method; methods that adapt also have their gain over source-only.

    `seed`: for the separability. Gains are paired by training seed: runs with the same seed start from the same weights
    and see the source images in the same order. Raises UserError when a model or data set is missing.
    """
    source, target = map(held_out, files_of(scenario))
    graded = {}
    for method in METHODS:
        folder = Path(f"models/adapt/{scenario}-{method}")
        runs = [grade_run(folder / f"seed_{first_seed + run}", source, target, seed, device) for run in range(num_runs)]
        graded[method] = {name: summary([run[name] for run in runs], BOUNDS.get(name, SHARE)) for name in runs[0]}
    base = graded["source-only"]["target"]["runs"]
    graded["gain"] = {
        method: summary(np.subtract(graded[method]["target"]["runs"], base).tolist(), DIFFERENCE)
        for method in ("dann", "dann-mcc")
    }
    return graded


def grade_run(
    folder: Path, source: ImageDataset, target: ImageDataset, seed: int, device: torch.device
) -> dict[str, float]:
    """The metrics in PROTOCOL of one run, from its classifiers and the held-out images of both domains."""
    classifier = load_classifier(folder).to(device)
    snapshots = (load_classifier(folder, step).to(device) for step in snapshot_steps(folder))
    by_step = [share_right(snapshot, target) for snapshot in snapshots]
    features = [classifier.features_of(domain.images).numpy() for domain in (source, target)]
    return {
        "target": share_right(classifier, target),
        "source": share_right(classifier, source),
        "target_validation": share_right(classifier, target.part("validation")),
        "target_test": share_right(classifier, target.part("test")),
        "last": by_step[-1],
        "oracle": max(by_step),
        "separability": proxy_a_distance(features[0], features[1], seed),
    }


def share_right(classifier: AdaptedClassifier, images: ImageDataset) -> float:
    """Accuracy on `images`, in [0, 1]."""
    return accuracy(classifier.predict(images.images), images.labels)


def summary(runs: list[float], bounds: tuple[float, float]) -> dict[str, Any]:
    """The mean over runs with its 95 % interval, clipped to `bounds`, and the value of each run."""
    return {**asdict(over_runs(runs, bounds)), "runs": runs}


@dataclass(frozen=True)
class Embedding:
    """`points` (N, 2) of images with `labels` (N,) and `domains` (N,), 0 for source and 1 for target."""

    title: str
    points: NDArray
    labels: NDArray
    domains: NDArray
    separability: float


def embed_run(
    title: str, folder: Path, domains: Sequence[ImageDataset], params: TsneParams, seed: int, device: torch.device
) -> Embedding:
    """t-SNE of the features of both domains, from the classifier in `folder`.

    It has the first `params.num_images` images of each domain; the separability, with its `seed`, is that of all
    images. Raises UserError when the classifier is missing or the perplexity is not below the number of points.
    """
    classifier = load_classifier(folder).to(device)
    features = [classifier.features_of(domain.images).numpy() for domain in domains]
    shown = [min(params.num_images, len(domain)) for domain in domains]
    return Embedding(
        title,
        embed(np.concatenate([part[:count] for part, count in zip(features, shown, strict=True)]), params),
        np.concatenate([domain.labels[:count].numpy() for domain, count in zip(domains, shown, strict=True)]),
        np.repeat([0, 1], shown),
        proxy_a_distance(features[0], features[1], seed),
    )


def embed(features: NDArray, params: TsneParams) -> NDArray:
    """t-SNE of `features` (N, D), initialized with their first two principal components: (N, 2).

    (van der Maaten & Hinton 2008.) Deterministic, because it uses one thread. Raises UserError when the perplexity is
    not below N.
    """
    from sklearn.manifold import TSNE

    if params.perplexity >= len(features):
        found = f"adaptation.tsne.perplexity: found {params.perplexity:g}"
        raise UserError(f"{found}, allowed: number < {len(features)}, the images of both domains")
    tsne = TSNE(2, perplexity=params.perplexity, init="pca", random_state=params.seed, n_jobs=1)
    return tsne.fit_transform(features)
