"""Entries of dvc.lock, written as DVC writes them."""

import re
import shutil
import subprocess
from pathlib import Path
from threading import Thread

import dvc.dependency.param
import dvc.utils.serialize
import pytest
from dvc.dependency.param import read_param_file
from dvc.dvcfile import Lockfile
from dvc.exceptions import DvcException, ReproductionError
from dvc.fs import LocalFileSystem
from dvc.lock import LockError
from dvc.repo import Repo
from dvc.utils.serialize import modify_yaml

from difflab.errors import UserError
from difflab.pipeline import job
from difflab.pipeline.dvc_repo import HEAD, load_lock, modify_lock, open_repo, read_values

ROOT = Path(__file__).parents[2]
ENTRY = {
    "cmd": "python stages/digits/train.py joint-cosine " + "--a-long-command " * 10,
    "params": {"params.yaml": {"compute": {"precision": "auto"}, "rate": 1e-05, "none": None, "yes": True, "of": "no"}},
    "deps": [{"path": "prepared/Zürich/", "hash": "md5", "md5": "0123456789abcdef", "size": 12, "nfiles": 1}],
    "nested": {"empty": {}, "list": [], "lists": [[1, 2.5], ["- a", "b: c"]], "lines": "a\nb\n", "octal": "010"},
}


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """Three entries of the committed dvc.lock."""
    text = (ROOT / "dvc.lock").read_text()
    starts = [text.index(f"\n  {name}:\n") + 1 for name in ("fetch", "prepare@mnist", "prepare@mnistm")]
    (tmp_path / "dvc.lock").write_text(
        HEAD + text[starts[0] : starts[2]] + text[starts[0] : starts[1]].replace("fetch", "z", 1)
    )
    return tmp_path / "dvc.lock"


def written(how, lock: Path, changes: dict[str, object], text: str | None = None) -> bytes:
    folder = lock.parent / how.__name__
    folder.mkdir()
    copy = Path(shutil.copy(lock, folder / "dvc.lock"))
    if text is not None:
        copy.write_text(text)
    with how(str(copy)) as contents:
        contents.setdefault("schema", "2.0")
        contents.setdefault("stages", {}).update(changes)
    return copy.read_bytes()


def test_a_job_that_has_waited_reads_params_again(tmp_path: Path):
    """The stage does, too."""
    params, fs, seen = tmp_path / "params.yaml", LocalFileSystem(), []
    params.write_text("rate: 1\n")

    class Busy:
        def reproduce(self, stage, **_):
            seen.append(read_values(fs, str(params), ["rate"], flatten=True))
            if len(seen) == 1:
                params.write_text("rate: 2\n")
                raise ReproductionError(stage) from LockError("busy")

    job._reproduce(Busy(), "train", force=False)
    assert seen == [{"rate": 1}, {"rate": 2}]


@pytest.mark.parametrize("name", ["fetch", "prepare@mnist", "z", "new@a-1.5", "a name: in quotes", "1e5"])
def test_bytes_are_those_of_dvc(lock: Path, name: str):
    assert written(modify_lock, lock, {name: ENTRY}) == written(modify_yaml, lock, {name: ENTRY}) != lock.read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "schema: '2.0'\n",
        f"# a comment\n{HEAD}  a:\n    cmd: b\n",
        f"{HEAD}  'a b':\n    cmd: c\n",
        f"{HEAD}  a:\n    cmd: b",
    ],
)
def test_a_file_that_dvc_has_not_written_so_is_dvcs_to_write(lock: Path, text: str):
    assert written(modify_lock, lock, {"new": ENTRY}, text) == written(modify_yaml, lock, {"new": ENTRY}, text)


def test_other_files_are_dvcs_to_write(tmp_path: Path):
    (tmp_path / "dvc.yaml").write_text("stages:\n  a: {cmd: b}  # why\n")
    with modify_lock(str(tmp_path / "dvc.yaml")) as contents:
        contents["stages"]["a"]["cmd"] = "c"
    assert (tmp_path / "dvc.yaml").read_text() == "stages:\n  a: {cmd: c}  # why\n"


