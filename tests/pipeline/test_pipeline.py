"""The real pipeline, in the smoke profile, by both runners."""

import json
import sys
import time
from pathlib import Path

import pytest
from repository import Repository

pytestmark = pytest.mark.pipeline

FACES = {"fetch", "data_dvc", "prepare_faces", "faces", "sample_faces", "eta_grid"}


def test_dvc_makes_everything(real: Repository) -> None:
    assert real.is_up_to_date()
    assert real.run("git status --short") == ""
    made = real.run("difflab results")
    for result in ("figures/eta_grid.png", "figures/grid_joint-cosine.png", "figures/reverse_joint-cosine.png"):
        assert result in made
    assert "samples/joint-cosine/" in made and "metrics/joint-cosine.json  accuracy" in made


def test_both_runners_make_the_same_bytes_from_what_is_declared(real: Repository, tmp_path: Path) -> None:
    """Snakemake's jobs run here in folders that hold nothing but what their stages declare (see sandbox.py)."""
    clone = real.clone(tmp_path / "clone")
    clone.run("sed -i 's/md5: [0-9a-f]/md5: x/' dvc.lock data.dvc")
    python = tmp_path / "bin/python"
    python.parent.mkdir()
    sandbox = Path(__file__).with_name("sandbox.py")
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {sandbox} {real / "dvc.lock"} "$@"\n')
    python.chmod(0o755)
    clone.run(f"PATH={python.parent}:$PATH snakemake --cores 2")
    for path in ("dvc.lock", "data.dvc"):
        assert (clone / path).read_text() == (real / path).read_text()
    assert clone.planned() == set()
    assert clone.is_up_to_date()


def test_a_figure_takes_what_it_needs_and_no_more(real: Repository, tmp_path: Path) -> None:
    clone = real.clone(tmp_path / "clone")
    assert clone.planned("figures/eta_grid.png") == FACES
    graph = clone.run("snakemake --rulegraph")
    assert all(f'label = "{rule}"' in graph for rule in FACES)


def test_experiment_and_what_it_changes(real: Repository, tmp_path: Path) -> None:
    work = real.copy(tmp_path / "work")
    work.run("dvc exp run --set-param recipes.joint-cosine.sampling.images_per_digit=12")
    params = json.loads(work.run("dvc params diff --json"))
    assert params["params.yaml"]["recipes.joint-cosine.sampling.images_per_digit"]["new"] == 12
    metrics = json.loads(work.run("dvc metrics diff --json"))
    assert metrics["metrics/joint-cosine.json"]["num_images"]["new"] == 120
    assert work.is_up_to_date()


def seconds(repository: Repository, command: str) -> float:
    start = time.perf_counter()
    repository.run(command)
    return time.perf_counter() - start


def test_nothing_to_do_is_quick(real: Repository) -> None:
    """The fastest of three, in turns: the machine may be busy with something else."""
    status, repro = zip(*[(seconds(real, "dvc status"), seconds(real, "dvc repro")) for _ in range(3)], strict=True)
    print(f"dvc status {min(status):.2f} s, dvc repro {min(repro):.2f} s")
    assert min(repro) <= 2 * min(status)
