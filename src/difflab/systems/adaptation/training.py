"""Training data, training and saved files of one run of a method."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor

from difflab.config.training import ClassifierParams, Compilation, MethodParams, TrainingParams
from difflab.data.classes import DIGITS
from difflab.data.dataset import ImageDataset, gather_images
from difflab.systems.adaptation.networks import (
    CRITERION,
    best,
    make_classifier,
    make_domain_head,
    mutual_information,
    snapshot_steps,
    snapshot_weights,
)
from difflab.systems.adaptation.objective import AdaptationTask, Target
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.fit import fit
from difflab.training.loader import Loader

TARGET_STREAM = 2**32  # above all seeds in params.yaml, so that the orders of target and source differ


def labeled_images(path: Path, count: int) -> dict[str, Tensor]:
    """The training images of a domain, repeated: `images` (count, 3, S, S) uint8, labels `digits` (count,) int64.

    `count`: the size of the larger domain, so that epochs have the same length for all methods. Raises DataError.
    """
    part = ImageDataset.load(path).part("train")
    rows = torch.arange(count) % len(part)
    return {"images": gather_images([(part.images, rows)]), "digits": part.labels[rows]}


def train_run(
    labeled: dict[str, Tensor],
    unlabeled: Tensor,
    network: ClassifierParams,
    training: TrainingParams,
    method: MethodParams,
    accelerator: Accelerator,
    checkpoint: RollingCheckpoint,
    compilation: Compilation,
    classes: Sequence[str] = DIGITS,
) -> None:
    """Train on `labeled` images and, if the method adapts, on `unlabeled` target images (M, 3, S, S) uint8.

    The result is the snapshots in `checkpoint`.
    """
    set_seed(training.seed)
    images = labeled["images"]
    classifier = make_classifier(network, images.shape[-1], classes)
    target = domain_head = None
    if method.max_lambda is not None:
        domain_head = make_domain_head(network)
        size, seed = training.batch_size, training.seed + TARGET_STREAM
        num_steps = training.num_epochs * (len(images) // size)
        loader = Loader({"images": unlabeled}, size, seed, accelerator.device)
        target = Target(loader, num_steps, method.max_lambda, method.confusion)
    task = AdaptationTask(classifier, domain_head, target)
    fit(task, labeled, training, accelerator, checkpoint, compilation=compilation)


def save_run(
    folder: Path,
    checkpoint: RollingCheckpoint,
    network: ClassifierParams,
    unlabeled: Tensor,
    device: torch.device,
    classes: Sequence[str] = DIGITS,
) -> None:
    """Write the classifier of the best snapshot, the scores that selected it, all snapshots and the log to `folder`."""
    folder.mkdir(parents=True)
    shutil.copytree(checkpoint.snapshots, folder / "snapshots")
    shutil.copy(checkpoint.log, folder)
    classifier = make_classifier(network, unlabeled.shape[-1], classes).to(device).eval()
    scores = {}
    for step in snapshot_steps(folder):
        classifier.load_state_dict(snapshot_weights(folder, step))
        scores[step] = mutual_information(classifier.probabilities(unlabeled))
    chosen = best(scores)
    classifier.load_state_dict(snapshot_weights(folder, chosen))
    classifier.save(folder)
    selection = {"criterion": CRITERION, "chosen": chosen, "scores": scores}
    (folder / "selection.json").write_text(json.dumps(selection, indent=2) + "\n", encoding="utf-8")
