"""The judge of one domain: prepared/DOMAIN.safetensors → models/judge-DOMAIN/, metrics/judge-DOMAIN.json.

It is trained, or for mnistm taken from the file `judge.checkpoint`.
"""

import argparse
import hashlib
import shutil
from pathlib import Path
from typing import Any

from difflab.config.load import load_section

from difflab.config.training import ComputeParams, JudgeParams
from difflab.stage import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("domain", choices=["mnist", "mnistm", "svhn"])
    domain = parser.parse_args().domain

    compute = load_section(ComputeParams, "compute")
    params = load_section(JudgeParams, "judge")
    prepared = Path(f"prepared/{domain}.safetensors")

    from difflab.classifiers.digit_classifier import load_digit_classifier
    from difflab.data.dataset import ImageDataset
    from difflab.evaluation.metrics import accuracy, write_metrics
    from difflab.training.device import make_accelerator

    accelerator = make_accelerator(compute)
    dataset = ImageDataset.load(prepared, ["train", "test"])
    output = Path(f"models/judge-{domain}")
    if params.checkpoint and domain == "mnistm":
        origin = adopt(Path(params.checkpoint), output)
    else:
        origin = train(dataset.part("train"), prepared, compute, params, accelerator, output)
    judge, test = load_digit_classifier(output).to(accelerator.device), dataset.part("test")
    write_metrics(
        Path(f"metrics/judge-{domain}.json"),
        {
            "data": dataset.description,
            **origin,
            "num_test_images": len(test),
            "test_accuracy": accuracy(judge.predict(test.images), test.labels),
        },
    )


def train(
    data, prepared: Path, compute: ComputeParams, params: JudgeParams, accelerator, output: Path
) -> dict[str, Any]:
    """Train a judge on `data`, the training split of `prepared`; returns what the metrics say about it."""
    from accelerate.utils import set_seed

    from difflab.classifiers.digit_classifier import ClassificationTask, Judge
    from difflab.pipeline.files import atomic_write
    from difflab.training.checkpoint import rolling_checkpoint
    from difflab.training.fit import fit

    set_seed(params.training.seed)
    judge = Judge(params.channels)
    inputs = [compute, params.channels, params.training]
    with rolling_checkpoint(output.name, inputs, [prepared]) as checkpoint:
        images = {"images": data.images, "digits": data.labels}
        fit(ClassificationTask(judge), images, params.training, accelerator, checkpoint)
        with atomic_write(output) as folder:
            judge.save(folder)
            shutil.copy(checkpoint.log, folder)
    return {"num_train_images": len(data)}


def adopt(checkpoint: Path, output: Path) -> dict[str, Any]:
    """Take the judge of a file; returns what the metrics say about it."""
    from difflab.classifiers.digit_classifier import load_course_classifier
    from difflab.pipeline.files import atomic_write

    judge = load_course_classifier(checkpoint)
    with atomic_write(output) as folder:
        judge.save(folder)
    return {"external": checkpoint.name, "external_sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest()}


if __name__ == "__main__":
    run(main)
