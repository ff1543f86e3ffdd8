"""Output of `snakemake`: one line for each finished stage and, on a terminal, one for the running stages.

The package snakemake_logger_plugin_difflab passes on Snakemake's log records; the full log is in `.snakemake/log/`.
"""

# Snakemake's plugin interface is untyped.
# pyright: reportMissingTypeStubs=false
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from snakemake_interface_logger_plugins.common import LogEvent
from tqdm import tqdm

from difflab.pipeline.locks import file_name
from difflab.pipeline.progress import last_lines, percent_done
from difflab.pipeline.remaining_time import JOBS, Job, Run, duration, time_left

LOGS = Path(".cache/logs")
SHOWN = 20  # lines shown from the log of a failed stage
# Events and messages that the lines of the stages replace.
HIDDEN = {LogEvent.WORKFLOW_STARTED, LogEvent.JOB_STARTED, LogEvent.GROUP_INFO, LogEvent.PROGRESS}
NOISE = (
    "Assuming unrestricted shared filesystem usage",
    "Building DAG of jobs",
    "Using shell: ",
    "Select jobs to execute",
    "Job rate limit reached",
    "Removing output files of failed job",
    "Shutting down, this might take some time",
    "Complete log(s): ",
    "Elapsed time: ",
)
INTERRUPTED = "Terminating processes on user request"
# Snakemake's errors that repeat that a job has failed.
REPEATED = ("CalledProcessError", "Exiting because a job execution failed", "At least one job did not complete")


def log_file(stage: str) -> Path:
    """The log file of a stage that Snakemake runs."""
    return LOGS / f"{file_name(stage)}.log"


class Terminal:
    """Prints the progress of a Snakemake run from its log records."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.limits: dict[str, int] = {}
        self.rules: dict[int, str] = {}  # by Snakemake's job number
        self.failed: list[str] = []  # stages
        self.interrupted = False
        self.run: Run | None = None
        self.bar: tqdm | None = None
        self.closed = threading.Event()
        self.lock = threading.Lock()  # log records and the refreshed line come from different threads

    def show(self, record: logging.LogRecord, text_of: Callable[[logging.LogRecord], str]) -> None:
        """Handle a log record: update the lines of the stages, or print `text_of(record)`, Snakemake's own text."""
        with self.lock:
            self._show(record, text_of)

    def close(self) -> None:
        """Print a summary of the run."""
        with self.lock:
            if self.run and not self.closed.is_set():
                self.closed.set()
                if self.bar is not None:
                    self.bar.close()
                self._say(self._summary(self.run, time.time()))

    def _show(self, record: logging.LogRecord, text_of: Callable[[logging.LogRecord], str]) -> None:
        event, about, now = getattr(record, "event", None), vars(record), record.created
        if event == LogEvent.RESOURCES_INFO:
            self.limits |= limits(about)
        elif event == LogEvent.RUN_INFO:
            planned = about["stats"].keys() - {"total"}
            self._begin({rule: JOBS.get(rule, Job(rule)) for rule in planned}, now)
        elif self.run and event == LogEvent.JOB_INFO:
            self.rules[about["jobid"]] = about["rule_name"]
            self.run.start(about["rule_name"], now)
        elif self.run and event == LogEvent.JOB_FINISHED:
            self._finish(self.run, self.rules[about["job_id"]], now)
        elif self.run and event == LogEvent.JOB_ERROR:
            self._fail(self.run, about["rule_name"], now)
        elif event not in HIDDEN:
            text = text_of(record)
            self.interrupted |= text.startswith(INTERRUPTED)
            hidden = NOISE if record.levelno < logging.WARNING else REPEATED
            if text and not any(part in text for part in hidden):
                self._say(text)

    def _begin(self, jobs: Mapping[str, Job], now: float) -> None:
        self.run = Run(jobs, self.limits, now)
        self.width = max(len(job.stage) for job in jobs.values())
        expected = time_left(self.run, now).removesuffix(" left") or "no times on record"
        self._say(f"{stages(len(jobs))} to run, {expected}; logs: {LOGS}/STAGE.log")
        if self.stream.isatty():
            form = "{n_fmt}/{total_fmt} {desc}"
            self.bar = tqdm(total=len(jobs), bar_format=form, leave=False, dynamic_ncols=True, file=self.stream)
            threading.Thread(target=self._refresh, daemon=True).start()

    def _finish(self, run: Run, rule: str, now: float) -> None:
        seconds, total = duration(run.finish(rule, now)), len(run.jobs)
        done = f"{len(run.taken):>{len(str(total))}}/{total}"
        self._say(f"{done}  {run.jobs[rule].stage:<{self.width}}  {seconds:>6}  {time_left(run, now)}".rstrip())
        if self.bar is not None:
            self.bar.update()

    def _fail(self, run: Run, rule: str, now: float) -> None:
        stage, seconds = run.jobs[rule].stage, run.stop(rule, now)
        if self.interrupted:
            return
        self.failed.append(stage)
        self._say(f"FAILED {stage} after {duration(seconds)}; the end of {log_file(stage)}:")
        for line in last_lines(log_file(stage), SHOWN):
            self._say(f"    {line}")

    def _summary(self, run: Run, now: float) -> str:
        counts = f"{len(run.taken)} of {stages(len(run.jobs))} finished in {duration(now - run.began)}"
        if self.failed:
            return f"{counts}, failed: {', '.join(self.failed)}. The same command continues."
        return f"{counts}." if len(run.taken) == len(run.jobs) else f"Stopped: {counts}. The same command continues."

    def _refresh(self) -> None:
        """Refresh the line of the running stages."""
        while not self.closed.wait(1):
            with self.lock:
                if self.run and self.bar is not None and not self.closed.is_set():
                    self.bar.set_description_str(running(self.run, time.time()))

    def _say(self, text: str) -> None:
        tqdm.write(text, file=self.stream)


def stages(count: int) -> str:
    return "1 stage" if count == 1 else f"{count} stages"


def limits(about: Mapping[str, object]) -> dict[str, int]:
    """The resource limits of a run, from an event of Snakemake."""
    provided = about.get("provided_resources") or {}
    gpu = getattr(provided.get("gpu"), "value", None) if isinstance(provided, Mapping) else None
    found = {"cores": about.get("cores"), "jobs": about.get("nodes"), "gpu": gpu}
    return {name: value for name, value in found.items() if isinstance(value, int)}


def running(run: Run, now: float) -> str:
    """The time left, and each running stage with its progress or, if its log has none, its elapsed time."""
    parts = [time_left(run, now)]
    for rule, started in run.started.items():
        stage = run.jobs[rule].stage
        percent = percent_done(log_file(stage))
        parts.append(f"{stage} {duration(now - started) if percent is None else f'{percent} %'}")
    return " · ".join(filter(None, parts))
