"""A repository with a hand-written dvc.lock: source → data → model → metrics and a figure."""

import hashlib
import json
import subprocess
from pathlib import Path

import yaml

METRICS = {"num_images": 10, "accuracy": {"value": 0.8, "low": 0.7, "high": 0.9}, "loss": 0.25}


class Pipeline:
    """Its stages copy what they read, so that the lock can be written without running anything."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.git("init", "--quiet")
        self.git("config", "user.name", "Test")
        self.git("config", "user.email", "test@example.org")
        (folder / ".gitignore").write_text(".cache/\n")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def make(self, message: str, rate: float = 0.1, code: str = "v1", metrics: dict = METRICS) -> str:
        """Run the whole pipeline in this configuration and commit; the commit."""
        write = {
            "params.yaml": f"train:\n  rate: {rate}\n",
            "src/train.py": code,
            "data/a.txt": "data",
            "models/m/weights": f"{rate} {code}",
            "figures/f.png": f"drawn {rate} {code}",
            "metrics/m.json": json.dumps(metrics),
            "metrics/cases.csv": "true,predicted\n",
        }
        for name, text in write.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text)
        md5 = {name: hashlib.md5(text.encode()).hexdigest() for name, text in write.items()}
        md5["models/m/"] = md5.pop("models/m/weights") + ".dir"
        stages = {
            "prepare": ("prepare.py", [], ["data/a.txt"], {}),
            "train@m": ("train.py m", ["src/train.py", "data/a.txt"], ["models/m/"], {"train": {"rate": rate}}),
            "evaluate": ("evaluate.py", ["models/m/"], ["metrics/cases.csv", "metrics/m.json", "figures/f.png"], {}),
        }
        lock = {
            name: {
                "cmd": f"python stages/{command}",
                "deps": [{"path": path, "md5": md5[path]} for path in deps],
                "params": {"params.yaml": params},
                "outs": [{"path": path, "md5": md5[path]} for path in outs],
            }
            for name, (command, deps, outs, params) in stages.items()
        }
        (self.folder / "dvc.lock").write_text(yaml.dump({"schema": "2.0", "stages": lock}))
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")
