"""A small pipeline that Snakemake runs in a fraction of a second: one metrics file made from params.yaml."""

import json
import subprocess
from pathlib import Path

from difflab.config.load import read_yaml

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

from difflab.config.load import read_section
from difflab.pipeline.run_records import note_params, recorded

def main():
    note_params("judge.training", training := read_section("judge.training"))
    seed = training["seed"]
    accuracy = 0.9 + seed / 10_000
    Path("metrics").mkdir(exist_ok=True)
    found = {"value": accuracy, "low": accuracy - 0.1, "high": 1.0}
    Path(f"metrics/{sys.argv[1]}.json").write_text(json.dumps({"accuracy": found}))

recorded(main)
"""
SNAKEFILE = """
rule make:
    output: "metrics/{name}.json"
    shell: "python stages/make.py {wildcards.name}"
"""


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def lock(params: dict) -> str:
    """A dvc.lock of the one stage with these parameters."""
    stage = {
        "cmd": "python stages/make.py m",
        "params": {"params.yaml": params},
        "outs": [{"path": "metrics/m.json", "md5": "0"}],
    }
    return json.dumps({"schema": "2.0", "stages": {"make": stage}})


def trained() -> dict:
    """The section of params.yaml that the stage reads, as dvc.lock has it."""
    return {"judge.training": read_yaml(Path("params.yaml"))["judge"]["training"]}
