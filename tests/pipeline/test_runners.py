"""Both runners agree on stale stages and write the same dvc.lock, on a stand-in pipeline of tiny steps."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dvc.repo import Repo
from repository import EDIT_PARAMETER, Repository, start_training

pytestmark = pytest.mark.pipeline

TRAINED = {"train_a", "train_b", "evaluate", "curve"}
FROM_A = {"train_a", "evaluate", "curve"}
ALL = TRAINED | {"fetch", "data_dvc", "prepare_a", "prepare_b"}
FRESH: set[str] = set()

EDIT_SOURCE = "echo more >> source/train.txt"

# What a user does, one line after the other, and the rules that Snakemake then plans (for one target, if there is one).
STORIES = {
    "a parameter": [
        (EDIT_PARAMETER, "figures/curve.png", {"train_a", "curve"}),
        ("true", "", TRAINED),
        ("dvc repro", "", FRESH),
        ("git commit --quiet --all --message edit && git checkout --quiet HEAD~1", "", TRAINED),
        ("dvc checkout", "", FRESH),
    ],
    "a source": [
        ("sleep 0.1 && touch source/train.txt data/a.txt models/a/model.txt", "", FRESH),
        (EDIT_SOURCE, "", TRAINED),
        ("git checkout --quiet .", "", FRESH),
    ],
    "a folder of the user's": [
        (
            "mkdir ../mine && touch ../mine/config.json && difflab profile smoke clip.pretrained=../mine",
            "",
            TRAINED,
        ),
        ("dvc repro", "", FRESH),
        ("echo more >> ../mine/a", "", TRAINED),
        ("dvc repro", "", FRESH),
        ("touch ../mine/a", "", FRESH),
        ("difflab profile smoke", "", TRAINED),
        ("git checkout --quiet . && dvc checkout", "", FRESH),
    ],
    "a command": [
        ("sed -i 's/step.py judge/step.py  judge/' dvc.yaml", "", TRAINED),
        ("git checkout --quiet .", "", FRESH),
    ],
    "an output": [
        ("rm -r models/a", "", FROM_A),
        ("true", "figures/curve.png", {"train_a", "curve"}),
        ("dvc checkout", "", FRESH),
        ("rm models/a/model.txt && echo mine > models/a/model.txt", "", FROM_A),
        ("dvc checkout --force", "", FRESH),
    ],
}


@pytest.mark.parametrize("story", STORIES)
def test_both_runners_agree_on_what_is_stale(work: Repository, story: str) -> None:
    for command, target, expected in STORIES[story]:
        work.run(command)
        assert work.planned(target) == expected
        assert target or work.is_up_to_date() == (not expected)


def test_fresh_clone_and_pull(work: Repository, tmp_path: Path) -> None:
    work.run("dvc remote add --default store ../store && dvc push")
    work.commit("a remote")
    clone = work.clone(tmp_path / "clone")
    assert clone.planned() == ALL
    assert clone.planned("prepared/a.txt") == {"fetch", "data_dvc", "prepare_a"}
    clone.run("dvc pull")
    assert clone.planned() == FRESH
    assert clone.is_up_to_date()


def test_forced_after_a_pull_runs_what_is_below_alone(work: Repository, tmp_path: Path) -> None:
    """The files of a pull have any order of times."""
    work.run("dvc remote add --default store ../store && dvc push")
    work.commit("a remote")
    clone = work.clone(tmp_path / "clone")
    clone.run("dvc pull && difflab check && touch fetched/a.txt data/a.txt models/b/model.txt")
    assert clone.planned("--forcerun train_a") == FROM_A
    clone.run("snakemake --cores 2 --forcerun models/a")
    first, *below = clone.steps_run()
    assert (first, set(below)) == ("models/a/", {"metrics/all.json", "figures/curve.png"})
    assert len(below) == 2 and clone.planned() == FRESH


def test_stages_below_an_unchanged_output_do_not_run(work: Repository, tmp_path: Path) -> None:
    """Also in a clone, where DVC could not restore outputs that are in git: a pull does not bring them to its cache."""
    work.run("dvc remote add --default store ../store && dvc push")
    work.commit("a remote")
    clone = work.clone(tmp_path / "clone")
    clone.run("dvc pull && difflab check && sed -i '/path: source.fetch/{n;n;s/md5: ./md5: x/}' dvc.lock")
    assert clone.planned() == ALL
    clone.run("snakemake --cores 2")
    assert clone.steps_run() == ["fetched/a.txt"]
    assert clone.planned() == FRESH
    assert clone.is_up_to_date()


def test_experiment_is_up_to_date_when_applied(work: Repository) -> None:
    work.run("dvc exp run --name other --set-param judge.training.seed=3")
    work.run("git checkout --quiet . && dvc checkout")
    work.run("dvc exp apply other")
    assert "seed: 3" in (work / "params.yaml").read_text()
    assert work.planned() == FRESH
    assert work.is_up_to_date()


def test_both_runners_leave_the_same_lock(built: Repository, tmp_path: Path) -> None:
    """From a lock that is wrong throughout, by way of another parameter and one target."""
    clone = built.clone(tmp_path / "clone")
    clone.run(f"sed -i 's/md5: [0-9a-f]/md5: x/' dvc.lock data.dvc && {EDIT_PARAMETER}")
    clone.run("snakemake --cores 2 figures/curve.png")
    assert clone.steps_run() == ["fetched/a.txt", "prepared/a.txt", "models/a/", "figures/curve.png"]
    clone.run("git checkout --quiet params.yaml")
    assert clone.planned() == TRAINED | {"prepare_b"}
    clone.run("snakemake --cores 2")
    assert clone.planned() == FRESH
    assert clone.is_up_to_date()
    for path in ("dvc.lock", "data.dvc"):
        assert (clone / path).read_bytes() == (built / path).read_bytes()
    assert clone.run("git status --short") == ""


@pytest.mark.parametrize("command", ["dvc repro", "snakemake --cores 2", "snakemake --dry-run"])
def test_bad_parameter_stops_before_the_first_step(work: Repository, command: str) -> None:
    work.run("sed -i 's/digit_size: .*/digit_size: 0/' params.yaml")
    files = {path: path.read_bytes() for path in work.folder.rglob("*") if path.is_file() and ".dvc" not in path.parts}
    done = work.end(command)
    assert done.returncode != 0
    assert_one_line(done, "error: params.yaml: prepare.digit_size: found 0,")
    assert work.steps_run() == []
    assert all(path.read_bytes() == content for path, content in files.items())

    work.run("git checkout --quiet params.yaml")
    assert work.planned() == FRESH


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        ("mv .git elsewhere", "error: dvc: {folder} is not a git repository; `git init` makes it one"),
        (
            "sed -i '2i <<<<<<< HEAD' dvc.lock",
            "error: dvc.lock: found a merge conflict in line 2, allowed: one of the two versions; "
            "`git checkout HEAD dvc.lock` restores the committed one",
        ),
        (
            "sed -i '2i \\\\tx: 1' dvc.yaml",
            "error: dvc: unable to read: 'dvc.yaml', YAML file structure is corrupted "
            "(not YAML, line 2: found character that cannot start any token)",
        ),
    ],
)
def test_damaged_repository_stops_in_one_line(work: Repository, damage: str, line: str) -> None:
    work.run(damage)
    done = work.end("snakemake --cores 2")
    assert done.returncode != 0
    assert_one_line(done, line.format(folder=work.folder))
    assert work.steps_run() == []


def test_another_dvc_at_work_is_said_in_one_line(work: Repository) -> None:
    with Repo(str(work.folder)).lock:
        done = work.end("snakemake --dry-run")
    lines = (done.stdout + done.stderr).splitlines()
    assert done.returncode != 0 and not any("Traceback" in line for line in lines)
    assert [line for line in lines if line.startswith("error: dvc: Unable to acquire lock.")]


def test_environment_need_not_be_activated(work: Repository) -> None:
    """As for `.venv/bin/snakemake`: the stages' commands are those beside it."""
    work.run(EDIT_PARAMETER)
    work.run(f"PATH=/usr/bin:/bin {sys.executable} -m snakemake --cores 2 models/a")
    assert work.steps_run() == ["models/a/"] and work.planned("models/a") == FRESH


