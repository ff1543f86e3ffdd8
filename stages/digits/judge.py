"""The digit classifier of one domain: prepared/DOMAIN.safetensors → models/judge-DOMAIN/, metrics/judge-DOMAIN.json.

It is trained, or for mnistm loaded from the file `judge.checkpoint`.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

from difflab.config.training import JudgeParams
from difflab.stage import Compute, Section, run


def main(
    domain: Literal["mnist", "mnistm", "svhn"],
    compute: Compute,
    params: Annotated[JudgeParams, Section("judge")],
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
    prepared, output = Path(f"prepared/{domain}.safetensors"), Path(f"models/judge-{domain}")
    dataset = ImageDataset.load(prepared, ["train", "test"])
    origin: dict[str, Any]
    if params.checkpoint and domain == "mnistm":
        file = Path(params.checkpoint)
        external = load_course_classifier(file)
        with atomic_write(output) as folder:
            external.save(folder)
        origin = {"external": file.name, "external_sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    else:
        train = dataset.part("train")
        set_seed(params.training.seed)
        judge = Judge(params.channels)
        key, images = [compute, params.channels, params.training], {"images": train.images, "digits": train.labels}
        with rolling_checkpoint(output.name, key, [prepared]) as checkpoint:
            task = ClassificationTask(judge)
            fit(task, images, params.training, accelerator, checkpoint, compilation=compute.compile)
            with checkpoint.model_folder(output) as folder:
                judge.save(folder)
        origin = {"num_train_images": len(train)}
    saved, test = load_digit_classifier(output).to(accelerator.device), dataset.part("test")
    result = {"num_test_images": len(test), "test_accuracy": accuracy(saved.predict(test.images), test.labels)}
    write_metrics(Path(f"metrics/judge-{domain}.json"), {"data": dataset.description, **origin, **result})


if __name__ == "__main__":
    run(main)
