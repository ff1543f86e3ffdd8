"""Two methods on the same prompts and noises."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from torch import Tensor

from difflab.evaluation.intervals import bootstrapped
from difflab.params import EvaluationParams


def paired_comparison(ours: Tensor, theirs: Tensor, params: EvaluationParams) -> dict[str, Any]:
    """Of (P, N) bool, successes on P prompts and N noises: the difference of the shares, ours less theirs.

    Its interval is bootstrapped over noises within each prompt. `p_value` is McNemar's exact one, two-sided: that of a
    fair coin for the pairs of which just one succeeded (McNemar 1947, Psychometrika 12, p. 153).
    """
    from scipy.stats import binomtest

    differences = (ours.double() - theirs.double()).numpy()
    mean, prompts = float(differences.mean()), np.repeat(np.arange(len(ours)), ours.shape[1])
    rng = np.random.default_rng(params.seed)
    estimate = bootstrapped(mean, (differences - mean).ravel(), params.num_resamples, rng, prompts)
    only_ours, only_theirs = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    discordant = only_ours + only_theirs
    return asdict(estimate) | {
        "both": int((ours & theirs).sum()),
        "only_ours": only_ours,
        "only_theirs": only_theirs,
        "neither": int((~ours & ~theirs).sum()),
        "p_value": float(binomtest(only_ours, discordant).pvalue) if discordant else 1.0,
    }
