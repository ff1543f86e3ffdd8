"""How well two domains can be told apart by their features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FOLDS = 5
PROBE = (
    f"logistic regression on standardised features, {FOLDS}-fold cross-validated, equally many images of each domain"
)


def proxy_a_distance(source: NDArray, target: NDArray, seed: int) -> float:
    """2 (1 − 2ε) of features (N, D) and (M, D), ε the error of a linear probe (Ben-David et al. 2006, section 4).

    2 when it tells the domains apart on images that it was not trained on, about 0 when it can but guess. Of the larger
    domain min(N, M) images are drawn from `seed`, which also divides both into folds. Needs FOLDS images of each.
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
