"""Two small repositories: a commit of a pipeline that has not run yet, and one with a hand-written dvc.lock."""

import json
import shutil
from pathlib import Path

import pytest
from hand_written import Pipeline
from one_stage import CLAIMS, SNAKEFILE, STAGE, git, lock, trained

ROOT = Path(__file__).parents[2]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pipeline of one_stage.py, committed and not run, as the working folder."""
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


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return Pipeline(tmp_path)
