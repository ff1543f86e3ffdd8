"""The overhead of `dvc repro` beyond the work of its stages, and the share of imports in that work.

Runs the whole pipeline in a fresh clone. DVC starts the stages through a shell script that records their times, so all
stages of dvc.yaml are covered.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.timing import header, row

# DVC calls `$SHELL … -c COMMAND`. The import times of each stage go to a separate file.
SHELL = """#!/bin/sh
start=$(date +%s.%N)
PYTHONPROFILEIMPORTTIME=1 /bin/sh "$@" 2>"$BENCH_LOG/$DVC_STAGE.imports"
status=$?
echo "$DVC_STAGE $start $(date +%s.%N)" >>"$BENCH_LOG/times"
exit $status
"""


def reproduce(profile: str, targets: list[str], folder: Path) -> float:
    """Seconds of `dvc repro` in a new clone under `folder`; its stages' times and imports go to `folder`/log."""
    clone, log, shell = folder / "clone", folder / "log", folder / "sh"
    subprocess.run(["git", "clone", "--quiet", ".", clone], check=True)
    log.mkdir()
    shell.write_text(SHELL)
    shell.chmod(0o755)
    environment = os.environ | {
        "PYTHONPATH": str(clone / "src"),
        "DVC_SITE_CACHE_DIR": str(folder / "dvc"),
        "SHELL": str(shell),
        "BENCH_LOG": str(log),
    }
    subprocess.run(["difflab", "profile", profile], cwd=clone, env=environment, check=True, stdout=subprocess.DEVNULL)
    start = time.perf_counter()
    done = subprocess.run(["dvc", "repro", *targets], cwd=clone, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}")
    return seconds


def stage_seconds(log: Path) -> dict[str, float]:
    """Wall time of each stage's command."""
    lines = [line.split() for line in (log / "times").read_text().splitlines()]
    return {stage: float(end) - float(start) for stage, start, end in lines}


def import_seconds(log: Path, stage: str) -> float:
    """Seconds that the processes of a stage spent importing: the sum of each module's own time."""
    report = (log / f"{stage}.imports").read_text(errors="replace")
    return sum(int(microseconds) for microseconds in re.findall(r"import time: +(\d+) \|", report)) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="smoke")
    parser.add_argument("targets", nargs="*", help="stages or files; none: all")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wall = reproduce(args.profile, args.targets, Path(folder))
        log = Path(folder, "log")
        stages = stage_seconds(log)
        imports = {stage: import_seconds(log, stage) for stage in stages}
    work = sum(stages.values())
    print(f"Profile {args.profile}, {len(stages)} stages: `dvc repro` {wall:.1f} s, inside the stages {work:.1f} s.")
    print(f"Orchestration {wall - work:.1f} s: {1 - work / wall:.0%} of the wall time, ", end="")
    print(f"{(wall - work) / len(stages):.2f} s a stage.")
    print(f"Imports {sum(imports.values()):.1f} s: {sum(imports.values()) / work:.0%} of the stages' time.\n")
    kinds: dict[str, list[str]] = {}
    for stage in stages:
        kinds.setdefault(stage.partition("@")[0], []).append(stage)
    header("stages", "number", "seconds", "of them importing")
    for kind, members in kinds.items():
        seconds, importing = (sum(of[stage] for stage in members) for of in (stages, imports))
        row(kind, len(members), f"{seconds:.1f}", f"{importing:.1f}")


if __name__ == "__main__":
    main()
