"""A system whose section params.yaml leaves out has no stages, for both runners and for the commands that read them."""

import json
import re
import shutil
from pathlib import Path

import pytest
from dvc.repo import Repo
from repository import Repository

from difflab.config.load import ParamsError
from difflab.config.params import OPTIONAL, load_params
from difflab.rehearsal.full_numbers import full_numbers
from difflab.rehearsal.small import small
from difflab.rehearsal.work import tree_of
from difflab.setup.check import check_params
from difflab.setup.inputs import named_inputs
from difflab.setup.profiles import compose, write_profile

ROOT = Path(__file__).parents[2]
FACES = {"faces", "sample_faces", "eta_grid", "interpolate_faces", "evaluate_faces"}
CLIP = {"circles", "clip", "zero_shot"}
TEXT_TO_IMAGE = {"autoencoder", "text_to_image", "evaluate_text_to_image"}
CONTROLNET = {"controlnet", "controlnet_samples", "evaluate_controlnet"}
ADAPTATION = {"scenario", "adapt", "evaluate_adaptation", "tsne"}
PERSONALIZATION = {"concept", "invert", "custom_diffusion", "sample_multi_concept", "multi_concept"}
# By the sections that are left out, the kinds of stages that then are not there.
LEFT_OUT = {
    "faces": FACES,
    "controlnet": CONTROLNET,
    "personalization": PERSONALIZATION,
    "adaptation": ADAPTATION,
    "text_to_image controlnet personalization": TEXT_TO_IMAGE | CONTROLNET | PERSONALIZATION,
    "circles clip zero_shot text_to_image controlnet personalization": CLIP
    | TEXT_TO_IMAGE
    | CONTROLNET
    | PERSONALIZATION,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With dvc.yaml and the default profile, as the working folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("conf", "pretrained"):
        Path(name).symlink_to(ROOT / name)
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, name)
    Repo.init(no_scm=True).close()
    return tmp_path


def stages(folder: Path) -> dict[str, set[str]]:
    """The names of the stages by kind."""
    found: dict[str, set[str]] = {}
    with Repo(str(folder)) as repo:
        for stage in repo.index.stages:
            found.setdefault(stage.addressing.partition("@")[0], set()).add(stage.addressing)
    return found


@pytest.mark.parametrize("sections", LEFT_OUT)
def test_a_section_that_is_left_out_has_no_stages(folder: Path, sections: str) -> None:
    before = stages(folder)
    write_profile("cpu", [f"~{name}" for name in sections.split()])
    after = stages(folder)
    assert before.keys() - after.keys() == LEFT_OUT[sections]
    assert after == {kind: names for kind, names in before.items() if kind in after}
    params = load_params()
    check_params(params)
    assert not {key.partition(".")[0] for key, _ in named_inputs(params)} & set(sections.split())
    numbers = full_numbers(params)
    cut, _ = small(params, 1, False, 1, numbers.classes)
    assert tree_of(cut).keys() == tree_of(params).keys()


@pytest.mark.parametrize(("name", "users"), OPTIONAL.items())
def test_what_others_need_cannot_be_left_out_alone(folder: Path, name: str, users: tuple[str, ...]) -> None:
    if users:
        with pytest.raises(ParamsError, match=f"^params.yaml: {name}: found null, .*because of {', '.join(users)}$"):
            write_profile("cpu", [f"~{name}"])
    with pytest.raises(ParamsError, match=f"^params.yaml: {name}: found null, allowed: a section"):
        write_profile("cpu", [f"{name}=null"])
    assert tree_of(load_params()).keys() == compose("cpu", []).keys()


def test_without_a_system_its_data_set_can_go_too(folder: Path) -> None:
    gone = [*OPTIONAL, "data.sets.faces", "data.sets.usps"]
    write_profile("cpu", [f"~{key}" for key in gone])
    assert stages(folder)["prepare"] == {f"prepare@{name}" for name in ("mnist", "mnistm", "svhn")}
    check_params(load_params())


def test_one_scenario_can_be_left_out(folder: Path) -> None:
    before = stages(folder)
    write_profile("cpu", ["~adaptation.scenarios.mnistm-usps"])
    after = stages(folder)
    gone = {kind: names - after.pop(kind) for kind, names in before.items()}
    methods = ("source-only", "dann", "dann-mcc", "target-only")
    assert not after and {kind: names for kind, names in gone.items() if names} == {
        "scenario": {"scenario@mnistm-usps"},
        "adapt": {f"adapt@mnistm-usps-{method}" for method in methods},
        "tsne": {"tsne@mnistm-usps"},
    }
    check_params(load_params())


def test_a_face_model_of_another_data_set(folder: Path) -> None:
    cats = ["~data.sets.faces", "data.sets.cats={source: embedded/faces, persons: prefix}"]
    write_profile("cpu", [*cats, "faces.data={cats: all}"])
    assert stages(folder)["faces"] == {"faces@cats"}
    with pytest.raises(ParamsError, match=r'faces.data: found \["mnist"\], allowed: a data set without classes: cats$'):
        write_profile("cpu", [*cats, "faces.data={mnist: all}"])


@pytest.mark.pipeline
def test_both_runners_plan_what_is_left(tmp_path: Path, warm_runners: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working tree in the smoke profile, without the faces and all that is made of circles."""
    work = Repository(tmp_path / "work", warm_runners)
    for name in Repository(ROOT).run("git ls-files --cached --others --exclude-standard").splitlines():
        if (ROOT / name).exists():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, work / name)
    gone = set().union(*LEFT_OUT.values())
    work.run(f"git init --quiet && difflab profile smoke {' '.join(f'~{name}' for name in OPTIONAL)}")
    work.commit("without systems")
    monkeypatch.chdir(work.folder)
    left = {name for names in stages(work.folder).values() for name in names}
    assert left and not {name.partition("@")[0] for name in left} & gone
    first = {"check_params", "code"}
    work.run("dvc repro " + " ".join(first))
    assert json.loads(work.run("dvc status --json")).keys() == left - first
    assert work.planned() == {re.sub(r"\W", "_", name) for name in left - first - {"report"}}
