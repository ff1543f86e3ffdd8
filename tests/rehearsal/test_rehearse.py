"""A rehearsal runs the real scripts in a scratch folder, and leaves nothing."""

import shutil
from pathlib import Path

import pytest

from difflab.errors import UserError
from difflab.pipeline.locks import alone_if_free
from difflab.rehearsal import rehearse as rehearsal
from difflab.rehearsal.rehearse import rehearse
from difflab.setup.profiles import write_profile
from tests.factories import ROOT

pytestmark = pytest.mark.pipeline


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of DVC with the pipeline, its scripts and the smoke profile."""
    monkeypatch.chdir(tmp_path)
    for name in ("stages", "conf", "metrics"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    no_scm = true\n")
    write_profile("smoke", [])
    return tmp_path


def rows(text: str) -> dict[str, list[str]]:
    """Of the first table."""
    lines = text.partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name: values for name, *values in cells}


def test_a_stage_and_those_upstream_run_and_nothing_stays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path for path in folder.rglob("*") if ".cache" not in path.parts and ".dvc" not in path.parts}
    text = rehearse(["judge@mnist"], 2)
    found = rows(text)
    assert list(found) == ["prepare@mnist", "judge@mnist"]
    parameters, batch, resident, seconds, hours, problem = found["judge@mnist"]
    assert parameters.endswith(" M") and batch == "64" and seconds.endswith(" a step") and problem == ""
    assert 0.1 < float(resident) < 4 and hours == "< 0.1"
    assert found["prepare@mnist"][0] == "" and float(found["prepare@mnist"][2]) > 0.05
    assert "- data: random images" in text
    assert {path for path in folder.rglob("*") if ".cache" not in path.parts and ".dvc" not in path.parts} == before
    assert not (folder / rehearsal.FOLDER).exists()
    shown = capsys.readouterr().err.splitlines()
    assert shown[0].startswith("1 of 2  prepare@mnist: ") and shown[0].endswith(" GiB")
    assert shown[1] == f"2 of 2  judge@mnist: {resident} GiB, {seconds.removesuffix(' a step')} s a step"


def test_a_rehearsal_has_the_scratch_folder_for_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def begun(*_: object) -> str:
        with alone_if_free(rehearsal.LOCK) as free:
            return f"free: {free}"

    monkeypatch.setattr(rehearsal, "_rehearse", begun)
    assert rehearse([], 1) == "free: False"
    with alone_if_free(rehearsal.LOCK) as free:
        assert free


def test_a_stage_that_fails_is_named_with_its_reason(folder: Path) -> None:
    Path("stages/data/prepare.py").write_text("import sys\nsys.exit('error: no room')\n")
    found = rows(rehearse(["judge@mnist"], 1))
    assert found["prepare@mnist"][-1] == "failed: error: no room"
    assert found["judge@mnist"][-1] == "not run: prepare@mnist is missing"


def test_a_stage_that_the_system_kills_is_named(folder: Path) -> None:
    Path("stages/data/prepare.py").write_text("import os\nprint('half way', flush=True)\nos.kill(os.getpid(), 9)\n")
    assert rows(rehearse(["prepare@mnist"], 1))["prepare@mnist"][-1] == "killed by signal 9"


def test_a_stage_that_takes_too_long_is_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("stages/data/prepare.py").write_text("while True:\n    pass\n")
    monkeypatch.setattr(rehearsal, "SLOWEST", 0.5)
    assert rows(rehearse(["prepare@mnist"], 1))["prepare@mnist"][-1] == "stopped after 0.5 s"


def test_a_stage_that_fills_the_memory_is_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("stages/data/prepare.py").write_text("import time\nx = bytearray(200 << 20)\ntime.sleep(600)\n")
    monkeypatch.setattr(rehearsal, "available_memory", lambda: 100 << 20)
    assert rows(rehearse(["prepare@mnist"], 1))["prepare@mnist"][-1].startswith(
        "stopped: it took more than the 0.1 GiB"
    )


@pytest.mark.parametrize("name", ["nosuch", "report", "train@nosuch"])
def test_an_unknown_stage_is_one_line(folder: Path, name: str) -> None:
    with pytest.raises(UserError, match=rf"^rehearse: found '{name}', allowed: .*train"):
        rehearse([name], 2)


def test_a_number_of_steps_is_positive(folder: Path) -> None:
    with pytest.raises(UserError, match=r"^--steps: found 0, allowed: 1 and above$"):
        rehearse([], 0)
