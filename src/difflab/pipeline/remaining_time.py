"""Progress of a run of the pipeline, and an estimate of the remaining time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

OVERHEAD = 3.0  # seconds that a job takes in addition to its stage: starting Python and DVC
PRIOR = 60.0  # seconds; weight of the prior pace of 1 against the measured pace


@dataclass(frozen=True)
class Job:
    """A job of Snakemake, which runs one stage."""

    stage: str
    seconds: float | None = None  # expected for the stage; None: unknown
    upstream: list[str] = field(default_factory=list)  # rules of the stages that produce its inputs
    needs: dict[str, int] = field(default_factory=dict)  # by limited resource: cores, jobs, gpu


JOBS: dict[str, Job] = {}  # all jobs of the Snakefile by rule, for the log handler, which knows only rules


class Run:
    """A run of planned jobs. Times are in seconds since the epoch."""

    def __init__(self, jobs: Mapping[str, Job], limits: Mapping[str, int], now: float) -> None:
        """`jobs` by rule; `limits`: the available amount of each resource."""
        self.jobs, self.limits, self.began = jobs, limits, now
        self.started: dict[str, float] = {}  # start times of running jobs
        self.taken: dict[str, float] = {}  # seconds that finished jobs took

    def start(self, rule: str, now: float) -> None:
        self.started[rule] = now

    def finish(self, rule: str, now: float) -> float:
        """Record the end of a job; returns its duration in seconds."""
        self.taken[rule] = now - self.started.pop(rule, now)
        return self.taken[rule]

    def stop(self, rule: str, now: float) -> float:
        """Record the failure of a job; returns its duration in seconds."""
        return now - self.started.pop(rule, now)

    @property
    def pace(self) -> float:
        """Time taken by the finished jobs divided by their expected time: above 1 on a slower machine.

        Jobs that took no longer than the overhead do not count: DVC had nothing to run.
        """
        pairs = [(taken, self._expected(rule)) for rule, taken in self.taken.items() if taken > 2 * OVERHEAD]
        known = [(taken, expected) for taken, expected in pairs if expected is not None]
        return (PRIOR + sum(taken for taken, _ in known)) / (PRIOR + sum(expected for _, expected in known))

    def seconds_left(self, now: float) -> float:
        """The longest chain of remaining jobs or, if greater, the load of the scarcest resource.

        The load is the sum of seconds times need over all jobs, divided by the limit: with two cores and one core per
        job, half of the sum of their seconds. A job with unknown time counts as the overhead.
        """
        pace, left = self.pace, dict[str, float]()
        for rule in self.jobs.keys() - self.taken.keys():
            seconds = (self._expected(rule) or OVERHEAD) * pace
            left[rule] = max(seconds - (now - self.started.get(rule, now)), 0.0)

        @cache
        def chain(rule: str) -> float:
            return left[rule] + max((chain(above) for above in self.jobs[rule].upstream if above in left), default=0.0)

        loads = [
            sum(left[rule] * min(self.jobs[rule].needs.get(resource, 0), limit) for rule in left) / limit
            for resource, limit in self.limits.items()
            if limit > 0
        ]
        return max([*map(chain, left), *loads], default=0.0)

    def _expected(self, rule: str) -> float | None:
        seconds = self.jobs[rule].seconds
        return None if seconds is None else seconds + OVERHEAD


def duration(seconds: float) -> str:
    """A duration as text, such as 95 s, 12 min or 3.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def time_left(run: Run, now: float) -> str:
    """Text such as "about 12 min left"; "at least" if the time of a job is unknown, "" if all are."""
    seconds, left = run.seconds_left(now), [job.seconds for rule, job in run.jobs.items() if rule not in run.taken]
    if not left or (None in left and not any(left)):
        return ""
    if None in left:
        return f"at least {duration(seconds)} left"
    return f"about {duration(seconds)} left" if seconds >= 60 else "under a minute left"
