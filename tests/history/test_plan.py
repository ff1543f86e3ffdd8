"""`difflab plan`: what would run, why, and how long it takes."""

import subprocess
import time
from pathlib import Path

import pytest
from dvc.repo import Repo

from difflab.errors import UserError
from difflab.history.dag import read_stages
from difflab.history.plan import REFERENCE, estimated_seconds, expected_seconds, params_digest, plan, report
from difflab.pipeline.run_records import RunRecord

ROOT = Path(__file__).parents[2]
PIPELINE = """
stages:
  check_params:
    cmd: mkdir -p inputs && cp params.yaml inputs/params.checked
    params: [params.yaml: ]
    outs: [inputs/params.checked: {persist: true}]
  make:
    cmd: python stages/make.py
    params: [make]
    deps: [inputs/params.checked, source.txt]
    outs: [made.txt]
  draw:
    cmd: python stages/draw.py
    deps: [made.txt]
    outs: [figure.txt]
  other:
    cmd: python stages/other.py
    deps: [inputs/params.checked]
    outs: [other.txt]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    Path("dvc.yaml").write_text(PIPELINE)
    Path("params.yaml").write_text("make: {rate: 0.1}\n")
    for name in ("source.txt", "made.txt", "figure.txt", "other.txt", "inputs/params.checked"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("1")
    subprocess.run(["git", "init", "--quiet"], check=True)
    with Repo.init() as repo:
        repo.commit(force=True)
    for name, seconds, params in (
        ("make", 900.0, {"make": {"rate": 0.2}}),
        ("make", 240.0, {"make": {"rate": 0.1}}),
        ("draw", 5.0, {}),
    ):
        now = time.time()
        RunRecord(
            command=f"python stages/{name}.py",
            started=now - seconds,
            ended=now,
            status="finished",
            commit=None,
            edited=False,
            experiment=None,
            params_sha256="",
            params=params,
        ).write()
    return tmp_path


def test_what_changed_and_all_below_it(folder: Path) -> None:
    assert report(plan()) == "Everything is up to date."
    Path("params.yaml").write_text("make: {rate: 0.3}\n")
    Path("source.txt").write_text("2")
    planned = {one.stage: one for one in plan()}
    assert list(planned) == ["check_params", "make", "draw"]  # what check_params leaves is always the same
    assert planned["make"].reasons == ["modified source.txt", "make.rate: 0.1 → 0.3"]
    assert planned["draw"].reasons == ["make runs"]
    lines = report(list(planned.values())).splitlines()
    assert lines[1].split() == ["make", "?", "modified", "source.txt,", "make.rate:", "0.1", "→", "0.3"]
    assert lines[-1].startswith("3 stages: 5 s one after the other, 5 s the longest chain;")


@pytest.mark.parametrize(("rate", "seconds"), [(0.1, 240), (0.2, 900), (0.3, None)])
def test_times_are_those_of_the_same_parameters(folder: Path, rate: float, seconds: float | None) -> None:
    """Not those of another profile, though its command is the same."""
    Path("params.yaml").write_text(f"make: {{rate: {rate}}}\n")
    Path("source.txt").write_text("2")
    (make,) = (one for one in plan() if one.stage == "make")
    assert make.seconds == (None if seconds is None else pytest.approx(seconds, abs=0.01))


def test_times_of_a_first_run_are_the_shipped_ones(folder: Path) -> None:
    REFERENCE.parent.mkdir()
    rows = ((0.3, 77.5), (0.1, 1.0))  # its own record of 0.1 is 240 s
    lines = (f"make,{params_digest({'make': {'rate': rate}})},{seconds}\n" for rate, seconds in rows)
    REFERENCE.write_text("stage,params,seconds\n" + "".join(lines))
    for rate, seconds in ((0.3, 77.5), (0.1, 240), (0.4, None)):
        Path("params.yaml").write_text(f"make: {{rate: {rate}}}\n")
        expected = expected_seconds(read_stages(Repo()))
        assert expected.get("make") == (None if seconds is None else pytest.approx(seconds, abs=0.01))
        assert expected["draw"] == pytest.approx(5, abs=0.01) and "other" not in expected


def test_a_stage_without_a_time_is_estimated_from_its_kind(folder: Path) -> None:
    pipeline = PIPELINE + "  more: {matrix: {item: [a, b, c]}, cmd: 'python stages/more.py ${item.item}'}\n"
    Path("dvc.yaml").write_text(pipeline)
    REFERENCE.parent.mkdir()
    digest = params_digest({})
    REFERENCE.write_text(f"stage,params,seconds\nmore@a,{digest},10\nmore@b,{digest},20\n")
    stages = read_stages(Repo())
    assert "more@c" not in expected_seconds(stages)
    estimated = estimated_seconds(stages)
    assert [estimated[f"more@{item}"] for item in "abc"] == [10, 20, 15] and "other" not in estimated


def test_damaged_times_are_one_line(folder: Path) -> None:
    REFERENCE.parent.mkdir()
    REFERENCE.write_text("stage,params,seconds\nmake,0,soon\n")
    with pytest.raises(UserError, match=f"^{REFERENCE}: "):
        plan()


def test_shipped_times_are_those_of_the_committed_parameters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of most stages: those of a parameter that has just been edited are measured in the next run."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))  # without run records
    stages = [stage for stage in read_stages(Repo()) if stage.command.startswith("python stages/")]
    expected = expected_seconds(stages)
    assert len(expected) > 0.8 * len(stages) > 60


def test_new_stage(folder: Path) -> None:
    pipeline = PIPELINE + "  more: {cmd: 'true', outs: [more.txt]}\n"
    Path("dvc.yaml").write_text(pipeline)
    (one,) = plan()
    assert (one.stage, one.reasons, one.seconds) == ("more", ["never run"], None)


def test_missing_output(folder: Path) -> None:
    Path("figure.txt").unlink()
    (one,) = plan()
    assert (one.stage, one.seconds) == ("draw", pytest.approx(5, abs=0.01))
    assert one.reasons == ["its output is deleted: figure.txt"]
