"""Outputs that could not be written or stored are refused before the work."""

import os
import sys
from pathlib import Path

import pytest

from difflab.errors import UserError
from difflab.pipeline.declared_outputs import check_outputs, declared_outputs, outputs_of
from difflab.pipeline.run_records import recorded

PIPELINE = """
stages:
  judge:
    matrix: {domain: [mnist, svhn]}
    cmd: python stages/judge.py ${item.domain}
    outs: ["models/judges/${item.domain}/"]
    metrics: [{"metrics/judge-${item.domain}.json": {cache: false}}]
  adapt:
    matrix: {scenario: [a-b], method: [dann]}
    cmd: python stages/adapt.py ${item.scenario} ${item.method}
    outs: ["models/adapt/${item.scenario}-${item.method}/"]
  sample:
    foreach: ${recipes}
    do:
      cmd: python stages/sample.py ${key}
      outs: ["samples/${key}/"]
  clip:
    cmd: python stages/clip.py
    outs: ["models/clip/"]
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch) -> None:
    (tmp_path / "repository").mkdir()
    monkeypatch.chdir(tmp_path / "repository")
    Path("dvc.yaml").write_text(PIPELINE)


@pytest.mark.parametrize(
    ("command", "outputs"),
    [
        ("python stages/judge.py svhn", ["models/judges/svhn/", "metrics/judge-svhn.json"]),
        ("python stages/adapt.py a-b dann", ["models/adapt/a-b-dann/"]),
        ("python stages/sample.py joint", ["samples/joint/"]),
        ("python stages/clip.py", ["models/clip/"]),
        ("python stages/clip.py --help", []),
        ("python other.py joint", []),
    ],
)
def test_outputs_of_a_command(command, outputs):
    assert outputs_of(command) == outputs


def test_without_a_pipeline_there_are_none():
    Path("dvc.yaml").unlink()
    assert outputs_of("python stages/clip.py") == declared_outputs() == []


def link_the_parent() -> None:
    Path("../big").mkdir()
    Path("samples").symlink_to("../big")


def link_the_folder() -> None:
    Path("../big").mkdir()
    Path("samples").mkdir()
    Path("samples/joint").symlink_to("../../big")


def link_to_nowhere() -> None:
    Path("samples").symlink_to("../not mounted")


def file_for_the_parent() -> None:
    Path("samples").touch()


def file_for_the_folder() -> None:
    Path("samples").mkdir()
    Path("samples/joint").touch()


REFUSED = {
    link_the_parent: r"^samples: found a link to \.\./big, ",
    link_the_folder: r"^samples/joint: found a link to \.\./\.\./big, ",
    link_to_nowhere: r"^samples: found a link to \.\./not mounted, ",
    file_for_the_parent: r"^samples: found a file, allowed: a folder$",
    file_for_the_folder: r"^samples/joint: found a file, allowed: a folder$",
}


@pytest.mark.parametrize("prepare", REFUSED)
def test_a_folder_that_is_none_is_refused_before_the_stage_works(prepare, monkeypatch):
    prepare()
    monkeypatch.setattr(sys, "argv", ["stages/sample.py", "joint"])
    with pytest.raises(UserError, match=REFUSED[prepare]):
        recorded(lambda: pytest.fail("it worked"))


def test_a_folder_in_place_of_a_file_is_refused():
    Path("metrics/judge-svhn.json").mkdir(parents=True)
    with pytest.raises(UserError, match=r"^metrics/judge-svhn\.json: found a folder, allowed: a file$"):
        check_outputs(outputs_of("python stages/judge.py svhn"))
    check_outputs(outputs_of("python stages/judge.py mnist"))


def test_a_folder_that_cannot_be_written_is_refused(monkeypatch):
    """Root may write anywhere, so the system is asked in a stand-in."""
    Path("models").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _: path != Path("models"))
    with pytest.raises(UserError, match=r"^models: found a folder that cannot be written, .*models/clip/$"):
        check_outputs(["models/clip/"])
    check_outputs(["samples/joint/"])


def test_the_root_of_another_disk_is_refused(monkeypatch):
    """It cannot be replaced; a folder on it can."""
    Path("models/clip").mkdir(parents=True)
    monkeypatch.setattr(Path, "is_mount", lambda path: path == Path("models/clip"))
    with pytest.raises(UserError, match=r"^models/clip: found the root of another disk"):
        check_outputs(["models/clip/"])
    check_outputs(["models/clip/inside/"])


def test_links_to_files_are_dvcs(tmp_path):
    """With `cache.type symlink` each output of DVC's is a link into its cache."""
    (tmp_path / "cached").touch()
    Path("prepared").mkdir()
    Path("prepared/a.safetensors").symlink_to(tmp_path / "cached")
    check_outputs(["prepared/a.safetensors"])


def test_check_looks_at_all_stages_with_templates_left():
    check_outputs(declared_outputs())
    link_the_parent()
    with pytest.raises(UserError, match=r"^samples: found a link"):
        check_outputs(declared_outputs())
