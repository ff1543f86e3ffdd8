"""Second runner of dvc.yaml: one Snakemake rule for each DVC stage; the DAG is defined in dvc.yaml alone.

DVC's hashes decide which stages are stale; Snakemake schedules them in parallel, and each job records its outputs in
dvc.lock. In dvc.yaml, folders among the outs end with "/", and `meta:` gives threads, mem_mb, runtime (minutes) and
gpu. A stage whose outs are all `persist: true` has no rule and runs first; a stage without outs runs last. The outputs
of rules are marked `update`, or Snakemake would delete them before a job, even if DVC then finds no change.
The output of a stage goes to .cache/logs/STAGE.log.
"""

import fcntl
import os
import re
import shlex
import shutil
import sys
import time
from functools import lru_cache, partial
from pathlib import Path

import networkx as nx
from dvc.dependency.param import ParamsDependency
from dvc.lock import LockError
from snakemake.persistence import FileBackupMixin

from difflab.pipeline.declared_outputs import check_outputs
from difflab.pipeline.dvc_repo import open_repo
from difflab.errors import UserError, call
from difflab.history.dag import read_stages
from difflab.history.dvc_lock import LOCK as DVC_LOCK
from difflab.history.mending import mend
from difflab.history.plan import estimated_seconds
from difflab.config.params import load_params
from difflab.pipeline.fingerprint import write_fingerprints
from difflab.pipeline.remaining_time import JOBS, Job
from difflab.pipeline.terminal import log_file
from difflab.history.revisions import Revision
from difflab.setup.check import check_params
from difflab.setup.inputs import link_inputs

# Stages run the commands of this environment, even if it is not activated.
BINARIES = str(Path(sys.executable).parent)
if BINARIES not in os.environ["PATH"].split(os.pathsep):
    os.environ["PATH"] = os.pathsep.join([BINARIES, os.environ["PATH"]])

JOB = f"{shlex.quote(sys.executable)} -m difflab.pipeline.job"  # `dvc repro` with less parsing
SMALL = 30  # minutes of `runtime`: connected stages up to this time share one cluster job
CHANGED = set()
SECONDS = {}
GPUS = 0


def restore_output(persistence, path, restore=FileBackupMixin.restore_output):
    """Remove the file first: Snakemake would copy the old output into it, and it may be a link to DVC's cache."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
    return restore(persistence, path)


FileBackupMixin.restore_output = restore_output


def is_changed(stage):
    """Whether the stage has changed according to DVC, or another DVC process is using it or its inputs."""
    try:
        return bool(stage.status())
    except LockError:
        return True


def open_repository():
    """Load and check the repository; an error in its files ends the run in one line."""
    global INDEX, CHANGED, LOCK, SECONDS, GPUS
    params = load_params()
    GPUS = params.runtime.gpus
    repository = open_repo()
    if workflow.is_main_process:
        with repository.lock:
            for line in mend():
                print(line, file=sys.stderr)
    if DVC_LOCK.exists():
        Revision(None).lock
    INDEX = repository.index
    INDEX.graph
    if workflow.is_main_process:  # jobs on a cluster also read this file
        Path(".snakemake").mkdir(exist_ok=True)
        LOCK = open(".snakemake/running", "w")
        try:  # replaces Snakemake's lock: the system frees it when this process ends
            fcntl.flock(LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError("another snakemake is running in this folder") from None
        shutil.rmtree(".snakemake/backups", ignore_errors=True)  # backups of outputs, left by a killed process
        check_params(params)
        link_inputs(params)  # DVC hashes the files behind the links,
        write_fingerprints()  # and these files
        with repository.lock:
            CHANGED = {stage.addressing for stage in INDEX.stages if is_changed(stage)}
        SECONDS = estimated_seconds(read_stages(repository))


call(open_repository)

OUTS = {o.def_path.rstrip("/"): o for o in INDEX.outs if not o.persist and not o.stage.frozen}
PERSISTENT = [o.def_path.rstrip("/") for o in INDEX.outs if o.persist]
WITHOUT_RULES = [s.addressing for s in INDEX.stages if s.outs and all(out.persist for out in s.outs)]
WITHOUT_OUTS = [stage.addressing for stage in INDEX.stages if stage.cmd and not stage.outs]
LAST = " ".join(WITHOUT_OUTS) or "all"  # run by the rule `all`
FOLDERS = {path for path, out in OUTS.items() if out.def_path.endswith("/") or out.hash_info.isdir}
call(lambda: check_outputs(f"{path}/" if path in FOLDERS else path for path in OUTS))
STAGES = {o.stage.addressing: o.stage for o in OUTS.values()}
STALE = Path(".snakemake/stale")  # always new: an input of every changed stage
if workflow.is_main_process:
    CHANGED &= STAGES.keys()
    STALE.write_text(str(time.time()))


onstart:
    shell("{JOB} {WITHOUT_RULES}")  # for dvc.lock


def is_forced(stage):
    """Whether the command line forces it or a stage upstream; known only once Snakemake plans the jobs."""
    settings = workflow.dag_settings
    names = {str(name).rstrip("/") for name in settings.forcerun}
    above = {stage, *nx.descendants(INDEX.graph, stage)}
    return settings.forceall or any(names & {rule_of(s), *(o.def_path.rstrip("/") for o in s.outs)} for s in above)


def producers(dep):
    """The outputs behind a DVC dependency, which may also be inside an output or a folder of several outputs."""
    dep = dep.rstrip("/")
    return [o for o in OUTS if f"{dep}/".startswith(f"{o}/") or o.startswith(f"{dep}/")] or [dep]


def inputs(stage, wildcards):
    """The inputs of the stage's job; modification times count only downstream of a changed stage."""
    deps = [d.def_path for d in stage.deps if not isinstance(d, ParamsDependency)]
    made = [dep for dep in deps if not any(f"{dep}/".startswith(f"{path}/") for path in PERSISTENT)]
    files = [p for dep in made for p in producers(dep)]
    if stage.addressing in CHANGED:
        return [*files, STALE]
    upstream_changed = any(s.addressing in CHANGED for s in nx.descendants(INDEX.graph, stage))
    return files if upstream_changed or is_forced(stage) else [ancient(f) for f in files]


