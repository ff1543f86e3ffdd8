"""Outputs are written completely or not at all; errors name the file."""

import errno
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from difflab.pipeline.files import HOST, atomic_write
from difflab.pipeline.locks import alone


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def files() -> dict[str, str]:
    here = [path for path in sorted(Path().rglob("*")) if ".cache" not in path.parts]
    return {str(path): path.read_text() if path.is_file() else "folder" for path in here}


def test_a_folder_replaces_the_old_one():
    Path("out").mkdir()
    Path("out/old").touch()
    with atomic_write(Path("out")) as folder:
        folder.mkdir()
        (folder / "new").write_text("x")
        assert Path("out/old").exists()
    assert files() == {"out": "folder", "out/new": "x"}


def test_a_torn_write_keeps_the_old_file(monkeypatch):
    with atomic_write("out") as file:
        file.write_text("old")

    def killed(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt), atomic_write("out") as file:
        file.write_text("new")
    assert files() == {"out": "old"}


def test_all_reaches_the_disk_before_the_name_does(monkeypatch):
    synced: list[str] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(Path(f"/proc/self/fd/{fd}").readlink().name), fsync(fd)))
    with atomic_write("out") as folder:
        (folder / "inside").mkdir(parents=True)
        (folder / "inside/file").touch()
    assert synced == ["inside", "file", "out", Path.cwd().name]


def leave(name: str) -> Path:
    folder = Path(f"{name}.partial")
    folder.mkdir()
    (folder / "half").touch()
    return folder


DEAD = 2**22 + 1  # above Linux's largest number of a process


@pytest.mark.parametrize(
    ("left", "locked", "stays"),
    [
        ("out.HERE-DEAD", False, False),
        ("out.HERE-OWN", False, False),
        ("out.HERE-ALIVE", False, True),
        ("out.HERE-ALIVE", True, False),
        ("out.01234567-DEAD", False, True),
        ("out.01234567-DEAD", True, False),
        ("out.b.01234567-DEAD", True, True),
        ("other.01234567-DEAD", True, True),
        ("out.of the user's", True, True),
    ],
)
def test_what_dead_processes_left_is_removed(left, locked, stays):
    """Of another host nobody can tell who is dead, but while a process holds a lock no other writes the file."""
    for word, value in {"HERE": HOST, "OWN": os.getpid(), "ALIVE": os.getppid(), "DEAD": DEAD}.items():
        left = left.replace(word, str(value))
    folder = leave(left)
    if locked:
        with alone("stage"), atomic_write("out") as file:
            file.touch()
    else:
        with atomic_write("out") as file:
            file.touch()
    assert folder.exists() == stays


WRITER = """
import sys
from pathlib import Path
from difflab.pipeline.files import atomic_write

for k in range(15):
    with atomic_write("shared/out") as file:
        file.write_text(sys.argv[1] * 1000)
    text = Path("shared/out").read_text()
    assert text in ("a" * 1000, "b" * 1000), text[:10]
"""


def test_two_writers_of_one_file_do_not_disturb_each_other():
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, letter]) for letter in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert [path.name for path in Path("shared").iterdir()] == ["out"]


def copy(path: Path) -> None:
    shutil.copy("large", path)


def write_in_a_folder(path: Path) -> None:
    path.mkdir()
    (path / "x").write_text("x" * 10**5)


WRITERS = {
    "text": lambda path: path.write_text("x" * 10**5),
    "image": lambda path: Image.effect_noise((300, 300), 100).save(path),
    "safetensors": lambda path: save_file({"a": torch.zeros(10**5)}, path),
    "torch": lambda path: torch.save({"a": torch.zeros(10**5)}, path.open("wb")),
    "copy": copy,
    "in a folder": write_in_a_folder,
}


@pytest.fixture
def full_disk() -> Iterator[None]:
    """A limit of the size of files in place of a full disk, which takes a mount."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def large() -> Path:
    Path("large").write_bytes(b"x" * 10**4)
    return Path("large")


@pytest.mark.parametrize("kind", WRITERS)
def test_no_room_names_the_file_and_the_old_one_stays(large, full_disk, kind):
    Path("results").mkdir()
    Path("results/out.png").write_text("old")
    with pytest.raises(OSError) as full, atomic_write("results/out.png") as path:
        WRITERS[kind](path)
    assert (full.value.errno, full.value.filename) == (errno.EFBIG, "results/out.png")
    large.unlink()
    assert files() == {"results": "folder", "results/out.png": "old"}


def test_a_folder_is_not_replaced_by_a_file_nor_the_reverse():
    Path("folder").mkdir()
    Path("folder/mine").write_text("x")
    Path("file").write_text("y")
    before = files()
    with pytest.raises(OSError) as refused, atomic_write("folder") as path:
        path.touch()
    assert refused.value.filename == "folder" and refused.value.errno == errno.EISDIR
    with pytest.raises(OSError) as refused, atomic_write("file") as path:
        path.mkdir()
    assert refused.value.filename == "file" and refused.value.errno == errno.ENOTDIR
    with pytest.raises(OSError) as refused, atomic_write("file/x") as path:
        path.touch()
    assert refused.value.filename == "file"
    assert files() == before


def test_other_errors_stay_as_they_are():
    with pytest.raises(FileNotFoundError) as missing, atomic_write("out"):
        shutil.copy("nothing", "out")
    assert missing.value.filename == "nothing"
