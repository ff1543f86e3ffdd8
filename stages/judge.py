"""Train the judge of one domain: prepared/DOMAIN.safetensors → models/judge-DOMAIN/, metrics/judge-DOMAIN.json."""

import argparse
import shutil
from pathlib import Path

from difflab.params import ComputeParams, JudgeParams, load_section
from difflab.stage import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("domain", help="a data set of prepared/")
    domain = parser.parse_args().domain

    compute = load_section(ComputeParams, "compute")
    params = load_section(JudgeParams, "judge")
    prepared = Path(f"prepared/{domain}.safetensors")

    from accelerate.utils import set_seed

    from difflab.data.dataset import ImageDataset
    from difflab.device import make_accelerator
    from difflab.evaluation.metrics import accuracy, write_metrics
    from difflab.models.judge import Judge
    from difflab.outputs import written_whole
    from difflab.training.checkpoint import rolling_checkpoint
    from difflab.training.classification import ClassificationTask
    from difflab.training.fit import fit

    accelerator = make_accelerator(compute)
    dataset = ImageDataset.load(prepared)
    train, test = dataset.part("train"), dataset.part("test")

    set_seed(params.training.seed)
    judge = Judge(params.channels)
    with rolling_checkpoint(f"judge-{domain}", [compute, params], [prepared]) as checkpoint:
        data = {"images": train.images, "digits": train.labels}
        fit(ClassificationTask(judge), data, params.training, accelerator, checkpoint)
        with written_whole(Path(f"models/judge-{domain}")) as folder:
            judge.save(folder)
            shutil.copy(checkpoint.log, folder)
    write_metrics(
        Path(f"metrics/judge-{domain}.json"),
        {
            "data": dataset.description,
            "num_train_images": len(train),
            "num_test_images": len(test),
            "test_accuracy": accuracy(judge.predict(test.images), test.labels),
        },
    )


if __name__ == "__main__":
    run(main)
