"""The estimate of a run: chains, loads, and the pace of this machine."""

import pytest

from difflab.pipeline.remaining_time import OVERHEAD, PRIOR, Job, Run, duration, time_left


def job(seconds: float | None, *upstream: str, cores: int = 1, gpu: int = 0) -> Job:
    """`seconds` of the whole job, with the overhead."""
    return Job("", None if seconds is None else seconds - OVERHEAD, list(upstream), {"cores": cores, "gpu": gpu})


def test_longest_chain_or_load_of_the_cores() -> None:
    jobs = {"a": job(100), "b": job(50, "a"), "c": job(200), "d": job(10, "b", "c")}
    assert Run(jobs, {"cores": 4}, now=0).seconds_left(0) == pytest.approx(200 + 10)
    assert Run(jobs, {"cores": 2}, now=0).seconds_left(0) == pytest.approx(210)
    assert Run(jobs, {"cores": 1}, now=0).seconds_left(0) == pytest.approx(360)
    assert Run(jobs, {}, now=0).seconds_left(0) == pytest.approx(210)


def test_jobs_of_several_cores_and_of_one_gpu() -> None:
    jobs = {"a": job(100, cores=2), "b": job(100, cores=8), "c": job(30, gpu=1), "d": job(40, gpu=1)}
    assert Run(jobs, {"cores": 4}, now=0).seconds_left(0) == pytest.approx((200 + 400 + 30 + 40) / 4)
    assert Run({"c": jobs["c"], "d": jobs["d"]}, {"cores": 4, "gpu": 1}, now=0).seconds_left(0) == pytest.approx(70)


def test_finished_and_running_jobs() -> None:
    run = Run({"a": job(100), "b": job(100, "a"), "c": job(40)}, {"cores": 2}, now=1000)
    run.start("a", 1000)
    run.start("c", 1000)
    assert run.seconds_left(1030) == pytest.approx(70 + 100)
    assert run.finish("a", 1100) == 100
    run.start("b", 1100)
    assert run.seconds_left(1150) == pytest.approx(50)
    assert run.seconds_left(9999) == 0  # no negative time for jobs that take longer than expected


def test_pace_is_that_of_this_machine() -> None:
    """Ten times as fast as expected; a job in which nothing ran says nothing."""
    run = Run({"a": job(600), "b": job(600), "c": job(600)}, {"cores": 1}, now=0)
    run.start("a", 0)
    run.finish("a", 60)
    assert run.pace == pytest.approx((PRIOR + 60) / (PRIOR + 600))
    run.start("b", 60)
    run.finish("b", 60 + OVERHEAD)
    assert run.pace == pytest.approx((PRIOR + 60) / (PRIOR + 600))
    assert run.seconds_left(60) == pytest.approx(600 * run.pace)


def test_unknown_times_are_named_as_such() -> None:
    run = Run({"a": job(600), "b": job(None)}, {"cores": 1}, now=0)
    assert time_left(run, 0) == "at least 10 min left"
    run.start("b", 0)
    run.finish("b", 900)
    assert time_left(run, 900) == "about 10 min left"
    assert time_left(Run({"a": job(50)}, {}, now=0), 0) == "under a minute left"
    assert time_left(Run({"a": job(None), "b": job(OVERHEAD)}, {}, now=0), 0) == ""
    assert time_left(Run({}, {}, now=0), 0) == ""


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (119, "119 s"), (150, "2 min"), (9000, "2.5 h")])
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
