"""From prepared domains to the classifiers of all runs: which data are read, and that a kill changes nothing."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file, save_file

from difflab.data.dataset import ImageDataset
from difflab.errors import DataError
from difflab.pipeline.run_records import recorded
from difflab.systems.adaptation import training as runs
from difflab.systems.adaptation.networks import load_classifier, mutual_information
from difflab.systems.adaptation.scenarios import files_of, load_images
from stages.adaptation import adapt, scenario
from tests import stage_calls
from tests.systems.adaptation.conftest import contents, make_domain, write_params

OUTPUT = "models/adapt/mnistm-usps"
ADAPTING = ["source-only", "dann", "dann-mcc"]


@pytest.fixture
def described(workspace, run_stage) -> Path:
    run_stage(scenario, "mnistm-usps")
    return workspace


def train(run_stage, method: str) -> dict[str, bytes]:
    run_stage(adapt, "mnistm-usps", method)
    return contents(f"{OUTPUT}-{method}")


def test_a_scenario_is_described_without_its_labels(described):
    assert json.loads(Path("prepared/scenarios/mnistm-usps/scenario.json").read_text()) == {
        "mnistm": {
            "data": "lines of mnistm",
            "shape": [3, 8, 8],
            "classes": list(range(10)),
            "num_images": {"train": 60, "validation": 20, "test": 20},
        },
        "usps": {
            "data": "lines of usps",
            "shape": [3, 8, 8],
            "classes": list(range(10)),
            "num_images": {"train": 40, "validation": 20, "test": 20},
        },
    }


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda: Path("prepared/sets/usps.safetensors").unlink(), r"prepared/sets/usps\.safetensors: not found"),
        (
            lambda: make_domain("usps", 60, classes=5),
            r"prepared/sets/usps\.safetensors: found classes 0 1 2 3 4, allowed: 0 1 2 3 4 5 6 7 8 9, as prepared",
        ),
        (
            lambda: make_domain("usps", 60, size=10),
            r"prepared/sets/usps\.safetensors: found images of 3 10 10, allowed: 3 8 8",
        ),
        (
            lambda: make_domain("usps", 60, num_train=0),
            r"prepared/sets/usps\.safetensors: found 0 train images, allowed: at least adaptation\.training\.batch_",
        ),
        (lambda: make_domain("mnistm", 60, num_train=15), r"prepared/sets/mnistm\.safetensors: found 15 train images"),
    ],
)
def test_domains_that_do_not_fit_end_before_any_training(workspace, run_stage, change, line):
    change()
    with pytest.raises(DataError, match=f"^{line}") as error:
        run_stage(scenario, "mnistm-usps")
    assert "\n" not in str(error.value) and not Path("scenarios").exists()


def test_no_labels_of_the_target_are_loaded(described, run_stage):
    """Without them in the file the runs that adapt end in the same bytes; target-only cannot even begin."""
    whole = {method: train(run_stage, method) for method in ADAPTING}
    _, path = files_of("mnistm-usps")
    tensors = {name: tensor for name, tensor in load_file(path).items() if name != "labels"}
    save_file(tensors, path, metadata={"description": '"no labels"'})
    for method in ADAPTING:
        assert train(run_stage, method) == whole[method], method
    with pytest.raises(DataError, match="labels"):
        train(run_stage, "target-only")


def test_every_batch_has_both_domains(described, run_stage, monkeypatch):
    """16 of each: the source shuffled in each epoch, and every image of the target before one comes again."""
    seen, features_of = [], runs.AdaptationTask.features

    def record(self, images):
        seen.append(images)
        return features_of(self, images)

    monkeypatch.setattr(runs.AdaptationTask, "features", record)
    train(run_stage, "dann")
    source, target = (load_images(file, "train") for file in files_of("mnistm-usps"))
    steps = 2 * (60 // 16)
    assert len(seen) == 2 * 2 * steps  # of two runs
    assert all(len(images) == 16 for images in seen)

    def rows(images: torch.Tensor, of: torch.Tensor) -> list[int]:
        return [(of == image).flatten(1).all(1).nonzero().item() for image in images]  # pyright: ignore

    of_run = [seen[: 2 * steps], seen[2 * steps :]]
    orders = [[rows(images, target) for images in run[1::2]] for run in of_run]
    assert all(len(rows(images, source)) == 16 for run in of_run for images in run[0::2])
    for order in orders:
        assert len({*order[0], *order[1]}) == 32
    assert orders[0] != orders[1]


def test_without_lambda_dann_is_source_only_to_the_last_bit(described, run_stage):
    plain = train(run_stage, "source-only")
    write_params(**{"methods.dann.max_lambda": 0.0})
    ablated = train(run_stage, "dann")
    write_params()
    adapted = train(run_stage, "dann")
    for seed in (5, 6):
        name = f"seed_{seed}/model.safetensors"
        assert ablated[name] == plain[name] != adapted[name]
    assert ablated["seed_5/model.safetensors"] != ablated["seed_6/model.safetensors"]


def test_the_run_of_the_best_snapshot_is_kept(described, run_stage):
    train(run_stage, "dann")
    unlabelled = load_images(Path("prepared/sets/usps.safetensors"), "train")
    for folder in sorted(Path(f"{OUTPUT}-dann").iterdir()):
        selection = json.loads((folder / "selection.json").read_text())
        scores = {step: mutual_information(load_classifier(folder, step).probabilities(unlabelled)) for step in (3, 6)}
        assert selection["scores"] == {str(step): score for step, score in scores.items()}
        assert selection["chosen"] == max(scores, key=scores.__getitem__)
        chosen = load_classifier(folder, selection["chosen"])
        for name, tensor in load_classifier(folder).state_dict().items():
            assert torch.equal(tensor, chosen.state_dict()[name])
        log = [json.loads(line) for line in (folder / "train_log.jsonl").read_text().splitlines()]
        assert log[-1]["step"] == 6


def test_target_only_sees_the_targets_images_as_often_as_the_others_see_the_source(workspace):
    usps = Path("prepared/sets/usps.safetensors")
    rows, part = runs.labeled_images(usps, 60), ImageDataset.load(usps).part("train")
    assert torch.equal(rows["images"], torch.cat([part.images, part.images[:20]]))
    assert torch.equal(rows["digits"], torch.cat([part.labels, part.labels[:20]]))


class Killed(Exception):
    pass


@pytest.fixture
def run_as_pipeline(monkeypatch):
    """As `difflab.stage.run` does it, with a record, a lock and work folders of the stage's own."""

    def call(stage: ModuleType, *arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", [f"stages/{stage.__name__.rpartition('.')[2]}.py", *arguments])
        recorded(lambda: stage_calls.run_stage(stage, *arguments))

    return call


@pytest.mark.parametrize("kill_at", [2, 5, 8, 11])
def test_killed_and_started_again_it_ends_in_the_same_bytes(described, run_as_pipeline, monkeypatch, kill_at):
    """In the first run before and after a checkpoint, and in the second run, of 6 steps each."""
    step, steps = 0, []
    step_of_adamw = torch.optim.AdamW.step

    def dying_step(self, *args, **kwargs):
        nonlocal step
        step += 1
        if step == kill_at:
            raise Killed
        return step_of_adamw(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", dying_step)
        with pytest.raises(Killed):
            train(run_as_pipeline, "dann-mcc")
    assert not Path(f"{OUTPUT}-dann-mcc").exists()
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self, *args: (steps.append(1), step_of_adamw(self, *args)))
    resumed = train(run_as_pipeline, "dann-mcc")
    assert len(steps) == 12 - (kill_at - 1) // 3 * 3, "a checkpoint each 3 steps; finished seeds are not repeated"
    assert {file.name for file in Path(".cache/checkpoints").rglob("*") if file.is_file()} == {"train_log.jsonl"}
    steps.clear()
    assert train(run_as_pipeline, "dann-mcc") == resumed
    assert len(steps) == 12