def test_old_parameters_compute_nothing_again(work: Repository) -> None:
    """Each job is `dvc repro`, which has kept what it made before."""
    work.run(f"{EDIT_PARAMETER} && snakemake --cores 2")
    assert set(work.steps_run()) == {"models/a/", "models/b/", "metrics/all.json", "figures/curve.png"}
    work.run("git checkout --quiet params.yaml && snakemake --cores 2")
    assert work.steps_run() == [] and work.planned() == FRESH


def assert_one_line(done: subprocess.CompletedProcess[str], line: str) -> None:
    lines = (done.stdout + done.stderr).splitlines()
    assert len([found for found in lines if found.startswith(line)]) == 1
    assert not any("Traceback" in line for line in lines)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill it and its jobs, and wait until none is left: to DVC one that is dying is one at work."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 60
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(process.pid, 0)
            time.sleep(0.1)


def test_killed_snakemake_continues_with_the_same_command(work: Repository) -> None:
    work.run(EDIT_PARAMETER)
    process = start_training(work)
    kill(process)
    assert work.steps_run() == ["models/a/"]
    assert (work / ".snakemake/backups/models/a").exists()  # where the next copy of this output goes
    (work / "hold").unlink()
    work.run("snakemake --cores 2 models/a")
    assert work.steps_run() == ["models/a/"]
    work.run("git checkout --quiet params.yaml && snakemake --cores 2 models/a")
    assert work.planned("models/a") == FRESH


def test_copies_that_a_killed_snakemake_left_are_in_nobodys_way(work: Repository) -> None:
    """Snakemake copies an output to where it lies already if another runner has made it since."""
    work.run(EDIT_PARAMETER)
    kill(start_training(work))
    assert (work / ".snakemake/backups/models/a").exists()
    (work / "hold").unlink()
    work.run("dvc checkout && touch source/train.txt")
    assert (work / "models/a").exists()
    work.run("snakemake --cores 2 models/a")
    assert work.planned("models/a") == FRESH


def test_second_snakemake_is_refused(work: Repository) -> None:
    work.run(EDIT_PARAMETER)
    process = start_training(work)
    for command in ("snakemake --cores 2 models/a", "snakemake --dry-run"):
        second = work.end(command)
        assert second.returncode != 0
        assert_one_line(second, "error: another snakemake is running in this folder")
    (work / "hold").unlink()
    assert process.wait() == 0
    assert work.steps_run() == ["models/a/"]
    assert work.planned("models/a") == FRESH
