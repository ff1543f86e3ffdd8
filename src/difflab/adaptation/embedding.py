"""Features in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from difflab.config.training import TsneParams
from difflab.data.dataset import ImageDataset
from difflab.errors import UserError
from difflab.systems.adaptation.evaluation import proxy_a_distance
from difflab.systems.adaptation.networks import load_classifier


@dataclass(frozen=True)
class Embedding:
    """`points` (N, 2) of images of `digits` (N,) and of `domains` (N,), 0 the source and 1 the target."""

    title: str
    points: NDArray
    digits: NDArray
    domains: NDArray
    separability: float


def embed_run(
    title: str, folder: Path, domains: Sequence[ImageDataset], params: TsneParams, seed: int, device: torch.device
) -> Embedding:
    """The features that the classifier of `folder` makes of the images of both domains.

    The first `params.num_images` of each are shown; the separability, with its `seed`, is that of all of them. Raises
    UserError when there is no such classifier, or the perplexity is not below the number of points.
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
    """t-SNE of `features` (N, D) from their first two principal components (van der Maaten & Hinton 2008): (N, 2).

    Equal features give equal points, on one thread. Raises UserError when the perplexity is not below N.
    """
    from sklearn.manifold import TSNE

    if params.perplexity >= len(features):
        found = f"adaptation.tsne.perplexity: found {params.perplexity:g}"
        raise UserError(f"{found}, allowed: number < {len(features)}, the images of both domains")
    tsne = TSNE(2, perplexity=params.perplexity, init="pca", random_state=params.seed, n_jobs=1)
    return tsne.fit_transform(features)
