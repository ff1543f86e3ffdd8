"""A stage in several processes of one machine, as `runtime.gpus` says."""

import subprocess
import sys
from pathlib import Path

import pytest

from difflab.pipeline.files import atomic_write
from difflab.pipeline.processes import own_folder

SCRIPT = """
import os
from pathlib import Path
from difflab.stage import Compute, run

def main(out: str, compute: Compute) -> None:
    Path(out, os.environ.get("RANK", "alone")).write_text(os.environ.get("WORLD_SIZE", "1"))

if __name__ == "__main__":
    run(main, shared=SHARED)
"""


@pytest.mark.parametrize(
    ("shared", "gpus", "found"),
    [(True, 2, {"0": "2", "1": "2"}), (True, 1, {"alone": "1"}), (True, 0, {"alone": "1"}), (False, 2, {"alone": "1"})],
)
def test_a_stage_starts_its_processes(tmp_path: Path, shared: bool, gpus: int, found: dict[str, str]) -> None:
    (tmp_path / "params.yaml").write_text(f"compute: {{threads: 1}}\nruntime: {{gpus: {gpus}}}\n")
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/some.py").write_text(SCRIPT.replace("SHARED", str(shared)))
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run([sys.executable, "stages/some.py", str(out)], cwd=tmp_path, check=True)
    assert {path.name: path.read_text() for path in out.iterdir()} == found


@pytest.fixture
def second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout, in the second process of a stage, and the user's images beside it, one folder of them in itself."""
    images, checkout = tmp_path / "images", tmp_path / "checkout"
    for folder in (images, checkout / "inputs", checkout / "models/a", checkout / ".cache"):
        folder.mkdir(parents=True)
    (images / "0.png").write_text("0")
    (images / "all").symlink_to(images)
    (checkout / "inputs/images").symlink_to(images)
    (checkout / "models/a/weights").write_text("old")
    monkeypatch.chdir(checkout)
    monkeypatch.setenv("RANK", "1")
    return checkout


def test_another_process_writes_beside_the_checkout(second: Path) -> None:
    with own_folder():
        assert not Path(".cache").exists()
        with atomic_write("models/a/weights") as partial:
            partial.write_text("new")
        assert Path("models/a/weights").read_text() == "new"
    assert Path("models/a/weights").read_text() == "old"


def test_a_folder_of_the_user_is_one_link(second: Path) -> None:
    """It may have millions of files, and lead to itself."""
    with own_folder():
        assert Path("inputs/images").is_symlink() and Path("inputs/images/0.png").read_text() == "0"
    assert (second / "inputs/images/all/0.png").exists()
