"""Several writers: clones on one DVC cache whose files are links into it, and two runners in one folder."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from repository import EDIT_PARAMETER, Repository, start_training

pytestmark = pytest.mark.pipeline
TRAINED = {"train_a", "train_b", "evaluate", "curve"}
OUTS = ["figures/curve.png", "metrics/all.json", "models/a/", "models/b/"]
FRESH: set[str] = set()
RUNNERS = ["snakemake --cores 2", "dvc repro"]


def damaged(cache: Path) -> list[Path]:
    """Objects whose content is not that of their name."""
    objects = [path for path in cache.glob("files/md5/*/*") if path.is_file()]
    assert objects
    md5 = {path: hashlib.md5(path.read_bytes()).hexdigest() for path in objects}
    return [path for path in objects if md5[path] != path.parent.name + path.name.removesuffix(".dir")]


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("kind", ["symlink", "hardlink"])
def test_clones_on_one_cache(work: Repository, tmp_path: Path, kind: str, runner: str) -> None:
    cache = (work / ".dvc/cache").rename(tmp_path / "cache")
    first, second = work, work.clone(tmp_path / "second")
    for clone in (first, second):
        clone.run(f"dvc cache dir --local {cache} && dvc config --local cache.type {kind}")
        clone.run("dvc checkout --relink && difflab check")
        assert clone.planned() == FRESH
    before = {path: path.read_bytes() for path in second.folder.glob("models/*/*")}
    first.run(f"{EDIT_PARAMETER} && {runner}")
    assert sorted(first.steps_run()) == OUTS
    assert damaged(cache) == [] and first.planned() == FRESH and first.is_up_to_date()
    assert {path: path.read_bytes() for path in before} == before and second.planned() == FRESH
    second.run(f"{EDIT_PARAMETER} && {runner}")
    assert second.steps_run() == [] and second.is_up_to_date()
    assert {path: path.read_bytes() for path in before} != before


@pytest.mark.parametrize("kind", ["symlink", "hardlink"])
def test_job_beside_dvc_waits(work: Repository, kind: str) -> None:
    """A stage that `dvc repro` has at work is one that is stale; the job waits for it, and then has nothing to do."""
    work.run(f"{EDIT_PARAMETER} && dvc config --local cache.type {kind}")
    other = start_training(work, "dvc --wait-for-lock repro train@a")  # or DVC gives up where a job has its lock
    assert work.planned() == TRAINED
    snakemake = subprocess.Popen([*["snakemake", "--cores", "2"]], cwd=work.folder)
    with pytest.raises(subprocess.TimeoutExpired):
        snakemake.wait(10)
    (work / "hold").unlink()
    assert (other.wait(120), snakemake.wait(120)) == (0, 0)
    assert sorted(work.steps_run()) == OUTS
    assert work.is_up_to_date() and work.planned() == FRESH


def test_dvc_beside_a_job_is_refused(work: Repository) -> None:
    work.run(EDIT_PARAMETER)
    job = start_training(work, "snakemake --cores 2 models/a")
    refused = work.end("dvc repro train@a")
    assert refused.returncode and "is busy" in refused.stderr
    (work / "hold").unlink()
    assert job.wait(120) == 0
    work.run("dvc repro")
    assert sorted(work.steps_run()) == OUTS
