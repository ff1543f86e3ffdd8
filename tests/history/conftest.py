"""A commit of the small pipeline, not run yet."""

import json
import shutil
from pathlib import Path

import pytest
from one_stage import CLAIMS, SNAKEFILE, STAGE, git, lock, trained

ROOT = Path(__file__).parents[2]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A commit of it, not run yet, as the working folder."""
    folder = tmp_path / "work"
    (folder / "stages").mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    Path("claims.yaml").write_text(json.dumps(CLAIMS))
    Path("stages/make.py").write_text(STAGE)
    Path("Snakefile").write_text(SNAKEFILE)
    Path("src").symlink_to(ROOT / "src")
    Path("dvc.lock").write_text(lock(trained()))
    Path("data.dvc").write_text("{}")
    Path(".gitignore").write_text(".cache/\n.snakemake/\n/metrics/\n")
    git("init", "--quiet")
    git("config", "user.name", "Test")
    git("config", "user.email", "test@example.org")
    git("add", "--all")
    git("commit", "--quiet", "--message", "first")
    return folder
