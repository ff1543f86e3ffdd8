"""A small pipeline that Snakemake runs in a fraction of a second: one metrics file made from params.yaml."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLAIMS = {
    "headline": {"m": ["accuracy"]},
    "claims": {
        "accurate": {"system": "digits", "text": "It is accurate", "holds_if": ["m:accuracy >= 0.8"]},
        "wide": {"system": "faces", "text": "It is certain", "holds_if": ["m:accuracy.low >= 0.85"]},
    },
}
# A training whose accuracy depends on its seed alone; `make.py` keeps a record, as a stage does.
STAGE = """
import json, sys
from pathlib import Path
from difflab.params import TrainingParams, load_section
from difflab.run_records import recorded

def main():
    seed = load_section(TrainingParams, "judge.training").seed
    accuracy = 0.9 + seed / 10_000
    Path("metrics").mkdir(exist_ok=True)
    Path("metrics/m.json").write_text(json.dumps({"accuracy": {"value": accuracy, "low": accuracy - 0.1, "high": 1.0}}))

recorded(main)
"""
SNAKEFILE = """
rule make:
    output: "metrics/m.json"
    shell: "python stages/make.py"
"""


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def lock(params: dict) -> str:
    """A dvc.lock of the one stage with these parameters."""
    stage = {
        "cmd": "python stages/make.py",
        "params": {"params.yaml": params},
        "outs": [{"path": "metrics/m.json", "md5": "0"}],
    }
    return json.dumps({"schema": "2.0", "stages": {"make": stage}})


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


def trained() -> dict:
    """The section of params.yaml that the stage reads, as dvc.lock has it."""
    from difflab.params import read_yaml

    return {"judge.training": read_yaml(Path("params.yaml"))["judge"]["training"]}
