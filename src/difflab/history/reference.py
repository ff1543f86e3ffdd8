"""reference.json: the spread of the headline measurements over training seeds.

As for the reference convergence points of MLPerf training, the pipeline runs once for each of several training seeds;
any later run, on any machine, is one more sample from that distribution.
"""

# scipy and ruamel.yaml are untyped.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
from __future__ import annotations

import hashlib
import json
import math
import platform
import re
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from difflab.config.params import Params, load_params
from difflab.config.training import trainings
from difflab.config.validation import explain
from difflab.errors import UserError, read_json
from difflab.history.changes import flat
from difflab.history.claims import load_claims
from difflab.history.clones import run_in_clone
from difflab.history.dvc_lock import IMPORT, LOCK, Lock, parse_lock, upstream
from difflab.history.measurements import ENDS, Numbers, bounds_of, read_metrics
from difflab.history.revisions import git, resolve
from difflab.pipeline.files import atomic_write

FILE = Path("reference.json")
ROOT = Path(".cache/reference")
STRIDE = 100  # between the seeds of two runs: a repeated training takes seed, seed + 1, …
GIVEN = ("faces.checkpoint", "clip.pretrained", "text_to_image.pretrained")  # if not null, their stages do not train
SOURCES = ("src", "stages", "conf", "dvc.yaml", "params.yaml", "metrics/*.yaml")


