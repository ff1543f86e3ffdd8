"""A stage in several processes of one machine, as `runtime.gpus` says."""

import subprocess
import sys
from pathlib import Path

import pytest

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
