"""The networks of domain adaptation: features with a label head, and the domain head that is thrown away."""

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
    """LeNet-like: 5×5 convolutions, each normalized and then halved, and one linear layer of `num_features` features.

    Instance norm (Ulyanov et al. 2016) takes out of every channel the contrast that domains differ in; layer norm keeps
    features from outgrowing the domain head that they flee from. Unlike batch norm neither looks at another image:
    source and target meet in the domain head alone.
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
    """For images of `size` pixels a side, with random weights."""
    return AdaptedClassifier(size, params.channels, params.num_features, classes)


def make_domain_head(params: ClassifierParams) -> nn.Module:
    """(N, num_features) to one logit each, (N, 1), positive for the target.

    Two hidden layers (Ganin et al. 2016, figure 4b): one that is slower to learn than the features is fooled by them
    while a fresh probe can still tell the domains apart.
    """
    width = params.domain_head_width
    hidden = [nn.Linear(params.num_features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
    return nn.Sequential(*hidden, nn.Linear(width, 1))


def load_classifier(folder: str | Path, step: int | None = None) -> AdaptedClassifier:
    """The chosen classifier of one run of models/adapt/, or that of the snapshot of `step`, ready to classify.

    Raises UserError when there is none that can be read.
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
    """The weights of the classifier alone in one of the snapshots of `folder`. Raises UserError as above."""
    weights = read_weights(Path(folder) / f"snapshots/step_{step:06d}.safetensors")
    prefix = "classifier."
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}


def snapshot_steps(folder: str | Path) -> list[int]:
    """The steps of the snapshots of one run, in their order."""
    folder = Path(folder)
    return sorted(int(path.stem.removeprefix("step_")) for path in (folder / "snapshots").glob("step_*.safetensors"))


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
