"""Files are UTF-8, whatever the locale; ruff's PLW1514 sees to every `open`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ASCII = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
EDITS = r"""
from difflab.config.params import load_params
from difflab.setup.profiles import write_profile, write_recipe
root = "/home/jos\u00e9/\u6570\u636e"
write_profile("cpu", [f"data.root={root}"])
write_recipe("new", "alpha-500", [])
params = load_params()
assert params.data.root == root and "new" in params.recipes
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    base = tmp_path / "conf/cpu.yaml"
    base.write_text("# β, η, é\n" + base.read_text("utf-8"), "utf-8")
    return tmp_path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, *command], cwd=folder, env=os.environ | ASCII, capture_output=True)


def test_params_do_not_depend_on_the_locale(folder: Path) -> None:
    done = run(folder, "-c", EDITS)
    assert done.returncode == 0, done.stderr.decode()
    assert "root: /home/josé/数据" in (folder / "params.yaml").read_text("utf-8")
