"""Which of a run's snapshots counts: chosen without a single label of the target."""

from __future__ import annotations

import torch
from torch import Tensor

CRITERION = "mutual information of image and predicted class, unlabelled training images of the target"


def mutual_information(probabilities: Tensor) -> float:
    """H(mean p) − mean H(p) of `probabilities` (N, K), in nats: high when each image is of one class, and all are used.

    The criterion of Shi & Sha 2012 (ICML, eq. 9), without their weight; as a validator of domain adaptation it is the
    "information maximization" of Musgrave et al. 2022 (arXiv:2208.07360).
    """
    of_all = torch.special.entr(probabilities.mean(0)).sum()
    return float(of_all - torch.special.entr(probabilities).sum(1).mean())


def best(scores: dict[int, float]) -> int:
    """The step of the highest score, the last of several."""
    return max(scores, key=lambda step: (scores[step], step))