def test_a_write_that_fails_leaves_the_old_lock(lock: Path):
    before = lock.read_bytes()
    with pytest.raises(Exception), modify_lock(str(lock)) as contents:  # noqa: B017
        contents["stages"]["new"] = {"cmd": object()}
    assert lock.read_bytes() == before


def test_a_dvc_without_what_is_replaced_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(dvc.dependency.param, "load_path")
    with pytest.raises(UserError, match=r"dvc\.dependency\.param\.load_path"):
        open_repo()


@pytest.fixture
def lockfile(lock: Path) -> Lockfile:
    """DVC's object for the lock of a repository."""
    subprocess.run(["dvc", "init", "--no-scm", "--quiet"], cwd=lock.parent, check=True)
    return Lockfile(Repo(str(lock.parent)), str(lock))


def test_entries_are_those_that_dvc_reads(lockfile: Lockfile):
    entries = load_lock(lockfile)["stages"]
    expected = lockfile.load()["stages"]
    assert entries == expected and list(entries) == list(expected) == ["fetch", "prepare@mnist", "z"]
    assert entries.get("none") is None


def test_the_first_entry_is_parsed_alone(lockfile: Lockfile, lock: Path):
    entries = load_lock(lockfile)["stages"]
    first = entries["z"]
    assert "whole" not in vars(entries) and entries["z"] == first
    assert entries["fetch"] == first == entries.whole["z"]


@pytest.mark.parametrize("damage", ["    cmd: [\n", "    outs: 3\n"])
def test_a_damaged_entry_is_dvcs_to_report(lockfile: Lockfile, lock: Path, damage: str):
    lock.write_text(lock.read_text() + "  damaged:\n" + damage)
    entries = load_lock(lockfile)["stages"]
    with pytest.raises(DvcException, match=r"dvc\.lock"):
        entries["damaged"]


@pytest.mark.parametrize(
    "keys", [None, [], ["a"], ["a.b", "a.c.0", "1e5", "x"], ["a.none", "a.b"], ["a.*"], ["a.b.c"]], ids=str
)
@pytest.mark.parametrize("flatten", [True, False])
def test_values_are_those_that_dvc_reads(tmp_path: Path, keys: list[str] | None, flatten: bool):
    (tmp_path / "params.yaml").write_text("a: {b: 1e-3, c: [2, 3]}\n1e5: null\nx: {}\n")
    arguments = LocalFileSystem(), str(tmp_path / "params.yaml"), keys, flatten
    try:
        expected = read_param_file(*arguments)
    except ValueError as error:  # for a pattern that several keys match
        with pytest.raises(ValueError, match=re.escape(str(error))):
            read_values(*arguments)
    else:
        assert read_values(*arguments) == expected


def test_params_are_read_once_by_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """For stages, and for what dvc.yaml takes from them."""
    subprocess.run(["dvc", "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    for value in (1, 2):
        Path("params.yaml").write_text(f"a: {value}\n")
        fs = open_repo().fs
        read = dvc.dependency.param.load_path(str(tmp_path / "params.yaml"), fs)
        assert read == {"a": value} and read is dvc.utils.serialize.load_path("params.yaml", fs)
        Path("metrics.yaml").write_text(f"a: {value}\n")
        assert dvc.utils.serialize.load_path("metrics.yaml", fs) == {"a": value}


def test_a_job_waits_for_the_lock_of_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    subprocess.run(["dvc", "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    holder, job = open_repo(), open_repo(_wait_for_lock=True)
    waiting = Thread(target=job.lock.lock)
    with holder.lock:
        waiting.start()
        waiting.join(4)  # DVC alone gives up after 3 s
        assert waiting.is_alive()
    waiting.join(60)
    assert job.lock.is_locked
    with pytest.raises(LockError):
        holder.lock.lock()
    job.lock.unlock()
