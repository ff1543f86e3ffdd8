"""The real pipeline, in the smoke profile, by both runners."""

import json
import re
from pathlib import Path

import pytest
from documented import OF_THE_TUTORIAL, blocks, commands, is_shown, sessions
from repository import Repository

pytestmark = pytest.mark.pipeline

ETA_GRID = {"fetch", "data_dvc", "prepare_faces", "faces_faces", "sample_faces_faces", "eta_grid_faces"}
RECIPES = ("joint-cosine", "mnistm-linear", "unconditional-800")


def test_snakemake_makes_everything_from_what_is_declared(real: Repository) -> None:
    assert real.is_up_to_date()
    assert real.run("git status --short") == ""
    made = real.run("difflab results")
    for recipe in RECIPES:
        assert f"figures/grid_{recipe}.png" in made and f"figures/reverse_{recipe}.png" in made
        assert f"samples/{recipe}/" in made and f"metrics/{recipe}.json" in made
    for figure in ("eta_grid", "interpolation", "same_noise", "fid_study", "guidance", "few_steps_mnistm-linear"):
        assert f"figures/{figure}.png" in made
    for study in ("process", "successes_failures"):
        assert f"figures/{study}_unconditional-800.png" in made
    assert "figures/training_mnistm-linear.gif" in made
    assert "report/index.html" in made and (real / "report/index.html").stat().st_size < 20e6
    for figure in ("adaptation", "tsne_mnistm-usps_class", "zero_shot", "text_to_image", "controlnet", "multi_concept"):
        assert f"figures/{figure}.png" in made


def test_dvc_makes_the_same_bytes(real: Repository, tmp_path: Path) -> None:
    """One recipe, all the way to its samples; each stage in a Python of its own."""
    clone = Repository(real.clone(tmp_path / "clone").folder)
    made = clone.run("dvc repro sample@unconditional-800")
    for stage in ("fetch", "train@unconditional-800", "sample@unconditional-800"):
        assert f"Running stage '{stage}'" in made
    assert clone.run("git status --short") == ""  # dvc.lock is as Snakemake left it


FIT = "src/difflab/training/fit.py"
TRAINED_BY_FIT = {"judge", "train", "faces", "adapt", "autoencoder", "clip", "text_to_image", "controlnet"}
# Edits, each as text of a file and what replaces it, and the scripts of the stages that DVC then calls changed.
EDITS = {
    "a comment, a docstring, layout and a message": (
        {
            FIT: ("VALIDATION_BATCH = 256", "VALIDATION_BATCH = 256  # images"),
            "stages/data/fetch.py": ('"""', '"""Once more: '),
            "src/difflab/data/dataset.py": ("SPLITS: ", "\n\nSPLITS: "),
            "src/difflab/errors.py": ("error: ", "mistake: "),
        },
        set(),
    ),
    "the report": ({"src/difflab/report/tables.py": ("\nimport ", "\nimport sys\nimport ")}, {"report"}),
    "a stage": ({"stages/data/fetch.py": ("def main", "fetched = 1\n\n\ndef main")}, {"fetch"}),
    "fit": (
        {FIT: ("VALIDATION_BATCH = 256", "VALIDATION_BATCH = 128")},
        TRAINED_BY_FIT | {"invert", "custom_diffusion"},
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_an_edit_of_the_code_reruns(real: Repository, tmp_path: Path, edit: str) -> None:
    work = real.copy(tmp_path / "work")
    edits, scripts = EDITS[edit]
    for path, (old, new) in edits.items():
        text = (work / path).read_text()
        assert old in text
        (work / path).write_text(text.replace(old, new, 1))
    expected = {name for name in stages(work) if name.split("@")[0] in scripts}
    planned = work.planned()
    assert {re.sub(r"\W", "_", name) for name in expected - {"report"}} <= planned
    assert bool(planned) == bool(expected - {"report"})
    work.run("dvc repro code")
    changed = json.loads(work.run("dvc status --json"))
    assert {name for name, items in changed.items() if f"code/{name.split('@')[0]}.txt" in str(items)} == expected
    assert changed.keys() == expected


def stages(work: Repository) -> list[str]:
    return [line.split()[0] for line in work.run("dvc stage list --name-only").splitlines()]


def test_a_figure_takes_what_it_needs_and_no_more(real: Repository, tmp_path: Path) -> None:
    clone = real.clone(tmp_path / "clone")
    assert clone.planned("figures/eta_grid.png") == ETA_GRID
    graph = clone.run("snakemake --rulegraph")
    assert all(f'label = "{rule}"' in graph for rule in ETA_GRID)


def test_experiment_and_what_it_changes(real: Repository, tmp_path: Path) -> None:
    work = real.copy(tmp_path / "work")
    work.run("dvc exp run --set-param studies.guidance.num_images=30")
    params = json.loads(work.run("dvc params diff --json"))
    assert params["params.yaml"]["studies.guidance.num_images"]["new"] == 30
    metrics = json.loads(work.run("dvc metrics diff --json"))
    assert metrics["metrics/guidance.json"]["protocol.num_generated"]["new"] == 30
    assert work.is_up_to_date()


def test_documented_commands_run(real: Repository, tmp_path: Path) -> None:
    """Those that take seconds; test_documented_commands.py checks that what the others name is there."""
    quick = [
        "difflab plan",
        "difflab compare HEAD",
        "difflab why figures/same_noise.png --since HEAD",
        "difflab verify",
        "dvc exp show --only-changed",
        "dvc plots show --json",
    ]
    assert set(quick) <= set(commands())
    work = real.copy(tmp_path / "work")
    for command in quick:
        work.run(command)
    elsewhere = (OF_THE_TUTORIAL, "models:/")  # tests of the tutorial and of tracking make and load these
    programs = [program for program in blocks("python") if not any(name in program for name in elsewhere)]
    for number, program in enumerate(programs):
        (work / f"program_{number}.py").write_text(program)
    calls = "; ".join(f"runpy.run_path('program_{number}.py')" for number in range(len(programs)))
    Repository(work.folder).run(f'python -c "import difflab, runpy; {calls}"')


@pytest.mark.parametrize("page", sessions())
def test_documented_sessions_show_what_is_printed(real: Repository, tmp_path: Path, page: str) -> None:
    work = real.copy(tmp_path / "work")
    (work / "DATA_ROOT").mkdir()  # of a page's user, with nothing in it
    for command, expected in sessions()[page]:
        done = work.end(command)
        assert is_shown(done.stdout + done.stderr, expected), command