class FileReference(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: str  # hash of all parameters upstream except training seeds and `compute`
    commit: str  # commit of the runs
    machine: str
    numbers: dict[str, list[float]]  # by name, with `.low` and `.high`: one value for each of the first seeds

    @property
    def num_seeds(self) -> int:
        return max(map(len, self.numbers.values()), default=0)


class Reference(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    seeds: list[int]  # added to every training seed of params.yaml
    files: dict[str, FileReference]  # by metrics file

    @property
    def commits(self) -> list[str]:
        return sorted({file.commit for file in self.files.values()})

    @property
    def machines(self) -> list[str]:
        return sorted({file.machine for file in self.files.values()})

    def of_seed(self, index: int) -> dict[str, Numbers]:
        """The numbers of one run by metrics file, for files that have this seed."""
        return {
            file: {name: values[index] for name, values in found.numbers.items()}
            for file, found in self.files.items()
            if index < found.num_seeds
        }


def load_reference(path: str | Path = FILE) -> Reference | None:
    """Read the reference; None if there is no such file. Raises UserError if it is not valid."""
    if not Path(path).exists():
        return None
    try:
        return Reference.model_validate(read_json(path))
    except ValidationError as error:
        raise UserError(f"{path}: {explain(error, read_json(path), '')}") from None


def prediction_interval(numbers: dict[str, list[float]], name: str) -> tuple[float, float] | None:
    """The 95 % interval for the value of one more training; None if neither seeds nor sampling vary.

    Student's t for a new observation, mean ± t(k − 1) s √(1 + 1/k) of the k seeds, clipped to the possible values. Few
    seeds can agree by chance, and all share their starting noises, so the interval is at least as wide as the mean
    sampling interval (`.low` to `.high`), if the measurement has one.
    """
    from scipy.stats import t

    values = np.array(numbers[name])
    k, mean = len(values), float(values.mean())
    half = float(t.ppf(0.975, k - 1) * values.std(ddof=1) * math.sqrt(1 + 1 / k))
    below = above = half
    if all(name + end in numbers for end in ENDS):
        below = max(half, float(np.mean(values - np.array(numbers[f"{name}.low"]))))
        above = max(half, float(np.mean(np.array(numbers[f"{name}.high"]) - values)))
    least, greatest = bounds_of(name)
    return (max(mean - below, least), min(mean + above, greatest)) if below + above > 0 else None


def training_seed_keys(params: Params) -> list[str]:
    """The dotted keys of all training seeds."""
    return [f"{key}.seed" for key, _ in trainings(params)]


def experiment(lock: Lock, path: str, seed_keys: list[str]) -> str | None:
    """Hash of the parameters upstream of the file `path`, without training seeds and `compute`; None if not in `lock`.

    Two runs of one experiment can differ in machine, training seed or code.
    """
    stages = upstream(lock, path)
    params = {key: value for stage in stages for key, value in flat(stage.params).items()}
    kept = {k: v for k, v in params.items() if k not in seed_keys and not k.startswith("compute.")}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16] if stages else None


def rests_on_one_model(lock: Lock, path: str, seed_keys: list[str]) -> bool:
    """Whether no training seed can change the file `path`, because all models upstream of it are pretrained."""
    stages = upstream(lock, path)
    trainings = [stage for stage in stages if all(stage.params.get(key) is None for key in GIVEN)]
    return bool(stages) and not any(key in seed_keys for stage in trainings for key in flat(stage.params))


def make_reference(num_seeds: int, files: list[str], revision: str = "HEAD", path: Path = FILE) -> Reference:
    """Run `revision` with `num_seeds` training seeds, each in a clone below `.cache/reference/`, and write `path`.

    `files`: the metrics files to produce, by stem; if empty, all in claims.yaml. `path` is written after every run from
    the second on. Other files of the same experiment, and further seeds of the same commit, are kept. Raises UserError
    if `revision` is HEAD and sources differ from it, or if a run fails.
    """
    named = load_claims().files
    if num_seeds < 2:
        raise UserError(f"--seeds: found {num_seeds}, allowed: integer ≥ 2")
    if unknown := [file for file in files if file not in named]:
        known = ", ".join(named) or "none, as claims.yaml names none"
        raise UserError(f"reference: found {unknown[0]!r}, allowed: {known}")
    if revision == "HEAD" and git("status", "--porcelain", "--", *SOURCES):
        raise UserError("reference: found sources that differ from HEAD, allowed: a commit, which the file then names")
    commit = resolve(revision)
    seeds, chosen = [STRIDE * number for number in range(num_seeds)], files or named
    folders = [ROOT / commit[:12] / f"seed-{seed}" for seed in seeds]
    reference = None
    for k, (seed, folder) in enumerate(zip(seeds, folders, strict=True), start=1):
        run_in_clone(folder, commit, [f"metrics/{file}.json" for file in chosen], partial(add_seed, seed=seed))
        if k > 1:
            reference = _extended(collect(commit, seeds[:k], folders[:k], chosen), path, folders[0])
            with atomic_write(path) as temporary:
                temporary.write_text(as_json(reference), encoding="utf-8")
    assert reference
    return reference


def _extended(reference: Reference, path: Path, folder: Path) -> Reference:
    """`reference` with other files of `path` of the clone's experiment, and further seeds of the same commit."""
    before = load_reference(path)
    if before is None:
        return reference
    lock, seed_keys = _lock_of(folder)

    def is_kept(name: str, old: FileReference) -> bool:
        if new := reference.files.get(name):
            return old.commit == new.commit and old.num_seeds > new.num_seeds
        return old.experiment == experiment(lock, f"metrics/{name}.json", seed_keys)

    kept = {name: old for name, old in before.files.items() if is_kept(name, old)}
    files = reference.files | kept
    seeds = max(before.seeds, reference.seeds, key=len)
    return Reference(seeds=seeds[: max(file.num_seeds for file in files.values())], files=files)


def _lock_of(folder: Path) -> tuple[Lock, list[str]]:
    """The dvc.lock of a clone, and the keys of its training seeds."""
    lock = parse_lock((folder / LOCK).read_bytes(), (folder / IMPORT).read_bytes(), str(folder))
    return lock, training_seed_keys(load_params(folder / "params.yaml"))


def as_json(reference: Reference) -> str:
    """JSON with one line for each number."""
    text = json.dumps(reference.model_dump(), indent=1)
    return re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def add_seed(clone: Path, seed: int) -> None:
    """Add `seed` to every training seed of the clone's params.yaml."""
    from ruamel.yaml import YAML

    file, yaml = clone / "params.yaml", YAML()
    tree = yaml.load(file)
    for key in training_seed_keys(load_params(file)):
        *sections, last = key.split(".")
        node = tree
        for name in sections:
            node = node[name]
        node[last] += seed
    with atomic_write(file) as temporary:
        yaml.dump(tree, temporary)


def collect(commit: str, seeds: list[int], folders: list[Path], files: list[str]) -> Reference:
    """The numbers of the metrics files in `folders`, one for each seed; numbers that any run lacks are left out."""
    lock, seed_keys = _lock_of(folders[0])
    collected: dict[str, FileReference] = {}
    for file in files:
        runs = [read_metrics(folder / f"metrics/{file}.json").numbers for folder in folders]
        names = [name for name in runs[0] if all(name in run for run in runs)]
        kind = experiment(lock, f"metrics/{file}.json", seed_keys)
        numbers = {name: [float(f"{run[name]:.6g}") for run in runs] for name in names}
        collected[file] = FileReference(experiment=kind or "", commit=commit, machine=machine(), numbers=numbers)
    return Reference(seeds=seeds, files=collected)


def machine() -> str:
    """The CPU, the vector instructions that torch uses, and the version of torch."""
    import torch

    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    return f"{processor}, {torch.backends.cpu.get_cpu_capability()}, torch {torch.__version__}"
