"""`python sandbox.py LOCK stages/NAME.py …`: run a stage where only what it declares can be found.

The dvc.lock LOCK of an earlier run says what that is: its deps, its parameters with their values, and its outs.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

# Modules, and a package, that no stage declares, because they cannot change what it makes.
CANNOT_CHANGE_A_RESULT = {
    "src/difflab/params/": "has no defaults: what it reads is params.yaml, which is declared",
    "src/difflab/validation.py": "words of errors",
    "src/difflab/stage.py": "how a user's mistake ends a stage",
    "src/difflab/outputs.py": "a temporary name first, the name then",
    "src/difflab/progress.py": "what a bar shows",
    "src/difflab/resume.py": "where killed work goes on",
    "src/difflab/torchvision_cure.py": "makes an import succeed",
}


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """{"a.b": 1} as {"a": {"b": 1}}."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *sections, last = key.split(".")
        section = tree
        for name in sections:
            section = section.setdefault(name, {})
        section[last] = value
    return tree


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


def main(lock: str, *command: str) -> None:
    yaml = YAML(typ="safe")
    stages = yaml.load(Path(lock))["stages"].values()
    stage = next(stage for stage in stages if stage["cmd"] == " ".join(["python", *command]))
    with tempfile.TemporaryDirectory() as folder:
        deps = [dep["path"] for dep in stage["deps"]]
        packages = map(str, Path("src").rglob("__init__.py"))  # without them Python takes the installed difflab
        for path in {*deps, *packages, *CANNOT_CHANGE_A_RESULT}:
            copy(Path(path), Path(folder, path))
        yaml.dump(nested(stage.get("params", {}).get("params.yaml", {})), Path(folder, "params.yaml"))
        environment = os.environ | {"PYTHONPATH": f"{folder}/src"}
        if code := subprocess.run([sys.executable, *command], cwd=folder, env=environment).returncode:
            sys.exit(code)
        for out in stage["outs"]:
            copy(Path(folder, out["path"]), Path(out["path"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
