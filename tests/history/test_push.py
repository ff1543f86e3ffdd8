"""`difflab push` relies on no index: it asks the remote for every object. Servers: tests/cluster/."""

import subprocess
from pathlib import Path

import pytest

from difflab.errors import UserError
from difflab.history.push import push

OBJECTS = 5  # a file, a folder of three files, and its list


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A remote that has all objects of the repository that is now the working folder."""
    (repository := tmp_path / "repository").mkdir()
    monkeypatch.chdir(repository)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    subprocess.run("git init --quiet && dvc init --quiet && dvc remote add --default store ../store", shell=True)
    script = "mkdir -p folder; for i in 1 2 3; do echo $i > folder/$i; done; echo a > file; echo 1 > here"
    Path("dvc.yaml").write_text(
        f"stages:\n  a:\n    cmd: {script}\n    outs: [file, folder/, here: {{cache: false}}]\n"
    )
    subprocess.run("dvc repro --quiet", shell=True, check=True)
    assert push(None) == f"store: {OBJECTS} of {OBJECTS} objects of dvc.lock; {OBJECTS} uploaded"
    return tmp_path / "store"


def files(store: Path) -> list[Path]:
    return sorted(path for path in store.rglob("*") if path.is_file())


def dvc(command: str) -> str:
    return subprocess.run(f"dvc {command}", shell=True, check=True, capture_output=True, text=True).stdout


def test_what_dvc_believes_to_be_there_is_uploaded(store: Path) -> None:
    dvc("push")
    lost, cut = [file for file in files(store) if file.read_text() in ("1\n", "2\n")]
    lost.unlink()
    cut.chmod(0o644)
    cut.write_text("")
    assert "up to date" in dvc("push")
    assert push("store") == f"store: {OBJECTS} of {OBJECTS} objects of dvc.lock; 2 uploaded"
    assert lost.exists() and cut.read_text() != ""
    assert push("store").endswith("; 0 uploaded")


def test_clone_pulls_everything(store: Path, tmp_path: Path) -> None:
    subprocess.run("git add . && git -c user.name=a -c user.email=b commit --quiet --message a", shell=True, check=True)
    subprocess.run(f"git clone --quiet . {tmp_path}/clone && cd {tmp_path}/clone && dvc pull --quiet", shell=True)
    assert (tmp_path / "clone/folder/3").read_text() == "3\n" and (tmp_path / "clone/file").exists()


def test_what_is_nowhere_is_named(store: Path) -> None:
    for file in files(store):
        if file.suffix != ".dir":
            file.unlink()
            Path(".dvc/cache/files/md5", *file.parts[-2:]).unlink()
    with pytest.raises(UserError, match=rf"^push: store: 1 of {OBJECTS} objects .* (file|folder), .*`dvc repro`"):
        push(None)
