"""Several writers: clones on one DVC cache whose files are links into it, and two runners in one folder."""

import hashlib
import subprocess
from contextlib import chdir
from pathlib import Path

import pytest
from dvc.fs import LocalFileSystem
from repository import EDIT_PARAMETER, Repository, start_training

from difflab.pipeline.dvc_repo import open_repo

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


def test_objects_are_added_by_two_clones_at_once(tmp_path: Path) -> None:
    """Both find that the object is not there. DVC's own reflink empties that of the first, and with it its output."""
    subprocess.run(["dvc", "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
    with chdir(tmp_path):
        cache = open_repo().cache.local
    oid = hashlib.md5(b"the same").hexdigest()
    outputs = [tmp_path / name for name in ("first", "second")]
    for output in outputs:
        output.write_bytes(b"the same")
        cache.add(str(output), LocalFileSystem(), oid, hardlink=True, check_exists=False)
        (tmp_path / ".dvc/cache/files/md5" / oid[:2] / oid[2:]).chmod(0o644)  # as before DVC protects it
    assert [output.read_bytes() for output in outputs] == [b"the same"] * 2
    assert damaged(tmp_path / ".dvc/cache") == []


@pytest.mark.parametrize("kind", ["symlink", "hardlink"])
def test_a_job_that_fails_when_its_output_is_a_link(work: Repository, kind: str) -> None:
    """Snakemake then copies the old output back, and must not write it through the link."""
    work.run(f"dvc config --local cache.type {kind} && {EDIT_PARAMETER} && snakemake --cores 1 models/a")
    step, kept = (work / "step.py").read_text(), work / ".cache/dvc.lock"
    (work / "step.py").write_text(f"{step}Path({str(kept)!r}).unlink()\nPath({str(kept)!r}).mkdir()\n")
    assert work.end("snakemake --cores 1 figures/curve.png").returncode  # DVC has made the link
    assert work.steps_run() == ["models/a/", "figures/curve.png"] and damaged(work / ".dvc/cache") == []
    (work / "step.py").write_text(step)
    kept.rmdir()
    work.run("snakemake --cores 1 figures/curve.png")
    assert work.steps_run() == [] and work.planned("figures/curve.png") == FRESH


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