rule all:
    input:
        list(OUTS),
    params:
        stages=WITHOUT_OUTS,
    log:
        log_file(LAST),
    localrule: True
    shell:
        "{JOB} {params.stages} > {log:q} 2>&1"


def needs(stage):
    need = {"threads": 1, "mem_mb": 1000, "runtime": 10, "gpu": 0} | (stage.meta or {})
    return need | {"gpu": min(need["gpu"], GPUS)}


def is_small(stage):
    return "gpu" not in (stage.meta or {}) and needs(stage)["runtime"] <= SMALL


@lru_cache(None)
def level(stage):
    """The most stages upstream on a path that are not small: there is none between two small ones of equal level."""
    above = INDEX.graph.successors(stage)
    return max((level(other) + (not is_small(other)) for other in above), default=0)


@lru_cache(None)
def minutes_left(stage):
    """The longest chain of `runtime`, in minutes, from the start of a stage to the end of the pipeline."""
    return needs(stage)["runtime"] + max(map(minutes_left, INDEX.graph.predecessors(stage)), default=0)


def rule_of(stage):
    return re.sub(r"\W", "_", stage.addressing)


JOBS["all"] = Job(LAST, 0, list(map(rule_of, STAGES.values())))

for stage in STAGES.values():
    need = needs(stage)
    # Only scripts in stages/ have run records; the others take seconds.
    seconds = SECONDS.get(stage.addressing, None if stage.cmd and "stages/" in stage.cmd else 0)
    limited = {"cores": need["threads"], "jobs": 1, "gpu": need["gpu"]}
    JOBS[rule_of(stage)] = Job(stage.addressing, seconds, list(map(rule_of, INDEX.graph.successors(stage))), limited)

    rule:
        name:
            rule_of(stage)
        input:
            partial(inputs, stage),
        output:
            [update(directory(p) if p in FOLDERS else p) for p, out in OUTS.items() if out.stage is stage],
        params:
            stage=stage.addressing,
            force=lambda wildcards, stage=stage: "--force" if is_forced(stage) else "",
        log:
            log_file(stage.addressing),
        group:
            f"small_{level(stage)}" if is_small(stage) else None
        threads: need["threads"]
        priority: minutes_left(stage)  # start the longest chain first, or it runs alone at the end
        resources:
            mem_mb=need["mem_mb"],
            runtime=need["runtime"],
            gpu=need["gpu"],
        shell:
            "{JOB} {params.force} {params.stage} > {log:q} 2>&1"
