"""Which metrics files count as produced by runs in this folder."""

import hashlib
import json
from pathlib import Path

import pytest

from difflab.history.dvc_lock import LockedStage
from difflab.history.made_here import is_result_of_runs, locked_md5, made_here
from difflab.pipeline.run_records import RunRecord

A, B, CODE = "a" * 32, "b" * 32, "c" * 32


def stage(name: str, deps: dict[str, str], outs: dict[str, str]) -> LockedStage:
    return LockedStage(name, f"python stages/{name}.py", {}, {"code/x.txt": CODE} | deps, outs)


def ran(*names: str) -> list[RunRecord]:
    keys = {"commit": None, "edited": False, "experiment": None, "params_sha256": ""}
    return [RunRecord(f"python stages/{name}.py", 0.0, **keys, status="finished") for name in names]


LISTING = json.dumps([{"md5": A, "relpath": "1.pt"}, {"md5": B, "relpath": "2.pt"}])
FOLDER = f"{hashlib.md5(LISTING.encode()).hexdigest()}.dir"
CHAIN = [
    stage("code", {}, {"code/x.txt": CODE}),
    stage("fetch", {"inputs/data": A}, {"data/d": A}),
    stage("train", {"data/d": A}, {"models/1.pt": A}),
    stage("train_2", {"data/d": A}, {"models/2.pt": B}),
    stage("evaluate", {"models": FOLDER, "metrics/targets.yaml": A}, {"metrics/m.json": A}),
]
LOCK = {made.name: made for made in CHAIN}


@pytest.mark.parametrize(
    ("records", "made"),
    [
        (["evaluate"], True),
        (["fetch", "train", "train_2"], True),  # evaluate was skipped
        (["fetch", "train_2"], True),  # train came from the run cache
        (["train", "train_2"], True),
        (["train_2"], False),
        ([], False),
    ],
)
def test_a_skipped_stage_counts_when_its_inputs_were_made_here(records: list[str], made: bool) -> None:
    assert is_result_of_runs(LOCK["evaluate"], LOCK, ran(*records)) == made


def test_results_of_other_inputs_do_not_count() -> None:
    """The model was trained again, to other bytes, and not evaluated yet."""
    retrained = LOCK | {"train": stage("train", {"data/d": A}, {"models/1.pt": CODE})}
    assert not is_result_of_runs(LOCK["evaluate"], retrained, ran("fetch", "train", "train_2"))


def test_the_hash_of_a_folder_of_several_outs_is_that_of_dvc(tmp_path: Path) -> None:
    from dvc.repo import Repo

    folder = tmp_path / "models"
    (folder / "deep").mkdir(parents=True)
    contents = {"deep/x.txt": b"x", "y.txt": b"y"}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        repo.add(str(folder))  # pyright: ignore[reportArgumentType]  (a decorated method)
    theirs = (tmp_path / "models.dvc").read_text()
    outs = {f"models/{name}": hashlib.md5(content).hexdigest() for name, content in contents.items()}
    found = locked_md5({"s": stage("s", {}, outs)}, "models")
    assert found is not None and f"md5: {found}" in theirs
    assert locked_md5({"s": stage("s", {}, outs)}, "elsewhere") is None


def test_files_of_the_lock_alone_are_not_made_here(repository: Path) -> None:
    Path("metrics").mkdir()
    Path("metrics/m.json").write_text("{}")
    assert made_here() == []
