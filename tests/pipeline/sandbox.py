"""`python sandbox.py DECLARED ADDRESS stages/NAME.py …`: run a stage in a folder with only its declared inputs.

The file DECLARED, which `declared` has written, says what that is; at ADDRESS is a warm Python.
"""

import json
import os
import shutil
import sys
import tempfile
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from difflab.pipeline.fingerprint import CANNOT_CHANGE_A_RESULT, parse
from tests.warm_client import Job


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
    """`params` without all that none of the dotted `keys` names, but `runtime`, which no stage declares."""
    part: dict[str, Any] = {"runtime": params["runtime"]} if "runtime" in params else {}
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
        shutil.copy2(source, target)
        compiled = Path(cache_from_source(source))
        if source.suffix == ".py" and compiled.exists():  # which goes by the time of its source
            copy(compiled, Path(cache_from_source(target)))


def main(declared_file: str, address: str, *command: str) -> None:
    stage = json.loads(Path(declared_file).read_text())[" ".join(["python", *command])]
    with tempfile.TemporaryDirectory() as folder:
        fingerprints = [Path(dep) for dep in stage["deps"] if dep.startswith("code/")]
        modules = {path.partition(":")[0] for file in fingerprints for path in parse(file.read_text())}
        packages = map(str, Path("src").rglob("__init__.py"))  # without them Python takes the installed difflab
        for path in {*stage["deps"], *modules, *packages, *CANNOT_CHANGE_A_RESULT, "dvc.yaml"}:
            copy(Path(path), Path(folder, path))
        YAML(typ="safe").dump(stage["params"], Path(folder, "params.yaml"))
        environment = os.environ | {"PYTHONPATH": f"{folder}/src"}
        if code := Job(address, command, folder, environment).wait():
            sys.exit(code)
        for out in stage["outs"]:
            copy(Path(folder, out), Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
