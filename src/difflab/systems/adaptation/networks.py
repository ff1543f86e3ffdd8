"""Networks for domain adaptation: features with a label head, and a domain head that is only used in training."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from difflab.classifiers.digit_classifier import DigitClassifier
from difflab.config.training import ClassifierParams
from difflab.data.classes import DIGITS
from difflab.errors import read_json, reading
from difflab.models.safe_loading import read_weights

CRITERION = "mutual information of image and predicted class, unlabelled training images of the target"


class AdaptedClassifier(DigitClassifier):
    """LeNet-like: 5×5 convolutions, each with norm and pooling, and a linear layer with `num_features` outputs.

    Instance norm (Ulyanov et al. 2016) removes differences in contrast between domains; layer norm bounds the features,
    which could otherwise grow to fool the domain head. Unlike batch norm, both are independent of other images, so
    that source and target only interact in the domain head.
    """

    def __init__(self, size: int, channels: list[int], num_features: int, classes: Sequence[str] = DIGITS):
        super().__init__(classes, size=size, channels=channels, num_features=num_features)
        stages: list[nn.Module] = []
        for width_in, width in zip([3, *channels[:-1]], channels, strict=True):
            convolution = nn.Conv2d(width_in, width, 5, padding=2, bias=False)
            stages += [convolution, nn.InstanceNorm2d(width, affine=True), nn.ReLU(), nn.MaxPool2d(2)]
        area = (size // 2 ** len(channels)) ** 2
        last = [nn.Linear(channels[-1] * area, num_features), nn.LayerNorm(num_features), nn.ReLU()]
        self.features = nn.Sequential(*stages, nn.Flatten(), *last)
        self.classify = nn.Linear(num_features, len(self.classes))


def make_classifier(params: ClassifierParams, size: int, classes: Sequence[str] = DIGITS) -> AdaptedClassifier:
    """A randomly initialized classifier for images of `size` pixels a side."""
    return AdaptedClassifier(size, params.channels, params.num_features, classes)


def make_domain_head(params: ClassifierParams) -> nn.Module:
    """A domain classifier: features (N, num_features) to logits (N, 1), positive for the target.

    It has two hidden layers (Ganin et al. 2016, figure 4b). A head that learns more slowly than the features is fooled
    by them although a new probe can still separate the domains.
    """
    width = params.domain_head_width
    hidden = [nn.Linear(params.num_features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
    return nn.Sequential(*hidden, nn.Linear(width, 1))


def load_classifier(folder: str | Path, step: int | None = None) -> AdaptedClassifier:
    """Load the selected classifier of a run in models/adapt/, or that of the snapshot at `step`, in eval mode.

    Raises UserError when it is missing or cannot be read.
    """
    folder = Path(folder)
    with reading(folder, KeyError, TypeError):
        config = read_json(folder / "config.json")
        classifier = AdaptedClassifier(**{key: value for key, value in config.items() if key != "class"})
        weights = read_weights(folder / "model.safetensors") if step is None else snapshot_weights(folder, step)
        classifier.load_state_dict(weights)
    classifier.eval()
    return classifier


def snapshot_weights(folder: str | Path, step: int) -> dict[str, Tensor]:
    """The classifier's weights in the snapshot of `folder` at `step`. Raises UserError if it cannot be read."""
    weights = read_weights(Path(folder) / f"snapshots/step_{step:06d}.safetensors")
    prefix = "classifier."
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}


def snapshot_steps(folder: str | Path) -> list[int]:
    """The training steps of a run's snapshots, in increasing order."""
    folder = Path(folder)
    return sorted(int(path.stem.removeprefix("step_")) for path in (folder / "snapshots").glob("step_*.safetensors"))


def mutual_information(probabilities: Tensor) -> float:
    """H(mean p) − mean H(p) of `probabilities` (N, K), in nats: high if predictions are confident and use all classes.

    This is the criterion of Shi & Sha 2012 (ICML, eq. 9) without their weight, called "information maximization" as a
    validator for domain adaptation by Musgrave et al. 2022 (arXiv:2208.07360).
    """
    of_all = torch.special.entr(probabilities.mean(0)).sum()
    return float(of_all - torch.special.entr(probabilities).sum(1).mean())


def best(scores: dict[int, float]) -> int:
    """The step with the highest score; the last one if there are several."""
    return max(scores, key=lambda step: (scores[step], step))
