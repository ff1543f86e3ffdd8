"""`python sandbox.py DECLARED ADDRESS stages/NAME.py …`: run a stage where only what it declares can be found.

The file DECLARED, which `declared` has written, says what that is; at ADDRESS is a warm Python.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import warm_python
from ruamel.yaml import YAML

# Modules and packages that no stage declares because they cannot change a result. test_exempt.py checks them.
CANNOT_CHANGE_A_RESULT = {
    "src/difflab/params/": "types and checks of params.yaml, whose values are declared; no defaults, nothing computed",
    "src/difflab/validation.py": "texts of errors",
    "src/difflab/declared_outputs.py": "refuses outputs that cannot be written",
    "src/difflab/errors.py": "how a stage ends with an error",
    "src/difflab/locks.py": "lets one process of a stage work at a time",
    "src/difflab/outputs.py": "writes under a temporary name, then renames",
    "src/difflab/progress.py": "progress bars",
    "src/difflab/resume.py": "folders of interrupted runs, and hashes of the files in them",
    "src/difflab/run_records.py": "when a stage ran",
    "src/difflab/tracking/": "sends training logs to MLflow",
    "src/difflab/work_folders.py": "where those of interrupted runs are; removes them",
}


def declared(folder: Path) -> dict[str, Any]:
    """By the commands of the stages of dvc.yaml in `folder`: their deps, the params.yaml they may see, their outs."""
    from dvc.dependency.param import ParamsDependency
    from dvc.repo import Repo
    from dvc.stage import PipelineStage

    params = YAML(typ="safe").load(folder / "params.yaml")
    with Repo(str(folder)) as repo:
        return {
            str(stage.cmd): {
                "deps": [dep.def_path for dep in stage.deps if not isinstance(dep, ParamsDependency)],
                "params": only(params, [k for d in stage.deps if isinstance(d, ParamsDependency) for k in d.params]),
                "outs": [out.def_path for out in stage.outs],
            }
            for stage in repo.index.stages
            if isinstance(stage, PipelineStage)
        }


def only(params: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    """`params` without all that none of the dotted `keys` names."""
    part: dict[str, Any] = {}
    for key in keys:
        *sections, last = key.split(".")
        source, target = params, part
        for name in sections:
            source, target = source[name], target.setdefault(name, {})
        target[last] = source[last]
    return part


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


def main(declared_file: str, address: str, *command: str) -> None:
    stage = json.loads(Path(declared_file).read_text())[" ".join(["python", *command])]
    with tempfile.TemporaryDirectory() as folder:
        packages = map(str, Path("src").rglob("__init__.py"))  # without them Python takes the installed difflab
        for path in {*stage["deps"], *packages, *CANNOT_CHANGE_A_RESULT, "dvc.yaml"}:
            copy(Path(path), Path(folder, path))
        YAML(typ="safe").dump(stage["params"], Path(folder, "params.yaml"))
        environment = os.environ | {"PYTHONPATH": f"{folder}/src"}
        if code := warm_python.run(address, list(command), folder, environment):
            sys.exit(code)
        for out in stage["outs"]:
            copy(Path(folder, out), Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
