"""Run records of stages that did not actually run."""

import hashlib
import time
from pathlib import Path
from typing import Any

from difflab.pipeline.run_records import RunRecord

TRAINING = {"recipes.a.training": {"seed": 0, "learning_rate": 0.1}}
LOG = ".cache/checkpoints/train-a-0123/train_log.jsonl"


def log_lines(*steps: int) -> str:
    return "".join(f'{{"step": {step}, "epoch": {step / 10}, "loss": {1 / step}}}\n' for step in steps)


def record(command: str, **changed) -> RunRecord:
    values: dict[str, Any] = {
        "command": f"python stages/{command}",
        "started": time.time() - 60,
        "ended": time.time(),
        "status": "finished",
        "commit": "c" * 40,
        "edited": False,
        "experiment": None,
        "params_sha256": hashlib.sha256(Path("params.yaml").read_bytes()).hexdigest(),
    }
    made = RunRecord(**values | changed)
    made.write()
    return made


def train(**changed) -> RunRecord:
    return record("train.py a", params=TRAINING, work_folders=[str(Path(LOG).parent)], **changed)
