"""The classifier of one data set: prepared/sets/NAME.safetensors → models/judges/NAME/, metrics/judge-NAME.json.

It is trained, or, for mnistm, loaded from the file `judge.checkpoint` if one is given.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Any

from difflab.config.training import TrainingParams
from difflab.stage import Compute, Section, run


def main(
    domain: Annotated[str, "an entry of params.yaml: judge.sets"],
    compute: Compute,
    weights: Annotated[str | None, Section("judge.checkpoint")],
    channels: Annotated[list[int], Section("judge.channels")],
    training: Annotated[TrainingParams, Section("judge.training")],
) -> None:
    from accelerate.utils import set_seed

    from difflab.classifiers.digit_classifier import (
        ClassificationTask,
        Judge,
        load_course_classifier,
        load_digit_classifier,
    )
    from difflab.data.dataset import ImageDataset
    from difflab.evaluation.metrics import accuracy, write_metrics
    from difflab.pipeline.files import atomic_write
    from difflab.training.checkpoint import rolling_checkpoint
    from difflab.training.device import make_accelerator
    from difflab.training.fit import fit

    accelerator = make_accelerator(compute)
    prepared, output = Path(f"prepared/sets/{domain}.safetensors"), Path(f"models/judges/{domain}")
    dataset = ImageDataset.load(prepared, ["train", "test"])
    origin: dict[str, Any]
    if weights and domain == "mnistm":
        file = Path(weights)
        external = load_course_classifier(file)
        with atomic_write(output) as folder:
            external.save(folder)
        origin = {"external": file.name, "external_sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    else:
        train = dataset.part("train")
        set_seed(training.seed)
        judge = Judge(channels, dataset.classes)
        key, images = [compute, channels, training], {"images": train.images, "digits": train.labels}
        with rolling_checkpoint(f"judge-{domain}", key, [prepared]) as checkpoint:
            task = ClassificationTask(judge)
            fit(task, images, training, accelerator, checkpoint, compilation=compute.compile)
            with checkpoint.model_folder(output) as folder:
                judge.save(folder)
        origin = {"num_train_images": len(train)}
    saved, test = load_digit_classifier(output).to(accelerator.device), dataset.part("test")
    result = {"num_test_images": len(test), "test_accuracy": accuracy(saved.predict(test.images), test.labels)}
    write_metrics(Path(f"metrics/judge-{domain}.json"), {"data": dataset.description, **origin, **result})


if __name__ == "__main__":
    run(main)
